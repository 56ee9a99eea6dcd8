-- What has settled, in double entry: the second wall.
--
-- The core decides and the journal records; these tables stand behind both. In the transaction that journals an
-- entry, whatever it settled is written here as well, and constraints and triggers refuse, whatever the code above
-- them does and whoever types the SQL:
--
--     an entry whose postings do not sum to zero           posting_is_balanced
--     a negative balance of anything but the outside       balance_floor
--     a posting or serial move without its reason, or a    settled_is_posted, settled_is_moved
--     reason without its postings or moves
--     the same trade, instruction or bank money twice      settled_once
--     an entry settling a second time                      settled_in_one_statement
--     a serial with two owners                             holding_has_one_owner
--     a serial moved by who does not own it                holding_is_owned
--     a serial outside its lot, or of another instrument   move_fits_lot
--     a lot of another class than its instrument           lot_class
--     anything that is not in the journal                  settled_is_journaled
--     any change of history                                append_only
--     a balance or holding written by hand                 *_is_derived
--
-- The role puhui_service may insert into history and read everything. Balances and holdings are nobody's to write:
-- triggers derive them, with the rights of the owner of these tables, and refuse the owner too. Each statement is
-- judged as a whole and must be whole: reasons, postings and moves of an entry are inserted by one statement, and a
-- serial moves once in it.
--
-- The triggers are written so that their plans cannot go wrong as tables grow. A plan made while the tables were
-- empty is kept for the life of a session, so nothing is left to the planner's guess: transition tables drive, and
-- each of their rows finds its counterparts by an index (LATERAL with OFFSET 0 or a locking clause is not reordered;
-- MERGE, as a left join, cannot be), in the order of the key, so that two writers cannot lock each other out.

CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE SCHEMA settlement;

-- ---- who and what -----------------------------------------------------------------------------------------------

CREATE TABLE settlement.account (
    account          text   PRIMARY KEY,
    registry_account text   UNIQUE,
    seq              bigint REFERENCES journal, -- no entry opened the outside
    CONSTRAINT account_is_bound CHECK ((account = 'outside') = (registry_account IS NULL))
);

CREATE TABLE settlement.asset (
    asset             text   PRIMARY KEY,
    methodology_class text   CHECK (methodology_class IN ('I', 'II')),
    seq               bigint REFERENCES journal, -- no entry made money
    UNIQUE (asset, methodology_class),
    CONSTRAINT asset_class CHECK ((asset = 'CNY') = (methodology_class IS NULL))
);

CREATE TABLE settlement.lot (
    lot_id            text      PRIMARY KEY,
    instrument        text      NOT NULL,
    methodology_class text      NOT NULL,
    serials           int8range NOT NULL, -- every serial ever issued in it
    seq               bigint    NOT NULL REFERENCES journal,
    lot_no            bigint    NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE, -- half the work in a GiST index
    CONSTRAINT lot_class FOREIGN KEY (instrument, methodology_class)
        REFERENCES settlement.asset (asset, methodology_class),
    CONSTRAINT lot_serials CHECK (
        NOT isempty(serials) AND NOT lower_inf(serials) AND NOT upper_inf(serials) AND lower(serials) >= 0
    )
);

INSERT INTO settlement.account (account, registry_account, seq) VALUES ('outside', NULL, NULL);
INSERT INTO settlement.asset (asset, methodology_class, seq) VALUES ('CNY', NULL, NULL);

-- ---- history ----------------------------------------------------------------------------------------------------

-- Why something moved: an amount of an asset from one account to another, against money where it is a delivery.
CREATE TABLE settlement.settled (
    seq          bigint  NOT NULL CONSTRAINT settled_is_journaled REFERENCES journal,
    line         integer NOT NULL CHECK (line > 0),
    kind         text    NOT NULL,
    reference    text    NOT NULL CHECK (reference <> ''), -- the bank's reference, the instruction, the trade
    asset        text    NOT NULL,
    amount       bigint  NOT NULL CHECK (amount > 0), -- fen of CNY, tonnes of anything else
    from_account text    NOT NULL,
    to_account   text    NOT NULL,
    payment_fen  bigint  NOT NULL, -- from `to_account` to `from_account`
    PRIMARY KEY (seq, line),
    CONSTRAINT settled_once UNIQUE (kind, reference),
    CONSTRAINT settled_between_two CHECK (from_account <> to_account),
    CONSTRAINT settled_kind CHECK (
        CASE kind
            WHEN 'deposit' THEN asset = 'CNY' AND from_account = 'outside' AND payment_fen = 0
            WHEN 'transfer' THEN asset <> 'CNY' AND 'outside' IN (from_account, to_account) AND payment_fen = 0
            WHEN 'delivery' THEN asset <> 'CNY' AND 'outside' NOT IN (from_account, to_account) AND payment_fen > 0
            ELSE false
        END
    )
);

