// Many callers at once: processes with one key, clients on one account near its margin, a fork in the middle,
// and the end of a process under load.

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <new>
#include <random>
#include <sstream>
#include <thread>

#include "adapters/sqlite/connection.hpp"
#include "adapters/sqlite/database_file.hpp"
#include "adapters/sqlite/lock_file.hpp"
#include "orchestrator/backends/sqlite.hpp"
#include "orchestrator/open.hpp"
#include "support/book_audit.hpp"
#include "support/child_process.hpp"
#include "support/desk.hpp"
#include "support/sqlite_desk.hpp"
#include "support/temporary_folder.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

constexpr std::size_t kAll = 1'000'000;

BatchRequest mock_batch(const std::string& key, int price = 10) {
  BatchRequest request = SqliteDesk::batch(key, 3);
  for (OrderRequest& order : request.orders) {
    order.broker = "alpaca-mock";
    order.price_limit = Price::from_int(price);
  }
  return request;
}

std::unique_ptr<Orchestrator> open_mock(const std::string& path, EngineOptions engine = {}) {
  OpenOptions options;
  options.database_url = "sqlite:///" + path;
  options.busy_timeout = std::chrono::minutes(2);
  options.engine = std::move(engine);
  return orchestrator::open(std::move(options));
}

std::string text_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::string breaches_of(const std::string& path) {
  const auto store = open_sqlite_store({.path = path});
  return BookAudit(*store).breaches();
}

// Every order is at its broker exactly once, and acknowledged.
void check_at_broker(Orchestrator& oms) {
  std::map<std::string, int> held;
  for (const BrokerOrder& order : oms.broker_book("alpaca-mock").orders) ++held[order.client_order_id];
  const auto orders = oms.orders({.limit = kAll});
  CHECK(held.size() == orders.size());
  for (const Order& order : orders) {
    CHECK(held[order.client_order_id] == 1);
    CHECK(order.status == OrderStatus::kAcked);
  }
}

