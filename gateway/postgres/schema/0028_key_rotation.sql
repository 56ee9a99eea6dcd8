-- Keys that took the place of others: which of which, when and by whom, and until when the old one may be used beside it.
--
-- A key is replaced once, by one that takes no other's place. The new one may do what the old one may, from where it may
-- and no longer; the database refuses any other.

CREATE TABLE access_key_rotated (
    old_key    text   PRIMARY KEY REFERENCES access_key,
    new_key    text   NOT NULL UNIQUE REFERENCES access_key,
    at_ns      bigint NOT NULL,
    ends_at_ns bigint NOT NULL CHECK (ends_at_ns >= at_ns),
    rotated_by text   NOT NULL,
    CHECK (new_key <> old_key)
);
SELECT make_append_only('access_key_rotated');

CREATE FUNCTION access_key_replaced_alike() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM access_key AS one JOIN access_key AS next ON next.key_id = NEW.new_key
        WHERE one.key_id = NEW.old_key AND one.revoked_at_ns IS NULL
          AND (next.participant, next.account, next.algorithm, next.scopes, next.networks, next.expires_at_ns)
              IS NOT DISTINCT FROM
              (one.participant, one.account, one.algorithm, one.scopes, one.networks, one.expires_at_ns)
    ) THEN
        RAISE EXCEPTION 'access key % is not replaced by %: it was revoked, or may not do the same', NEW.old_key, NEW.new_key;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER access_key_replaced_alike BEFORE INSERT ON access_key_rotated
    FOR EACH ROW EXECUTE FUNCTION access_key_replaced_alike();
