// Sums, products, ratios and rounding against the oracle.
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
void check_sums() {
  INFO("seed " << kSeed);
  Random random(kSeed);
  for (int i = 0; i < kRounds; ++i) {
    const auto left = random_value<Value>(random);
    const auto right = random_value<Value>(random);
    INFO("round " << i << ": " << left.to_string() << " and " << right.to_string());
    const Big sum = units_of(left) + units_of(right);
    if (fits<Value>(sum)) {
      REQUIRE(units_of(left + right) == sum);
    } else {
      REQUIRE(overflows([&] { return left + right; }));
    }
    const Big difference = units_of(left) - units_of(right);
    if (fits<Value>(difference)) {
      REQUIRE(units_of(left - right) == difference);
    } else {
      REQUIRE(overflows([&] { return left - right; }));
    }
    REQUIRE((left < right) == (units_of(left) < units_of(right)));
    REQUIRE((left == right) == (units_of(left) == units_of(right)));
  }
}

template <class Value>
void check_limits() {
  const Value unit = Value::from_units(1);
  CHECK(overflows([&] { return Value::max() + unit; }));
  CHECK(overflows([&] { return Value::min() - unit; }));
  CHECK(overflows([&] { return -Value::min(); }));
  CHECK(-Value::max() - unit == Value::min());
  CHECK(Value::max() + Value::min() == -unit);
  Value kept = Value::max();
  CHECK(overflows([&] { return kept += unit; }));
  CHECK(kept == Value::max());
  kept = Value::min();
  CHECK(overflows([&] { return kept -= unit; }));
  CHECK(kept == Value::min());

  const std::string above = (units_of(Value::max()) + Big::of(1)).to_fixed(Value::kDecimals);
  const std::string below = (units_of(Value::min()) - Big::of(1)).to_fixed(Value::kDecimals);
  CHECK(Value::parse(above).error == DecimalError::kOutOfRange);
  CHECK(Value::parse(below).error == DecimalError::kOutOfRange);
  CHECK(Value::from_string(Value::max().to_string()) == Value::max());
  CHECK(Value::from_string(Value::min().to_string()) == Value::min());
  CHECK(Value::parse(std::string(60, '9')).error == DecimalError::kOutOfRange);
}

}  // namespace

TEST_CASE("sums and differences of prices are exact or refused") { check_sums<Price>(); }
TEST_CASE("sums and differences of money are exact or refused") { check_sums<Money>(); }
TEST_CASE("the limits of a price hold to the last unit") { check_limits<Price>(); }
TEST_CASE("the limits of a quantity hold to the last unit") { check_limits<Quantity>(); }
TEST_CASE("the limits of money hold to the last unit") { check_limits<Money>(); }

TEST_CASE("price times quantity is exact for every pair") {
  INFO("seed " << kSeed);
  Random random(kSeed);
  for (int i = 0; i < kRounds; ++i) {
    const auto price = random_value<Price>(random);
    const auto quantity = random_value<Quantity>(random);
    INFO("round " << i << ": " << price.to_string() << " x " << quantity.to_string());
    REQUIRE(units_of(price * quantity) == units_of(price) * units_of(quantity));
    REQUIRE(quantity * price == price * quantity);
  }
  CHECK((Price::min() * Quantity::min()).is_positive());
  CHECK(units_of(Price::min() * Quantity::min()) == units_of(Price::min()) * units_of(Quantity::min()));
}

