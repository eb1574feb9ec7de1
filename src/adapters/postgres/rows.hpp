// How records stand in their tables.
//
// Each record lists its fields once, in the order of its columns, for writing and for reading alike. An order
// and a batch have two parts: what is fixed when they are accepted, and what changes (`live`).
#pragma once

#include "adapters/postgres/connection.hpp"
#include "orchestrator/order.hpp"
#include "orchestrator/order_store.hpp"

namespace orchestrator::postgres {

// A number that nobody was given before, also not by a server that a standby took over from before it had
// heard of it: what a process knows under a lost number must never come to stand for something else.
inline constexpr const char* kFreshNumber = "('x' || right(gen_random_uuid()::text, 12))::bit(48)::bigint";
// The database's clock, in microseconds since 1970.
inline constexpr const char* kDatabaseTime = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

// --- orders ---------------------------------------------------------------------------------------

inline constexpr std::string_view kOrderFixed =
    "id bigint, batch_id bigint, leg integer, tenant text, portfolio_id bigint, broker text, "
    "client_order_id text, instrument_id bigint, symbol text, side smallint, order_type smallint, "
    "time_in_force smallint, multiplier bigint, created_at bigint";
inline constexpr std::string_view kOrderLive =
    "ext_order_id text, status smallint, qty numeric, price_limit numeric, stop_price numeric, "
    "fill_qty numeric, fill_notional numeric, fees numeric, margin_reserved numeric, reason text, "
    "ended_as smallint, cancel_requested boolean, pending_qty numeric, pending_price_limit numeric, "
    "replace_count integer, overfilled boolean, late_fill boolean, busted boolean, parked boolean, "
    "incident boolean, attempt integer, lease_epoch bigint, lease_owner bigint, lease_until bigint, "
    "submitted_at bigint, acked_at bigint, executed_at bigint, ended_at bigint, settled_at bigint, "
    "version bigint, event_seq integer";

template <class OrderRef, class Apply>
void order_fixed_fields(OrderRef& o, Apply&& apply) {
  apply(o.id, o.batch_id, o.leg, o.tenant, o.portfolio_id, o.broker, o.client_order_id, o.instrument_id,
        o.symbol, o.side, o.order_type, o.time_in_force, o.multiplier, o.created_at);
}

template <class OrderRef, class Apply>
void order_live_fields(OrderRef& o, Apply&& apply) {
  apply(o.ext_order_id, o.status, o.qty, o.price_limit, o.stop_price, o.fill_qty, o.fill_notional, o.fees,
        o.margin_reserved, o.reason, o.ended_as, o.cancel_requested, o.pending_qty, o.pending_price_limit,
        o.replace_count, o.overfilled, o.late_fill, o.busted, o.parked, o.incident, o.attempt, o.lease_epoch,
        o.lease_owner, o.lease_until, o.submitted_at, o.acked_at, o.executed_at, o.ended_at, o.settled_at,
        o.version, o.event_seq);
}

// A lease is stored as a time of the database's clock; everywhere else it is on the Clock::monotonic() of
// whoever gave or reads it. This expression, added to a time of a caller's clock, gives the database's. Its
// parameter is what the caller's clock showed before the statement was sent, so the sum errs to the late side
// by the way there: a sender's own deadline comes before the stored one, and a lease is read as ending early.
// NULL: the caller has no clock, and its times are taken for the database's.
std::string lease_shift(const std::string& parameter);
// The same for wall clocks and whole days, which processes on machines with different clocks count alike.
std::string day_shift(const std::string& parameter);

// "id, batch_id, ...", each with the prefix.
std::string order_columns(std::string_view prefix = {});
// insert_from_arrays() for orders, whose leases are on the caller's clock.
std::string insert_orders(std::size_t first, const std::string& monotonic_parameter);
// "status = n.status, ...". Within an epoch a lease stands as it was given, or ends: read and written back it
// would move by the way there and back.
std::string order_assignments(const std::string& monotonic_parameter);
// All rows of a result with these columns and, behind them, the shift that their leases are stored with.
std::vector<Order> read_orders(const Result& result);

// --- batches --------------------------------------------------------------------------------------

inline constexpr std::string_view kBatchFixed =
    "id bigint, tenant text, user_id bigint, portfolio_id bigint, idempotency_key text, orders_json text, "
    "created_at bigint";
inline constexpr std::string_view kBatchLive =
    "total_orders integer, open_orders integer, filled_orders integer, executed_orders integer, "
    "cancelled_orders integer, rejected_orders integer, version bigint, event_seq integer";

template <class BatchRef, class Apply>
void batch_fixed_fields(BatchRef& b, Apply&& apply) {
  apply(b.id, b.tenant, b.user_id, b.portfolio_id, b.idempotency_key, b.orders_json, b.created_at);
}

template <class BatchRef, class Apply>
void batch_live_fields(BatchRef& b, Apply&& apply) {
  apply(b.total_orders, b.open_orders, b.filled_orders, b.executed_orders, b.cancelled_orders,
        b.rejected_orders, b.version, b.event_seq);
}

// The last column tells whether some order is past `placed`, as far as the status depends on it.
std::string batch_columns();
std::vector<OrderBatch> read_batches(const Result& result);

// --- the rest -------------------------------------------------------------------------------------

inline constexpr std::string_view kExecution =
    "broker text, account text, execution_id text, order_id bigint, kind smallint, ref_execution_id text, "
    "qty numeric, price numeric, fees numeric, executed_at bigint, recorded_at bigint";

template <class ExecutionRef, class Apply>
void execution_fields(ExecutionRef& e, Apply&& apply) {
  apply(e.broker, e.account, e.execution_id, e.order_id, e.kind, e.ref_execution_id, e.qty, e.price, e.fees,
        e.executed_at, e.recorded_at);
}

inline constexpr std::string_view kKey =
    "batch_id bigint, tenant text, operation text, key text, fingerprint bytea, response text, "
    "created_at bigint, expires_at bigint";

template <class RecordRef, class Apply>
void key_fields(RecordRef& r, Apply&& apply) {
  apply(r.batch_id, r.scope.tenant, r.scope.operation, r.scope.key, r.fingerprint, r.response, r.created_at,
        r.expires_at);
}

// Who accepts with a clock that is slow keeps the response as long as everybody else: `wall_parameter` is
// what that clock showed.
std::string insert_keys(std::size_t first, const std::string& wall_parameter);

inline constexpr std::string_view kEvent = "batch_id bigint, order_id bigint, at bigint, lines text";

template <class EventRef, class Apply>
void event_fields(EventRef& e, Apply&& apply) {
  apply(e.batch_id, e.order_id, e.at, e.lines);
}

inline constexpr std::string_view kInbox =
    "kind smallint, broker text, account text, ext_order_id text, client_order_id text, execution_id text, "
    "execution_kind smallint, ref_execution_id text, execution_qty numeric, execution_price numeric, "
    "execution_fees numeric, executed_at bigint, qty numeric, price_limit numeric, reason text, at bigint, "
    "received_at bigint";

template <class InboxRef, class Apply>
void inbox_fields(InboxRef& row, Apply&& apply) {
  auto& report = row.report;
  auto& execution = report.execution;
  apply(report.kind, report.broker, report.account, report.ext_order_id, report.client_order_id,
        execution.execution_id, execution.kind, execution.ref_execution_id, execution.qty, execution.price,
        execution.fees, execution.executed_at, report.qty, report.price_limit, report.reason, report.at,
        row.received_at);
}

inline constexpr std::string_view kUsage =
    "portfolio_id bigint, margin_reserved numeric, day integer, day_notional numeric";

template <class UsageRef, class Apply>
void usage_fields(UsageRef& u, Apply&& apply) {
  apply(u.portfolio_id, u.margin_reserved, u.day, u.day_notional);
}

inline constexpr std::string_view kHalt =
    "scope smallint, target text, reason text, since bigint, mode smallint, by text";

template <class HaltRef, class Apply>
void halt_fields(HaltRef& h, Apply&& apply) {
  apply(h.scope, h.target, h.reason, h.since, h.mode, h.by);
}

inline constexpr std::string_view kAudit =
    "id bigint, at bigint, by text, action text, subject text, detail text, hash text";

template <class EntryRef, class Apply>
void audit_fields(EntryRef& e, Apply&& apply) {
  apply(e.id, e.at, e.by, e.action, e.subject, e.detail, e.hash);
}

// "a, b" of a declaration like those above.
std::string names_of(std::string_view declaration);
// "INSERT INTO table (columns) SELECT * FROM unnest($first, ...)".
std::string insert_from_arrays(const char* table, std::string_view declaration, std::size_t first = 1);

inline auto reader(Cursor& row) {
  return [&row](auto&... fields) { row.read(fields...); };
}
inline auto writer(RowArrays& arrays) {
  return [&arrays](const auto&... fields) { arrays.add(fields...); };
}

}  // namespace orchestrator::postgres
