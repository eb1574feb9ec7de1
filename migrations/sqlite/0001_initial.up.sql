-- The order book in one file.
--
-- Encoding
--   * Prices, quantities and rates are integers in units of 0.000000001. An amount of money needs 128 bits and has
--     two columns, <name>_whole and <name>_fraction (units of 0.000000000000000001), which never differ in sign.
--     SQLite has no exact decimals; integers add, compare and sort exactly.
--   * Instants are microseconds since 1970 UTC, days are days since 1970.
--   * Enumerations are small integers with the numbers of the C++ enumerators: the numbers 0 and 1 take no room
--     in a row at all, and an order's status is part of an index and changes five times in its life. The
--     views at the end show words and decimals, for people with sqlite3.
--   * Absent is NULL.
--
-- Indexes cost on the path of every order, so some answers come without one. The ids of a batch's orders are
-- consecutive: first_order_id and last_order_id find them in the order table itself. The orders of a portfolio are
-- found through its batches.

CREATE TABLE schema_migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

-- One row: the last number given out of each kind. Numbers are never used again, deleted rows or not.
CREATE TABLE sequences (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  batch INTEGER NOT NULL DEFAULT 0,
  "order" INTEGER NOT NULL DEFAULT 0,
  event INTEGER NOT NULL DEFAULT 0,
  inbox INTEGER NOT NULL DEFAULT 0,
  routing_rule INTEGER NOT NULL DEFAULT 0,
  owner INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO sequences (id) VALUES (1);

-- A batch's status derives from its counts and orders and has no column: see batches_view.
CREATE TABLE order_batches (
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  user_id INTEGER NOT NULL,
  portfolio_id INTEGER NOT NULL,
  idempotency_key TEXT NOT NULL,
  orders_json TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  first_order_id INTEGER NOT NULL,
  last_order_id INTEGER NOT NULL,
  total_orders INTEGER NOT NULL,
  open_orders INTEGER NOT NULL,
  filled_orders INTEGER NOT NULL,
  executed_orders INTEGER NOT NULL,
  cancelled_orders INTEGER NOT NULL,
  rejected_orders INTEGER NOT NULL,
  version INTEGER NOT NULL,
  event_seq INTEGER NOT NULL
) STRICT;
CREATE INDEX order_batches_portfolio ON order_batches (portfolio_id);
-- For the check of duplicates in a time window. The clock may jump, so ids do not stand in for times.
CREATE INDEX order_batches_portfolio_created ON order_batches (portfolio_id, created_at);

CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  batch_id INTEGER NOT NULL REFERENCES order_batches (id),
  leg INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  portfolio_id INTEGER NOT NULL,
  broker TEXT NOT NULL,
  client_order_id TEXT NOT NULL UNIQUE,
  instrument_id INTEGER NOT NULL,
  symbol TEXT NOT NULL,
  side INTEGER NOT NULL CHECK (side IN (0, 1)),
  order_type INTEGER NOT NULL CHECK (order_type BETWEEN 0 AND 3),
  time_in_force INTEGER NOT NULL CHECK (time_in_force BETWEEN 0 AND 3),
  multiplier INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  ext_order_id TEXT,
  status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 11),
  qty INTEGER NOT NULL CHECK (qty > 0),
  price_limit INTEGER,
  stop_price INTEGER,
  fill_qty INTEGER NOT NULL CHECK (fill_qty >= 0),
  fill_notional_whole INTEGER NOT NULL,
  fill_notional_fraction INTEGER NOT NULL,
  fees_whole INTEGER NOT NULL,
  fees_fraction INTEGER NOT NULL,
  margin_reserved_whole INTEGER NOT NULL,
  margin_reserved_fraction INTEGER NOT NULL,
  reason TEXT NOT NULL,
  ended_as INTEGER CHECK (ended_as IN (8, 9, 10)),
  cancel_requested INTEGER NOT NULL,
  pending_qty INTEGER,
  pending_price_limit INTEGER,
  replace_count INTEGER NOT NULL,
  overfilled INTEGER NOT NULL,
  late_fill INTEGER NOT NULL,
  busted INTEGER NOT NULL,
  parked INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  lease_epoch INTEGER NOT NULL,
  lease_owner INTEGER NOT NULL,
  lease_until INTEGER,
  submitted_at INTEGER,
  acked_at INTEGER,
  executed_at INTEGER,
  ended_at INTEGER,
  settled_at INTEGER,
  version INTEGER NOT NULL,
  event_seq INTEGER NOT NULL
) STRICT;
-- What waits to be sent, is in doubt, is due to settle, ... in the order of ids.
CREATE INDEX orders_status ON orders (status);
-- Broker reports. Not unique: some brokers start their ids again every day.
CREATE INDEX orders_ext_order_id ON orders (ext_order_id) WHERE ext_order_id IS NOT NULL;

