// Decimal text out, and the refusals of decimal.hpp put into words.
//
// Invariant: write_decimal gives the shortest exact text, never more than kTextSizeMax characters, and
// never allocates. It runs for every number of every event and receipt, so it divides by constants only
// and leaves 128-bit division to amounts that need it.

#include "orchestrator/decimal.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "orchestrator/error.hpp"

namespace orchestrator {

namespace {

using detail::uint128;

constexpr std::uint64_t kBillion = 1'000'000'000;
constexpr std::uint64_t kBillionSquared = kBillion * kBillion;
constexpr std::size_t kQuotedMax = 40;
constexpr int kFormatDecimalsMax = 18;

// "00" to "99" side by side: two digits per division.
constexpr std::array<char, 200> kDigitPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

// Fills exactly `width` characters, with zeros in front.
char* write_padded(char* out, std::uint64_t value, int width) {
  char* const end = out + width;
  char* at = end;
  while (at - out >= 2) {
    at -= 2;
    std::memcpy(at, &kDigitPairs[2 * static_cast<std::size_t>(value % 100)], 2);
    value /= 100;
  }
  if (at != out) *out = static_cast<char>('0' + value % 10);
  return end;
}

char* write_whole(char* out, std::uint64_t value) {
  constexpr std::size_t kDigitsMax = 20;
  return std::to_chars(out, out + kDigitsMax, value).ptr;
}

// The whole part of a Money can have 21 digits, one more than 64 bits are sure to hold.
char* write_whole(char* out, uint128 value) {
  if (value <= ~std::uint64_t{0}) return write_whole(out, static_cast<std::uint64_t>(value));
  out = write_whole(out, value / kBillionSquared);
  return write_padded(out, static_cast<std::uint64_t>(value % kBillionSquared), 18);
}

char* trim_zeros(char* end) {
  while (end[-1] == '0') --end;
  return end;
}

// Quotes text of unknown origin so that it is safe in a log line, a terminal and a JSON string.
std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text.substr(0, kQuotedMax)) {
    const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
    quoted += plain ? c : '?';
  }
  if (text.size() > kQuotedMax) quoted += "...";
  quoted += '"';
  return quoted;
}

uint128 power_of_ten(int exponent) {
  uint128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

}  // namespace

std::string_view describe(DecimalError error, int decimals) {
  const bool is_wide = decimals > 9;
  switch (error) {
    case DecimalError::kNone:
      return "is a valid decimal";
    case DecimalError::kEmpty:
      return "is empty; write a number, or leave the field out";
    case DecimalError::kTooLong:
      return "is longer than 64 characters";
    case DecimalError::kBlank:
      return "has blanks around the number; remove them";
    case DecimalError::kNotANumber:
      return "is not a decimal number such as 2500 or -0.05";
    case DecimalError::kPlusSign:
      return "has a plus sign; leave it out";
    case DecimalError::kExponent:
      return "uses an exponent; write the number out";
    case DecimalError::kGroupSeparator:
      return "groups its digits; write them without commas or underscores";
    case DecimalError::kLeadingZero:
      return "has leading zeros; remove them";
    case DecimalError::kNoWholeDigit:
      return "has no digit before the decimal point; write 0.5 for .5";
    case DecimalError::kNoFractionDigit:
      return "has no digit after the decimal point; leave the point out";
    case DecimalError::kNegativeZero:
      return "is a negative zero; write 0";
    case DecimalError::kTooManyDecimals:
      return is_wide ? "has more than 18 decimals" : "has more than 9 decimals";
    case DecimalError::kOutOfRange:
      return is_wide ? "is out of range; the limit is 170141183460469231731.687303715884105727"
                     : "is out of range; the limit is 9223372036.854775807";
  }
  return "is not a decimal number";
}

namespace detail {

void throw_overflow(std::string_view type_name, std::string_view operation) {
  std::string message(operation);
  message += ": the exact result does not fit a ";
  message += type_name;
  throw Error(ErrorCode::kNumberOverflow, message);
}

void throw_invalid_decimal(std::string_view type_name, std::string_view text, DecimalError error,
                           int decimals) {
  std::string message(type_name);
  message += ' ';
  message += quote(text);
  message += ' ';
  message += describe(error, decimals);
  throw Error(ErrorCode::kInvalidDecimal, message);
}

void throw_invalid_argument(std::string_view message) {
  throw Error(ErrorCode::kInvalidArgument, std::string(message));
}

char* write_decimal(char* out, std::int64_t units) {
  const std::uint64_t magnitude = magnitude_of(units);
  if (units < 0) *out++ = '-';
  out = write_whole(out, magnitude / kBillion);
  const std::uint64_t fraction = magnitude % kBillion;
  if (fraction == 0) return out;
  *out++ = '.';
  return trim_zeros(write_padded(out, fraction, 9));
}

char* write_decimal(char* out, int128 units) {
  const uint128 magnitude = magnitude_of(units);
  if (units < 0) *out++ = '-';
  std::uint64_t fraction = 0;
  if (magnitude <= ~std::uint64_t{0}) {
    const auto narrow = static_cast<std::uint64_t>(magnitude);
    out = write_whole(out, narrow / kBillionSquared);
    fraction = narrow % kBillionSquared;
  } else {
    const uint128 whole = magnitude / kBillionSquared;
    out = write_whole(out, whole);
    fraction = static_cast<std::uint64_t>(magnitude - whole * kBillionSquared);
  }
  if (fraction == 0) return out;
  *out++ = '.';
  return trim_zeros(write_padded(out, fraction, 18));
}

std::string format_fixed(int128 units, int unit_decimals, int decimals, Rounding rounding) {
  if (decimals < 0 || decimals > kFormatDecimalsMax) {
    throw_invalid_argument("a table can show 0 to 18 decimals");
  }
  const bool negative = units < 0;
  uint128 magnitude = magnitude_of(units);
  if (decimals < unit_decimals) {
    const uint128 divisor = power_of_ten(unit_decimals - decimals);
    const uint128 remainder = magnitude % divisor;
    magnitude /= divisor;
    if (rounds_away(rounding, negative, magnitude, remainder, divisor)) ++magnitude;
  }
  const int kept = std::min(decimals, unit_decimals);
  const auto appended = static_cast<std::size_t>(decimals - kept);
  const uint128 one = power_of_ten(kept);
  // At most a sign, 21 digits, a point and 18 decimals.
  std::array<char, 64> buffer;
  char* out = buffer.data();
  if (negative && magnitude != 0) *out++ = '-';
  out = write_whole(out, magnitude / one);
  if (decimals > 0) {
    *out++ = '.';
    out = write_padded(out, static_cast<std::uint64_t>(magnitude % one), kept);
    std::memset(out, '0', appended);
    out += appended;
  }
  return std::string(buffer.data(), out);
}

}  // namespace detail

}  // namespace orchestrator
