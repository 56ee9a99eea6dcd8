-- What operators, the bank and the authority have asked for under ids of their own, and what they were answered: the
-- same request again is told the first answer.
--
-- position is the journal's last entry when the request came. Where an answer is missing the process ended in between:
-- whether its command was decided is then looked up among the entries after that one. An answer may hold a new key's
-- secret, so it is sealed (AES-256-GCM) with a key that lies in a file outside the database.

CREATE TABLE act_asked (
    participant text   NOT NULL,
    client_id   text   NOT NULL CHECK (client_id ~ '^[A-Za-z0-9._-]{1,36}$'),
    digest      bytea  NOT NULL CHECK (length(digest) = 32),   -- SHA-256 of method, address and body
    position    bigint NOT NULL CHECK (position >= 0),
    at_ns       bigint NOT NULL,
    PRIMARY KEY (participant, client_id)
);
SELECT make_append_only('act_asked');

CREATE TABLE act_answered (
    participant text   NOT NULL,
    client_id   text   NOT NULL,
    sealed      bytea  NOT NULL,
    at_ns       bigint NOT NULL,
    PRIMARY KEY (participant, client_id),
    FOREIGN KEY (participant, client_id) REFERENCES act_asked
);
SELECT make_append_only('act_answered');
