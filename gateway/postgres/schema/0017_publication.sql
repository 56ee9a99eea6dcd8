-- What the close of a day publishes beside its prices, and the statements it has issued.

CREATE TABLE day_negotiated (
    seq           bigint NOT NULL,
    trading_day   text   NOT NULL,
    listing       text   NOT NULL,
    trades        bigint NOT NULL CHECK (trades > 0),
    volume_tonnes bigint NOT NULL CHECK (volume_tonnes > 0),
    turnover_fen  bigint NOT NULL CHECK (turnover_fen >= 0),
    PRIMARY KEY (trading_day, listing)
);

-- Tonnes are absent while fewer than three participants would stand behind them.
CREATE TABLE day_retired (
    seq         bigint NOT NULL,
    trading_day text   NOT NULL,
    purpose     text   NOT NULL,
    since_day   text   NOT NULL CHECK (since_day COLLATE "C" <= trading_day COLLATE "C"),
    tonnes      bigint CHECK (tonnes > 0),
    PRIMARY KEY (trading_day, purpose)
);

-- Up to which entry a day's statements tell. What comes after it is the next day's.
CREATE TABLE day_cut (
    seq         bigint NOT NULL UNIQUE,
    trading_day text   PRIMARY KEY,
    at_ns       bigint NOT NULL
);

CREATE TABLE statement_issued (
    seq         bigint NOT NULL,
    trading_day text   NOT NULL REFERENCES day_cut,
    account     text   NOT NULL,
    digest      text   NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (trading_day, account)
);

SELECT make_append_only(name::regclass)
FROM unnest(ARRAY['day_negotiated', 'day_retired', 'day_cut', 'statement_issued']) AS name;

GRANT SELECT, INSERT ON day_negotiated, day_retired, day_cut, statement_issued TO puhui_service;
