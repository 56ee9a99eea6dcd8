-- The journal by months, and its head.
--
-- Twenty years of entries are too many for one table: to vacuum, to index, to keep on the disk that fits their age. So
-- the journal is partitioned by the month of an entry's time, in Shanghai. By time and not by number, since a month's
-- first and last moment are known long before it comes, and its first number only when it is there: months can be made
-- ahead, and nothing has to be cut while orders wait.
--
-- A unique key of a partitioned table holds the time as well, so the number alone is kept unique by the journal's head:
-- one row with number, time and digest of the last entry, moved on by the trigger that judges an insertion. Each
-- insertion has to begin at the number after it, be gapless, not run backwards, and continue its digest. So a second
-- writer, or one that lost its place, is refused by the database and not only by its own care, and whoever writes with
-- rights to insert cannot break the chain.
--
-- What refers to an entry by its number is held against the head: every number up to there is in the journal, for ever.
--
-- An entry whose month nobody made goes to journal_rest, and stays there: it is never refused for want of a table.

CREATE TABLE journal_head (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    seq      bigint  NOT NULL CHECK (seq >= 0),
    at_ns    bigint  NOT NULL,
    digest   bytea   NOT NULL CHECK (length(digest) = 32)
) WITH (fillfactor = 10);  -- it changes with every batch, in place

INSERT INTO journal_head (seq, at_ns, digest)
SELECT coalesce(last.seq, 0), coalesce(last.at_ns, 0), coalesce(last.digest, decode(repeat('00', 32), 'hex'))
FROM (SELECT) AS always LEFT JOIN (SELECT * FROM journal ORDER BY seq DESC LIMIT 1) AS last ON true;

CREATE FUNCTION refuse_going_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq <= OLD.seq OR NEW.at_ns < OLD.at_ns OR pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'the head of the journal follows the journal: % refused', TG_OP
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER follows_the_journal BEFORE UPDATE ON journal_head FOR EACH ROW EXECUTE FUNCTION refuse_going_back();
ALTER TABLE journal_head ENABLE ALWAYS TRIGGER follows_the_journal;
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON journal_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE journal_head ENABLE ALWAYS TRIGGER append_only;

-- A function that runs with the owner's rights: what it names must be what is meant, and nobody calls it by hand.
CREATE FUNCTION act_as_owner(what regprocedure) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', what, current_schema());
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', what);
END $$;

-- ---- what refers to entries -------------------------------------------------------------------------------------------

ALTER TABLE settlement.account         DROP CONSTRAINT account_seq_fkey;
ALTER TABLE settlement.asset           DROP CONSTRAINT asset_seq_fkey;
ALTER TABLE settlement.lot             DROP CONSTRAINT lot_seq_fkey;
ALTER TABLE settlement.settled         DROP CONSTRAINT settled_is_journaled;
ALTER TABLE settlement.compliance_year DROP CONSTRAINT compliance_year_is_journaled;
ALTER TABLE settlement.filing          DROP CONSTRAINT filing_is_journaled;
ALTER TABLE settlement.offset_claim    DROP CONSTRAINT claim_is_journaled;
ALTER TABLE settlement.offset_release  DROP CONSTRAINT release_is_journaled;

CREATE FUNCTION settlement.refuse_unjournaled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    last_seq bigint;
    found_seq bigint;
BEGIN
    SELECT seq INTO last_seq FROM journal_head;
    SELECT seq INTO found_seq FROM new_rows WHERE seq NOT BETWEEN 1 AND last_seq LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % is not in the journal', found_seq
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$$;

SELECT act_as_owner('settlement.refuse_unjournaled()');

DO $$
DECLARE
    guard record;
