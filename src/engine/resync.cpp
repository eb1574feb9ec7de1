#include "engine/resync.hpp"

#include "engine/book_index.hpp"
#include "engine/broker_calls.hpp"
#include "engine/ingest.hpp"
#include "engine/order_change.hpp"

namespace orchestrator::engine {
namespace {

BrokerReport report_about(const BrokerCapabilities& capabilities, const Order& order,
                          BrokerReport::Kind kind) {
  BrokerReport report;
  report.kind = kind;
  report.broker = capabilities.name;
  report.account = capabilities.account;
  report.ext_order_id = order.ext_order_id;
  report.client_order_id = order.client_order_id;
  return report;
}

// How the broker ended the order; nullopt: it did not.
std::optional<BrokerReport::Kind> ending_of(OrderStatus status) {
  if (status == OrderStatus::kCancelled) return BrokerReport::Kind::kCancelled;
  if (status == OrderStatus::kExpired) return BrokerReport::Kind::kExpired;
  if (status == OrderStatus::kRejected) return BrokerReport::Kind::kReject;
  return std::nullopt;
}

// The broker's row of this order: under its id, and not somebody else's that was given the same one.
const BrokerOrder* row_of(const Order& order, const BookIndex& book) {
  const BrokerOrder* theirs = book.by_ext_order_id(order.ext_order_id);
  if (theirs == nullptr || theirs->side != order.side) return nullptr;
  // A change may have given it another client order id: that one differs in its last character.
  const auto stem = [](const std::string& id) { return id.substr(0, id.empty() ? 0 : id.size() - 1); };
  const std::string& id = theirs->client_order_id;
  return id.empty() || stem(id) == stem(order.client_order_id) ? theirs : nullptr;
}

// The reports that would have told us what the book says of this order.
std::vector<BrokerReport> missing_reports(const BrokerCapabilities& capabilities, const Order& order,
                                          const BookIndex& book) {
  std::vector<BrokerReport> reports;
  const BrokerOrder* theirs = row_of(order, book);
  if (theirs == nullptr) return reports;
  if (theirs->fill_qty != order.fill_qty || theirs->fill_notional != order.fill_notional) {
    for (Execution& execution : book.executions_of(order.ext_order_id)) {
      BrokerReport report = report_about(capabilities, order, BrokerReport::Kind::kExecution);
      report.at = execution.executed_at;
      report.execution = std::move(execution);
      reports.push_back(std::move(report));
    }
  }
  if (const auto ending = ending_of(theirs->status)) {
    BrokerReport report = report_about(capabilities, order, *ending);
    report.at = theirs->updated_at;
    report.reason = theirs->reason;
    reports.push_back(std::move(report));
  }
  return reports;
}

// The terms in force, where the book shows others than ours and no change is pending: a confirmation was
// lost, or somebody changed the order at the broker itself.
std::optional<Signal> other_terms(const Order& order, const BrokerOrder& theirs, Timestamp now) {
  if (order.pending_qty || order.pending_price_limit || !theirs.qty.is_positive()) return std::nullopt;
  Signal signal = make_signal(OrderSignal::kRestate, now);
  signal.qty = theirs.qty;
  signal.price_limit = theirs.price_limit ? theirs.price_limit : order.price_limit;
  if (signal.qty == order.qty && signal.price_limit == order.price_limit) return std::nullopt;
  return signal;
}

// Orders by version, as they stood before the book was asked for: what has changed since may be younger than
// the book, whose terms say nothing about it then.
std::map<OrderId, std::int64_t> versions_of(const Context& context, const OrderQuery& which) {
  std::map<OrderId, std::int64_t> versions;
  for_each_order(context, which, [&](const Order& order) { versions[order.id] = order.version; });
  return versions;
}

// A book may lag: its terms are taken over when they still differ a quiet period after they were first seen
// to.
bool restate(Context& context, const Order& order, const BookIndex& book,
             std::chrono::microseconds quiet_period) {
  const BrokerOrder* theirs = row_of(order, book);
  if (theirs == nullptr) return false;
  const auto signal = other_terms(order, *theirs, context.clock->now());
  if (!signal) return false;
  const Timestamp now = context.clock->monotonic();
  if (!context.other_terms_pace.asked_before(order.id, now, quiet_period)) {
    if (context.other_terms_pace.due(order.id, now, quiet_period))
      context.other_terms_pace.asked(order.id, now);
    return false;
  }
  context.other_terms_pace.asked(order.id, now);
  return change_order(context, order, {*signal},
                      [&](const Order& row) { return row.version == order.version; });
}

}  // namespace

std::size_t resync(Context& context, BrokerConnector& broker) {
  const BrokerCapabilities& capabilities = broker.capabilities();
  OrderQuery open{.broker = capabilities.name,
                  .statuses = {OrderStatus::kAcked, OrderStatus::kPartiallyFilled,
                               OrderStatus::kCancelPending, OrderStatus::kReplacePending}};
  const auto versions = versions_of(context, open);
  if (versions.empty()) return 0;
  auto fetched = fetch_book(context, broker);
  if (!fetched) return 0;
  const BookIndex book(std::move(*fetched));
  std::size_t applied = 0;
  for_each_order(context, open, [&](const Order& order) {
    const auto seen = versions.find(order.id);
    if (seen != versions.end() && seen->second == order.version &&
        restate(context, order, book, capabilities.quiet_period)) {
      ++applied;
    }
    const auto reports = missing_reports(capabilities, order, book);
    if (reports.empty()) return;
    apply_or_quarantine(context, reports, std::nullopt);
    applied += reports.size();
  });
  return applied;
}

std::size_t resync_if_due(Context& context, BrokerConnector& broker) {
  const Timestamp now = context.clock->monotonic();
  return context.resync_pace.due(broker.capabilities().name, now, context.options.resync_interval)
             ? resync(context, broker)
             : 0;
}

}  // namespace orchestrator::engine
