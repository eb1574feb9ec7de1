// What must hold of a book after any fault, read through the store alone: each order is the fold of its
// executions and its events, each batch counts its orders, and the margin in use is that of the orders.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "codec/event_log.hpp"
#include "core/executions.hpp"
#include "orchestrator/order_store.hpp"

namespace orchestrator::testing {

class BookAudit {
 public:
  explicit BookAudit(const Store& store) : store_(store) {
    for (const EventRow& row : store.events({.limit = kAll})) {
      for (Event& event : codec::expand(row)) events_[event.subject()].push_back(std::move(event));
    }
    for (const OrderBatch& batch : store.batches({.limit = kAll})) check_batch(batch);
    for (const auto& [portfolio, margin] : margins_) {
      expect(store.usage_of(portfolio).margin_reserved == margin,
             "portfolio " + std::to_string(portfolio) + ": margin in use is not that of its orders");
    }
  }

  // One line per breach; empty when the book is right.
  [[nodiscard]] const std::string& breaches() const { return breaches_; }

 private:
  static constexpr std::size_t kAll = 1'000'000;

  void expect(bool holds, const std::string& what) {
    if (!holds) breaches_ += what + "\n";
  }

  void check_batch(const OrderBatch& batch) {
    const std::string name = "batch/" + std::to_string(batch.id);
    const auto record = store_.idempotency({batch.tenant, "place", batch.idempotency_key});
    expect(record && record->batch_id == batch.id, name + ": its key leads elsewhere");
    const auto orders = store_.orders({.batch_id = batch.id, .limit = kAll});
    expect(static_cast<int>(orders.size()) == batch.total_orders, name + ": orders are missing");
    int open = 0;
    for (const Order& order : orders) {
      if (is_open(order.status)) ++open;
      margins_[order.portfolio_id] = margins_[order.portfolio_id] + order.margin_reserved;
      check_order(order);
    }
    expect(open == batch.open_orders, name + ": open orders are miscounted");
    check_sequence(name, batch.event_seq);
  }

  static bool is_open(OrderStatus status) {
    return status != OrderStatus::kFilled && status != OrderStatus::kCancelled &&
           status != OrderStatus::kRejected && status != OrderStatus::kExpired &&
           status != OrderStatus::kSettled;
  }

  void check_order(const Order& order) {
    const std::string name = "order/" + std::to_string(order.id);
    const ExecutionTotals totals = fold(store_.executions(std::vector{order.id}));
    expect(totals.qty == order.fill_qty, name + ": fill_qty is not the sum of its executions");
    expect(totals.notional == order.fill_notional, name + ": fill_notional is not that of its executions");
    expect(totals.fees == order.fees, name + ": fees are not those of its executions");
    expect(client_ids_.insert(order.client_order_id).second, name + ": its client order id is there twice");
    if (!check_sequence(name, order.event_seq)) return;
    const std::string& last = events_[name].back().data;
    // A claim changes the status and has no event.
    if (order.status != OrderStatus::kSubmitting) {
      expect(last.find("\"status\":\"" + std::string(to_string(order.status)) + '"') != std::string::npos,
             name + ": its last event says another status: " + last);
    }
    if (last.find("\"fill_qty\":") == std::string::npos) return;  // never left: order.placed
    expect(last.find("\"fill_qty\":" + order.fill_qty.to_string() + ",") != std::string::npos,
           name + ": its last event says another filled quantity: " + last);
  }

  bool check_sequence(const std::string& subject, std::int32_t last) {
    const auto& events = events_[subject];
    std::int32_t seq = 0;
    bool whole = true;
    for (const Event& event : events) whole = whole && event.seq == ++seq;
    whole = whole && seq == last && last > 0;
    expect(whole, subject + ": its events are not numbered 1 to " + std::to_string(last));
    return whole;
  }

  const Store& store_;
  std::map<std::string, std::vector<Event>> events_;
  std::map<PortfolioId, Money> margins_;
  std::set<std::string> client_ids_;
  std::string breaches_;
};

}  // namespace orchestrator::testing
