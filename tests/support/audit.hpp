// The audit: what must hold of any orchestrator at any quiet moment, read through the public interface alone.
// Every finding names the invariant that is broken.
//
//   book()      order rows, executions, events, batches and margins agree with one another
//   delivery()  what consumers saw is what was committed, in order
//   broker()    our book agrees with the broker's own
//   rest()      nothing waits any more; for the end, when faults have stopped
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "orchestrator/orchestrator.hpp"

namespace orchestrator::testing {

struct Finding {
  std::string invariant;  // "I16"
  std::string what;
};
using Findings = std::vector<Finding>;

inline constexpr std::size_t kAuditPage = 100'000;

// The text of a member of an event's data, without its quotes; empty: not there.
inline std::string event_member(const Event& event, const std::string& member) {
  const std::string name = "\"" + member + "\":";
  const std::size_t at = event.data.find(name);
  if (at == std::string::npos) return {};
  std::size_t begin = at + name.size();
  const bool quoted = event.data[begin] == '"';
  if (quoted) ++begin;
  return event.data.substr(begin, event.data.find_first_of(quoted ? "\"" : ",}", begin) - begin);
}

// Sums of the executions that count: trades, without those taken back.
struct ExecutedSums {
  Quantity qty;
  Money notional;
  Money fees;
};
inline ExecutedSums executed_sums(const std::vector<Execution>& executions) {
  std::set<std::string> gone;
  for (const Execution& execution : executions) {
    if (execution.kind != ExecutionKind::kTrade) gone.insert(execution.ref_execution_id);
    if (execution.kind == ExecutionKind::kBust) gone.insert(execution.execution_id);
  }
  ExecutedSums sums;
  for (const Execution& execution : executions) {
    if (gone.contains(execution.execution_id)) continue;
    sums.qty += execution.qty;
    sums.notional += execution.price * execution.qty;
    sums.fees += execution.fees;
  }
  return sums;
}

class Audit {
 public:
  explicit Audit(Orchestrator& oms)
      : oms_(oms), orders_(oms.orders({.limit = kAuditPage})), batches_(oms.batches({.limit = kAuditPage})) {
    for (Event& event : oms.events({.limit = kAuditPage}))
      events_[event.subject()].push_back(std::move(event));
  }

  void book() {
    for (const auto& [subject, events] : events_) check_sequence(subject, events);
    std::set<std::tuple<std::string, std::string, std::string>> seen;
    for (const Order& order : orders_) {
      const auto executions = oms_.executions(order.id);
      for (const Execution& execution : executions) {
        if (!seen.insert({execution.broker, execution.account, execution.execution_id}).second) {
          found("I17", "execution " + execution.execution_id + " took effect twice");
        }
      }
      check_sums(order, executions);
      check_last_event(order);
    }
    check_keys();
    for (const OrderBatch& batch : batches_) check_batch(batch);
    check_margins();
    // The product's own audit has a judgement of its own, and must come to the same.
    for (const AuditFinding& finding : oms_.audit().findings) {
      found("I16", finding.check + " " + finding.subject + ": " + finding.detail);
    }
  }

  void delivery(const std::vector<Event>& delivered) {
    std::map<std::string, std::int32_t> last;
    for (const Event& event : delivered) {
      const std::string subject = event.subject();
      const auto& committed = events_[subject];
      const auto index = static_cast<std::size_t>(event.seq - 1);
      if (event.seq < 1 || index >= committed.size() || !same_bytes(event, committed[index])) {
        found("I15",
              subject + "/" + std::to_string(event.seq) + " was published and is not what was committed");
      }
      if (event.seq > last[subject] + 1) {
        found("I14", "consumers saw a hole in " + subject + " before seq " + std::to_string(event.seq));
      }
      last[subject] = std::max(last[subject], event.seq);
    }
    for (const auto& [subject, events] : events_) {
      if (last[subject] < static_cast<std::int32_t>(events.size())) {
        found("I14", subject + " has " + std::to_string(events.size()) + " events and consumers saw " +
                         std::to_string(last[subject]));
      }
    }
  }

