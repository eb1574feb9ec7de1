// What the engine does when what it calls misbehaves: callbacks, publishers, connectors, forks.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "support/desk.hpp"
#include "support/moving_store.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;
using namespace std::chrono_literals;

namespace {

constexpr auto kLinger = 1s;  // longer than any micro-batch waits

// A broker that fails when and how the test says.
class PolledBroker final : public BrokerConnector {
 public:
  PolledBroker(std::string name, std::function<void()> on_poll)
      : inner_(BrokerClass::kEnforced, std::move(name)), on_poll_(std::move(on_poll)) {}
  const BrokerCapabilities& capabilities() const override {
    if (on_capabilities) on_capabilities();
    return inner_.capabilities();
  }
  std::vector<SendResult> place(std::span<const Order> orders) override { return inner_.place(orders); }
  SendResult cancel(const Order& order) override { return inner_.cancel(order); }
  SendResult replace(const Order& order, const ReplaceRequest& request) override {
    return inner_.replace(order, request);
  }
  LookUp look_up(const std::string& id) override {
    if (on_look_up) on_look_up();
    return inner_.look_up(id);
  }
  Book book() override { return inner_.book(); }
  ReportPage poll(const std::string& cursor) override {
    on_poll_();
    return inner_.poll(cursor);
  }
  std::function<void()> on_capabilities;  // poll() of the engine asks for them first
  std::function<void()> on_look_up;
  ScriptedBroker& inner() { return inner_; }

 private:
  ScriptedBroker inner_;
  std::function<void()> on_poll_;
};

// Hands every order out at once, under a ticket that add() never returned.
class ForgetfulBatcher final : public OrderBatcher {
 public:
  std::int64_t add(const std::string&, UserId, PortfolioId portfolio_id, OrderRequest order,
                   Timestamp) override {
    ready_.push_back({{.portfolio_id = portfolio_id, .orders = {std::move(order)}}, {7}});
    return 1;
  }
  std::vector<ReadyBatch> take_ready(Timestamp) override { return std::exchange(ready_, {}); }
  std::vector<ReadyBatch> take_all() override { return std::exchange(ready_, {}); }
  std::optional<Timestamp> next_due() const override { return std::nullopt; }
  std::vector<std::span<const Order>> split(std::span<const Order> orders, std::size_t) const override {
    return {orders};
  }

 private:
  std::vector<ReadyBatch> ready_;
};

// Holds nothing; the chores ask it each round, and what comes of that is the test's.
class TakenBatcher final : public OrderBatcher {
 public:
  explicit TakenBatcher(std::function<void()> on_take) : on_take_(std::move(on_take)) {}
  std::int64_t add(const std::string&, UserId, PortfolioId, OrderRequest, Timestamp) override { return 0; }
  std::vector<ReadyBatch> take_ready(Timestamp) override {
    on_take_();
    return {};
  }
  std::vector<ReadyBatch> take_all() override { return {}; }
  std::optional<Timestamp> next_due() const override { return std::nullopt; }
  std::vector<std::span<const Order>> split(std::span<const Order> orders, std::size_t) const override {
    return {orders};
  }

 private:
  std::function<void()> on_take_;
};

Parts parts_with(std::unique_ptr<BrokerConnector> broker) {
  Parts parts;
  parts.store = make_memory_store();
  const std::string name = broker->capabilities().name;
  parts.store->put_broker({0, name, "{}", true, FakeClock::kStart, FakeClock::kStart});
  parts.brokers.push_back(std::move(broker));
  parts.clock = std::make_unique<FakeClock>();
  return parts;
}

// Runs `call` in a forked child; whether it came back there.
template <class Call>
bool returns_in_child(Call&& call) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    call();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// The publisher that tells how many events came, from whichever thread.
std::unique_ptr<EventPublisher> counting(std::atomic<int>& events) {
  return make_callback_publisher([&events](const Event&) {
    ++events;
    events.notify_all();
  });
}

// Delivers everything, and gets the outbox another row for each page: there is no end to it.
class EndlessBus final : public EventPublisher {
 public:
  EndlessBus(Store& store, std::atomic<int>& pages) : store_(store), pages_(pages) {}
  std::size_t send(std::span<const Event> events) override {
    for (const Event& event : events) reports_.push_back({event.log_id, event.order_id, event.seq});
    ChangeUnit unit;
    unit.events = store_.events({.limit = 1});
    store_.commit(unit);
    ++pages_;
    pages_.notify_all();
    return events.size();
  }
  std::vector<DeliveryReport> collect(std::chrono::milliseconds) override {
    return std::exchange(reports_, {});
  }

