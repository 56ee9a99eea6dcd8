-- What supervisors looked at, who, and why; and what their looks at refused orders need.

CREATE TABLE supervisor_look (
    look_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ns       bigint NOT NULL,
    participant text   NOT NULL,
    caller      text   NOT NULL,
    target      text   NOT NULL CHECK (length(target) <= 1024),
    reason      text
);
SELECT make_append_only('supervisor_look');

-- A day's trades lie together, for they are only ever added: a few blocks to look at, and next to no cost on insertion.
CREATE INDEX trade_of_day ON trade USING brin (trading_day) WITH (pages_per_range = 32, autosummarize = on);

-- Refused orders are few among those that ended, and are looked for across all accounts.
CREATE INDEX ended_order_rejected ON ended_order (order_id) WHERE status = 'rejected';
