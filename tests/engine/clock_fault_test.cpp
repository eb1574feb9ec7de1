// The wall clock jumps, by a day and back, between any two steps: what is sent once stays sent once, and when
// the clock is right again everything is settled.

#include <doctest/doctest.h>

#include <random>

#include "support/book_audit.hpp"
#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;
using namespace std::chrono_literals;

namespace {

constexpr auto kDay = 24h;

// What an order's attempts may come to; the broker never loses what it accepted.
Fate any_fate(std::mt19937_64& random) {
  constexpr std::array kFates = {Fate::kAccept,           Fate::kNotSent, Fate::kLostAfterAccept,
                                 Fate::kLostBeforeAccept, Fate::kThrow,   Fate::kAccept};
  return kFates[random() % kFates.size()];
}

// The broker fails so often that its circuit may be open: then nothing is accepted.
void place_unless_closed(const Desk& desk, const std::string& key) {
  try {
    desk.oms->place(Desk::batch({Desk::buy(), Desk::buy()}, key));
  } catch (const Error& refused) {
    REQUIRE(refused.code() == ErrorCode::kValidationFailed);
    REQUIRE(desk.oms->health().brokers.front().circuit != CircuitState::kClosed);
  }
}

}  // namespace

TEST_CASE("a clock that jumps a day either way between any two steps makes no order twice and loses none") {
  for (const BrokerClass broker_class : {BrokerClass::kEnforced, BrokerClass::kTagEcho}) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      INFO("seed ", seed, ", class ", static_cast<int>(broker_class));
      std::mt19937_64 random(seed);
      Desk desk(broker_class);
      Timestamp right = FakeClock::kStart;  // what a clock that does not jump would show
      const auto jump = [&] {
        const std::chrono::seconds passed(random() % 20);
        desk.clock->advance(passed);
        right += passed;
        const std::array<std::chrono::microseconds, 5> jumps = {-kDay, -1s, 0s, 1s, kDay};
        desk.clock->set(right + jumps[random() % jumps.size()]);
      };
      for (int step = 0; step < 40; ++step) {
        jump();
        desk.broker->fates = {any_fate(random), any_fate(random)};
        // The clock may jump while the request is at the broker, too.
        desk.broker->during_place = [&](const Order&) { jump(); };
        if (random() % 2 == 0) {
          place_unless_closed(desk, "k" + std::to_string(step));
        } else {
          desk.oms->recover();
        }
      }
      desk.broker->fates.clear();
      desk.broker->during_place = nullptr;
      for (int round = 0; round < 4; ++round) {
        right += 2 * kDay;
        desk.clock->advance(2 * kDay);
        desk.clock->set(right);
        desk.oms->recover();
      }
      for (const Order& order : desk.oms->orders({.limit = 100'000})) {
        const int accepts = desk.broker->accepts[order.client_order_id];
        CHECK(accepts <= 1);
        if (accepts == 1) CHECK(order.status == OrderStatus::kAcked);
        if (accepts == 0) CHECK(order.parked);  // nobody may send it again without a person
        if (broker_class == BrokerClass::kEnforced) CHECK(accepts == 1);
      }
      CHECK(BookAudit(*desk.store).breaches() == "");
    }
  }
}

TEST_CASE("a clock that is set back while somebody waits does not make the wait longer") {
  struct FallingClock final : FakeClock {
    void sleep_for(std::chrono::microseconds duration) override {
      advance(duration);
      set(now() - kDay);
    }
  };
  auto own_broker = std::make_unique<ScriptedBroker>(BrokerClass::kEnforced);
  ScriptedBroker& broker = *own_broker;
  Parts parts;
  parts.store = make_memory_store();
  parts.store->put_broker({0, "scripted", "{}", true, FakeClock::kStart, FakeClock::kStart});
  parts.brokers.push_back(std::move(own_broker));
  parts.clock = std::make_unique<FallingClock>();
  Orchestrator oms({}, std::move(parts));
  broker.fates = {Fate::kLostBeforeAccept};
  const Receipt receipt = oms.place(Desk::batch({Desk::buy()}));
  broker.silent = true;
  SUBCASE("for recovery") { oms.recover(1s); }
  SUBCASE("for a batch") { CHECK_FALSE(oms.wait(receipt.batch_id, 1s)); }
  CHECK(broker.look_ups > 1);
  CHECK(broker.look_ups < 200);
}

TEST_CASE("a key stays used however the clock jumps") {
  Desk desk;
  const auto request = Desk::batch({Desk::buy()}, "k");
  const Receipt first = desk.oms->place(request);
  for (const auto jump : {-365 * kDay, -kDay, 12 * 1h}) {
    desk.clock->set(FakeClock::kStart + jump);
    const Receipt again = desk.oms->place(request);
    CHECK(again.replayed);
    CHECK(again.json == first.json);
  }
  desk.clock->set(FakeClock::kStart + 2 * kDay);
  desk.oms->step();  // takes the stored response away
  CHECK(code_of([&] { desk.oms->place(request); }) == ErrorCode::kIdempotencyExpired);
  desk.clock->set(FakeClock::kStart);
  CHECK(code_of([&] { desk.oms->place(request); }) == ErrorCode::kIdempotencyExpired);
  CHECK(desk.oms->orders({}).size() == 1);
}

TEST_CASE("events are numbered by what came first, whatever the clock said") {
  Desk desk;
  const Order order = desk.place_one();
  desk.clock->set(FakeClock::kStart - kDay);
  desk.trade(order, "e1", 40, 10);
  desk.clock->set(FakeClock::kStart + kDay);
  desk.trade(order, "e2", 60, 10);
  CHECK(desk.event_words(order.id) ==
        Words{"order.placed", "order.acked", "order.partially_filled", "order.filled"});
  CHECK(BookAudit(*desk.store).breaches() == "");
}
