// Kafka for the tests: the real broker that ORCHESTRATOR_TEST_KAFKA names, or librdkafka's mock cluster,
// whose faults can be ordered. Without librdkafka's types.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace orchestrator::testing {

// host:port of the real broker; nullopt: the tests have none.
[[nodiscard]] std::optional<std::string> kafka_address();

struct KafkaMessage {
  std::int32_t partition = 0;
  std::string key;
  std::string value;
  std::string content_type;
};

// A name that no other test and no other run has.
[[nodiscard]] std::string new_topic_name();
// Creates a topic and waits until the brokers know it.
void make_topic(const std::string& brokers, const std::string& name, int partitions,
                const std::map<std::string, std::string>& settings = {});
void alter_topic(const std::string& brokers, const std::string& name, const std::string& setting,
                 const std::string& value);
// Everything in the topic; the messages of a partition in its order.
[[nodiscard]] std::vector<KafkaMessage> read_topic(const std::string& brokers, const std::string& name);

// A cluster inside this process. It takes whatever it gets: it does not notice what comes twice.
class MockKafka {
 public:
  explicit MockKafka(int brokers = 1);
  ~MockKafka();
  MockKafka(const MockKafka&) = delete;
  MockKafka& operator=(const MockKafka&) = delete;

  [[nodiscard]] std::string address() const;
  void make_topic(const std::string& name, int partitions);
  void set_down(bool down);  // all brokers
  // The next so many requests that write messages are carried out and answered after that time.
  void answer_late(std::size_t writes, std::chrono::milliseconds time);
  void move_leader(const std::string& topic, int partition, int broker);
  // Every request about the topic fails with it, until 0.
  void fail_topic(const std::string& topic, int error);
  // The next requests that write messages, or ask for a producer's id, fail with these, one each.
  void fail_writes(const std::vector<int>& errors);
  void fail_producer_ids(const std::vector<int>& errors);

 private:
  struct Cluster;
  std::unique_ptr<Cluster> cluster_;
};

// Numbers of Kafka's protocol.
inline constexpr int kNotLeader = 6;
inline constexpr int kRequestTimedOut = 7;
inline constexpr int kMessageTooLarge = 10;
inline constexpr int kNotEnoughReplicas = 19;
inline constexpr int kNotEnoughReplicasAfterAppend = 20;
inline constexpr int kTopicAuthorizationFailed = 29;
inline constexpr int kClusterAuthorizationFailed = 31;
inline constexpr int kOutOfOrderSequence = 45;
inline constexpr int kInvalidProducerEpoch = 47;

}  // namespace orchestrator::testing
