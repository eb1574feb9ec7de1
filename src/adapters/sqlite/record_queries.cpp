// Executions, keys, the event log with its outbox, the inbox and the brokers' cursors.

#include <algorithm>

#include "adapters/sqlite/rows.hpp"
#include "adapters/sqlite/sql_conditions.hpp"
#include "adapters/sqlite/sqlite_store.hpp"

namespace orchestrator::sqlite {
namespace {

// Expired records of one transaction: few enough that orders do not wait long behind them.
constexpr std::int64_t kExpireAtOnce = 1000;

Conditions event_conditions(const EventQuery& query) {
  Conditions conditions;
  if (query.batch_id) conditions.add("batch_id = ?", *query.batch_id);
  if (query.order_id) {
    conditions.add("batch_id = (SELECT batch_id FROM orders WHERE orders.id = ?)", *query.order_id);
    conditions.add("order_id IN (0, ?)", *query.order_id);
  }
  conditions.add("id > ?", query.after_id);
  return conditions;
}

}  // namespace

std::vector<Execution> SqliteStore::executions(std::span<const OrderId> orders) const {
  static const std::string kSql =
      "SELECT id, " + kExecutionColumns + " FROM executions WHERE order_id = ? ORDER BY id";
  std::vector<OrderId> ids(orders.begin(), orders.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());

  const auto connection = read();
  const Snapshot snapshot(*connection);
  std::vector<std::pair<std::int64_t, Execution>> found;
  Query row = connection->query(kSql.c_str());
  for (const OrderId id : ids) {
    row.restart().bind(id);
    while (row.next()) {
      std::int64_t recorded = 0;
      row.read(recorded);
      found.emplace_back(recorded, read_execution(row));
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Execution> executions;
  executions.reserve(found.size());
  for (auto& [recorded, execution] : found) executions.push_back(std::move(execution));
  return executions;
}

std::optional<Execution> SqliteStore::execution(const std::string& broker, const std::string& account,
                                                const std::string& execution_id) const {
  static const std::string kSql = "SELECT " + kExecutionColumns +
                                  " FROM executions WHERE broker = ? AND account = ? AND execution_id = ?";
  const auto connection = read();
  Query row = connection->query(kSql.c_str());
  row.bind(broker, account, execution_id);
  if (!row.next()) return std::nullopt;
  return read_execution(row);
}

std::optional<IdempotencyRecord> SqliteStore::idempotency(const IdempotencyScope& scope) const {
  return read_idempotency(*read(), scope);
}

std::size_t SqliteStore::expire_idempotency(Timestamp now) {
  // Called often and seldom with anything to do: nobody waits for the right to write then.
  {
    const auto reader = read();
    Query due = reader->query(
        "SELECT 1 FROM idempotency_keys WHERE response IS NOT NULL AND expires_at <= ? LIMIT 1");
    due.bind(now);
    if (!due.next()) return 0;
  }
  std::size_t emptied = 0;
  std::int64_t changed = kExpireAtOnce;
  while (changed == kExpireAtOnce) {
    write([&](WriteTransaction& transaction) {
      transaction
          .query(
              "UPDATE idempotency_keys SET response = NULL WHERE batch_id IN (SELECT batch_id FROM "
              "idempotency_keys WHERE response IS NOT NULL AND expires_at <= ? LIMIT ?)")
          .bind(now, kExpireAtOnce)
          .run();
      changed = transaction.connection().changes();
      return true;
    });
    emptied += static_cast<std::size_t>(changed);
  }
  return emptied;
}

std::vector<EventRow> SqliteStore::events(const EventQuery& query) const {
  const auto connection = read();
  const Conditions conditions = event_conditions(query);
  const std::string from =
      query.unpublished ? "outbox CROSS JOIN events ON events.id = outbox.event_id" : "events";
  // The outbox is short: it leads, whatever else restricts.
  Query row = connection->query(
      "SELECT id, batch_id, order_id, at, lines FROM " + from + " WHERE " + conditions.sql() +
      (query.unpublished ? " AND event_id > ? ORDER BY event_id" : " ORDER BY id") + " LIMIT ?");
  conditions.bind(row);
  if (query.unpublished) row.bind(query.after_id);
  row.bind(static_cast<std::int64_t>(std::min<std::size_t>(query.limit, INT32_MAX)));
  std::vector<EventRow> events;
  while (row.next()) {
    EventRow& event = events.emplace_back();
    row.read(event.id, event.batch_id, event.order_id, event.at, event.lines);
  }
  return events;
}

void SqliteStore::mark_published(std::span<const EventRowKey> rows) {
  if (rows.empty()) return;
  write([&](WriteTransaction& transaction) {
    Query remove = transaction.query(
        "DELETE FROM outbox WHERE event_id = (SELECT id FROM events WHERE id = ? AND batch_id = ? AND at = "
        "?)");
    for (const EventRowKey& row : rows) remove.restart().bind(row.id, row.batch_id, row.at).run();
    return true;
  });
}

OutboxStatus SqliteStore::outbox() const {
  const auto connection = read();
  Query row = connection->query(
      "SELECT (SELECT count(*) FROM outbox), (SELECT at FROM events WHERE id = (SELECT min(event_id) FROM "
      "outbox))");
  OutboxStatus status;
  if (row.next()) row.read(status.rows, status.oldest);
  return status;
}

std::vector<InboxReport> SqliteStore::inbox(const std::string& broker) const {
  return read_inbox(*read(), broker);
}

std::string SqliteStore::cursor(const std::string& broker, const std::string& account) const {
  const auto connection = read();
  Query row = connection->query("SELECT cursor FROM broker_cursors WHERE broker = ? AND account = ?");
  row.bind(broker, account);
  std::string cursor;
  if (row.next()) row.read(cursor);
  return cursor;
}

}  // namespace orchestrator::sqlite
