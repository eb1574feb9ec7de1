// JsonBlock: objects and arrays into a block of memory of its own, for the texts that every order costs.
//
// The same texts as JsonWriter's, and the same rule for commas. It is quicker because a name is a literal,
// whose size is known to the compiler and which needs no look at its characters, and because nothing is
// appended to a string piece by piece: what is written goes where it stays, and the room for a member is
// looked at once. Values that it does not know belong to JsonWriter.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "codec/json_writer.hpp"

namespace orchestrator::codec {

class JsonBlock {
 public:
  // `size_typical`: a longer text costs a copy each time it has grown by half.
  explicit JsonBlock(std::size_t size_typical)
      : block_(new char[size_typical]), at_(block_.get()), end_(at_ + size_typical) {}

  void clear() { at_ = block_.get(); }
  // Valid until the next call.
  [[nodiscard]] std::string_view text() const {
    return {block_.get(), static_cast<std::size_t>(at_ - block_.get())};
  }

  JsonBlock& begin_object() { return open('{'); }
  JsonBlock& end_object() { return close('}'); }
  JsonBlock& begin_array() { return open('['); }
  JsonBlock& end_array() { return close(']'); }

  // `name` is printable ASCII without quote and backslash.
  template <std::size_t kSize>
  JsonBlock& key(const char (&name)[kSize]) {
    at_ = put_key(room_for(kKeyRoom<kSize>), name);
    return *this;
  }
  template <std::size_t kSize, class T>
  JsonBlock& member(const char (&name)[kSize], const T& content) {
    at_ = put(put_key(room_for(kKeyRoom<kSize> + room_of(content)), name), content);
    return *this;
  }
  template <class T>
  JsonBlock& value(const T& content) {
    at_ = put(put_comma(room_for(1 + room_of(content))), content);
    return *this;
  }
  JsonBlock& null() { return raw("null"); }

  // A complete JSON value, taken as it is.
  JsonBlock& raw(std::string_view json) {
    at_ = put_bytes(put_comma(room_for(1 + json.size())), json);
    return *this;
  }

 private:
  // A comma, two quotes and a colon; the array's size counts its NUL.
  template <std::size_t kSize>
  static constexpr std::size_t kKeyRoom = kSize + 3;
  static constexpr std::size_t kIntegerRoom = 24;

  // The most that put() of the same value writes.
  static std::size_t room_of(std::string_view text) { return 2 + 6 * text.size(); }  // \u00XX for each
  static std::size_t room_of(Timestamp) { return 64; }
  template <Enumeration Enum>
  static std::size_t room_of(Enum word) {
    return 2 + to_string(word).size();
  }
  template <JsonInteger Number>
  static constexpr std::size_t room_of(Number) {
    return kIntegerRoom;
  }
  template <class Tag, class Rep, int kDecimals>
  static constexpr std::size_t room_of(FixedPoint<Tag, Rep, kDecimals> decimal) {
    return decimal.kTextSizeMax;
  }
  template <class T>
  static std::size_t room_of(const std::optional<T>& maybe) {
    return maybe ? room_of(*maybe) : 4;
  }

  // These write at `at`, where there is room, and return one past the last character.
  static char* put_bytes(char* at, std::string_view bytes) {
    std::memcpy(at, bytes.data(), bytes.size());
    return at + bytes.size();
  }
  char* put_comma(char* at) const {
    if (at == block_.get()) return at;
    const char last = at[-1];
    if (last != '{' && last != '[' && last != ':') *at++ = ',';
    return at;
  }
  template <std::size_t kSize>
  char* put_key(char* at, const char (&name)[kSize]) const {
    at = put_comma(at);
    *at++ = '"';
    at = put_bytes(at, {name, kSize - 1});
    *at++ = '"';
    *at++ = ':';
    return at;
  }
  static char* put(char* at, std::string_view text) {
    *at = '"';
    if (!copy_plain(text, at + 1)) {
      std::string literal;
      append_quoted(literal, text);
      return put_bytes(at, literal);
    }
    at += 1 + text.size();
    *at = '"';
    return at + 1;
  }
  static char* put(char* at, Timestamp time) { return put(at, to_string(time)); }
  // A word of the API, which needs no look at its characters.
  template <Enumeration Enum>
  static char* put(char* at, Enum word) {
    *at++ = '"';
    at = put_bytes(at, to_string(word));
    *at = '"';
    return at + 1;
  }
  template <JsonInteger Number>
  static char* put(char* at, Number number) {
    return std::to_chars(at, at + kIntegerRoom, number).ptr;
  }
  template <class Tag, class Rep, int kDecimals>
  static char* put(char* at, FixedPoint<Tag, Rep, kDecimals> decimal) {
    return decimal.write(at);
  }
  template <class T>
  static char* put(char* at, const std::optional<T>& maybe) {
    return maybe ? put(at, *maybe) : put_bytes(at, "null");
  }

  // Where the next character goes, with room for that many.
  char* room_for(std::size_t more) {
    if (static_cast<std::size_t>(end_ - at_) < more) grow(more);
    return at_;
  }
  void grow(std::size_t more) {
    const std::string_view old = text();
    const std::size_t capacity = old.size() + old.size() / 2 + more;
    std::unique_ptr<char[]> block(new char[capacity]);
    std::memcpy(block.get(), old.data(), old.size());
    at_ = block.get() + old.size();
    end_ = block.get() + capacity;
    block_ = std::move(block);
  }

  JsonBlock& open(char bracket) {
    at_ = put_comma(room_for(2));
    *at_++ = bracket;
    return *this;
  }
  JsonBlock& close(char bracket) {
    *room_for(1) = bracket;
    ++at_;
    return *this;
  }

  std::unique_ptr<char[]> block_;
  char* at_;   // where the next character goes
  char* end_;  // of the block
};

}  // namespace orchestrator::codec
