-- First starts that `inventory apply --spread` gave, until the first rotation has completed: the schedule starts no
-- earlier. Both columns are filled or none is.
ALTER TABLE secret ADD COLUMN first_ms BIGINT;
-- Over how long they were spread, milliseconds.
ALTER TABLE secret ADD COLUMN first_span_ms BIGINT;
