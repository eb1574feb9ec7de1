// Applying news from brokers (T4).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "engine/context.hpp"

namespace orchestrator::engine {

// Applies reports, each at most once, in one commit together with the cursor they came with. Reports that
// match no order yet wait in the inbox.
void apply_reports(Context& context, std::span<const BrokerReport> reports,
                   const std::optional<BrokerCursor>& cursor = std::nullopt);

// Applies what waits in a broker's inbox and has found its order by now.
std::size_t drain_inbox(Context& context, const std::string& broker);

// Asks one broker for its news and applies them; returns how many reports came.
std::size_t poll(Context& context, BrokerConnector& broker);

}  // namespace orchestrator::engine
