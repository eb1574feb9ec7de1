// Settings: a flat JSON object of named values, such as a connector's configuration, with typed access.
//
// Every refusal is Error(configuration) that names the object, the field and what is allowed, because
// whoever reads it is an operator in front of a settings row.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "codec/json_events.hpp"
#include "orchestrator/decimal.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::codec {

class Settings {
 public:
  // `what` begins every message: "zerodha-mock". Refuses anything but one object of strings, numbers and
  // booleans, each key once. A null counts as left out.
  [[nodiscard]] static Settings parse(std::string_view json, std::string what);

  // nullopt: the field is not there. A value of another type is refused.
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
  // The same, and refuses what is not in `min` to `max`.
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t min,
                                                    std::int64_t max) const;
  // Price, Quantity, Money or Rate, from a JSON number or a string.
  template <class Decimal>
  [[nodiscard]] std::optional<Decimal> decimal(std::string_view key) const {
    const Entry* entry = find(key);
    if (entry == nullptr) return std::nullopt;
    if (entry->kind == JsonKind::kBool) refuse(key, "is a boolean; write a decimal number");
    const auto parsed = Decimal::parse(entry->text);
    if (!parsed.ok()) refuse(key, std::string(describe(parsed.error, Decimal::kDecimals)));
    return parsed.value;
  }
  [[nodiscard]] std::optional<std::string> text(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;

  // The object as JSON, with this text in place of what `key` held.
  [[nodiscard]] std::string with_text(std::string_view key, std::string_view text) const;

  // Throws when a field is none of `known`, listing them.
  void refuse_unknown(std::initializer_list<std::string_view> known) const;

  // Throws Error(configuration): "<what>: <key> <message>". For rules that only the caller knows.
  [[noreturn]] void refuse(std::string_view key, const std::string& message) const;

 private:
  struct Entry {
    JsonKind kind = JsonKind::kString;
    std::string text;
  };
  class Reader;

  [[nodiscard]] const Entry* find(std::string_view key) const;

  std::string what_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace orchestrator::codec
