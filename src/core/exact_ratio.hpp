// Products and quotients that need more than 128 bits on the way, and the matched P&L that is made of them.
#pragma once

#include <cstdint>

#include "orchestrator/decimal.hpp"

namespace orchestrator {

// `amount` x `count`, exactly. Throws Error(number_overflow) when it does not fit.
[[nodiscard]] Money times(Money amount, std::int64_t count);

// One side of a matched P&L.
struct MatchedSide {
  int128 units = 0;  // sum of quantity x multiplier, in the smallest units of Quantity
  Money value;       // sum of price x quantity x multiplier

  // Throws Error(number_overflow) when a sum does not fit.
  void add(Quantity qty, Money notional, std::int64_t multiplier);
};

// amount x numerator / denominator, rounded once at Money's 18th decimal; the product has 256 bits. Throws
// Error(number_overflow) when the result does not fit, Error(invalid_argument) for a denominator of zero.
[[nodiscard]] Money multiply_divide(Money amount, Quantity numerator, Quantity denominator,
                                    Rounding rounding);

// min(B, S) x (VWAP sell - VWAP buy) as one exact ratio, rounded half-even at Money's 18th decimal. Both
// sides have positive units. Throws Error(number_overflow) when the result does not fit.
[[nodiscard]] Money matched_pnl(const MatchedSide& bought, const MatchedSide& sold);

}  // namespace orchestrator
