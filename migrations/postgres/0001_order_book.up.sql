-- The order book of any number of processes.
--
-- Encoding
--   * Amounts are NUMERIC: money with 18 decimals and all the digits of the library's 128 bits, prices, quantities and
--     rates with 9. NUMERIC computes, compares and sorts exactly.
--   * Instants are BIGINT, microseconds since 1970 UTC: every value of the library's type has one, none depends on a
--     session's TimeZone or DateStyle, and a number is read and written faster than a date. Leases are times of
--     the database's clock, which every process sees; all others are of the clock of whoever wrote them. Days are
--     INTEGER, days since 1970.
--   * Enumerations are SMALLINT with the numbers of the C++ enumerators: an order's status is part of an index and
--     changes five times in its life. The view at the end shows words and times, for people with psql.
--   * A text that is not there is ''; any other value that is not there is NULL.
--
-- Ids come from sequences and are drawn inside the transaction that uses them, after it holds its locks: the events of
-- one order have growing ids. Processes draw alternately, so the ids of a batch's orders need not be consecutive.

CREATE TABLE schema_migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
-- By this a database is known as ours.
COMMENT ON TABLE schema_migrations IS 'liborchestrator order book';

CREATE SEQUENCE batch_ids;
CREATE SEQUENCE order_ids;
CREATE SEQUENCE event_ids;

-- One row: every change of the reference data draws another number. Its lock puts them one behind the other.
CREATE TABLE reference_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version BIGINT NOT NULL
);
INSERT INTO reference_state VALUES (1, 1);

-- Senders. One that signed off is gone; one that did not may be, which is known when its leases are over.
CREATE TABLE owners (
  id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  started_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
  ended_at TIMESTAMPTZ
);

-- A batch's status derives from its counts and orders and has no column.
CREATE TABLE order_batches (
  id BIGINT PRIMARY KEY,
  tenant TEXT NOT NULL,
  user_id BIGINT NOT NULL,
  portfolio_id BIGINT NOT NULL,
  idempotency_key TEXT NOT NULL,
  orders_json TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  total_orders INTEGER NOT NULL,
  open_orders INTEGER NOT NULL,
  filled_orders INTEGER NOT NULL,
  executed_orders INTEGER NOT NULL,
  cancelled_orders INTEGER NOT NULL,
  rejected_orders INTEGER NOT NULL,
  version BIGINT NOT NULL,
  event_seq INTEGER NOT NULL
);
CREATE INDEX order_batches_portfolio ON order_batches (portfolio_id, id);

CREATE TABLE orders (
  id BIGINT PRIMARY KEY,
  batch_id BIGINT NOT NULL REFERENCES order_batches (id),
  leg INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  portfolio_id BIGINT NOT NULL,
  broker TEXT NOT NULL,
  client_order_id TEXT NOT NULL UNIQUE,
  instrument_id BIGINT NOT NULL,
  symbol TEXT NOT NULL,
  side SMALLINT NOT NULL CHECK (side IN (0, 1)),
  order_type SMALLINT NOT NULL CHECK (order_type BETWEEN 0 AND 3),
  time_in_force SMALLINT NOT NULL CHECK (time_in_force BETWEEN 0 AND 3),
  multiplier BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  ext_order_id TEXT NOT NULL,
  status SMALLINT NOT NULL CHECK (status BETWEEN 0 AND 11),
  qty NUMERIC(19, 9) NOT NULL CHECK (qty > 0),
  price_limit NUMERIC(19, 9),
  stop_price NUMERIC(19, 9),
  fill_qty NUMERIC(19, 9) NOT NULL CHECK (fill_qty >= 0),
  fill_notional NUMERIC(39, 18) NOT NULL,
  fees NUMERIC(39, 18) NOT NULL,
  margin_reserved NUMERIC(39, 18) NOT NULL,
  reason TEXT NOT NULL,
  ended_as SMALLINT CHECK (ended_as IN (8, 9, 10)),
  cancel_requested BOOLEAN NOT NULL,
  pending_qty NUMERIC(19, 9),
  pending_price_limit NUMERIC(19, 9),
  replace_count INTEGER NOT NULL,
  overfilled BOOLEAN NOT NULL,
  late_fill BOOLEAN NOT NULL,
  busted BOOLEAN NOT NULL,
  parked BOOLEAN NOT NULL,
  incident BOOLEAN NOT NULL,
  attempt INTEGER NOT NULL,
  lease_epoch BIGINT NOT NULL,
  lease_owner BIGINT NOT NULL,
  lease_until BIGINT,
  submitted_at BIGINT,
  acked_at BIGINT,
  executed_at BIGINT,
  ended_at BIGINT,
  settled_at BIGINT,
  version BIGINT NOT NULL,
  event_seq INTEGER NOT NULL
);
CREATE INDEX orders_batch ON orders (batch_id);
CREATE INDEX orders_portfolio ON orders (portfolio_id, id);
-- What waits to be sent, is in doubt, is due to settle, ... in the order of ids.
CREATE INDEX orders_status ON orders (status, id);
-- Broker reports. Not unique: some brokers start their ids again every day.
CREATE INDEX orders_ext_order_id ON orders (ext_order_id) WHERE ext_order_id <> '';

