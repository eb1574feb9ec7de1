// Orders in doubt: found, asked about, and settled by broker evidence only.
#pragma once

#include <optional>

#include "engine/context.hpp"

namespace orchestrator::engine {

// Turns claimed orders whose sender is gone into orders in doubt; the new epoch fences the old sender. Of
// one broker or of all.
std::size_t mark_abandoned(Context& context, const std::optional<std::string>& broker);

// Asks the brokers about orders in doubt, oldest first: adopt, send again, park or wait, as the broker's
// class allows. Adds to `report`. `which` narrows by batch or broker.
void resolve_unknown(Context& context, OrderQuery which, RecoveryReport& report);

}  // namespace orchestrator::engine
