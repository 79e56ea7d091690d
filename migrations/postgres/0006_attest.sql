-- Consumers that cannot listen. A challenge is good for one answer of one instance, within a minute, whichever replica
-- it is posted to; what they answered is looked at by rotations for a day. No value lies here, only a proof about one.
CREATE TABLE challenge (
    challenge TEXT PRIMARY KEY,
    secret_id TEXT NOT NULL,
    consumer  TEXT NOT NULL,
    instance  TEXT NOT NULL,
    issued_ms BIGINT NOT NULL
);
CREATE INDEX challenge_consumer ON challenge (secret_id, consumer);
CREATE INDEX challenge_issued ON challenge (issued_ms);

CREATE TABLE attestation (
    challenge TEXT PRIMARY KEY,
    secret_id TEXT NOT NULL,
    consumer  TEXT NOT NULL,
    instance  TEXT NOT NULL,
    -- The answer of the handshake, as JSON.
    answer    TEXT NOT NULL,
    -- When its challenge was given out: the value was held at some time after that.
    issued_ms BIGINT NOT NULL
);
CREATE INDEX attestation_consumer ON attestation (secret_id, consumer, instance, issued_ms, challenge);
CREATE INDEX attestation_issued ON attestation (issued_ms);
