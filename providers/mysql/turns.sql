-- The one that waits for its turn; it needs all rights of the other one.
CREATE USER shop_b@'%' ACCOUNT LOCK;
-- Who changes the two. It sees and closes their connections.
GRANT CREATE USER, CONNECTION ADMIN, PROCESS ON *.* TO keywheel@'%';
-- What the two may do is compared, and the names of clients are shown.
GRANT SELECT ON mysql.* TO keywheel@'%';
GRANT SELECT ON performance_schema.session_connect_attrs TO keywheel@'%';
