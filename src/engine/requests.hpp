// Requests about an order that the broker holds: cancel it, change it.
//
// The request is written down first (cancel_pending, replace_pending). Sending it again is harmless: a cancel
// names the order and a change names absolute terms under a client order id of its own, so the broker that
// has carried it out already does nothing more.
#pragma once

#include "engine/context.hpp"

namespace orchestrator::engine {

// Sends the request that `pending` waits for. Only a definite refusal ends it here; an answer comes as a
// report, and no answer is what resolve_requests() asks about.
void send_request(Context& context, const Order& pending);

// Asks about requests that were never answered and sends those again that the broker has not carried out,
// each at most once per quiet period of its broker. Of one broker or of all.
void resolve_requests(Context& context, const std::optional<std::string>& broker);

}  // namespace orchestrator::engine
