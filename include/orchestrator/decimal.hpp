// Exact decimal numbers: Price, Quantity, Money and Rate.
//
// Each is a scaled integer with a fixed number of decimals, and each is a type of its own: adding a
// price to a quantity, or making either from a bare number, does not compile. There is no binary
// fraction on the way in, out or between. Arithmetic is either exact or refused: a result that does not
// fit throws Error (number_overflow). Rounding happens in the functions that take a Rounding and
// nowhere else, so a reader sees every place where a digit can be lost.
//
//   type      storage   decimals  range (about)   holds
//   Price     64 bits   9         +-9.22e9        what one unit costs
//   Quantity  64 bits   9         +-9.22e9        how many units
//   Money     128 bits  18        +-1.70e20       cash; any Price times any Quantity, to the last digit
//   Rate      64 bits   9         +-9.22e9        a ratio without a unit, such as a margin rate of 0.2
//
//   const auto price = Price::from_string("2500.05");
//   const Money notional = price * Quantity::from_int(100);            // 250005, exactly
//   const Money margin = scale(notional, Rate::from_string("0.2"), Rounding::kUp);
//
// Sums of Money and of Quantity do not depend on the order of the additions. Keep a running average as
// (notional, quantity) and divide only for display, with average_price.
//
// All values are plain and trivially copyable, and default to zero. All functions may be called from any
// thread and, unless they return std::string, do not allocate; whatever is constexpr turns a refusal at
// compile time into a compile error.

#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace orchestrator {

__extension__ typedef __int128 int128;

// Where the digits go that do not fit. The exact result is the same for all modes when nothing is lost.
enum class Rounding {
  kDown,      // Toward zero: 1.9 -> 1, -1.9 -> -1.
  kUp,        // Away from zero: 1.1 -> 2, -1.1 -> -2. The cautious choice for a requirement, such as margin.
  kHalfEven,  // Nearest; a tie goes to the even neighbour: 0.5 -> 0, 1.5 -> 2. Unbiased over many rows.
  kHalfUp,    // Nearest; a tie goes away from zero: 0.5 -> 1, -0.5 -> -1. What contract notes print.
  kFloor,     // Toward minus infinity: -1.1 -> -2.
  kCeil,      // Toward plus infinity: -1.9 -> -1.
};

// Why a text was not taken as a decimal. Input that can be read in two ways is refused, not guessed at.
enum class DecimalError {
  kNone,
  kEmpty,
  kTooLong,          // More than 64 characters, whatever they are.
  kBlank,            // A space, tab or line end before or after the number.
  kNotANumber,       // Anything the grammar does not know, NaN and Infinity among it.
  kPlusSign,         // "+1"
  kExponent,         // "1e5"
  kGroupSeparator,   // "1,000" and "1_000": a comma may be a decimal point to whoever typed it.
  kLeadingZero,      // "007"
  kNoWholeDigit,     // ".5"
  kNoFractionDigit,  // "1."
  kNegativeZero,     // "-0", "-0.00": it would come back as "0", which is not what was sent.
  kTooManyDecimals,  // A digit other than 0 beyond the type's decimals. "1.0000000000" is fine.
  kOutOfRange,
};

// The rest of a sentence whose subject is the field or the text itself, with the remedy where there is
// one: `price_limit` + " " + "uses an exponent; write the number out". `decimals` is the kDecimals of the
// type that refused (9 or 18). Lives for the whole program.
std::string_view describe(DecimalError error, int decimals = 9);

// What Value::parse found. `value` is zero unless ok().
template <class Value>
struct ParseResult {
  Value value;
  DecimalError error = DecimalError::kNone;

  constexpr bool ok() const noexcept { return error == DecimalError::kNone; }
};

