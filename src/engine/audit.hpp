// Everything that is stored, checked against everything else. Reads only.
#pragma once

#include "engine/context.hpp"

namespace orchestrator::engine {

[[nodiscard]] AuditReport audit(const Context& context, const AuditOptions& options);

}  // namespace orchestrator::engine
