-- A trade can also end by being undone before its delivery was instructed: a third outcome, whose code is the
-- operator's reason. It is a row like the others, so a trade is settled, failed or undone at most once.

ALTER TABLE delivery_outcome
    DROP CONSTRAINT delivery_outcome_outcome_check,
    DROP CONSTRAINT delivery_outcome_check1,
    ADD CONSTRAINT delivery_outcome_outcome_check CHECK (outcome IN ('settled', 'failed', 'busted')),
    ADD CONSTRAINT delivery_outcome_code_check CHECK ((outcome = 'settled') = (code IS NULL));
