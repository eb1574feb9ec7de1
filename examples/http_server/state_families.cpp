#include "examples/http_server/state_families.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace orchestrator::http {
namespace {

using Label = prometheus::ClientMetric::Label;

class Gauges {
 public:
  Gauges(std::string name, std::string help) {
    family_.name = std::move(name);
    family_.help = std::move(help);
    family_.type = prometheus::MetricType::Gauge;
  }
  Gauges& add(double value, std::vector<Label> labels = {}) {
    prometheus::ClientMetric& metric = family_.metric.emplace_back();
    metric.label = std::move(labels);
    metric.gauge.value = value;
    return *this;
  }
  void move_to(std::vector<prometheus::MetricFamily>& families) {
    if (!family_.metric.empty()) families.push_back(std::move(family_));
  }

 private:
  prometheus::MetricFamily family_;
};

double seconds(std::chrono::microseconds time) { return std::chrono::duration<double>(time).count(); }

// A clock that was set back makes no negative age.
double age_at(Timestamp now, Timestamp then) { return now > then ? seconds(now - then) : 0; }

std::string_view word(CircuitState state) {
  switch (state) {
    case CircuitState::kClosed:
      return "closed";
    case CircuitState::kOpen:
      return "open";
    case CircuitState::kHalfOpen:
      break;
  }
  return "half_open";
}

void append_brokers(const Health& health, std::vector<prometheus::MetricFamily>& families) {
  Gauges circuits("orchestrator_broker_circuit", "1 for the state in which the circuit of the broker is.");
  Gauges failures("orchestrator_broker_failures", "Calls in a row that the broker did not answer.");
  for (const BrokerHealth& broker : health.brokers) {
    for (const auto state : {CircuitState::kClosed, CircuitState::kOpen, CircuitState::kHalfOpen}) {
      circuits.add(broker.circuit == state ? 1 : 0,
                   {{"broker", broker.broker}, {"state", std::string(word(state))}});
    }
    failures.add(static_cast<double>(broker.failures), {{"broker", broker.broker}});
  }
  circuits.move_to(families);
  failures.move_to(families);
}

void append_dependencies(const Health& health, std::vector<prometheus::MetricFamily>& families) {
  Gauges states("orchestrator_dependency_state",
                "1 for the state in which a part is that the orchestrator depends on.");
  Gauges latency("orchestrator_dependency_latency_seconds", "Of one round trip to it.");
  for (const Dependency& part : health.dependencies) {
    for (const auto state : {DependencyState::kOk, DependencyState::kDegraded, DependencyState::kDown}) {
      states.add(part.state == state ? 1 : 0,
                 {{"role", part.role}, {"name", part.name}, {"state", std::string(to_string(state))}});
    }
    if (part.latency) latency.add(seconds(*part.latency), {{"role", part.role}, {"name", part.name}});
  }
  states.move_to(families);
  latency.move_to(families);
}

bool store_is_down(const Health& health) {
  return !health.dependencies.empty() && health.dependencies.front().state == DependencyState::kDown;
}

void append_outbox(const State& state, std::vector<prometheus::MetricFamily>& families) {
  const OutboxStatus& outbox = state.health.outbox;
  Gauges("orchestrator_outbox_rows", "Rows of the event log whose publication is not confirmed.")
      .add(static_cast<double>(outbox.rows))
      .move_to(families);
  Gauges("orchestrator_outbox_oldest_age_seconds", "Age of the oldest of them; 0 without any.")
      .add(outbox.oldest ? age_at(state.read_at, *outbox.oldest) : 0)
      .move_to(families);
  Gauges("orchestrator_halts", "Stop switches that are on.")
      .add(static_cast<double>(state.health.halts.size()))
      .move_to(families);
}

void append_orders(const State& state, std::vector<prometheus::MetricFamily>& families) {
  if (!state.open_orders) return;
  Gauges orders("orchestrator_open_orders", "Orders that have not ended.");
  Gauges oldest("orchestrator_open_orders_oldest_age_seconds",
                "Since the oldest of them was last sent or, never sent, accepted.");
  for (const OrderCount& count : *state.open_orders) {
    const std::vector<Label> labels = {{"broker", count.broker},
                                       {"status", std::string(to_string(count.status))},
                                       {"parked", count.parked ? "true" : "false"}};
    orders.add(static_cast<double>(count.orders), labels);
    oldest.add(age_at(state.read_at, count.oldest), labels);
  }
  orders.move_to(families);
  oldest.move_to(families);
  Gauges("orchestrator_unknown_orders", "Orders in doubt that the broker is asked about.")
      .add(static_cast<double>(state.health.unknown_orders))
      .move_to(families);
  Gauges("orchestrator_parked_orders", "Orders in doubt that wait for a person.")
      .add(static_cast<double>(state.health.parked_orders))
      .move_to(families);
}

}  // namespace

void append_state_families(const StateReader::Latest& latest,
                           std::vector<prometheus::MetricFamily>& families) {
  if (!latest.state) return;
  const State& state = *latest.state;
  Gauges("orchestrator_state_age_seconds", "Since the gauges of this scrape were read from the orchestrator.")
      .add(seconds(latest.age))
      .move_to(families);
  Gauges("orchestrator_state_read_seconds", "How long that took.").add(seconds(state.took)).move_to(families);
  Gauges("orchestrator_accepting_orders", "1 while new orders are accepted.")
      .add(state.health.ok ? 1 : 0)
      .move_to(families);
  append_dependencies(state.health, families);
  append_brokers(state.health, families);
  if (store_is_down(state.health)) return;
  append_outbox(state, families);
  append_orders(state, families);
}

}  // namespace orchestrator::http
