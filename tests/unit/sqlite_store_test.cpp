// What only a durable store shared by processes can promise: kills, locks, full disks, forks.

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <thread>

#include "adapters/sqlite/commit_queue.hpp"
#include "adapters/sqlite/database_file.hpp"
#include "adapters/sqlite/lock_file.hpp"
#include "orchestrator/backends/sqlite.hpp"
#include "orchestrator/testing/order_store_samples.hpp"
#include "support/child_process.hpp"
#include "support/temporary_folder.hpp"

using namespace orchestrator;
using std::chrono::milliseconds;
using testing::Channel;
using testing::ChildProcess;
using testing::TemporaryFolder;
using testing::store::accept_unit;
using testing::store::changed;
using testing::store::kAll;
using testing::store::kNow;
using testing::store::place;

namespace {

// The Error that `call` throws.
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
  sqlite::Connection connection(path, SQLITE_OPEN_READWRITE, milliseconds(1000));
  return connection.text("PRAGMA integrity_check") + connection.text("PRAGMA foreign_key_check");
}

std::unique_ptr<Store> open(const std::string& path, milliseconds busy_timeout = milliseconds(20'000)) {
  return open_sqlite_store({.path = path, .busy_timeout = busy_timeout});
}

}  // namespace

TEST_CASE("two stores on one file see each other's changes of reference data") {
  const TemporaryFolder folder;
  const auto one = open(folder.file("book.db"));
  const auto two = open(folder.file("book.db"));
  place(*one, {.key = "a"});
  const std::int64_t version = one->reference_version();
  CHECK(version != 0);
  CHECK(two->reference_version() == version);
  two->put_halt({.scope = ControlScope::kAll});
  CHECK(one->reference_version() == two->reference_version());
  CHECK(one->reference_version() != version);
}

TEST_CASE("nothing is kept over a change whose process died, until the next turn") {
  const TemporaryFolder folder;
  const auto store = open(folder.file("book.db"));
  place(*store, {.key = "a"});
  const std::int64_t version = store->reference_version();
  {
    sqlite::LockFile other(sqlite::lock_path(folder.file("book.db")), 0600);
    const sqlite::LockFile::Turn turn(other, milliseconds(1000));
    other.begin_change();
    CHECK(store->reference_version() == 0);
  }
  CHECK(store->reference_version() == 0);
  place(*store, {.key = "b"});
  CHECK(store->reference_version() != 0);
  CHECK(store->reference_version() != version);
}

TEST_CASE("two stores on one file see each other's commits") {
  const TemporaryFolder folder;
  const auto one = open(folder.file("book.db"));
  const auto two = open(folder.file("book.db"));
  const auto first = place(*one, {.key = "a", .orders = 2});
  const auto second = place(*two, {.key = "b"});
  CHECK(second[0].id > first[1].id);
  CHECK(one->orders({}).size() == 3);
  AcceptUnit again = accept_unit({.key = "b"});
  CHECK(one->accept(again).status == AcceptResult::Status::kKeyExists);
  CHECK(one->owner() != two->owner());
  // Numbers of a batch that came to nothing are not remembered past its transaction.
  AcceptUnit failed = accept_unit({.key = "failed", .orders = 3});
  failed.compose = [](AcceptUnit&) { throw Error(ErrorCode::kNumberOverflow, "no receipt"); };
  CHECK(error_of([&] { one->accept(failed); }).code() == ErrorCode::kNumberOverflow);
  place(*two, {.key = "two", .orders = 5});
  CHECK(place(*one, {.key = "one"}).size() == 1);
  two->put_halt(testing::store::halt_of(ControlScope::kAll, ""));
  AcceptUnit halted = accept_unit({.key = "c"});
  CHECK(one->accept(halted).status == AcceptResult::Status::kHalted);
}

