#include "support/kafka_broker.hpp"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace orchestrator::testing {
namespace {

constexpr int kPatienceMs = 30'000;
constexpr std::int16_t kProduceRequest = 0;
constexpr std::int16_t kProducerIdRequest = 22;

void check(rd_kafka_resp_err_t error, const std::string& what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(what + ": " + rd_kafka_err2str(error));
}

struct Client {
  Client(rd_kafka_type_t type, const std::map<std::string, std::string>& settings) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    std::array<char, 256> reason{};
    for (const auto& [name, value] : settings) {
      if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size()) !=
          RD_KAFKA_CONF_OK) {
        throw std::runtime_error(reason.data());
      }
    }
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    handle = rd_kafka_new(type, conf, reason.data(), reason.size());
    if (handle == nullptr) throw std::runtime_error(reason.data());
  }
  ~Client() { rd_kafka_destroy(handle); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  rd_kafka_t* handle;
};

struct Queue {
  explicit Queue(rd_kafka_t* client) : handle(rd_kafka_queue_new(client)) {}
  ~Queue() { rd_kafka_queue_destroy(handle); }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  rd_kafka_queue_t* handle;
};

std::string text(const void* bytes, std::size_t size) {
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

KafkaMessage copy(const rd_kafka_message_t& from) {
  KafkaMessage message{from.partition, text(from.key, from.key_len), text(from.payload, from.len), {}};
  rd_kafka_headers_t* headers = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  if (rd_kafka_message_headers(&from, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
      rd_kafka_header_get_last(headers, "content-type", &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    message.content_type = text(value, size);
  }
  return message;
}

int partition_count(rd_kafka_t* client, const std::string& topic) {
  const rd_kafka_metadata_t* answer = nullptr;
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  const auto error = rd_kafka_metadata(client, 0, handle, &answer, kPatienceMs);
  rd_kafka_topic_destroy(handle);
  check(error, "metadata of " + topic);
  const int count = answer->topic_cnt == 1 ? answer->topics[0].partition_cnt : 0;
  rd_kafka_metadata_destroy(answer);
  return count;
}

struct Watermarks {
  std::int64_t low = 0;
  std::int64_t high = 0;
};

// A partition just made is in the metadata before its broker leads it, and refuses to be asked until then.
Watermarks watermarks(rd_kafka_t* client, const std::string& topic, int partition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  for (;;) {
    Watermarks found;
    const auto error = rd_kafka_query_watermark_offsets(client, topic.c_str(), partition, &found.low,
                                                        &found.high, kPatienceMs);
    const bool unled = error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
                       error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    if (!unled || std::chrono::steady_clock::now() > give_up) {
      check(error, "end of " + topic);
      return found;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void read_partition(rd_kafka_t* client, const std::string& topic, int partition,
                    std::vector<KafkaMessage>& messages) {
  const auto [low, high] = watermarks(client, topic, partition);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = low;
  rd_kafka_assign(client, list);
  rd_kafka_topic_partition_list_destroy(list);
  for (std::int64_t next = low; next < high;) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(client, kPatienceMs);
    if (message == nullptr) throw std::runtime_error(topic + " does not give its messages");
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      next = message->offset + 1;
      messages.push_back(copy(*message));
    }
    rd_kafka_message_destroy(message);
  }
}

}  // namespace

std::optional<std::string> kafka_address() {
  const char* address = std::getenv("ORCHESTRATOR_TEST_KAFKA");
  if (address == nullptr || *address == '\0') return std::nullopt;
  return address;
}

std::string new_topic_name() {
  static int count = 0;
  std::array<char, 16> random{};
  std::FILE* file = std::fopen("/proc/sys/kernel/random/uuid", "r");
  if (file != nullptr) {
    static_cast<void>(std::fread(random.data(), 1, 8, file));
    std::fclose(file);
  }
  return "test." + std::to_string(::getpid()) + "." + std::string(random.data()) + "." +
         std::to_string(count++);
}

void make_topic(const std::string& brokers, const std::string& name, int partitions,
                const std::map<std::string, std::string>& settings) {
  const Client client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers}});
  const Queue answers(client.handle);
  std::array<char, 256> reason{};
  rd_kafka_NewTopic_t* topic =
      rd_kafka_NewTopic_new(name.c_str(), partitions, 1, reason.data(), reason.size());
  for (const auto& [setting, value] : settings) {
    rd_kafka_NewTopic_set_config(topic, setting.c_str(), value.c_str());
  }
  rd_kafka_CreateTopics(client.handle, &topic, 1, nullptr, answers.handle);
  rd_kafka_event_t* event = rd_kafka_queue_poll(answers.handle, kPatienceMs);
  rd_kafka_NewTopic_destroy(topic);
  if (event == nullptr) throw std::runtime_error("no answer about topic " + name);
  check(rd_kafka_event_error(event), "creating " + name);
  rd_kafka_event_destroy(event);
  while (partition_count(client.handle, name) != partitions) {
  }
  for (int i = 0; i < partitions; ++i) static_cast<void>(watermarks(client.handle, name, i));
}

