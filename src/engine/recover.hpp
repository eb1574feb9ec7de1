// Orders in doubt: found, asked about, and settled by broker evidence only.
#pragma once

#include <optional>
#include <string>

#include "engine/context.hpp"

namespace orchestrator::engine {

// Turns claimed orders whose sender is gone into orders in doubt; the new epoch fences the old sender. Of
// one broker or of all.
std::size_t mark_abandoned(Context& context, const std::optional<std::string>& broker);

// Asks the brokers about orders in doubt, oldest first: adopt, send again, park or wait, as the broker's
// class allows. Adds to `report`.
void resolve_unknown(Context& context, RecoveryReport& report);

// The same for a bounded number of one broker's orders, going on where the last such pass ended, so that a
// great many in doubt do not keep its news waiting and each has its turn.
void resolve_some_unknown(Context& context, const std::string& broker, RecoveryReport& report);

}  // namespace orchestrator::engine
