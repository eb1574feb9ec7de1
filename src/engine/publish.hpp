// From the outbox to the publisher (T5).
#pragma once

#include "engine/context.hpp"

namespace orchestrator::engine {

// Sends what is in the outbox and frees the rows whose every event is confirmed delivered; returns how many
// events that were. Stops at the first back-pressure or unconfirmed delivery, so that a later event of an
// order never overtakes an earlier one within a call.
// Called from inside the publisher, on its thread, it does nothing and returns 0.
std::size_t publish(Context& context);

}  // namespace orchestrator::engine
