// T5: what the outbox does when a publisher takes less than everything, or delivers it late, never, or not at
// all.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <utility>

#include "engine/publish.hpp"
#include "support/desk.hpp"
#include "support/failing_memory.hpp"
#include "support/moving_store.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

enum class Outcome { kDelivered, kParked, kSilent };

// Decides on each event by itself; those of a subject behind one that waits are held and, like it, forgotten.
class FickleBus final : public EventPublisher {
 public:
  std::size_t send(std::span<const Event> events) override {
    ++sends;
    std::map<std::string, bool> held;
    const std::size_t taken = std::min(room, events.size());
    for (const Event& event : events.first(taken)) {
      ++handed[to_cloud_event(event, "/")];
      if (held[event.subject()]) continue;
      const Outcome outcome = outcome_of(event);
      held[event.subject()] = outcome != Outcome::kDelivered;
      if (outcome == Outcome::kDelivered) delivered[event.subject()].push_back(event.seq);
      if (outcome != Outcome::kSilent)
        reports_.push_back({event.log_id, event.order_id, event.seq, outcome == Outcome::kParked});
    }
    return taken;
  }
  std::vector<DeliveryReport> collect(std::chrono::milliseconds) override {
    reports_.insert(reports_.end(), late.begin(), late.end());
    late.clear();
    return std::exchange(reports_, {});
  }

  std::function<Outcome(const Event&)> outcome_of = [](const Event&) { return Outcome::kDelivered; };
  std::vector<DeliveryReport> late;  // of what was taken before the test began
  std::size_t room = 1'000'000;
  std::size_t sends = 0;
  std::map<std::string, int> handed;
  std::map<std::string, std::vector<std::int32_t>> delivered;

 private:
  std::vector<DeliveryReport> reports_;
};

// Reports on one event at the end of each wait, and is asked to stop in the first.
class DrippingBus final : public EventPublisher {
 public:
  DrippingBus(Clock& clock, std::stop_source& stop) : clock_(clock), stop_(stop) {}
  std::size_t send(std::span<const Event> events) override {
    for (const Event& event : events) reports_.push_back({event.log_id, event.order_id, event.seq});
    return events.size();
  }
  std::vector<DeliveryReport> collect(std::chrono::milliseconds timeout) override {
    stop_.request_stop();
    clock_.sleep_for(std::max(timeout - std::chrono::milliseconds(1), std::chrono::milliseconds(1)));
    if (reports_.empty()) return {};
    const DeliveryReport report = reports_.back();
    reports_.pop_back();
    return {report};
  }

 private:
  Clock& clock_;
  std::stop_source& stop_;
  std::vector<DeliveryReport> reports_;
};

struct PublishingDesk {
  PublishingDesk() : PublishingDesk(std::make_unique<FickleBus>()) {}
  explicit PublishingDesk(std::unique_ptr<FickleBus> own)
      : bus(*own), desk(BrokerClass::kEnforced, {}, std::move(own)) {}

  // So many executions of one share, each a row of the outbox.
  void trade(OrderId order, int count) {
    for (int i = 0; i < count; ++i) {
      desk.trade(desk.at(order), std::to_string(order) + "/" + std::to_string(++executions), 1, 10);
    }
  }
  std::int64_t waiting() { return desk.oms->health().outbox.rows; }
  std::vector<std::int32_t> delivered(OrderId order) {
    return bus.delivered["order/" + std::to_string(order)];
  }
  // 1, 2, 3, ...
  bool is_whole(OrderId order) {
    const auto seqs = delivered(order);
    for (std::size_t i = 0; i < seqs.size(); ++i) {
      if (seqs[i] != static_cast<std::int32_t>(i + 1)) return false;
    }
    return seqs.size() == desk.event_words(order).size();
  }

  FickleBus& bus;
  Desk desk;
  int executions = 0;
};

}  // namespace

