// The figures of the HTTP server, against a run that is known, and a scrape that nothing holds up.
#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

#include "examples/http_server/metrics.hpp"
#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;
using orchestrator::http::Metrics;
using orchestrator::http::State;
using orchestrator::http::StateReader;

namespace {

// The value after "name{labels} " in a scrape; "" when it is not there.
std::string value_of(const std::string& text, const std::string& metric) {
  const std::size_t at = ("\n" + text).find("\n" + metric + " ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + metric.size() + 1;
  return text.substr(begin, text.find('\n', begin) - begin);
}

bool has_family(const std::string& text, const std::string& name) {
  return text.find("# TYPE " + name + " ") != std::string::npos;
}

StateReader::Latest latest(State state, std::chrono::microseconds age = {}) {
  return {std::make_shared<const State>(std::move(state)), age};
}

// The first state there is; a busy machine may take longer for it than a scrape waits.
StateReader::Latest first_state(StateReader& reader) {
  for (;;) {
    if (const auto latest = reader.latest(); latest.state) return latest;
  }
}

struct MeteredDesk {
  MeteredDesk() {
    Parts parts;
    parts.store = make_memory_store();
    const auto now = make_system_clock()->now();
    parts.store->put_broker({0, "scripted", "{}", true, now, now});
    auto own_broker = std::make_unique<ScriptedBroker>(BrokerClass::kEnforced);
    broker = own_broker.get();
    parts.brokers.push_back(std::move(own_broker));
    parts.publisher = make_callback_publisher([](const Event&) {});
    parts.observer = metrics.observer();
    oms = std::make_unique<Orchestrator>(EngineOptions{}, std::move(parts));
  }
  [[nodiscard]] std::string scrape() const { return metrics.text(latest(http::state_of(*oms)())); }

  Metrics metrics;
  ScriptedBroker* broker = nullptr;
  std::unique_ptr<Orchestrator> oms;
};

}  // namespace

TEST_CASE("a scrape shows the figures of a known run") {
  MeteredDesk desk;
  const auto two = Desk::batch({Desk::buy(), Desk::buy()}, "a");
  const Receipt receipt = desk.oms->place(two);
  desk.oms->place(two);
  CHECK_THROWS_AS(desk.oms->place(Desk::batch({Desk::buy()}, "a")), Error);
  desk.broker->fates = {Fate::kReject};
  desk.oms->place(Desk::batch({Desk::buy()}));
  desk.broker->fates = {Fate::kLostBeforeAccept};
  desk.oms->place(Desk::batch({Desk::buy()}));
  const std::string before = desk.scrape();
  const auto value = [](const std::string& text, const char* metric) { return value_of(text, metric); };
  CHECK(value(before, R"(orchestrator_placements_total{outcome="accepted"})") == "3");
  CHECK(value(before, R"(orchestrator_placements_total{outcome="replayed"})") == "1");
  CHECK(value(before, R"(orchestrator_placements_total{outcome="conflict"})") == "1");
  CHECK(value(before, R"(orchestrator_accept_seconds_count{outcome="accepted"})") == "3");
  CHECK(value(before, R"(orchestrator_accept_seconds_bucket{outcome="accepted",le="+Inf"})") == "3");
  CHECK(value(before, "orchestrator_placed_orders_total") == "4");
  CHECK(value(before,
              R"(orchestrator_broker_calls_total{answer="answered",broker="scripted",operation="place"})") ==
        "2");
  CHECK(value(before,
              R"(orchestrator_broker_calls_total{answer="none",broker="scripted",operation="place"})") ==
        "1");
  CHECK(value(before, R"(orchestrator_order_transitions_total{broker="scripted",status="rejected"})") == "1");
  CHECK(value(before, R"(orchestrator_order_transitions_total{broker="scripted",status="acked"})") == "2");
  CHECK(value(before, R"(orchestrator_open_orders{broker="scripted",status="acked",parked="false"})") == "2");
  CHECK(value(before, R"(orchestrator_open_orders{broker="scripted",status="unknown",parked="false"})") ==
        "1");
  CHECK(value(before, "orchestrator_unknown_orders") == "1");
  CHECK(value(before, "orchestrator_parked_orders") == "0");
  CHECK(value(before, R"(orchestrator_broker_circuit{broker="scripted",state="closed"})") == "1");
  CHECK(value(before, R"(orchestrator_broker_failures{broker="scripted"})") == "1");
  CHECK(value(before, "orchestrator_accepting_orders") == "1");
  CHECK(value(before, "orchestrator_outbox_rows") == std::to_string(desk.oms->health().outbox.rows));
  const std::size_t published = desk.oms->publish().published;
  const std::string after = desk.scrape();
  CHECK(value(after, "orchestrator_events_published_total") == std::to_string(published));
  CHECK(value(after, "orchestrator_outbox_rows") == "0");
  CHECK(receipt.orders.size() == 2);
}

TEST_CASE("requests are counted by pattern and status, and an odd method makes no label of its own") {
  Metrics metrics;
  for (int i = 0; i < 3; ++i) {
    metrics.answered("GET", "/api/v1/orders/{id}", 200, std::chrono::milliseconds(2));
  }
  metrics.answered("GET", "", 404, {});
  metrics.answered("BREW\"\n", "", 405, {});
  metrics.answered("FLY", "", 405, {});
  const std::string text = metrics.text({});
  CHECK(value_of(
            text,
            R"(orchestrator_http_requests_total{method="GET",route="/api/v1/orders/{id}",status="200"})") ==
        "3");
  CHECK(
      value_of(
          text,
          R"(orchestrator_http_request_seconds_bucket{method="GET",route="/api/v1/orders/{id}",le="0.0025"})") ==
      "3");
  CHECK(value_of(text, R"(orchestrator_http_requests_total{method="other",route="other",status="405"})") ==
        "2");
  CHECK(text.find("BREW") == std::string::npos);
}

TEST_CASE("a group of units is counted by its size") {
  Metrics metrics;
  const auto observer = metrics.observer();
  for (const std::size_t units : {1U, 3U, 5U}) observer->units_committed(units);
  const std::string text = metrics.text({});
  CHECK(value_of(text, "orchestrator_commit_group_units_count") == "3");
  CHECK(value_of(text, "orchestrator_commit_group_units_sum") == "9");
  CHECK(value_of(text, R"(orchestrator_commit_group_units_bucket{le="4"})") == "2");
}

TEST_CASE("while the store is down its figures are left out, and the others are there") {
  State state;
  state.health.dependencies = {
      {.role = "order_store", .name = "postgresql", .state = DependencyState::kDown}};
  state.health.brokers = {{.broker = "north", .circuit = CircuitState::kOpen, .failures = 7}};
  const std::string text = Metrics().text(latest(state, std::chrono::milliseconds(1500)));
  CHECK(value_of(text, "orchestrator_accepting_orders") == "0");
  CHECK(
      value_of(text, R"(orchestrator_dependency_state{role="order_store",name="postgresql",state="down"})") ==
      "1");
  CHECK(value_of(text, R"(orchestrator_broker_circuit{broker="north",state="open"})") == "1");
  CHECK(value_of(text, "orchestrator_state_age_seconds") == "1.5");
  for (const char* unknown : {"orchestrator_outbox_rows", "orchestrator_open_orders", "orchestrator_halts",
                              "orchestrator_unknown_orders"}) {
    CHECK_FALSE(has_family(text, unknown));
  }
}

TEST_CASE("a scrape soon after another costs the database nothing") {
  std::atomic<int> readings = 0;
  StateReader reader(
      [&] {
        ++readings;
        return State{};
      },
      std::chrono::hours(1));
  first_state(reader);
  for (int i = 0; i < 100; ++i) REQUIRE(reader.latest().state != nullptr);
  CHECK(readings == 1);
}

TEST_CASE("a scrape does not wait for a state that does not come, and shows how old the last one is") {
  std::mutex mutex;
  std::condition_variable changed;
  bool stalled = false;
  bool stuck = false;
  StateReader reader(
      [&] {
        std::unique_lock lock(mutex);
        stuck = stalled;
        changed.wait(lock, [&] { return !stalled; });
        State state;
        state.health.ok = true;
        return state;
      },
      std::chrono::milliseconds(0));
  first_state(reader);
  {
    const std::lock_guard lock(mutex);
    stalled = true;
  }
  const auto is_stuck = [&] {
    const std::lock_guard lock(mutex);
    return stuck;
  };
  while (!is_stuck()) static_cast<void>(reader.latest());
  // Of those who wait for the one reading that hangs only the first wait: the others would take an hour.
  for (int scrape = 0; scrape < 20'000; ++scrape) {
    const StateReader::Latest last = reader.latest();
    REQUIRE(last.state != nullptr);
    REQUIRE(last.state->health.ok);
    REQUIRE(last.age >= StateReader::kPatience);
  }
  CHECK(has_family(Metrics().text(reader.latest()), "orchestrator_state_age_seconds"));
  {
    const std::lock_guard lock(mutex);
    stalled = false;
  }
  changed.notify_all();
}

TEST_CASE("a state that cannot be read is no state, and the rest is scraped") {
  StateReader reader([]() -> State { throw Error(ErrorCode::kStorageUnavailable, "no"); });
  CHECK(reader.latest().state == nullptr);
  const std::string text = Metrics().text(reader.latest());
  CHECK_FALSE(has_family(text, "orchestrator_state_age_seconds"));
  CHECK(has_family(text, "orchestrator_placements_total"));
}
