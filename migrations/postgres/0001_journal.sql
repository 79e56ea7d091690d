-- The journal: inventory, requests, rotations, effects, credentials, evidence, audit.
-- Text ids, epoch milliseconds, no triggers; the same tables as in ../sqlite, see ../README.md.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE inventory_file (
    path       TEXT PRIMARY KEY,
    hash       TEXT NOT NULL,
    around     TEXT NOT NULL,
    ids        BYTEA NOT NULL,
    claims     BYTEA NOT NULL,
    needs      BYTEA NOT NULL,
    applied_ms BIGINT NOT NULL
);

CREATE TABLE owner (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
);

CREATE TABLE secret (
    id                 TEXT PRIMARY KEY,
    shard              BIGINT NOT NULL,
    environment        TEXT NOT NULL,
    name               TEXT NOT NULL,
    owner              TEXT NOT NULL,
    manage             TEXT NOT NULL,
    tags               TEXT NOT NULL,
    schedule           TEXT NOT NULL,
    file               TEXT NOT NULL,
    definition_n       BIGINT NOT NULL,
    enrolled_ms        BIGINT NOT NULL,
    last_rotated_ms    BIGINT,
    next_rotation_ms   BIGINT,
    soon_ms            BIGINT,
    start_ms           BIGINT,
    start_reason       TEXT NOT NULL,
    current_credential TEXT,
    paused_by          TEXT,
    paused_reason      TEXT,
    paused_until_ms    BIGINT,
    retired_ms         BIGINT,
    busy               BIGINT NOT NULL DEFAULT 0,
    consumers          BIGINT NOT NULL DEFAULT 0,
    proven             BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX secret_start ON secret (shard, start_ms) WHERE busy = 0 AND start_ms IS NOT NULL;
CREATE INDEX secret_next ON secret (next_rotation_ms) WHERE retired_ms IS NULL;
CREATE INDEX secret_file ON secret (file, id) WHERE retired_ms IS NULL;

CREATE TABLE secret_definition (
    secret_id TEXT PRIMARY KEY,
    body      TEXT NOT NULL
);

CREATE TABLE request (
    id            TEXT PRIMARY KEY,
    secret_id     TEXT NOT NULL,
    cause         TEXT NOT NULL,
    mode          TEXT NOT NULL,
    credential    TEXT NOT NULL,
    reason        TEXT NOT NULL,
    actor         TEXT NOT NULL,
    accept_outage BIGINT NOT NULL,
    reported_ms   BIGINT NOT NULL,
    created_ms    BIGINT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('queued', 'adopted', 'dropped')),
    rotation_id   TEXT
);
CREATE INDEX request_queued ON request (secret_id) WHERE state = 'queued';
CREATE INDEX request_order ON request ((CASE cause WHEN 'emergency' THEN 0 ELSE 1 END), created_ms)
    WHERE state = 'queued';

CREATE TABLE rotation (
    id              TEXT PRIMARY KEY,
    secret_id       TEXT NOT NULL,
    host            TEXT,
    priority        BIGINT NOT NULL,
    phase           TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('active', 'waiting', 'blocked', 'ended')),
    mode            TEXT NOT NULL,
    cause           TEXT NOT NULL,
    reason          TEXT NOT NULL,
    actor           TEXT NOT NULL,
    plan            TEXT NOT NULL,
    exclusive       BIGINT NOT NULL,
    fence           BIGINT NOT NULL,
    holder          TEXT NOT NULL,
    lease_until_ms  BIGINT NOT NULL,
    wake_ms         BIGINT NOT NULL,
    touched         BIGINT NOT NULL,
    wish            TEXT NOT NULL,
    wish_actor      TEXT NOT NULL,
    accept_outage   BIGINT NOT NULL,
    leaked          TEXT NOT NULL,
    old_credential  TEXT,
    candidate       TEXT,
    created_ms      BIGINT NOT NULL,
    phase_since_ms  BIGINT NOT NULL,
    retried_ms      BIGINT NOT NULL,
    published_ms    BIGINT,
    proven_ms       BIGINT,
    ended_ms        BIGINT,
    reported_ms     BIGINT,
    refused_ms      BIGINT,
    question        TEXT NOT NULL,
    waiting         TEXT NOT NULL,
    audit_n         BIGINT NOT NULL,
    audit_head      TEXT NOT NULL
);
CREATE UNIQUE INDEX rotation_exclusive ON rotation (secret_id) WHERE exclusive = 1;
CREATE INDEX rotation_wake ON rotation (priority, wake_ms) WHERE state <> 'ended';
CREATE INDEX rotation_asleep ON rotation (wake_ms) WHERE state <> 'ended' AND holder = '';
CREATE INDEX rotation_held ON rotation (lease_until_ms, wake_ms) WHERE state <> 'ended' AND holder <> '';
CREATE INDEX rotation_secret ON rotation (secret_id, created_ms);
CREATE INDEX rotation_open ON rotation (secret_id, created_ms) WHERE state <> 'ended';

