-- Who has a role ("publish", "send/<broker>"), by what name, and until when; the right to publish was one of its own.
CREATE TABLE roles (
  name TEXT PRIMARY KEY,
  owner BIGINT NOT NULL,
  holder TEXT NOT NULL,
  lease_until BIGINT NOT NULL
);
INSERT INTO roles SELECT 'publish', owner, '', lease_until FROM publishing;
DROP TABLE publishing;
