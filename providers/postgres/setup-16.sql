-- From PostgreSQL 16 on CREATEROLE alone alters no role that it did not create; before, leave these two out.
GRANT app_a TO rotator WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
GRANT app_b TO rotator WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
