// A broker's rate limit: what leaves when there is room for few requests, and that nothing waits for ever.
#include <doctest/doctest.h>

#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

TEST_CASE("orders leave within the broker's rate limit; the rest stays placed until there is room (I7)") {
  Desk desk;
  desk.broker->settings().rate_limit = {.requests_max = 4, .per = std::chrono::seconds(1)};
  const auto receipt = desk.oms->place(Desk::batch(std::vector(10, Desk::buy())));
  const auto sent = [&] {
    std::size_t count = 0;
    for (const auto& leg : receipt.orders) count += desk.at(leg.id).status == OrderStatus::kAcked ? 1U : 0U;
    return count;
  };
  CHECK_MESSAGE(sent() == 3, "one is left to reads and changes");
  desk.oms->dispatch();
  CHECK(sent() == 3);
  for (int i = 0; i < 2; ++i) {
    desk.clock->advance(std::chrono::milliseconds(1100));
    desk.oms->dispatch();
  }
  CHECK(sent() == 9);
  desk.clock->advance(std::chrono::milliseconds(1100));
  desk.oms->dispatch();
  CHECK(sent() == 10);
}

TEST_CASE("a cancel leaves when orders have used up everything that is not reserved for it") {
  Desk desk;
  desk.broker->settings().rate_limit = {
      .requests_max = 10, .per = std::chrono::seconds(1), .reserved_for_cancels = 1};
  const auto receipt = desk.oms->place(Desk::batch(std::vector(10, Desk::buy())));
  REQUIRE(desk.at(receipt.orders[9].id).status == OrderStatus::kPlaced);
  desk.oms->poll();  // uses what orders leave to reads
  desk.oms->cancel(receipt.orders[0].id);
  CHECK(desk.broker->cancels == 1);
  desk.oms->cancel(receipt.orders[1].id);
  CHECK_MESSAGE(desk.broker->cancels == 1, "noted, and sent when there is room");
  CHECK(desk.at(receipt.orders[1].id).status == OrderStatus::kCancelPending);
  desk.clock->advance(std::chrono::seconds(6));
  desk.oms->recover();
  CHECK(desk.broker->cancels == 3);  // the first was never confirmed
}

TEST_CASE("a backlog keeps nobody from hearing of fills, nor a change from leaving") {
  Desk desk;
  desk.broker->settings().rate_limit = {.requests_max = 4, .per = std::chrono::seconds(1)};
  const Order first = desk.place_one();
  const auto round = [&] {
    desk.clock->advance(std::chrono::milliseconds(1200));
    desk.oms->step();
  };
  round();
  desk.oms->place(Desk::batch(std::vector(100, Desk::buy())));
  SUBCASE("fills, in a process that steps") {
    desk.broker->news.push_back(
        desk.broker->trade(first.client_order_id, "E1", Quantity::from_int(100), Price::from_int(9)));
    round();
    CHECK(desk.at(first.id).status == OrderStatus::kFilled);
  }
  SUBCASE("fills, behind a sender that was faster") {
    desk.broker->news.push_back(
        desk.broker->trade(first.client_order_id, "E1", Quantity::from_int(100), Price::from_int(9)));
    desk.clock->advance(std::chrono::milliseconds(1200));
    desk.oms->dispatch();
    desk.oms->poll();
    CHECK(desk.at(first.id).status == OrderStatus::kFilled);
  }
  SUBCASE("a change") {
    desk.clock->advance(std::chrono::milliseconds(1200));
    desk.oms->dispatch();
    desk.oms->replace(first.id, Quantity::from_int(50), std::nullopt);
    CHECK(desk.broker->replaces.size() == 1);
  }
}

TEST_CASE("polls as frequent as the limit allows keep no order from leaving") {
  for (const std::size_t requests_max : {2U, 3U, 5U, 10U}) {
    Desk desk;
    desk.broker->settings().rate_limit = {.requests_max = requests_max, .per = std::chrono::seconds(1)};
    for (int i = 0; i < 20; ++i) {
      desk.clock->advance(std::chrono::milliseconds(100));
      desk.oms->step();
    }
    const Order order = desk.place_one();
    for (int i = 0; i < 20; ++i) {
      desk.clock->advance(std::chrono::milliseconds(100));
      desk.oms->step();
    }
    INFO(requests_max, " a second");
    CHECK(desk.at(order.id).status == OrderStatus::kAcked);
  }
}

TEST_CASE("orders in doubt are looked up oldest first, within the rate limit (I26)") {
  Desk desk;
  desk.broker->settings().rate_limit = {.requests_max = 6, .per = std::chrono::seconds(1)};
  desk.broker->fates.assign(6, Fate::kLostAfterAccept);
  const auto receipt = desk.oms->place(Desk::batch(std::vector(6, Desk::buy())));
  desk.clock->advance(std::chrono::seconds(2));
  desk.oms->dispatch();  // the last one
  REQUIRE(desk.at(receipt.orders.back().id).status == OrderStatus::kUnknown);
  desk.clock->advance(std::chrono::seconds(2));
  desk.oms->recover();
  CHECK(desk.broker->look_ups < 6);
  CHECK(desk.at(receipt.orders.front().id).status == OrderStatus::kAcked);
  CHECK(desk.at(receipt.orders.back().id).status == OrderStatus::kUnknown);
  for (int i = 0; i < 6; ++i) {
    desk.clock->advance(std::chrono::seconds(2));
    desk.oms->recover();
  }
  CHECK(desk.at(receipt.orders.back().id).status == OrderStatus::kAcked);
}

TEST_CASE("many orders in doubt at one broker are found by one list call") {
  Desk desk;
  desk.broker->fates.assign(30, Fate::kLostAfterAccept);
  const auto receipt = desk.oms->place(Desk::batch(std::vector(30, Desk::buy())));
  CHECK(desk.oms->recover().adopted == 30);
  CHECK(desk.broker->look_ups == 0);
}
