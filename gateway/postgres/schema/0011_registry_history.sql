-- What passed between the exchange and the registry beyond movements: comparisons, breaks, claims and removals. Like
-- everything derived from the journal it is written in the journal's own transaction, and never altered.

CREATE TABLE reconciliation (
    seq          bigint  PRIMARY KEY,
    at_ns        bigint  NOT NULL,
    trading_day  text    NOT NULL,
    on_demand    boolean NOT NULL,
    as_of        bigint  NOT NULL CHECK (as_of >= 0),  -- of the registry's journal
    breaks       bigint  NOT NULL CHECK (breaks >= 0),
    open_breaks  bigint  NOT NULL CHECK (open_breaks >= 0),
    digest_here  text    NOT NULL,
    digest_there text    NOT NULL
);
SELECT make_append_only('reconciliation');

-- A difference with the registry, from the comparison or the answer that showed it until somebody has resolved it.
CREATE TABLE registry_break (
    break_id         bigint PRIMARY KEY CHECK (break_id > 0),
    seq              bigint NOT NULL,
    at_ns            bigint NOT NULL,
    as_of            bigint NOT NULL CHECK (as_of >= 0),
    kind             text   NOT NULL,
    account          text,
    registry_account text,
    lot_id           text,
    only_here        text   NOT NULL,  -- JSON, half-open ranges
    only_there       text   NOT NULL,
    instruction_id   text,
    detail           text   NOT NULL
);
SELECT make_append_only('registry_break');

-- At most once for each, by the primary key, and never without a name and a reason.
CREATE TABLE break_resolution (
    break_id bigint PRIMARY KEY REFERENCES registry_break,
    seq      bigint NOT NULL,
    at_ns    bigint NOT NULL,
    operator text   NOT NULL CHECK (operator <> ''),
    reason   text   NOT NULL CHECK (reason <> '')
);
SELECT make_append_only('break_resolution');

-- Corrected units that were sold before (Measures 2023, Art. 22), and from whom they are claimed.
CREATE TABLE claim (
    claim_id        bigint PRIMARY KEY CHECK (claim_id > 0),
    seq             bigint NOT NULL,
    at_ns           bigint NOT NULL,
    notice_sequence bigint NOT NULL CHECK (notice_sequence > 0),
    against         text   NOT NULL,
    lot_id          text   NOT NULL,
    serials         text   NOT NULL,  -- JSON, half-open ranges
    quantity_tonnes bigint NOT NULL CHECK (quantity_tonnes > 0),
    reason          text   NOT NULL,
    state           text   NOT NULL CHECK (state IN ('open', 'frozen'))
);
CREATE INDEX claim_of_account ON claim (against, claim_id);
SELECT make_append_only('claim');

CREATE TABLE claim_decision (
    claim_id bigint NOT NULL REFERENCES claim,
    seq      bigint NOT NULL,
    at_ns    bigint NOT NULL,
    decision text   NOT NULL CHECK (decision IN ('dismiss', 'compensate', 'freeze', 'remove')),
    state    text   NOT NULL CHECK (state IN ('frozen', 'dismissed', 'compensated', 'removed')),
    operator text   NOT NULL CHECK (operator <> ''),
    reason   text   NOT NULL CHECK (reason <> ''),
    PRIMARY KEY (claim_id, seq)
);
-- What ends a claim ends it once.
CREATE UNIQUE INDEX claim_ends_once ON claim_decision (claim_id) WHERE state <> 'frozen';
SELECT make_append_only('claim_decision');

-- Corrected units that are to leave an account.
CREATE TABLE removal (
    removal_id      bigint PRIMARY KEY CHECK (removal_id > 0),
    seq             bigint NOT NULL,
    at_ns           bigint NOT NULL,
    account         text   NOT NULL,
    lot_id          text   NOT NULL,
    serials         text   NOT NULL,  -- JSON, half-open ranges
    notice_sequence bigint NOT NULL CHECK (notice_sequence > 0),
    reason          text   NOT NULL,
    claim_id        bigint REFERENCES claim
);
SELECT make_append_only('removal');

CREATE TABLE removal_completion (
    removal_id bigint PRIMARY KEY REFERENCES removal,
    seq        bigint NOT NULL,
    at_ns      bigint NOT NULL
);
SELECT make_append_only('removal_completion');

GRANT SELECT, INSERT ON reconciliation, registry_break, break_resolution, claim, claim_decision, removal,
    removal_completion TO puhui_service;
