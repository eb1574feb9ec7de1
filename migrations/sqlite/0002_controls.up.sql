-- Cancel-only stops, rate limits shared by processes, incidents, and the audit trail. From here on leases
-- (orders.lease_until) are kept on the machine's monotonic clock, which no setting of the time moves; those of the
-- wall clock would never end by it, and a sender that began before this migration is not running any more.

UPDATE orders SET lease_until = 0 WHERE lease_until IS NOT NULL;

ALTER TABLE orders ADD COLUMN incident INTEGER NOT NULL DEFAULT 0;

ALTER TABLE halts ADD COLUMN mode INTEGER NOT NULL DEFAULT 0 CHECK (mode IN (0, 1));  -- 0: cancels leave
ALTER TABLE halts ADD COLUMN by TEXT NOT NULL DEFAULT '';

-- The index of the brokers' ids holds only orders that reports may name by nothing else. `ext_key` leads to a row,
-- `ext_order_id` decides.
ALTER TABLE orders ADD COLUMN ext_key TEXT;
UPDATE orders SET ext_key = ext_order_id WHERE ext_order_id IS NOT NULL;
DROP INDEX orders_ext_order_id;
CREATE INDEX orders_ext_key ON orders (ext_key) WHERE ext_key IS NOT NULL;
-- Brokers with orders that the index may lack: their orders are looked for one by one.
CREATE TABLE unindexed_brokers (
  broker TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What each broker credential has sent lately; the form is that of the library's rate window.
CREATE TABLE rate_windows (
  broker TEXT NOT NULL,
  account TEXT NOT NULL,
  counts TEXT NOT NULL,
  PRIMARY KEY (broker, account)
) STRICT, WITHOUT ROWID;

-- Who changed what, when and why. `hash` is SHA-256 over the entry and the hash before it.
CREATE TABLE audit_trail (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  by TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_trail_unchanged BEFORE UPDATE ON audit_trail
BEGIN SELECT RAISE(ABORT, 'entries of the audit trail are never changed'); END;
CREATE TRIGGER audit_trail_kept BEFORE DELETE ON audit_trail
BEGIN SELECT RAISE(ABORT, 'entries of the audit trail are never deleted'); END;
