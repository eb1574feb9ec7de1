// How records stand in their tables.
//
// Each record lists its fields once, in the order of its columns, for writing and for reading alike. An order
// and a batch have two parts: what is fixed when they are accepted, and what changes (`live`).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/sqlite/connection.hpp"
#include "orchestrator/idempotency_store.hpp"
#include "orchestrator/order.hpp"
#include "orchestrator/order_store.hpp"

namespace orchestrator::sqlite {

// "?, ?, ?" for so many values.
std::string placeholders(std::size_t count);
// "a = ?, b = ?" for the columns "a, b".
std::string assignments(const std::string& columns);

// --- orders ---------------------------------------------------------------------------------------

inline const std::string kOrderFixedColumns =
    "id, batch_id, leg, tenant, portfolio_id, broker, client_order_id, instrument_id, symbol, side, "
    "order_type, "
    "time_in_force, multiplier, created_at";
inline const std::string kOrderLiveColumns =
    "status, qty, price_limit, stop_price, fill_qty, fill_notional_whole, fill_notional_fraction, "
    "fees_whole, "
    "fees_fraction, margin_reserved_whole, margin_reserved_fraction, reason, ended_as, cancel_requested, "
    "pending_qty, "
    "pending_price_limit, replace_count, overfilled, late_fill, busted, parked, incident, attempt, "
    "lease_epoch, "
    "lease_owner, lease_until, "
    "submitted_at, acked_at, executed_at, ended_at, settled_at, version, event_seq";
inline const std::string kOrderColumns = kOrderFixedColumns + ", ext_order_id, " + kOrderLiveColumns;
inline constexpr std::size_t kOrderColumnCount = 48;

template <class OrderRef, class Apply>
void order_fixed_fields(OrderRef& o, Apply&& apply) {
  apply(o.id, o.batch_id, o.leg, o.tenant, o.portfolio_id, o.broker, o.client_order_id, o.instrument_id,
        o.symbol, o.side, o.order_type, o.time_in_force, o.multiplier, o.created_at);
}

template <class OrderRef, class Apply>
void order_live_fields(OrderRef& o, Apply&& apply) {
  apply(o.status, o.qty, o.price_limit, o.stop_price, o.fill_qty, o.fill_notional, o.fees, o.margin_reserved,
        o.reason, o.ended_as, o.cancel_requested, o.pending_qty, o.pending_price_limit, o.replace_count,
        o.overfilled, o.late_fill, o.busted, o.parked, o.incident, o.attempt, o.lease_epoch, o.lease_owner,
        o.lease_until, o.submitted_at, o.acked_at, o.executed_at, o.ended_at, o.settled_at, o.version,
        o.event_seq);
}

// Reads kOrderColumns of the current row.
Order read_order(Query& row);

// False: its client order id exists already.
[[nodiscard]] bool insert_order(Connection& connection, const Order& order);
// Writes what changes of an order, if the stored row has the version before it and no later epoch. False: it
// has not.
[[nodiscard]] bool update_order(Connection& connection, const Order& order, bool index_ext_order_id);
// To be called before orders are updated without index.
void note_unindexed(Connection& connection, const std::string& broker);
// Whether the index may lack orders of this broker, or of any.
[[nodiscard]] bool any_unindexed(Connection& connection, const std::optional<std::string>& broker);

// --- batches --------------------------------------------------------------------------------------

inline const std::string kBatchFixedColumns =
    "id, tenant, user_id, portfolio_id, idempotency_key, orders_json, created_at";
inline const std::string kBatchLiveColumns =
    "total_orders, open_orders, filled_orders, executed_orders, cancelled_orders, rejected_orders, version, "
    "event_seq";
// The last column tells whether some order is past `placed`, as far as the status depends on it.
inline const std::string kBatchColumns = kBatchFixedColumns + ", " + kBatchLiveColumns +
                                         ", open_orders > 0 AND EXISTS (SELECT 1 FROM orders WHERE orders.id "
                                         "BETWEEN first_order_id AND last_order_id AND "
                                         "orders.status <> 0)";

OrderBatch read_batch(Query& row);  // kBatchColumns
void insert_batch(Connection& connection, const OrderBatch& batch, OrderId first_order_id,
                  OrderId last_order_id);
[[nodiscard]] bool update_batch(Connection& connection, const OrderBatch& batch);

// --- the rest -------------------------------------------------------------------------------------

inline const std::string kExecutionColumns =
    "broker, account, execution_id, order_id, kind, ref_execution_id, qty, price, fees_whole, fees_fraction, "
    "executed_at, recorded_at";
Execution read_execution(Query& row);  // kExecutionColumns
[[nodiscard]] bool insert_execution(Connection& connection, const Execution& execution);

std::optional<IdempotencyRecord> read_idempotency(Connection& connection, const IdempotencyScope& scope);
void insert_idempotency(Connection& connection, const IdempotencyRecord& record);

void insert_event(Connection& connection, const EventRow& event);

void insert_inbox(Connection& connection, const InboxReport& report);
std::vector<InboxReport> read_inbox(Connection& connection, const std::string& broker);

std::optional<PortfolioUsage> read_usage(Connection& connection, PortfolioId portfolio_id);
void put_usage(Connection& connection, const PortfolioUsage& usage);

std::vector<Halt> read_halts(Connection& connection);
void put_halt_row(Connection& connection, const Halt& halt);

// Entries above `after_id`, oldest first.
std::vector<AuditEntry> read_audit(Connection& connection, std::int64_t after_id, std::size_t limit);
// Gives the entry its place in the chain.
void insert_audit(Connection& connection, AuditEntry& entry);

// Counts up to `wanted` such requests in the credential's window; returns how many were granted.
std::size_t take_rate(Connection& connection, const RateRequest& request, std::size_t wanted);

}  // namespace orchestrator::sqlite