// Machinery for the templates below; callers need nothing from here, and it may change at any time.
namespace detail {

__extension__ typedef unsigned __int128 uint128;

struct PriceTag {
  static constexpr std::string_view kName = "price";
};
struct QuantityTag {
  static constexpr std::string_view kName = "quantity";
};
struct MoneyTag {
  static constexpr std::string_view kName = "money";
};
struct RateTag {
  static constexpr std::string_view kName = "rate";
};

// Integers only: a binary fraction must not slip into from_int or from_units by implicit conversion.
template <class Number>
concept WholeNumber = (std::integral<Number> && !std::same_as<Number, bool>) || std::same_as<Number, int128>;

template <class Rep>
struct UnsignedOf;
template <>
struct UnsignedOf<std::int64_t> {
  using type = std::uint64_t;
};
template <>
struct UnsignedOf<int128> {
  using type = uint128;
};

inline constexpr std::size_t kDecimalTextMax = 64;

template <class Magnitude>
struct ScannedDecimal {
  Magnitude magnitude = 0;
  bool negative = false;
  DecimalError error = DecimalError::kNone;
};

// Not constexpr on purpose: reaching one of these while a constant is computed is the compile error.
[[noreturn]] void throw_overflow(std::string_view type_name, std::string_view operation);
[[noreturn]] void throw_invalid_decimal(std::string_view type_name, std::string_view text, DecimalError error,
                                        int decimals);
[[noreturn]] void throw_invalid_argument(std::string_view message);

char* write_decimal(char* out, std::int64_t units);  // 9 decimals
char* write_decimal(char* out, int128 units);        // 18 decimals
std::string format_fixed(int128 units, int unit_decimals, int decimals, Rounding rounding);

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The absolute value, which the most negative number has too once it is unsigned.
constexpr std::uint64_t magnitude_of(std::int64_t units) {
  const auto bits = static_cast<std::uint64_t>(units);
  return units < 0 ? std::uint64_t{0} - bits : bits;
}
constexpr uint128 magnitude_of(int128 units) {
  const auto bits = static_cast<uint128>(units);
  return units < 0 ? uint128{0} - bits : bits;
}

// The largest magnitude a Rep holds on one side of zero; there is one more below than above.
template <class Rep>
constexpr auto magnitude_max(bool negative) {
  using Magnitude = typename UnsignedOf<Rep>::type;
  const auto max = static_cast<Magnitude>(static_cast<Magnitude>(~Magnitude{0}) >> 1);
  return negative ? static_cast<Magnitude>(max + 1) : max;
}

template <class Rep>
constexpr Rep apply_sign(typename UnsignedOf<Rep>::type magnitude, bool negative) {
  using Magnitude = typename UnsignedOf<Rep>::type;
  return static_cast<Rep>(negative ? static_cast<Magnitude>(Magnitude{0} - magnitude) : magnitude);
}

// Whether a truncated quotient moves one step away from zero. `remainder` < `divisor`, both unsigned.
constexpr bool rounds_away(Rounding rounding, bool negative, uint128 quotient, uint128 remainder,
                           uint128 divisor) {
  if (remainder == 0) return false;
  const uint128 missing = divisor - remainder;  // Compared instead of 2 * remainder, which could wrap.
  switch (rounding) {
    case Rounding::kDown:
      return false;
    case Rounding::kUp:
      return true;
    case Rounding::kHalfEven:
      return remainder > missing || (remainder == missing && quotient % 2 != 0);
    case Rounding::kHalfUp:
      return remainder >= missing;
    case Rounding::kFloor:
      return negative;
    case Rounding::kCeil:
      return !negative;
  }
  return false;
}

template <class Rep>
constexpr ScannedDecimal<typename UnsignedOf<Rep>::type> scan_decimal(std::string_view text, int decimals);

}  // namespace detail

// One exact decimal type. `Tag` makes it distinct from all others; use the four names below the class.
template <class Tag, class Rep, int kDecimalCount>
class FixedPoint {
  static_assert((sizeof(Rep) == 8 && kDecimalCount == 9) || (sizeof(Rep) == 16 && kDecimalCount == 18),
                "the text writers know these two layouts only");

 public:
  static constexpr int kDecimals = kDecimalCount;

  // Scaled units in the number one: 10 to the power of kDecimals.
  static constexpr Rep kUnitsPerOne = [] {
    Rep units = 1;
    for (int i = 0; i < kDecimalCount; ++i) units *= 10;
    return units;
  }();

  // What write() may need at most. There is no terminating NUL.
  static constexpr std::size_t kTextSizeMax = sizeof(Rep) == 8 ? 21 : 41;

  constexpr FixedPoint() noexcept = default;

  // From storage: `raw` counts the smallest units, so Price::from_units(1) is 0.000000001.
  template <detail::WholeNumber Number>
  static constexpr FixedPoint from_units(Number raw) {
    if constexpr (std::same_as<Number, Rep>) {
      return FixedPoint(raw);
    } else {
      const auto wide = static_cast<int128>(raw);
      if (wide > max().units_ || wide < min().units_) detail::throw_overflow(Tag::kName, "conversion");
      return FixedPoint(static_cast<Rep>(wide));
    }
  }

  // Price::from_int(2500) is 2500. Takes integers only; 2500.0 does not compile.
  template <detail::WholeNumber Number>
  static constexpr FixedPoint from_int(Number whole) {
    const auto wide = static_cast<int128>(whole);
    if (wide > max().units_ / kUnitsPerOne || wide < min().units_ / kUnitsPerOne) {
      detail::throw_overflow(Tag::kName, "conversion");
    }
    return FixedPoint(static_cast<Rep>(wide * kUnitsPerOne));
  }

