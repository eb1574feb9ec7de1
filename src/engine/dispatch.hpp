// Sending claimed orders and recording what came of it (T2, T3).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/context.hpp"

namespace orchestrator::engine {

// Sends orders that this process has claimed, grouped by broker, and commits the outcomes. Returns how many
// were put on the wire.
std::size_t send_claimed(Context& context, std::vector<Order> claimed);

// Claims and sends what is placed: of one batch or all, for one broker or all.
std::size_t dispatch(Context& context, std::optional<BatchId> batch, std::optional<std::string> broker);

// Claims and sends one order: placed, or in doubt (`from` unknown) when its broker denied having it; the
// client order id stays. False: somebody else was faster, or a stop switch covers it.
bool dispatch_one(Context& context, OrderId id, OrderStatus from);

}  // namespace orchestrator::engine
