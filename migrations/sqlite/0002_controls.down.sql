-- Takes the audit trail with it. A stop that let cancels through stays on, like every other.

DROP TABLE audit_trail;
DROP TABLE rate_windows;
ALTER TABLE halts DROP COLUMN by;
ALTER TABLE halts DROP COLUMN mode;
ALTER TABLE orders DROP COLUMN incident;