TEST_CASE(
    "what a store knows from its last commit is asked anew after another's commit and after an undone one") {
  const TemporaryFolder folder;
  const auto one = open(folder.file("book.db"));
  const auto two = open(folder.file("book.db"));
  ChangeUnit quiet;
  quiet.cursor = BrokerCursor{"north", "A1", "c1"};
  REQUIRE(one->commit(quiet) == CommitStatus::kCommitted);
  CHECK_FALSE(quiet.inbox_waiting);
  ChangeUnit adds;
  adds.inbox_add.emplace_back().report.broker = "north";
  REQUIRE(two->commit(adds) == CommitStatus::kCommitted);
  REQUIRE(one->commit(quiet) == CommitStatus::kCommitted);
  CHECK(quiet.inbox_waiting);

  // The first order's broker is noted as one without index, and the second order's conflict undoes the note.
  const auto orders = place(*one, {.orders = 2});
  ChangeUnit acknowledged;
  acknowledged.index_ext_order_ids = false;
  for (const Order& order : orders) acknowledged.orders.push_back(changed(order, OrderStatus::kAcked));
  for (Order& order : acknowledged.orders) order.ext_order_id = "e" + std::to_string(order.id);
  ++acknowledged.orders[1].version;
  REQUIRE(one->commit(acknowledged) == CommitStatus::kConflict);
  --acknowledged.orders[1].version;
  REQUIRE(one->commit(acknowledged) == CommitStatus::kCommitted);
  for (const Order& order : acknowledged.orders) {
    CHECK(one->orders({.broker = order.broker, .ext_order_id = order.ext_order_id}).size() == 1);
  }
}

TEST_CASE("racing processes make one batch of one key and never the same id") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  open(path);
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(std::make_unique<ChildProcess>([&path, i](const Channel& parent) {
      const auto store = open(path);
      parent.send('r');
      static_cast<void>(parent.receive());
      AcceptUnit twin = accept_unit({.key = "twin", .orders = 3});
      const bool won = store->accept(twin).status == AcceptResult::Status::kAccepted;
      for (int n = 0; n < 10; ++n)
        place(*store, {.key = std::to_string(i) + "." + std::to_string(n), .orders = 2});
      return won ? 1 : 0;
    }));
  }
  for (const auto& child : children) CHECK(child->channel().receive() == 'r');
  for (const auto& child : children) child->channel().send('g');
  int winners = 0;
  for (const auto& child : children) winners += child->wait();
  CHECK(winners == 1);
  const auto store = open(path);
  const auto orders = store->orders({});
  CHECK(orders.size() == 3 + 4 * 10 * 2);
  CHECK(store->batches({}).size() == 1 + 4 * 10);
  CHECK(integrity(path) == "ok");
}

TEST_CASE("a process killed inside a transaction leaves nothing of it") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  ChildProcess child([&path](const Channel&) {
    const auto store = open(path);
    place(*store, {.key = "acknowledged"});
    AcceptUnit unit = accept_unit({.key = "killed"});
    unit.compose = [](AcceptUnit&) { ::raise(SIGKILL); };
    store->accept(unit);
    return 0;
  });
  CHECK(child.wait() == -SIGKILL);
  const auto store = open(path);
  CHECK(store->batches({}).size() == 1);
  CHECK(place(*store, {.key = "killed"}).size() == 1);
}

TEST_CASE("what a killed process had acknowledged is there, and at most one batch more") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  int known = 0;
  for (const int acknowledgements : {1, 3, 7, 12}) {
    ChildProcess child([&path, known](const Channel& parent) {
      const auto store = open(path);
      for (int n = known;; ++n) {
        place(*store, {.key = std::to_string(n), .orders = 5, .margin = Money::from_int(1)});
        parent.send('.');
      }
      return 0;
    });
    for (int i = 0; i < acknowledgements; ++i) REQUIRE(child.channel().receive() == '.');
    child.kill();
    CHECK(child.wait() == -SIGKILL);
    int acknowledged = known + acknowledgements;
    while (child.channel().receive() == '.') ++acknowledged;

    const auto store = open(path);
    const auto stored = static_cast<int>(store->batches({.limit = kAll}).size());
    CHECK(stored >= acknowledged);
    CHECK(stored <= acknowledged + 1);
    CHECK(store->orders({.limit = kAll}).size() == static_cast<std::size_t>(stored) * 5);
    CHECK(store->events({.limit = kAll}).size() == static_cast<std::size_t>(stored));
    CHECK(store->usage_of(1).margin_reserved == Money::from_int(stored));
    CHECK(integrity(path) == "ok");
    known = stored;
  }
}

