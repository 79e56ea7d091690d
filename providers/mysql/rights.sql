GRANT CREATE USER, CONNECTION ADMIN ON *.* TO keywheel@'%';
GRANT SELECT ON mysql.global_priv TO keywheel@'%';
