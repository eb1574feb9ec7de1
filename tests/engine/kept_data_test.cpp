// What the engine keeps between placements, and that nobody can tell.
#include <doctest/doctest.h>

#include "support/desk.hpp"
#include "support/moving_store.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

ErrorCode refusal_of(Desk& desk, const BatchRequest& request) {
  try {
    static_cast<void>(desk.oms->place(request));
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kUnsupported;
}

}  // namespace

TEST_CASE("changed reference data holds from the next placement on") {
  Desk desk;
  desk.place_one();
  desk.store->put_limits({.portfolio_id = 1, .max_quantity = Quantity::from_int(10)});
  CHECK(refusal_of(desk, Desk::batch({Desk::buy(11)})) == ErrorCode::kValidationFailed);
  desk.store->put_limits({.portfolio_id = 0, .max_quantity = Quantity::from_int(10)});
  desk.store->put_limits({.portfolio_id = 1});
  desk.place_one(Desk::buy(11));

  CHECK(desk.place_one(Desk::buy(7, 10, 5)).symbol == "#5");
  const std::vector<Instrument> five{{.id = 5, .symbol = "FIVE", .lot_size = Quantity::from_int(2)}};
  desk.store->put_instruments(five);
  CHECK(refusal_of(desk, Desk::batch({Desk::buy(7, 10, 5)})) == ErrorCode::kValidationFailed);
  CHECK(desk.place_one(Desk::buy(8, 10, 5)).symbol == "FIVE");

  desk.store->put_broker({.broker_name = "scripted", .active = false});
  CHECK(refusal_of(desk, Desk::batch({Desk::buy()})) == ErrorCode::kValidationFailed);
}

TEST_CASE("reference data that changes after a batch was decided on is looked at again") {
  auto own = std::make_unique<MovingStore>(make_memory_store());
  MovingStore& store = *own;
  Desk desk(BrokerClass::kEnforced, {}, nullptr, std::move(own));
  desk.place_one();
  std::optional<PortfolioLimits> coming =
      PortfolioLimits{.portfolio_id = 1, .max_quantity = Quantity::from_int(10)};
  store.before_accept = [&] {
    if (const auto now = std::exchange(coming, std::nullopt)) store.put_limits(*now);
  };
  CHECK(refusal_of(desk, Desk::batch({Desk::buy(11)})) == ErrorCode::kValidationFailed);
  CHECK(store.orders({}).size() == 1);
  coming = PortfolioLimits{.portfolio_id = 1};
  desk.place_one(Desk::buy(10));
  desk.place_one(Desk::buy(11));
}

TEST_CASE("a placement asks for the version of the reference data once, before it sends") {
  auto own = std::make_unique<MovingStore>(make_memory_store());
  MovingStore& store = *own;
  Desk desk(BrokerClass::kEnforced, {}, nullptr, std::move(own));
  desk.place_one();
  store.versions_asked = 0;
  desk.place_one();
  CHECK(store.versions_asked == 1);
}

TEST_CASE("margin given back since the last batch can be used at once") {
  Desk desk;
  desk.store->put_limits({.portfolio_id = 1, .margin_available = Money::from_int(1000)});
  const Order first = desk.place_one(Desk::buy(100, 10));
  CHECK(refusal_of(desk, Desk::batch({Desk::buy(1, 10)})) == ErrorCode::kValidationFailed);
  ChangeUnit unit;  // by another process
  unit.margins = {{1, -Money::from_int(1000), std::nullopt}};
  REQUIRE(desk.store->commit(unit) == CommitStatus::kCommitted);
  desk.place_one(Desk::buy(100, 10));
}

TEST_CASE("margin taken by others since the last batch is not given again") {
  Desk desk;
  desk.store->put_limits({.portfolio_id = 1, .margin_available = Money::from_int(1000)});
  desk.place_one(Desk::buy(10, 10));
  ChangeUnit unit;  // by another process
  unit.margins = {{1, Money::from_int(800), std::nullopt}};
  REQUIRE(desk.store->commit(unit) == CommitStatus::kCommitted);
  CHECK(refusal_of(desk, Desk::batch({Desk::buy(11, 10)})) == ErrorCode::kValidationFailed);
  BatchRequest two = Desk::batch({Desk::buy(10, 10), Desk::buy(11, 10)});
  two.policy = BatchPolicy::kEach;
  const Receipt receipt = desk.oms->place(two);
  CHECK(receipt.orders[0].id != 0);
  CHECK(receipt.orders[1].id == 0);
}

TEST_CASE("a key is known however many new ones came since, and whatever the rules say today") {
  Parts parts;  // no cache: the store has to answer
  parts.store = make_memory_store();
  parts.store->put_broker({.broker_name = "scripted"});
  parts.brokers.push_back(std::make_unique<ScriptedBroker>(BrokerClass::kEnforced));
  parts.clock = std::make_unique<FakeClock>();
  Store& store = *parts.store;
  Orchestrator oms({}, std::move(parts));

  const BatchRequest request = Desk::batch({Desk::buy(100)}, "first");
  const Receipt first = oms.place(request);
  auto place_new_ones = [&oms, count = 0]() mutable {
    for (int i = 0; i < 200; ++i) oms.place(Desk::batch({Desk::buy(1)}, "new-" + std::to_string(++count)));
  };
  place_new_ones();
  Receipt again = oms.place(request);
  CHECK(again.replayed);
  CHECK(again.json == first.json);

  place_new_ones();
  store.put_limits({.portfolio_id = 1, .max_quantity = Quantity::from_int(10)});
  again = oms.place(request);
  CHECK(again.replayed);
  CHECK(again.json == first.json);

  place_new_ones();
  try {
    oms.place(Desk::batch({Desk::buy(101)}, "first"));
    FAIL("another request under a used key was taken");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kIdempotencyConflict);
  }
}
