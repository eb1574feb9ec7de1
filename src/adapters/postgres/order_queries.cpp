// Reading orders and batches. A query is one statement, whose conditions all hold together.

#include "adapters/postgres/conditions.hpp"
#include "adapters/postgres/postgres_store.hpp"
#include "adapters/postgres/rows.hpp"

namespace orchestrator::postgres {
namespace {

template <class Query>
void add_cursor(Conditions& conditions, const Query& query) {
  if (query.newest_first) {
    if (query.before_id != 0) conditions.add("id < ?", query.before_id);
  } else if (query.after_id != 0) {
    conditions.add("id > ?", query.after_id);
  }
}

template <class Query>
std::string order_and_limit(Conditions& conditions, const Query& query) {
  return std::string(" ORDER BY id") + (query.newest_first ? " DESC" : "") + " LIMIT " +
         conditions.bind(sql_limit(query.limit));
}

// `shift`: see lease_shift().
void add_conditions(Conditions& conditions, const OrderQuery& query, const std::string& shift) {
  if (!query.ids.empty()) conditions.add_any_of("id = ANY(?::bigint[])", query.ids);
  if (query.tenant) conditions.add("tenant = ?", *query.tenant);
  if (query.batch_id) conditions.add("batch_id = ?", *query.batch_id);
  if (query.portfolio_id) conditions.add("portfolio_id = ?", *query.portfolio_id);
  if (query.instrument_id) conditions.add("instrument_id = ?", *query.instrument_id);
  if (query.broker) conditions.add("broker = ?", *query.broker);
  if (!query.statuses.empty()) conditions.add_any_of("status = ANY(?::smallint[])", query.statuses);
  if (query.client_order_id) conditions.add("client_order_id = ?", *query.client_order_id);
  if (!query.client_order_ids.empty()) {
    conditions.add_any_of("client_order_id = ANY(?::text[])", query.client_order_ids);
  }
  if (query.ext_order_id) {
    // The index knows only orders that have such an id.
    if (!query.ext_order_id->empty()) conditions.add_fixed("ext_order_id <> ''");
    conditions.add("ext_order_id = ?", *query.ext_order_id);
  }
  if (query.created_from) conditions.add("created_at >= ?", *query.created_from);
  if (query.abandoned_at) {
    conditions.add("status = ?", OrderStatus::kSubmitting);
    conditions.add("(lease_until < ?::bigint + " + shift +
                       " OR EXISTS (SELECT FROM owners WHERE owners.id = lease_owner AND ended_at IS NOT "
                       "NULL))",
                   *query.abandoned_at);
  }
  add_cursor(conditions, query);
}

Conditions batch_conditions(const BatchQuery& query) {
  Conditions conditions;
  if (!query.ids.empty()) conditions.add_any_of("id = ANY(?::bigint[])", query.ids);
  if (query.tenant) conditions.add("tenant = ?", *query.tenant);
  if (query.portfolio_id) conditions.add("portfolio_id = ?", *query.portfolio_id);
  if (query.idempotency_key) {
    conditions.add("id IN (SELECT batch_id FROM idempotency_keys WHERE key = ?)", *query.idempotency_key);
  }
  add_cursor(conditions, query);
  return conditions;
}

// derive_batch_status() in the words of the database. The tests compare them over every query.
std::string status_condition(BatchStatus status) {
  const std::string open = "open_orders > 0";
  const std::string sent =
      "EXISTS (SELECT FROM orders WHERE orders.batch_id = order_batches.id AND orders.status <> 0)";
  const std::string ended = "open_orders = 0";
  const std::string all_filled = "filled_orders = total_orders";
  const std::string all_rejected = "rejected_orders = total_orders";
  const std::string some = "filled_orders + executed_orders > 0";
  switch (status) {
    case BatchStatus::kPending:
      return open + " AND NOT " + sent;
    case BatchStatus::kProcessing:
      return open + " AND " + sent;
    case BatchStatus::kCompleted:
      return ended + " AND " + all_filled;
    case BatchStatus::kFailed:
      return ended + " AND NOT " + all_filled + " AND " + all_rejected;
    case BatchStatus::kPartiallyCompleted:
      return ended + " AND NOT " + all_filled + " AND NOT " + all_rejected + " AND " + some;
    case BatchStatus::kCancelled:
      return ended + " AND NOT " + all_filled + " AND NOT " + all_rejected + " AND NOT " + some;
  }
  return "false";
}

}  // namespace

std::vector<Order> PostgresStore::orders(const OrderQuery& query) const {
  static const std::string kSelect = "SELECT " + order_columns() + ", ";
  Conditions conditions;
  const std::string shift = lease_shift(conditions.bind(monotonic()));
  add_conditions(conditions, query, shift);
  const std::string rest = order_and_limit(conditions, query);
  return read_orders(
      read(kSelect + shift + " FROM orders WHERE " + conditions.sql() + rest, conditions.parameters()));
}

std::vector<OrderBatch> PostgresStore::batches(const BatchQuery& query) const {
  static const std::string kSelect = "SELECT " + batch_columns() + " FROM order_batches WHERE ";
  Conditions conditions = batch_conditions(query);
  if (query.status) conditions.add_fixed(status_condition(*query.status));
  const std::string rest = order_and_limit(conditions, query);
  return read_batches(read(kSelect + conditions.sql() + rest, conditions.parameters()));
}

std::vector<OrderCount> PostgresStore::count_orders(std::span<const OrderStatus> statuses) const {
  Parameters parameters;
  const Result result = read(
      "SELECT broker, status, parked, count(*), min(coalesce(submitted_at, created_at)) FROM orders WHERE "
      "status = ANY($1::smallint[]) GROUP BY broker, status, parked ORDER BY broker COLLATE \"C\", status, "
      "parked",
      parameters.add_array(statuses));
  std::vector<OrderCount> counts;
  Cursor row(result);
  while (row.next()) {
    OrderCount& count = counts.emplace_back();
    row.read(count.broker, count.status, count.parked, count.orders, count.oldest);
  }
  return counts;
}

}  // namespace orchestrator::postgres