-- What that did to balances.
CREATE TABLE settlement.posting (
    seq     bigint  NOT NULL,
    line    integer NOT NULL CHECK (line > 0),
    account text    NOT NULL,
    asset   text    NOT NULL,
    amount  bigint  NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (seq, line)
);

CREATE INDEX posting_account ON settlement.posting (account, asset, seq);

-- Which serials moved for it. From whom to whom stands in `settled`.
CREATE TABLE settlement.serial_move (
    seq     bigint    NOT NULL,
    line    integer   NOT NULL, -- of `settled`
    part    integer   NOT NULL CHECK (part > 0),
    lot_id  text      NOT NULL,
    serials int8range NOT NULL CHECK (NOT isempty(serials)),
    PRIMARY KEY (seq, line, part)
);

CREATE INDEX serial_move_serials ON settlement.serial_move (lot_id, lower(serials), upper(serials));

-- ---- what follows from history ----------------------------------------------------------------------------------

-- A posting to an unknown account or asset fails here, where its balance would be opened.
CREATE TABLE settlement.balance (
    account text   NOT NULL REFERENCES settlement.account,
    asset   text   NOT NULL REFERENCES settlement.asset,
    amount  bigint NOT NULL,
    PRIMARY KEY (account, asset),
    CONSTRAINT balance_floor CHECK (CASE account WHEN 'outside' THEN amount <= 0 ELSE amount >= 0 END)
) WITH (fillfactor = 70);

CREATE TABLE settlement.holding (
    account text      NOT NULL,
    lot_no  bigint    NOT NULL,
    serials int8range NOT NULL,
    CONSTRAINT holding_has_one_owner EXCLUDE USING gist (lot_no WITH =, serials WITH &&)
);

CREATE INDEX holding_account ON settlement.holding (account, lot_no, lower(serials));

-- ---- postings ---------------------------------------------------------------------------------------------------

CREATE FUNCTION settlement.refuse_unbalanced() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_seq bigint;
    found_asset text;
    total numeric;
BEGIN
    SELECT seq, asset, sum(amount) INTO found_seq, found_asset, total
        FROM new_rows GROUP BY seq, asset HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'postings of entry % sum to % %', found_seq, total, found_asset
            USING ERRCODE = 'check_violation', CONSTRAINT = 'posting_is_balanced';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION settlement.apply_postings() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
BEGIN
    MERGE INTO settlement.balance AS balance
    USING (
        SELECT account, asset, sum(amount) AS amount FROM new_rows GROUP BY account, asset ORDER BY account, asset
    ) AS change
    ON balance.account = change.account AND balance.asset = change.asset
    WHEN MATCHED THEN UPDATE SET amount = balance.amount + change.amount
    WHEN NOT MATCHED THEN INSERT (account, asset, amount) VALUES (change.account, change.asset, change.amount);
    RETURN NULL;
END
$$;

-- Of each touched entry: the postings are exactly what its reasons say.
CREATE FUNCTION settlement.refuse_unexplained_postings() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    wrong record;
BEGIN
    WITH touched AS MATERIALIZED (SELECT DISTINCT seq FROM new_rows)
    SELECT seq, account, asset, sum(amount) AS amount INTO wrong
    FROM (
        SELECT touched.seq, posted.account, posted.asset, posted.amount
        FROM touched CROSS JOIN LATERAL (
            SELECT account, asset, amount FROM settlement.posting WHERE posting.seq = touched.seq OFFSET 0
        ) AS posted
        UNION ALL
        SELECT touched.seq, leg.account, leg.asset, leg.amount
        FROM touched CROSS JOIN LATERAL (
            SELECT asset, amount, from_account, to_account, payment_fen
            FROM settlement.settled WHERE settled.seq = touched.seq OFFSET 0
        ) AS reason
        CROSS JOIN LATERAL (VALUES
            (reason.from_account, reason.asset, reason.amount),
            (reason.to_account, reason.asset, -reason.amount),
            (reason.to_account, 'CNY', reason.payment_fen),
            (reason.from_account, 'CNY', -reason.payment_fen)
        ) AS leg (account, asset, amount)
    ) AS side
    GROUP BY seq, account, asset HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % posts % % too much to %', wrong.seq, wrong.amount, wrong.asset, wrong.account
            USING ERRCODE = 'check_violation', CONSTRAINT = 'settled_is_posted';
    END IF;
    RETURN NULL;
