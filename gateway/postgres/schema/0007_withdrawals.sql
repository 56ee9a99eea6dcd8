-- Money on its way out: asked for, then paid by the settlement bank or returned by it, once.

CREATE TABLE withdrawal (
    withdrawal_id text   PRIMARY KEY,
    seq           bigint NOT NULL,
    account       text   NOT NULL,
    client_id     text   NOT NULL,
    amount_fen    bigint NOT NULL CHECK (amount_fen > 0),
    at_ns         bigint NOT NULL,
    UNIQUE (account, client_id)
);
CREATE INDEX withdrawal_of_account ON withdrawal (account, seq);
CREATE INDEX withdrawal_by_age ON withdrawal (seq);
SELECT make_append_only('withdrawal');

CREATE TABLE withdrawal_outcome (
    withdrawal_id  text   PRIMARY KEY REFERENCES withdrawal,
    seq            bigint NOT NULL,
    outcome        text   NOT NULL CHECK (outcome IN ('paid', 'returned')),
    outcome_at_ns  bigint NOT NULL,
    bank_reference text,
    reason         text,
    CHECK ((outcome = 'paid') = (bank_reference IS NOT NULL)),
    CHECK ((outcome = 'returned') = (reason IS NOT NULL))
);
SELECT make_append_only('withdrawal_outcome');

GRANT SELECT, INSERT ON withdrawal, withdrawal_outcome TO puhui_service;

-- A payment out settles like one in. What the database refuses of its own, whoever asks:
--
--     one bank reference twice, whichever way the money went    bank_reference_once
--     money that leaves as anything but a withdrawal            settled_kind

ALTER TABLE settlement.settled
    DROP CONSTRAINT settled_kind,
    ADD CONSTRAINT settled_kind CHECK (
        CASE kind
            WHEN 'deposit' THEN asset = 'CNY' AND from_account = 'outside' AND payment_fen = 0
            WHEN 'withdrawal' THEN asset = 'CNY' AND to_account = 'outside' AND payment_fen = 0
            WHEN 'transfer' THEN asset <> 'CNY' AND 'outside' IN (from_account, to_account) AND payment_fen = 0
            WHEN 'delivery' THEN asset <> 'CNY' AND 'outside' NOT IN (from_account, to_account) AND payment_fen > 0
            WHEN 'retirement' THEN asset <> 'CNY' AND from_account <> 'outside' AND payment_fen = 0
            WHEN 'fee' THEN asset = 'CNY' AND from_account <> 'outside' AND payment_fen = 0
            ELSE false
        END
    ),
    ADD CONSTRAINT bank_reference_once EXCLUDE (reference WITH =) WHERE (kind IN ('deposit', 'withdrawal'));
