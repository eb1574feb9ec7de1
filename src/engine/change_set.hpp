// One unit of work in the making: orders as they shall be, their executions, events, batch counts and
// margin, committed together or not at all.
//
// Invariants: an order enters once and is changed in place, so that several reports in one unit fold; its
// version rises by exactly one; batch counts move by what the orders' statuses moved.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "codec/json_block.hpp"
#include "core/order_life.hpp"
#include "engine/context.hpp"
#include "orchestrator/order_store.hpp"

namespace orchestrator::engine {

// Of the data of one event, and of one line of an acknowledgement, in characters.
inline constexpr std::size_t kEventDataTypical = 512;
inline constexpr std::size_t kEventLineTypical = 272;

class ChangeSet final : public EventSink {
 public:
  // `store` must outlive the set; it is read for batch rows only when an order's ending changes one.
  // `orders_typical`: how many orders it will hold, more or less.
  ChangeSet(const OrderStore& store, Timestamp now, std::size_t orders_typical = 4)
      : store_(store), now_(now), chunk_(std::max<std::size_t>(orders_typical, 1)) {}

  // Takes an order as read from the store. The reference stays valid until commit(); an order already in
  // the set is returned as it stands now.
  Order& take(Order&& order);

  // `order` is one that take() returned.
  Verdict apply(Order& order, const Signal& signal);
  void emit(EventType type, Order& order, const Execution* execution) override;

  // Everything else of the unit: executions, inbox, cursor, margin changes.
  ChangeUnit& unit() { return unit_; }
  // Nothing to write: no signal changed anything and nothing else was added.
  [[nodiscard]] bool empty() const;
  // Commits. After kConflict the set is spent: read again, build another.
  CommitStatus commit(const Context& context);

 private:
  struct Entry {
    explicit Entry(Order&& from)
        : order(std::move(from)),
          status_before(order.status),
          fill_before(order.fill_qty),
          margin_before(order.margin_reserved),
          version_before(order.version),
          qty_before(order.qty) {}

    Order order;
    OrderStatus status_before;
    Quantity fill_before;
    Money margin_before;
    std::int64_t version_before;
    Quantity qty_before;
    bool touched = false;
  };

  [[nodiscard]] Entry* find(OrderId id);
  void add_batches();
  void add_batch(BatchId id, const std::vector<const Entry*>& entries);

  const OrderStore& store_;
  Timestamp now_;
  std::size_t chunk_;
  std::vector<std::vector<Entry>> entries_;        // each reserved whole, so that addresses stay
  std::vector<std::pair<OrderId, Entry*>> by_id_;  // ascending
  std::map<BatchId, EventRow> rows_;
  codec::JsonBlock event_data_{kEventDataTypical};  // of one event at a time
  ChangeUnit unit_;
};

// The data of an order's event: what a consumer needs to follow the order without asking.
void write_order_event_data(codec::JsonBlock& json, const Order& order, const Execution* execution);
// `order.placed` carries the whole order; `batch.*` the counts.
void write_placed_event_data(codec::JsonBlock& json, const Order& order);
[[nodiscard]] std::string batch_event_data(const OrderBatch& batch);

}  // namespace orchestrator::engine