END
$$;

-- An entry is complete with the statement that writes it: nothing is added to it later.
CREATE FUNCTION settlement.refuse_additions() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    found_seq bigint;
BEGIN
    SELECT touched.seq INTO found_seq
    FROM (SELECT seq, count(*) AS reasons FROM new_rows GROUP BY seq) AS touched
    CROSS JOIN LATERAL (
        SELECT count(*) AS reasons FROM settlement.settled WHERE settled.seq = touched.seq
    ) AS stored
    WHERE stored.reasons <> touched.reasons LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % has settled before', found_seq
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'settled_in_one_statement';
    END IF;
    RETURN NULL;
END
$$;

-- The other way round. Postings that are there came with this statement, or they would have been refused without
-- their reasons; so they are being judged against all of them.
CREATE FUNCTION settlement.refuse_unposted() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    found_seq bigint;
BEGIN
    SELECT touched.seq INTO found_seq FROM (SELECT DISTINCT seq FROM new_rows) AS touched
    WHERE NOT EXISTS (SELECT FROM settlement.posting WHERE posting.seq = touched.seq) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % settles something and posts nothing', found_seq
            USING ERRCODE = 'check_violation', CONSTRAINT = 'settled_is_posted';
    END IF;
    RETURN NULL;
END
$$;

-- Triggers of one event fire in the order of their names.
CREATE TRIGGER posting_1_is_balanced AFTER INSERT ON settlement.posting
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_unbalanced();
CREATE TRIGGER posting_2_is_explained AFTER INSERT ON settlement.posting
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_unexplained_postings();
CREATE TRIGGER posting_3_apply AFTER INSERT ON settlement.posting
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.apply_postings();
CREATE TRIGGER settled_0_is_new AFTER INSERT ON settlement.settled
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_additions();
CREATE TRIGGER settled_1_is_posted AFTER INSERT ON settlement.settled
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_unposted();

-- ---- serials ----------------------------------------------------------------------------------------------------

-- Of each touched reason: as many serials move as it has tonnes; money moves none.
CREATE FUNCTION settlement.refuse_unexplained_moves() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    wrong record;
BEGIN
    SELECT touched.seq, touched.line, moved.tonnes, coalesce(reason.tonnes, 0) AS due INTO wrong
    FROM (SELECT DISTINCT seq, line FROM new_rows) AS touched
    LEFT JOIN LATERAL (
        SELECT CASE asset WHEN 'CNY' THEN 0 ELSE amount END AS tonnes
        FROM settlement.settled WHERE settled.seq = touched.seq AND settled.line = touched.line OFFSET 0
    ) AS reason ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(upper(serials) - lower(serials)), 0) AS tonnes
        FROM settlement.serial_move AS move WHERE move.seq = touched.seq AND move.line = touched.line
    ) AS moved
    WHERE moved.tonnes <> coalesce(reason.tonnes, 0) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'line % of entry % moves % serials, not %', wrong.line, wrong.seq, wrong.tonnes, wrong.due
            USING ERRCODE = 'check_violation', CONSTRAINT = 'settled_is_moved';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION settlement.refuse_misfits() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    wrong record;
BEGIN
    SELECT move.lot_id, move.serials INTO wrong
    FROM new_rows AS move
    LEFT JOIN LATERAL (
        SELECT asset FROM settlement.settled WHERE settled.seq = move.seq AND settled.line = move.line OFFSET 0
    ) AS reason ON true
    LEFT JOIN LATERAL (
        SELECT instrument, serials FROM settlement.lot WHERE lot.lot_id = move.lot_id OFFSET 0
    ) AS lot ON true
    WHERE (lot.instrument = reason.asset AND lot.serials @> move.serials) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'serials % are not of lot %, or it is of another instrument', wrong.serials, wrong.lot_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'move_fits_lot';
    END IF;
    RETURN NULL;
END
$$;