  // Reads -?(0|[1-9][0-9]*)(\.[0-9]+)? and nothing else, at most 64 characters, and never rounds. One
  // value has many accepted spellings ("1", "1.00") and to_string gives the shortest. For input from
  // outside: collect the error next to its field and go on with the next one.
  static constexpr ParseResult<FixedPoint> parse(std::string_view text) {
    const auto scanned = detail::scan_decimal<Rep>(text, kDecimalCount);
    if (scanned.error != DecimalError::kNone) return {FixedPoint(), scanned.error};
    return {FixedPoint(detail::apply_sign<Rep>(scanned.magnitude, scanned.negative)), DecimalError::kNone};
  }

  // For text that has to be right already (constants, configuration, our own rows). Throws Error
  // (invalid_decimal) quoting at most 40 characters of the text, with anything unprintable masked.
  static constexpr FixedPoint from_string(std::string_view text) {
    const auto parsed = parse(text);
    if (!parsed.ok()) detail::throw_invalid_decimal(Tag::kName, text, parsed.error, kDecimalCount);
    return parsed.value;
  }

  static constexpr FixedPoint max() noexcept {
    return FixedPoint(static_cast<Rep>(detail::magnitude_max<Rep>(false)));
  }
  // One unit further from zero than max(), which is why negating it is refused.
  static constexpr FixedPoint min() noexcept { return FixedPoint(static_cast<Rep>(-max().units_ - 1)); }

  // The stored integer. For columns and hashes; not a number of anything a user would recognise.
  constexpr Rep units() const noexcept { return units_; }

  constexpr bool is_zero() const noexcept { return units_ == 0; }
  constexpr bool is_positive() const noexcept { return units_ > 0; }
  constexpr bool is_negative() const noexcept { return units_ < 0; }

  friend constexpr auto operator<=>(const FixedPoint&, const FixedPoint&) = default;

  // After a throw the left side still has its old value.
  constexpr FixedPoint& operator+=(FixedPoint other) {
    Rep sum = 0;
    if (__builtin_add_overflow(units_, other.units_, &sum)) detail::throw_overflow(Tag::kName, "addition");
    units_ = sum;
    return *this;
  }
  constexpr FixedPoint& operator-=(FixedPoint other) {
    Rep difference = 0;
    if (__builtin_sub_overflow(units_, other.units_, &difference)) {
      detail::throw_overflow(Tag::kName, "subtraction");
    }
    units_ = difference;
    return *this;
  }
  friend constexpr FixedPoint operator+(FixedPoint left, FixedPoint right) { return left += right; }
  friend constexpr FixedPoint operator-(FixedPoint left, FixedPoint right) { return left -= right; }
  constexpr FixedPoint operator-() const { return FixedPoint() -= *this; }

  // The shortest exact text: "2500", "0.05", "-1.5". parse() returns the same value from it.
  std::string to_string() const {
    std::string text;
    append_to(text);
    return text;
  }

  // The same text into a buffer with room for kTextSizeMax characters; returns one past the last. The
  // fast path for writers of JSON.
  char* write(char* out) const { return detail::write_decimal(out, units_); }

  // Allocates only if `text` has to grow.
  void append_to(std::string& text) const {
    char buffer[kTextSizeMax];
    text.append(buffer, static_cast<std::size_t>(write(buffer) - buffer));
  }

  // For tables that people read: always exactly `decimals` (0 to 18) of them, zeros included. A value
  // rounded to nothing has no sign: "0.00". Anything else than 0 to 18 throws Error (invalid_argument).
  std::string format_fixed(int decimals, Rounding rounding) const {
    return detail::format_fixed(units_, kDecimalCount, decimals, rounding);
  }

  // For storage in two 64-bit columns: value = whole + fraction / 10^18, and neither part has the sign
  // opposite to the value. So sums of a column pair stay exact, and ordering by (whole, fraction) is
  // numeric. whole() throws Error (number_overflow) for an amount of 9.22e18 or more, which is less than
  // the largest possible product: check amounts before the unit of work begins.
  template <std::same_as<detail::MoneyTag> OnlyMoney = Tag>
  constexpr std::int64_t whole() const {
    const Rep quotient = units_ / kUnitsPerOne;
    const auto narrow = static_cast<std::int64_t>(quotient);
    if (narrow != quotient) detail::throw_overflow(Tag::kName, "storage");
    return narrow;
  }
  template <std::same_as<detail::MoneyTag> OnlyMoney = Tag>
  constexpr std::int64_t fraction() const noexcept {
    return static_cast<std::int64_t>(units_ % kUnitsPerOne);
  }

