// From a SQLite outbox to a real broker, through the engine.
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>

#include "codec/event_log.hpp"
#include "orchestrator/backends/kafka.hpp"
#include "orchestrator/backends/sqlite.hpp"
#include "support/desk.hpp"
#include "support/kafka_broker.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("orchestrator-outbox-" + std::to_string(::getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

Desk desk_on(const Folder& folder, const std::string& address, const std::string& topic) {
  return Desk(BrokerClass::kEnforced, {},
              make_kafka_publisher({.bootstrap_servers = address, .topic = topic}),
              open_sqlite_store({.path = folder.path / "book.db"}));
}

void place(Desk& desk, int batches, int orders) {
  for (int i = 0; i < batches; ++i) {
    desk.oms->place(Desk::batch(std::vector<OrderRequest>(static_cast<std::size_t>(orders), Desk::buy())));
  }
}

// So many events in rows of a thousand, as large batches leave them: orders with five events each.
void fill_outbox(Desk& desk, int rows) {
  const BatchId batch = desk.place_one().batch_id;
  for (int row = 0; row < rows; ++row) {
    ChangeUnit unit;
    EventRow events{.batch_id = batch, .at = desk.clock->now()};
    for (int i = 0; i < 1000; ++i) {
      const OrderId order = 1'000'000 + row % (rows / 5) * 1000 + i;
      codec::append_event(events.lines, EventType::kOrderAcked, order, row / (rows / 5) + 1,
                          R"({"status":"acked","broker":"scripted","qty":100,"price_limit":10,"attempt":1})");
    }
    unit.events.push_back(std::move(events));
    desk.store->commit(unit);
  }
}

bool ctl(const std::string& verb) {
  return std::system(
             (std::string(ORCHESTRATOR_SOURCE_DIR "/tests/servers/ctl ") + verb + " kafka").c_str()) == 0;
}

// I14, I15: what a consumer that drops repeated events is left with is the log, byte for byte.
void check_topic_is_log(Desk& desk, const std::string& address, const std::string& topic) {
  std::map<std::string, std::vector<std::string>> seen;
  std::map<std::string, std::map<std::string, bool>> dropped;
  for (const KafkaMessage& message : read_topic(address, topic)) {
    if (dropped[message.key].emplace(message.value, true).second) seen[message.key].push_back(message.value);
  }
  std::map<std::string, std::vector<std::string>> log;
  std::int64_t after = 0;
  for (;;) {
    const auto events = desk.oms->events({.after_id = after});
    if (events.empty()) break;
    after = events.back().log_id;
    for (const Event& event : events) {
      const std::string key = event.order_id != 0 ? std::to_string(event.order_id) : event.subject();
      log[key].push_back(to_cloud_event(event, "/orchestrator"));
    }
  }
  CHECK(log.size() > 0);
  CHECK((seen == log));
}

}  // namespace

TEST_CASE("placing does not notice a Kafka that is not there, and all is delivered when it is (I14, I25)") {
  const auto address = kafka_address();
  if (!address) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_KAFKA names no broker");
    return;
  }
  const Folder folder;
  const std::string topic = new_topic_name();
  {
    Desk desk = desk_on(folder, "127.0.0.1:1", topic);
    place(desk, 3, 10);
    CHECK(desk.oms->publish().published == 0);
    place(desk, 3, 10);
    CHECK(desk.oms->health().outbox.rows == 12);
    CHECK(desk.oms->health().ok);
  }
  make_topic(*address, topic, 3);
  Desk desk = desk_on(folder, *address, topic);
  place(desk, 3, 10);
  while (desk.oms->health().outbox.rows > 0) desk.oms->publish();
  check_topic_is_log(desk, *address, topic);
}

TEST_CASE("a broker that is killed while events drain and comes back leaves no gap (I14, I15)") {
  const auto address = kafka_address();
  if (!address || std::getenv("ORCHESTRATOR_TEST_SERVERS") == nullptr) {
    MESSAGE("SKIPPED: there is no broker that may be killed; run it by tests/servers/run");
    return;
  }
  const Folder folder;
  const std::string topic = new_topic_name();
  make_topic(*address, topic, 3);
  Desk desk = desk_on(folder, *address, topic);
  fill_outbox(desk, 100);
  const auto all = desk.oms->health().outbox.rows;
  std::atomic<bool> returned{false};
  std::thread killer([&] {
    while (desk.store->outbox().rows > all * 8 / 10) std::this_thread::yield();
    CHECK(ctl("kill"));
    CHECK(ctl("start"));
    returned = true;
  });
  std::size_t published = 0;
  while (desk.oms->health().outbox.rows > 0) published += desk.oms->publish().published;
  killer.join();
  CHECK(returned);
  CHECK(published == 100'003);
  check_topic_is_log(desk, *address, topic);
}
