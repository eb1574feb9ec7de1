// A broken invariant closes the desk for new orders, whichever call meets it.
#include <doctest/doctest.h>

#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

// A desk with an order whose end cannot be booked: the margin that it would give back is not there.
struct BrokenDesk : Desk {
  explicit BrokenDesk(Fate fate) {
    broker->fates = {fate};
    order = place_one();
    ChangeUnit stolen;
    stolen.margins.push_back({1, -store->usage_of(1).margin_reserved, std::nullopt});
    REQUIRE(store->commit(stolen) == CommitStatus::kCommitted);
    REQUIRE(oms->health().ok);
  }
  [[nodiscard]] BrokerReport cancelled() const {
    return broker->report(BrokerReport::Kind::kCancelled, order.client_order_id);
  }

  Order order;
};

}  // namespace

TEST_CASE("a call that meets a broken invariant closes the desk") {
  SUBCASE("cancel") {
    BrokenDesk desk(Fate::kNotSent);
    CHECK(code_of([&] { desk.oms->cancel(desk.order.id); }) == ErrorCode::kInternal);
    CHECK_FALSE(desk.oms->health().ok);
  }
  SUBCASE("cancel_batch") {
    BrokenDesk desk(Fate::kNotSent);
    CHECK(code_of([&] { desk.oms->cancel_batch(desk.order.batch_id); }) == ErrorCode::kInternal);
    CHECK_FALSE(desk.oms->health().ok);
  }
  SUBCASE("resolve") {
    BrokenDesk desk(Fate::kLostBeforeAccept);
    const Resolution rejected{.kind = Resolution::Kind::kRejected, .by = "ravi", .reason = "not there"};
    CHECK(code_of([&] { desk.oms->resolve(desk.order.id, rejected); }) == ErrorCode::kInternal);
    CHECK_FALSE(desk.oms->health().ok);
  }
  SUBCASE("dispatch") {
    BrokenDesk desk(Fate::kNotSent);
    desk.broker->fates = {Fate::kReject};
    CHECK(code_of([&] { desk.oms->dispatch(); }) == ErrorCode::kInternal);
    CHECK_FALSE(desk.oms->health().ok);
  }
  SUBCASE("recover") {
    BrokenDesk desk(Fate::kLostAfterAccept);
    desk.broker->held[desk.order.client_order_id].status = OrderStatus::kCancelled;
    CHECK(code_of([&] { desk.oms->recover(); }) == ErrorCode::kInternal);
    CHECK_FALSE(desk.oms->health().ok);
  }
  SUBCASE("place, by what its order is answered") {
    BrokenDesk desk(Fate::kAccept);
    desk.broker->during_place = [&](const Order&) {
      ChangeUnit stolen;
      stolen.margins.push_back({1, -desk.store->usage_of(1).margin_reserved, std::nullopt});
      REQUIRE(desk.store->commit(stolen) == CommitStatus::kCommitted);
    };
    desk.broker->fates = {Fate::kReject};
    CHECK(desk.place_one().status == OrderStatus::kSubmitting);
    CHECK_FALSE(desk.oms->health().ok);
  }
}

TEST_CASE("a report that meets a broken invariant closes the desk, and those behind it are applied") {
  BrokenDesk desk(Fate::kAccept);
  const Order other = desk.place_one();
  ChangeUnit stolen;
  stolen.margins.push_back({1, -desk.store->usage_of(1).margin_reserved, std::nullopt});
  REQUIRE(desk.store->commit(stolen) == CommitStatus::kCommitted);
  BrokerReport cancelled = desk.cancelled();
  SUBCASE("when it comes") {
    desk.broker->news.push_back(cancelled);
    desk.broker->news.push_back(
        desk.broker->trade(other.client_order_id, "E1", Quantity::from_int(1), Price::from_int(10)));
    desk.oms->poll();
    CHECK(desk.at(other.id).fill_qty == Quantity::from_int(1));
  }
  SUBCASE("when it has waited for its order") {
    ChangeUnit waiting;
    waiting.inbox_add.push_back({0, cancelled, desk.clock->now()});
    REQUIRE(desk.store->commit(waiting) == CommitStatus::kCommitted);
    desk.oms->poll();
  }
  CHECK(desk.store->inbox("scripted").size() == 1);
  CHECK_FALSE(desk.oms->health().ok);
  CHECK(code_of([&] { desk.place_one(); }) == ErrorCode::kHalted);
}
