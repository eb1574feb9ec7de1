// A quick hash of short texts for indexes in memory. Not for anything that is stored or sent: it may change,
// and differs between machines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "orchestrator/decimal.hpp"

namespace orchestrator {

// Eight bytes at a time, each step folding the product of 128 bits, so that every bit moves the low ones.
[[nodiscard]] inline std::size_t text_hash(std::string_view text) {
  constexpr std::uint64_t kFactor = 0x9fb21c651e98df25;
  std::uint64_t state = text.size() * 0x9e3779b97f4a7c15;
  const auto take = [&state](std::uint64_t word) {
    const auto product = static_cast<detail::uint128>(state ^ word) * kFactor;
    state = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t word = 0;
  for (; left >= sizeof word; at += sizeof word, left -= sizeof word) {
    std::memcpy(&word, at, sizeof word);
    take(word);
  }
  if (left == 0) return state;
  if (text.size() >= sizeof word) {  // the last eight, some of them once more
    std::memcpy(&word, at + left - sizeof word, sizeof word);
  } else {
    word = 0;
    std::memcpy(&word, at, left);
  }
  take(word);
  return state;
}

}  // namespace orchestrator
