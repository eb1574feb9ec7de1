// What the parts say of themselves reaches the operator, and a part that is down hides no other.
#include <doctest/doctest.h>

#include "orchestrator/json.hpp"
#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

struct StuckPublisher final : EventPublisher {
  std::size_t send(std::span<const Event>) override { return 0; }
  std::vector<DeliveryReport> collect(std::chrono::milliseconds) override { return {}; }
  [[nodiscard]] Dependency dependency() const override {
    return {.name = "log",
            .version = "3.9",
            .location = "broker:9092",
            .latency = std::chrono::microseconds(150),
            .state = DependencyState::kDegraded,
            .detail = "one of two servers does not answer"};
  }
};

struct BrokenCache final : IdempotencyStore {
  std::optional<IdempotencyRecord> find(const IdempotencyScope&, Timestamp) noexcept override {
    return std::nullopt;
  }
  void remember(const IdempotencyRecord&) noexcept override {}
  [[nodiscard]] Dependency dependency() const override { throw Error(ErrorCode::kInternal, "no answer"); }
};

}  // namespace

TEST_CASE("health names every part with its version, latency and what is wrong with it") {
  Parts parts;
  parts.store = make_memory_store();
  parts.idempotency = std::make_unique<BrokenCache>();
  parts.publisher = std::make_unique<StuckPublisher>();
  const Orchestrator oms({}, std::move(parts));
  const Health health = oms.health();
  REQUIRE(health.dependencies.size() == 3);
  const auto& [store, cache, log] =
      std::tie(health.dependencies[0], health.dependencies[1], health.dependencies[2]);
  CHECK(store.role == "order_store");
  CHECK(store.name == "memory");
  CHECK(store.state == DependencyState::kOk);
  CHECK(cache.role == "idempotency_store");
  CHECK(cache.state == DependencyState::kDown);
  CHECK(cache.detail == "no answer");
  CHECK(log.role == "event_publisher");
  CHECK(log.state == DependencyState::kDegraded);
  CHECK(health.ok);  // neither a cache nor a message log keeps orders from being accepted
  CHECK(to_json(health).find(
            R"({"role":"event_publisher","name":"log","version":"3.9","location":"broker:9092",)"
            R"("latency_us":150,"state":"degraded","detail":"one of two servers does not answer"})") !=
        std::string::npos);
}

TEST_CASE("events that wait for a minute are told even when their place answers") {
  struct RefusingPublisher final : EventPublisher {
    std::size_t send(std::span<const Event>) override { return 0; }
    std::vector<DeliveryReport> collect(std::chrono::milliseconds) override { return {}; }
    [[nodiscard]] Dependency dependency() const override { return {.name = "log"}; }
  };
  Desk desk(BrokerClass::kEnforced, {}, std::make_unique<RefusingPublisher>());
  const auto log = [&] { return desk.oms->health().dependencies.back(); };
  desk.clock->advance(std::chrono::hours(1));
  CHECK(log().state == DependencyState::kOk);
  desk.place_one();
  desk.oms->publish();
  desk.clock->advance(std::chrono::seconds(59));
  CHECK(log().state == DependencyState::kOk);
  desk.clock->advance(std::chrono::seconds(1));
  CHECK(log().state == DependencyState::kDegraded);
  CHECK(log().detail.find("60 s") != std::string::npos);
}

TEST_CASE("a part that is not there is no dependency") {
  Parts parts;
  parts.store = make_memory_store();
  CHECK(Orchestrator({}, std::move(parts)).health().dependencies.size() == 1);
}
