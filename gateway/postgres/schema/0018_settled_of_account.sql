-- What settled for an account, for its statement: a movement of the registry settles up to a thousand deliveries in one
-- entry, and an account has few of them.

CREATE INDEX settled_from_account ON settlement.settled (from_account, seq);
CREATE INDEX settled_to_account ON settlement.settled (to_account, seq);
