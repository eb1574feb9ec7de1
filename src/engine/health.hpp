// How the parts of the engine do, for operators.
#pragma once

#include "engine/context.hpp"

namespace orchestrator::engine {

// `failure`: what an earlier step failed with; empty for none.
[[nodiscard]] Health health(const Context& context, const std::string& failure);

}  // namespace orchestrator::engine