-- What an account holds of a lot, as far as a statement touches it: before, without what it gave, with what it got.
CREATE FUNCTION settlement.holding_after(
    account text, lot_no bigint, before int8multirange, taken int8multirange, given int8multirange
) RETURNS int8multirange
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT taken <@ before THEN
        RAISE EXCEPTION '% does not hold serials % of lot no. %', account, taken - before, lot_no
            USING ERRCODE = 'check_violation', CONSTRAINT = 'holding_is_owned';
    END IF;
    IF given && before THEN
        RAISE EXCEPTION '% already holds serials % of lot no. %', account, given * before, lot_no
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'holding_has_one_owner';
    END IF;
    RETURN before - taken + given;
END
$$;

CREATE FUNCTION settlement.apply_moves() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    twice record;
BEGIN
    SELECT lot_id, serials INTO twice FROM (
        SELECT lot_id, serials, lower(serials) < lag(upper(serials)) OVER (
            PARTITION BY lot_id ORDER BY lower(serials), upper(serials)
        ) AS is_twice FROM new_rows
    ) AS move WHERE is_twice LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'serials % of lot % move twice in one statement', twice.serials, twice.lot_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'move_is_single';
    END IF;

    -- Two writers of one lot take turns: nobody else changes its holdings until we commit.
    PERFORM FROM (SELECT DISTINCT lot_id FROM new_rows ORDER BY lot_id) AS touched
    CROSS JOIN LATERAL (
        SELECT FROM settlement.lot WHERE lot.lot_id = touched.lot_id FOR NO KEY UPDATE
    ) AS locked;

    -- The rows a change overlaps, or touches so that they become one, are replaced by what is then held there.
    WITH change AS MATERIALIZED (
        SELECT side.account, lot.lot_no, move.serials, side.is_taken
        FROM new_rows AS move
        CROSS JOIN LATERAL (SELECT lot_no FROM settlement.lot WHERE lot.lot_id = move.lot_id OFFSET 0) AS lot
        CROSS JOIN LATERAL (
            SELECT from_account, to_account FROM settlement.settled
            WHERE settled.seq = move.seq AND settled.line = move.line OFFSET 0
        ) AS reason
        CROSS JOIN LATERAL (
            VALUES (reason.from_account, true), (reason.to_account, false)
        ) AS side (account, is_taken)
        WHERE side.account <> 'outside'
    ), replaced AS (
        DELETE FROM settlement.holding WHERE ctid = ANY (ARRAY(
            SELECT near.ctid FROM change CROSS JOIN LATERAL (
                (SELECT ctid, serials FROM settlement.holding
                 WHERE account = change.account AND lot_no = change.lot_no
                   AND lower(serials) < lower(change.serials)
                 ORDER BY lower(serials) DESC LIMIT 1)
                UNION ALL
                SELECT ctid, serials FROM settlement.holding
                WHERE account = change.account AND lot_no = change.lot_no
                  AND lower(serials) BETWEEN lower(change.serials) AND upper(change.serials)
            ) AS near
            WHERE upper(near.serials) >= lower(change.serials)
        )) RETURNING account, lot_no, serials
    )
    INSERT INTO settlement.holding (account, lot_no, serials)
    SELECT account, lot_no, unnest(after) AS serials
    FROM (
        SELECT account, lot_no, settlement.holding_after(
            account, lot_no,
            coalesce(range_agg(serials) FILTER (WHERE is_taken IS NULL), '{}'),
            coalesce(range_agg(serials) FILTER (WHERE is_taken), '{}'),
            coalesce(range_agg(serials) FILTER (WHERE NOT is_taken), '{}')
        ) AS after
        FROM (
            SELECT account, lot_no, serials, is_taken FROM change
            UNION ALL
            SELECT account, lot_no, serials, NULL FROM replaced
        ) AS place
        GROUP BY account, lot_no
    ) AS result
    ORDER BY lot_no, serials;
    RETURN NULL;
END
$$;

CREATE TRIGGER serial_move_1_is_explained AFTER INSERT ON settlement.serial_move
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_unexplained_moves();
CREATE TRIGGER serial_move_2_fits AFTER INSERT ON settlement.serial_move
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_misfits();
CREATE TRIGGER serial_move_3_apply AFTER INSERT ON settlement.serial_move
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.apply_moves();
CREATE TRIGGER settled_2_is_moved AFTER INSERT ON settlement.settled
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION settlement.refuse_unexplained_moves();

-- ---- history stays ----------------------------------------------------------------------------------------------

CREATE FUNCTION settlement.refuse_writing() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'settlement.% follows from history: no %', TG_TABLE_NAME, lower(TG_OP)
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
END
$$;

