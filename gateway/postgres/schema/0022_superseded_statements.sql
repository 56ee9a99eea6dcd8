-- A bank statement that was wrong stays as it came, and is superseded: it tells nothing any more, and its number and its
-- period are free for the right one.

CREATE TABLE bank_statement_superseded (
    seq          bigint PRIMARY KEY,
    statement_id text   NOT NULL,
    at_ns        bigint NOT NULL,
    operator     text   NOT NULL,
    reason       text   NOT NULL
);
SELECT make_append_only('bank_statement_superseded');
CREATE INDEX bank_statement_superseded_by_statement ON bank_statement_superseded (statement_id, seq);

-- One number may have come twice by now, so a row is known by the entry that it came with.
ALTER TABLE cash_break DROP CONSTRAINT cash_break_statement_id_fkey;
ALTER TABLE bank_statement
    DROP CONSTRAINT bank_statement_pkey,
    DROP CONSTRAINT bank_statement_int8range_excl,
    ADD PRIMARY KEY (seq);
DROP INDEX bank_statement_by_age;
CREATE INDEX bank_statement_by_number ON bank_statement (statement_id, seq);

-- A superseded statement and the one that superseded nothing yet: what has been taken back has an entry after its own.
CREATE VIEW bank_statement_standing AS
SELECT bank_statement.*, taken_back.seq AS superseded_seq, taken_back.at_ns AS superseded_ns, taken_back.operator, taken_back.reason
FROM bank_statement
LEFT JOIN LATERAL (
    SELECT * FROM bank_statement_superseded
    WHERE bank_statement_superseded.statement_id = bank_statement.statement_id
        AND bank_statement_superseded.seq > bank_statement.seq
    ORDER BY bank_statement_superseded.seq
    LIMIT 1
) AS taken_back ON true;

CREATE FUNCTION refuse_second_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM bank_statement_standing AS other
        WHERE other.seq <> NEW.seq AND other.superseded_seq IS NULL
            AND (other.statement_id = NEW.statement_id
                OR int8range(other.from_ns, other.until_ns) && int8range(NEW.from_ns, NEW.until_ns))
    ) THEN
        RAISE EXCEPTION 'bank statement % is of a number or a period that another one has', NEW.statement_id
            USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER bank_statement_stands_alone AFTER INSERT ON bank_statement
FOR EACH ROW EXECUTE FUNCTION refuse_second_statement();
ALTER TABLE bank_statement ENABLE ALWAYS TRIGGER bank_statement_stands_alone;

CREATE FUNCTION refuse_break_of_no_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM bank_statement WHERE bank_statement.statement_id = NEW.statement_id) THEN
        RAISE EXCEPTION 'difference % is of statement %, which there is not', NEW.break_id, NEW.statement_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER cash_break_has_statement AFTER INSERT ON cash_break
FOR EACH ROW EXECUTE FUNCTION refuse_break_of_no_statement();
ALTER TABLE cash_break ENABLE ALWAYS TRIGGER cash_break_has_statement;

GRANT SELECT, INSERT ON bank_statement_superseded TO puhui_service;
GRANT SELECT ON bank_statement_standing TO puhui_service;
