-- Takes the audit trail with it. A stop that let cancels through stays on, like every other.

DROP TABLE audit_trail;
DROP TABLE rate_windows;
ALTER TABLE halts DROP COLUMN by;
ALTER TABLE halts DROP COLUMN mode;
DROP TABLE unindexed_brokers;
DROP INDEX orders_ext_key;
ALTER TABLE orders DROP COLUMN ext_key;
CREATE INDEX orders_ext_order_id ON orders (ext_order_id) WHERE ext_order_id IS NOT NULL;
ALTER TABLE orders DROP COLUMN incident;
