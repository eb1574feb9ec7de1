// What a broker's answer about one order proves.
#pragma once

#include <string>
#include <vector>

#include "core/order_life.hpp"
#include "engine/context.hpp"

namespace orchestrator::engine {

// What the broker's view of the order says about its life. Executions are not taken from here: they come
// one by one, with their ids, as reports.
[[nodiscard]] std::vector<Signal> evidence_of(const BrokerOrder& found, Timestamp at);

// Whether an attempt before the last one has no answer. A claim adds one to attempt and epoch, a doubt to the
// epoch alone; the last attempt's own doubt is that of `unknown`. Stays so after a person's decision.
[[nodiscard]] bool earlier_attempt_in_doubt(const Order& order);

// Whether a second order under the same client order id would be refused, should the first be there.
[[nodiscard]] bool would_refuse_twice(const BrokerCapabilities& capabilities, const Order& order,
                                      Timestamp now);

// Whether a refusal, cancel or expiry need not be about the attempt that the broker works on: the order was
// sent more than once, and the id is not that of its acknowledgement. A refusal mostly comes without any.
[[nodiscard]] bool of_another_attempt(const Order& order, const Signal& ending);

// What a refusal is of an order that was sent again: it says nothing of the attempt before, and would be
// repeated at each round. A person decides.
[[nodiscard]] Signal refused_again(Timestamp at, const std::string& reason);

}  // namespace orchestrator::engine
