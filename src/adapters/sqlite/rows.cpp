// Rows of the tables that the engine writes on every order.

#include "adapters/sqlite/rows.hpp"

#include "core/audit_chain.hpp"
#include "core/rate_window.hpp"
#include "core/store_rules.hpp"
#include "orchestrator/lifecycle.hpp"

namespace orchestrator::sqlite {
namespace {

// The stored numbers of the enumerations. A new enumerator goes to the end, and into the views by a
// migration.
static_assert(static_cast<int>(Side::kSell) == 1);
static_assert(static_cast<int>(OrderType::kMarket) == 0 && static_cast<int>(OrderType::kStopLimit) == 3);
static_assert(static_cast<int>(TimeInForce::kDay) == 0 && static_cast<int>(TimeInForce::kFok) == 3);
static_assert(static_cast<int>(OrderStatus::kPlaced) == 0 &&
              static_cast<int>(OrderStatus::kSubmitting) == 1 &&
              static_cast<int>(OrderStatus::kFilled) == 7 && static_cast<int>(OrderStatus::kSettled) == 11);
static_assert(static_cast<int>(ExecutionKind::kTrade) == 0 && static_cast<int>(ExecutionKind::kCorrect) == 2);
static_assert(static_cast<int>(ControlScope::kAll) == 0 && static_cast<int>(ControlScope::kBroker) == 2);
static_assert(static_cast<int>(BrokerReport::Kind::kAck) == 0 &&
              static_cast<int>(BrokerReport::Kind::kReplaceRefused) == 7);

template <class ExecutionRef, class Apply>
void execution_fields(ExecutionRef& e, Apply&& apply) {
  apply(e.broker, e.account, e.execution_id, e.order_id, e.kind, e.ref_execution_id, e.qty, e.price, e.fees,
        e.executed_at, e.recorded_at);
}

template <class BatchRef, class Apply>
void batch_fixed_fields(BatchRef& b, Apply&& apply) {
  apply(b.id, b.tenant, b.user_id, b.portfolio_id, b.idempotency_key, b.orders_json, b.created_at);
}

template <class BatchRef, class Apply>
void batch_live_fields(BatchRef& b, Apply&& apply) {
  apply(b.total_orders, b.open_orders, b.filled_orders, b.executed_orders, b.cancelled_orders,
        b.rejected_orders, b.version, b.event_seq);
}

template <class ReportRef, class Apply>
void inbox_fields(ReportRef& row, Apply&& apply) {
  auto& report = row.report;
  auto& execution = report.execution;
  apply(row.id, report.kind, report.broker, report.account, report.ext_order_id, report.client_order_id,
        execution.execution_id, execution.kind, execution.ref_execution_id, execution.qty, execution.price,
        execution.fees, execution.executed_at, report.qty, report.price_limit, report.reason, report.at,
        row.received_at);
}

const std::string kInboxColumns =
    "id, kind, broker, account, ext_order_id, client_order_id, execution_id, execution_kind, "
    "ref_execution_id, "
    "execution_qty, execution_price, execution_fees_whole, execution_fees_fraction, executed_at, qty, "
    "price_limit, "
    "reason, at, received_at";

auto bind_to(Query& query) {
  return [&query](const auto&... fields) { query.bind(fields...); };
}
auto read_from(Query& row) {
  return [&row](auto&&... fields) { row.read(fields...); };
}

}  // namespace

std::string placeholders(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += i == 0 ? "?" : ", ?";
  return text;
}

std::string assignments(const std::string& columns) {
  std::string text;
  for (const char c : columns) c == ',' ? text.append(" = ?,") : text.append(1, c);
  return text + " = ?";
}

// --- orders ---------------------------------------------------------------------------------------

Order read_order(Query& row) {
  Order order;
  order_fixed_fields(order, read_from(row));
  row.read(order.ext_order_id);
  order_live_fields(order, read_from(row));
  return order;
}

bool insert_order(Connection& connection, const Order& order) {
  static const std::string kSql = "INSERT INTO orders (" + kOrderColumns + ", ext_key) VALUES (" +
                                  placeholders(kOrderColumnCount + 1) + ")";
  Query query = connection.query(kSql.c_str());
  order_fixed_fields(order, bind_to(query));
  query.bind(EmptyAsNull{order.ext_order_id});
  order_live_fields(order, bind_to(query));
  query.bind(EmptyAsNull{order.ext_order_id});
  return query.run_unless_exists();
}

namespace {

const std::string kIfUnchanged = " WHERE id = ? AND version = ? AND lease_epoch <= ?";

// The commonest change of all. A row of version 1 is as it was accepted, so what an untouched order holds of
// fills, endings and requests is there already.
void write_first_answer(Connection& connection, const Order& order, bool index_ext_order_id) {
  static const std::string kColumns =
      "status = ?, qty = ?, price_limit = ?, stop_price = ?, margin_reserved_whole = ?, "
      "margin_reserved_fraction = ?, reason = ?, attempt = ?, lease_epoch = ?, lease_owner = ?, "
      "lease_until = ?, submitted_at = ?, acked_at = ?, version = ?, event_seq = ?" +
      kIfUnchanged;
  static const std::string kPlain = "UPDATE orders SET ext_order_id = ?, " + kColumns;
  static const std::string kIndexed = "UPDATE orders SET ext_key = ?, ext_order_id = ?, " + kColumns;
  Query query = connection.query(index_ext_order_id ? kIndexed.c_str() : kPlain.c_str());
  if (index_ext_order_id) query.bind(EmptyAsNull{order.ext_order_id});
  query
      .bind(EmptyAsNull{order.ext_order_id}, order.status, order.qty, order.price_limit, order.stop_price,
            order.margin_reserved, order.reason, order.attempt, order.lease_epoch, order.lease_owner,
            order.lease_until, order.submitted_at, order.acked_at, order.version, order.event_seq, order.id,
            order.version - 1, order.lease_epoch)
      .run();
}

void write_live_fields(Connection& connection, const Order& order) {
  static const std::string kSql =
      "UPDATE orders SET ext_order_id = ?, " + assignments(kOrderLiveColumns) + kIfUnchanged;
  Query query = connection.query(kSql.c_str());
  query.bind(EmptyAsNull{order.ext_order_id});
  order_live_fields(order, bind_to(query));
  query.bind(order.id, order.version - 1, order.lease_epoch).run();
}

// Naming ext_key as changed rewrites its index. An order learns the broker's id once, as a rule when it
// becomes acked; all other changes try without first.
void write_live_fields_and_key(Connection& connection, const Order& order) {
  static const std::string kSameId =
      "UPDATE orders SET " + assignments(kOrderLiveColumns) + kIfUnchanged + " AND ext_order_id IS ?";
  static const std::string kAnyId =
      "UPDATE orders SET ext_key = ?, ext_order_id = ?, " + assignments(kOrderLiveColumns) + kIfUnchanged;
  if (order.status != OrderStatus::kAcked || order.ext_order_id.empty()) {
    Query query = connection.query(kSameId.c_str());
    order_live_fields(order, bind_to(query));
    query.bind(order.id, order.version - 1, order.lease_epoch, EmptyAsNull{order.ext_order_id}).run();
    if (connection.changes() == 1) return;
  }
  Query query = connection.query(kAnyId.c_str());
  query.bind(EmptyAsNull{order.ext_order_id}, EmptyAsNull{order.ext_order_id});
  order_live_fields(order, bind_to(query));
  query.bind(order.id, order.version - 1, order.lease_epoch).run();
}

}  // namespace

bool update_order(Connection& connection, const Order& order, bool index_ext_order_id) {
  if (order.version == 2 && is_untouched(order)) {
    write_first_answer(connection, order, index_ext_order_id);
  } else if (index_ext_order_id) {
    write_live_fields_and_key(connection, order);
  } else {
    write_live_fields(connection, order);
  }
  return connection.changes() == 1;
}

void note_unindexed(Connection& connection, const std::string& broker) {
  connection.query("INSERT OR IGNORE INTO unindexed_brokers (broker) VALUES (?)").bind(broker).run();
}

bool any_unindexed(Connection& connection, const std::optional<std::string>& broker) {
  if (!broker) return connection.query("SELECT 1 FROM unindexed_brokers LIMIT 1").next();
  Query row = connection.query("SELECT 1 FROM unindexed_brokers WHERE broker = ?");
  row.bind(*broker);
  return row.next();
}

// --- batches --------------------------------------------------------------------------------------

OrderBatch read_batch(Query& row) {
  OrderBatch batch;
  batch_fixed_fields(batch, read_from(row));
  batch_live_fields(batch, read_from(row));
  bool any_sent = false;
  row.read(any_sent);
  batch.status = derive_batch_status(batch, any_sent);
  return batch;
}

void insert_batch(Connection& connection, const OrderBatch& batch, OrderId first_order_id,
                  OrderId last_order_id) {
  static const std::string kSql = "INSERT INTO order_batches (" + kBatchFixedColumns + ", " +
                                  kBatchLiveColumns + ", first_order_id, last_order_id) VALUES (" +
                                  placeholders(17) + ")";
  Query query = connection.query(kSql.c_str());
  batch_fixed_fields(batch, bind_to(query));
  batch_live_fields(batch, bind_to(query));
  query.bind(first_order_id, last_order_id).run();
}

bool update_batch(Connection& connection, const OrderBatch& batch) {
  static const std::string kSql =
      "UPDATE order_batches SET " + assignments(kBatchLiveColumns) + " WHERE id = ? AND version = ?";
  Query query = connection.query(kSql.c_str());
  batch_live_fields(batch, bind_to(query));
  query.bind(batch.id, batch.version - 1).run();
  return connection.changes() == 1;
}

// --- executions -----------------------------------------------------------------------------------

Execution read_execution(Query& row) {
  Execution execution;
  execution_fields(execution, read_from(row));
  return execution;
}

bool insert_execution(Connection& connection, const Execution& execution) {
  static const std::string kSql =
      "INSERT INTO executions (" + kExecutionColumns + ") VALUES (" + placeholders(12) + ")";
  Query query = connection.query(kSql.c_str());
  execution_fields(execution, bind_to(query));
  return query.run_unless_exists();
}

// --- idempotency keys -----------------------------------------------------------------------------

std::optional<IdempotencyRecord> read_idempotency(Connection& connection, const IdempotencyScope& scope) {
  Query row = connection.query(
      "SELECT batch_id, fingerprint, response, created_at, expires_at FROM idempotency_keys "
      "WHERE key = ? AND tenant = ? AND operation = ?");
  row.bind(scope.key, scope.tenant, scope.operation);
  if (!row.next()) return std::nullopt;
  IdempotencyRecord record;
  record.scope = scope;
  row.read(record.batch_id, record.fingerprint, record.response, record.created_at, record.expires_at);
  return record;
}

void insert_idempotency(Connection& connection, const IdempotencyRecord& record) {
  connection
      .query(
          "INSERT INTO idempotency_keys (batch_id, tenant, operation, key, fingerprint, response, "
          "created_at, "
          "expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(record.batch_id, record.scope.tenant, record.scope.operation, record.scope.key,
            record.fingerprint, EmptyAsNull{record.response}, record.created_at, record.expires_at)
      .run();
}

// --- events, inbox --------------------------------------------------------------------------------

void insert_event(Connection& connection, const EventRow& event) {
  connection.query("INSERT INTO events (id, batch_id, order_id, at, lines) VALUES (?, ?, ?, ?, ?)")
      .bind(event.id, event.batch_id, event.order_id, event.at, event.lines)
      .run();
  connection.query("INSERT INTO outbox (event_id) VALUES (?)").bind(event.id).run();
}

void insert_inbox(Connection& connection, const InboxReport& report) {
  static const std::string kSql =
      "INSERT INTO inbox (" + kInboxColumns + ") VALUES (" + placeholders(19) + ")";
  Query query = connection.query(kSql.c_str());
  inbox_fields(report, bind_to(query));
  query.run();
}

std::vector<InboxReport> read_inbox(Connection& connection, const std::string& broker) {
  static const std::string kSql = "SELECT " + kInboxColumns + " FROM inbox WHERE broker = ? ORDER BY id";
  Query row = connection.query(kSql.c_str());
  row.bind(broker);
  std::vector<InboxReport> reports;
  while (row.next()) inbox_fields(reports.emplace_back(), read_from(row));
  return reports;
}

// --- usage, halts ---------------------------------------------------------------------------------

std::optional<PortfolioUsage> read_usage(Connection& connection, PortfolioId portfolio_id) {
  Query row = connection.query(
      "SELECT margin_reserved_whole, margin_reserved_fraction, day, day_notional_whole, "
      "day_notional_fraction "
      "FROM portfolio_usage WHERE portfolio_id = ?");
  row.bind(portfolio_id);
  if (!row.next()) return std::nullopt;
  PortfolioUsage usage;
  usage.portfolio_id = portfolio_id;
  row.read(usage.margin_reserved, usage.day, usage.day_notional);
  return usage;
}

void put_usage(Connection& connection, const PortfolioUsage& usage) {
  connection
      .query(
          "INSERT OR REPLACE INTO portfolio_usage (portfolio_id, margin_reserved_whole, "
          "margin_reserved_fraction, "
          "day, day_notional_whole, day_notional_fraction) VALUES (?, ?, ?, ?, ?, ?)")
      .bind(usage.portfolio_id, usage.margin_reserved, usage.day, usage.day_notional)
      .run();
}

std::vector<Halt> read_halts(Connection& connection) {
  Query row =
      connection.query("SELECT scope, target, reason, since, mode, by FROM halts ORDER BY scope, target");
  std::vector<Halt> halts;
  while (row.next()) {
    Halt& halt = halts.emplace_back();
    row.read(halt.scope, halt.target, halt.reason, halt.since, halt.mode, halt.by);
  }
  return halts;
}

void put_halt_row(Connection& connection, const Halt& halt) {
  connection
      .query(
          "INSERT OR REPLACE INTO halts (scope, target, reason, since, mode, by) VALUES (?, ?, ?, ?, ?, ?)")
      .bind(halt.scope, halt.target, halt.reason, halt.since, halt.mode, halt.by)
      .run();
}

// --- audit trail, rate limits ---------------------------------------------------------------------

namespace {

AuditEntry read_entry(Query& row) {
  AuditEntry entry;
  row.read(entry.id, entry.at, entry.by, entry.action, entry.subject, entry.detail, entry.hash);
  return entry;
}

}  // namespace

std::vector<AuditEntry> read_audit(Connection& connection, std::int64_t after_id, std::size_t limit) {
  Query row = connection.query(
      "SELECT id, at, by, action, subject, detail, hash FROM audit_trail WHERE id > ? ORDER BY id");
  row.bind(after_id);
  std::vector<AuditEntry> entries;
  while (entries.size() < limit && row.next()) entries.push_back(read_entry(row));
  return entries;
}

void insert_audit(Connection& connection, AuditEntry& entry) {
  std::optional<AuditEntry> last;
  {
    Query row = connection.query(
        "SELECT id, at, by, action, subject, detail, hash FROM audit_trail ORDER BY id DESC LIMIT 1");
    if (row.next()) last = read_entry(row);
  }
  append_to_chain(last, entry);
  connection
      .query(
          "INSERT INTO audit_trail (id, at, by, action, subject, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?)")
      .bind(entry.id, entry.at, entry.by, entry.action, entry.subject, entry.detail, entry.hash)
      .run();
}

std::size_t take_rate(Connection& connection, const RateRequest& request, std::size_t wanted) {
  RateWindow window;
  {
    Query row = connection.query("SELECT counts FROM rate_windows WHERE broker = ? AND account = ?");
    row.bind(request.broker, request.account);
    std::string counts;
    if (row.next()) {
      row.read(counts);
      window = RateWindow::parse(counts);
    }
  }
  const std::size_t granted = window.take(request.limit, request.use, wanted, request.monotonic);
  if (granted == 0) return 0;
  connection.query("INSERT OR REPLACE INTO rate_windows (broker, account, counts) VALUES (?, ?, ?)")
      .bind(request.broker, request.account, window.to_string())
      .run();
  return granted;
}

}  // namespace orchestrator::sqlite
