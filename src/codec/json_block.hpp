// JsonBlock: objects and arrays into a block of memory of its own, for the texts that every order costs.
//
// The same texts as JsonWriter's, and the same rule for commas. It is quicker because a name is a literal,
// whose size is known to the compiler and which needs no look at its characters, and because nothing is
// appended to a string piece by piece: what is written goes where it stays. Values that it does not know
// belong to JsonWriter.
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
    reserve(kSize + 3);
    separate();
    *at_++ = '"';
    std::memcpy(at_, name, kSize - 1);
    at_ += kSize - 1;
    std::memcpy(at_, "\":", 2);
    at_ += 2;
    return *this;
  }
  template <std::size_t kSize, class T>
  JsonBlock& member(const char (&name)[kSize], const T& content) {
    return key(name).value(content);
  }

  JsonBlock& value(std::string_view text) {
    reserve(text.size() + 3);
    char* const begin = at_;
    separate();
    *at_++ = '"';
    if (!copy_plain(text, at_)) {
      at_ = begin;
      return escaped(text);
    }
    at_ += text.size();
    *at_++ = '"';
    return *this;
  }
  // A word of the API, which needs no look at its characters.
  template <Enumeration Enum>
  JsonBlock& value(Enum word) {
    const std::string_view text = to_string(word);
    reserve(text.size() + 3);
    separate();
    *at_++ = '"';
    put(text);
    *at_++ = '"';
    return *this;
  }
  JsonBlock& value(Timestamp at) { return value(to_string(at)); }
  JsonBlock& null() { return raw("null"); }

  template <JsonInteger Number>
  JsonBlock& value(Number number) {
    constexpr std::size_t kDigitsMax = 24;
    reserve(kDigitsMax + 1);
    separate();
    at_ = std::to_chars(at_, at_ + kDigitsMax, number).ptr;
    return *this;
  }
  template <class Tag, class Rep, int kDecimals>
  JsonBlock& value(FixedPoint<Tag, Rep, kDecimals> decimal) {
    reserve(decimal.kTextSizeMax + 1);
    separate();
    at_ = decimal.write(at_);
    return *this;
  }
  template <class T>
  JsonBlock& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
  }

  // A complete JSON value, taken as it is.
  JsonBlock& raw(std::string_view json) {
    reserve(json.size() + 1);
    separate();
    put(json);
    return *this;
  }

 private:
  void reserve(std::size_t more) {
    if (static_cast<std::size_t>(end_ - at_) < more) grow(more);
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

  // The room for what these append is reserved by their callers.
  void separate() {
    if (at_ == block_.get()) return;
    const char last = at_[-1];
    if (last != '{' && last != '[' && last != ':') *at_++ = ',';
  }
  void put(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

  JsonBlock& escaped(std::string_view text) {
    std::string literal;
    append_quoted(literal, text);
    return raw(literal);
  }
  JsonBlock& open(char bracket) {
    reserve(2);
    separate();
    *at_++ = bracket;
    return *this;
  }
  JsonBlock& close(char bracket) {
    reserve(1);
    *at_++ = bracket;
    return *this;
  }

  std::unique_ptr<char[]> block_;
  char* at_;   // where the next character goes
  char* end_;  // of the block
};

}  // namespace orchestrator::codec
