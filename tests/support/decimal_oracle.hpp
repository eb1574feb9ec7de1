// The oracle of the decimal tests: schoolbook arithmetic on decimal digits, which shares nothing with the
// library, and what the tests on both sides of it need.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "orchestrator/decimal.hpp"
#include "orchestrator/error.hpp"

namespace doctest {

template <class Tag, class Rep, int kDecimalCount>
struct StringMaker<orchestrator::FixedPoint<Tag, Rep, kDecimalCount>> {
  static String convert(const orchestrator::FixedPoint<Tag, Rep, kDecimalCount>& value) {
    return String(value.to_string().c_str());
  }
};

}  // namespace doctest

namespace decimal_oracle {

using orchestrator::average_price;
using orchestrator::DecimalError;
using orchestrator::describe;
using orchestrator::Error;
using orchestrator::ErrorCode;
using orchestrator::int128;
using orchestrator::is_multiple_of;
using orchestrator::Money;
using orchestrator::Price;
using orchestrator::Quantity;
using orchestrator::Rate;
using orchestrator::Rounding;
using orchestrator::scale;

using Random = std::mt19937_64;

inline constexpr std::uint64_t kSeed = 20240607;
inline constexpr int kRounds = 4000;
inline constexpr std::array kRoundings = {Rounding::kDown,   Rounding::kUp,    Rounding::kHalfEven,
                                          Rounding::kHalfUp, Rounding::kFloor, Rounding::kCeil};

// An integer of any size: sign and decimal digits, least significant first, no zeros on top.
class Big {
 public:
  Big() = default;

  static Big of(int128 value) {
    Big big;
    big.negative_ = value < 0;
    for (; value != 0; value /= 10) {
      const int digit = static_cast<int>(value % 10);
      big.digits_.push_back(digit < 0 ? -digit : digit);
    }
    return big;
  }

  bool is_zero() const { return digits_.empty(); }
  bool negative() const { return negative_; }
  bool odd() const { return !digits_.empty() && digits_[0] % 2 != 0; }

  Big abs() const {
    Big big = *this;
    big.negative_ = false;
    return big;
  }
  Big negated() const {
    Big big = *this;
    big.negative_ = !negative_ && !is_zero();
    return big;
  }

  static int compare_magnitudes(const Big& left, const Big& right) {
    if (left.digits_.size() != right.digits_.size()) {
      return left.digits_.size() < right.digits_.size() ? -1 : 1;
    }
    for (std::size_t i = left.digits_.size(); i-- > 0;) {
      if (left.digits_[i] != right.digits_[i]) return left.digits_[i] < right.digits_[i] ? -1 : 1;
    }
    return 0;
  }

  friend bool operator==(const Big&, const Big&) = default;
  friend bool operator<(const Big& left, const Big& right) {
    if (left.negative_ != right.negative_) return left.negative_;
    const int order = compare_magnitudes(left, right);
    return left.negative_ ? order > 0 : order < 0;
  }

  friend Big operator+(const Big& left, const Big& right) {
    if (left.negative_ == right.negative_) {
      Big sum = add_magnitudes(left, right);
      sum.negative_ = left.negative_ && !sum.is_zero();
      return sum;
    }
    const bool left_wins = compare_magnitudes(left, right) >= 0;
    Big sum = left_wins ? subtract_magnitudes(left, right) : subtract_magnitudes(right, left);
    sum.negative_ = (left_wins ? left.negative_ : right.negative_) && !sum.is_zero();
    return sum;
  }
  friend Big operator-(const Big& left, const Big& right) { return left + right.negated(); }

  friend Big operator*(const Big& left, const Big& right) {
    Big product;
    product.digits_.assign(left.digits_.size() + right.digits_.size() + 1, 0);
    for (std::size_t i = 0; i < left.digits_.size(); ++i) {
      for (std::size_t j = 0; j < right.digits_.size(); ++j) {
        const int value = product.digits_[i + j] + left.digits_[i] * right.digits_[j];
        product.digits_[i + j] = value % 10;
        product.digits_[i + j + 1] += value / 10;
      }
    }
    for (std::size_t i = 0; i + 1 < product.digits_.size(); ++i) {
      product.digits_[i + 1] += product.digits_[i] / 10;
      product.digits_[i] %= 10;
    }
    product.trim();
    product.negative_ = left.negative_ != right.negative_ && !product.is_zero();
    return product;
  }

  // Truncated quotient and remainder of the magnitudes.
  static std::pair<Big, Big> divide_magnitudes(const Big& dividend, const Big& divisor) {
    Big quotient;
    Big remainder;
    quotient.digits_.assign(dividend.digits_.size(), 0);
    for (std::size_t i = dividend.digits_.size(); i-- > 0;) {
      remainder.digits_.insert(remainder.digits_.begin(), dividend.digits_[i]);
      remainder.trim();
      while (compare_magnitudes(remainder, divisor) >= 0) {
        remainder = subtract_magnitudes(remainder, divisor);
        ++quotient.digits_[i];
      }
    }
    quotient.trim();
    return {quotient, remainder};
  }

