// The report of a batch; its figures are defined in orchestrator/reconciler.hpp.
#pragma once

#include <span>

#include "orchestrator/reconciler.hpp"

namespace orchestrator {

[[nodiscard]] BatchReport make_batch_report(const OrderBatch& batch, std::span<const Order> orders,
                                            std::span<const Execution> executions);

}  // namespace orchestrator