TEST_CASE("a sender that died is known at once, a living one is not abandoned") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  const auto store = open(path);
  place(*store, {.orders = 2});
  ChildProcess child([&path](const Channel& parent) {
    const auto mine = open(path);
    ClaimRequest request{
        .owner = mine->owner(), .now = kNow, .lease_until = kNow + std::chrono::hours(1), .limit = 1};
    parent.send(mine->claim(request).size() == 1 ? 'c' : '?');
    return static_cast<int>(parent.receive());
  });
  REQUIRE(child.channel().receive() == 'c');
  REQUIRE(store->claim({.owner = store->owner(), .now = kNow, .lease_until = kNow + std::chrono::hours(1)})
              .size() == 1);
  CHECK(store->orders({.abandoned_at = kNow}).empty());
  CHECK(store->orders({.abandoned_at = kNow + std::chrono::hours(2)}).size() == 2);
  child.kill();
  CHECK(child.wait() == -SIGKILL);
  const auto abandoned = store->orders({.abandoned_at = kNow});
  REQUIRE(abandoned.size() == 1);
  CHECK(abandoned[0].lease_owner != store->owner());
  // In another store the claim of this one is alive too.
  CHECK(open(path)->orders({.abandoned_at = kNow}).size() == 1);
}

TEST_CASE("a sender's identity dies with its store and is not given again") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  auto store = open(path);
  place(*store, {});
  const std::int64_t owner = store->owner();
  REQUIRE(store->claim({.owner = owner, .now = kNow, .lease_until = kNow + std::chrono::hours(1)}).size() ==
          1);
  store = open(path);
  CHECK(store->orders({.abandoned_at = kNow}).size() == 1);
  CHECK(store->owner() > owner);
  CHECK(store->orders({.abandoned_at = kNow}).size() == 1);
}

TEST_CASE("a writer waits for another process, then says busy, and reads go on") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  const auto store = open(path, milliseconds(30));
  place(*store, {.key = "before"});
  const auto check_busy = [&] {
    const Error busy = error_of([&] { place(*store, {.key = "during"}); });
    CHECK(busy.code() == ErrorCode::kStorageBusy);
    CHECK(busy.retryable());
    CHECK(store->orders({}).size() == 1);
  };
  SUBCASE("another program of this kind") {
    sqlite::LockFile other(sqlite::lock_path(path), 0600);
    const sqlite::LockFile::Turn turn(other, milliseconds(0));
    check_busy();
  }
  SUBCASE("another program that writes the database") {
    sqlite::Connection other(path, SQLITE_OPEN_READWRITE, milliseconds(0));
    other.execute("BEGIN IMMEDIATE; UPDATE sequences SET batch = batch");
    check_busy();
  }
  CHECK(place(*store, {.key = "during"}).size() == 1);
}

TEST_CASE("a backlog that is stopped is looked through without the right to write") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  const auto store = open(path, milliseconds(0));
  place(*store, {.key = "stopped", .orders = 3});
  const ClaimRequest request{.owner = store->owner(), .now = kNow, .lease_until = kNow, .brokers = {"north"}};
  const auto check_untouched = [&] {
    sqlite::LockFile other(sqlite::lock_path(path), 0600);
    const sqlite::LockFile::Turn turn(other, milliseconds(0));
    CHECK(store->claim(request).empty());
  };
  SUBCASE("everything") {
    store->put_halt({.scope = ControlScope::kAll});
    check_untouched();
  }
  SUBCASE("its broker") {
    store->put_halt({.scope = ControlScope::kBroker, .target = "north"});
    check_untouched();
  }
  SUBCASE("its portfolio, and what is behind it is found") {
    store->put_halt({.scope = ControlScope::kPortfolio, .target = "1"});
    check_untouched();
    const auto free = place(*store, {.key = "free", .portfolio_id = 2});
    const auto claimed = store->claim(request);
    REQUIRE(claimed.size() == 1);
    CHECK(claimed.front().id == free.front().id);
  }
}

TEST_CASE("a deleted lock file stops writing") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  const auto store = open(path);
  place(*store, {.key = "before"});
  REQUIRE(std::filesystem::remove(sqlite::lock_path(path)));
  const Error error = error_of([&] { place(*store, {.key = "after"}); });
  CHECK(error.code() == ErrorCode::kStorageUnavailable);
  CHECK_FALSE(error.retryable());
  CHECK(store->orders({}).size() == 1);
}

