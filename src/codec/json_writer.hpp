// JsonWriter: appends JSON to a string, in one pass and without state of its own beside the string.
//
// A comma is due exactly when the last character written ends a value, and in JSON that character tells:
// values end in one of `"`, `}`, `]`, a digit or a letter, and everything that asks for a value or a first
// member ends in `{`, `[` or `:`. So nesting needs no stack, and there is nothing to allocate.
//
// Numbers are exact decimal text. Strings are escaped; a byte that is not UTF-8 becomes U+FFFD, because a
// document that no reader takes would be worse than a wrong character in a message.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "codec/utf8.hpp"
#include "orchestrator/decimal.hpp"
#include "orchestrator/types.hpp"

namespace orchestrator::codec {

// Appends `text` as a JSON string literal, quotes included.
void append_quoted(std::string& out, std::string_view text);

namespace detail {

// Nonzero when one of the eight bytes needs an escape or a look at its neighbours.
[[nodiscard]] inline std::uint64_t special_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kTops = kOnes * 0x80;
  const std::uint64_t quote = bytes ^ (kOnes * '"');
  const std::uint64_t backslash = bytes ^ (kOnes * '\\');
  const std::uint64_t control = (bytes - kOnes * 0x20) & ~bytes;
  return (bytes | control | ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash)) & kTops;
}

template <class Word>
[[nodiscard]] Word load(const char* from) {
  Word word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// Shows `visit(word, position)` all of the text, in words as wide as it has room for; the last may overlap
// the one before, so that a few bytes at the end are no loop.
template <class Visit>
void each_word(std::string_view text, Visit&& visit) {
  const char* const begin = text.data();
  const std::size_t size = text.size();
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 <= size; at += 8) visit(load<std::uint64_t>(begin + at), at);
    if (size % 8 != 0) visit(load<std::uint64_t>(begin + size - 8), size - 8);
  } else if (size >= 4) {
    visit(load<std::uint32_t>(begin), 0);
    visit(load<std::uint32_t>(begin + size - 4), size - 4);
  } else {
    for (std::size_t at = 0; at < size; ++at) visit(static_cast<unsigned char>(begin[at]), at);
  }
}

// special_bytes() of a word of any size.
template <class Word>
[[nodiscard]] std::uint64_t special_bytes_of(Word word) {
  constexpr std::uint64_t kBlanks = 0x2020202020202020;
  if constexpr (sizeof word == sizeof kBlanks) return special_bytes(word);
  return special_bytes((kBlanks << (8 * sizeof word % 64)) | word);
}

}  // namespace detail

// No byte needs an escape or a look at its neighbours: printable ASCII without quote and backslash.
[[nodiscard]] inline bool is_plain(std::string_view text) {
  std::uint64_t special = 0;
  detail::each_word(text, [&](auto word, std::size_t) { special |= detail::special_bytes_of(word); });
  return special == 0;
}

// is_plain(), and puts the text there if it is; what it puts there otherwise means nothing.
[[nodiscard]] inline bool copy_plain(std::string_view text, char* out) {
  std::uint64_t special = 0;
  detail::each_word(text, [&](auto word, std::size_t at) {
    special |= detail::special_bytes_of(word);
    std::memcpy(out + at, &word, sizeof word);
  });
  return special == 0;
}

template <class Number>
concept JsonInteger = std::integral<Number> && !std::same_as<Number, bool> && !std::same_as<Number, char>;
template <class Enum>
concept Enumeration = std::is_enum_v<Enum>;

class JsonWriter {
 public:
  // One JSON value is appended to `out`, which may hold anything already and must outlive the writer.
  explicit JsonWriter(std::string& out) : out_(out), begin_(out.size()) {}
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }

  JsonWriter& key(std::string_view name) {
    if (append_short(name, true)) return *this;
    separate();
    append_quoted(out_, name);
    out_.push_back(':');
    return *this;
  }

  JsonWriter& value(std::string_view text) {
    if (append_short(text, false)) return *this;
    separate();
    append_quoted(out_, text);
    return *this;
  }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth) { return raw(truth ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }

  template <JsonInteger Number>
  JsonWriter& value(Number number) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    return raw(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
  }

  // Price, Quantity, Money, Rate: the shortest exact text, as a JSON number.
  template <class Tag, class Rep, int kDecimals>
  JsonWriter& value(FixedPoint<Tag, Rep, kDecimals> decimal) {
    separate();
    decimal.append_to(out_);
    return *this;
  }

  JsonWriter& value(Timestamp at) { return value(to_string(at)); }
  JsonWriter& value(Date day) { return value(to_string(day)); }

  // The enumerations of the API by their word.
  template <Enumeration Enum>
  JsonWriter& value(Enum word) {
    return value(std::string_view(to_string(word)));
  }

  template <class T>
  JsonWriter& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
  }

  // A complete JSON value, taken as it is; nothing at all stands for null.
  JsonWriter& raw(std::string_view json) {
    separate();
    out_.append(json.empty() ? std::string_view("null") : json);
    return *this;
  }

  template <class T>
  JsonWriter& member(std::string_view name, const T& content) {
    key(name);
    return value(content);
  }
  JsonWriter& member_raw(std::string_view name, std::string_view json) { return key(name).raw(json); }
  JsonWriter& member_null(std::string_view name) { return key(name).null(); }

 private:
  [[nodiscard]] bool comma_is_due() const {
    if (out_.size() == begin_) return false;
    const char last = out_.back();
    return last != '{' && last != '[' && last != ':';
  }
  void separate() {
    if (comma_is_due()) out_.push_back(',');
  }
  // Nearly all texts are short and need no escapes: comma, quotes and colon go out with them in one piece.
  // False: this one is not, and nothing was appended.
  bool append_short(std::string_view text, bool is_key) {
    std::array<char, 64> piece;
    if (text.size() > piece.size() - 4 || !is_plain(text)) return false;
    char* end = piece.data();
    if (comma_is_due()) *end++ = ',';
    *end++ = '"';
    end = std::copy(text.begin(), text.end(), end);
    *end++ = '"';
    if (is_key) *end++ = ':';
    out_.append(piece.data(), static_cast<std::size_t>(end - piece.data()));
    return true;
  }
  JsonWriter& open(char bracket) {
    separate();
    out_.push_back(bracket);
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_.push_back(bracket);
    return *this;
  }

  std::string& out_;
  std::size_t begin_;
};

namespace detail {

// What stands for each byte in a literal: 0 itself, 'u' a \u00XX, 8 the lead of a longer sequence, else the
// letter after the backslash.
inline constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> table{};
  for (std::size_t i = 0; i < 0x20; ++i) table[i] = 'u';
  for (std::size_t i = 0x80; i < 0x100; ++i) table[i] = 8;
  table['"'] = '"';
  table['\\'] = '\\';
  table['\b'] = 'b';
  table['\f'] = 'f';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  return table;
}();

}  // namespace detail

inline void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  std::size_t plain = 0;  // Begin of the run that goes out as it is.
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const char escape = detail::kEscapes[byte];
    const std::size_t sequence = escape == 0 ? 1 : escape == 8 ? utf8_sequence(text.substr(at, 4)) : 0;
    if (sequence != 0) {
      at += sequence;
      continue;
    }
    out.append(text, plain, at - plain);
    if (escape == 8) {
      out.append("\xEF\xBF\xBD");
    } else if (escape == 'u') {
      out.append("\\u00");
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back('\\');
      out.push_back(escape);
    }
    plain = ++at;
  }
  out.append(text, plain, text.size() - plain);
  out.push_back('"');
}

}  // namespace orchestrator::codec
