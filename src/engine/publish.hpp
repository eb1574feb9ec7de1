// From the outbox to the publisher (T5).
#pragma once

#include "engine/context.hpp"

namespace orchestrator::engine {

// Sends what is in the outbox and frees the rows whose every event is confirmed delivered; returns how many
// events were confirmed. An event that is not holds up the later ones of its subject only. Stops at
// back-pressure, and when nothing is heard of as many events as a page holds.
// Called from inside the publisher, on its thread, it does nothing and returns 0.
std::size_t publish(Context& context);

}  // namespace orchestrator::engine
