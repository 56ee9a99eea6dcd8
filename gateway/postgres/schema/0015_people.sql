-- People who log in: who they are, how they prove it, and their sessions.
--
-- Of a password its argon2id hash is here, of a session's token and of a recovery code their SHA-256. An authenticator's
-- secret is sealed (AES-256-GCM) with a key that lies in a file outside the database. A person is never removed, only
-- disabled, and whom a name stands for, and what it may do, is never altered; so whatever was done in its name can
-- still be told years later.

CREATE TABLE person (
    name              text     PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9._-]{1,64}$'),
    participant       text     NOT NULL,
    account           text,                     -- the account it acts for when a request names none
    scopes            text[]   NOT NULL CHECK (cardinality(scopes) > 0),
    created_by        text     NOT NULL,
    created_at_ns     bigint   NOT NULL,
    password_hash     text     NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    one_time_until_ns bigint,                   -- the password was given by an operator and must be changed by then
    totp_sealed       bytea,
    totp_confirmed    boolean  NOT NULL DEFAULT false,
    totp_step         bigint   NOT NULL DEFAULT 0,   -- the last code used; it and those before it are not taken again
    recovery          bytea[]  NOT NULL DEFAULT '{}',
    disabled_at_ns    bigint,
    signed_in_at_ns   bigint,
    CHECK (NOT totp_confirmed OR totp_sealed IS NOT NULL)
);

CREATE UNIQUE INDEX person_name_once ON person (lower(name));   -- nobody is told apart by capitals

CREATE FUNCTION person_keeps_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'person % is never removed', OLD.name;
    END IF;
    IF (NEW.name, NEW.participant, NEW.account, NEW.scopes, NEW.created_by, NEW.created_at_ns)
        IS DISTINCT FROM (OLD.name, OLD.participant, OLD.account, OLD.scopes, OLD.created_by, OLD.created_at_ns) THEN
        RAISE EXCEPTION 'person % stays who it is', OLD.name;
    END IF;
    IF NEW.totp_step < OLD.totp_step THEN
        RAISE EXCEPTION 'person %: a code that was used is not forgotten', OLD.name;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER person_keeps_identity BEFORE UPDATE OR DELETE ON person
    FOR EACH ROW EXECUTE FUNCTION person_keeps_identity();

-- What was done with a person's way in, by whom and why.
CREATE TABLE person_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text   NOT NULL REFERENCES person,
    kind     text   NOT NULL,
    by       text   NOT NULL,
    reason   text   NOT NULL DEFAULT '',
    at_ns    bigint NOT NULL
);

CREATE INDEX person_event_name ON person_event (name, event_id);

SELECT make_append_only('person_event');

CREATE TABLE person_session (
    session       text   PRIMARY KEY CHECK (session ~ '^s-[0-9a-f]{16}$'),
    token_digest  bytea  NOT NULL UNIQUE CHECK (octet_length(token_digest) = 32),
    name          text   NOT NULL REFERENCES person,
    must_change   boolean NOT NULL,
    address       text   NOT NULL,
    agent         text   NOT NULL,
    created_at_ns bigint NOT NULL,
    seen_at_ns    bigint NOT NULL,
    ends_at_ns    bigint NOT NULL,
    ended_at_ns   bigint,
    ended_by      text,
    CHECK ((ended_at_ns IS NULL) = (ended_by IS NULL))
);

CREATE INDEX person_session_open ON person_session (name) WHERE ended_at_ns IS NULL;
