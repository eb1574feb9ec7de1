// The audit of a batch that changes while it is read: what moved between two reads of one reading is no
// finding, however often it moves; what stood still is, however busy the orders beside it are.
#include <doctest/doctest.h>

#include "support/desk.hpp"
#include "support/moving_store.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

// A batch of three orders, and what happens to it in each reading, once its orders are read and before their
// events are.
struct MovingDesk {
  std::unique_ptr<MovingStore> own = std::make_unique<MovingStore>(make_memory_store());
  MovingStore* store = own.get();
  Desk desk{BrokerClass::kEnforced, {}, nullptr, std::move(own)};
  std::vector<OrderId> ids = placed();
  int readings = 0;

  std::vector<OrderId> placed() {
    std::vector<OrderId> placed;
    for (const auto& leg : desk.oms->place(Desk::batch(std::vector(3, Desk::buy()))).orders)
      placed.push_back(leg.id);
    return placed;
  }

  void trade(OrderId id) { desk.trade(desk.at(id), "E" + std::to_string(readings), 1, 10); }
  void cancelled(OrderId id) {
    desk.oms->apply(desk.broker->report(BrokerReport::Kind::kCancelled, desk.at(id).client_order_id));
  }
  // A row that says otherwise than its events, behind the engine's back.
  void spoil(OrderId id) {
    ChangeUnit unit;
    unit.orders.push_back(desk.at(id));
    unit.orders.back().replace_count = 1;
    ++unit.orders.back().version;
    REQUIRE(desk.store->commit(unit) == CommitStatus::kCommitted);
  }

  // What the audit finds while `move` happens in the first so many readings.
  Words found(int count, const std::function<void()>& move) {
    readings = 0;
    store->during_events = [&] {
      if (++readings <= count) move();
    };
    Words words;
    for (const AuditFinding& finding : desk.oms->audit().findings)
      words.push_back(finding.check + " " + finding.subject);
    store->during_events = nullptr;
    return words;
  }
  Words found() {
    return found(0, [] {});
  }
};

}  // namespace

TEST_CASE("an order that trades in every reading of its batch is no finding") {
  MovingDesk moving;
  CHECK(moving.found(3, [&] { moving.trade(moving.ids.front()); }).empty());
  CHECK(moving.readings == 3);
  CHECK(moving.found().empty());
}

TEST_CASE("a batch whose orders end one by one in every reading, and it with them, is no finding") {
  MovingDesk moving;
  const auto end_next = [&] {
    moving.cancelled(moving.ids.at(static_cast<std::size_t>(moving.readings - 1)));
  };
  CHECK(moving.found(3, end_next).empty());
  CHECK(moving.readings == 3);
  CHECK(moving.found().empty());
}

TEST_CASE("what is wrong with an order is found while another one of its batch trades in every reading") {
  MovingDesk moving;
  moving.spoil(moving.ids.back());
  const Words still = moving.found();
  REQUIRE_FALSE(still.empty());
  CHECK(moving.found(3, [&] { moving.trade(moving.ids.front()); }) == still);
}

TEST_CASE("what is wrong with an order that trades in all readings but the last is found in that one") {
  MovingDesk moving;
  moving.spoil(moving.ids.front());
  const Words still = moving.found();
  REQUIRE_FALSE(still.empty());
  CHECK(moving.found(2, [&] { moving.trade(moving.ids.front()); }) == still);
  CHECK(moving.readings == 3);
}
