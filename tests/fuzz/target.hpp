// Fuzz targets: a target is handed any bytes, and throws when a property does not hold.
//
// Whatever escapes a target is a finding, so that a target catches what is lawful and nothing else. Under
// libFuzzer each is a program of its own (libfuzzer.cpp); in every test run all of them go over their corpora
// (replay_test.cpp).
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "codec/utf8.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::fuzz {

struct Target {
  const char* name;  // of the corpus and the dictionary, too
  void (*run)(std::string_view bytes);
};

inline std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

struct Registration {
  explicit Registration(const Target& target) { targets().push_back(target); }
};

inline void require(bool holds, const std::string& what) {
  if (!holds) throw std::logic_error("does not hold: " + what);
}

// What is said of any input can be shown and logged: short, UTF-8, without control characters.
inline void check_message(std::string_view message) {
  constexpr std::size_t kMessageMax = 1000;
  require(!message.empty() && message.size() <= kMessageMax,
          "a message has 1 to 1000 bytes, this one " + std::to_string(message.size()));
  require(codec::find_invalid_utf8(message) == std::string_view::npos, "a message is UTF-8");
  require(std::ranges::none_of(message, [](char c) { return (c >= 0 && c < ' ') || c == 127; }),
          "a message holds no control character: " + std::string(message));
}

inline void check_refusal(const Error& error, std::initializer_list<ErrorCode> allowed) {
  require(std::ranges::find(allowed, error.code()) != allowed.end(),
          "refused as " + std::string(to_string(error.code())) + ": " + error.what());
  check_message(error.what());
  for (const Violation& violation : error.violations()) {
    check_message(violation.message);
    require(!violation.code.empty(), "a violation has a code");
  }
}

// What `read` gives; nullopt when it refused with one of these codes.
template <class Read>
auto accepted(std::initializer_list<ErrorCode> refusals, Read&& read)
    -> std::optional<std::remove_cvref_t<decltype(read())>> {
  try {
    return read();
  } catch (const Error& error) {
    check_refusal(error, refusals);
    return std::nullopt;
  }
}

// The bytes taken as a sequence of choices. What is used up gives zeros.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool used_up() const { return rest_.empty(); }
  [[nodiscard]] std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  // 0 to `count` - 1, of at most 256.
  [[nodiscard]] int below(int count) { return byte() % count; }
  template <std::integral Number>
  [[nodiscard]] Number number() {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) bits = bits << 8 | byte();
    return static_cast<Number>(bits);
  }
  // Up to 255 bytes.
  [[nodiscard]] std::string_view text() {
    const std::size_t size = byte();
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace orchestrator::fuzz
