// The SQLite store on a disk that fails, and after power cuts.

#include <doctest/doctest.h>

#include "adapters/sqlite/connection.hpp"
#include "orchestrator/backends/sqlite.hpp"
#include "orchestrator/testing/order_store_samples.hpp"
#include "support/faulty_vfs.hpp"
#include "support/temporary_folder.hpp"

using namespace orchestrator;
using testing::FaultyVfs;
using testing::TemporaryFolder;
using testing::store::kAll;
using testing::store::place;

namespace {

template <class Call>
Error error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kUnsupported, "nothing was thrown"};
}

std::string integrity(const std::string& path) {
  sqlite::Connection connection(path, SQLITE_OPEN_READWRITE, std::chrono::milliseconds(1000));
  return connection.text("PRAGMA integrity_check") + connection.text("PRAGMA foreign_key_check");
}

}  // namespace

TEST_CASE("a sync that fails while committing leaves the outcome open and stops all writing") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  FaultyVfs disk;
  {
    const auto store = open_sqlite_store({.path = path});
    place(*store, {.key = "before"});
    disk.log_sync_result = SQLITE_IOERR_FSYNC;
    const Error doubt = error_of([&] { place(*store, {.key = "lost?"}); });
    CHECK(doubt.code() == ErrorCode::kStorageUnavailable);
    CHECK(doubt.in_doubt());
    CHECK(std::string(doubt.what()).find(path) != std::string::npos);

    // The disk seems to be well again, which proves nothing.
    disk.log_sync_result = SQLITE_OK;
    const Error stopped = error_of([&] { place(*store, {.key = "after"}); });
    CHECK(stopped.code() == ErrorCode::kStorageUnavailable);
    CHECK_FALSE(stopped.in_doubt());
    CHECK_FALSE(stopped.retryable());
    CHECK(std::string(stopped.what()).find("restart") != std::string::npos);
    CHECK(error_of([&] { store->put_halt({}); }).code() == ErrorCode::kStorageUnavailable);
    CHECK(store->idempotency({"default", "place", "before"}).has_value());
  }
  const auto store = open_sqlite_store({.path = path});
  const std::size_t orders = store->orders({}).size();
  CHECK(orders >= 1);
  CHECK(orders <= 2);
  CHECK(place(*store, {.key = "after"}).size() == 1);
  CHECK(integrity(path) == "ok");
}

TEST_CASE("a write that fails while committing leaves the outcome open, except for lack of space") {
  const TemporaryFolder folder;
  FaultyVfs disk;
  const auto store = open_sqlite_store({.path = folder.file("book.db")});
  place(*store, {.key = "before"});
  disk.log_write_result = SQLITE_FULL;
  const Error full = error_of([&] { place(*store, {.key = "k"}); });
  CHECK(full.code() == ErrorCode::kStorageFull);
  CHECK(full.retryable());
  disk.log_write_result = SQLITE_OK;
  CHECK(place(*store, {.key = "k"}).size() == 1);

  disk.log_write_result = SQLITE_IOERR_WRITE;
  CHECK(error_of([&] { place(*store, {.key = "doubt"}); }).in_doubt());
  disk.log_write_result = SQLITE_OK;
  CHECK_FALSE(error_of([&] { place(*store, {.key = "more"}); }).retryable());
  CHECK(store->orders({}).size() == 2);
}

TEST_CASE("every batch that was acknowledged before a power cut is there afterwards, whole") {
  constexpr std::uint64_t kSeed = 11;
  INFO("seed ", kSeed);
  std::mt19937_64 random(kSeed);
  const TemporaryFolder folder;
  std::vector<int> acknowledged_at_cut;
  {
    FaultyVfs disk;
    const auto store = open_sqlite_store({.path = folder.file("book.db")});
    int acknowledged = 0;
    disk.at_operation = [&] {
      if (random() % 80 != 0) return;
      disk.power_cut(folder.file("cut" + std::to_string(acknowledged_at_cut.size())), random);
      acknowledged_at_cut.push_back(acknowledged);
    };
    for (; acknowledged < 120; ++acknowledged) {
      place(*store, {.key = std::to_string(acknowledged),
                     .orders = 1 + acknowledged % 9,
                     .margin = Money::from_int(1)});
    }
    disk.at_operation = [] {};
  }
  REQUIRE(acknowledged_at_cut.size() > 30);
  for (std::size_t cut = 0; cut < acknowledged_at_cut.size(); ++cut) {
    INFO("cut ", cut);
    const std::string path = folder.file("cut" + std::to_string(cut) + "/book.db");
    const auto store = open_sqlite_store({.path = path});
    const int stored = static_cast<int>(store->batches({.limit = kAll}).size());
    CHECK(stored >= acknowledged_at_cut[cut]);
    CHECK(stored <= acknowledged_at_cut[cut] + 1);
    std::size_t orders = 0;
    for (int i = 0; i < stored; ++i) {
      CHECK(store->idempotency({"default", "place", std::to_string(i)}).has_value());
      orders += static_cast<std::size_t>(1 + i % 9);
    }
    CHECK(store->orders({.limit = kAll}).size() == orders);
    CHECK(store->events({.unpublished = true, .limit = kAll}).size() == static_cast<std::size_t>(stored));
    CHECK(store->usage_of(1).margin_reserved == Money::from_int(stored));
    CHECK(integrity(path) == "ok");
    CHECK(place(*store, {.key = "new"}).size() == 1);
  }
}
