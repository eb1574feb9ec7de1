// The Kafka publisher and a real broker: what only a broker decides.
#include <doctest/doctest.h>

#include "orchestrator/backends/kafka.hpp"
#include "support/kafka_broker.hpp"
#include "support/kafka_delivery.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

std::vector<std::string> values_of(const std::string& address, const std::string& topic) {
  std::vector<std::string> values;
  for (KafkaMessage& message : read_topic(address, topic)) values.push_back(std::move(message.value));
  return values;
}

}  // namespace

TEST_CASE("a topic that is missing keeps events waiting, health says so, and they come when it is there") {
  const auto address = kafka_address();
  if (!address) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_KAFKA names no broker");
    return;
  }
  const std::string topic = new_topic_name();
  const auto publisher = make_kafka_publisher({.bootstrap_servers = *address, .topic = topic});
  const auto events = sample_events(3, 3);
  Delivery delivery(*publisher, events);
  delivery.until([&] { return publisher->dependency().detail.find(topic) != std::string::npos; });
  CHECK(publisher->dependency().state == DependencyState::kDown);
  CHECK(delivery.waiting() == events.size());
  make_topic(*address, topic, 2);
  delivery.until_delivered();
  CHECK(publisher->dependency().state == DependencyState::kOk);
  CHECK(publisher->dependency().latency.has_value());
  check_delivered(values_of(*address, topic), events, "/orchestrator");
}

TEST_CASE("an event above the topic's limit is parked alone, and delivered when the limit is raised (I14)") {
  const auto address = kafka_address();
  if (!address) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_KAFKA names no broker");
    return;
  }
  const std::string topic = new_topic_name();
  make_topic(*address, topic, 1, {{"max.message.bytes", "20000"}});
  const auto publisher = make_kafka_publisher({.bootstrap_servers = *address, .topic = topic});
  auto events = sample_events(200, 3);  // whose batches are above the limit, too
  std::ranges::find_if(events, [](const Event& event) {
    return event.order_id == 2 && event.seq == 2;
  })->data = "{\"text\":\"" + std::string(50'000, 'x') + "\"}";
  Delivery delivery(*publisher, events);
  delivery.until([&] { return delivery.waiting() == 2; });
  delivery.until([&] { return !delivery.parked.empty(); });
  CHECK(delivery.parked == std::set<DeliveryReport>{{2, 2, 2, true}});
  CHECK(publisher->dependency().state == DependencyState::kDegraded);
  CHECK(publisher->dependency().detail.find("order/2") != std::string::npos);
  CHECK(values_of(*address, topic).size() == events.size() - 2);
  alter_topic(*address, topic, "max.message.bytes", "100000");
  delivery.until_delivered();
  CHECK(publisher->dependency().state == DependencyState::kOk);
  check_delivered(values_of(*address, topic), events, "/orchestrator");
}

TEST_CASE("a broker that refuses to speak keeps events waiting, and no secret gets out (I27)") {
  const auto address = kafka_address();
  if (!address) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_KAFKA names no broker");
    return;
  }
  const auto publisher = make_kafka_publisher({.bootstrap_servers = *address,
                                               .properties = {{"security.protocol", "sasl_plaintext"},
                                                              {"sasl.mechanism", "PLAIN"},
                                                              {"sasl.username", "desk"},
                                                              {"sasl.password", "hunter2"}}});
  const auto before = publisher->dependency();
  CHECK(before.state == DependencyState::kDown);
  const auto events = sample_events(1, 1);
  Delivery delivery(*publisher, events);
  delivery.until([&] { return !publisher->dependency().detail.empty(); });
  CHECK(delivery.waiting() == events.size());
  for (const Dependency& kafka : {before, publisher->dependency()}) {
    CHECK(kafka.state == DependencyState::kDown);
    CHECK(kafka.detail.find(*address) != std::string::npos);
    CHECK((kafka.detail + kafka.location).find("hunter2") == std::string::npos);
  }
}
