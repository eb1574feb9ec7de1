// How a body is refused.
#pragma once

#include <optional>
#include <string_view>

#include "orchestrator/error.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator::testing {

// What the reader throws; nullopt: the body was read.
inline std::optional<Error> refusal_of(std::string_view json, const ReadLimits& limits = {}) {
  try {
    static_cast<void>(parse_batch_json(json, limits));
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

inline bool mentions(const Error& error, std::string_view words) {
  return std::string_view(error.what()).find(words) != std::string_view::npos;
}

}  // namespace orchestrator::testing
