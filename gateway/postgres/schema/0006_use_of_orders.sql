-- What a purchase was to be retired for. The orders that ended before this was kept had no use.

ALTER TABLE ended_order ADD COLUMN use text;  -- JSON [purpose, beneficiary, statement]
