// One unit of work in the making: orders as they shall be, their executions, events, batch counts and
// margin, committed together or not at all.
//
// Invariants: an order enters once and is changed in place, so that several reports in one unit fold; its
// version rises by exactly one; batch counts move by what the orders' statuses moved.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/order_life.hpp"
#include "orchestrator/order_store.hpp"

namespace orchestrator::engine {

class ChangeSet final : public EventSink {
 public:
  // `store` must outlive the set; it is read for batch rows only when an order's ending changes one.
  ChangeSet(const OrderStore& store, Timestamp now) : store_(store), now_(now) {}

  // Takes an order as read from the store. The reference stays valid until commit(); an order already in
  // the set is returned as it stands now.
  Order& take(const Order& order);

  // `order` is one that take() returned.
  Verdict apply(Order& order, const Signal& signal);
  void emit(EventType type, Order& order, const Execution* execution) override;

  // Everything else of the unit: executions, inbox, cursor, margin changes.
  ChangeUnit& unit() { return unit_; }
  // Nothing to write: no signal changed anything and nothing else was added.
  [[nodiscard]] bool empty() const;
  // Commits. After kConflict the set is spent: read again, build another.
  CommitStatus commit(OrderStore& store);

 private:
  struct Entry {
    Order order;
    OrderStatus status_before;
    Quantity fill_before;
    Money margin_before;
    std::int64_t version_before;
    Quantity qty_before;
    bool touched = false;
  };

  void add_batches();
  void add_batch(BatchId id, const std::vector<const Entry*>& entries);

  const OrderStore& store_;
  Timestamp now_;
  std::map<OrderId, Entry> entries_;
  std::map<BatchId, EventRow> rows_;
  ChangeUnit unit_;
};

// The data of an order's event: what a consumer needs to follow the order without asking.
[[nodiscard]] std::string order_event_data(const Order& order, const Execution* execution);
// `order.placed` carries the whole order; `batch.*` the counts.
[[nodiscard]] std::string placed_event_data(const Order& order);
[[nodiscard]] std::string batch_event_data(const OrderBatch& batch);

}  // namespace orchestrator::engine
