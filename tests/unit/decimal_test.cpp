// Decimals as text, as columns and as steps.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/decimal_oracle.hpp"

using namespace decimal_oracle;

namespace {

template <class Value>
void check_text_round_trip() {
  INFO("seed " << kSeed);
  Random random(kSeed);
  for (int i = 0; i < kRounds; ++i) {
    const auto value = random_value<Value>(random);
    const std::string text = value.to_string();
    INFO("round " << i << ", text " << text);

    std::string expected = units_of(value).to_fixed(Value::kDecimals);
    expected.erase(expected.find_last_not_of('0') + 1);
    if (expected.back() == '.') expected.pop_back();
    REQUIRE(text == expected);

    REQUIRE(text.size() <= Value::kTextSizeMax);
    std::string buffer(Value::kTextSizeMax, '#');
    const char* end = value.write(buffer.data());
    REQUIRE(std::string_view(buffer.data(), static_cast<std::size_t>(end - buffer.data())) == text);
    std::string appended = "x";
    value.append_to(appended);
    REQUIRE(appended == "x" + text);

    const auto parsed = Value::parse(text);
    REQUIRE(parsed.ok());
    REQUIRE(parsed.value == value);
    REQUIRE(Value::from_string(units_of(value).to_fixed(Value::kDecimals) + "000") == value);
  }
}

}  // namespace

TEST_CASE("decimal types are plain values that start at zero and are computed at compile time") {
  static_assert(Price().is_zero());
  static_assert(std::is_trivially_copyable_v<Price> && sizeof(Price) == 8);
  static_assert(std::is_trivially_copyable_v<Money> && sizeof(Money) == 16);
  static_assert(Price::from_string("2500.05").units() == 2'500'050'000'000);
  static_assert(Price::from_int(2) * Quantity::from_string("1.5") == Money::from_int(3));
  static_assert(Quantity::from_int(3) * Price::from_int(2) == Price::from_int(2) * Quantity::from_int(3));
  static_assert(scale(Money::from_int(10), Rate::from_string("0.25"), Rounding::kDown) ==
                Money::from_string("2.5"));
  static_assert(average_price(Money::from_int(10), Quantity::from_int(4), Rounding::kDown) ==
                Price::from_string("2.5"));
  static_assert(is_multiple_of(Price::from_string("2500.05"), Price::from_string("0.05")));
  static_assert(Price::from_int(-1).is_negative() && !Price::from_int(-1).is_positive());
  static_assert(!Price::parse("1e5").ok());
}

TEST_CASE("different decimal types do not mix") {
  static_assert(!std::is_convertible_v<int, Quantity> && !std::is_constructible_v<Quantity, int>);
  static_assert(!std::is_constructible_v<Price, Quantity> && !std::is_assignable_v<Price&, Quantity>);
  static_assert(!std::is_constructible_v<Price, Rate> && !std::is_constructible_v<Money, Price>);
}

TEST_CASE("shortest text is exact") {
  CHECK(Price().to_string() == "0");
  CHECK(Price::from_int(2500).to_string() == "2500");
  CHECK(Price::from_string("0.050").to_string() == "0.05");
  CHECK(Price::from_string("-1.5").to_string() == "-1.5");
  CHECK(Price::from_units(1).to_string() == "0.000000001");
  CHECK(Price::from_units(-1).to_string() == "-0.000000001");
  CHECK(Price::max().to_string() == "9223372036.854775807");
  CHECK(Price::min().to_string() == "-9223372036.854775808");
  CHECK(Price::min().to_string().size() == Price::kTextSizeMax);
  CHECK(Money::from_units(1).to_string() == "0.000000000000000001");
  CHECK(Money::max().to_string() == "170141183460469231731.687303715884105727");
  CHECK(Money::min().to_string() == "-170141183460469231731.687303715884105728");
  CHECK(Money::min().to_string().size() == Money::kTextSizeMax);
  CHECK(Money::from_string("18446744073709551616").to_string() == "18446744073709551616");
  CHECK(Money::from_string("18.446744073709551616").to_string() == "18.446744073709551616");
}

TEST_CASE("text and value round trip for prices") { check_text_round_trip<Price>(); }
TEST_CASE("text and value round trip for money") { check_text_round_trip<Money>(); }

