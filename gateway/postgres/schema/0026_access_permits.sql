-- Ways in that a second person agreed to, or that one operator made alone.
--
-- A permit has the number of the journal's entry that asked for it, and is spent in the transaction of what is made by it:
-- never twice, and never without it. made_alone_by names the operator on whose word alone a key was made, or a person's
-- password was set, last; it is empty where a second person agreed, where the exchange began with it, and for all that was
-- there before this was recorded.

CREATE TABLE access_permit_spent (
    number bigint PRIMARY KEY CHECK (number > 0),
    made   text   NOT NULL,        -- the key's name, or the person's
    at_ns  bigint NOT NULL
);
SELECT make_append_only('access_permit_spent');

ALTER TABLE access_key ADD COLUMN made_alone_by text;
ALTER TABLE person ADD COLUMN made_alone_by text;
