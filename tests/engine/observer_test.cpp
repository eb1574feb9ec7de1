// What an observer is told: the figures of a known run, when they are certain and not before.
#include <doctest/doctest.h>

#include <map>
#include <mutex>
#include <string>

#include "support/desk.hpp"
#include "support/moving_store.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

// What was told, as "words: how many".
struct Told {
  std::map<std::string, std::size_t> counts;
  std::chrono::microseconds slowest{0};

  [[nodiscard]] std::size_t at(const std::string& words) const {
    const auto found = counts.find(words);
    return found == counts.end() ? 0 : found->second;
  }
};

class Listener final : public Observer {
 public:
  explicit Listener(Told& told) : told_(told) {}
  void placement_ended(const Placement& placement) noexcept override {
    add("placement " + std::string(to_string(placement.outcome)), 1);
    add("orders " + std::string(to_string(placement.outcome)), placement.orders);
    told_.slowest = std::max(told_.slowest, placement.latency);
  }
  void broker_called(const BrokerCall& call) noexcept override {
    const std::string words = std::string(call.broker) + " " + std::string(to_string(call.operation)) + " " +
                              std::string(to_string(call.answer));
    add(words, 1);
    add(words + " orders", call.orders);
  }
  void orders_entered(std::string_view broker, OrderStatus status, std::size_t orders) noexcept override {
    add(std::string(broker) + " " + std::string(to_string(status)), orders);
  }
  void events_published(std::size_t events) noexcept override { add("published", events); }

 private:
  void add(const std::string& words, std::size_t count) { told_.counts[words] += count; }
  Told& told_;
};

struct ObservedDesk {
  explicit ObservedDesk(std::unique_ptr<Store> own_store = make_memory_store(),
                        BrokerClass broker_class = BrokerClass::kEnforced) {
    auto own_broker = std::make_unique<ScriptedBroker>(broker_class);
    broker = own_broker.get();
    auto own_clock = std::make_unique<FakeClock>();
    clock = own_clock.get();
    Parts parts;
    parts.store = std::move(own_store);
    parts.store->put_broker({0, "scripted", "{}", true, clock->now(), clock->now()});
    parts.brokers.push_back(std::move(own_broker));
    parts.clock = std::move(own_clock);
    parts.publisher = make_callback_publisher([](const Event&) {});
    parts.observer = std::make_unique<Listener>(told);
    oms = std::make_unique<Orchestrator>(EngineOptions{}, std::move(parts));
  }
  Receipt place(std::size_t orders, const std::string& key = "") {
    return oms->place(Desk::batch(std::vector<OrderRequest>(orders, Desk::buy()), key));
  }

  Told told;
  ScriptedBroker* broker = nullptr;
  FakeClock* clock = nullptr;
  std::unique_ptr<Orchestrator> oms;
};

}  // namespace

TEST_CASE("each placement is told once, with what became of it") {
  ObservedDesk desk;
  desk.place(3, "a");
  desk.place(3, "a");
  CHECK_THROWS_AS(desk.place(2, "a"), Error);
  BatchRequest nonsense = Desk::batch({Desk::buy(-1)});
  CHECK_THROWS_AS(desk.oms->place(nonsense), Error);
  desk.oms->halt(ControlScope::kAll, "", "test");
  CHECK_THROWS_AS(desk.place(1, "b"), Error);
  CHECK(desk.told.at("placement accepted") == 1);
  CHECK(desk.told.at("orders accepted") == 3);
  CHECK(desk.told.at("placement replayed") == 1);
  CHECK(desk.told.at("placement conflict") == 1);
  CHECK(desk.told.at("placement invalid") == 1);
  CHECK(desk.told.at("placement halted") == 1);
  CHECK(desk.told.at("placement failed") == 0);
}

TEST_CASE("a placement's latency is that of its acceptance, not of what is sent after it") {
  auto moving = std::make_unique<MovingStore>(make_memory_store());
  MovingStore* store = moving.get();
  ObservedDesk desk(std::move(moving));
  store->before_accept = [&] { desk.clock->advance(std::chrono::milliseconds(7)); };
  desk.place(1);
  CHECK(desk.told.slowest == std::chrono::milliseconds(7));
}

TEST_CASE("a call of a broker is told with the orders and the answer") {
  ObservedDesk desk;
  desk.place(2);
  CHECK(desk.told.at("scripted place answered") == 1);
  CHECK(desk.told.at("scripted place answered orders") == 2);
  desk.broker->fates = {Fate::kLostBeforeAccept};
  desk.place(1);
  CHECK(desk.told.at("scripted place none") == 1);
  desk.oms->poll();
  CHECK(desk.told.at("scripted poll answered") == 1);
  desk.oms->cancel(1);
  CHECK(desk.told.at("scripted cancel answered orders") == 1);
}

TEST_CASE("orders are told into every status that they enter, and a lost race is told once") {
  ObservedDesk desk;
  const Receipt receipt = desk.place(2);
  desk.oms->apply(desk.broker->trade(receipt.orders[0].client_order_id, "x1", Quantity::from_int(40),
                                     Price::from_int(10)));
  desk.oms->apply(desk.broker->trade(receipt.orders[0].client_order_id, "x1", Quantity::from_int(40),
                                     Price::from_int(10)));
  desk.oms->apply(desk.broker->trade(receipt.orders[0].client_order_id, "x2", Quantity::from_int(60),
                                     Price::from_int(10)));
  for (const char* status : {"placed", "submitting", "acked"}) {
    CHECK(desk.told.at(std::string("scripted ") + status) == 2);
  }
  CHECK(desk.told.at("scripted partially_filled") == 1);
  CHECK(desk.told.at("scripted filled") == 1);
}

TEST_CASE("published events are told when they are confirmed") {
  ObservedDesk desk;
  desk.place(2);
  CHECK(desk.told.at("published") == 0);
  const std::size_t published = desk.oms->publish().published;
  CHECK(published > 0);
  CHECK(desk.told.at("published") == published);
  desk.oms->publish();
  CHECK(desk.told.at("published") == published);
}

TEST_CASE("open orders are counted by broker and status, those in doubt with their age") {
  ObservedDesk desk;
  const Timestamp began = desk.clock->now();
  const Receipt receipt = desk.place(2);
  desk.clock->advance(std::chrono::seconds(5));
  desk.broker->fates = {Fate::kLostBeforeAccept};
  desk.place(1);
  desk.oms->apply(desk.broker->trade(receipt.orders[0].client_order_id, "x1", Quantity::from_int(100),
                                     Price::from_int(10)));
  const auto counts = desk.oms->open_orders();
  REQUIRE(counts.size() == 2);
  CHECK(counts[0].status == OrderStatus::kUnknown);
  CHECK(counts[0].orders == 1);
  CHECK(counts[0].oldest == began + std::chrono::seconds(5));
  CHECK(counts[1].status == OrderStatus::kAcked);
  CHECK(counts[1].orders == 1);
  CHECK(counts[1].oldest == began);
  CHECK(desk.oms->health().unknown_orders == 1);
}

TEST_CASE("without an observer no clock is read for it") {
  Desk desk;
  desk.place_one();  // and nothing is dereferenced
  CHECK(desk.oms->open_orders().size() == 1);
}
