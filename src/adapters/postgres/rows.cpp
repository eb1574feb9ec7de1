// Columns and rows of the tables.

#include "adapters/postgres/rows.hpp"

#include "orchestrator/lifecycle.hpp"

namespace orchestrator::postgres {
namespace {

// The stored numbers of the enumerations. A new enumerator goes to the end, and into the view by a migration.
static_assert(static_cast<int>(Side::kSell) == 1);
static_assert(static_cast<int>(OrderType::kMarket) == 0 && static_cast<int>(OrderType::kStopLimit) == 3);
static_assert(static_cast<int>(TimeInForce::kDay) == 0 && static_cast<int>(TimeInForce::kFok) == 3);
static_assert(static_cast<int>(OrderStatus::kPlaced) == 0 &&
              static_cast<int>(OrderStatus::kSubmitting) == 1 &&
              static_cast<int>(OrderStatus::kFilled) == 7 && static_cast<int>(OrderStatus::kSettled) == 11);
static_assert(static_cast<int>(ExecutionKind::kTrade) == 0 && static_cast<int>(ExecutionKind::kCorrect) == 2);
static_assert(static_cast<int>(ControlScope::kAll) == 0 && static_cast<int>(ControlScope::kBroker) == 2);
static_assert(static_cast<int>(HaltMode::kCancelOnly) == 0 && static_cast<int>(HaltMode::kHalt) == 1);
static_assert(static_cast<int>(BrokerReport::Kind::kAck) == 0 &&
              static_cast<int>(BrokerReport::Kind::kReplaceRefused) == 7);

}  // namespace

std::string names_of(std::string_view declaration) { return ColumnList(declaration).names(); }

std::string insert_from_arrays(const char* table, std::string_view declaration, std::size_t first) {
  const ColumnList columns(declaration);
  return "INSERT INTO " + std::string(table) + " (" + columns.names() + ") SELECT * FROM " +
         columns.unnest(first);
}

std::string lease_shift(const std::string& parameter) {
  return "(SELECT coalesce(" + std::string(kDatabaseTime) + " - " + parameter + "::bigint, 0))";
}

std::string day_shift(const std::string& parameter) {
  const std::string microseconds = std::to_string(std::chrono::microseconds(std::chrono::days(1)).count());
  return "(SELECT coalesce(" + std::string(kDatabaseTime) + " / " + microseconds + " - " + parameter +
         "::bigint / " + microseconds + ", 0))";
}

std::string order_columns(std::string_view prefix) {
  return ColumnList(kOrderFixed).names(prefix) + ", " + ColumnList(kOrderLive).names(prefix);
}

std::string insert_orders(std::size_t first, const std::string& monotonic_parameter) {
  const ColumnList columns(std::string(kOrderFixed) + ", " + std::string(kOrderLive));
  std::string values = columns.names("n.");
  const std::string_view lease = "n.lease_until";
  values.insert(values.find(lease) + lease.size(), " + " + lease_shift(monotonic_parameter));
  return "INSERT INTO orders (" + columns.names() + ") SELECT " + values + " FROM " + columns.unnest(first) +
         " AS n (" + columns.names() + ")";
}

std::string insert_keys(std::size_t first, const std::string& wall_parameter) {
  const ColumnList columns(kKey);
  return "INSERT INTO idempotency_keys (" + columns.names() + ") SELECT " + columns.names("n.") +
         " + greatest(0, " + lease_shift(wall_parameter) + ") FROM " + columns.unnest(first) + " AS n (" +
         columns.names() + ")";
}

std::string order_assignments(const std::string& monotonic_parameter) {
  std::string assignments = ColumnList(kOrderLive).assignments("n");
  const std::string_view plain = "lease_until = n.lease_until";
  return assignments.replace(assignments.find(plain), plain.size(),
                             "lease_until = CASE WHEN n.lease_until IS NULL THEN NULL WHEN n.lease_epoch = "
                             "o.lease_epoch AND o.lease_until IS NOT NULL THEN o.lease_until ELSE "
                             "n.lease_until + " +
                                 lease_shift(monotonic_parameter) + " END");
}

std::vector<Order> read_orders(const Result& result) {
  std::vector<Order> orders;
  orders.reserve(result.size());
  Cursor row(result);
  while (row.next()) {
    Order& order = orders.emplace_back();
    order_fixed_fields(order, reader(row));
    order_live_fields(order, reader(row));
    std::int64_t shift = 0;
    row.read(shift);
    if (order.lease_until) *order.lease_until -= std::chrono::microseconds(shift);
  }
  return orders;
}

std::string batch_columns() {
  return names_of(kBatchFixed) + ", " + names_of(kBatchLive) +
         ", open_orders > 0 AND EXISTS (SELECT FROM orders WHERE orders.batch_id = order_batches.id AND "
         "orders.status <> 0)";
}

std::vector<OrderBatch> read_batches(const Result& result) {
  std::vector<OrderBatch> batches;
  batches.reserve(result.size());
  Cursor row(result);
  while (row.next()) {
    OrderBatch& batch = batches.emplace_back();
    batch_fixed_fields(batch, reader(row));
    batch_live_fields(batch, reader(row));
    bool any_sent = false;
    row.read(any_sent);
    batch.status = derive_batch_status(batch, any_sent);
  }
  return batches;
}

}  // namespace orchestrator::postgres
