-- Who owns what: the owner role has the objects and never logs in; the two others take turns and own nothing.
CREATE ROLE app_owner NOLOGIN;
CREATE ROLE app_a LOGIN IN ROLE app_owner;
CREATE ROLE app_b NOLOGIN IN ROLE app_owner;
-- What either of them creates belongs to the owner role.
ALTER ROLE app_a SET role = 'app_owner';
ALTER ROLE app_b SET role = 'app_owner';
-- Who changes them. It sees and ends sessions, and has no right on any data.
CREATE ROLE rotator LOGIN CREATEROLE;
GRANT pg_read_all_stats, pg_signal_backend TO rotator;
