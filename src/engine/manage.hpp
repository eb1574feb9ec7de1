// What a caller asks of orders that exist: cancel, replace, simulate a fill, settle, decide.
#pragma once

#include <optional>
#include <vector>

#include "engine/context.hpp"

namespace orchestrator::engine {

Order cancel(Context& context, OrderId id);
std::vector<Order> cancel_batch(Context& context, BatchId id);
Order replace(Context& context, OrderId id, std::optional<Quantity> qty, std::optional<Price> price_limit);
FillResult simulate_fill(Context& context, OrderId id, Price price, Quantity qty);
SettleResult settle(Context& context, Date as_of);
Order resolve(Context& context, OrderId id, const Resolution& resolution);

}  // namespace orchestrator::engine
