// The engine at a mock broker that a fault script spoils: when the faults are over, the order store and the
// broker's ledger agree, or the difference waits where a person finds it.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "codec/json_writer.hpp"
#include "orchestrator/backends/memory.hpp"
#include "orchestrator/backends/mock_brokers.hpp"
#include "orchestrator/orchestrator.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/mock_orders.hpp"

using namespace orchestrator;           // NOLINT(google-build-using-namespace): a test of one module
using namespace orchestrator::testing;  // NOLINT(google-build-using-namespace)

namespace {

struct FaultyDesk {
  FaultyDesk(Maker make, const std::string& script, const std::string& fill_model) {
    std::string config;
    codec::JsonWriter(config)
        .begin_object()
        .member("fault_script", script)
        .member("fill_model", fill_model)
        .end_object();
    Parts parts;
    auto own_clock = std::make_unique<FakeClock>();
    clock = own_clock.get();
    auto own_broker = make({.config_json = config}, *own_clock);
    name = own_broker->capabilities().name;
    parts.store = make_memory_store();
    store = parts.store.get();
    parts.clock = std::move(own_clock);
    parts.brokers.push_back(std::move(own_broker));
    store->put_broker({0, name, "{}", true, clock->now(), clock->now()});
    oms = std::make_unique<Orchestrator>(EngineOptions{}, std::move(parts));
  }

  // Six orders, half of them sales, one asked to be cancelled.
  void trade() {
    for (int i = 0; i < 6; ++i) {
      OrderRequest order;
      order.instrument_id = 7;
      order.qty = Quantity::from_int(10 + i);
      order.side = i % 2 == 0 ? Side::kBuy : Side::kSell;
      order.price_limit = Price::from_int(100 + i);
      order.broker = name;
      reopen();
      const Receipt receipt = oms->place({.portfolio_id = 1, .orders = {order}});
      batches.push_back(receipt.batch_id);
      if (i == 3) cancel(receipt.orders.front().id);
    }
    settle();
  }

  // What an operator does after an incident, and what time does to an open circuit.
  void reopen() {
    oms->resume(ControlScope::kBroker, name);
    while (oms->health().brokers.front().circuit != CircuitState::kClosed) {
      clock->advance(std::chrono::seconds(1));
      oms->poll();
    }
  }

  void cancel(OrderId id) {
    try {
      static_cast<void>(oms->cancel(id));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidState) throw;  // it has ended already
    }
  }

  // Long enough for every lag, quiet period and late report.
  void settle() {
    for (int i = 0; i < 40; ++i) {
      clock->advance(std::chrono::seconds(1));
      static_cast<void>(oms->step());
      static_cast<void>(oms->recover());
    }
  }

  // What the broker's ledger and our store differ in, in words.
  [[nodiscard]] std::string breaks() const {
    std::string words;
    for (const BatchId batch : batches) {
      for (const Break& found : oms->compare_with_broker(batch)) {
        words += std::to_string(found.order_id) + " " + found.field + ": " + found.ours + " / " +
                 found.theirs + "\n";
      }
    }
    return words;
  }

  [[nodiscard]] int accepted(const std::string& client_order_id) const {
    int count = 0;
    for (const BrokerOrder& order : oms->broker_book(name).orders) {
      if (order.client_order_id == client_order_id && order.status != OrderStatus::kRejected) ++count;
    }
    return count;
  }

  FakeClock* clock = nullptr;
  Store* store = nullptr;
  std::string name;
  std::unique_ptr<Orchestrator> oms;
  std::vector<BatchId> batches;
};

const std::vector<std::string> kModels = {"immediate", "partial", "at_limit"};

void each_desk(const std::string& script, const std::function<void(FaultyDesk&)>& check) {
  for (const Maker make : {make_zerodha_mock, make_alpaca_mock}) {
    for (const std::string& model : kModels) {
      CAPTURE(script);
      CAPTURE(model);
      FaultyDesk desk(make, script, model);
      CAPTURE(desk.name);
      desk.trade();
      check(desk);
    }
  }
}

}  // namespace

TEST_CASE("after any fault of a request every order is at its broker once, and both books agree") {
  for (const char* script :
       {"place nth=2: lose_answer", "place nth=2: server_error", "place nth=2: garbage",
        "place nth=2: hang for=5s", "place nth=2: refuse_connection", "place from=2 to=4: throttle",
        "place nth=2: reject", "place nth=2: down for=5s", "cancel nth=1: lose_request",
        "cancel nth=1: lose_answer", "cancel nth=1: throttle", "cancel nth=1: reject",
        "place nth=2: lose_answer\nlook_up always: lag for=300ms",
        "place nth=2: lose_answer\nlook_up from=1 to=3: garbage", "poll from=2 to=5: down",
        "place chance=1/3: lose_answer\nplace chance=1/3: throttle\ncancel chance=1/2: garbage\n"
        "look_up chance=1/3: garbage\npoll chance=1/3: throttle"}) {
    each_desk(script, [](const FaultyDesk& desk) {
      for (const Order& order : desk.oms->orders({})) {
        CAPTURE(order.client_order_id);
        const bool cancelled_here = order.status == OrderStatus::kCancelled && order.ext_order_id.empty();
        const bool never_there = cancelled_here || order.status == OrderStatus::kRejected;
        CHECK(desk.accepted(order.client_order_id) == (never_there ? 0 : 1));
      }
      CHECK(desk.breaks() == "");
    });
  }
}

