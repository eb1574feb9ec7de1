// What a broker's book shows and none of its reports told: reports may be lost on their way (a dropped
// stream, a broker that forgot its news), the book is not.
#pragma once

#include <cstddef>
#include <string>

#include "engine/context.hpp"

namespace orchestrator::engine {

// Compares our orders, ended ones too, with the broker's book and applies what is missing, as if it had been
// reported: executions, ends, terms that differ, and orders that the broker has under a second id. Returns
// how many reports that were.
std::size_t resync(Context& context, BrokerConnector& broker);

// The same when EngineOptions::resync_interval has passed since the last time.
std::size_t resync_if_due(Context& context, BrokerConnector& broker);

}  // namespace orchestrator::engine
