-- Which process wrote the journal from which entry on: one row for each, added before it writes anything else.
--
-- The newest row is whose turn it is. Whoever finds that it is not its own any more has been replaced, and writes nothing.
-- The marks (SHA-256) tell a standby whether its files are those of the writer it is to replace, and nothing else.
CREATE TABLE writer_term (
    term      bigint      PRIMARY KEY CHECK (term > 0),
    first_seq bigint      NOT NULL CHECK (first_seq > 0),
    host      text        NOT NULL,
    process   integer     NOT NULL,
    release   text        NOT NULL,
    seal_mark text,
    line_mark text,
    taken_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX writer_term_by_entry ON writer_term (first_seq);
SELECT make_append_only('writer_term');
GRANT SELECT ON writer_term TO puhui_service;
