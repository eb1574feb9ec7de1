// Times of a broker's that have no text form, such as nanoseconds taken for microseconds.
#include <doctest/doctest.h>

#include "orchestrator/json.hpp"
#include "support/desk.hpp"

namespace orchestrator::testing {
namespace {

TEST_CASE("news with a time that has no text form waits for a person, and the order can still be shown") {
  Desk desk;
  const Order order = desk.place_one();
  BrokerReport cancelled = desk.broker->report(BrokerReport::Kind::kCancelled, order.client_order_id);
  cancelled.at = Timestamp(std::chrono::microseconds(1'767'584'700'000'000'000));
  desk.broker->news = {cancelled, desk.broker->trade(order.client_order_id, "e1", Quantity::from_int(40),
                                                     Price::from_int(10))};
  desk.oms->step();
  CHECK(desk.store->inbox("scripted").size() == 1);
  const Order after = desk.at(order.id);
  CHECK(after.status == OrderStatus::kPartiallyFilled);
  CHECK(to_json(after).find("\"fill_qty\":40,") != std::string::npos);
  CHECK(code_of([&] { desk.oms->apply(cancelled); }) == ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace orchestrator::testing