void alter_topic(const std::string& brokers, const std::string& name, const std::string& setting,
                 const std::string& value) {
  const Client client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers}});
  const Queue answers(client.handle);
  rd_kafka_ConfigResource_t* resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str());
  rd_kafka_ConfigResource_set_config(resource, setting.c_str(), value.c_str());
  rd_kafka_AlterConfigs(client.handle, &resource, 1, nullptr, answers.handle);
  rd_kafka_event_t* event = rd_kafka_queue_poll(answers.handle, kPatienceMs);
  rd_kafka_ConfigResource_destroy(resource);
  if (event == nullptr) throw std::runtime_error("no answer about topic " + name);
  check(rd_kafka_event_error(event), "altering " + name);
  rd_kafka_event_destroy(event);
}

std::vector<KafkaMessage> read_topic(const std::string& brokers, const std::string& name) {
  const Client client(
      RD_KAFKA_CONSUMER,
      {{"bootstrap.servers", brokers}, {"group.id", "reader"}, {"enable.auto.commit", "false"}});
  rd_kafka_poll_set_consumer(client.handle);
  std::vector<KafkaMessage> messages;
  const int partitions = partition_count(client.handle, name);
  for (int i = 0; i < partitions; ++i) read_partition(client.handle, name, i, messages);
  return messages;
}

struct MockKafka::Cluster {
  explicit Cluster(int count)
      : client(RD_KAFKA_PRODUCER, {{"client.id", "mock"}}),
        brokers(count),
        mock(rd_kafka_mock_cluster_new(client.handle, count)) {}
  ~Cluster() { rd_kafka_mock_cluster_destroy(mock); }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  void fail(std::int16_t request, const std::vector<int>& errors) const {
    std::vector<rd_kafka_resp_err_t> all;
    for (const int error : errors) all.push_back(static_cast<rd_kafka_resp_err_t>(error));
    rd_kafka_mock_push_request_errors_array(mock, request, all.size(), all.data());
  }

  Client client;
  int brokers;
  rd_kafka_mock_cluster_t* mock;
};

MockKafka::MockKafka(int brokers) : cluster_(std::make_unique<Cluster>(brokers)) {}
MockKafka::~MockKafka() = default;

std::string MockKafka::address() const { return rd_kafka_mock_cluster_bootstraps(cluster_->mock); }

void MockKafka::make_topic(const std::string& name, int partitions) {
  check(rd_kafka_mock_topic_create(cluster_->mock, name.c_str(), partitions, 1), "creating " + name);
}

void MockKafka::set_down(bool down) {
  for (std::int32_t broker = 1; broker <= cluster_->brokers; ++broker) {
    check(down ? rd_kafka_mock_broker_set_down(cluster_->mock, broker)
               : rd_kafka_mock_broker_set_up(cluster_->mock, broker),
          "mock broker");
  }
}

void MockKafka::answer_late(std::size_t writes, std::chrono::milliseconds time) {
  for (std::int32_t broker = 1; broker <= cluster_->brokers; ++broker) {
    for (std::size_t i = 0; i < writes; ++i) {
      rd_kafka_mock_broker_push_request_error_rtts(cluster_->mock, broker, kProduceRequest, 1,
                                                   RD_KAFKA_RESP_ERR_NO_ERROR,
                                                   static_cast<int>(time.count()));
    }
  }
}

void MockKafka::move_leader(const std::string& topic, int partition, int broker) {
  check(rd_kafka_mock_partition_set_leader(cluster_->mock, topic.c_str(), partition, broker), "mock leader");
}

void MockKafka::fail_topic(const std::string& topic, int error) {
  rd_kafka_mock_topic_set_error(cluster_->mock, topic.c_str(), static_cast<rd_kafka_resp_err_t>(error));
}

void MockKafka::fail_writes(const std::vector<int>& errors) { cluster_->fail(kProduceRequest, errors); }
void MockKafka::fail_producer_ids(const std::vector<int>& errors) {
  cluster_->fail(kProducerIdRequest, errors);
}

}  // namespace orchestrator::testing