TEST_CASE("a parked event holds up the later events of its order and nothing else (I14)") {
  PublishingDesk at;
  const Receipt receipt =
      at.desk.oms->place(Desk::batch({Desk::buy(1000), Desk::buy(1000), Desk::buy(1000)}));
  const OrderId poisoned = receipt.orders[1].id;
  const OrderId other = receipt.orders[0].id;
  at.bus.outcome_of = [&](const Event& event) {
    return event.order_id == poisoned && event.seq == 2 ? Outcome::kParked : Outcome::kDelivered;
  };
  for (int round = 0; round < 3; ++round) {
    at.trade(poisoned, 80);  // pages that hold nothing else
    at.trade(other, 20);
    at.desk.oms->publish();
    CHECK(at.is_whole(other));
    CHECK(at.is_whole(receipt.orders[2].id));
    CHECK(at.delivered(poisoned) == std::vector<std::int32_t>{1});
    CHECK(at.waiting() == 1 + 80 * (round + 1));
  }
  at.bus.outcome_of = [](const Event&) { return Outcome::kDelivered; };
  at.desk.oms->publish();
  CHECK(at.waiting() == 0);
  CHECK(at.is_whole(poisoned));
  // What was delivered beside it was not delivered again each time.
  CHECK(at.is_whole(receipt.orders[2].id));
}

TEST_CASE(
    "an event of which nothing is heard is handed over again before the later ones of its order (I14)") {
  PublishingDesk at;
  const Receipt receipt = at.desk.oms->place(Desk::batch({Desk::buy(1000), Desk::buy(1000)}));
  const OrderId late = receipt.orders[0].id;
  const OrderId other = receipt.orders[1].id;
  int losses = 2;
  at.bus.outcome_of = [&](const Event& event) {
    return event.order_id == late && event.seq == 2 && losses-- > 0 ? Outcome::kSilent : Outcome::kDelivered;
  };
  at.trade(other, 1);
  at.trade(late, 150);  // more than a page
  at.desk.oms->publish();
  CHECK(at.delivered(late) == std::vector<std::int32_t>{1});
  CHECK(at.is_whole(other));
  at.desk.oms->publish();
  CHECK(at.delivered(late) == std::vector<std::int32_t>{1});
  at.desk.oms->publish();
  CHECK(at.is_whole(late));
  CHECK(at.waiting() == 0);
}

TEST_CASE("a page of which nothing becomes keeps no other order waiting") {
  PublishingDesk at;
  const OrderId stuck = at.desk.place_one(Desk::buy(1000)).id;
  at.trade(stuck, 100);
  const OrderId other = at.desk.place_one(Desk::buy(1000)).id;
  at.trade(other, 100);
  at.bus.outcome_of = [&](const Event& event) {
    return event.order_id == stuck ? Outcome::kSilent : Outcome::kDelivered;
  };
  at.desk.oms->publish();
  CHECK(at.is_whole(other));
  CHECK(at.delivered(stuck).empty());
  at.bus.outcome_of = [](const Event&) { return Outcome::kDelivered; };
  at.desk.oms->publish();
  CHECK(at.is_whole(stuck));
  CHECK(at.waiting() == 0);
}

TEST_CASE(
    "an event that is committed late, between two pages, is not overtaken by the next of its order (I14)") {
  auto own = std::make_unique<MovingStore>(make_memory_store());
  MovingStore& store = *own;
  auto bus_of_its_own = std::make_unique<FickleBus>();
  FickleBus& bus = *bus_of_its_own;
  Desk desk(BrokerClass::kEnforced, {}, std::move(bus_of_its_own), std::move(own));
  const Order late = desk.place_one(Desk::buy(1000));
  desk.trade(late, "late", 1, 10);
  store.hidden_event = store.events({.unpublished = true}).back().id;
  const Order other = desk.place_one(Desk::buy(1000));
  for (int i = 0; i < 40; ++i) desk.trade(desk.at(other.id), std::to_string(i), 1, 10);
  int reads = 0;
  store.during_events = [&] {
    if (++reads != 3) return;  // the first page is read twice, before and after the right to publish it
    store.hidden_event = 0;
    desk.trade(desk.at(late.id), "next", 1, 10);
  };
  desk.oms->publish();
  const auto seqs = bus.delivered["order/" + std::to_string(late.id)];
  CHECK(std::ranges::is_sorted(seqs));
  CHECK(seqs.size() == desk.event_words(late.id).size());
}

