// Accepting a batch: idempotency, validation, routing, and the one commit (T1) after which nothing is lost.
#pragma once

#include <vector>

#include "engine/context.hpp"

namespace orchestrator::engine {

struct Accepted {
  Receipt receipt;
  // Claimed in the same commit, to be sent by the caller at once: the first request of each broker. What is
  // left of the batch is placed. Empty on a replay.
  std::vector<Order> claimed;
  bool rest_placed = false;
};

// `claim`: accept and claim in one commit (the accepting thread sends).
[[nodiscard]] Accepted accept(Context& context, const BatchRequest& request, bool claim);
// Validates and routes only.
[[nodiscard]] Receipt preview(const Context& context, const BatchRequest& request);

}  // namespace orchestrator::engine
