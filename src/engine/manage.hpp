// What a caller asks of orders that exist: cancel, replace, simulate a fill, settle, decide. Who gives a name
// (`by`) is in the audit trail, in the commit of what he asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/context.hpp"

namespace orchestrator::engine {

Order cancel(Context& context, OrderId id, const std::string& by);
std::vector<Order> cancel_batch(Context& context, BatchId id, const std::string& by);
Order replace(Context& context, OrderId id, std::optional<Quantity> qty, std::optional<Price> price_limit,
              const std::string& by);
FillResult simulate_fill(Context& context, OrderId id, Price price, Quantity qty);
SettleResult settle(Context& context, Date as_of, const std::string& by);
Order resolve(Context& context, OrderId id, const Resolution& resolution);

}  // namespace orchestrator::engine