 private:
  Store& store_;
  std::atomic<int>& pages_;
  std::vector<DeliveryReport> reports_;
};

}  // namespace

TEST_CASE("a micro-batch callback that throws changes nothing for the others") {
  Desk desk;
  int receipts = 0;
  int errors = 0;
  const auto count = [&](const Receipt* receipt, std::size_t, const Error*) {
    ++(receipt ? receipts : errors);
  };
  desk.oms->enqueue("default", 0, 1, Desk::buy(1), count);
  desk.oms->enqueue("default", 0, 1, Desk::buy(2), [](const Receipt*, std::size_t, const Error*) {
    throw Error(ErrorCode::kInternal, "the callback's own");
  });
  desk.oms->enqueue("default", 0, 1, Desk::buy(3), count);
  desk.oms->enqueue("default", 0, 2, Desk::buy(4),
                    [](const Receipt*, std::size_t, const Error*) { throw 42; });
  desk.oms->enqueue("default", 0, 3, Desk::buy(5), count);
  desk.clock->advance(kLinger);
  CHECK_NOTHROW(desk.oms->step());
  CHECK(receipts == 3);
  CHECK(errors == 0);
  CHECK(desk.oms->orders({}).size() == 5);
}

TEST_CASE("a micro-batch that cannot be placed tells its callers and leaves the others alone") {
  Desk desk;
  desk.oms->halt(ControlScope::kPortfolio, "1", "stop");
  int receipts = 0;
  int errors = 0;
  const auto count = [&](const Receipt* receipt, std::size_t, const Error*) {
    ++(receipt ? receipts : errors);
  };
  desk.oms->enqueue("default", 0, 1, Desk::buy(), [&](const Receipt*, std::size_t, const Error* error) {
    ++errors;
    throw Error(*error);
  });
  desk.oms->enqueue("default", 0, 1, Desk::buy(), count);
  desk.oms->enqueue("default", 0, 2, Desk::buy(), count);
  desk.clock->advance(kLinger);
  CHECK_NOTHROW(desk.oms->step());
  CHECK(errors == 2);
  CHECK(receipts == 1);
}

TEST_CASE("a ticket that nobody waits for is placed and told to nobody") {
  Parts parts = parts_with(std::make_unique<ScriptedBroker>(BrokerClass::kEnforced));
  parts.batcher = std::make_unique<ForgetfulBatcher>();
  Orchestrator oms({}, std::move(parts));
  CHECK_NOTHROW(oms.enqueue("default", 0, 1, Desk::buy(), nullptr));
  CHECK(oms.orders({}).size() == 1);
}

TEST_CASE("publish called from inside the publisher returns at once and loses nothing") {
  // In a child, where a deadlock ends by the alarm.
  CHECK(returns_in_child([] {
    Orchestrator* oms = nullptr;
    std::size_t inner = 0;
    std::size_t events = 0;
    Desk desk(BrokerClass::kEnforced, {}, make_callback_publisher([&](const Event&) {
                ++events;
                inner += oms->publish().published;
              }));
    oms = desk.oms.get();
    desk.place_one();
    const std::size_t published = oms->publish().published;
    if (published == 0 || published != events || inner != 0) ::_exit(1);
    desk.place_one();
    if (oms->publish().published == 0) ::_exit(1);
  }));
}

