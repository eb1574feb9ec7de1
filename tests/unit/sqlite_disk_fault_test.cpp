// A whole desk on a disk that is full, fails or rots: nothing leaves without a claim on the disk, what has
// left is found again, and damage is told.

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "adapters/sqlite/connection.hpp"
#include "adapters/sqlite/database_file.hpp"
#include "orchestrator/testing/order_store_samples.hpp"
#include "support/book_audit.hpp"
#include "support/child_process.hpp"
#include "support/faulty_vfs.hpp"
#include "support/sqlite_desk.hpp"
#include "support/temporary_folder.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

constexpr std::size_t kAll = 1'000'000;

template <class Call>
Error error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kUnsupported, "nothing was thrown"};
}

int sends_of(const ScriptedBroker& broker) {
  int sends = 0;
  for (const auto& [id, count] : broker.sends) sends += count;
  return sends;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

}  // namespace

TEST_CASE("a full disk sends nothing, answers reads, and takes the same batch when there is room") {
  const TemporaryFolder folder;
  FaultyVfs disk;
  ScriptedBroker broker(BrokerClass::kEnforced);
  SqliteDesk desk(folder.file("book.db"), broker);
  desk.oms->place(SqliteDesk::batch("before", 3));
  disk.log_write_result = SQLITE_FULL;
  const Error full = error_of([&] { desk.oms->place(SqliteDesk::batch("k", 3)); });
  CHECK(full.code() == ErrorCode::kStorageFull);
  CHECK(full.retryable());
  CHECK(sends_of(broker) == 3);
  CHECK(desk.oms->orders({}).size() == 3);
  CHECK(desk.oms->reconcile(1).total_orders == 3);
  disk.log_write_result = SQLITE_OK;
  CHECK(desk.oms->place(SqliteDesk::batch("k", 3)).orders.size() == 3);
  CHECK(sends_of(broker) == 6);
  CHECK(BookAudit(*desk.store).breaches() == "");
}

TEST_CASE("a disk that fills while a request is at the broker leaves its orders to be found there") {
  const TemporaryFolder folder;
  FaultyVfs disk;
  ScriptedBroker broker(BrokerClass::kEnforced);
  SqliteDesk desk(folder.file("book.db"), broker);
  broker.during_place = [&](const Order&) { disk.log_write_result = SQLITE_FULL; };
  const Receipt receipt = desk.oms->place(SqliteDesk::batch("k", 12));  // two requests of ten at most
  CHECK(sends_of(broker) == 10);
  CHECK(desk.oms->health().detail.find("no space") != std::string::npos);
  disk.log_write_result = SQLITE_OK;
  desk.recover();
  desk.recover();
  for (const auto& leg : receipt.orders) {
    CHECK(desk.oms->get_order(leg.id).status == OrderStatus::kAcked);
    CHECK(broker.accepts[leg.client_order_id] == 1);
  }
  CHECK(BookAudit(*desk.store).breaches() == "");
}

TEST_CASE("after a sync that failed nothing is sent or synced again until the book is opened anew") {
  const TemporaryFolder folder;
  FaultyVfs disk;
  ScriptedBroker broker(BrokerClass::kEnforced);
  std::vector<std::string> ids;
  SUBCASE("it failed under a new batch") {
    SqliteDesk desk(folder.file("book.db"), broker);
    disk.log_sync_result = SQLITE_IOERR_FSYNC;
    CHECK(error_of([&] { desk.oms->place(SqliteDesk::batch("k", 12)); }).in_doubt());
    CHECK(sends_of(broker) == 0);
    CHECK_FALSE(error_of([&] { desk.oms->place(SqliteDesk::batch("k", 12)); }).retryable());
    CHECK(error_of([&] { desk.recover(); }).code() == ErrorCode::kStorageUnavailable);
    CHECK(sends_of(broker) == 0);
    CHECK(disk.log_syncs_failed == 1);
  }
  SUBCASE("it failed under the broker's answer") {
    SqliteDesk desk(folder.file("book.db"), broker);
    broker.during_place = [&](const Order&) { disk.log_sync_result = SQLITE_IOERR_FSYNC; };
    desk.oms->place(SqliteDesk::batch("k", 12));
    CHECK(sends_of(broker) == 10);
    CHECK(desk.oms->health().detail.find("restart") != std::string::npos);
    CHECK_FALSE(error_of([&] { desk.oms->place(SqliteDesk::batch("other")); }).retryable());
    CHECK(sends_of(broker) == 10);
    CHECK(disk.log_syncs_failed == 1);
  }
  disk.log_sync_result = SQLITE_OK;
  SqliteDesk desk(folder.file("book.db"), broker);
  const Receipt receipt = desk.oms->place(SqliteDesk::batch("k", 12));
  desk.recover();
  desk.recover();
  for (const auto& leg : receipt.orders) {
    CHECK(desk.oms->get_order(leg.id).status == OrderStatus::kAcked);
    CHECK(broker.accepts[leg.client_order_id] == 1);
  }
  CHECK(BookAudit(*desk.store).breaches() == "");
}