CREATE TABLE executions (
  id INTEGER PRIMARY KEY,  -- in the order in which they were recorded
  broker TEXT NOT NULL,
  account TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  order_id INTEGER NOT NULL REFERENCES orders (id),
  kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
  ref_execution_id TEXT NOT NULL,
  qty INTEGER NOT NULL,
  price INTEGER NOT NULL,
  fees_whole INTEGER NOT NULL,
  fees_fraction INTEGER NOT NULL,
  executed_at INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  UNIQUE (broker, account, execution_id)
) STRICT;
CREATE INDEX executions_order ON executions (order_id);

-- One row per batch. The response goes when it expires; the row stays for ever, so that the key never places twice.
CREATE TABLE idempotency_keys (
  batch_id INTEGER PRIMARY KEY REFERENCES order_batches (id),
  tenant TEXT NOT NULL,
  operation TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
  response TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  UNIQUE (key, tenant, operation)
) STRICT;
CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at) WHERE response IS NOT NULL;

-- The log. `lines` holds the events of one step of one batch; order_id 0: of several orders, or of the batch.
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  batch_id INTEGER NOT NULL REFERENCES order_batches (id),
  order_id INTEGER NOT NULL,
  at INTEGER NOT NULL,
  lines TEXT NOT NULL
) STRICT;
CREATE INDEX events_batch ON events (batch_id);

-- Rows of the log whose delivery is not confirmed.
CREATE TABLE outbox (
  event_id INTEGER PRIMARY KEY REFERENCES events (id)
) STRICT;

-- Broker reports that match no order yet.
CREATE TABLE inbox (
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 7),
  broker TEXT NOT NULL,
  account TEXT NOT NULL,
  ext_order_id TEXT NOT NULL,
  client_order_id TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  execution_kind INTEGER NOT NULL CHECK (execution_kind BETWEEN 0 AND 2),
  ref_execution_id TEXT NOT NULL,
  execution_qty INTEGER NOT NULL,
  execution_price INTEGER NOT NULL,
  execution_fees_whole INTEGER NOT NULL,
  execution_fees_fraction INTEGER NOT NULL,
  executed_at INTEGER NOT NULL,
  qty INTEGER,
  price_limit INTEGER,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL,
  received_at INTEGER NOT NULL
) STRICT;

