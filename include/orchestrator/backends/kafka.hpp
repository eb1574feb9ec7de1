// Events to an Apache Kafka topic: an idempotent producer that waits for all in-sync replicas, and for as
// long as it takes.
//
// A message is one CloudEvent in structured mode: key = the event's subject (order id; "batch/<id>" for an
// event of the batch), value = to_cloud_event(), header content-type = application/cloudevents+json. Messages
// of one key come in `seq` order; one may come twice, with the same bytes. Do not change the number of the
// topic's partitions while events wait: keys would move.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "orchestrator/event_publisher.hpp"

namespace orchestrator {

struct KafkaOptions {
  // "host:port,host:port"; an IPv6 address stands in brackets, "[::1]:9092". White space and empty items are
  // left out; so is a scheme that is the word of security.protocol, "SASL_SSL://host:port".
  std::string bootstrap_servers = {};
  std::string topic = "orders.events";
  std::string source = "/orchestrator";  // CloudEvents `source`
  // Further properties of librdkafka by their names: security.protocol, sasl.mechanism, sasl.username,
  // sasl.password, ssl.ca.location, compression.type, ... What the delivery rests on (acks, idempotence,
  // time-outs of messages, batches of one) cannot be set.
  std::map<std::string, std::string> properties = {};
  // Events taken and not delivered yet; above it there is back-pressure. They take about a kilobyte each.
  std::size_t held_max = 100'000;
};

// Connects in the background: a broker that is not there, a topic that is missing or may not be written and a
// wrong password are no errors here, and events wait. Throws Error(configuration) for a property that
// librdkafka does not know or take; no message holds the value of one.
//
// An event too large for the topic or for message.max.bytes is parked, and tried again now and then.
[[nodiscard]] std::unique_ptr<EventPublisher> make_kafka_publisher(const KafkaOptions& options);

}  // namespace orchestrator
