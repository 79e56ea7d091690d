-- What environments allow, as the inventory was applied.
CREATE TABLE environment (
    name               TEXT PRIMARY KEY,
    -- Rotations that the schedule may start in 24 hours; none where there is no limit.
    max_starts_per_day BIGINT
);

-- Whether its environment's limit put a start off to the moment in start_ms.
ALTER TABLE secret ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
CREATE INDEX secret_held ON secret (environment, start_ms) WHERE held = 1;

-- Counting what the schedule started; requests from before are not counted.
ALTER TABLE request ADD COLUMN environment TEXT NOT NULL DEFAULT '';
CREATE INDEX request_scheduled ON request (environment, created_ms) WHERE cause = 'scheduled';
