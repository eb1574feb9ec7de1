// What validation and routing look at, read from the store in one place.
#pragma once

#include <vector>

#include "engine/context.hpp"

namespace orchestrator::engine {

// Where the portfolio's margin and day figures, and the version of the reference data, come from: the store,
// or what the last batch left. Remembered ones may be old: nothing is refused because of them, and the
// store's own check decides.
enum class Figures : std::uint8_t { kStored, kRemembered };

[[nodiscard]] std::int64_t version_of(const Context& context, Figures figures);
[[nodiscard]] ValidationSnapshot take_snapshot(const Context& context, const BatchRequest& request,
                                               Timestamp now, Figures figures, std::int64_t version);
[[nodiscard]] std::vector<BrokerState> broker_states(const Context& context, const Reference& reference);

}  // namespace orchestrator::engine