// Lives in memory that a forked child shares with its parent.
template <class Value>
class Shared {
 public:
  Shared()
      : memory_(::mmap(nullptr, sizeof(Value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    value_ = new (memory_) Value();
  }
  ~Shared() { ::munmap(memory_, sizeof(Value)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  Value& operator*() const { return *value_; }
  Value* operator->() const { return value_; }

 private:
  void* memory_;
  Value* value_;
};

}  // namespace

TEST_CASE("any number of processes with one key make one batch, and each gets its bytes or a conflict") {
  for (const int processes : {2, 8, 64}) {
    INFO(processes, " processes");
    const TemporaryFolder folder;
    const std::string path = folder.file("book.db");
    open_mock(path);
    std::vector<std::unique_ptr<ChildProcess>> children;
    for (int i = 0; i < processes; ++i) {
      // Every fourth means something else by the key.
      const BatchRequest request = mock_batch("twin", i % 4 == 3 ? 11 : 10);
      children.push_back(std::make_unique<ChildProcess>([&path, &folder, i, request](const Channel& parent) {
        const auto oms = open_mock(path);
        parent.send('r');
        static_cast<void>(parent.receive());
        try {
          const Receipt receipt = oms->place(request);
          std::ofstream(folder.file("receipt" + std::to_string(i)), std::ios::binary) << receipt.json;
          return receipt.replayed ? 1 : 0;
        } catch (const Error& error) {
          return error.code() == ErrorCode::kIdempotencyConflict ? 2 : 3;
        }
      }));
    }
    for (const auto& child : children) REQUIRE(child->channel().receive() == 'r');
    for (const auto& child : children) child->channel().send('g');
    int placed = 0;
    std::string bytes;
    for (std::size_t i = 0; i < children.size(); ++i) {
      const int code = children[i]->wait();
      CHECK(code <= 2);
      if (code == 0) ++placed;
      if (code == 2) continue;
      const std::string receipt = text_of_file(folder.file("receipt" + std::to_string(i)));
      CHECK_FALSE(receipt.empty());
      if (bytes.empty()) bytes = receipt;
      CHECK(receipt == bytes);
    }
    CHECK(placed == 1);
    const auto oms = open_mock(path);
    CHECK(oms->batches({}).size() == 1);
    check_at_broker(*oms);
    CHECK(breaches_of(path) == "");
  }
}

TEST_CASE("processes that open a book which does not exist yet all get the same one") {
  constexpr int kProcesses = 8;
  const TemporaryFolder folder;
  for (int round = 0; round < 40; ++round) {
    INFO("round ", round);
    const std::string path = folder.file("book" + std::to_string(round) + ".db");
    std::vector<std::unique_ptr<ChildProcess>> children;
    for (int i = 0; i < kProcesses; ++i) {
      children.push_back(std::make_unique<ChildProcess>([&path](const Channel& parent) {
        parent.send('r');
        static_cast<void>(parent.receive());
        static_cast<void>(open_sqlite_store({.path = path, .busy_timeout = std::chrono::minutes(2)}));
        return 0;
      }));
    }
    for (const auto& child : children) REQUIRE(child->channel().receive() == 'r');
    for (const auto& child : children) child->channel().send('g');
    for (const auto& child : children) CHECK(child->wait() == 0);
  }
}

TEST_CASE(
    "clients on one account near its limit never exceed it in any commit, and what ends gives margin back") {
  constexpr std::uint64_t kSeed = 48;
  INFO("seed ", kSeed);
  constexpr int kClients = 16;
  constexpr int kRounds = 25;
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  ScriptedBroker broker(BrokerClass::kEnforced);
  std::mt19937_64 script(kSeed);
  for (int i = 0; i < kClients * kRounds; ++i) {
    broker.fates.push_back(script() % 4 == 0 ? ScriptedBroker::Fate::kReject : ScriptedBroker::Fate::kAccept);
  }
  SqliteDesk desk(path, broker);
  PortfolioLimits limits;
  limits.portfolio_id = 1;
  limits.margin_available = Money::from_int(5000);
  limits.margin_rate = Rate::from_int(1);
  desk.store->put_limits(limits);
  sqlite::Connection witness(path, SQLITE_OPEN_READWRITE, std::chrono::milliseconds(20'000));
  witness.execute(
      "CREATE TABLE seen (margin INTEGER NOT NULL);"
      "CREATE TRIGGER seen_update AFTER UPDATE ON portfolio_usage BEGIN"
      " INSERT INTO seen VALUES (NEW.margin_reserved_whole); END;"
      "CREATE TRIGGER seen_insert AFTER INSERT ON portfolio_usage BEGIN"
      " INSERT INTO seen VALUES (NEW.margin_reserved_whole); END");
  std::atomic<int> placed = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> clients;
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      std::mt19937_64 random(kSeed + static_cast<std::uint64_t>(client));
      for (int round = 0; round < kRounds; ++round) {
        BatchRequest request = SqliteDesk::batch(std::to_string(client) + "." + std::to_string(round));
        request.orders.front().qty = Quantity::from_int(1 + static_cast<int>(random() % 150));
        try {
          const Order order = desk.oms->get_order(desk.oms->place(request).orders.front().id);
          ++placed;
          if (order.status != OrderStatus::kAcked || random() % 3 == 0) continue;
          desk.oms->cancel(order.id);
          desk.oms->apply(broker.report(BrokerReport::Kind::kCancelled, order.client_order_id));
        } catch (const Error& error) {
          const bool lawful =
              error.code() == ErrorCode::kValidationFailed || error.code() == ErrorCode::kConflict;
          ++(lawful ? refused : wrong);
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  CHECK(wrong == 0);
  CHECK(refused > 0);
  CHECK(witness.integer("SELECT count(*) FROM seen") > placed.load());
  CHECK(witness.integer("SELECT max(margin) FROM seen") <= 5000);
  CHECK(witness.integer("SELECT max(margin) FROM seen") > 4000);
  CHECK(BookAudit(*desk.store).breaches() == "");

  for (const Order& order : desk.oms->orders({.statuses = {OrderStatus::kAcked}, .limit = kAll})) {
    desk.oms->cancel(order.id);
    desk.oms->apply(broker.report(BrokerReport::Kind::kCancelled, order.client_order_id));
  }
  CHECK(desk.store->usage_of(1).margin_reserved.is_zero());
}

TEST_CASE("a process forked from a desk can neither place nor read with it, and the desk goes on") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  const auto oms = open_mock(path);
  const Receipt before = oms->place(mock_batch("before"));
  ChildProcess child([&](const Channel&) {
    const auto refused = [](auto&& call) {
      try {
        call();
      } catch (const Error& error) {
        return error.code() == ErrorCode::kClosed;
      }
      return false;
    };
    // The second would be answered from memory, were it the parent.
    const std::vector<std::function<void()>> calls = {
        [&] { oms->place(mock_batch("child")); },
        [&] { oms->place(mock_batch("before")); },
        [&] { oms->enqueue("default", 0, 1, mock_batch("").orders[0], nullptr); },
        [&] { oms->publish(); },
        [&] { static_cast<void>(oms->health()); },
        [&] { static_cast<void>(oms->orders({})); },
        [&] { oms->cancel(before.orders.front().id); },
        [&] { oms->simulate_fill(1, Price::from_int(1), Quantity::from_int(1)); },
        [&] { oms->recover(); },
    };
    int number = 0;
    for (const auto& call : calls) {
      ++number;
      if (!refused(call)) return number;
    }
    return 0;
  });
  CHECK(child.wait() == 0);
  oms->place(mock_batch("after"));
  CHECK(oms->batches({}).size() == 2);
  check_at_broker(*oms);
}

TEST_CASE("a process that is told to end under load ends, and every acknowledged batch is placed once") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  constexpr int kClients = 4;
  const Shared<std::array<std::atomic<int>, kClients>> acknowledged;
  bool orderly = true;
  SUBCASE("in order") { orderly = true; }
  SUBCASE("at once") { orderly = false; }
  ChildProcess child([&](const Channel& parent) {
    ::alarm(100);                // a hang ends by this signal
    ::signal(SIGTERM, SIG_DFL);  // the tests' own handler is for crashes
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    if (orderly) pthread_sigmask(SIG_BLOCK, &end, nullptr);
    auto oms = open_mock(path, {.mode = Mode::kBackground, .poll_interval = std::chrono::milliseconds(1)});
    std::atomic<bool> ending = false;
    std::vector<std::thread> clients;
    for (std::size_t client = 0; client < kClients; ++client) {
      clients.emplace_back([&, client] {
        for (int n = 0; !ending; ++n) {
          oms->place(mock_batch(std::to_string(client) + "." + std::to_string(n)));
          ++(*acknowledged)[client];
          if (n == 20) parent.send('r');
        }
      });
    }
    std::thread([&] {
      static_cast<void>(parent.receive());
      ::kill(::getpid(), SIGTERM);
    }).detach();
    if (orderly) {
      int signal = 0;
      sigwait(&end, &signal);
      ending = true;
    }
    for (std::thread& client : clients) client.join();
    oms.reset();
    return 0;
  });
  REQUIRE(child.channel().receive() == 'r');
  child.channel().send('t');
  CHECK(child.wait() == (orderly ? 0 : -SIGTERM));

  const auto oms = open_mock(path);
  oms->recover(std::chrono::seconds(30));
  std::size_t told = 0;
  for (std::size_t client = 0; client < kClients; ++client) {
    for (int n = 0; n < (*acknowledged)[client]; ++n, ++told) {
      CHECK(oms->batches({.idempotency_key = std::to_string(client) + "." + std::to_string(n)}).size() == 1);
    }
  }
  CHECK(told > 20);
  const std::size_t batches = oms->batches({.limit = kAll}).size();
  CHECK(batches >= told);
  CHECK(batches <= told + (orderly ? 0 : kClients));
  check_at_broker(*oms);
  CHECK(breaches_of(path) == "");
}

TEST_CASE("a key is known while another process keeps the right to write") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  Parts parts;
  parts.store = open_sqlite_store({.path = path, .busy_timeout = std::chrono::milliseconds(0)});
  parts.store->put_broker({.broker_name = "scripted"});
  parts.brokers.push_back(std::make_unique<ScriptedBroker>(BrokerClass::kEnforced));
  parts.clock = std::make_unique<FakeClock>();
  Orchestrator oms({}, std::move(parts));
  const Receipt first = oms.place(Desk::batch({Desk::buy()}, "first"));
  for (int i = 0; i < 100; ++i) oms.place(Desk::batch({Desk::buy(1)}, "new-" + std::to_string(i)));

  sqlite::LockFile other(sqlite::lock_path(path), 0600);
  const sqlite::LockFile::Turn turn(other, std::chrono::milliseconds(0));
  CHECK(oms.place(Desk::batch({Desk::buy()}, "first")).json == first.json);
  CHECK(code_of([&] { oms.place(Desk::batch({Desk::buy(7)}, "first")); }) == ErrorCode::kIdempotencyConflict);
  CHECK(code_of([&] { oms.place(Desk::batch({Desk::buy()}, "another")); }) == ErrorCode::kStorageBusy);
}
