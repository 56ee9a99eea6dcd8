-- The settlement bank's statements, held against what is booked, and the differences they showed.

CREATE TABLE bank_statement (
    statement_id text    PRIMARY KEY,
    seq          bigint  NOT NULL,
    at_ns        bigint  NOT NULL,
    from_ns      bigint  NOT NULL,
    until_ns     bigint  NOT NULL CHECK (until_ns > from_ns),
    opening_fen  bigint  NOT NULL,
    closing_fen  bigint  NOT NULL,
    lines        integer NOT NULL,
    differences  integer NOT NULL,
    open_breaks  integer NOT NULL,
    digest       text    NOT NULL,
    EXCLUDE USING gist (int8range(from_ns, until_ns) WITH &&)
);
CREATE INDEX bank_statement_by_age ON bank_statement (seq);
SELECT make_append_only('bank_statement');

CREATE TABLE cash_break (
    break_id     bigint PRIMARY KEY,
    seq          bigint NOT NULL,
    at_ns        bigint NOT NULL,
    kind         text   NOT NULL,
    reference    text   NOT NULL,
    account      text,
    here_fen     bigint,
    there_fen    bigint,
    statement_id text   NOT NULL REFERENCES bank_statement,
    CHECK (here_fen IS NOT NULL OR there_fen IS NOT NULL)
);
SELECT make_append_only('cash_break');

CREATE TABLE cash_break_outcome (
    break_id bigint PRIMARY KEY REFERENCES cash_break,
    seq      bigint NOT NULL,
    at_ns    bigint NOT NULL,
    operator text,
    reason   text,
    CHECK ((operator IS NULL) = (reason IS NULL))
);
SELECT make_append_only('cash_break_outcome');

GRANT SELECT, INSERT ON bank_statement, cash_break, cash_break_outcome TO puhui_service;
