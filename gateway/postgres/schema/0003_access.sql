-- Keys with which programs sign their requests, and what each may do.
--
-- Of an Ed25519 key only the public half is here. An HMAC secret is sealed (AES-256-GCM) with a key that lies in a
-- file outside the database. A key is never altered and never removed, only revoked, so that whatever was done with
-- it can still be told years later.

CREATE TABLE access_key (
    key_id        text     PRIMARY KEY CHECK (key_id ~ '^[A-Za-z0-9._-]{1,64}$'),
    participant   text     NOT NULL,
    account       text,                       -- the account it acts for when a request names none
    algorithm     text     NOT NULL CHECK (algorithm IN ('ed25519', 'hmac-sha256')),
    public_key    bytea    CHECK (octet_length(public_key) = 32),
    sealed_secret bytea,
    scopes        text[]   NOT NULL CHECK (cardinality(scopes) > 0),
    label         text     NOT NULL DEFAULT '',
    created_by    text     NOT NULL,
    created_at_ns bigint   NOT NULL,
    expires_at_ns bigint,
    revoked_at_ns bigint,
    revoked_by    text,
    CHECK ((algorithm = 'ed25519') = (public_key IS NOT NULL)),
    CHECK ((algorithm = 'hmac-sha256') = (sealed_secret IS NOT NULL)),
    CHECK ((revoked_at_ns IS NULL) = (revoked_by IS NULL))
);

CREATE INDEX access_key_participant ON access_key (participant);

CREATE FUNCTION access_key_only_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'access key % is never removed', OLD.key_id;
    END IF;
    IF OLD.revoked_at_ns IS NOT NULL THEN
        RAISE EXCEPTION 'access key % was revoked for good', OLD.key_id;
    END IF;
    IF (to_jsonb(NEW) - 'revoked_at_ns' - 'revoked_by') <> (to_jsonb(OLD) - 'revoked_at_ns' - 'revoked_by') THEN
        RAISE EXCEPTION 'access key % can be revoked and not otherwise altered', OLD.key_id;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER access_key_only_revoked BEFORE UPDATE OR DELETE ON access_key
    FOR EACH ROW EXECUTE FUNCTION access_key_only_revoked();