CREATE TABLE broker_cursors (
  broker TEXT NOT NULL,
  account TEXT NOT NULL,
  cursor TEXT NOT NULL,
  PRIMARY KEY (broker, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE broker_connector_configs (
  id INTEGER PRIMARY KEY,
  broker_name TEXT NOT NULL UNIQUE,
  config_json TEXT NOT NULL,
  active INTEGER NOT NULL CHECK (active IN (0, 1)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
INSERT INTO broker_connector_configs (broker_name, config_json, active, created_at, updated_at)
  SELECT broker_name, '{}', 1, seconds * 1000000, seconds * 1000000
  FROM (SELECT 'zerodha-mock' AS broker_name UNION ALL SELECT 'alpaca-mock'),
       (SELECT CAST(strftime('%s', 'now') AS INTEGER) AS seconds);

CREATE TABLE instruments (
  id INTEGER PRIMARY KEY,
  symbol TEXT NOT NULL,
  exchange TEXT NOT NULL,
  currency TEXT NOT NULL,
  lot_size INTEGER NOT NULL CHECK (lot_size > 0),
  tick_size INTEGER NOT NULL CHECK (tick_size > 0),
  price_band_low INTEGER,
  price_band_high INTEGER,
  last_price INTEGER,
  freeze_quantity INTEGER,
  multiplier INTEGER NOT NULL CHECK (multiplier >= 1)
) STRICT;

-- Portfolio 0 holds the defaults.
CREATE TABLE portfolio_limits (
  portfolio_id INTEGER PRIMARY KEY,
  margin_available_whole INTEGER,
  margin_available_fraction INTEGER,
  margin_rate INTEGER NOT NULL,
  max_quantity INTEGER,
  max_notional_order_whole INTEGER,
  max_notional_order_fraction INTEGER,
  max_notional_batch_whole INTEGER,
  max_notional_batch_fraction INTEGER,
  max_notional_day_whole INTEGER,
  max_notional_day_fraction INTEGER
) STRICT;

CREATE TABLE portfolio_usage (
  portfolio_id INTEGER PRIMARY KEY,
  margin_reserved_whole INTEGER NOT NULL CHECK (margin_reserved_whole >= 0),
  margin_reserved_fraction INTEGER NOT NULL CHECK (margin_reserved_fraction >= 0),
  day INTEGER NOT NULL,
  day_notional_whole INTEGER NOT NULL,
  day_notional_fraction INTEGER NOT NULL
) STRICT;

CREATE TABLE routing_rules (
  id INTEGER PRIMARY KEY,
  priority INTEGER NOT NULL,
  instrument_id INTEGER,
  exchange TEXT,
  portfolio_id INTEGER
) STRICT;

CREATE TABLE routing_targets (
  rule_id INTEGER NOT NULL REFERENCES routing_rules (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  broker TEXT NOT NULL,
  weight INTEGER NOT NULL,
  PRIMARY KEY (rule_id, position)
) STRICT, WITHOUT ROWID;

-- Stop switches that are on.
CREATE TABLE halts (
  scope INTEGER NOT NULL CHECK (scope BETWEEN 0 AND 2),
  target TEXT NOT NULL,
  reason TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (scope, target)
) STRICT, WITHOUT ROWID;

CREATE TABLE holidays (
  calendar TEXT NOT NULL,
  day INTEGER NOT NULL,
  PRIMARY KEY (calendar, day)
) STRICT, WITHOUT ROWID;

-- For people: words, decimals and UTC times. A program asks the library.

CREATE VIEW orders_view AS
SELECT
  id, batch_id, leg, tenant, portfolio_id, broker, client_order_id,
  coalesce(ext_order_id, '') AS ext_order_id, instrument_id, symbol,
  CASE side WHEN 0 THEN 'BUY' WHEN 1 THEN 'SELL' END AS side,
  CASE order_type WHEN 0 THEN 'market' WHEN 1 THEN 'limit' WHEN 2 THEN 'stop' WHEN 3 THEN 'stop_limit' END
    AS order_type,
  CASE time_in_force WHEN 0 THEN 'day' WHEN 1 THEN 'gtc' WHEN 2 THEN 'ioc' WHEN 3 THEN 'fok' END
    AS time_in_force,
  CASE status WHEN 0 THEN 'placed' WHEN 1 THEN 'submitting' WHEN 2 THEN 'unknown' WHEN 3 THEN 'acked'
    WHEN 4 THEN 'partially_filled' WHEN 5 THEN 'cancel_pending' WHEN 6 THEN 'replace_pending'
    WHEN 7 THEN 'filled' WHEN 8 THEN 'cancelled' WHEN 9 THEN 'rejected' WHEN 10 THEN 'expired'
    WHEN 11 THEN 'settled' END AS status,
  rtrim(rtrim(printf('%d.%09d', qty / 1000000000, qty % 1000000000), '0'), '.') AS qty,
  CASE WHEN price_limit IS NOT NULL THEN rtrim(rtrim(iif(price_limit < 0, '-', '') ||
    printf('%d.%09d', abs(price_limit / 1000000000), abs(price_limit % 1000000000)), '0'), '.') END AS price_limit,
  CASE WHEN stop_price IS NOT NULL THEN rtrim(rtrim(iif(stop_price < 0, '-', '') ||
    printf('%d.%09d', abs(stop_price / 1000000000), abs(stop_price % 1000000000)), '0'), '.') END AS stop_price,
  rtrim(rtrim(printf('%d.%09d', fill_qty / 1000000000, fill_qty % 1000000000), '0'), '.') AS fill_qty,
  rtrim(rtrim(iif(fill_notional_whole < 0 OR fill_notional_fraction < 0, '-', '') ||
    printf('%d.%018d', abs(fill_notional_whole), abs(fill_notional_fraction)), '0'), '.') AS fill_notional,
  rtrim(rtrim(iif(fees_whole < 0 OR fees_fraction < 0, '-', '') ||
    printf('%d.%018d', abs(fees_whole), abs(fees_fraction)), '0'), '.') AS fees,
  rtrim(rtrim(iif(margin_reserved_whole < 0 OR margin_reserved_fraction < 0, '-', '') ||
    printf('%d.%018d', abs(margin_reserved_whole), abs(margin_reserved_fraction)), '0'), '.') AS margin_reserved,
  multiplier, reason, overfilled, late_fill, busted, parked, attempt, lease_epoch, lease_owner, version,
  strftime('%Y-%m-%dT%H:%M:%S', created_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', created_at % 1000000) AS created_at,
  strftime('%Y-%m-%dT%H:%M:%S', submitted_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', submitted_at % 1000000) AS submitted_at,
  strftime('%Y-%m-%dT%H:%M:%S', acked_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', acked_at % 1000000) AS acked_at,
  strftime('%Y-%m-%dT%H:%M:%S', executed_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', executed_at % 1000000) AS executed_at,
  strftime('%Y-%m-%dT%H:%M:%S', ended_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', ended_at % 1000000) AS ended_at,
  strftime('%Y-%m-%dT%H:%M:%S', settled_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', settled_at % 1000000) AS settled_at
FROM orders;

CREATE VIEW executions_view AS
SELECT
  id, broker, account, execution_id, order_id,
  CASE kind WHEN 0 THEN 'trade' WHEN 1 THEN 'bust' WHEN 2 THEN 'correct' END AS kind, ref_execution_id,
  rtrim(rtrim(iif(qty < 0, '-', '') ||
    printf('%d.%09d', abs(qty / 1000000000), abs(qty % 1000000000)), '0'), '.') AS qty,
  rtrim(rtrim(iif(price < 0, '-', '') ||
    printf('%d.%09d', abs(price / 1000000000), abs(price % 1000000000)), '0'), '.') AS price,
  rtrim(rtrim(iif(fees_whole < 0 OR fees_fraction < 0, '-', '') ||
    printf('%d.%018d', abs(fees_whole), abs(fees_fraction)), '0'), '.') AS fees,
  strftime('%Y-%m-%dT%H:%M:%S', executed_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', executed_at % 1000000) AS executed_at,
  strftime('%Y-%m-%dT%H:%M:%S', recorded_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', recorded_at % 1000000) AS recorded_at
FROM executions;

CREATE VIEW batches_view AS
SELECT
  id, tenant, user_id, portfolio_id, idempotency_key,
  CASE
    WHEN open_orders > 0 AND EXISTS
      (SELECT 1 FROM orders WHERE orders.id BETWEEN first_order_id AND last_order_id AND status <> 0) THEN 'processing'
    WHEN open_orders > 0 THEN 'pending'
    WHEN filled_orders = total_orders THEN 'completed'
    WHEN rejected_orders = total_orders THEN 'failed'
    WHEN filled_orders + executed_orders > 0 THEN 'partially_completed'
    ELSE 'cancelled'
  END AS status,
  total_orders, open_orders, filled_orders, executed_orders, cancelled_orders, rejected_orders, version,
  strftime('%Y-%m-%dT%H:%M:%S', created_at / 1000000, 'unixepoch') ||
    printf('.%06dZ', created_at % 1000000) AS created_at,
  first_order_id, last_order_id, orders_json
FROM order_batches;
