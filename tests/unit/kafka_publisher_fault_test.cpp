// The Kafka publisher against librdkafka's mock cluster, whose faults can be ordered. The mock keeps whatever
// it is sent, so what comes twice shows.
#include <doctest/doctest.h>

#include "orchestrator/backends/kafka.hpp"
#include "orchestrator/error.hpp"
#include "support/kafka_broker.hpp"
#include "support/kafka_delivery.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;
using namespace std::chrono_literals;

namespace {

constexpr const char* kTopic = "orders.events";
constexpr const char* kSource = "/orchestrator";

struct Bench {
  explicit Bench(int brokers = 1) : kafka(brokers) { kafka.make_topic(kTopic, 3); }

  std::unique_ptr<EventPublisher> publisher(std::map<std::string, std::string> properties = {},
                                            std::size_t held_max = 100'000) {
    properties.try_emplace("linger.ms", "1");
    properties.try_emplace("reconnect.backoff.ms", "10");
    properties.try_emplace("reconnect.backoff.max.ms", "50");
    properties.try_emplace("retry.backoff.ms", "10");
    return make_kafka_publisher(
        {.bootstrap_servers = kafka.address(), .properties = std::move(properties), .held_max = held_max});
  }
  std::vector<std::string> delivered() const {
    std::vector<std::string> values;
    for (KafkaMessage& message : read_topic(kafka.address(), kTopic))
      values.push_back(std::move(message.value));
    return values;
  }

  MockKafka kafka;
};

// All of it arrives, in order per subject, whatever `fault` does once the first events are there.
template <class Fault>
void deliver_through(Bench& bench, EventPublisher& publisher, Fault fault) {
  const auto events = sample_events(20, 30);
  Delivery delivery(publisher, events);
  delivery.until([&] { return delivery.waiting() < events.size(); });
  fault();
  delivery.until_delivered();
  check_delivered(bench.delivered(), events, kSource);
}

}  // namespace

TEST_CASE("a message is a structured CloudEvent under its subject's key") {
  Bench bench;
  const auto publisher = bench.publisher();
  const std::vector<Event> events{sample_event(1, 17, 1), sample_event(1, 0, 1)};
  Delivery(*publisher, events).until_delivered();
  const auto messages = read_topic(bench.kafka.address(), kTopic);
  REQUIRE(messages.size() == 2);
  for (const KafkaMessage& message : messages) {
    const bool of_order = message.key == "17";
    CHECK((of_order || message.key == "batch/1"));
    CHECK(message.value == to_cloud_event(events[of_order ? 0 : 1], kSource));
    CHECK(message.content_type == "application/cloudevents+json; charset=UTF-8");
  }
}

TEST_CASE("answers that come after their time double messages and break no order (I14, I15)") {
  Bench bench;
  const auto publisher = bench.publisher({{"request.timeout.ms", "200"}, {"socket.timeout.ms", "200"}});
  const auto events = sample_events(20, 30);
  Delivery delivery(*publisher, events);
  delivery.until([&] { return delivery.waiting() < events.size(); });
  bench.kafka.answer_late(6, 1s);
  delivery.until_delivered();
  CHECK(bench.delivered().size() > events.size());
  check_delivered(bench.delivered(), events, kSource);
}

TEST_CASE("writes that a broker refuses for the moment are made up for without a gap (I14)") {
  Bench bench;
  const auto publisher = bench.publisher();
  deliver_through(bench, *publisher, [&] {
    bench.kafka.fail_writes({kNotLeader, kNotEnoughReplicas, kNotEnoughReplicas, kRequestTimedOut, kNotLeader,
                             kNotEnoughReplicasAfterAppend});
  });
}

TEST_CASE("a partition that moves to another broker loses nothing (I14)") {
  Bench bench(3);
  const auto publisher = bench.publisher();
  deliver_through(bench, *publisher, [&] {
    for (int partition = 0; partition < 3; ++partition) {
      bench.kafka.move_leader(kTopic, partition, 1 + (partition + 1) % 3);
    }
  });
}

TEST_CASE("brokers that go away and come back lose nothing (I14)") {
  Bench bench;
  const auto publisher = bench.publisher();
  deliver_through(bench, *publisher, [&] {
    bench.kafka.set_down(true);
    for (int round = 0; round < 3; ++round) CHECK(publisher->collect(100ms).size() < 700);
    bench.kafka.set_down(false);
  });
}

TEST_CASE("a producer that is good for nothing any more is made anew, and nothing is lost (I14)") {
  Bench bench;
  const auto publisher = bench.publisher();
  for (const int error : {kInvalidProducerEpoch, kOutOfOrderSequence}) {
    INFO(error);
    deliver_through(bench, *publisher, [&] { bench.kafka.fail_writes({error, error, error}); });
  }
  bench.kafka.fail_producer_ids({kClusterAuthorizationFailed, kClusterAuthorizationFailed});
  deliver_through(bench, *bench.publisher(), [] {});
}

