-- Which journal entries decided what was asked for under which id, written in the transaction of those entries.
--
-- Where an answer in act_answered is missing, these are the entries that decided the act, and no others are: looking
-- for the same command among the entries after act_asked.position could find somebody else's.

CREATE TABLE act_decided (
    seq         bigint PRIMARY KEY CHECK (seq > 0),
    participant text   NOT NULL,
    client_id   text   NOT NULL,
    FOREIGN KEY (participant, client_id) REFERENCES act_asked
);
CREATE INDEX act_decided_of_act ON act_decided (participant, client_id);
SELECT make_append_only('act_decided');
GRANT SELECT, INSERT ON act_decided TO puhui_service;
