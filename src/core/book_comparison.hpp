// Our orders against the broker's own book; what counts as a break is defined in orchestrator/reconciler.hpp.
#pragma once

#include <span>
#include <vector>

#include "orchestrator/reconciler.hpp"

namespace orchestrator {

[[nodiscard]] std::vector<Break> compare_books(std::span<const Order> orders,
                                               std::span<const Execution> executions,
                                               const BrokerConnector::Book& book, const Tolerance& tolerance);

}  // namespace orchestrator