CREATE TABLE executions (
  id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,  -- of one order: as they were recorded
  broker TEXT NOT NULL,
  account TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  order_id BIGINT NOT NULL REFERENCES orders (id),
  kind SMALLINT NOT NULL CHECK (kind BETWEEN 0 AND 2),
  ref_execution_id TEXT NOT NULL,
  qty NUMERIC(19, 9) NOT NULL,
  price NUMERIC(19, 9) NOT NULL,
  fees NUMERIC(39, 18) NOT NULL,
  executed_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  UNIQUE (execution_id, broker, account)
);
CREATE INDEX executions_order ON executions (order_id);

-- One row per batch. The response goes ('') when it expires; the row stays for ever, so that the key never places
-- twice.
CREATE TABLE idempotency_keys (
  batch_id BIGINT PRIMARY KEY REFERENCES order_batches (id),
  tenant TEXT NOT NULL,
  operation TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint BYTEA NOT NULL CHECK (length(fingerprint) = 32),
  response TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  UNIQUE (key, tenant, operation)
);
CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at) WHERE response <> '';

-- The log. `lines` holds the events of one step of one batch; order_id 0: of several orders, or of the batch.
CREATE TABLE events (
  id BIGINT PRIMARY KEY,
  batch_id BIGINT NOT NULL REFERENCES order_batches (id),
  order_id BIGINT NOT NULL,
  at BIGINT NOT NULL,
  lines TEXT NOT NULL
);
CREATE INDEX events_batch ON events (batch_id, id);

-- Rows of the log whose delivery is not confirmed.
CREATE TABLE outbox (
  event_id BIGINT PRIMARY KEY REFERENCES events (id)
);

-- One row: who publishes, and until when.
CREATE TABLE publishing (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  owner BIGINT NOT NULL,
  lease_until BIGINT NOT NULL
);
INSERT INTO publishing VALUES (1, 0, 0);

-- Broker reports that match no order yet.
CREATE TABLE inbox (
  id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  kind SMALLINT NOT NULL CHECK (kind BETWEEN 0 AND 7),
  broker TEXT NOT NULL,
  account TEXT NOT NULL,
  ext_order_id TEXT NOT NULL,
  client_order_id TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  execution_kind SMALLINT NOT NULL CHECK (execution_kind BETWEEN 0 AND 2),
  ref_execution_id TEXT NOT NULL,
  execution_qty NUMERIC(19, 9) NOT NULL,
  execution_price NUMERIC(19, 9) NOT NULL,
  execution_fees NUMERIC(39, 18) NOT NULL,
  executed_at BIGINT NOT NULL,
  qty NUMERIC(19, 9),
  price_limit NUMERIC(19, 9),
  reason TEXT NOT NULL,
  at BIGINT NOT NULL,
  received_at BIGINT NOT NULL
);

CREATE TABLE broker_cursors (
  broker TEXT NOT NULL,
  account TEXT NOT NULL,
  cursor TEXT NOT NULL,
  PRIMARY KEY (broker, account)
);