  void broker() {
    for (const OrderBatch& batch : batches_) {
      for (const Break& difference : oms_.compare_with_broker(batch.id)) {
        const bool money = difference.type == BreakType::kPrice || difference.type == BreakType::kFee;
        const bool executed = difference.type == BreakType::kQuantity || !difference.execution_id.empty();
        found(difference.type == BreakType::kDuplicate ? "I1"
              : money                                  ? "I21"
              : executed                               ? "I18"
                                                       : "I4",
              "the broker's book differs: " + std::string(to_string(difference.type)) + " " +
                  difference.field + " of order " + std::to_string(difference.order_id) + " " +
                  difference.execution_id + ": ours '" + difference.ours + "', theirs '" + difference.theirs +
                  "'");
      }
    }
  }

  void rest() {
    if (const auto rows = oms_.health().outbox.rows; rows != 0) {
      found("I31", std::to_string(rows) + " rows stay in the outbox");
    }
    for (const Order& order : orders_) {
      const bool waits = order.status == OrderStatus::kPlaced || order.status == OrderStatus::kSubmitting ||
                         order.status == OrderStatus::kUnknown ||
                         order.status == OrderStatus::kCancelPending ||
                         order.status == OrderStatus::kReplacePending;
      if (waits && !order.parked) {
        found("I31", "order " + std::to_string(order.id) + " stays " + std::string(to_string(order.status)) +
                         " (" + order.reason + ")");
      }
    }
  }

  [[nodiscard]] const std::vector<Order>& orders() const { return orders_; }
  [[nodiscard]] const std::vector<OrderBatch>& batches() const { return batches_; }
  Findings findings;

 private:
  void found(const char* invariant, const std::string& what) { findings.push_back({invariant, what}); }

  // I14, I13, I20.
  void check_sequence(const std::string& subject, const std::vector<Event>& events) {
    std::int32_t seq = 0;
    bool acked = false;
    for (const Event& event : events) {
      if (event.seq != ++seq) found("I14", subject + " has a hole before seq " + std::to_string(event.seq));
      acked = acked || event.type == EventType::kOrderAcked;
      const std::string filled = event_member(event, "fill_qty");
      if (event.order_id != 0 && !filled.empty() && filled != "0" && !acked) {
        found("I20", subject + " executes before its ack event");
      }
    }
    if (!events.empty() && events.front().order_id != 0) check_transitions(subject, events);
  }

  // A claim has no event, so between two events an order may have been submitting.
  void check_transitions(const std::string& subject, const std::vector<Event>& events) {
    OrderStatus status = OrderStatus::kPlaced;
    for (const Event& event : events) {
      const auto next = parse_order_status(event_member(event, "status"));
      if (!next) {
        found("I16", subject + " has an event without a status");
        continue;
      }
      const bool flagged = event.type >= EventType::kOrderLateFill || event.type == EventType::kOrderReplaced;
      const bool by_claim = (status == OrderStatus::kPlaced || status == OrderStatus::kUnknown) &&
                            transition_allowed(OrderStatus::kSubmitting, *next, flagged);
      if (*next != status && !by_claim && !transition_allowed(status, *next, flagged)) {
        found("I13", subject + " went from " + std::string(to_string(status)) + " to " +
                         std::string(to_string(*next)));
      }
      status = *next;
    }
  }

  void check_sums(const Order& order, const std::vector<Execution>& executions) {
    const ExecutedSums sums = executed_sums(executions);
    const std::string name = "order " + std::to_string(order.id);
    if (order.fill_qty != sums.qty) {
      found("I18", name + " has fill_qty " + order.fill_qty.to_string() + ", its executions " +
                       sums.qty.to_string());
    }
    if (order.fill_notional != sums.notional || order.fees != sums.fees) {
      found("I21", name + " has fill_notional " + order.fill_notional.to_string() + ", its executions " +
                       sums.notional.to_string());
    }
    if (order.overfilled != (order.fill_qty > order.qty)) found("I18", name + " has a wrong overfilled flag");
  }