TEST_CASE("an exception of any type ends no thread, and health forgets it once the round succeeds") {
  // In a child: without the care the process is terminated.
  CHECK(returns_in_child([] {
    std::atomic<bool> failing = true;
    std::atomic<int> rounds = 0;
    const auto next_rounds = [&] {  // the round that was running and the whole next one are over
      for (const int until = rounds + 3; rounds < until;) std::this_thread::yield();
    };
    Parts parts = parts_with(std::make_unique<ScriptedBroker>(BrokerClass::kEnforced));
    parts.batcher = std::make_unique<TakenBatcher>([&] {
      ++rounds;
      if (failing) throw 42;
    });
    Orchestrator oms({.mode = Mode::kBackground, .poll_interval = 1ms}, std::move(parts));
    next_rounds();
    if (oms.health().detail.empty()) ::_exit(1);
    failing = false;
    next_rounds();
    if (!oms.health().detail.empty()) ::_exit(2);
  }));
}

TEST_CASE("chores that fail do not hold up publishing") {
  for (const Mode mode : {Mode::kBackground, Mode::kInline}) {
    CHECK(returns_in_child([mode] {
      std::atomic<int> events = 0;
      Parts parts = parts_with(std::make_unique<ScriptedBroker>(BrokerClass::kEnforced));
      parts.batcher = std::make_unique<TakenBatcher>([] { throw std::runtime_error("no memory"); });
      parts.publisher = counting(events);
      Orchestrator oms({.mode = mode, .poll_interval = 1ms}, std::move(parts));
      oms.place(Desk::batch({Desk::buy()}));
      if (mode == Mode::kInline && code_of([&] {
                                     try {
                                       oms.step();
                                     } catch (const std::runtime_error&) {
                                       throw Error(ErrorCode::kClosed, "the failure came out");
                                     }
                                   }) != ErrorCode::kClosed) {
        ::_exit(1);
      }
      events.wait(0);  // without an event the alarm ends it
    }));
  }
}

TEST_CASE("what is due is done in background mode while the publisher is stuck") {
  std::atomic<bool> stuck = true;
  std::atomic<bool> published = false;
  std::atomic<int> rounds = 0;
  Parts parts = parts_with(std::make_unique<ScriptedBroker>(BrokerClass::kEnforced));
  parts.batcher = std::make_unique<TakenBatcher>([&] { ++rounds; });
  parts.publisher = make_callback_publisher([&](const Event&) {
    published = true;
    published.notify_all();
    stuck.wait(true);
  });
  auto& clock = static_cast<FakeClock&>(*parts.clock);
  const Store& store = *parts.store;
  Orchestrator oms({.mode = Mode::kBackground, .poll_interval = 1ms}, std::move(parts));
  oms.place(Desk::batch({Desk::buy()}, "k"));
  published.wait(false);
  const IdempotencyScope scope{"default", "place", "k"};
  CHECK_FALSE(store.idempotency(scope)->response.empty());
  clock.advance(std::chrono::hours(25));
  for (const int until = rounds + 2; rounds < until;) std::this_thread::yield();  // a whole round of chores
  CHECK(store.idempotency(scope)->response.empty());
  stuck = false;
  stuck.notify_all();
}

