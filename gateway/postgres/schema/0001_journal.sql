-- The journal, and what is derived from it in the same transaction.
--
-- Everything here is insert-only, and triggers say so before grants do: who connects to an embedded server owns its
-- database, and in another's the exchange's user may be the owner too, whom grants do not bind. A trigger refuses the
-- owner as well. To get round it one has to drop it, which the catalogue shows; and the digest chain, which does not
-- depend on the database, still shows what was altered. The journal's own connection gives up the owner's rights as
-- well where it may, by acting as role puhui_service, which can insert and read and nothing else.
--
-- Units are the last word of a name: _fen, _tonnes, _ns (nanoseconds since 1970 UTC).

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION make_append_only(what regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
         FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', what);
    -- ALWAYS: also in a session that calls itself a replica.
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', what);
END $$;

-- One row: which exchange this is. The id begins every request id towards the registry, so that two exchanges (or
-- one that was set up anew) can never take each other's answers for their own.
CREATE TABLE exchange_identity (
    only_one         boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    exchange_id      text NOT NULL,
    digest_algorithm text NOT NULL,
    made_at          timestamptz NOT NULL DEFAULT now()
);
SELECT make_append_only('exchange_identity');

-- From which entry on which version of the core decided. Old commands are never judged by new code.
CREATE TABLE core_release (
    first_seq    bigint PRIMARY KEY,
    core_version text NOT NULL,
    made_at      timestamptz NOT NULL DEFAULT now()
);
SELECT make_append_only('core_release');

-- Every command with what came of it, in the order in which it was decided.
--
-- digest (algorithm sha256-chain-1) = SHA-256(digest of the row before, or 32 zero bytes
--     || seq as 8 bytes || at_ns as 8 bytes, both big-endian || command || events, both in UTF-8).
-- command and events are JSON, kept as text because the digest is over these very bytes: `command::json ->> 0` is
-- the command's name.
CREATE TABLE journal (
    seq     bigint PRIMARY KEY CHECK (seq > 0),
    at_ns   bigint NOT NULL,
    command text   NOT NULL,
    events  text   NOT NULL,
    digest  bytea  NOT NULL CHECK (length(digest) = 32)
);
SELECT make_append_only('journal');

-- A second writer, or one that lost its place, is refused by the database and not only by its own care.
CREATE FUNCTION refuse_gap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    first_new bigint;
    last_new  bigint;
    many      bigint;
BEGIN
    SELECT min(seq), max(seq), count(*) INTO first_new, last_new, many FROM inserted;
    IF last_new - first_new + 1 <> many
        OR (first_new > 1 AND NOT EXISTS (SELECT FROM journal WHERE seq = first_new - 1))
    THEN
        RAISE EXCEPTION 'journal rows % to % leave a gap', first_new, last_new USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER gapless AFTER INSERT ON journal REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_gap();
ALTER TABLE journal ENABLE ALWAYS TRIGGER gapless;

-- Each account's own log, 1, 2, 3 … per account.
CREATE TABLE account_event (
    account  text   NOT NULL,
    event_id bigint NOT NULL CHECK (event_id > 0),
    seq      bigint NOT NULL,
    type     text   NOT NULL,
    at_ns    bigint NOT NULL,
    body     text   NOT NULL,
    PRIMARY KEY (account, event_id)
);
-- For the check of the whole log against the journal; next to no cost on insertion.
CREATE INDEX account_event_by_seq ON account_event USING brin (seq) WITH (pages_per_range = 32, autosummarize = on);
SELECT make_append_only('account_event');

-- Orders that ended, and attempts that never became one, in their final shape.
CREATE TABLE ended_order (
    order_id         bigint PRIMARY KEY,
    account          text   NOT NULL,
    participant      text   NOT NULL,
    client_order_id  text   NOT NULL,
    listing          text   NOT NULL,
    side             text   NOT NULL CHECK (side IN ('buy', 'sell')),
    price_fen        bigint NOT NULL,
    quantity_tonnes  bigint NOT NULL,
    remaining_tonnes bigint NOT NULL,
    time_in_force    text   NOT NULL,
    status           text   NOT NULL CHECK (status IN ('filled', 'cancelled', 'expired', 'rejected')),
    at_ns            bigint NOT NULL,
    turnover_fen     bigint NOT NULL,
    ended_ns         bigint NOT NULL,
    reason           text,
    refusal          text,  -- JSON [limit, actual] of a rejection
    UNIQUE (account, client_order_id)
);
CREATE INDEX ended_order_of_account ON ended_order (account, order_id);
SELECT make_append_only('ended_order');

CREATE TABLE trade (
    trade_id        bigint PRIMARY KEY,
    listing         text   NOT NULL,
    price_fen       bigint NOT NULL CHECK (price_fen > 0),
    quantity_tonnes bigint NOT NULL CHECK (quantity_tonnes > 0),
    at_ns           bigint NOT NULL,
    trading_day     text   NOT NULL,
    taker_side      text   NOT NULL CHECK (taker_side IN ('buy', 'sell')),
    buyer           text   NOT NULL,
    seller          text   NOT NULL,
    buy_order_id    bigint NOT NULL,
    sell_order_id   bigint NOT NULL
);
CREATE INDEX trade_of_buyer ON trade (buyer, trade_id);
CREATE INDEX trade_of_seller ON trade (seller, trade_id);
CREATE INDEX trade_of_listing ON trade (listing, trade_id);
SELECT make_append_only('trade');

-- How a trade's delivery ended: at most once, by the primary key.
CREATE TABLE delivery_outcome (
    trade_id      bigint PRIMARY KEY REFERENCES trade,
    seq           bigint NOT NULL,
    outcome       text   NOT NULL CHECK (outcome IN ('settled', 'failed')),
    outcome_at_ns bigint NOT NULL,
    code          text,
    lots          text,  -- JSON, of a settled delivery
    CHECK ((outcome = 'settled') = (lots IS NOT NULL)),
    CHECK ((outcome = 'failed') = (code IS NOT NULL))
);
SELECT make_append_only('delivery_outcome');

-- Transfers between an account's two registry sub-accounts.
CREATE TABLE transfer (
    instruction_id  text   PRIMARY KEY,
    seq             bigint NOT NULL,
    account         text   NOT NULL,
    client_id       text   NOT NULL,
    kind            text   NOT NULL CHECK (kind IN ('transfer_in', 'transfer_out')),
    instrument      text   NOT NULL,
    quantity_tonnes bigint NOT NULL CHECK (quantity_tonnes > 0),
    lots            text   NOT NULL,
    at_ns           bigint NOT NULL,
    UNIQUE (account, client_id)
);
CREATE INDEX transfer_of_account ON transfer (account, seq);
SELECT make_append_only('transfer');

CREATE TABLE transfer_outcome (
    instruction_id text   PRIMARY KEY REFERENCES transfer,
    seq            bigint NOT NULL,
    outcome        text   NOT NULL CHECK (outcome IN ('completed', 'failed')),
    outcome_at_ns  bigint NOT NULL,
    code           text
);
SELECT make_append_only('transfer_outcome');

-- All the core and the views know after an entry. Derived, so the oldest may be deleted; never altered.
CREATE TABLE snapshot (
    seq            bigint PRIMARY KEY,
    core_version   text   NOT NULL,
    views_version  text   NOT NULL,
    journal_digest bytea  NOT NULL,  -- of the journal's row at seq
    core_state     bytea  NOT NULL,
    views_state    bytea  NOT NULL,
    digest         bytea  NOT NULL,  -- SHA-256 over all of the above
    made_at        timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER unaltered BEFORE UPDATE OR TRUNCATE ON snapshot FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE snapshot ENABLE ALWAYS TRIGGER unaltered;

-- ---- rights ----

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'puhui_service') THEN
        CREATE ROLE puhui_service NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    -- Roles belong to the server: another database of it was being prepared at the same moment.
    RAISE NOTICE 'role puhui_service is already there';
END
$$;
GRANT SELECT, INSERT ON exchange_identity, core_release, journal, account_event, ended_order, trade,
    delivery_outcome, transfer, transfer_outcome TO puhui_service;
