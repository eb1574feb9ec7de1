// A stored receipt, read back.
#pragma once

#include <string_view>

#include "orchestrator/order.hpp"

namespace orchestrator::codec {

// The receipt that to_json(receipt) wrote; `json` holds the same bytes, `replayed` is false. A rejected leg
// comes back without broker and routing reason, which its JSON does not have. Throws Error(storage_corrupt)
// for what cannot be read.
[[nodiscard]] Receipt parse_receipt(std::string_view json);

}  // namespace orchestrator::codec