TEST_CASE(
    "a request that is lost on its way is sent again where a second one would be refused, else parked") {
  each_desk("place nth=2: lose_request", [](const FaultyDesk& desk) {
    const Order order = desk.oms->orders({}).at(1);
    const bool enforced = desk.name == "alpaca-mock";
    CHECK(desk.accepted(order.client_order_id) == (enforced ? 1 : 0));
    CHECK(order.parked == !enforced);
    CHECK(desk.breaks() == "");
  });
}

TEST_CASE("after any fault of an order's reports or executions both books agree") {
  for (const char* script : {"order always: late_ack polls=3",
                             "order always: late_ack for=4s",
                             "order always: duplicate_ack",
                             "order always: second_id",
                             "order always: fill_before_ack",
                             "place always: lose_answer\norder always: fill_before_ack",
                             "order always: out_of_order_fills",
                             "order always: duplicate_fills",
                             "order always: cumulative_fills",
                             "order always: overfill qty=3",
                             "order always: fill_after_cancel",
                             "order always: fill_after_cancel qty=2",
                             "order always: bust",
                             "order always: correct price=99.5",
                             "order always: correct qty=3",
                             "order always: cumulative_fills\norder always: bust",
                             "order always: stray_fill",
                             "order always: crossed_fills",
                             "order always: drop_reports what=acks",
                             "order chance=1/2: duplicate_fills\norder chance=1/2: out_of_order_fills\n"
                             "order chance=1/2: overfill qty=1\norder chance=1/2: correct price=98\n"
                             "order chance=1/2: duplicate_ack\norder chance=1/2: cumulative_fills"}) {
    each_desk(script, [](const FaultyDesk& desk) { CHECK(desk.breaks() == ""); });
  }
}

TEST_CASE("an overfill, a late fill and a bust are flagged") {
  FaultyDesk desk(make_alpaca_mock, "order nth=1: overfill qty=1\norder nth=2: bust", "immediate");
  desk.trade();
  const auto orders = desk.oms->orders({});
  CHECK(orders.at(0).overfilled);
  CHECK(orders.at(1).busted);
  CHECK_FALSE(orders.at(2).overfilled);

  FaultyDesk other(make_alpaca_mock, "order nth=4: fill_after_cancel", "none");
  other.trade();
  CHECK(other.oms->orders({}).at(3).late_fill);
}

TEST_CASE("reports that cannot be ours wait in the inbox for a person") {
  FaultyDesk stray(make_alpaca_mock, "order nth=2: stray_fill", "immediate");
  stray.trade();
  REQUIRE(stray.store->inbox(stray.name).size() == 1);
  CHECK(stray.store->inbox(stray.name)[0].report.ext_order_id.starts_with("stray-"));

  FaultyDesk crossed(make_alpaca_mock, "order nth=2: crossed_fills", "immediate");
  crossed.trade();
  CHECK(crossed.store->inbox(crossed.name).size() == 1);
}

TEST_CASE(
    "what no report tells is found in the broker's book, and a wrong price is a difference that it lists") {
  FaultyDesk dropped(make_alpaca_mock, "order nth=2: drop_reports", "immediate");
  dropped.trade();
  CHECK(dropped.oms->orders({}).at(1).status == OrderStatus::kFilled);
  CHECK(dropped.breaks() == "");

  FaultyDesk priced(make_alpaca_mock, "order nth=2: wrong_price factor=100", "immediate");
  priced.trade();
  CHECK_FALSE(priced.breaks().empty());
}

TEST_CASE("a bust of an unknown execution takes nothing back, and the comparison lists it") {
  FaultyDesk desk(make_alpaca_mock, "order nth=2: bust_unknown", "immediate");
  desk.trade();
  CHECK(desk.oms->orders({}).at(1).status == OrderStatus::kFilled);
  CHECK(desk.breaks() == "2 execution: bust 0 @ 0 / none\n");
}

TEST_CASE("an order found under our id with another side is not adopted") {
  FaultyDesk desk(make_alpaca_mock,
                  "place nth=2: lose_answer\norder nth=2: wrong_side\norder nth=2: drop_reports", "none");
  desk.trade();
  const Order order = desk.oms->orders({}).at(1);
  CHECK(order.status == OrderStatus::kUnknown);
  CHECK(order.parked);
}
