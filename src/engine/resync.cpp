// One walk over our open orders and one over what else the book shows under our ids: orders that have ended
// here, and second copies. What differs becomes the reports that would have told it, so that a comparison
// that is repeated, or that races with the reports themselves, changes nothing.
#include "engine/resync.hpp"

#include <set>

#include "core/request_identity.hpp"
#include "engine/book_index.hpp"
#include "engine/broker_calls.hpp"
#include "engine/ingest.hpp"
#include "engine/order_change.hpp"

namespace orchestrator::engine {
namespace {

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
  const std::string& id = theirs->client_order_id;
  return id.empty() || placed_as(id) == order.client_order_id ? theirs : nullptr;
}

bool same_figures(const Order& order, const BrokerOrder& theirs) {
  return theirs.fill_qty == order.fill_qty && theirs.fill_notional == order.fill_notional;
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

class Comparison {
 public:
  Comparison(Context& context, const BrokerCapabilities& capabilities, const BookIndex& book,
             Timestamp asked_at)
      : context_(context), capabilities_(capabilities), book_(book), asked_at_(asked_at) {}

  void open_orders(const OrderQuery& which, const std::map<OrderId, std::int64_t>& versions) {
    for_each_order(context_, which, [&](const Order& order) {
      const BrokerOrder* theirs = row_of(order, book_);
      if (theirs == nullptr) return;
      compared_.insert(theirs);
      const auto seen = versions.find(order.id);
      if (seen != versions.end() && seen->second == order.version) restate(order, *theirs);
      tell_difference(order, *theirs);
    });
  }

  // The other rows under ids of ours, looked up page by page.
  void other_rows() {
    std::multimap<std::string, const BrokerOrder*> page;
    for (const BrokerOrder& row : book_.orders()) {
      if (compared_.contains(&row)) continue;
      if (row.client_order_id.empty()) {
        by_ext_order_id(row);
      } else if (row.client_order_id.starts_with(context_.options.deployment)) {
        page.emplace(placed_as(row.client_order_id), &row);
      }
      if (page.size() == kPageSize) by_client_order_id(page);
    }
    by_client_order_id(page);
  }

  // Applies what is still to be told; returns how much all of it changed.
  std::size_t finish() {
    apply();
    return changed_;
  }

 private:
  void by_client_order_id(std::multimap<std::string, const BrokerOrder*>& page) {
    if (page.empty()) return;
    OrderQuery query{.broker = capabilities_.name, .limit = page.size()};
    for (const auto& [id, row] : page) query.client_order_ids.push_back(id);
    for (const Order& order : context_.store->orders(query)) {
      const auto [first, last] = page.equal_range(order.client_order_id);
      for (auto at = first; at != last; ++at) compare(order, *at->second);
    }
    page.clear();
  }

  // Where the book shows no id of ours. Of an order that was sent before the book begins it is not: some
  // brokers start their ids again every day.
  void by_ext_order_id(const BrokerOrder& row) {
    if (capabilities_.reports_name_our_id) return;
    if (!has_executed(row)) return;
    const auto found = context_.store->orders(
        {.broker = capabilities_.name, .ext_order_id = row.ext_order_id, .newest_first = true, .limit = 1});
    if (found.empty()) return;
    const Order& order = found.front();
    if (!book_.from() || (order.submitted_at && *order.submitted_at >= *book_.from())) compare(order, row);
  }

  void compare(const Order& order, const BrokerOrder& row) {
    const bool stranger =
        row.side != order.side || (row.instrument_id != 0 && row.instrument_id != order.instrument_id);
    if (stranger) return;
    if (row.ext_order_id != order.ext_order_id) return tell_second(order, row);
    if (!is_terminal(order.status) || row_of(order, book_) != &row) return;
    // Its end may have overtaken the confirmation of a change.
    if (order.replace_count > 0 && ended_before_book(order)) restate(order, row);
    if (!same_figures(order, row)) tell_difference(order, row);
  }

  // A book may lag behind what ended the order.
  [[nodiscard]] bool ended_before_book(const Order& order) const {
    return order.ended_at && *order.ended_at + capabilities_.quiet_period <= asked_at_;
  }

  [[nodiscard]] bool has_executed(const BrokerOrder& row) const {
    return !row.fill_qty.is_zero() || !book_.executions_of(row.ext_order_id).empty();
  }

  // The broker has the order under another id than we know, or although it should not have it at all.
  void tell_second(const Order& order, const BrokerOrder& row) {
    const bool of_change = row.client_order_id != order.client_order_id || order.replace_count > 0;
    if (of_change) return tell_executions(order, row);
    if (ending_of(row.status) && !has_executed(row)) return;
    // Without an id of the broker's: what is in doubt or on its way is settled elsewhere.
    if (order.ext_order_id.empty() && !(is_terminal(order.status) && ended_before_book(order))) return;
    tell(order, row, BrokerReport::Kind::kAck);
    tell_executions(order, row);
  }

  // The reports that would have told us what the book says of this order.
  void tell_difference(const Order& order, const BrokerOrder& theirs) {
    if (!same_figures(order, theirs)) tell_executions(order, theirs);
    if (const auto ending = ending_of(theirs.status)) tell(order, theirs, *ending);
  }

  void tell_executions(const Order& order, const BrokerOrder& theirs) {
    for (Execution& execution : book_.executions_of(theirs.ext_order_id)) {
      tell(order, theirs, BrokerReport::Kind::kExecution, std::move(execution));
    }
  }

  void tell(const Order& order, const BrokerOrder& theirs, BrokerReport::Kind kind,
            Execution execution = {}) {
    BrokerReport& report = missing_.emplace_back();
    report.kind = kind;
    report.broker = capabilities_.name;
    report.account = capabilities_.account;
    report.ext_order_id = theirs.ext_order_id;
    report.client_order_id = order.client_order_id;
    report.at = kind == BrokerReport::Kind::kExecution ? execution.executed_at : theirs.updated_at;
    if (kind == ending_of(theirs.status)) report.reason = theirs.reason;
    report.execution = std::move(execution);
    if (missing_.size() >= kPageSize) apply();
  }

  void apply() {
    if (!missing_.empty()) changed_ += apply_or_quarantine(context_, missing_, std::nullopt);
    missing_.clear();
  }

  // Its terms are taken over when they still differ a quiet period after they were first seen to.
  void restate(const Order& order, const BrokerOrder& theirs) {
    const auto signal = other_terms(order, theirs, context_.clock->now());
    if (!signal) return;
    const Timestamp now = context_.clock->monotonic();
    RequestPace& pace = context_.other_terms_pace;
    const bool lasts = pace.asked_before(order.id, now, capabilities_.quiet_period);
    if (lasts || pace.due(order.id, now, capabilities_.quiet_period)) pace.asked(order.id, now);
    if (!lasts) return;
    const auto as_seen = [&](const Order& row) { return row.version == order.version; };
    if (change_order(context_, order, {*signal}, as_seen)) ++changed_;
  }

  Context& context_;
  const BrokerCapabilities& capabilities_;
  const BookIndex& book_;
  Timestamp asked_at_;
  std::set<const BrokerOrder*> compared_;
  std::vector<BrokerReport> missing_;
  std::size_t changed_ = 0;
};

}  // namespace

std::size_t resync(Context& context, BrokerConnector& broker) {
  const BrokerCapabilities& capabilities = broker.capabilities();
  const OrderQuery open{.broker = capabilities.name,
                        .statuses = {OrderStatus::kAcked, OrderStatus::kPartiallyFilled,
                                     OrderStatus::kCancelPending, OrderStatus::kReplacePending}};
  const auto versions = versions_of(context, open);
  // What has ended can wait until the broker answers again.
  if (versions.empty() && !context.breaker(capabilities.name).answers_reads()) return 0;
  const Timestamp asked_at = context.clock->now();
  auto fetched = fetch_book(context, broker);
  if (!fetched) return 0;
  context.resync_pace.answered(capabilities.name);
  const BookIndex book(std::move(*fetched));
  Comparison comparison(context, capabilities, book, asked_at);
  comparison.open_orders(open, versions);
  comparison.other_rows();
  return comparison.finish();
}

std::size_t resync_if_due(Context& context, BrokerConnector& broker) {
  if (!is_sender(context, broker.capabilities())) return 0;  // its pace is that of whoever is
  const Timestamp now = context.clock->monotonic();
  return context.resync_pace.due(broker.capabilities().name, now, context.options.resync_interval)
             ? resync(context, broker)
             : 0;
}

}  // namespace orchestrator::engine
