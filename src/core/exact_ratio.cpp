// 128 x 128 bits by 128, schoolbook. Used by reports only, so the division goes bit by bit.

#include "core/exact_ratio.hpp"

namespace orchestrator {

namespace {

using detail::apply_sign;
using detail::magnitude_max;
using detail::magnitude_of;
using detail::rounds_away;
using detail::uint128;

constexpr uint128 kLowMask = ~std::uint64_t{0};

struct Wide {
  uint128 high = 0;
  uint128 low = 0;
};

Wide multiply(uint128 a, uint128 b) {
  const uint128 a_low = a & kLowMask;
  const uint128 a_high = a >> 64;
  const uint128 b_low = b & kLowMask;
  const uint128 b_high = b >> 64;
  const uint128 low = a_low * b_low;
  // Each is at most (2^64 - 1)^2 plus two numbers below 2^64, which is below 2^128.
  const uint128 middle = a_high * b_low + (low >> 64);
  const uint128 cross = a_low * b_high + (middle & kLowMask);
  return {a_high * b_high + (middle >> 64) + (cross >> 64), (cross << 64) | (low & kLowMask)};
}

struct Division {
  uint128 quotient = 0;
  uint128 remainder = 0;
};

// a x b / divisor, rounded down. The quotient must fit 128 bits, which it does exactly when the upper half
// of the product is below the divisor. The divisor is at most 2^127, so that a remainder can be doubled.
Division divide(uint128 a, uint128 b, uint128 divisor) {
  const Wide product = multiply(a, b);
  if (product.high >= divisor) detail::throw_overflow(detail::MoneyTag::kName, "division");
  Division result{0, product.high};
  for (int bit = 127; bit >= 0; --bit) {
    result.remainder = (result.remainder << 1) | ((product.low >> bit) & 1);
    result.quotient <<= 1;
    if (result.remainder >= divisor) {
      result.remainder -= divisor;
      result.quotient |= 1;
    }
  }
  return result;
}

Money signed_money(uint128 magnitude, bool negative) {
  if (magnitude > magnitude_max<int128>(negative)) {
    detail::throw_overflow(detail::MoneyTag::kName, "division");
  }
  return Money::from_units(apply_sign<int128>(magnitude, negative));
}

// `whole` minus amount x numerator / denominator: the exact difference is taken before it is rounded, for a
// tie must go to the even neighbour of the result and not of the quotient. 0 < numerator <= denominator.
Money subtract_share(Money whole, Money amount, int128 numerator, int128 denominator) {
  const auto divisor = static_cast<uint128>(denominator);
  const Division share = divide(magnitude_of(amount.units()), static_cast<uint128>(numerator), divisor);
  // The share toward zero is a Money, being no larger than `amount`; what is left of it is a fraction of
  // one unit, with the sign of `amount`.
  const bool fraction_up = amount.is_negative();
  Money result = whole - signed_money(share.quotient, amount.is_negative());
  if (share.remainder == 0) return result;
  // result + fraction (amount negative) or result - fraction: move to the lower neighbour first.
  uint128 fraction = share.remainder;
  if (!fraction_up) {
    result -= Money::from_units(1);
    fraction = divisor - share.remainder;
  }
  const uint128 missing = divisor - fraction;
  const bool odd = result.units() % 2 != 0;
  if (fraction > missing || (fraction == missing && odd)) result += Money::from_units(1);
  return result;
}

}  // namespace

Money times(Money amount, std::int64_t count) {
  int128 units = 0;
  if (__builtin_mul_overflow(amount.units(), static_cast<int128>(count), &units)) {
    detail::throw_overflow(detail::MoneyTag::kName, "multiplication");
  }
  return Money::from_units(units);
}

Money multiply_divide(Money amount, Quantity numerator, Quantity denominator, Rounding rounding) {
  if (denominator.is_zero()) detail::throw_invalid_argument("a quantity of zero cannot divide an amount");
  const uint128 divisor = magnitude_of(denominator.units());
  const bool negative = (amount.is_negative() != numerator.is_negative()) != denominator.is_negative();
  Division result = divide(magnitude_of(amount.units()), magnitude_of(numerator.units()), divisor);
  if (rounds_away(rounding, negative, result.quotient, result.remainder, divisor) && ++result.quotient == 0) {
    detail::throw_overflow(detail::MoneyTag::kName, "division");
  }
  return signed_money(result.quotient, negative);
}

void MatchedSide::add(Quantity qty, Money notional, std::int64_t multiplier) {
  int128 sum = 0;
  if (__builtin_add_overflow(units, static_cast<int128>(qty.units()) * multiplier, &sum)) {
    detail::throw_overflow(detail::QuantityTag::kName, "addition");
  }
  value += times(notional, multiplier);
  units = sum;
}

// With B <= S: B x SN / S - BN, and otherwise SN - S x BN / B. Either way only one division is left.
Money matched_pnl(const MatchedSide& bought, const MatchedSide& sold) {
  if (bought.units <= sold.units) {
    return -subtract_share(bought.value, sold.value, bought.units, sold.units);
  }
  return subtract_share(sold.value, bought.value, sold.units, bought.units);
}

}  // namespace orchestrator
