// Reading orders and batches.
//
// Each query is driven by its most selective condition, and the statement is written so that SQLite has no
// other way: an id, a client order id, the broker's id, a batch, a portfolio, or statuses. The rest filters
// rows. The two commonest shapes have statements of their own.

#include <algorithm>
#include <limits>

#include "adapters/sqlite/rows.hpp"
#include "adapters/sqlite/sql_conditions.hpp"
#include "adapters/sqlite/sqlite_store.hpp"
#include "orchestrator/lifecycle.hpp"

namespace orchestrator::sqlite {
namespace {

std::string qualified(const std::string& columns, const std::string& table) {
  std::string text = table + ".";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    text += columns[i];
    if (columns[i] == ' ' && columns[i - 1] == ',') text += table + ".";
  }
  return text;
}

const std::string kSelectOrders = "SELECT " + kOrderColumns + " FROM orders ";

std::int64_t sql_limit(std::size_t limit) {
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit, kMax));
}

void append_orders(Query& row, std::vector<Order>& orders, std::size_t limit) {
  while (orders.size() < limit && row.next()) orders.push_back(read_order(row));
}

bool only_ids(const OrderQuery& query) {
  return !query.ids.empty() && !query.tenant && !query.batch_id && !query.portfolio_id &&
         !query.instrument_id && !query.broker && query.statuses.empty() && !query.client_order_id &&
         query.client_order_ids.empty() && !query.ext_order_id && !query.created_from && !query.abandoned_at;
}

bool only_batch(const OrderQuery& query) {
  return query.ids.empty() && query.batch_id && !query.tenant && !query.portfolio_id &&
         !query.instrument_id && !query.broker && query.statuses.empty() && !query.client_order_id &&
         query.client_order_ids.empty() && !query.ext_order_id && !query.created_from &&
         !query.abandoned_at && !query.newest_first && query.after_id == 0;
}

// A unary plus keeps SQLite from choosing another index than the one that drives the query.
Conditions filters(const OrderQuery& query, bool with_statuses) {
  Conditions conditions;
  if (query.tenant) conditions.add("tenant = ?", *query.tenant);
  if (query.instrument_id) conditions.add("instrument_id = ?", *query.instrument_id);
  if (query.broker) conditions.add("broker = ?", *query.broker);
  if (with_statuses && !query.statuses.empty()) conditions.add_any_of("+status", query.statuses);
  if (query.created_from) conditions.add("created_at >= ?", query.created_from->time_since_epoch().count());
  if (query.abandoned_at) {
    conditions.add("+status = ?", static_cast<std::int64_t>(OrderStatus::kSubmitting));
    conditions.add("(lease_until < ? OR NOT owner_alive(lease_owner))",
                   query.abandoned_at->time_since_epoch().count());
  }
  return conditions;
}

void add_cursor(Conditions& conditions, const OrderQuery& query) {
  if (query.newest_first) {
    if (query.before_id != 0) conditions.add("id < ?", query.before_id);
  } else if (query.after_id != 0) {
    conditions.add("id > ?", query.after_id);
  }
}

const char* direction(bool newest_first) { return newest_first ? " DESC" : ""; }

// Each once, in the order of the answer.
std::vector<std::int64_t> sorted_ids(std::vector<std::int64_t> ids, bool newest_first) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (newest_first) std::reverse(ids.begin(), ids.end());
  return ids;
}

std::vector<Order> by_ids(Connection& connection, const OrderQuery& query) {
  static const std::string kPlain = kSelectOrders + "WHERE id = ?";
  Conditions rest;
  if (!only_ids(query)) {
    rest = filters(query, true);
    if (query.batch_id) rest.add_batch(*query.batch_id);
    if (query.portfolio_id) rest.add("portfolio_id = ?", *query.portfolio_id);
    if (query.client_order_id) rest.add("+client_order_id = ?", *query.client_order_id);
    if (!query.client_order_ids.empty()) rest.add_any_of("+client_order_id", query.client_order_ids);
    if (query.ext_order_id) rest.add("coalesce(ext_order_id, '') = ?", *query.ext_order_id);
  }
  Query row =
      only_ids(query) ? connection.query(kPlain.c_str()) : connection.query(kPlain + " AND " + rest.sql());
  std::vector<Order> orders;
  for (const OrderId id : sorted_ids(query.ids, query.newest_first)) {
    if (orders.size() >= query.limit) break;
    if (query.newest_first ? query.before_id != 0 && id >= query.before_id : id <= query.after_id) continue;
    row.restart().bind(id);
    rest.bind(row);
    append_orders(row, orders, query.limit);
  }
  return orders;
}

std::vector<Order> by_batch(Connection& connection, const OrderQuery& query) {
  static const std::string kSql =
      kSelectOrders +
      "WHERE id BETWEEN (SELECT first_order_id FROM order_batches WHERE id = ?) AND "
      "(SELECT last_order_id FROM order_batches WHERE id = ?) ORDER BY id";
  Query row = connection.query(kSql.c_str());
  row.bind(*query.batch_id, *query.batch_id);
  std::vector<Order> orders;
  append_orders(row, orders, query.limit);
  return orders;
}

