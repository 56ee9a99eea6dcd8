-- Negotiated transfers (协议转让) that ended, in their final shape, and the trades that some of them became.
--
-- A trade names its method. A negotiated one has no orders, but the transfer it comes from; that its parties, price and
-- quantity are those the transfer ended with is a constraint, and that a transfer becomes at most one trade another.

CREATE TABLE negotiated_transfer (
    transfer_id     bigint  PRIMARY KEY,
    listing         text    NOT NULL,
    seller          text,                -- one of the two is absent where nobody took an open offer
    buyer           text,
    price_fen       bigint  NOT NULL CHECK (price_fen > 0),
    quantity_tonnes bigint  NOT NULL CHECK (quantity_tonnes > 0),
    filed_by        text    NOT NULL,
    client_id       text    NOT NULL,
    agreement_no    text    NOT NULL,
    proposed_by     text    NOT NULL,    -- whose terms stood at the end
    proposer        text    NOT NULL CHECK (proposer IN ('buy', 'sell')),
    open_offer      boolean NOT NULL,
    state           text    NOT NULL
        CHECK (state IN ('executed', 'declined', 'withdrawn', 'expired', 'rejected')),
    at_ns           bigint  NOT NULL,
    ended_ns        bigint  NOT NULL CHECK (ended_ns >= at_ns),
    trade_id        bigint,
    ended_by        text,
    reason          text,
    refusal         text,                -- JSON [limit, actual] of a rejection
    review          text,                -- JSON [operator, reason]
    rounds          text    NOT NULL,    -- JSON, oldest first: [by, seller, buyer, price, quantity, lots, expiry, hash, time]
    agreed          text,                -- JSON [seller, buyer, lots] as confirmed
    CHECK ((state = 'executed') = (trade_id IS NOT NULL)),
    CHECK (state <> 'executed' OR (seller IS NOT NULL AND buyer IS NOT NULL)),
    CHECK (seller IS DISTINCT FROM buyer),
    UNIQUE (transfer_id, trade_id, listing, seller, buyer, price_fen, quantity_tonnes)
);
CREATE INDEX negotiated_transfer_of_seller ON negotiated_transfer (seller, transfer_id);
CREATE INDEX negotiated_transfer_of_buyer ON negotiated_transfer (buyer, transfer_id);
SELECT make_append_only('negotiated_transfer');
GRANT SELECT, INSERT ON negotiated_transfer TO puhui_service;

ALTER TABLE trade
    ALTER COLUMN taker_side DROP NOT NULL,
    ALTER COLUMN buy_order_id DROP NOT NULL,
    ALTER COLUMN sell_order_id DROP NOT NULL,
    ADD COLUMN method text NOT NULL DEFAULT 'listed',
    ADD COLUMN transfer_id bigint UNIQUE,
    ADD CONSTRAINT trade_method CHECK (
        CASE method
            WHEN 'listed' THEN num_nonnulls(taker_side, buy_order_id, sell_order_id) = 3 AND transfer_id IS NULL
            WHEN 'negotiated' THEN num_nonnulls(taker_side, buy_order_id, sell_order_id) = 0
                AND transfer_id IS NOT NULL
            ELSE false
        END
    ),
    ADD CONSTRAINT trade_is_as_agreed
        FOREIGN KEY (transfer_id, trade_id, listing, seller, buyer, price_fen, quantity_tonnes)
        REFERENCES negotiated_transfer (transfer_id, trade_id, listing, seller, buyer, price_fen, quantity_tonnes);

-- Terms that a participant keeps for deals it repeats. Its own notes, not history: they may be altered and removed.
CREATE TABLE negotiated_template (
    account     text   NOT NULL,
    name        text   NOT NULL CHECK (name ~ '^[A-Za-z0-9._-]{1,64}$'),
    terms       text   NOT NULL,  -- JSON, as a filing has them
    saved_by    text   NOT NULL,
    saved_at_ns bigint NOT NULL,
    PRIMARY KEY (account, name)
);