TEST_CASE("a row of another book that has the number of an undelivered one is published whole (I14)") {
  const std::shared_ptr<Store> lost = make_memory_store();
  const std::shared_ptr<Store> promoted = make_memory_store();
  promoted->put_broker({0, "scripted", "{}", true, FakeClock::kStart, FakeClock::kStart});
  auto own = std::make_unique<MovingStore>(lost);
  MovingStore& store = *own;
  auto bus_of_its_own = std::make_unique<FickleBus>();
  FickleBus& bus = *bus_of_its_own;
  Desk desk(BrokerClass::kEnforced, {}, std::move(bus_of_its_own), std::move(own));
  bus.outcome_of = [](const Event&) { return Outcome::kSilent; };
  desk.place_one();
  desk.oms->publish();
  const EventRow first = lost->events({}).at(0);
  REQUIRE(bus.delivered.empty());

  bus.outcome_of = [](const Event&) { return Outcome::kDelivered; };
  store.become(promoted);
  const Receipt receipt = desk.oms->place(Desk::batch({Desk::buy(1), Desk::buy(2), Desk::buy(3)}));
  REQUIRE(promoted->events({}).at(0).id == first.id);
  desk.oms->publish();
  for (const auto& order : receipt.orders) {
    const auto seqs = bus.delivered["order/" + std::to_string(order.id)];
    CHECK(seqs.size() == desk.event_words(order.id).size());
  }
  CHECK(promoted->outbox().rows == 0);
}

TEST_CASE("a row that differs from an undelivered one by its time alone is published whole (I14)") {
  const std::shared_ptr<Store> lost = make_memory_store();
  auto own = std::make_unique<MovingStore>(lost);
  MovingStore& store = *own;
  auto bus_of_its_own = std::make_unique<FickleBus>();
  FickleBus& bus = *bus_of_its_own;
  Desk desk(BrokerClass::kEnforced, {}, std::move(bus_of_its_own), std::move(own));
  const BatchRequest batch = Desk::batch({Desk::buy(1), Desk::buy(2)}, "key");
  const Receipt receipt = desk.oms->place(batch);
  bus.outcome_of = [&](const Event& event) {
    return event.order_id == receipt.orders[1].id ? Outcome::kSilent : Outcome::kDelivered;
  };
  desk.oms->publish();
  const auto& seqs = bus.delivered["order/" + std::to_string(receipt.orders[0].id)];
  const std::size_t events = seqs.size();
  REQUIRE(events > 0);
  REQUIRE(lost->outbox().rows > 0);

  const std::shared_ptr<Store> promoted = make_memory_store();
  Desk later(BrokerClass::kEnforced, {}, nullptr, std::make_unique<MovingStore>(promoted));
  later.clock->advance(std::chrono::seconds(1));
  later.oms->place(batch);
  const EventRow was = lost->events({}).at(0);
  const EventRow is = promoted->events({}).at(0);
  REQUIRE(is.id == was.id);
  REQUIRE(is.lines == was.lines);
  REQUIRE(is.at != was.at);
  store.become(promoted);
  bus.outcome_of = [](const Event&) { return Outcome::kDelivered; };
  desk.oms->publish();
  CHECK(seqs.size() == 2 * events);
  CHECK(promoted->outbox().rows == 0);
}

TEST_CASE("a row that took the number of one being published is not freed with it (I14)") {
  const std::shared_ptr<Store> lost = make_memory_store();
  const std::shared_ptr<Store> promoted = make_memory_store();
  Desk later(BrokerClass::kEnforced, {}, nullptr, std::make_unique<MovingStore>(promoted));
  later.clock->advance(std::chrono::seconds(1));
  const Receipt receipt = later.oms->place(Desk::batch({Desk::buy(1), Desk::buy(2)}));
  auto own = std::make_unique<MovingStore>(lost);
  MovingStore& store = *own;
  auto bus_of_its_own = std::make_unique<FickleBus>();
  FickleBus& bus = *bus_of_its_own;
  Desk desk(BrokerClass::kEnforced, {}, std::move(bus_of_its_own), std::move(own));
  desk.place_one();
  REQUIRE(promoted->events({}).at(0).id == lost->events({}).at(0).id);
  bus.outcome_of = [&](const Event&) {
    store.become(promoted);
    return Outcome::kDelivered;
  };
  desk.oms->publish();
  const OrderId unheard = receipt.orders[1].id;
  CHECK(bus.delivered["order/" + std::to_string(unheard)].size() == later.event_words(unheard).size());
  CHECK(promoted->outbox().rows == 0);
}

