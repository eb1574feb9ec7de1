// What validation and routing look at, read from the store in one place.
#pragma once

#include <vector>

#include "engine/context.hpp"

namespace orchestrator::engine {

[[nodiscard]] ValidationSnapshot take_snapshot(const Context& context, const BatchRequest& request,
                                               Timestamp now);
[[nodiscard]] std::vector<BrokerState> broker_states(const Context& context);

}  // namespace orchestrator::engine