TEST_CASE("brokers that are not there yet keep nobody waiting and get everything in order (I14, I25)") {
  Bench bench;
  bench.kafka.set_down(true);
  const auto publisher = bench.publisher();
  const auto events = sample_events(5, 10);
  Delivery delivery(*publisher, events);
  for (int round = 0; round < 5; ++round) delivery.round();
  CHECK(delivery.waiting() == events.size());
  bench.kafka.set_down(false);
  delivery.until_delivered();
  CHECK(bench.delivered().size() == events.size());
  check_delivered(bench.delivered(), events, kSource);
}

TEST_CASE("a full queue is back-pressure, and memory holds no more than it is allowed (I25)") {
  Bench bench;
  bench.kafka.set_down(true);
  const auto publisher = bench.publisher({{"queue.buffering.max.messages", "7"}}, 50);
  const auto events = sample_events(30, 4);
  Delivery delivery(*publisher, events);
  for (int round = 0; round < 5; ++round) delivery.round();
  CHECK(delivery.most_taken == 50);
  bench.kafka.set_down(false);
  delivery.until_delivered();
  check_delivered(bench.delivered(), events, kSource);
}

TEST_CASE(
    "what a restored store gives the numbers of a held event is sent for it, and confirmed by no other") {
  Bench bench;
  const auto publisher = bench.publisher();
  const auto data = [](const char* text) { return std::string("{\"text\":\"") + text + "\"}"; };
  const std::vector<Event> before{sample_event(1, 1, 1, data("lost")), sample_event(2, 1, 2, data("lost")),
                                  sample_event(1, 2, 1), sample_event(2, 2, 2, data("lost"))};
  const std::vector<Event> after{sample_event(1, 1, 1, data("kept")), sample_event(1, 2, 1),
                                 sample_event(2, 2, 2, data("kept"))};
  bench.kafka.set_down(true);
  CHECK(publisher->send(before) == before.size());  // the first of each subject is on its way
  Delivery delivery(*publisher, after);
  delivery.round();
  bench.kafka.set_down(false);
  delivery.until_delivered();
  std::vector<std::string> lines = bench.delivered();
  for (const Event& event : after) {
    CHECK(std::erase(lines, to_cloud_event(event, kSource)) == 1);
  }
  // What was on its way by then may be there, and nothing that was not.
  CHECK(lines == std::vector<std::string>{to_cloud_event(before[0], kSource)});
  CHECK(publisher->collect(1h).empty());
}

TEST_CASE("a parked event whose numbers a restored store gives another one holds up nothing any more") {
  Bench bench;
  const auto publisher = bench.publisher();
  const std::string large = "{\"text\":\"" + std::string(2'000'000, 'x') + "\"}";
  Delivery parked(*publisher, {sample_event(1, 1, 1, large)});
  parked.until([&] { return !parked.parked.empty(); });
  const std::vector<Event> after{sample_event(1, 1, 1), sample_event(2, 1, 2)};
  Delivery(*publisher, after).until_delivered();
  CHECK(bench.delivered().size() == after.size());
  check_delivered(bench.delivered(), after, kSource);
}

TEST_CASE("a batch that is refused for its size costs none of its events their place (I14)") {
  Bench bench;
  const auto publisher = bench.publisher();
  const auto events = sample_events(20, 3);
  bench.kafka.fail_writes({kMessageTooLarge, kMessageTooLarge, kMessageTooLarge});
  Delivery delivery(*publisher, events);
  delivery.until_delivered();
  check_delivered(bench.delivered(), events, kSource);
}

TEST_CASE(
    "an event above the client's limit is parked; its order waits behind it and the others go on (I14)") {
  Bench bench;
  const auto publisher = bench.publisher();
  auto events = sample_events(3, 3);
  const auto poison =
      std::ranges::find_if(events, [](const Event& event) { return event.order_id == 2 && event.seq == 2; });
  poison->data = "{\"text\":\"" + std::string(2'000'000, 'x') + "\"}";
  Delivery delivery(*publisher, events);
  delivery.until([&] { return delivery.waiting() == 2; });
  delivery.round();
  CHECK(delivery.parked == std::set<DeliveryReport>{{2, 2, 2, true}});
  std::erase_if(events, [](const Event& event) { return event.order_id == 2 && event.seq >= 2; });
  CHECK(bench.delivered().size() == events.size());
  check_delivered(bench.delivered(), events, kSource);
}

TEST_CASE("a topic that may not be written keeps events waiting until it may (I14)") {
  Bench bench;
  const auto publisher = bench.publisher();
  const auto events = sample_events(5, 3);
  bench.kafka.fail_writes(std::vector<int>(5, kTopicAuthorizationFailed));
  Delivery delivery(*publisher, events);
  delivery.until_delivered();
  CHECK(delivery.parked.empty());
  check_delivered(bench.delivered(), events, kSource);
}

