-- What is published of a day: its prices and volumes, once it is closed.

CREATE TABLE day_price (
    trading_day     text   NOT NULL,
    listing         text   NOT NULL,
    seq             bigint NOT NULL,
    reference_fen   bigint NOT NULL,  -- the close before, or the announced first reference price
    open_fen        bigint,           -- absent, as high and low are, on a day without listed trades
    high_fen        bigint,
    low_fen         bigint,
    close_fen       bigint NOT NULL,
    volume_tonnes   bigint NOT NULL CHECK (volume_tonnes >= 0),
    turnover_fen    bigint NOT NULL CHECK (turnover_fen >= 0),
    PRIMARY KEY (trading_day, listing),
    CHECK ((open_fen IS NULL) = (high_fen IS NULL) AND (open_fen IS NULL) = (low_fen IS NULL)),
    CHECK (low_fen <= open_fen AND open_fen <= high_fen),
    CHECK ((volume_tonnes = 0) = (open_fen IS NULL))
);
SELECT make_append_only('day_price');

-- A day is published when it is closed; the journal's digest at that entry covers all that led there.
CREATE TABLE closed_day (
    trading_day text   PRIMARY KEY,
    seq         bigint NOT NULL UNIQUE,
    at_ns       bigint NOT NULL
);
SELECT make_append_only('closed_day');

GRANT SELECT, INSERT ON day_price, closed_day TO puhui_service;