CREATE TABLE credential (
    id           TEXT PRIMARY KEY,
    secret_id    TEXT NOT NULL,
    rotation_id  TEXT,
    issuer_ref   TEXT,
    fingerprint  TEXT,
    state        TEXT NOT NULL CHECK (state IN
        ('candidate', 'current', 'previous', 'disabled', 'retiring', 'refused', 'replaced', 'unknown', 'destroyed')),
    born_ms      BIGINT NOT NULL,
    published_ms BIGINT,
    ended_ms     BIGINT,
    expires_ms   BIGINT
);
CREATE INDEX credential_secret ON credential (secret_id, born_ms);

CREATE TABLE published (
    secret_id   TEXT NOT NULL,
    destination TEXT NOT NULL,
    version     TEXT NOT NULL,
    credential  TEXT NOT NULL,
    at_ms       BIGINT NOT NULL,
    PRIMARY KEY (secret_id, destination)
);

CREATE TABLE data_key (
    rotation_id TEXT PRIMARY KEY,
    key_id      TEXT NOT NULL,
    wrapped     BYTEA NOT NULL
);

CREATE TABLE sealed (
    rotation_id TEXT NOT NULL,
    name        TEXT NOT NULL,
    body        BYTEA NOT NULL,
    PRIMARY KEY (rotation_id, name)
);

CREATE TABLE effect (
    rotation_id TEXT NOT NULL,
    kind        TEXT NOT NULL,
    target      TEXT NOT NULL,
    try         BIGINT NOT NULL,
    token       TEXT NOT NULL,
    fence       BIGINT NOT NULL,
    created_ms  BIGINT NOT NULL,
    deadline_ms BIGINT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('intent', 'applied', 'absent', 'failed', 'pending', 'orphaned')),
    retry_ms    BIGINT NOT NULL,
    settled_ms  BIGINT,
    word        TEXT NOT NULL,
    result      TEXT NOT NULL,
    PRIMARY KEY (rotation_id, kind, target, try)
);

CREATE TABLE probe (
    rotation_id TEXT NOT NULL,
    kind        TEXT NOT NULL,
    target      TEXT NOT NULL,
    result      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    at_ms       BIGINT NOT NULL,
    failures    BIGINT NOT NULL,
    PRIMARY KEY (rotation_id, kind, target)
);

CREATE TABLE evidence (
    rotation_id TEXT NOT NULL,
    consumer    TEXT NOT NULL,
    instance    TEXT NOT NULL,
    holding     TEXT NOT NULL,
    strength    TEXT NOT NULL,
    at_ms       BIGINT NOT NULL,
    detail      TEXT NOT NULL,
    PRIMARY KEY (rotation_id, consumer, instance)
);

CREATE TABLE waiver (
    id          TEXT PRIMARY KEY,
    secret_id   TEXT NOT NULL,
    subject     TEXT NOT NULL,
    actor       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    created_ms  BIGINT NOT NULL,
    until_ms    BIGINT NOT NULL
);
CREATE INDEX waiver_secret ON waiver (secret_id, until_ms);

CREATE TABLE audit (
    id          TEXT PRIMARY KEY,
    seq         BIGINT,
    at_ms       BIGINT NOT NULL,
    secret_id   TEXT NOT NULL,
    rotation_id TEXT NOT NULL,
    n           BIGINT NOT NULL,
    actor       TEXT NOT NULL,
    action      TEXT NOT NULL,
    phase       TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    credential  TEXT NOT NULL,
    destination TEXT NOT NULL,
    evidence    TEXT NOT NULL,
    detail      TEXT NOT NULL,
    chain_prev  TEXT NOT NULL,
    leaf        TEXT NOT NULL,
    prev_hash   TEXT,
    hash        TEXT
);
CREATE UNIQUE INDEX audit_seq ON audit (seq) WHERE seq IS NOT NULL;
CREATE INDEX audit_pending ON audit (rotation_id, n) WHERE seq IS NULL;
CREATE INDEX audit_rotation ON audit (rotation_id, n);
CREATE INDEX audit_secret ON audit (secret_id, seq);

CREATE TABLE lease (
    name     TEXT PRIMARY KEY,
    holder   TEXT NOT NULL,
    term     BIGINT NOT NULL,
    until_ms BIGINT NOT NULL
);

CREATE TABLE replica (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    host       TEXT NOT NULL,
    pid        BIGINT NOT NULL,
    started_ms BIGINT NOT NULL,
    seen_ms    BIGINT NOT NULL,
    stopped_ms BIGINT
);

CREATE TABLE bucket (
    name       TEXT PRIMARY KEY,
    tokens     BIGINT NOT NULL,
    refill_ms  BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