TEST_CASE("a property that is unknown, wrong or not the user's is refused without its value") {
  const auto refusal = [](std::map<std::string, std::string> properties) {
    try {
      static_cast<void>(make_kafka_publisher({.bootstrap_servers = "127.0.0.1:1", .properties = properties}));
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kConfiguration);
      CHECK(std::string(error.what()).find("hunter2") == std::string::npos);
      return std::string(error.what());
    }
    return std::string("taken");
  };
  CHECK(refusal({{"no.such.property", "hunter2"}}).find("no.such.property") != std::string::npos);
  CHECK(refusal({{"security.protocol", "hunter2"}}).find("security.protocol") != std::string::npos);
  CHECK(refusal({{"acks", "0"}}).find("acks") != std::string::npos);
  CHECK(refusal(
            {{"security.protocol", "sasl_ssl"}, {"sasl.mechanism", "NONE"}, {"sasl.password", "hunter2"}}) !=
        "taken");
  CHECK(refusal({{"sasl.password", "hunter2"},
                 {"ssl.ca.location", "/nonexistent/ca.pem"},
                 {"security.protocol", "ssl"}})
            .find("ssl.ca.location") != std::string::npos);
  CHECK_THROWS_AS(static_cast<void>(make_kafka_publisher({})), Error);
}

TEST_CASE("addresses as they stand in mounted files and in other clients' settings are understood") {
  Bench bench;
  const std::string address = bench.kafka.address();
  std::size_t delivered = 0;
  for (const std::string& servers :
       {"PLAINTEXT://" + address, "PlainText://" + address, address + ",", "," + address,
        address + ",," + address, address + " ,\t" + address, address + "\r\n"}) {
    INFO(servers);
    const auto publisher =
        make_kafka_publisher({.bootstrap_servers = servers, .properties = {{"linger.ms", "1"}}});
    Delivery(*publisher, {sample_event(1, 17, 1)}).until_delivered();
    CHECK(bench.delivered().size() == ++delivered);
    const std::string location = publisher->dependency().location;
    CHECK(location.starts_with(address));
    CHECK(location.find_first_of(" \t\r\n") == std::string::npos);
  }
}

TEST_CASE("a broker's scheme that is not the security protocol is refused by both words") {
  const auto refusal = [](const std::string& servers, std::map<std::string, std::string> properties) {
    try {
      static_cast<void>(make_kafka_publisher({.bootstrap_servers = servers, .properties = properties}));
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kConfiguration);
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string plain = refusal("a:1,SASL_SSL://b:2", {});
  CHECK(plain.find("scheme is sasl_ssl") != std::string::npos);
  CHECK(plain.find("security.protocol is plaintext") != std::string::npos);
  CHECK(refusal("PLAINTEXT://a:1", {{"security.protocol", "SSL"}}).find("security.protocol is ssl") !=
        std::string::npos);
  CHECK(refusal("SSL://a:1", {{"security.protocol", "Ssl"}}).empty());
}

TEST_CASE("addresses and topics that cannot be Kafka's are refused without what they hold") {
  const auto refused = [](const std::string& servers, const std::string& topic) {
    try {
      static_cast<void>(make_kafka_publisher({.bootstrap_servers = servers, .topic = topic}));
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kConfiguration);
      CHECK(std::string(error.what()).find("hunter2") == std::string::npos);
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
      return true;
    }
    return false;
  };
  for (const char* servers : {"",
                              ",",
                              " ,\n",
                              "kafka://desk:hunter2@broker:9092",
                              "http://broker:9092",
                              "desk:hunter2@broker",
                              "broker:port",
                              "broker:0",
                              "broker:65536",
                              "broker:",
                              ":9092",
                              "bro ker:9092",
                              "broker:9092,:1",
                              "broker:9092;other:9092",
                              "[::1:9092",
                              "::1",
                              "fe80::1%eth0",
                              "a%b:1",
                              "broker:9092/topic",
                              "PLAINTEXT://",
                              "PLAINTEXT://desk:hunter2@broker:9092",
                              "PLAINTEXT://PLAINTEXT://broker:9092"}) {
    INFO(std::string(servers));
    CHECK(refused(servers, kTopic));
  }
  for (const char* servers : {"127.0.0.1:1", "localhost", "[::1]:1", "127.0.0.1:1, localhost:1",
                              "a_b-c.d:65535", "[fe80::1%eth0]:9092", "plaintext://a:1,b:2"}) {
    INFO(std::string(servers));
    CHECK_FALSE(refused(servers, kTopic));
  }
  for (const std::string& topic : {std::string(), std::string("."), std::string(".."), std::string("a topic"),
                                   std::string("a/b"), std::string("caf\xc3\xa9"), std::string(250, 'x')}) {
    INFO(topic);
    CHECK(refused("127.0.0.1:1", topic));
  }
}
