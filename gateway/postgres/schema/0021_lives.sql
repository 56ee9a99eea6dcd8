-- Restores: from which entry on an exchange that was put back from a backup gives its numbers a second time.
--
-- The registry knows what was asked after the backup, and this database does not. The mark is part of every request's name
-- from that entry on, so that no movement is ever asked for under a name that stands for another. It is random: one
-- backup may be put back more than once.
CREATE TABLE exchange_life (
    first_seq bigint      NOT NULL CHECK (first_seq > 0),
    mark      text        PRIMARY KEY CHECK (mark ~ '^[0-9a-f]{8}$'),
    made_at   timestamptz NOT NULL DEFAULT now()
);
SELECT make_append_only('exchange_life');
GRANT SELECT ON exchange_life TO puhui_service;
