// From the outbox to the publisher (T5).
#pragma once

#include <stop_token>

#include "engine/context.hpp"

namespace orchestrator::engine {

// Sends what is in the outbox and frees the rows whose every event is confirmed delivered; returns how many
// events were confirmed. An event that is not holds up the later ones of its subject only. Stops at
// back-pressure, and when nothing is heard of as many events as a page holds.
// Called from inside the publisher, on its thread, it does nothing and returns 0.
// Asked to stop it begins no further page, and does not wait for long for the one it is in: what is not
// confirmed by then stays in the outbox.
std::size_t publish(Context& context, const std::stop_token& stop = {});

}  // namespace orchestrator::engine