TEST_CASE("only plain decimal text is accepted") {
  const std::vector<std::pair<std::string_view, DecimalError>> cases = {
      {"0", DecimalError::kNone},
      {"0.0", DecimalError::kNone},
      {"-1", DecimalError::kNone},
      {"10", DecimalError::kNone},
      {"-0.000000001", DecimalError::kNone},
      {"1.0000000000", DecimalError::kNone},
      {"9223372036.8547758070000", DecimalError::kNone},
      {"", DecimalError::kEmpty},
      {" ", DecimalError::kBlank},
      {" 1", DecimalError::kBlank},
      {"1 ", DecimalError::kBlank},
      {"1\n", DecimalError::kBlank},
      {"\t1", DecimalError::kBlank},
      {"1 2", DecimalError::kNotANumber},
      {"-", DecimalError::kNotANumber},
      {"+", DecimalError::kNotANumber},
      {"--1", DecimalError::kNotANumber},
      {"+-1", DecimalError::kNotANumber},
      {"- 1", DecimalError::kNotANumber},
      {".", DecimalError::kNotANumber},
      {"-.", DecimalError::kNotANumber},
      {"1..2", DecimalError::kNotANumber},
      {"1.2.3", DecimalError::kNotANumber},
      {"1.x", DecimalError::kNotANumber},
      {"0x10", DecimalError::kNotANumber},
      {"NaN", DecimalError::kNotANumber},
      {"nan", DecimalError::kNotANumber},
      {"Infinity", DecimalError::kNotANumber},
      {"-inf", DecimalError::kNotANumber},
      {"1e", DecimalError::kNotANumber},
      {"1e+", DecimalError::kNotANumber},
      {"1e5x", DecimalError::kNotANumber},
      {"1.23456789012x", DecimalError::kNotANumber},
      {"1,", DecimalError::kNotANumber},
      {std::string_view("1\0", 2), DecimalError::kNotANumber},
      {"\xd9\xa1", DecimalError::kNotANumber},
      {"+1", DecimalError::kPlusSign},
      {"1e5", DecimalError::kExponent},
      {"1E5", DecimalError::kExponent},
      {"1.5e-3", DecimalError::kExponent},
      {"0e0", DecimalError::kExponent},
      {"1,000", DecimalError::kGroupSeparator},
      {"1_000", DecimalError::kGroupSeparator},
      {"007", DecimalError::kLeadingZero},
      {"00", DecimalError::kLeadingZero},
      {"-01.5", DecimalError::kLeadingZero},
      {".5", DecimalError::kNoWholeDigit},
      {"-.5", DecimalError::kNoWholeDigit},
      {"1.", DecimalError::kNoFractionDigit},
      {"-0", DecimalError::kNegativeZero},
      {"-0.0", DecimalError::kNegativeZero},
      {"-0.000000000000", DecimalError::kNegativeZero},
      {"-0.0000000001", DecimalError::kTooManyDecimals},
      {"1.0000000001", DecimalError::kTooManyDecimals},
      {"99999999999.0000000001", DecimalError::kTooManyDecimals},
      {"9223372036.854775808", DecimalError::kOutOfRange},
      {"-9223372036.854775809", DecimalError::kOutOfRange},
      {"10000000000", DecimalError::kOutOfRange},
  };
  for (const auto& row : cases) {
    const auto parsed = Price::parse(row.first);
    INFO("text \"" << std::string(row.first) << "\", expected: it " << std::string(describe(row.second)));
    CHECK(parsed.error == row.second);
    CHECK(parsed.ok() == (row.second == DecimalError::kNone));
    if (!parsed.ok()) CHECK(parsed.value.is_zero());
  }
}

