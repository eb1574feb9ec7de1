// What a signal makes of an order: the pure step behind every change after acceptance.
//
// The visible status is derived from facts that the order carries (acknowledged, executions, how the
// broker ended it, what is asked and not answered), so that the end state does not depend on the order in
// which reports arrive. Every change that others must hear of is emitted as an event with the order as it
// then stands; an execution of an order never acknowledged emits the implied ack first.
#pragma once

#include <optional>
#include <string>

#include "core/executions.hpp"
#include "orchestrator/lifecycle.hpp"

namespace orchestrator {

// One thing that happens to one order. Fields beyond `kind` and `at` belong to the kinds named.
struct Signal {
  OrderSignal kind = OrderSignal::kAck;
  Timestamp at;
  std::string ext_order_id;  // ack, trade: the broker's id
  std::string reason;        // reject, in doubt, not accepted, park, cancel, expire, refusals
  // trade, bust, correct: the report, and the totals over all of the order's executions with it.
  const Execution* execution = nullptr;
  ExecutionTotals totals;
  // replace request: the new terms asked for; replace: the terms in force.
  std::optional<Quantity> qty;
  std::optional<Price> price_limit;
};

// Receives the events of a change, in order; gives each its seq.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void emit(EventType type, Order& order, const Execution* execution) = 0;
};

// The status that the order's facts add up to. Only for one that the broker has acknowledged or that has
// ended.
[[nodiscard]] OrderStatus status_of(const Order& order);

// Applies the signal if verdict(order.status, signal.kind) says so and returns that verdict; kIgnore and
// kRefuse leave the order untouched. A report that repeats what the order holds already is ignored. Gives
// back margin that an ended order no longer needs by lowering order.margin_reserved.
Verdict apply_signal(Order& order, const Signal& signal, EventSink& sink);

}  // namespace orchestrator
