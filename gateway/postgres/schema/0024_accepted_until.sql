-- Up to which date (milliseconds since the epoch) signatures of requests may have been accepted: written before any is.
--
-- A start takes no signature dated up to it, since nobody remembers any more which of them were accepted. One row.
CREATE TABLE accepted_until (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    until_ms bigint  NOT NULL CHECK (until_ms >= 0)
);

-- The release before kept no such note, and took signatures dated up to five seconds ahead.
INSERT INTO accepted_until (until_ms)
SELECT CASE WHEN EXISTS (SELECT FROM access_key)
            THEN (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 5000 ELSE 0 END;
