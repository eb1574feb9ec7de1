// No request and no reference data can make the validator fail.
#include <doctest/doctest.h>

#include <iterator>
#include <limits>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "orchestrator/validator.hpp"

using namespace orchestrator;

namespace {

constexpr std::uint64_t kSeed = 1789;

}  // namespace

TEST_CASE("no request and no reference data make the validator throw") {
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  const auto any_number = [&random]() -> std::int64_t {
    constexpr std::int64_t kOdd[] = {0, 1, -1, kMax, kMin, kMax - 1, 1'000'000'000, 50'000'000'000, 2};
    if (random() % 2 == 0) return kOdd[random() % std::size(kOdd)];
    return static_cast<std::int64_t>(random() >> (random() % 64));
  };
  const auto any_price = [&]() -> std::optional<Price> {
    if (random() % 3 == 0) return std::nullopt;
    return Price::from_units(any_number());
  };
  const auto any_quantity = [&] { return Quantity::from_units(any_number()); };
  const auto any_money = [&]() -> Money {
    if (random() % 8 == 0) return random() % 2 == 0 ? Money::max() : Money::min();
    return Money::from_units(static_cast<int128>(any_number()) * any_number());
  };
  const auto maybe = [&random](auto value) {
    return random() % 2 == 0 ? std::optional(value) : std::nullopt;
  };
  std::set<std::string> codes;
  for (int round = 0; round < 20'000; ++round) {
    ValidationSnapshot snapshot;
    for (InstrumentId id = 1; id <= 3; ++id) {
      Instrument& instrument = snapshot.instruments[id];
      if (random() % 2 == 0) instrument.lot_size = any_quantity();
      if (random() % 2 == 0) instrument.tick_size = Price::from_units(any_number());
      instrument.price_band_low = any_price();
      instrument.price_band_high = any_price();
      instrument.last_price = any_price();
      instrument.freeze_quantity = maybe(any_quantity());
      if (random() % 2 == 0) instrument.multiplier = any_number();
    }
    snapshot.limits.margin_available = maybe(any_money());
    if (random() % 2 == 0) snapshot.limits.margin_rate = Rate::from_units(any_number());
    snapshot.limits.max_quantity = maybe(any_quantity());
    snapshot.limits.max_notional_order = maybe(any_money());
    snapshot.limits.max_notional_batch = maybe(any_money());
    snapshot.limits.max_notional_day = maybe(any_money());
    snapshot.usage = {1, any_money(), Date(), any_money()};
    ValidationOptions options;
    if (random() % 2 == 0) options.price_collar = Rate::from_units(any_number() & kMax);
    options.duplicates = static_cast<DuplicatePolicy>(random() % 3);
    BatchRequest request;
    request.portfolio_id = any_number();
    request.orders.resize(random() % 6);
    for (OrderRequest& order : request.orders) {
      order.instrument_id = random() % 8 == 0 ? any_number() : static_cast<InstrumentId>(random() % 5);
      order.qty = any_quantity();
      order.side = static_cast<Side>(random() % 3);
      order.price_limit = any_price();
      order.stop_price = any_price();
      order.order_type = static_cast<OrderType>(random() % 5);
      order.time_in_force = static_cast<TimeInForce>(random() % 5);
      order.slice = random() % 2 == 0;
      if (random() % 8 == 0) order.broker = "nobody";
    }
    try {
      const ValidationResult result = make_validator(options)->validate(request, snapshot);
      REQUIRE(result.margins.size() == request.orders.size());
      for (const Violation& violation : result.violations) codes.insert(violation.code);
      for (std::size_t i = 0; i < request.orders.size(); ++i) {
        if (result.order_has_errors(i)) REQUIRE(result.notionals[i].is_zero());
      }
    } catch (const std::exception& error) {
      FAIL("round " << round << ": " << error.what());
    }
  }
  // The walk came past nearly every rule; duplicates need equal orders, which chance does not make.
  CHECK(codes.size() >= 26);
}
