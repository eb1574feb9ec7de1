// What was asked for, as JSON.
#pragma once

#include <string>

#include "orchestrator/order.hpp"

namespace orchestrator::codec {

// The orders of a request as one JSON array on one line, for OrderBatch::orders_json. Equal orders give
// equal bytes: fields in a fixed order, and those left out that are absent or hold their default.
// parse_batch_json reads the same orders back from it.
[[nodiscard]] std::string orders_json(const BatchRequest& request);

}  // namespace orchestrator::codec