TEST_CASE("scaling money by a rate rounds the exact product in every mode") {
  INFO("seed " << kSeed);
  Random random(kSeed);
  const Big divisor = Big::of(Rate::kUnitsPerOne);
  int refused = 0;
  for (int i = 0; i < kRounds; ++i) {
    const auto amount = random_value<Money>(random);
    const auto rate = random_value<Rate>(random);
    const Big product = units_of(amount) * units_of(rate);
    for (const Rounding rounding : kRoundings) {
      INFO("round " << i << ": " << amount.to_string() << " x " << rate.to_string() << ", mode "
                    << static_cast<int>(rounding));
      const Big expected = divide(product, divisor, rounding);
      if (fits<Money>(expected)) {
        REQUIRE(units_of(scale(amount, rate, rounding)) == expected);
      } else {
        ++refused;
        REQUIRE(overflows([&] { return scale(amount, rate, rounding); }));
      }
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("scaling money overflows exactly at the limit") {
  const Rate one = Rate::from_int(1);
  CHECK(scale(Money::max(), one, Rounding::kUp) == Money::max());
  CHECK(scale(Money::min(), one, Rounding::kUp) == Money::min());
  CHECK(overflows([&] { return scale(Money::min(), -one, Rounding::kDown); }));
  CHECK(overflows([&] { return scale(Money::max(), Rate::from_string("1.000000001"), Rounding::kDown); }));
  CHECK(overflows([&] { return scale(Money::max(), Rate::max(), Rounding::kDown); }));
  CHECK(overflows([&] { return scale(Money::min(), Rate::min(), Rounding::kDown); }));
  CHECK(scale(Money::max(), Rate(), Rounding::kUp).is_zero());

  // The product of these lies half a unit outside: the rounding decides whether it fits.
  const auto near = Money::from_units(Money::max().units() / 3 * 2 + 1);
  const Rate rate = Rate::from_string("1.5");
  const Big exact = units_of(near) * units_of(rate);
  for (const Rounding rounding : kRoundings) {
    const Big expected = divide(exact, Big::of(Rate::kUnitsPerOne), rounding);
    CHECK(overflows([&] { return scale(near, rate, rounding); }) == !fits<Money>(expected));
  }
  CHECK(scale(near, rate, Rounding::kDown) == Money::max());
  CHECK(overflows([&] { return scale(near, rate, Rounding::kUp); }));
}

TEST_CASE("an average price rounds the exact ratio in every mode") {
  INFO("seed " << kSeed);
  Random random(kSeed);
  int answered = 0;
  int refused = 0;
  for (int i = 0; i < kRounds; ++i) {
    const auto quantity = random_value<Quantity>(random);
    const bool likely_to_fit = random() % 4 != 0;
    const auto notional =
        likely_to_fit ? random_value<Price>(random) * quantity : random_value<Money>(random);
    const auto shifted =
        likely_to_fit ? scale(notional, Rate::from_string("0.987654321"), Rounding::kDown) : notional;
    if (quantity.is_zero()) continue;
    for (const Rounding rounding : kRoundings) {
      INFO("round " << i << ": " << shifted.to_string() << " / " << quantity.to_string() << ", mode "
                    << static_cast<int>(rounding));
      const Big expected = divide(units_of(shifted), units_of(quantity), rounding);
      if (fits<Price>(expected)) {
        ++answered;
        REQUIRE(units_of(average_price(shifted, quantity, rounding)) == expected);
      } else {
        ++refused;
        REQUIRE(overflows([&] { return average_price(shifted, quantity, rounding); }));
      }
    }
  }
  CHECK(answered > kRounds);
  CHECK(refused > 0);
}

TEST_CASE("an average of equal prices is that price") {
  INFO("seed " << kSeed);
  Random random(kSeed);
  for (int i = 0; i < kRounds; ++i) {
    const auto price = random_value<Price>(random);
    const auto quantity = random_value<Quantity>(random);
    if (quantity.is_zero()) continue;
    for (const Rounding rounding : kRoundings) {
      REQUIRE(average_price(price * quantity, quantity, rounding) == price);
    }
  }
}

TEST_CASE("rounding modes differ at ties and at signs as documented") {
  struct Row {
    std::string_view value;
    std::array<std::string_view, 6> rounded;  // In the order of kRoundings.
  };
  const std::vector<Row> rows = {
      {"0.5", {"0", "1", "0", "1", "0", "1"}},        {"1.5", {"1", "2", "2", "2", "1", "2"}},
      {"2.5", {"2", "3", "2", "3", "2", "3"}},        {"-0.5", {"0", "-1", "0", "-1", "-1", "0"}},
      {"-1.5", {"-1", "-2", "-2", "-2", "-2", "-1"}}, {"-2.5", {"-2", "-3", "-2", "-3", "-3", "-2"}},
      {"1.1", {"1", "2", "1", "1", "1", "2"}},        {"-1.9", {"-1", "-2", "-2", "-2", "-2", "-1"}},
      {"3", {"3", "3", "3", "3", "3", "3"}},          {"-3", {"-3", "-3", "-3", "-3", "-3", "-3"}},
  };
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < kRoundings.size(); ++i) {
      INFO("value " << std::string(row.value) << ", mode " << i);
      CHECK(Price::from_string(row.value).format_fixed(0, kRoundings[i]) == row.rounded[i]);
      CHECK(Money::from_string(row.value).format_fixed(0, kRoundings[i]) == row.rounded[i]);
    }
  }
}

TEST_CASE("an average over nothing is refused") {
  CHECK(code_of([] { return average_price(Money::from_int(1), Quantity(), Rounding::kDown); }) ==
        ErrorCode::kInvalidArgument);
}
