-- Back to a table of the right to publish alone.
CREATE TABLE publishing (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  owner BIGINT NOT NULL,
  lease_until BIGINT NOT NULL
);
INSERT INTO publishing VALUES (1, 0, 0);
UPDATE publishing SET owner = roles.owner, lease_until = roles.lease_until FROM roles WHERE name = 'publish';
DROP TABLE roles;
