// Which executions count: the one place that folds trades, busts and corrections into totals.
//
// Executions that name one another (`ref_execution_id`, within one broker and account) are a family, linked
// also by an execution that nobody has seen yet. A family counts at most once:
//   - not at all when there is a bust in it: the trade is taken back, whichever member the bust names.
//     Busting a correction therefore restores nothing; the corrected trade stays taken back;
//   - otherwise as its last correction: the one that no other corrects. When several correct the same
//     execution, the latest by (executed_at, execution_id) stands;
//   - otherwise as the trade itself.
// A trade that is reinstated comes from the broker under a new execution id.
//
// Invariant: the totals depend on the set of executions only, not on their order nor on repetitions of one
// (broker, account, execution_id). So a bust may come before its trade.
#pragma once

#include <optional>
#include <span>

#include "orchestrator/order.hpp"

namespace orchestrator {

struct ExecutionTotals {
  Quantity qty;
  Money notional;  // sum of price x quantity
  Money fees;
  std::optional<Timestamp> last;  // executed_at of the last execution that counts; nullopt: none counts
  bool any_bust = false;          // an execution was taken back or corrected, known to us or not
};

// `executions`: of one order. Throws Error(number_overflow) for a sum that no order can have.
[[nodiscard]] ExecutionTotals fold(std::span<const Execution> executions);

}  // namespace orchestrator