TEST_CASE("a full disk refuses batches, keeps answering, and heals when there is room") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  ChildProcess child([&path](const Channel&) {
    ::signal(SIGXFSZ, SIG_IGN);
    const auto store = open(path);
    std::size_t accepted = 0;
    const auto try_to_place = [&](const std::string& key) {
      try {
        accepted += place(*store, {.key = key, .orders = 20}).size();
        return true;
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kStorageFull && error.retryable()) return false;
        throw;
      }
    };
    const rlimit small{600 * 1024, RLIM_INFINITY};
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    for (int round = 0; round < 3; ++round) {
      if (::setrlimit(RLIMIT_FSIZE, &small) != 0) return 1;
      int n = 0;
      while (try_to_place(std::to_string(round) + "." + std::to_string(n))) {
        if (++n > 1000) return 2;
      }
      const std::string refused = std::to_string(round) + "." + std::to_string(n);
      if (try_to_place(refused)) return 3;
      if (store->orders({.limit = kAll}).size() != accepted) return 4;
      if (::setrlimit(RLIMIT_FSIZE, &unlimited) != 0) return 5;
      if (!try_to_place(refused)) return 6;
      if (store->orders({.limit = kAll}).size() != accepted) return 7;
    }
    return 0;
  });
  CHECK(child.wait() == 0);
  CHECK(integrity(path) == "ok");
}

TEST_CASE("a forked child is refused and does its parent no harm") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  auto store = open(path);
  place(*store, {.key = "before"});
  const std::int64_t owner = store->owner();
  ChildProcess child([&](const Channel&) {
    const bool refused = error_of([&] { place(*store, {.key = "child"}); }).code() == ErrorCode::kClosed &&
                         error_of([&] { static_cast<void>(store->orders({})); }).code() == ErrorCode::kClosed;
    store.reset();
    const auto own = open(path);
    return refused && place(*own, {.key = "own"}).size() == 1 ? 0 : 1;
  });
  CHECK(child.wait() == 0);
  CHECK(store->owner() == owner);
  CHECK(place(*store, {.key = "after"}).size() == 1);
  CHECK(store->orders({}).size() == 3);
  CHECK(integrity(path) == "ok");
}

TEST_CASE("reads do not wait for a write in progress") {
  const TemporaryFolder folder;
  const auto store = open(folder.file("book.db"));
  place(*store, {.key = "before"});
  AcceptUnit unit = accept_unit({.key = "slow"});
  std::size_t seen = 0;
  unit.compose = [&, compose = unit.compose](AcceptUnit& with_ids) {
    // Another thread reads while this one is inside its transaction.
    std::thread([&] { seen = store->orders({}).size(); }).join();
    compose(with_ids);
  };
  CHECK(store->accept(unit).status == AcceptResult::Status::kAccepted);
  CHECK(seen == 1);
  CHECK(store->orders({}).size() == 2);
}

TEST_CASE("a unit that fails after its first write is undone alone, and its group commits") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  const auto store = open(path);  // makes the schema
  const auto writer = sqlite::open_writer({.path = path});
  sqlite::LockFile lock_file(sqlite::lock_path(path), 0600);
  sqlite::CommitQueue queue(*writer, lock_file, milliseconds(20'000));
  const auto insert = [](sqlite::WriteTransaction& transaction, int day) {
    transaction.query("INSERT INTO holidays (calendar, day) VALUES ('x', ?)").bind(day).run();
  };
  // Units meet in a group by chance; a unit that ran twice shows that they did.
  std::set<int> expected;
  bool met = false;
  for (int round = 0; round < 2000 && !met; ++round) {
    int good_runs = 0;
    int thrown = 0;
    std::atomic<int> calling{0};
    std::vector<std::thread> threads;
    const auto call = [&](int number, auto&& body) {
      threads.emplace_back([&, number, body] {
        ++calling;
        try {
          queue.run([&](sqlite::WriteTransaction& transaction) {
            // The first unit in keeps the transaction open until the others are at the door.
            while (calling < 4) std::this_thread::yield();
            for (int i = 0; i < 50; ++i) std::this_thread::yield();
            insert(transaction, round * 10 + number);
            return body();
          });
        } catch (const std::runtime_error&) {
          ++thrown;
        }
      });
    };
    call(1, [&] { return ++good_runs > 0; });
    call(2, []() -> bool { throw std::runtime_error("after its first write"); });
    call(3, [] { return false; });
    call(4, [] { return true; });
    for (std::thread& thread : threads) thread.join();
    CHECK(thrown == 1);
    expected.insert({round * 10 + 1, round * 10 + 4});
    met = good_runs > 1;
  }
  CHECK(met);
  std::set<int> stored;
  for (const Date day : store->holidays("x")) stored.insert(static_cast<int>(day.time_since_epoch().count()));
  CHECK(stored == expected);
}
