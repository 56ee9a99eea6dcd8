-- From where a key may be used: networks in CIDR notation; none at all means from anywhere. Like all else of a key they
-- are never altered (access_key_only_revoked).

ALTER TABLE access_key ADD COLUMN networks cidr[] NOT NULL DEFAULT '{}' CHECK (cardinality(networks) <= 32);
