// read_json: JSON text as a stream of events, for readers that build their own values.
//
// Strict RFC 8259 and UTF-8; no document tree is built and nothing recurses, so memory stays that of the
// handler. Numbers arrive as text that FixedPoint::parse takes as it is, never as a binary fraction.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace orchestrator::codec {

enum class JsonKind { kNull, kBool, kNumber, kString };

// Views are valid during the call only. A handler that has seen enough throws; the exception reaches the
// caller of read_json.
class JsonHandler {
 public:
  virtual ~JsonHandler() = default;
  // `text`: "null"; "true" or "false"; the number as written (integers in their shortest form); the
  // string's content.
  virtual void scalar(JsonKind kind, std::string_view text) = 0;
  virtual void begin_object() = 0;
  virtual void key(std::string_view name) = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
};

// Throws Error(invalid_json) naming line and column: not JSON, not UTF-8, a NUL byte, anything after the
// document, deeper than `depth_max` levels, over 1 MiB in one string, over 512 KiB in one number or between
// two of either. A byte-order mark at the beginning is skipped: editors on some systems write one, and it
// changes no value. Duplicate keys are the handler's to refuse.
void read_json(std::string_view text, JsonHandler& handler, std::size_t depth_max = 16);

// The same JSON without blanks, on one line. Throws like read_json.
[[nodiscard]] std::string compact_json(std::string_view text);

// `text` for a message: at most 40 characters and then "...", anything unprintable masked.
[[nodiscard]] std::string printable(std::string_view text);
// The same in quotes.
[[nodiscard]] std::string quote_for_message(std::string_view text);

}  // namespace orchestrator::codec
