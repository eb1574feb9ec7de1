// How many requests one broker credential has sent lately, as a sliding window that fits into one row.
//
// The window is kept as counts of slots of a tenth of its length. A request is granted only when the slot it
// falls into and the ten before it hold fewer than the limit; they cover any window that ends now, so no
// window of that length ever holds more. That is exact to one slot: right after a burst up to a tenth of the
// window is waited too long.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "orchestrator/broker_connector.hpp"

namespace orchestrator {

class RateWindow {
 public:
  RateWindow() = default;
  // The form that a store keeps: "<slot> <count> <count> ...", newest first. Throws Error(storage_corrupt).
  [[nodiscard]] static RateWindow parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  // How many of `wanted` requests may leave at `now`; they are counted at once. Time that steps back (a
  // machine that started anew) frees nothing.
  std::size_t take(const RateLimit& limit, bool cancels, std::size_t wanted, Timestamp now);

 private:
  static constexpr std::size_t kSlots = 11;

  void move_to(std::int64_t slot);

  std::int64_t newest_ = 0;  // number of the slot that counts_[0] counts
  std::array<std::uint64_t, kSlots> counts_ = {};
};

}  // namespace orchestrator