// One sorted run per status, merged: no run is sorted, and only as many rows are read as are returned.
std::vector<Order> by_statuses(Connection& connection, const OrderQuery& query) {
  std::vector<OrderStatus> statuses = query.statuses;
  std::sort(statuses.begin(), statuses.end());
  statuses.erase(std::unique(statuses.begin(), statuses.end()), statuses.end());

  std::vector<Conditions> runs;
  std::string sql;
  for (const OrderStatus status : statuses) {
    Conditions& run = runs.emplace_back(filters(query, false));
    run.add("status = ?", static_cast<std::int64_t>(status));
    if (query.portfolio_id) run.add("portfolio_id = ?", *query.portfolio_id);
    add_cursor(run, query);
    sql += (sql.empty() ? "" : " UNION ALL ") + kSelectOrders + "INDEXED BY orders_status WHERE " + run.sql();
  }
  Query row = connection.query(sql + " ORDER BY id" + direction(query.newest_first) + " LIMIT ?");
  for (const Conditions& run : runs) run.bind(row);
  row.bind(sql_limit(query.limit));
  std::vector<Order> orders;
  append_orders(row, orders, query.limit);
  return orders;
}

// Through the portfolio's batches, whose ids and whose orders' ids grow together.
std::vector<Order> by_portfolio(Connection& connection, const OrderQuery& query) {
  static const std::string kSelect =
      "SELECT " + qualified(kOrderColumns, "o") + " FROM order_batches AS b INDEXED BY ";
  static const std::string kJoin =
      " CROSS JOIN orders AS o ON o.id BETWEEN b.first_order_id AND b.last_order_id WHERE b.portfolio_id = ? "
      "AND ";

  Conditions batches;
  if (query.created_from) batches.add("b.created_at >= ?", query.created_from->time_since_epoch().count());
  Conditions orders_of;
  if (query.tenant) orders_of.add("o.tenant = ?", *query.tenant);
  if (query.instrument_id) orders_of.add("o.instrument_id = ?", *query.instrument_id);
  if (query.broker) orders_of.add("o.broker = ?", *query.broker);
  if (!query.statuses.empty()) orders_of.add_any_of("o.status", query.statuses);
  if (query.newest_first) {
    if (query.before_id != 0) {
      batches.add("b.id <= coalesce((SELECT batch_id FROM orders WHERE id >= ? ORDER BY id LIMIT 1), b.id)",
                  query.before_id);
      orders_of.add("o.id < ?", query.before_id);
    }
  } else if (query.after_id != 0) {
    batches.add("b.id >= coalesce((SELECT batch_id FROM orders WHERE id <= ? ORDER BY id DESC LIMIT 1), 0)",
                query.after_id);
    orders_of.add("o.id > ?", query.after_id);
  }
  const std::string way = direction(query.newest_first);
  Query row = connection.query(
      kSelect + (query.created_from ? "order_batches_portfolio_created" : "order_batches_portfolio") + kJoin +
      batches.sql() + " AND " + orders_of.sql() + " ORDER BY b.id" + way + ", o.id" + way + " LIMIT ?");
  row.bind(*query.portfolio_id);
  batches.bind(row);
  orders_of.bind(row);
  row.bind(sql_limit(query.limit));
  std::vector<Order> orders;
  append_orders(row, orders, query.limit);
  return orders;
}

bool by_client_order_id(const OrderQuery& query) {
  return query.client_order_id || !query.client_order_ids.empty();
}

Conditions remaining(const OrderQuery& query) {
  Conditions conditions = filters(query, true);
  if (query.portfolio_id) conditions.add("portfolio_id = ?", *query.portfolio_id);
  add_cursor(conditions, query);
  return conditions;
}

// Driven by client order ids, batch, or nothing.
std::vector<Order> by_the_rest(Connection& connection, const OrderQuery& query) {
  Conditions conditions = remaining(query);
  if (query.client_order_id) conditions.add("client_order_id = ?", *query.client_order_id);
  if (!query.client_order_ids.empty()) conditions.add_any_of("client_order_id", query.client_order_ids);
  if (query.ext_order_id) {
    query.ext_order_id->empty() ? conditions.add("ext_order_id IS NULL")
                                : conditions.add("ext_order_id = ?", *query.ext_order_id);
  }
  if (query.batch_id) conditions.add_batch(*query.batch_id);
  Query row = connection.query(kSelectOrders + "WHERE " + conditions.sql() + " ORDER BY " +
                               (by_client_order_id(query) ? "+id" : "id") + direction(query.newest_first) +
                               " LIMIT ?");
  conditions.bind(row);
  row.bind(sql_limit(query.limit));
  std::vector<Order> orders;
  append_orders(row, orders, query.limit);
  return orders;
}