  // The way back. Parts that whole() and fraction() cannot have produced (a fraction of one or more,
  // opposite signs) throw Error (invalid_argument): the row was not written by us, or is damaged.
  template <std::same_as<detail::MoneyTag> OnlyMoney = Tag>
  static constexpr FixedPoint from_parts(std::int64_t whole, std::int64_t fraction) {
    if (fraction <= -kUnitsPerOne || fraction >= kUnitsPerOne) {
      detail::throw_invalid_argument("the fraction of a stored amount must be below one");
    }
    if ((whole < 0 && fraction > 0) || (whole > 0 && fraction < 0)) {
      detail::throw_invalid_argument("the parts of a stored amount must have the same sign");
    }
    return FixedPoint(whole * kUnitsPerOne + fraction);
  }

 private:
  explicit constexpr FixedPoint(Rep units) noexcept : units_(units) {}

  Rep units_ = 0;
};

using Price = FixedPoint<detail::PriceTag, std::int64_t, 9>;
using Quantity = FixedPoint<detail::QuantityTag, std::int64_t, 9>;
using Money = FixedPoint<detail::MoneyTag, int128, 18>;
using Rate = FixedPoint<detail::RateTag, std::int64_t, 9>;

// Exact, and cannot overflow: 63 bits times 63 bits, and the decimals add up to Money's 18.
constexpr Money operator*(Price price, Quantity quantity) noexcept {
  return Money::from_units(static_cast<int128>(price.units()) * quantity.units());
}
constexpr Money operator*(Quantity quantity, Price price) noexcept { return price * quantity; }

// `amount` times `rate`, rounded at Money's 18th decimal: a fee, a margin, a conversion. This is not an
// operator because somebody has to choose the rounding. The intermediate has 192 bits, so only a result
// that does not fit is refused (number_overflow).
constexpr Money scale(Money amount, Rate rate, Rounding rounding) {
  const bool negative = amount.is_negative() != rate.is_negative();
  const detail::uint128 factor = detail::magnitude_of(rate.units());
  const detail::uint128 magnitude = detail::magnitude_of(amount.units());
  constexpr detail::uint128 kLowMask = ~std::uint64_t{0};
  constexpr detail::uint128 kDivisor = Rate::kUnitsPerOne;

  // Schoolbook with 64-bit digits: product = high * 2^64 + (low & kLowMask).
  const detail::uint128 low = (magnitude & kLowMask) * factor;
  const detail::uint128 high = (magnitude >> 64) * factor + (low >> 64);
  const detail::uint128 quotient_high = high / kDivisor;
  const detail::uint128 tail = ((high % kDivisor) << 64) | (low & kLowMask);
  const detail::uint128 remainder = tail % kDivisor;
  const detail::uint128 limit = detail::magnitude_max<int128>(negative);
  if (quotient_high > (limit >> 64)) detail::throw_overflow(detail::MoneyTag::kName, "scaling");
  detail::uint128 quotient = (quotient_high << 64) | (tail / kDivisor);
  // At most 2^127 + 2^64 here, so the step cannot wrap.
  if (detail::rounds_away(rounding, negative, quotient, remainder, kDivisor)) ++quotient;
  if (quotient > limit) detail::throw_overflow(detail::MoneyTag::kName, "scaling");
  return Money::from_units(detail::apply_sign<int128>(quotient, negative));
}

// The volume-weighted average price of fills worth `notional` over `quantity`, rounded at the 9th
// decimal. For display and reports: adding up averages, or multiplying one back, does not return the
// notional. A quantity of zero has no average and throws Error (invalid_argument); test for it first.
constexpr Price average_price(Money notional, Quantity quantity, Rounding rounding) {
  if (quantity.is_zero()) detail::throw_invalid_argument("a quantity of zero has no average price");
  const bool negative = notional.is_negative() != quantity.is_negative();
  const detail::uint128 dividend = detail::magnitude_of(notional.units());
  const detail::uint128 divisor = detail::magnitude_of(quantity.units());
  detail::uint128 quotient = dividend / divisor;
  if (detail::rounds_away(rounding, negative, quotient, dividend % divisor, divisor)) ++quotient;
  if (quotient > detail::magnitude_max<std::int64_t>(negative)) {
    detail::throw_overflow(detail::PriceTag::kName, "averaging");
  }
  return Price::from_units(detail::apply_sign<std::int64_t>(static_cast<std::uint64_t>(quotient), negative));
}