TEST_CASE("a desk that ends while it publishes leaves the rest of a long outbox to the next one") {
  // In a child: without the care the destructor never returns.
  CHECK(returns_in_child([] {
    const std::shared_ptr<Store> store = make_memory_store();
    store->put_broker({0, "scripted", "{}", true, FakeClock::kStart, FakeClock::kStart});
    std::atomic<int> pages = 0;
    {
      Parts parts = parts_with(std::make_unique<ScriptedBroker>(BrokerClass::kEnforced));
      parts.store = std::make_unique<MovingStore>(store);
      parts.publisher = std::make_unique<EndlessBus>(*store, pages);
      Orchestrator oms({.mode = Mode::kBackground, .poll_interval = 1ms}, std::move(parts));
      oms.place(Desk::batch({Desk::buy()}));
      pages.wait(0);
    }
    if (store->outbox().rows == 0) ::_exit(1);
    std::atomic<int> events = 0;
    Parts parts = parts_with(std::make_unique<ScriptedBroker>(BrokerClass::kEnforced));
    parts.store = std::make_unique<MovingStore>(store);
    parts.publisher = counting(events);
    Orchestrator({}, std::move(parts)).publish();
    if (store->outbox().rows != 0 || events == 0) ::_exit(2);
  }));
}

TEST_CASE("one broker that cannot be polled keeps nothing else from being done") {
  int other_polls = 0;
  std::atomic<int> events = 0;
  auto broken = std::make_unique<PolledBroker>("a-broken", [] {});
  PolledBroker& first_polled = *broken;
  Parts parts = parts_with(std::move(broken));
  parts.publisher = counting(events);
  auto other = std::make_unique<PolledBroker>("scripted", [&] { ++other_polls; });
  ScriptedBroker& wire = other->inner();
  wire.fates = {Fate::kLostAfterAccept};
  parts.store->put_broker({0, "scripted", "{}", true, FakeClock::kStart, FakeClock::kStart});
  parts.brokers.push_back(std::move(other));
  Clock& clock = *parts.clock;
  Orchestrator oms({}, std::move(parts));
  const OrderId id = oms.place(Desk::batch({Desk::buy()})).orders.front().id;
  REQUIRE(oms.get_order(id).status == OrderStatus::kUnknown);
  first_polled.on_capabilities = [] { throw Error(ErrorCode::kBrokerInDoubt, "no line"); };

  CHECK(code_of([&] { oms.poll(); }) == ErrorCode::kBrokerInDoubt);
  CHECK(other_polls == 1);
  clock.sleep_for(1min);
  SUBCASE("by step") {
    CHECK(code_of([&] { oms.step(); }) == ErrorCode::kBrokerInDoubt);
    CHECK(events > 0);
  }
  SUBCASE("by recover") {
    CHECK(code_of([&] { oms.recover(); }) == ErrorCode::kBrokerInDoubt);
  }
  CHECK(oms.get_order(id).status == OrderStatus::kAcked);
}

TEST_CASE("in background mode orders wake nobody who listens, and a resume wakes all") {
  CHECK(returns_in_child([] {
    std::atomic<int> polls = 0;
    std::atomic<int> events = 0;
    Parts parts = parts_with(std::make_unique<PolledBroker>("scripted", [&] {
      ++polls;
      polls.notify_all();
    }));
    parts.publisher = counting(events);
    Orchestrator oms({.mode = Mode::kBackground, .poll_interval = 24h}, std::move(parts));
    polls.wait(0);  // the first round
    const auto acked = [&](OrderId id) { return oms.get_order(id).status == OrderStatus::kAcked; };
    for (int i = 0; i < 50; ++i) {
      const OrderId id = oms.place(Desk::batch({Desk::buy()})).orders.front().id;
      while (!acked(id)) std::this_thread::yield();
    }
    events.wait(0);
    if (polls != 1) ::_exit(1);
    oms.resume(ControlScope::kAll, "");
    polls.wait(1);
  }));
}