TEST_CASE("what is delivered goes out once, however often the store cannot note it") {
  const std::shared_ptr<Store> kept = make_memory_store();
  auto own = std::make_unique<MovingStore>(kept);
  MovingStore& store = *own;
  auto bus_of_its_own = std::make_unique<FickleBus>();
  FickleBus& bus = *bus_of_its_own;
  Desk desk(BrokerClass::kEnforced, {}, std::move(bus_of_its_own), std::move(own));
  for (int i = 0; i < 40; ++i) desk.place_one();
  store.before_mark_published = [] { throw Error(ErrorCode::kStorageFull, "no space left on device"); };
  for (int i = 0; i < 5; ++i) CHECK_THROWS_AS(desk.oms->publish(), Error);
  CHECK(!bus.handed.empty());
  CHECK(kept->outbox().rows > 0);
  store.before_mark_published = nullptr;
  desk.oms->publish();
  CHECK(kept->outbox().rows == 0);
  CHECK(bus.handed.size() == desk.oms->events({.limit = 1000}).size());
  CHECK(std::ranges::all_of(bus.handed, [](const auto& event) { return event.second == 1; }));
}

TEST_CASE("an allocation that fails while events are handed over loses none") {
  bool failed = true;
  for (long n = 0; failed; ++n) {
    INFO("allocations before the one that fails: ", n);
    PublishingDesk at;
    const Order order = at.desk.place_one();
    cpp_memory = {.armed = true, .left = n};
    try {
      at.desk.oms->publish();
    } catch (...) {  // what it says of it is another test's
    }
    failed = !std::exchange(cpp_memory, {}).armed;
    at.desk.oms->publish();
    CHECK(at.waiting() == 0);
    const auto seqs = at.delivered(order.id);
    CHECK(std::set(seqs.begin(), seqs.end()).size() == at.desk.event_words(order.id).size());
  }
}

TEST_CASE("back-pressure leaves in the outbox what was not taken") {
  PublishingDesk at;
  const Receipt receipt = at.desk.oms->place(Desk::batch({Desk::buy(1000)}));
  at.trade(receipt.orders[0].id, 100);
  at.bus.room = 10;
  std::size_t published = 0;
  for (std::size_t got = 1; got > 0; published += got) got = at.desk.oms->publish().published;
  CHECK(at.waiting() == 0);
  CHECK(at.is_whole(receipt.orders[0].id));
  CHECK(published == at.bus.handed.size());
  CHECK(std::ranges::all_of(at.bus.handed, [](const auto& event) { return event.second == 1; }));
}

TEST_CASE(
    "a publisher that reports one by one is waited for no longer than its patience once it is to stop") {
  const std::shared_ptr<Store> store = make_memory_store();
  Desk desk(BrokerClass::kEnforced, {}, nullptr, std::make_unique<MovingStore>(store));
  desk.oms->place(Desk::batch({Desk::buy(1), Desk::buy(2), Desk::buy(3), Desk::buy(4)}));
  std::stop_source stop;
  engine::Context context;
  context.clock = std::make_unique<FakeClock>();
  context.store = std::make_unique<MovingStore>(store);
  context.publisher = std::make_unique<DrippingBus>(*context.clock, stop);
  const Timestamp begin = context.clock->monotonic();
  CHECK(engine::publish(context, stop.get_token()) > 1);
  CHECK(context.clock->monotonic() - begin <= engine::Context::kPublishPatience);
  CHECK(store->outbox().rows > 0);
}

TEST_CASE("a report about an event that was not handed over confirms nothing (I14)") {
  PublishingDesk at;
  const OrderId id = at.desk.place_one().id;
  for (const Event& event : at.desk.oms->events({})) {
    at.bus.late.push_back({event.log_id, event.order_id, event.seq});
  }
  at.bus.room = 0;
  CHECK(at.desk.oms->publish().published == 0);
  CHECK(at.bus.late.empty());
  CHECK(at.waiting() > 0);
  at.bus.room = 1000;
  at.desk.oms->publish();
  CHECK(at.is_whole(id));
  CHECK(at.waiting() == 0);
}
