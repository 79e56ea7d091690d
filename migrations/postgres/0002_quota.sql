-- Calls that outside systems allow, shared by all replicas. Nothing ever wrote to the table before it.
DROP TABLE bucket;

CREATE TABLE quota (
    name       TEXT PRIMARY KEY,
    -- How many calls a minute we allow ourselves now: halved when told to slow down, back to the limit little by little.
    per_minute BIGINT NOT NULL,
    -- Calls that may be made, in millionths, as of that moment; it lies ahead where everybody was told to wait.
    calls_u    BIGINT NOT NULL,
    as_of_ms   BIGINT NOT NULL,
    -- When the pace last changed.
    paced_ms   BIGINT NOT NULL
);
