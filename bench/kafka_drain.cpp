// From a full outbox to Kafka: ours against a bare producer with the same settings and messages of the size.
#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <stdexcept>

#include "callers.hpp"
#include "measure.hpp"
#include "orchestrator/backends/kafka.hpp"
#include "orchestrator/backends/sqlite.hpp"
#include "workload.hpp"
#ifdef ORCHESTRATOR_HAS_POSTGRES
#include "orchestrator/backends/postgres.hpp"
#include "postgres_raw.hpp"
#endif

namespace orchestrator::bench {
namespace {

constexpr std::size_t kBatch = 100;
constexpr std::size_t kCallers = 8;
constexpr int kPatienceMs = 30'000;

class RawProducer {
 public:
  explicit RawProducer(const std::string& brokers) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    std::array<char, 256> reason{};
    const std::array<std::array<const char*, 2>, 5> settings{{{"bootstrap.servers", brokers.c_str()},
                                                              {"enable.idempotence", "true"},
                                                              {"acks", "all"},
                                                              {"linger.ms", "2"},
                                                              {"queue.buffering.max.kbytes", "65536"}}};
    for (const auto& [name, value] : settings) {
      if (rd_kafka_conf_set(conf, name, value, reason.data(), reason.size()) != RD_KAFKA_CONF_OK)
        throw std::runtime_error(reason.data());
    }
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) ++static_cast<RawProducer*>(opaque)->delivered_;
    });
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    rd_kafka_conf_set_opaque(conf, this);
    producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason.data(), reason.size());
    if (producer_ == nullptr) throw std::runtime_error(reason.data());
  }
  ~RawProducer() { rd_kafka_destroy(producer_); }
  RawProducer(const RawProducer&) = delete;
  RawProducer& operator=(const RawProducer&) = delete;

  void make_topic(const std::string& name) const {
    std::array<char, 256> reason{};
    rd_kafka_NewTopic_t* topic = rd_kafka_NewTopic_new(name.c_str(), 1, 1, reason.data(), reason.size());
    rd_kafka_queue_t* answers = rd_kafka_queue_new(producer_);
    rd_kafka_CreateTopics(producer_, &topic, 1, nullptr, answers);
    rd_kafka_event_t* event = rd_kafka_queue_poll(answers, kPatienceMs);
    const bool made = event != nullptr && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (event != nullptr) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(answers);
    rd_kafka_NewTopic_destroy(topic);
    if (!made) throw std::runtime_error("Kafka does not make topic " + name);
  }

  // Returns when they are all delivered.
  void produce(const std::string& name, std::size_t messages, std::size_t size) {
    std::string value(size, 'x');
    const std::size_t wanted = delivered_ + messages;
    rd_kafka_topic_t* const topic = rd_kafka_topic_new(producer_, name.c_str(), nullptr);
    for (std::size_t i = 0; i < messages; ++i) {
      const std::string key = std::to_string(i);
      while (!sent(topic, key, value)) rd_kafka_poll(producer_, 10);
      if (i % 1024 == 0) rd_kafka_poll(producer_, 0);
    }
    while (delivered_ < wanted && rd_kafka_outq_len(producer_) > 0) rd_kafka_poll(producer_, 10);
    rd_kafka_topic_destroy(topic);
    if (delivered_ != wanted) throw std::runtime_error("Kafka did not take every message");
  }

 private:
  static bool sent(rd_kafka_topic_t* topic, const std::string& key, std::string& value) {
    return rd_kafka_produce(topic, -1, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), key.data(),
                            key.size(), nullptr) == 0;
  }

  rd_kafka_t* producer_ = nullptr;
  std::size_t delivered_ = 0;
};

// Looks at the memory of this process while events pass through.
class WatchedPublisher final : public EventPublisher {
 public:
  struct Seen {
    std::size_t wanted = 0;
    std::size_t delivered = 0;
    std::chrono::steady_clock::time_point first = {};  // news of deliveries: the connection was made before
    std::size_t at_first = 0;
    double early = 0;  // resident after a tenth
    double late = 0;   // and near the end
  };
  WatchedPublisher(std::unique_ptr<EventPublisher> publisher, Seen& seen)
      : publisher_(std::move(publisher)), seen_(seen) {}

  std::size_t send(std::span<const Event> events) override { return publisher_->send(events); }
  std::vector<DeliveryReport> collect(std::chrono::milliseconds timeout) override {
    auto reports = publisher_->collect(timeout);
    if (seen_.delivered == 0 && !reports.empty()) {
      seen_.first = std::chrono::steady_clock::now();
      seen_.at_first = reports.size();
    }
    const std::size_t before = std::exchange(seen_.delivered, seen_.delivered + reports.size());
    const auto passes = [&](std::size_t mark) { return before < mark && seen_.delivered >= mark; };
    if (passes(seen_.wanted / 10)) seen_.early = resident_bytes();
    if (passes(seen_.wanted - seen_.wanted / 50)) seen_.late = resident_bytes();
    return reports;
  }