// Through the index, and through every order where that may lack some.
std::vector<Order> by_ext_order_id(Connection& connection, const OrderQuery& query) {
  const Snapshot snapshot(connection);
  std::vector<Order> orders;
  const auto append = [&](const char* source, Conditions conditions, const char* by) {
    conditions.add("ext_order_id = ?", *query.ext_order_id);
    Query row = connection.query(kSelectOrders + source + " WHERE " + conditions.sql() + " ORDER BY " + by +
                                 direction(query.newest_first) + " LIMIT ?");
    conditions.bind(row);
    row.bind(sql_limit(query.limit));
    while (row.next()) orders.push_back(read_order(row));
  };
  Conditions indexed = remaining(query);
  indexed.add("ext_key = ?", *query.ext_order_id);
  append("INDEXED BY orders_ext_key", indexed, "+id");
  if (!any_unindexed(connection, query.broker)) return orders;
  Conditions others = remaining(query);
  others.add("ext_key IS NOT ext_order_id");
  append("NOT INDEXED", others, "id");
  std::sort(orders.begin(), orders.end(), [&query](const Order& a, const Order& b) {
    return query.newest_first ? a.id > b.id : a.id < b.id;
  });
  if (orders.size() > query.limit) orders.resize(query.limit);
  return orders;
}

bool drives_by_status(const OrderQuery& query) {
  if (query.statuses.empty()) return false;
  // Most orders of a portfolio have ended, so statuses that last lose against it.
  return !query.portfolio_id || std::none_of(query.statuses.begin(), query.statuses.end(), is_terminal);
}

Conditions batch_conditions(const BatchQuery& query) {
  Conditions conditions;
  if (query.tenant) conditions.add("tenant = ?", *query.tenant);
  if (query.portfolio_id) conditions.add("portfolio_id = ?", *query.portfolio_id);
  if (query.idempotency_key) {
    conditions.add("id IN (SELECT batch_id FROM idempotency_keys WHERE key = ?)", *query.idempotency_key);
  }
  if (query.status) {
    const bool open = *query.status == BatchStatus::kPending || *query.status == BatchStatus::kProcessing;
    conditions.add(open ? "open_orders > 0" : "open_orders = 0");
  }
  if (query.newest_first) {
    if (query.before_id != 0) conditions.add("id < ?", query.before_id);
  } else if (query.after_id != 0) {
    conditions.add("id > ?", query.after_id);
  }
  return conditions;
}

}  // namespace

std::vector<Order> SqliteStore::orders(const OrderQuery& query) const {
  if (query.limit == 0) return {};
  const auto connection = read();
  if (!query.ids.empty()) {
    if (query.ids.size() == 1) return by_ids(*connection, query);
    const Snapshot snapshot(*connection);
    return by_ids(*connection, query);
  }
  if (only_batch(query)) return by_batch(*connection, query);
  if (by_client_order_id(query) || query.batch_id) return by_the_rest(*connection, query);
  if (query.ext_order_id) {
    return query.ext_order_id->empty() ? by_the_rest(*connection, query)
                                       : by_ext_order_id(*connection, query);
  }
  if (query.abandoned_at) {
    OrderQuery submitting = query;
    const auto& statuses = query.statuses;
    const bool asked =
        statuses.empty() || std::count(statuses.begin(), statuses.end(), OrderStatus::kSubmitting) > 0;
    if (!asked) return {};
    submitting.statuses = {OrderStatus::kSubmitting};
    return by_statuses(*connection, submitting);
  }
  if (drives_by_status(query)) return by_statuses(*connection, query);
  if (query.portfolio_id) return by_portfolio(*connection, query);
  return by_the_rest(*connection, query);
}

std::vector<OrderBatch> SqliteStore::batches(const BatchQuery& query) const {
  const auto connection = read();
  const Conditions conditions = batch_conditions(query);
  const std::string select = "SELECT " + kBatchColumns + " FROM order_batches WHERE " + conditions.sql();
  std::vector<OrderBatch> batches;
  const auto append = [&](Query& row) {
    while (batches.size() < query.limit && row.next()) {
      OrderBatch batch = read_batch(row);
      if (!query.status || batch.status == *query.status) batches.push_back(std::move(batch));
    }
  };
  if (query.ids.empty()) {
    Query row = connection->query(select + " ORDER BY id" + direction(query.newest_first));
    conditions.bind(row);
    append(row);
    return batches;
  }
  const Snapshot snapshot(*connection);
  Query row = connection->query(select + " AND id = ?");
  for (const BatchId id : sorted_ids(query.ids, query.newest_first)) {
    conditions.bind(row.restart());
    row.bind(id);
    append(row);
  }
  return batches;
}

std::vector<OrderCount> SqliteStore::count_orders(std::span<const OrderStatus> statuses) const {
  if (statuses.empty()) return {};
  Conditions conditions;
  conditions.add_any_of("status", std::vector<OrderStatus>(statuses.begin(), statuses.end()));
  const auto connection = read();
  Query row = connection->query(
      "SELECT broker, status, parked, count(*), min(coalesce(submitted_at, created_at)) FROM orders INDEXED "
      "BY orders_status WHERE " +
      conditions.sql() + " GROUP BY broker, status, parked ORDER BY broker, status, parked");
  conditions.bind(row);
  std::vector<OrderCount> counts;
  while (row.next()) {
    OrderCount& count = counts.emplace_back();
    row.read(count.broker, count.status, count.parked, count.orders, count.oldest);
  }
  return counts;
}

}  // namespace orchestrator::sqlite