TEST_CASE("a text of 64 characters is read and one of 65 is not") {
  const std::string zeros(62, '0');
  CHECK(Price::from_string("1." + zeros) == Price::from_int(1));
  CHECK(Price::parse("1." + zeros + "0").error == DecimalError::kTooLong);
  CHECK(Price::parse(std::string(100'000, 'x')).error == DecimalError::kTooLong);
}

TEST_CASE("no short text of number characters is misread") {
  // Every string of up to five of these characters, against the grammar written out a second time.
  constexpr std::string_view kAlphabet = "-+.01e ,";
  std::vector<std::string> texts = {""};
  for (std::size_t begin = 0, length = 0; length < 5; ++length) {
    const std::size_t end = texts.size();
    for (; begin < end; ++begin) {
      for (const char c : kAlphabet) texts.push_back(texts[begin] + c);
    }
  }
  std::size_t accepted = 0;
  for (const std::string& text : texts) {
    std::string_view rest = text;
    if (rest.starts_with('-')) rest.remove_prefix(1);
    const std::size_t point = std::min(rest.find('.'), rest.size());
    const std::string_view whole = rest.substr(0, point);
    const std::string_view fraction = rest.substr(point);
    const auto all_digits = [](std::string_view part) {
      return !part.empty() && part.find_first_not_of("01") == std::string_view::npos;
    };
    const bool lawful = all_digits(whole) && (whole == "0" || whole[0] != '0') &&
                        (fraction.empty() || all_digits(fraction.substr(1))) &&
                        !(text[0] == '-' && rest.find('1') == std::string_view::npos);
    INFO("text \"" << text << "\"");
    REQUIRE(Price::parse(text).ok() == lawful);
    if (lawful) ++accepted;
  }
  CHECK(accepted > 50);
}

TEST_CASE("the refusal of a decimal quotes it and says what to do") {
  const auto message = [](std::string_view text) -> std::string {
    try {
      static_cast<void>(Price::from_string(text));
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kInvalidDecimal);
      CHECK_FALSE(error.retryable());
      return error.what();
    }
    return "accepted";
  };
  CHECK(message("1e5") == "price \"1e5\" uses an exponent; write the number out");
  CHECK(message("0.0000000001") == "price \"0.0000000001\" has more than 9 decimals");
  CHECK(message("\"\n\xff") == "price \"???\" is not a decimal number such as 2500 or -0.05");
  CHECK(message(std::string(50, 'x')) ==
        "price \"" + std::string(40, 'x') + "...\" is not a decimal number such as 2500 or -0.05");
  CHECK(describe(DecimalError::kTooManyDecimals, Money::kDecimals) == "has more than 18 decimals");
  CHECK_THROWS_WITH(Money::from_string("0.0000000000000000001"),
                    "money \"0.0000000000000000001\" has more than 18 decimals");
  for (int i = 0; i <= static_cast<int>(DecimalError::kOutOfRange); ++i) {
    CHECK_FALSE(describe(static_cast<DecimalError>(i)).empty());
  }
}

TEST_CASE("whole numbers convert exactly or not at all") {
  CHECK(Price::from_int(9'223'372'036).to_string() == "9223372036");
  CHECK(Price::from_int(-9'223'372'036).to_string() == "-9223372036");
  CHECK(overflows([] { return Price::from_int(9'223'372'037); }));
  CHECK(overflows([] { return Price::from_int(-9'223'372'037); }));
  CHECK(overflows([] { return Price::from_int(std::numeric_limits<std::uint64_t>::max()); }));
  CHECK(overflows([] { return Price::from_units(std::numeric_limits<std::uint64_t>::max()); }));
  CHECK(overflows([] { return Price::from_units(Money::max().units()); }));
  CHECK(Price::from_units(7).units() == 7);
  CHECK(Money::from_int(std::numeric_limits<std::int64_t>::min()).to_string() == "-9223372036854775808");
  CHECK(Money::from_int(std::numeric_limits<std::uint64_t>::max()).to_string() == "18446744073709551615");
}

TEST_CASE("a table shows exactly the decimals asked for") {
  CHECK(Price::from_string("2500.05").format_fixed(2, Rounding::kHalfEven) == "2500.05");
  CHECK(Price::from_int(2500).format_fixed(2, Rounding::kHalfEven) == "2500.00");
  CHECK(Price::from_int(2500).format_fixed(0, Rounding::kHalfEven) == "2500");
  CHECK(Price::from_string("-0.004").format_fixed(2, Rounding::kHalfEven) == "0.00");
  CHECK(Price::from_string("9.999").format_fixed(2, Rounding::kHalfEven) == "10.00");
  CHECK(Price::from_string("1.5").format_fixed(12, Rounding::kDown) == "1.500000000000");
  CHECK(Price::min().format_fixed(18, Rounding::kDown) == "-9223372036.854775808000000000");
  CHECK(Money::min().format_fixed(18, Rounding::kDown) == Money::min().to_string());
  CHECK(Money::min().format_fixed(0, Rounding::kUp) == "-170141183460469231732");
  CHECK(code_of([] { return Price().format_fixed(-1, Rounding::kDown); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([] { return Price().format_fixed(19, Rounding::kDown); }) == ErrorCode::kInvalidArgument);

  INFO("seed " << kSeed);
  Random random(kSeed);
  for (int i = 0; i < kRounds; ++i) {
    const auto value = random_value<Money>(random);
    const int decimals = static_cast<int>(random() % 19);
    const Rounding rounding = kRoundings[random() % kRoundings.size()];
    Big divisor = Big::of(1);
    for (int j = decimals; j < Money::kDecimals; ++j) divisor = divisor * Big::of(10);
    const Big expected = divide(units_of(value), divisor, rounding);
    INFO("round " << i << ": " << value.to_string() << " to " << decimals);
    REQUIRE(value.format_fixed(decimals, rounding) == expected.to_fixed(static_cast<std::size_t>(decimals)));
  }
}

TEST_CASE("ticks and lots are checked without rounding") {
  const Price tick = Price::from_string("0.05");
  CHECK(is_multiple_of(Price::from_string("2500.05"), tick));
  CHECK(is_multiple_of(Price(), tick));
  CHECK(is_multiple_of(Price::from_string("-0.1"), tick));
  CHECK_FALSE(is_multiple_of(Price::from_string("2500.051"), tick));
  CHECK_FALSE(is_multiple_of(Price::from_units(1), tick));
  CHECK(is_multiple_of(Price::min(), Price::from_units(1)));
  CHECK(is_multiple_of(Quantity::from_int(150), Quantity::from_int(75)));
  CHECK_FALSE(is_multiple_of(Quantity::from_int(100), Quantity::from_int(75)));
  CHECK(code_of([&] { return is_multiple_of(tick, Price()); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([&] { return is_multiple_of(tick, -tick); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([] { return is_multiple_of(Quantity(), Quantity()); }) == ErrorCode::kInvalidArgument);
}

TEST_CASE("money survives two integer columns, and columns that lie are refused") {
  const Money amount = Money::from_string("-1.5");
  CHECK(amount.whole() == -1);
  CHECK(amount.fraction() == -500'000'000'000'000'000);
  const Money small = Money::from_units(-1);
  CHECK(small.whole() == 0);
  CHECK(small.fraction() == -1);
  CHECK(overflows([] { return Money::from_string("9223372036854775808").whole(); }));
  CHECK(overflows([] { return Money::min().whole(); }));
  CHECK(overflows([] { return (Price::max() * Quantity::max()).whole(); }));
  constexpr std::int64_t kOne = 1'000'000'000'000'000'000;
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  CHECK(Money::from_parts(kMin, 1 - kOne).to_string() == "-9223372036854775808.999999999999999999");
  CHECK(Money::from_parts(0, -1) == small);
  CHECK(code_of([] { return Money::from_parts(0, kOne); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([] { return Money::from_parts(0, -kOne); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([] { return Money::from_parts(0, kMin); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([] { return Money::from_parts(1, -1); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([] { return Money::from_parts(-1, 1); }) == ErrorCode::kInvalidArgument);

  INFO("seed " << kSeed);
  Random random(kSeed);
  const Big one = Big::of(Money::kUnitsPerOne);
  for (int i = 0; i < kRounds; ++i) {
    const auto value = random_value<Money>(random);
    INFO("round " << i << ": " << value.to_string());
    const Big whole = divide(units_of(value), one, Rounding::kDown);
    const bool storable =
        !(whole < Big::of(kMin)) && !(Big::of(std::numeric_limits<std::int64_t>::max()) < whole);
    REQUIRE(overflows([&] { return value.whole(); }) == !storable);
    if (!storable) continue;
    REQUIRE(Big::of(value.whole()) * one + Big::of(value.fraction()) == units_of(value));
    REQUIRE(Money::from_parts(value.whole(), value.fraction()) == value);
  }
}