CREATE TABLE broker_connector_configs (
  id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  broker_name TEXT NOT NULL UNIQUE,
  config_json TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
INSERT INTO broker_connector_configs (broker_name, config_json, active, created_at, updated_at)
  SELECT broker_name, '{}', true, seconds * 1000000, seconds * 1000000
  FROM (VALUES ('zerodha-mock'), ('alpaca-mock')) AS mocks (broker_name),
       (SELECT floor(extract(epoch FROM clock_timestamp()))::bigint AS seconds) AS now;

CREATE TABLE instruments (
  id BIGINT PRIMARY KEY,
  symbol TEXT NOT NULL,
  exchange TEXT NOT NULL,
  currency TEXT NOT NULL,
  lot_size NUMERIC(19, 9) NOT NULL CHECK (lot_size > 0),
  tick_size NUMERIC(19, 9) NOT NULL CHECK (tick_size > 0),
  price_band_low NUMERIC(19, 9),
  price_band_high NUMERIC(19, 9),
  last_price NUMERIC(19, 9),
  freeze_quantity NUMERIC(19, 9),
  multiplier BIGINT NOT NULL CHECK (multiplier >= 1)
);

-- Portfolio 0 holds the defaults.
CREATE TABLE portfolio_limits (
  portfolio_id BIGINT PRIMARY KEY,
  margin_available NUMERIC(39, 18),
  margin_rate NUMERIC(19, 9) NOT NULL,
  max_quantity NUMERIC(19, 9),
  max_notional_order NUMERIC(39, 18),
  max_notional_batch NUMERIC(39, 18),
  max_notional_day NUMERIC(39, 18)
);

-- The row's lock puts the batches of one portfolio one behind the other.
CREATE TABLE portfolio_usage (
  portfolio_id BIGINT PRIMARY KEY,
  margin_reserved NUMERIC(39, 18) NOT NULL CHECK (margin_reserved >= 0),
  day INTEGER NOT NULL,
  day_notional NUMERIC(39, 18) NOT NULL
);

CREATE TABLE routing_rules (
  id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  priority INTEGER NOT NULL,
  instrument_id BIGINT,
  exchange TEXT,
  portfolio_id BIGINT
);

CREATE TABLE routing_targets (
  rule_id BIGINT NOT NULL REFERENCES routing_rules (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  broker TEXT NOT NULL,
  weight INTEGER NOT NULL,
  PRIMARY KEY (rule_id, position)
);

-- Stop switches that are on. mode 0: cancels leave; 1: nothing leaves.
CREATE TABLE halts (
  scope SMALLINT NOT NULL CHECK (scope BETWEEN 0 AND 2),
  target TEXT NOT NULL,
  reason TEXT NOT NULL,
  since BIGINT NOT NULL,
  mode SMALLINT NOT NULL CHECK (mode IN (0, 1)),
  by TEXT NOT NULL,
  PRIMARY KEY (scope, target)
);

CREATE TABLE holidays (
  calendar TEXT NOT NULL,
  day INTEGER NOT NULL,
  PRIMARY KEY (calendar, day)
);

-- What each broker credential has sent lately; the form is that of the library's rate window. The row's lock puts the
-- senders of one credential one behind the other.
CREATE TABLE rate_windows (
  broker TEXT NOT NULL,
  account TEXT NOT NULL,
  counts TEXT NOT NULL,
  PRIMARY KEY (broker, account)
);

-- Who changed what, when and why. `hash` is SHA-256 over the entry and the hash before it.
CREATE TABLE audit_trail (
  id BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  by TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN RAISE EXCEPTION 'entries of the audit trail are never changed or deleted'; END$$;
CREATE TRIGGER audit_trail_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_trail
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- For people: words and UTC times. A program asks the library.
CREATE VIEW orders_view AS
SELECT
  id, batch_id, leg, tenant, portfolio_id, broker, client_order_id, ext_order_id, instrument_id, symbol,
  (ARRAY['BUY', 'SELL'])[side + 1] AS side,
  (ARRAY['market', 'limit', 'stop', 'stop_limit'])[order_type + 1] AS order_type,
  (ARRAY['day', 'gtc', 'ioc', 'fok'])[time_in_force + 1] AS time_in_force,
  (ARRAY['placed', 'submitting', 'unknown', 'acked', 'partially_filled', 'cancel_pending', 'replace_pending', 'filled',
         'cancelled', 'rejected', 'expired', 'settled'])[status + 1] AS status,
  trim_scale(qty) AS qty, trim_scale(price_limit) AS price_limit, trim_scale(stop_price) AS stop_price,
  trim_scale(fill_qty) AS fill_qty, trim_scale(fill_notional) AS fill_notional, trim_scale(fees) AS fees,
  trim_scale(margin_reserved) AS margin_reserved, multiplier, reason, overfilled, late_fill, busted, parked, incident,
  attempt, lease_epoch, lease_owner, version,
  to_timestamp(created_at / 1000000) + created_at % 1000000 * interval '1 microsecond' AS created_at,
  to_timestamp(submitted_at / 1000000) + submitted_at % 1000000 * interval '1 microsecond' AS submitted_at,
  to_timestamp(acked_at / 1000000) + acked_at % 1000000 * interval '1 microsecond' AS acked_at,
  to_timestamp(executed_at / 1000000) + executed_at % 1000000 * interval '1 microsecond' AS executed_at,
  to_timestamp(ended_at / 1000000) + ended_at % 1000000 * interval '1 microsecond' AS ended_at,
  to_timestamp(settled_at / 1000000) + settled_at % 1000000 * interval '1 microsecond' AS settled_at
FROM orders;