 private:
  std::unique_ptr<EventPublisher> publisher_;
  Seen& seen_;
};

using OpenStore = std::function<std::unique_ptr<Store>()>;

// Batches whose orders are acknowledged; returns how many events wait.
std::size_t fill(const OpenStore& open, std::size_t events) {
  Parts parts;
  parts.store = open();
  const auto desk = open_desk({.forgetful = true}, std::move(parts));
  const std::size_t of_batch = 2 * kBatch + 1;
  const std::size_t each = events / of_batch / kCallers + 1;
  std::vector<Requests> requests;
  for (std::size_t caller = 0; caller < kCallers; ++caller) requests.emplace_back(kBatch, caller);
  run_callers(kCallers, [&](std::size_t caller) {
    for (std::size_t i = 0; i < each; ++i) benchmark::DoNotOptimize(desk->place(requests[caller].next()));
  });
  return each * kCallers * of_batch;
}

// Of these events as messages.
std::size_t mean_size(const std::vector<Event>& events) {
  std::size_t sum = 0;
  for (const Event& event : events) sum += to_cloud_event(event, "/orchestrator").size();
  return sum / std::max<std::size_t>(events.size(), 1);
}

void drain(benchmark::State& state, Session& session, const std::string& brokers, const OpenStore& open,
           const std::vector<Bound>& bounds) {
  static int topics = 0;
  const std::string topic = "bench." + std::to_string(::getpid()) + "." + std::to_string(++topics);
  RawProducer raw(brokers);
  raw.make_topic(topic);
  raw.make_topic(topic + ".raw");
  WatchedPublisher::Seen seen;
  seen.wanted = fill(open, session.quick ? 200'000 : 1'000'000);
  Parts parts;
  parts.store = open();
  parts.publisher = std::make_unique<WatchedPublisher>(
      make_kafka_publisher({.bootstrap_servers = brokers, .topic = topic}), seen);
  const auto desk = open_desk({.forgetful = true}, std::move(parts));
  double seconds = 0;
  double raw_seconds = 0;
  const std::size_t message = mean_size(desk->events({.limit = 20}));
  for (auto _ : state) {
    raw_seconds = seconds_of([&] { raw.produce(topic + ".raw", seen.wanted / 2, message); });
    while (desk->publish().published > 0) {
    }
    seconds = Seconds(std::chrono::steady_clock::now() - seen.first).count();
    raw_seconds += seconds_of([&] { raw.produce(topic + ".raw", seen.wanted / 2, message); });
    state.SetIterationTime(seconds);
  }
  if (seen.delivered < seen.wanted) throw std::runtime_error("events are left in the outbox");
  const auto events = static_cast<double>(seen.delivered - seen.at_first);
  const double grown = std::max(0.0, seen.late - seen.early);
  state.counters["events"] = events;
  state.counters["events_per_s"] = events / seconds;
  const double raw_rate = static_cast<double>(seen.wanted / 2 * 2) / raw_seconds;
  state.counters["raw_per_s"] = raw_rate;
  state.counters["ratio"] = events / seconds / raw_rate;
  state.counters["message_bytes"] = static_cast<double>(message);
  state.counters["resident_MiB"] = seen.late / 1048576;
  state.counters["grown_MiB"] = grown / 1048576;
  session.judge(bounds[0], events / seconds);
  session.judge(bounds[1], grown / 1048576);
}

}  // namespace

void register_kafka(Session& session) {
  const Server server = find_server("KAFKA", "ORCHESTRATOR_TEST_KAFKA");
  const auto bounds = [](const std::string& from) {
    return std::vector<Bound>{{"outbox in " + from + " to Kafka: events/s", 150'000},
                              {"outbox in " + from + " to Kafka: growth, MiB", 16, false}};
  };
  add_served(session, server, "drain/kafka/sqlite", 1, bounds("SQLite"),
             [&session, brokers = server.address](benchmark::State& state, const std::vector<Bound>& of) {
               const Folder folder(session.folder, "kafka");
               drain(
                   state, session, brokers,
                   [&] { return open_sqlite_store({.path = folder.file("book.db").string()}); }, of);
             });
#ifdef ORCHESTRATOR_HAS_POSTGRES
  Server both = find_server("POSTGRES", "ORCHESTRATOR_TEST_POSTGRES_URL");
  const std::string url = both.address;
  if (!url.empty()) both = server;
  add_served(
      session, both, "drain/kafka/postgres", 1, bounds("PostgreSQL"),
      [&session, url, brokers = server.address](benchmark::State& state, const std::vector<Bound>& of) {
        PostgresSchemas schemas(url);
        const std::string schema = schemas.make();
        drain(
            state, session, brokers, [&] { return open_postgres_store({.url = schema}); }, of);
      });
#endif
}

}  // namespace orchestrator::bench
