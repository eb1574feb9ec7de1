// How many requests one broker credential has sent lately, as a sliding window that fits into one row.
//
// The window is kept as counts of slots of a tenth of its length. A request is granted only when the slot it
// falls into and the ten before it hold fewer than the limit; they cover any window that ends now, so no
// window of that length ever holds more. That is exact to one slot: right after a burst up to a tenth of the
// window is waited too long.
//
// Orders leave a tenth of the limit, at least one request, to the others, and these leave half of it to
// orders, both beside what is reserved for cancels: otherwise a backlog would keep everybody from hearing of
// fills, or a desk that polls often from sending.
//
// The length belongs to the request. Each length that was ever asked for has counts of its own, and what is
// granted is counted in all of them, so that processes with different settings do not read one another's
// slots as theirs. A length that is asked for the first time begins empty.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/broker_connector.hpp"

namespace orchestrator {

class RateWindow {
 public:
  RateWindow() = default;
  // The form that a store keeps, of each length: "<length in us> <slot> <counts> <counts> ...", newest slot
  // first, and of a slot those of each RateUse. Throws Error(storage_corrupt).
  [[nodiscard]] static RateWindow parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  // How many of `wanted` requests may leave at `now`; they are counted at once. Time that steps back (a
  // machine that started anew) frees nothing.
  std::size_t take(const RateLimit& limit, RateUse use, std::size_t wanted, Timestamp now);

 private:
  using Counts = std::array<std::uint64_t, 3>;  // by RateUse

  struct Slots {
    std::int64_t length_us = 0;
    std::int64_t newest = 0;  // number of the slot that counts[0] counts
    std::array<Counts, 11> counts = {};

    void move_to(Timestamp now);
    [[nodiscard]] Counts sum() const;
  };

  Slots& slots_of(std::chrono::microseconds length);

  std::vector<Slots> slots_;
};

}  // namespace orchestrator
