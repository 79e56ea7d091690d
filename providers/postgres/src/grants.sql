-- What one role may do, line by line, without the role's own name: two roles that may do the same have the same lines.
-- All of it is found through pg_shdepend, which knows every object that names a role, in every database of the cluster;
-- what lies in another database than this one can only be told by number. DATABASE and ROLE are put in.
WITH role AS (
    SELECT * FROM pg_catalog.pg_roles WHERE rolname = ROLE
), named AS (
    SELECT d.*, d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) AS here
    FROM pg_catalog.pg_shdepend d, role
    WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = role.oid
), granted AS (
    SELECT n.classid, n.objid, n.objsubid, coalesce(
        CASE n.classid
            WHEN 'pg_class'::regclass THEN CASE n.objsubid
                WHEN 0 THEN (SELECT relacl FROM pg_class WHERE oid = n.objid)
                ELSE (SELECT attacl FROM pg_attribute WHERE attrelid = n.objid AND attnum = n.objsubid) END
            WHEN 'pg_proc'::regclass THEN (SELECT proacl FROM pg_proc WHERE oid = n.objid)
            WHEN 'pg_namespace'::regclass THEN (SELECT nspacl FROM pg_namespace WHERE oid = n.objid)
            WHEN 'pg_database'::regclass THEN (SELECT datacl FROM pg_database WHERE oid = n.objid)
            WHEN 'pg_type'::regclass THEN (SELECT typacl FROM pg_type WHERE oid = n.objid)
            WHEN 'pg_language'::regclass THEN (SELECT lanacl FROM pg_language WHERE oid = n.objid)
            WHEN 'pg_tablespace'::regclass THEN (SELECT spcacl FROM pg_tablespace WHERE oid = n.objid)
            WHEN 'pg_parameter_acl'::regclass THEN (SELECT paracl FROM pg_parameter_acl WHERE oid = n.objid)
            WHEN 'pg_foreign_server'::regclass THEN (SELECT srvacl FROM pg_foreign_server WHERE oid = n.objid)
            WHEN 'pg_foreign_data_wrapper'::regclass THEN
                (SELECT fdwacl FROM pg_foreign_data_wrapper WHERE oid = n.objid)
            WHEN 'pg_largeobject'::regclass THEN (SELECT lomacl FROM pg_largeobject_metadata WHERE oid = n.objid)
            WHEN 'pg_default_acl'::regclass THEN (SELECT defaclacl FROM pg_default_acl WHERE oid = n.objid)
        END, '{}') AS acl
    FROM named n WHERE n.here AND n.deptype = 'a'
)
SELECT acl.privilege_type || ' on ' || pg_describe_object(g.classid, g.objid, g.objsubid)
    || CASE WHEN acl.is_grantable THEN ' with grant option' ELSE '' END AS line
FROM granted g, role, aclexplode(g.acl) acl WHERE acl.grantee = role.oid
UNION SELECT 'ownership of ' || pg_describe_object(classid, objid, objsubid) || ' (let the owner role own it)'
FROM named WHERE here AND deptype = 'o'
    -- A user mapping names its own role: those are compared below, by their servers.
    AND classid NOT IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass)
UNION SELECT 'the row policy of ' || pg_describe_object(classid, objid, objsubid)
FROM named WHERE here AND deptype = 'r'
UNION SELECT 'what it has on object ' || classid || '/' || objid || ' of the database ' || datname
FROM named JOIN pg_database db ON db.oid = named.dbid WHERE NOT here
UNION SELECT 'membership in ' || m.roleid::regrole
    || CASE WHEN m.admin_option THEN ' with admin option' ELSE '' END
    -- Columns from PostgreSQL 16 on.
    || CASE to_jsonb(m) ->> 'inherit_option' WHEN 'false' THEN ' without inherit' ELSE '' END
    || CASE to_jsonb(m) ->> 'set_option' WHEN 'false' THEN ' without set' ELSE '' END
FROM pg_auth_members m, role WHERE m.member = role.oid
UNION SELECT 'the setting ' || setting || CASE WHEN setdatabase = 0 THEN '' ELSE
    ' in database ' || (SELECT datname FROM pg_database WHERE oid = setdatabase) END
FROM pg_db_role_setting s, role, unnest(s.setconfig) setting WHERE s.setrole = role.oid
UNION SELECT 'the user mapping for server ' || srvname
FROM pg_user_mappings u, role WHERE u.umuser = role.oid
UNION SELECT attribute FROM role, LATERAL (VALUES
    (rolsuper, 'SUPERUSER'), (rolinherit, 'INHERIT'), (rolcreaterole, 'CREATEROLE'), (rolcreatedb, 'CREATEDB'),
    (rolreplication, 'REPLICATION'), (rolbypassrls, 'BYPASSRLS'),
    (true, 'CONNECTION LIMIT ' || rolconnlimit),
    -- One that is over has nothing left to lose.
    (coalesce(rolvaliduntil, 'infinity') > now(), 'VALID UNTIL ' || coalesce(rolvaliduntil, 'infinity'))
) has (it, attribute) WHERE has.it
