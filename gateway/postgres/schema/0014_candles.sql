-- Open, high, low and close of listed trades by the minute, five minutes, the hour, the trading day and its week.
--
-- Derived from `trade`, and kept by the very statement that inserts the trades; the one table here that is altered, by
-- every further trade of a candle and when a trade is undone. What was undone counts in nothing but the range of ids;
-- a candle without any other trade has no prices and is not shown. `traded_candle` says the same from the trades alone:
-- `puhui verify` holds one against the other.

-- When the candle of a trade began: by the clock up to an hour, by the trading day above (a day the market counts as
-- one, midnight to midnight in Shanghai; weeks begin on Monday).
CREATE FUNCTION candle_start(span text, at_ns bigint, trading_day text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT CASE span
        WHEN '1m' THEN at_ns - at_ns % 60000000000
        WHEN '5m' THEN at_ns - at_ns % 300000000000
        WHEN '1h' THEN at_ns - at_ns % 3600000000000
        WHEN '1d' THEN (trading_day::date - date '1970-01-01') * 86400000000000 - 28800000000000
        WHEN '1w' THEN (trading_day::date - (extract(isodow FROM trading_day::date)::int - 1) - date '1970-01-01')
            * 86400000000000 - 28800000000000
    END
$$;

CREATE TABLE candle (
    listing        text   NOT NULL,
    span           text   NOT NULL CHECK (span IN ('1m', '5m', '1h', '1d', '1w')),
    start_ns       bigint NOT NULL,
    first_trade_id bigint NOT NULL,
    last_trade_id  bigint NOT NULL,
    open_fen       bigint,
    high_fen       bigint,
    low_fen        bigint,
    close_fen      bigint,
    volume_tonnes  bigint NOT NULL CHECK (volume_tonnes >= 0),
    turnover_fen   bigint NOT NULL CHECK (turnover_fen >= 0),
    trades         bigint NOT NULL CHECK (trades >= 0),
    PRIMARY KEY (listing, span, start_ns),
    CHECK (first_trade_id <= last_trade_id),
    CHECK (low_fen <= least(open_fen, close_fen) AND greatest(open_fen, close_fen) <= high_fen),
    CHECK (num_nulls(open_fen, high_fen, low_fen, close_fen) = CASE WHEN trades = 0 THEN 4 ELSE 0 END)
);
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON candle FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE candle ENABLE ALWAYS TRIGGER kept;

CREATE VIEW traded_candle AS
SELECT listing, span, candle_start(span, at_ns, trading_day) AS start_ns,
       min(trade_id) AS first_trade_id, max(trade_id) AS last_trade_id,
       (array_agg(price_fen ORDER BY trade_id) FILTER (WHERE outcome IS NULL))[1] AS open_fen,
       max(price_fen) FILTER (WHERE outcome IS NULL) AS high_fen,
       min(price_fen) FILTER (WHERE outcome IS NULL) AS low_fen,
       (array_agg(price_fen ORDER BY trade_id DESC) FILTER (WHERE outcome IS NULL))[1] AS close_fen,
       coalesce(sum(quantity_tonnes) FILTER (WHERE outcome IS NULL), 0)::bigint AS volume_tonnes,
       coalesce(sum(price_fen * quantity_tonnes) FILTER (WHERE outcome IS NULL), 0)::bigint AS turnover_fen,
       count(*) FILTER (WHERE outcome IS NULL) AS trades
FROM trade
LEFT JOIN (SELECT trade_id, outcome FROM delivery_outcome WHERE outcome = 'busted') AS undone USING (trade_id)
CROSS JOIN (VALUES ('1m'), ('5m'), ('1h'), ('1d'), ('1w')) AS spans (span)
WHERE method = 'listed'
GROUP BY 1, 2, 3;

INSERT INTO candle SELECT * FROM traded_candle;

GRANT SELECT, INSERT, UPDATE ON candle TO puhui_service;
GRANT SELECT ON traded_candle TO puhui_service;
