// Ratios with 256-bit products, against the digit-by-digit oracle.
#include <doctest/doctest.h>

#include <limits>

#include "core/exact_ratio.hpp"
#include "support/decimal_oracle.hpp"

using namespace decimal_oracle;
using orchestrator::matched_pnl;
using orchestrator::MatchedSide;
using orchestrator::multiply_divide;
using orchestrator::times;

namespace {

std::int64_t any_multiplier(Random& random) {
  return random() % 3 == 0 ? static_cast<std::int64_t>(random() >> (1 + random() % 63)) + 1 : 1;
}

// (min x SN x B - min x BN x S) / (B x S), straight from the definition.
Big oracle_pnl(const MatchedSide& bought, const MatchedSide& sold) {
  const Big b = Big::of(bought.units);
  const Big s = Big::of(sold.units);
  const Big matched = b < s ? b : s;
  const Big difference = units_of(sold.value) * b - units_of(bought.value) * s;
  return divide(matched * difference, b * s, Rounding::kHalfEven);
}

MatchedSide side_of(int128 units, int128 value_units) { return {units, Money::from_units(value_units)}; }

}  // namespace

TEST_CASE("multiply_divide equals the oracle for every sign, length and rounding") {
  INFO("seed " << kSeed);
  Random random(kSeed);
  int refused = 0;
  for (int i = 0; i < kRounds; ++i) {
    const auto amount = random_value<Money>(random);
    const auto numerator = random_value<Quantity>(random);
    const auto denominator = random_value<Quantity>(random);
    if (denominator.is_zero()) continue;
    const Rounding rounding = kRoundings[random() % kRoundings.size()];
    const Big expected = divide(units_of(amount) * units_of(numerator), units_of(denominator), rounding);
    INFO("round " << i << ": " << amount.to_string() << " x " << numerator.to_string() << " / "
                  << denominator.to_string());
    const auto result = [&] { return multiply_divide(amount, numerator, denominator, rounding); };
    if (fits<Money>(expected)) {
      REQUIRE(units_of(result()) == expected);
    } else {
      REQUIRE(overflows(result));
      ++refused;
    }
  }
  CHECK(refused > 100);
  CHECK(refused < kRounds / 2);
}

TEST_CASE("a quantity of zero divides nothing") {
  CHECK(code_of([] { return multiply_divide(Money(), Quantity(), Quantity(), Rounding::kUp); }) ==
        ErrorCode::kInvalidArgument);
}

TEST_CASE("times is exact or refused") {
  CHECK(times(Money::from_string("2.5"), 3) == Money::from_string("7.5"));
  CHECK(times(Money::from_string("-2.5"), 3) == Money::from_string("-7.5"));
  CHECK(times(Money::max(), 1) == Money::max());
  CHECK(overflows([] { return times(Money::max(), 2); }));
  CHECK(overflows([] { return times(Money::from_int(100), std::numeric_limits<std::int64_t>::max()); }));
}

TEST_CASE("a side refuses a sum that does not fit, and keeps what it had") {
  MatchedSide side;
  side.add(Quantity::max(), Money(), std::numeric_limits<std::int64_t>::max());
  side.add(Quantity::max(), Money(), std::numeric_limits<std::int64_t>::max());
  const int128 before = side.units;
  CHECK(overflows([&] {
    side.add(Quantity::max(), Money(), std::numeric_limits<std::int64_t>::max());
    return 0;
  }));
  CHECK(side.units == before);
}

TEST_CASE("matched P&L of the specification's example") {
  MatchedSide bought;
  MatchedSide sold;
  bought.add(Quantity::from_int(100), Money::from_int(250'000), 1);
  sold.add(Quantity::from_int(50), Money::from_int(130'000), 1);
  CHECK(matched_pnl(bought, sold) == Money::from_int(5000));
  CHECK(matched_pnl(sold, bought) == Money::from_int(-5000));
}

TEST_CASE("a tie goes to the even neighbour of the result, whichever side is divided") {
  // One unit of value over two units of quantity: half a unit in the share.
  CHECK(matched_pnl(side_of(1, 0), side_of(2, 1)).units() == 0);   // 0.5
  CHECK(matched_pnl(side_of(1, 0), side_of(2, 3)).units() == 2);   // 1.5
  CHECK(matched_pnl(side_of(1, 1), side_of(2, 1)).units() == 0);   // 0.5 - 1
  CHECK(matched_pnl(side_of(1, 1), side_of(2, 5)).units() == 2);   // 2.5 - 1
  CHECK(matched_pnl(side_of(1, 3), side_of(2, 1)).units() == -2);  // 0.5 - 3
  CHECK(matched_pnl(side_of(2, 1), side_of(1, 0)).units() == 0);   // -0.5
  CHECK(matched_pnl(side_of(2, 1), side_of(1, 2)).units() == 2);   // 2 - 0.5
  CHECK(matched_pnl(side_of(2, -1), side_of(1, 0)).units() == 0);  // 0.5, bought at a negative price
  CHECK(matched_pnl(side_of(2, -3), side_of(1, 0)).units() == 2);  // 1.5
}

TEST_CASE("matched P&L equals the oracle for executions of every size") {
  INFO("seed " << kSeed);
  Random random(kSeed);
  int computed = 0;
  for (int i = 0; i < kRounds; ++i) {
    MatchedSide sides[2];
    try {
      for (MatchedSide& side : sides) {
        for (std::uint64_t trades = random() % 4 + 1; trades > 0; --trades) {
          const auto quantity =
              Quantity::from_units(static_cast<std::int64_t>(random() >> (1 + random() % 60)) + 1);
          const auto price = random_value<Price>(random);
          side.add(quantity, price * quantity, any_multiplier(random));
        }
      }
    } catch (const Error&) {
      continue;  // more than any account can hold
    }
    const Big expected = oracle_pnl(sides[0], sides[1]);
    INFO("round " << i);
    if (!fits<Money>(expected)) continue;
    REQUIRE(units_of(matched_pnl(sides[0], sides[1])) == expected);
    REQUIRE(units_of(matched_pnl(sides[1], sides[0])) == expected.negated());
    ++computed;
  }
  CHECK(computed > kRounds / 2);
}

TEST_CASE("matched P&L of tiny figures equals the oracle, ties among them") {
  for (int b = 1; b <= 6; ++b) {
    for (int s = 1; s <= 6; ++s) {
      for (int bn = -6; bn <= 6; ++bn) {
        for (int sn = -6; sn <= 6; ++sn) {
          const MatchedSide bought = side_of(b, bn);
          const MatchedSide sold = side_of(s, sn);
          if (units_of(matched_pnl(bought, sold)) != oracle_pnl(bought, sold)) {
            FAIL(b << " for " << bn << ", " << s << " for " << sn);
          }
        }
      }
    }
  }
  CHECK(matched_pnl(side_of(3, 10), side_of(3, 10)).is_zero());
}
