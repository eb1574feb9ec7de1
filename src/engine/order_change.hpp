// Orders changed by signals: one in a unit of its own, or a page of them in one.
#pragma once

#include <vector>

#include "engine/change_set.hpp"
#include "engine/context.hpp"

namespace orchestrator::engine {

[[nodiscard]] inline Signal make_signal(OrderSignal kind, Timestamp at, std::string reason = {}) {
  Signal signal;
  signal.kind = kind;
  signal.at = at;
  signal.reason = std::move(reason);
  return signal;
}

// Applies signals to the order as it was seen, or read anew after a lost race, as long as `still(row)` says
// that they make sense. Returns whether anything was committed.
template <class Still>
bool change_order(Context& context, const Order& seen, const std::vector<Signal>& signals, Still&& still) {
  bool changed = false;
  Order row = seen;
  until_committed([&] {
    changed = false;
    if (!still(row)) return CommitStatus::kCommitted;
    ChangeSet changes(*context.store, context.clock->now());
    Order& order = changes.take(Order(row));
    for (const Signal& signal : signals) changes.apply(order, signal);
    if (changes.empty()) return CommitStatus::kCommitted;
    const CommitStatus status = changes.commit(context);
    changed = status == CommitStatus::kCommitted;
    if (status == CommitStatus::kConflict) row = context.require_order(seen.id);
    return status;
  });
  return changed;
}

// The same for up to a page of orders in one unit: `signals_of(row)` says what happens to each. Returns how
// many it changed.
template <class SignalsOf, class Still>
std::size_t change_orders(Context& context, std::vector<Order> rows, SignalsOf&& signals_of, Still&& still) {
  std::vector<OrderId> ids;
  ids.reserve(rows.size());
  for (const Order& row : rows) ids.push_back(row.id);
  std::size_t changed = 0;
  until_committed([&] {
    changed = 0;
    ChangeSet changes(*context.store, context.clock->now(), rows.size());
    for (const Order& row : rows) {
      if (!still(row)) continue;
      Order& order = changes.take(Order(row));
      bool applied = false;
      for (const Signal& signal : signals_of(row)) {
        const Verdict verdict = changes.apply(order, signal);
        applied = applied || verdict == Verdict::kApply || verdict == Verdict::kFlag;
      }
      if (applied) ++changed;
    }
    if (changed == 0) return CommitStatus::kCommitted;
    const CommitStatus status = changes.commit(context);
    if (status != CommitStatus::kCommitted) changed = 0;
    if (status == CommitStatus::kConflict) rows = context.store->orders({.ids = ids, .limit = ids.size()});
    return status;
  });
  return changed;
}

}  // namespace orchestrator::engine
