#include "codec/plain_json.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "codec/json_writer.hpp"

namespace orchestrator::codec {
namespace {

constexpr unsigned kDepthMax = 16;
// Ours are shorter; of one that is much longer the strict reader says that it is out of range.
constexpr std::size_t kNumberMax = 64;

class PlainReader {
 public:
  PlainReader(std::string_view text, JsonHandler& handler) : rest_(text), handler_(handler) {}

  bool run() {
    while (value()) {
      if (in_value_) continue;  // of a container just opened
      if (!after_value()) return false;
      if (depth_ == 0) return rest_.empty();
    }
    return false;
  }

 private:
  [[nodiscard]] bool in_object() const { return (objects_ >> depth_ & 1U) != 0; }
  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // False: nothing that this reader takes.
  bool value() {
    in_value_ = false;
    if (rest_.empty()) return false;
    switch (rest_.front()) {
      case '{':
        return open(true);
      case '[':
        return open(false);
      case '"':
        return string();
      case 'n':
        return literal("null", JsonKind::kNull);
      case 't':
        return literal("true", JsonKind::kBool);
      case 'f':
        return literal("false", JsonKind::kBool);
      default:
        return number();
    }
  }

  bool open(bool object) {
    rest_.remove_prefix(1);
    if (++depth_ > kDepthMax) return false;
    const std::uint32_t bit = std::uint32_t{1} << depth_;
    objects_ = object ? objects_ | bit : objects_ & ~bit;
    object ? handler_.begin_object() : handler_.begin_array();
    if (take(object ? '}' : ']')) return close(object);
    in_value_ = true;
    return !object || key();
  }

  bool close(bool object) {
    --depth_;
    object ? handler_.end_object() : handler_.end_array();
    return true;
  }

  // Closes what ends here, and goes on to the next value if there is one.
  bool after_value() {
    while (depth_ > 0) {
      const bool object = in_object();
      if (take(',')) return !object || key();
      if (!take(object ? '}' : ']')) return false;
      close(object);
    }
    return true;
  }

  bool key() {
    const auto name = quoted();
    if (!name || !take(':')) return false;
    handler_.key(*name);
    return true;
  }

  bool string() {
    const auto text = quoted();
    if (text) handler_.scalar(JsonKind::kString, *text);
    return text.has_value();
  }

  std::optional<std::string_view> quoted() {
    if (!take('"')) return std::nullopt;
    const std::size_t end = rest_.find('"');
    if (end == std::string_view::npos || !is_plain(rest_.substr(0, end))) return std::nullopt;
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }

  bool literal(std::string_view word, JsonKind kind) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    handler_.scalar(kind, word);
    return true;
  }

  bool number() {
    std::size_t end = rest_.front() == '-' ? 1 : 0;
    const std::size_t whole = digits(end);
    if (whole == 0 || (whole > 1 && rest_[end] == '0')) return false;
    if (end == 1 && rest_[end] == '0' && whole == 1) return false;  // -0 and -0.5: not worth a case
    end += whole;
    if (end < rest_.size() && rest_[end] == '.') {
      const std::size_t fraction = digits(end + 1);
      if (fraction == 0) return false;
      end += 1 + fraction;
    }
    if (end < rest_.size() && (rest_[end] == 'e' || rest_[end] == 'E')) return false;
    if (end > kNumberMax) return false;
    handler_.scalar(JsonKind::kNumber, rest_.substr(0, end));
    rest_.remove_prefix(end);
    return true;
  }

  [[nodiscard]] std::size_t digits(std::size_t from) const {
    std::size_t end = from;
    while (end < rest_.size() && rest_[end] >= '0' && rest_[end] <= '9') ++end;
    return end - from;
  }

  std::string_view rest_;
  JsonHandler& handler_;
  std::uint32_t objects_ = 0;  // a bit for each level that is an object
  unsigned depth_ = 0;
  bool in_value_ = false;
};

}  // namespace

bool read_plain_json(std::string_view text, JsonHandler& handler) { return PlainReader(text, handler).run(); }

}  // namespace orchestrator::codec