// Whether a price lies on the instrument's tick grid. Zero does, on every grid. A tick that is not
// positive is a fault of the instrument data, not of the order, and throws Error (invalid_argument).
constexpr bool is_multiple_of(Price price, Price tick) {
  if (!tick.is_positive()) detail::throw_invalid_argument("a tick size must be positive");
  return price.units() % tick.units() == 0;
}

// The same for a quantity and the instrument's lot size.
constexpr bool is_multiple_of(Quantity quantity, Quantity lot) {
  if (!lot.is_positive()) detail::throw_invalid_argument("a lot size must be positive");
  return quantity.units() % lot.units() == 0;
}

namespace detail {

// Reads the whole text before it judges the value, so that "1.23456789012x" is reported as not a number
// rather than as having too many decimals.
template <class Rep>
constexpr ScannedDecimal<typename UnsignedOf<Rep>::type> scan_decimal(std::string_view text, int decimals) {
  using Magnitude = typename UnsignedOf<Rep>::type;
  ScannedDecimal<Magnitude> result;
  const auto fail = [&result](DecimalError error) {
    result.magnitude = 0;
    result.error = error;
    return result;
  };
  if (text.empty()) return fail(DecimalError::kEmpty);
  if (text.size() > kDecimalTextMax) return fail(DecimalError::kTooLong);
  if (is_blank(text.front()) || is_blank(text.back())) return fail(DecimalError::kBlank);

  const auto digit_at = [text](std::size_t i) { return i < text.size() && is_digit(text[i]); };
  const auto skip_digits = [&digit_at](std::size_t i) {
    while (digit_at(i)) ++i;
    return i;
  };

  if (text.front() == '+') return fail(digit_at(1) ? DecimalError::kPlusSign : DecimalError::kNotANumber);
  result.negative = text.front() == '-';
  const std::size_t begin = result.negative ? 1 : 0;
  const std::size_t point = skip_digits(begin);
  std::size_t end = point;
  if (point < text.size() && text[point] == '.') {
    if (point == begin) {
      const bool only_fraction = digit_at(point + 1) && skip_digits(point + 1) == text.size();
      return fail(only_fraction ? DecimalError::kNoWholeDigit : DecimalError::kNotANumber);
    }
    if (point + 1 == text.size()) return fail(DecimalError::kNoFractionDigit);
    end = skip_digits(point + 1);
    if (end == point + 1) return fail(DecimalError::kNotANumber);
  }
  if (point == begin) return fail(DecimalError::kNotANumber);

  if (end < text.size()) {
    const char stop = text[end];
    if (stop == 'e' || stop == 'E') {
      const bool has_sign = end + 1 < text.size() && (text[end + 1] == '+' || text[end + 1] == '-');
      const std::size_t power = end + (has_sign ? 2 : 1);
      const bool complete = digit_at(power) && skip_digits(power) == text.size();
      return fail(complete ? DecimalError::kExponent : DecimalError::kNotANumber);
    }
    const bool grouped = (stop == ',' || stop == '_') && digit_at(end + 1);
    return fail(grouped ? DecimalError::kGroupSeparator : DecimalError::kNotANumber);
  }
  if (text[begin] == '0' && point > begin + 1) return fail(DecimalError::kLeadingZero);

  const Magnitude limit = magnitude_max<Rep>(result.negative);
  bool in_range = true;
  bool nonzero = false;
  const auto push_digit = [&](int digit) {
    if (digit != 0) nonzero = true;
    if (result.magnitude > limit / 10) in_range = false;
    if (!in_range) return;
    result.magnitude = static_cast<Magnitude>(result.magnitude * 10 + static_cast<unsigned>(digit));
    if (result.magnitude > limit) in_range = false;
  };
  bool lost_digits = false;
  for (std::size_t i = begin; i < point; ++i) push_digit(text[i] - '0');
  for (int i = 0; i < decimals; ++i) {
    const std::size_t at = point + 1 + static_cast<std::size_t>(i);
    push_digit(at < end ? text[at] - '0' : 0);
  }
  for (std::size_t i = point + 1 + static_cast<std::size_t>(decimals); i < end; ++i) {
    if (text[i] != '0') lost_digits = true;
  }
  if (lost_digits) return fail(DecimalError::kTooManyDecimals);
  if (result.negative && !nonzero) return fail(DecimalError::kNegativeZero);
  if (!in_range) return fail(DecimalError::kOutOfRange);
  return result;
}

}  // namespace detail

}  // namespace orchestrator