  void check_last_event(const Order& order) {
    const auto& events = events_[order_subject(order.id)];
    const std::string name = "order " + std::to_string(order.id);
    if (order.event_seq != static_cast<std::int32_t>(events.size())) {
      found("I14", name + " counts " + std::to_string(order.event_seq) + " events and the log has " +
                       std::to_string(events.size()));
    }
    if (events.empty()) return;
    const Event& last = events.back();
    // A claim changes the row without an event.
    const bool claimed = order.status == OrderStatus::kSubmitting;
    if (!claimed && event_member(last, "status") != to_string(order.status)) {
      found("I16", name + " is " + std::string(to_string(order.status)) + " and its last event says " +
                       event_member(last, "status"));
    }
    const std::string filled = event_member(last, "fill_qty");
    const std::string notional = event_member(last, "fill_notional");
    if ((!filled.empty() && filled != order.fill_qty.to_string()) ||
        (!notional.empty() && notional != order.fill_notional.to_string())) {
      found("I16", name + " has another fill than its last event");
    }
  }

  // I10, I12.
  void check_keys() {
    std::set<std::pair<std::string, std::string>> keys;
    for (const OrderBatch& batch : batches_) {
      if (!keys.insert({batch.tenant, batch.idempotency_key}).second) {
        found("I10", "key " + batch.idempotency_key + " has a second batch, " + std::to_string(batch.id));
      }
    }
  }

  void check_batch(const OrderBatch& batch) {
    const std::string name = "batch " + std::to_string(batch.id);
    const BatchReport report = oms_.reconcile(batch.id);
    Quantity qty;
    Quantity filled;
    Money value;
    std::int32_t open = 0;
    for (const Order& order : orders_) {
      if (order.batch_id != batch.id) continue;
      qty += order.qty;
      filled += order.fill_qty;
      open += is_open(order.status) ? 1 : 0;
      for (std::int64_t i = 0; i < order.multiplier; ++i) value += order.fill_notional;
    }
    if (report.total_qty != qty || report.filled_qty != filled || report.filled_value != value) {
      found("I21", name + "'s report does not add up to its orders");
    }
    const std::int32_t counted = batch.open_orders + batch.filled_orders + batch.executed_orders +
                                 batch.cancelled_orders + batch.rejected_orders;
    if (batch.open_orders != open || counted != batch.total_orders) {
      found("I16", name + " counts its orders wrongly");
    }
  }

  // What a portfolio has reserved is what its orders hold.
  void check_margins() {
    std::map<PortfolioId, Money> reserved;
    for (const Order& order : orders_) reserved[order.portfolio_id] += order.margin_reserved;
    for (const auto& [portfolio, sum] : reserved) {
      const Money stored = oms_.reference().usage_of(portfolio).margin_reserved;
      if (stored != sum) {
        found("I21", "portfolio " + std::to_string(portfolio) + " has " + stored.to_string() +
                         " reserved, its orders hold " + sum.to_string());
      }
    }
    for (const Order& order : orders_) {
      if (is_terminal(order.status) && order.fill_qty.is_zero() && !order.margin_reserved.is_zero()) {
        found("I21", "order " + std::to_string(order.id) + " ended unexecuted and keeps its margin");
      }
    }
  }

  // The published envelope is a function of these.
  static bool same_bytes(const Event& a, const Event& b) {
    return a.type == b.type && a.order_id == b.order_id && a.batch_id == b.batch_id && a.seq == b.seq &&
           a.at == b.at && a.data == b.data;
  }

  static std::string order_subject(OrderId id) {
    Event event;
    event.order_id = id;
    return event.subject();
  }

  Orchestrator& oms_;
  std::vector<Order> orders_;
  std::vector<OrderBatch> batches_;
  std::map<std::string, std::vector<Event>> events_;
};

}  // namespace orchestrator::testing
