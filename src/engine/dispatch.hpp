// Sending claimed orders and recording what came of it (T2, T3).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/context.hpp"

namespace orchestrator::engine {

// Sends orders that this process has claimed, grouped by broker, and commits the outcomes. Returns how many
// were put on the wire. They were claimed `from` placed, so that no attempt of them is in doubt, or from
// unknown.
std::size_t send_claimed(Context& context, std::vector<Order> claimed, OrderStatus from);

// Claims and sends what is placed: of one batch or all, for one broker or all.
std::size_t dispatch(Context& context, std::optional<BatchId> batch, std::optional<std::string> broker);

// Claims and sends one order: placed, or in doubt (`from` unknown) when its broker denied having it; the
// client order id stays. In doubt it is sent only under the epoch it was seen with. False: somebody else was
// faster, a stop switch covers it, or its broker is sent nothing now.
bool dispatch_one(Context& context, const Order& order, OrderStatus from);

}  // namespace orchestrator::engine
