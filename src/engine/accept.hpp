// Accepting a batch: idempotency, validation, routing, and the one commit (T1) after which nothing is lost.
#pragma once

#include <vector>

#include "engine/context.hpp"

namespace orchestrator::engine {

struct Accepted {
  Receipt receipt;
  // Claimed in the same commit, to be sent by the caller at once; empty on a replay.
  std::vector<Order> claimed;
};

// `claim`: accept and claim in one commit (the accepting thread sends).
[[nodiscard]] Accepted accept(Context& context, const BatchRequest& request, bool claim);
// Validates and routes only.
[[nodiscard]] Receipt preview(const Context& context, const BatchRequest& request);

}  // namespace orchestrator::engine
