// One order, changed by signals in a unit of its own.
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
    Order& order = changes.take(row);
    for (const Signal& signal : signals) changes.apply(order, signal);
    if (changes.empty()) return CommitStatus::kCommitted;
    const CommitStatus status = changes.commit(context);
    changed = status == CommitStatus::kCommitted;
    if (status == CommitStatus::kConflict) row = context.require_order(seen.id);
    return status;
  });
  return changed;
}

}  // namespace orchestrator::engine
