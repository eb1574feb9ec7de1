// What the program reads: files, standard input, and the numbers of its options.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/error.hpp"
#include "orchestrator/types.hpp"

namespace orchestrator::cli {

// The bytes of a file, or of standard input for "-". Throws Error: invalid_argument (no such file, a
// folder, no permission), limit_exceeded (more than `bytes_max`; no more than that is ever kept).
[[nodiscard]] std::string read_input(const std::string& path, std::size_t bytes_max);

// Decimal digits with an optional minus and nothing else; nullopt otherwise.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);

// A positive id. Throws Error(invalid_argument) naming `what`.
[[nodiscard]] std::int64_t parse_id(std::string_view text, std::string_view what);

// "2026-01-05". Throws Error(invalid_argument) naming `what`.
[[nodiscard]] Date parse_day(std::string_view text, std::string_view what);

// Price, Quantity, Money or Rate from an option's text. Throws Error(invalid_decimal) naming `what`.
template <class Value>
[[nodiscard]] Value parse_decimal(std::string_view text, std::string_view what) {
  const auto parsed = Value::parse(text);
  if (parsed.ok()) return parsed.value;
  throw Error(ErrorCode::kInvalidDecimal,
              std::string(what) + " " + std::string(describe(parsed.error, Value::kDecimals)));
}

}  // namespace orchestrator::cli
