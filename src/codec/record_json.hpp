// Records as parts of larger JSON documents.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "codec/json_writer.hpp"
#include "orchestrator/order.hpp"

namespace orchestrator::codec {

// Empty texts and ids of 0 mean "none", and none is null.
JsonWriter& member_or_null(JsonWriter& json, std::string_view name, std::string_view text);
JsonWriter& member_or_null(JsonWriter& json, std::string_view name, std::int64_t id);

void write_order(JsonWriter& json, const Order& order);
// The members of an object that is open already.
void write_limits(JsonWriter& json, const PortfolioLimits& limits);
void write_execution(JsonWriter& json, const Execution& execution);
void write_violation(JsonWriter& json, const Violation& violation);
void write_violations(JsonWriter& json, std::string_view name, const std::vector<Violation>& violations);

}  // namespace orchestrator::codec