BEGIN
    FOR guard IN
        SELECT * FROM (VALUES
            ('account', 'account_is_journaled'), ('asset', 'asset_is_journaled'), ('lot', 'lot_is_journaled'),
            ('settled', 'settled_is_journaled'), ('compliance_year', 'compliance_year_is_journaled'),
            ('filing', 'filing_is_journaled'), ('offset_claim', 'claim_is_journaled'),
            ('offset_release', 'release_is_journaled')
        ) AS guards (of_table, name)
    LOOP
        EXECUTE format(
            'CREATE TRIGGER %I AFTER INSERT ON settlement.%I REFERENCING NEW TABLE AS new_rows
             FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_unjournaled()', guard.name, guard.of_table);
        EXECUTE format('ALTER TABLE settlement.%I ENABLE ALWAYS TRIGGER %I', guard.of_table, guard.name);
    END LOOP;
END
$$;

-- ---- the journal ------------------------------------------------------------------------------------------------------

ALTER TABLE journal RENAME TO journal_in_one;
ALTER INDEX journal_pkey RENAME TO journal_in_one_pkey;

-- As before, digest (algorithm sha256-chain-1) = SHA-256(digest of the row before, or 32 zero bytes
--     || seq as 8 bytes || at_ns as 8 bytes, both big-endian || command || events, both in UTF-8).
CREATE TABLE journal (
    seq     bigint NOT NULL CHECK (seq > 0),
    at_ns   bigint NOT NULL,
    command text   NOT NULL,
    events  text   NOT NULL,
    digest  bytea  NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (seq, at_ns)
) PARTITION BY RANGE (at_ns);

CREATE FUNCTION continue_journal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    head journal_head;
    entry record;
BEGIN
    SELECT * INTO head FROM journal_head FOR UPDATE;
    FOR entry IN SELECT * FROM inserted ORDER BY seq LOOP
        IF entry.seq <> head.seq + 1 THEN
            RAISE EXCEPTION 'journal row % does not come after %', entry.seq, head.seq
                USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_is_gapless';
        END IF;
        IF entry.at_ns < head.at_ns OR entry.digest <> sha256(
            head.digest || int8send(entry.seq) || int8send(entry.at_ns)
            || convert_to(entry.command, 'UTF8') || convert_to(entry.events, 'UTF8'))
        THEN
            RAISE EXCEPTION 'journal row % has a time before, or a digest not from, the row before it', entry.seq
                USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_is_chained';
        END IF;
        head.seq := entry.seq;
        head.at_ns := entry.at_ns;
        head.digest := entry.digest;
    END LOOP;
    UPDATE journal_head SET seq = head.seq, at_ns = head.at_ns, digest = head.digest WHERE seq < head.seq;
    RETURN NULL;
END $$;

SELECT act_as_owner('continue_journal()');

-- For the journal and each of its partitions: a trigger for statements is not inherited.
CREATE FUNCTION guard_journal(what regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM make_append_only(what);
    EXECUTE format(
        'CREATE TRIGGER gapless AFTER INSERT ON %s REFERENCING NEW TABLE AS inserted
         FOR EACH STATEMENT EXECUTE FUNCTION continue_journal()', what);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER gapless', what);
END $$;

CREATE TABLE journal_rest PARTITION OF journal DEFAULT;
SELECT guard_journal('journal_rest');

-- Make a month's partition, unless it is there, or some of its entries are in journal_rest already.
CREATE FUNCTION make_journal_month(first_day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    partition text := to_char(first_day, '"journal_"YYYY_MM');
    from_ns bigint := (extract(epoch FROM first_day) - 28800)::bigint * 1000000000;  -- midnight at +08:00
    until_ns bigint := (extract(epoch FROM first_day + interval '1 month') - 28800)::bigint * 1000000000;
BEGIN
    IF to_regclass(partition) IS NOT NULL
        OR EXISTS (SELECT FROM journal_rest WHERE at_ns >= from_ns AND at_ns < until_ns)
    THEN
        RETURN;
    END IF;
    -- Made aside and attached: that disturbs nobody who reads or writes other months.
    EXECUTE format('CREATE TABLE %I (LIKE journal INCLUDING CONSTRAINTS)', partition);
    EXECUTE format('ALTER TABLE journal ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', partition, from_ns, until_ns);
    PERFORM guard_journal(partition::regclass);
END $$;

-- Make the month of that time and so many after it, as far as they are not there.
CREATE FUNCTION make_journal_months(of_ns bigint, ahead integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    this_month date := date_trunc('month', timestamp 'epoch' + make_interval(secs => of_ns / 1000000000 + 28800));
BEGIN
    FOR number IN 0..ahead LOOP
        PERFORM make_journal_month((this_month + make_interval(months => number))::date);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION act_as_owner(regprocedure), guard_journal(regclass), make_journal_month(date), make_journal_months(bigint, integer)
    FROM PUBLIC;

-- ---- what is there moves in -------------------------------------------------------------------------------------------

-- The row on whose word a month is made is the first found of it: neighbours share a month, so it is few calls.
DO $$
DECLARE
    next_ns bigint := (SELECT min(at_ns) FROM journal_in_one);
BEGIN
    WHILE next_ns IS NOT NULL LOOP
        PERFORM make_journal_months(next_ns, 0);
        SELECT min(at_ns) INTO next_ns FROM journal_in_one WHERE at_ns >= (
            extract(epoch FROM date_trunc(
                'month', timestamp 'epoch' + make_interval(secs => next_ns / 1000000000 + 28800)
            ) + interval '1 month')::bigint - 28800
        ) * 1000000000;
    END LOOP;
END
$$;
INSERT INTO journal SELECT * FROM journal_in_one ORDER BY seq;
DROP TABLE journal_in_one;
DROP FUNCTION refuse_gap();

SELECT guard_journal('journal');

GRANT SELECT, INSERT ON journal TO puhui_service;
GRANT SELECT ON journal_head TO puhui_service;
