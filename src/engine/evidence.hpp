// What a broker's answer about one order proves.
#pragma once

#include <string>
#include <vector>

#include "core/order_life.hpp"
#include "engine/context.hpp"

namespace orchestrator::engine {

// What the broker's view of the order says about its life. Executions are not taken from here: they come
// one by one, with their ids, as reports.
[[nodiscard]] std::vector<Signal> evidence_of(const BrokerOrder& found, Timestamp at);

}  // namespace orchestrator::engine