TEST_CASE("callers that share a commit with a busy database are refused alike, and nothing of any is there") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  const auto store = open_sqlite_store({.path = path, .busy_timeout = std::chrono::milliseconds(50)});
  testing::store::place(*store, {.key = "before"});
  const std::string before = testing::store::contents(*store);
  const auto place_all = [&] {
    std::atomic<int> busy = 0;
    std::vector<std::thread> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back([&, i] {
        try {
          testing::store::place(*store, {.key = "k" + std::to_string(i), .orders = 3});
        } catch (const Error& error) {
          if (error.code() == ErrorCode::kStorageBusy && error.retryable()) ++busy;
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    return busy.load();
  };
  {
    ChildProcess other([&](const Channel& parent) {
      sqlite::Connection writer(path, SQLITE_OPEN_READWRITE, std::chrono::milliseconds(0));
      writer.execute("BEGIN IMMEDIATE; UPDATE sequences SET batch = batch");
      parent.send('h');
      static_cast<void>(parent.receive());
      return 0;
    });
    REQUIRE(other.channel().receive() == 'h');
    CHECK(place_all() == 8);
    CHECK(testing::store::contents(*store) == before);
    other.kill();
    CHECK(other.wait() == -SIGKILL);
  }
  CHECK(place_all() == 0);
  CHECK(store->batches({}).size() == 9);
}

TEST_CASE("a byte of the file changed anywhere crashes nobody, and what cannot be read is told as damage") {
  constexpr std::uint64_t kSeed = 17;
  INFO("seed ", kSeed);
  std::mt19937_64 random(kSeed);
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  ScriptedBroker broker(BrokerClass::kEnforced);
  {
    SqliteDesk desk(path, broker);
    for (int i = 0; i < 30; ++i) desk.oms->place(SqliteDesk::batch(std::to_string(i), 3));
  }
  const std::string good = bytes_of(path);
  int told = 0;
  for (std::size_t page = 0; page < good.size() / 4096; ++page) {
    // The head of the page, with its cell pointers, and three places in it.
    for (const std::size_t offset : {random() % 8, 8 + random() % 24, random() % 4096, random() % 4096}) {
      const std::size_t at = page * 4096 + offset;
      const auto mask = static_cast<char>(1 + random() % 255);
      INFO("byte ", at, " xor ", static_cast<int>(mask));
      std::string damaged = good;
      damaged[at] = static_cast<char>(damaged[at] ^ mask);
      for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(path + suffix);
      std::ofstream(path, std::ios::binary) << damaged;
      try {
        const auto store = open_sqlite_store({.path = path});
        static_cast<void>(testing::store::contents(*store));
        testing::store::place(*store, {.key = "new"});
      } catch (const Error& error) {
        ++told;
        const bool is_damage =
            error.code() == ErrorCode::kStorageCorrupt || error.code() == ErrorCode::kForeignDatabase ||
            error.code() == ErrorCode::kSchemaTooNew || error.code() == ErrorCode::kMigrationFailed ||
            error.code() == ErrorCode::kSchemaOutdated;
        CHECK_MESSAGE(is_damage, std::string(error.what()));
      }
    }
  }
  CHECK(told > 20);
}

TEST_CASE("once damage was read while writing, the book takes no more orders until it is opened anew") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  ScriptedBroker broker(BrokerClass::kEnforced);
  {
    SqliteDesk desk(path, broker);
    for (int i = 0; i < 30; ++i) desk.oms->place(SqliteDesk::batch(std::to_string(i), 3));
  }
  std::size_t root = 0;
  {
    sqlite::Connection connection(path, SQLITE_OPEN_READWRITE, std::chrono::milliseconds(0));
    root = static_cast<std::size_t>(
        connection.integer("SELECT rootpage FROM sqlite_master WHERE name = 'idempotency_keys'"));
  }
  std::string damaged = bytes_of(path);
  damaged.replace((root - 1) * 4096, 100, 100, '\xff');
  std::ofstream(path, std::ios::binary) << damaged;
  SqliteDesk desk(path, broker);
  const int sends = sends_of(broker);
  CHECK(error_of([&] { desk.oms->place(SqliteDesk::batch("new")); }).code() == ErrorCode::kStorageCorrupt);
  const Error stopped = error_of([&] { desk.oms->cancel(1); });
  CHECK(stopped.code() == ErrorCode::kStorageCorrupt);
  CHECK_FALSE(stopped.retryable());
  CHECK(sends_of(broker) == sends);
  CHECK(desk.oms->orders({.limit = kAll}).size() == 90);
}