SELECT make_append_only(('settlement.' || name)::regclass)
FROM unnest(ARRAY['account', 'asset', 'lot', 'settled', 'posting', 'serial_move']) AS name;

DO $$
DECLARE
    this record;
BEGIN
    -- The triggers above write here from within a trigger; a statement of its own is at depth 0.
    FOR this IN SELECT unnest(ARRAY['balance', 'holding']) AS name LOOP
        EXECUTE format(
            'CREATE TRIGGER %1$s_is_derived BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON settlement.%1$s '
            'FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION settlement.refuse_writing()', this.name
        );
    END LOOP;
    -- Also in a session that calls itself a replica, where ordinary triggers sleep.
    FOR this IN
        SELECT tgrelid::regclass AS relation, tgname AS name
        FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE relnamespace = 'settlement'::regnamespace AND NOT tgisinternal
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', this.relation, this.name);
    END LOOP;
END
$$;

-- ---- asking ------------------------------------------------------------------------------------------------------

-- Everything recomputed from history, in other ways than the triggers go: no row, no difference.
CREATE FUNCTION settlement.settlement_check()
RETURNS TABLE (what text, account text, subject text, stored text, recomputed text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH posted AS (
        SELECT account, asset, sum(amount) AS amount FROM settlement.posting GROUP BY account, asset
    ), reason_posted AS (
        SELECT leg.account, leg.asset, sum(leg.amount) AS amount
        FROM settlement.settled AS reason CROSS JOIN LATERAL (VALUES
            (from_account, asset, -amount), (to_account, asset, amount),
            (to_account, 'CNY', -payment_fen), (from_account, 'CNY', payment_fen)
        ) AS leg (account, asset, amount)
        GROUP BY leg.account, leg.asset
    ), edge AS (
        -- A serial somebody holds was given once more than it was taken: count along the serials of each lot.
        SELECT side.account, move.lot_id, edge.serial, sum(edge.step) AS step
        FROM settlement.serial_move AS move
        JOIN settlement.settled AS reason USING (seq, line)
        CROSS JOIN LATERAL (VALUES (to_account, 1), (from_account, -1)) AS side (account, sign)
        CROSS JOIN LATERAL (VALUES (lower(serials), sign), (upper(serials), -sign)) AS edge (serial, step)
        WHERE side.account <> 'outside'
        GROUP BY side.account, move.lot_id, edge.serial
    ), stretch AS (
        SELECT account, lot_id, serial AS first, lead(serial) OVER along AS until, sum(step) OVER along AS times
        FROM edge WINDOW along AS (PARTITION BY account, lot_id ORDER BY serial)
    ), moved AS (
        SELECT account, lot_id, range_agg(int8range(first, until)) FILTER (WHERE times = 1) AS serials,
               bool_and(times IN (0, 1)) AS is_sound
        FROM stretch WHERE until IS NOT NULL OR times <> 0 GROUP BY account, lot_id
    ), held AS (
        SELECT holding.account, lot.lot_id, range_agg(holding.serials) AS serials, count(*) AS parts,
               sum(upper(holding.serials) - lower(holding.serials)) AS tonnes
        FROM settlement.holding JOIN settlement.lot USING (lot_no) GROUP BY holding.account, lot.lot_id
    ), held_tonnes AS (
        SELECT held.account, lot.instrument AS asset, sum(held.tonnes) AS amount
        FROM held JOIN settlement.lot USING (lot_id) GROUP BY held.account, lot.instrument
    )
    SELECT 'balance_is_posted', account, asset, balance.amount::text, posted.amount::text
    FROM settlement.balance FULL JOIN posted USING (account, asset)
    WHERE balance.amount IS DISTINCT FROM posted.amount
    UNION ALL
    SELECT 'posting_has_reason', account, asset, posted.amount::text, reason_posted.amount::text
    FROM posted FULL JOIN reason_posted USING (account, asset)
    WHERE coalesce(posted.amount, 0) <> coalesce(reason_posted.amount, 0)
    UNION ALL
    SELECT 'asset_sums_to_zero', NULL, asset, sum(amount)::text, '0'
    FROM settlement.balance GROUP BY asset HAVING sum(amount) <> 0
    UNION ALL
    SELECT 'nothing_is_negative', account, asset, amount::text, NULL
    FROM settlement.balance WHERE account <> 'outside' AND amount < 0
    UNION ALL
    SELECT 'holding_is_moved', account, lot_id, held.serials::text, moved.serials::text
    FROM held FULL JOIN moved USING (account, lot_id)
    WHERE held.serials IS DISTINCT FROM moved.serials OR moved.is_sound IS FALSE
    UNION ALL
    SELECT 'holding_is_merged', held.account, held.lot_id, held.parts::text, parts.parts::text
    FROM held CROSS JOIN LATERAL (SELECT count(*) AS parts FROM unnest(held.serials)) AS parts
    WHERE held.parts <> parts.parts
    UNION ALL
    SELECT 'serial_has_one_owner', NULL, lot_id, sum(held.tonnes)::text, tonnes.tonnes::text
    FROM held JOIN (
        SELECT lot_id, sum(upper(part) - lower(part)) AS tonnes
        FROM (SELECT lot_id, range_agg(serials) AS serials FROM held GROUP BY lot_id) AS lot
        CROSS JOIN LATERAL unnest(lot.serials) AS part GROUP BY lot_id
    ) AS tonnes USING (lot_id)
    GROUP BY lot_id, tonnes.tonnes HAVING sum(held.tonnes) <> tonnes.tonnes
    UNION ALL
    SELECT 'serial_is_of_lot', held.account, lot_id, held.serials::text, lot.serials::text
    FROM held JOIN settlement.lot USING (lot_id) WHERE NOT held.serials <@ lot.serials
    UNION ALL
    SELECT 'lot_is_known', account, lot_no::text, serials::text, NULL
    FROM settlement.holding WHERE NOT EXISTS (SELECT FROM settlement.lot WHERE lot.lot_no = holding.lot_no)
    UNION ALL
    SELECT 'tonne_has_serial', account, asset, balance.amount::text, held_tonnes.amount::text
    FROM (
        SELECT * FROM settlement.balance WHERE asset <> 'CNY' AND account <> 'outside' AND amount <> 0
    ) AS balance FULL JOIN held_tonnes USING (account, asset)
    WHERE balance.amount IS DISTINCT FROM held_tonnes.amount
$$;

-- What the core's ledger says accounts own, against what is here: no row, no difference.
CREATE FUNCTION settlement.compare_with_ledger(accounts text[], assets text[], amounts bigint[])
RETURNS TABLE (what text, account text, subject text, stored text, recomputed text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'balance_is_the_ledgers', account, asset, stored.amount::text, ledger.amount::text
    FROM (
        SELECT account, asset, sum(amount) AS amount
        FROM unnest(accounts, assets, amounts) AS line (account, asset, amount) GROUP BY account, asset
    ) AS ledger
    FULL JOIN (SELECT * FROM settlement.balance WHERE account <> 'outside') AS stored USING (account, asset)
    WHERE coalesce(stored.amount, 0) <> coalesce(ledger.amount, 0)
$$;

-- The same for serials: range by range, merged on either side before they are compared.
CREATE FUNCTION settlement.compare_with_holdings(accounts text[], lots text[], firsts bigint[], ends bigint[])
RETURNS TABLE (what text, account text, subject text, stored text, recomputed text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'holding_is_the_cores', account, lot_id, stored.serials::text, core.serials::text
    FROM (
        SELECT account, lot_id, range_agg(int8range(first, until)) AS serials
        FROM unnest(accounts, lots, firsts, ends) AS line (account, lot_id, first, until) GROUP BY account, lot_id
    ) AS core
    FULL JOIN (
        SELECT holding.account, lot.lot_id, range_agg(holding.serials) AS serials
        FROM settlement.holding JOIN settlement.lot USING (lot_no) GROUP BY holding.account, lot.lot_id
    ) AS stored USING (account, lot_id)
    WHERE stored.serials IS DISTINCT FROM core.serials
$$;

-- ---- rights -----------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA settlement FROM PUBLIC;

GRANT USAGE ON SCHEMA settlement TO puhui_service;
GRANT SELECT ON ALL TABLES IN SCHEMA settlement TO puhui_service;
GRANT INSERT ON settlement.account, settlement.asset, settlement.lot TO puhui_service;
GRANT INSERT ON settlement.settled, settlement.posting, settlement.serial_move TO puhui_service;
GRANT EXECUTE ON FUNCTION settlement.settlement_check() TO puhui_service;
GRANT EXECUTE ON FUNCTION settlement.compare_with_ledger(text[], text[], bigint[]) TO puhui_service;
GRANT EXECUTE ON FUNCTION settlement.compare_with_holdings(text[], text[], bigint[], bigint[]) TO puhui_service;
