#include <doctest/doctest.h>

#include "orchestrator/backends/kafka.hpp"
#include "orchestrator/testing/event_publisher_contract.hpp"
#include "support/kafka_broker.hpp"

TEST_CASE("the Kafka publisher keeps the event publisher's contract") {
  using namespace orchestrator;
  const auto address = testing::kafka_address();
  if (!address) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_KAFKA names no broker");
    return;
  }
  testing::event_publisher_contract([&](const std::string& source) {
    const std::string topic = testing::new_topic_name();
    testing::make_topic(*address, topic, 3);
    return testing::PublisherUnderTest{
        make_kafka_publisher({.bootstrap_servers = *address, .topic = topic, .source = source}),
        [address, topic] {
          std::vector<std::string> values;
          for (auto& message : testing::read_topic(*address, topic))
            values.push_back(std::move(message.value));
          return values;
        }};
  });
}