TEST_CASE("a broken invariant that shows behind another failure of the same step closes the desk as well") {
  auto broker = std::make_unique<PolledBroker>("scripted", [] {});
  broker->inner().fates = {Fate::kNotSent, Fate::kReject};
  Parts parts = parts_with(std::move(broker));
  parts.batcher = std::make_unique<TakenBatcher>([] { throw std::runtime_error("no memory"); });
  Store& store = *parts.store;
  Orchestrator oms({}, std::move(parts));
  oms.place(Desk::batch({Desk::buy()}));
  ChangeUnit stolen;  // the refusal would give back margin that is not there
  stolen.margins.push_back({1, -store.usage_of(1).margin_reserved, std::nullopt});
  REQUIRE(store.commit(stolen) == CommitStatus::kCommitted);
  CHECK_THROWS_AS(oms.step(), std::runtime_error);
  CHECK_FALSE(oms.health().ok);
}

TEST_CASE("a look-up that throws anything is no answer") {
  auto broker = std::make_unique<PolledBroker>("scripted", [] {});
  broker->inner().fates = {Fate::kLostAfterAccept};
  broker->on_look_up = [] { throw 42; };
  Parts parts = parts_with(std::move(broker));
  Clock& clock = *parts.clock;
  Orchestrator oms({}, std::move(parts));
  const OrderId id = oms.place(Desk::batch({Desk::buy()})).orders.front().id;
  clock.sleep_for(1min);
  CHECK_NOTHROW(oms.step());
  CHECK(oms.get_order(id).status == OrderStatus::kUnknown);
}

TEST_CASE("the clock outlives the connectors") {
  struct WatchedClock final : FakeClock {
    explicit WatchedClock(bool& gone) : gone_(gone) {}
    ~WatchedClock() override { gone_ = true; }
    bool& gone_;
  };
  bool gone = false;
  bool gone_too_early = true;
  auto broker = std::make_unique<PolledBroker>("scripted", [] {});
  broker->on_look_up = [watch = std::shared_ptr<void>(nullptr, [&](void*) { gone_too_early = gone; })] {};
  Parts parts = parts_with(std::move(broker));
  parts.clock = std::make_unique<WatchedClock>(gone);
  { const Orchestrator oms({}, std::move(parts)); }
  CHECK(gone);
  CHECK_FALSE(gone_too_early);
}

TEST_CASE("a forked child destroys its parent's orchestrator without a trace") {
  for (const Mode mode : {Mode::kBackground, Mode::kInline}) {
    std::atomic<int> polls = 0;
    Parts parts = parts_with(std::make_unique<PolledBroker>("scripted", [&] { ++polls; }));
    auto oms =
        std::make_unique<Orchestrator>(EngineOptions{.mode = mode, .poll_interval = 1h}, std::move(parts));
    while (mode == Mode::kBackground && polls == 0) std::this_thread::yield();
    int told = 0;
    if (mode == Mode::kInline) {  // in background it might be placed before the fork
      oms->enqueue("default", 0, 1, Desk::buy(), [&](const Receipt*, std::size_t, const Error*) { ++told; });
      REQUIRE(told == 0);
    }
    CHECK(returns_in_child([&] {
      oms.reset();
      if (told != 0) ::_exit(1);
    }));
    oms.reset();
    CHECK(told == (mode == Mode::kInline ? 1 : 0));
  }
}

TEST_CASE("engine options out of range are refused by name") {
  const auto refusal = [](const EngineOptions& options) -> std::string {
    try {
      Parts parts;
      parts.store = make_memory_store();
      const Orchestrator oms(options, std::move(parts));
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kConfiguration);
      return error.what();
    }
    return "";
  };
  CHECK(refusal({.lease = 0us}).find("lease") != std::string::npos);
  CHECK(refusal({.idempotency_ttl = -1us}).find("idempotency_ttl") != std::string::npos);
  CHECK(refusal({.poll_interval = 0us}).find("poll_interval") != std::string::npos);
  CHECK(refusal({.settlement_days = -1}).find("settlement_days") != std::string::npos);
  CHECK(refusal({.settlement_days = 366}).find("settlement_days") != std::string::npos);
  CHECK(refusal({.settlement_days = 365}).empty());
  CHECK(refusal({.settlement_days = 0}).empty());
}
