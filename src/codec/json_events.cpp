// The one place that knows the JSON parser.
//
// Invariants: whatever the bytes, read_json either has reported a whole valid document or throws Error;
// number text never depends on the locale; the parser's own messages are rewritten, because they quote raw
// input; beside the text itself memory stays within a few kStringMax, whatever the text is made of.

#include "codec/json_events.hpp"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "codec/json_writer.hpp"
#include "codec/utf8.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::codec {

namespace {

using nlohmann::json;

[[noreturn]] void refuse_at(std::string_view text, std::size_t position, const std::string& message) {
  const std::string_view before = text.substr(0, position);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0: the first line
  const std::string_view row = before.substr(line_begin);
  // Characters, not bytes: what an editor shows.
  const auto column = 1 + std::count_if(row.begin(), row.end(), [](char c) {
                        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
                      });
  throw Error(ErrorCode::kInvalidJson,
              "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + message);
}

// The parser keeps all it has read since the last string or number began, and quotes each blank eightfold in
// its message. No sound document comes near these.
constexpr std::size_t kStringMax = std::size_t{1024} * 1024;
constexpr std::size_t kStretchMax = std::size_t{512} * 1024;  // of a number, or without string and number

bool continues_number(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

// Behind the first invalid character this may take one thing for another: the parser never gets there.
void refuse_long_stretches(std::string_view text) {
  if (text.size() <= kStretchMax) return;
  std::size_t begin = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      in_string = !in_string;
      begin = i;
    } else if (in_string) {
      if (c == '\\') ++i;
    } else if ((c == '-' || (c >= '0' && c <= '9')) && (i == 0 || !continues_number(text[i - 1]))) {
      begin = i;
    }
    if (i - begin < (in_string ? kStringMax : kStretchMax)) continue;
    refuse_at(text, begin,
              (in_string ? "a string is longer than " + std::to_string(kStringMax)
                         : "a number, or what stands between two values, is longer than " +
                               std::to_string(kStretchMax)) +
                  " bytes, which is the limit; shorten it");
  }
}

// "[json.exception...] parse error at line 1, column 5: syntax error while parsing value - invalid literal;
// last read: '<raw bytes>'; expected ..." without its prefix and without the raw bytes.
std::string explain(std::string_view what) {
  constexpr std::string_view kPlace = ", column ";
  constexpr std::string_view kRaw = "; last read: '";
  const std::size_t column = what.find(kPlace);
  const std::size_t colon = column == std::string_view::npos ? column : what.find(": ", column);
  if (colon != std::string_view::npos) what.remove_prefix(colon + 2);
  std::string text(what);
  const std::size_t raw = text.find(kRaw);
  if (raw != std::string::npos) text.erase(raw, text.rfind('\'') + 1 - raw);
  return text;
}

// Turns the parser's callbacks into a JsonHandler's.
class Adapter {
 public:
  Adapter(std::string_view text, JsonHandler& handler, std::size_t depth_max)
      : text_(text), handler_(handler), depth_max_(depth_max) {}

  bool null() { return scalar(JsonKind::kNull, "null"); }
  bool boolean(bool value) { return scalar(JsonKind::kBool, value ? "true" : "false"); }
  bool number_integer(json::number_integer_t value) {
    // Called for numbers with a minus sign only. An integer has no negative zero, the text had one.
    return scalar(JsonKind::kNumber, value == 0 ? std::string("-0") : std::to_string(value));
  }
  bool number_unsigned(json::number_unsigned_t value) {
    return scalar(JsonKind::kNumber, std::to_string(value));
  }
  bool number_float(json::number_float_t /*never used*/, const std::string& written) {
    // Some parser releases put the locale's decimal point into this text.
    number_ = written;
    for (char& c : number_) {
      const bool is_json = (c >= '0' && c <= '9') || c == 'e' || c == 'E' || c == '+' || c == '-';
      if (!is_json) c = '.';
    }
    return scalar(JsonKind::kNumber, number_);
  }
  bool string(const std::string& value) { return scalar(JsonKind::kString, value); }
  bool binary(const json::binary_t& /*JSON text has none*/) { return false; }

  bool start_object(std::size_t /*unknown in text*/) {
    enter();
    handler_.begin_object();
    return true;
  }
  bool key(const std::string& name) {
    handler_.key(name);
    return true;
  }
  bool end_object() {
    --depth_;
    handler_.end_object();
    return true;
  }
  bool start_array(std::size_t /*unknown in text*/) {
    enter();
    handler_.begin_array();
    return true;
  }
  bool end_array() {
    --depth_;
    handler_.end_array();
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*raw token*/, const json::exception& error) {
    constexpr int kNumberOverflow = 406;
    // `position` counts the bytes read, the offending one included.
    const std::size_t at = std::min(position, text_.size() + 1) - (position == 0 ? 0 : 1);
    if (error.id == kNumberOverflow) refuse_at(text_, at, "a number is out of range");
    refuse_at(text_, at, "not valid JSON: " + explain(error.what()));
  }

 private:
  bool scalar(JsonKind kind, std::string_view text) {
    handler_.scalar(kind, text);
    return true;
  }
  void enter() {
    if (++depth_ <= depth_max_) return;
    throw Error(ErrorCode::kInvalidJson, "the JSON is nested deeper than " + std::to_string(depth_max_) +
                                             " levels, which is the limit; flatten it");
  }

  std::string_view text_;
  JsonHandler& handler_;
  std::size_t depth_max_;
  std::size_t depth_ = 0;
  std::string number_;
};

// Writes what it reads.
class Compactor : public JsonHandler {
 public:
  explicit Compactor(std::string& out) : writer_(out) {}
  void scalar(JsonKind kind, std::string_view text) override {
    if (kind == JsonKind::kString) {
      writer_.value(text);
    } else {
      writer_.raw(text);
    }
  }
  void begin_object() override { writer_.begin_object(); }
  void key(std::string_view name) override { writer_.key(name); }
  void end_object() override { writer_.end_object(); }
  void begin_array() override { writer_.begin_array(); }
  void end_array() override { writer_.end_array(); }

 private:
  JsonWriter writer_;
};

}  // namespace

void read_json(std::string_view text, JsonHandler& handler, std::size_t depth_max) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  // The parser would take a NUL byte for the end, and accept anything behind it.
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) refuse_at(text, nul, "a NUL byte is not JSON");
  refuse_long_stretches(text);
  Adapter adapter(text, handler, depth_max);
  json::sax_parse(text.data(), text.data() + text.size(), &adapter);
}

std::string compact_json(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  Compactor compactor(out);
  read_json(text, compactor);
  return out;
}

std::string printable(std::string_view text) {
  constexpr std::size_t kShownMax = 40;
  std::string shown;
  for (std::size_t count = 0; !text.empty() && count < kShownMax; ++count) {
    const std::size_t length = std::max<std::size_t>(utf8_sequence(text.substr(0, 4)), 1);
    const auto lead = static_cast<unsigned char>(text.front());
    const bool is_printable = length > 1 || (lead >= 0x20 && lead < 0x7F);
    shown += is_printable ? text.substr(0, length) : std::string_view("?");
    text.remove_prefix(length);
  }
  return text.empty() ? shown : shown + "...";
}

std::string quote_for_message(std::string_view text) { return '"' + printable(text) + '"'; }

}  // namespace orchestrator::codec