  std::string to_string() const {
    if (is_zero()) return "0";
    std::string text = negative_ ? "-" : "";
    for (std::size_t i = digits_.size(); i-- > 0;) text += static_cast<char>('0' + digits_[i]);
    return text;
  }

  // The number divided by a power of ten, with exactly that many decimals.
  std::string to_fixed(std::size_t decimals) const {
    std::string text = abs().to_string();
    if (text.size() <= decimals) text.insert(0, decimals + 1 - text.size(), '0');
    if (decimals > 0) text.insert(text.size() - decimals, ".");
    return (negative_ ? "-" : "") + text;
  }

 private:
  static Big add_magnitudes(const Big& left, const Big& right) {
    Big sum;
    int carry = 0;
    const std::size_t size = std::max(left.digits_.size(), right.digits_.size());
    for (std::size_t i = 0; i <= size; ++i) {
      const int value = left.digit(i) + right.digit(i) + carry;
      sum.digits_.push_back(value % 10);
      carry = value / 10;
    }
    sum.trim();
    return sum;
  }
  static Big subtract_magnitudes(const Big& large, const Big& small) {
    Big difference;
    int borrow = 0;
    for (std::size_t i = 0; i < large.digits_.size(); ++i) {
      int value = large.digit(i) - small.digit(i) - borrow;
      borrow = value < 0 ? 1 : 0;
      if (value < 0) value += 10;
      difference.digits_.push_back(value);
    }
    difference.trim();
    return difference;
  }

  int digit(std::size_t i) const { return i < digits_.size() ? digits_[i] : 0; }
  void trim() {
    while (!digits_.empty() && digits_.back() == 0) digits_.pop_back();
  }

  bool negative_ = false;
  std::vector<int> digits_;
};

// Rounds the exact ratio by looking for the two whole neighbours and choosing between them.
inline Big divide(const Big& dividend, const Big& divisor, Rounding rounding) {
  const auto [quotient, remainder] = Big::divide_magnitudes(dividend.abs(), divisor.abs());
  const bool negative = dividend.negative() != divisor.negative();
  const Big near_zero = negative ? quotient.negated() : quotient;
  if (remainder.is_zero()) return near_zero;
  const Big one = Big::of(1);
  const Big far_from_zero = negative ? near_zero - one : near_zero + one;
  const Big& lower = negative ? far_from_zero : near_zero;
  const Big& upper = negative ? near_zero : far_from_zero;
  const int half = Big::compare_magnitudes(remainder + remainder, divisor);
  switch (rounding) {
    case Rounding::kDown:
      return near_zero;
    case Rounding::kUp:
      return far_from_zero;
    case Rounding::kFloor:
      return lower;
    case Rounding::kCeil:
      return upper;
    case Rounding::kHalfUp:
      return half < 0 ? near_zero : far_from_zero;
    case Rounding::kHalfEven:
      if (half != 0) return half < 0 ? near_zero : far_from_zero;
      return near_zero.odd() ? far_from_zero : near_zero;
  }
  return near_zero;
}

template <class Value>
bool fits(const Big& units) {
  return !(units < Big::of(Value::min().units())) && !(Big::of(Value::max().units()) < units);
}

template <class Value>
Big units_of(const Value& value) {
  return Big::of(value.units());
}

// Numbers of every length, round ones, halves, and those next to the limits.
template <class Value>
Value random_value(Random& random) {
  using Rep = std::remove_cv_t<decltype(Value::kUnitsPerOne)>;
  constexpr int kBits = static_cast<int>(sizeof(Rep)) * 8;
  const auto choice = random() % 16;
  if (choice == 0)
    return Value::from_units(static_cast<Rep>(Value::max().units() - static_cast<Rep>(random() % 3)));
  if (choice == 1)
    return Value::from_units(static_cast<Rep>(Value::min().units() + static_cast<Rep>(random() % 3)));
  if (choice == 2) return Value::from_units(static_cast<Rep>(static_cast<int>(random() % 5) - 2));
  if (choice == 3) return Value::from_int(static_cast<int>(random() % 20001) - 10000);
  if (choice == 4) return Value::from_units(Value::kUnitsPerOne / 2 * (static_cast<int>(random() % 21) - 10));
  Rep units = static_cast<Rep>(random() >> 1);
  if constexpr (kBits == 128) units = static_cast<Rep>((units << 64) | static_cast<Rep>(random()));
  units = static_cast<Rep>(units >> (random() % static_cast<std::uint64_t>(kBits - 1)));
  return Value::from_units(random() % 2 == 0 ? units : static_cast<Rep>(-units));
}

template <class Function>
bool overflows(Function function) {
  try {
    static_cast<void>(function());
  } catch (const Error& error) {
    return error.code() == ErrorCode::kNumberOverflow;
  }
  return false;
}

template <class Function>
ErrorCode code_of(Function function) {
  try {
    static_cast<void>(function());
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kInternal;
}

}  // namespace decimal_oracle
