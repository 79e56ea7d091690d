-- Credentials that a person made ahead, for secrets whose issuer has nobody else to make them. The value lies in
-- `sealed`, under the id of the spare.
CREATE TABLE spare (
    id          TEXT PRIMARY KEY,
    secret_id   TEXT NOT NULL,
    issuer_ref  TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('ready', 'taken', 'dead', 'removed')),
    added_ms    BIGINT NOT NULL,
    added_by    TEXT NOT NULL,
    -- When it was last known to work, and when it is tried next.
    tested_ms   BIGINT,
    test_ms     BIGINT NOT NULL,
    -- Why it is no longer ready.
    detail      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX spare_secret ON spare (secret_id, added_ms, id) WHERE state = 'ready';
CREATE INDEX spare_fingerprint ON spare (secret_id, fingerprint);
CREATE INDEX spare_test ON spare (test_ms) WHERE state = 'ready';

-- How many the inventory wants to be ready.
ALTER TABLE secret ADD COLUMN standby BIGINT NOT NULL DEFAULT 0;
CREATE INDEX secret_standby ON secret (id) WHERE standby > 0;
