// The mock brokers' ledger file: restarts, races between connectors, threads and processes, sudden death.

#include <SQLiteCpp/SQLiteCpp.h>
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/backends/mock_brokers.hpp"
#include "orchestrator/error.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/mock_orders.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace orchestrator;           // NOLINT(google-build-using-namespace): a test of one module
using namespace orchestrator::testing;  // NOLINT(google-build-using-namespace)

namespace {

const std::vector<Maker> kBoth = {make_zerodha_mock, make_alpaca_mock};

// Runs `work` in a process of its own, which ends with what it returns; 99 after an exception.
pid_t fork_child(const std::function<int()>& work) {
  std::fflush(nullptr);  // or the child would print what waits in our buffers once more
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child > 0) return child;
  int status = 99;
  try {
    status = work();
  } catch (...) {
  }
  ::_exit(status);
}

int wait_for(pid_t child) {
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

bool ended_with(int status, int code) { return WIFEXITED(status) && WEXITSTATUS(status) == code; }

ErrorCode opening_fails_with(const std::string& ledger) {
  FakeClock clock;
  try {
    static_cast<void>(make_alpaca_mock({.ledger = ledger}, clock));
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kInternal;
}

std::string bytes_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

std::string one_text(const std::string& file, const std::string& sql) {
  SQLite::Database database(file);
  return database.execAndGet(sql).getString();
}

std::map<std::string, int> orders_by_client_order_id(BrokerConnector& broker) {
  std::map<std::string, int> count;
  for (const BrokerOrder& order : broker.book().orders) ++count[order.client_order_id];
  return count;
}

}  // namespace

TEST_CASE("a ledger file brings back everything after a restart") {
  for (const Maker make : kBoth) {
    FakeClock clock;
    const TemporaryFolder folder;
    const MockBrokerOptions options{.ledger = folder.file("brokers"),
                                    .config_json = R"({"fee_rate": "0.001", "fill_model": "partial"})"};
    Order order = mock_order("one", "11", "99.123456789", Side::kSell);
    order.multiplier = 3;
    std::string cursor;
    {
      const auto broker = make(options, clock);
      order = placed(*broker, order);
      cursor = broker->poll("").cursor;
      Order stop = mock_order("two", "0.000000001", std::nullopt);
      stop.order_type = OrderType::kStop;
      REQUIRE(place_one(*broker, stop).outcome == SendOutcome::kAccepted);
    }
    const auto broker = make(options, clock);
    const BrokerOrder held = broker->look_up("one").order;
    CHECK(held.ext_order_id == order.ext_order_id);
    CHECK(held.symbol == "SBIN");
    CHECK(held.instrument_id == 7);
    CHECK(held.side == Side::kSell);
    CHECK(held.qty == quantity("11"));
    CHECK(held.price_limit == price("99.123456789"));
    CHECK(held.status == OrderStatus::kFilled);
    CHECK(held.fill_notional == Money::from_string("1090.358024679"));
    CHECK(held.updated_at == clock.now());
    CHECK_FALSE(broker->look_up("two").order.price_limit.has_value());
    CHECK(executions_of(*broker) == std::vector<std::string>{"5 @ 99.123456789", "6 @ 99.123456789"});
    CHECK(broker->book().executions.at(0).fees == Money::from_string("1.49"));
    CHECK(broker->poll("").reports.size() == 4);
    REQUIRE(broker->poll(cursor).reports.size() == 1);
    CHECK(broker->poll(cursor).reports[0].client_order_id == "two");
    CHECK_THROWS_AS(broker->simulator()->simulate_fill(order.ext_order_id, quantity("1"), price("1")), Error);
    CHECK(placed(*broker, mock_order("three")).ext_order_id != order.ext_order_id);
  }
}

TEST_CASE("the ledger holds the broker's own words") {
  FakeClock clock;
  const TemporaryFolder folder;
  const MockBrokerOptions options{.ledger = folder.file("brokers")};
  const auto words = [&](Maker make) {
    const auto broker = make(options, clock);
    std::vector<std::string> seen;
    const auto note = [&](const Order& order) {
      seen.push_back(one_text(options.ledger,
                              "SELECT status FROM orders WHERE ext_order_id = '" + order.ext_order_id + "'"));
    };
    const Order order = placed(*broker, mock_order("one"));
    note(order);
    static_cast<void>(broker->simulator()->simulate_fill(order.ext_order_id, quantity("4"), price("100")));
    note(order);
    static_cast<void>(broker->simulator()->simulate_fill(order.ext_order_id, quantity("6"), price("100")));
    note(order);
    const Order other = placed(*broker, mock_order("two"));
    REQUIRE(broker->cancel(other).outcome == SendOutcome::kAccepted);
    note(other);
    return seen;
  };
  CHECK(words(make_zerodha_mock) == std::vector<std::string>{"OPEN", "OPEN", "COMPLETE", "CANCELLED"});
  CHECK(words(make_alpaca_mock) == std::vector<std::string>{"new", "partially_filled", "filled", "canceled"});
}

TEST_CASE("both mocks may share one ledger file without seeing each other") {
  FakeClock clock;
  const TemporaryFolder folder;
  const MockBrokerOptions options{.ledger = folder.file("brokers")};
  const auto zerodha = make_zerodha_mock(options, clock);
  const auto alpaca = make_alpaca_mock(options, clock);
  const Order at_zerodha = placed(*zerodha, mock_order("same"));
  const Order at_alpaca = placed(*alpaca, mock_order("same"));
  CHECK(at_zerodha.ext_order_id == "260105000000001");
  CHECK(zerodha->book().orders.size() == 1);
  CHECK(alpaca->look_up("same").order.ext_order_id == at_alpaca.ext_order_id);
  CHECK(alpaca->poll("").reports.size() == 1);
  CHECK_THROWS_AS(alpaca->simulator()->simulate_fill(at_zerodha.ext_order_id, quantity("1"), price("1")),
                  Error);
}

TEST_CASE("what one connector puts off, another on the same ledger executes once") {
  FakeClock clock;
  const TemporaryFolder folder;
  const std::string ledger = folder.file("brokers");
  const auto placer = make_alpaca_mock(
      {.ledger = ledger, .config_json = R"({"fill_model": "slippage", "slippage_bps": 100})"}, clock);
  const auto poller = make_alpaca_mock({.ledger = ledger}, clock);
  static_cast<void>(placed(*placer, mock_order("id")));
  CHECK(poller->poll("").reports.size() == 2);
  CHECK(placer->poll("").reports.size() == 2);
  CHECK(executions_of(*placer) == std::vector<std::string>{"10 @ 101"});
}

TEST_CASE("threads with connectors of their own on one file place each alpaca-mock id once") {
  FakeClock clock;
  const TemporaryFolder folder;
  const MockBrokerOptions options{.ledger = folder.file("brokers")};
  constexpr int kThreads = 4, kOrders = 25;
  std::atomic<int> ready{0}, accepted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      const auto broker = make_alpaca_mock(options, clock);
      for (++ready; ready.load() < kThreads;) std::this_thread::yield();
      for (int i = 0; i < kOrders; ++i) {
        const SendResult result = place_one(*broker, mock_order("id" + std::to_string(i)));
        if (result.outcome == SendOutcome::kAccepted) ++accepted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(accepted == kThreads * kOrders);
  const auto broker = make_alpaca_mock(options, clock);
  const auto count = orders_by_client_order_id(*broker);
  CHECK(count.size() == kOrders);
  for (const auto& [id, orders] : count) CHECK(orders == 1);
  CHECK(all_reports(*broker).size() == kOrders);
}

TEST_CASE("racing processes place each alpaca-mock id once and never share a zerodha-mock number") {
  FakeClock clock;
  const TemporaryFolder folder;
  const MockBrokerOptions options{.ledger = folder.file("brokers")};
  constexpr int kProcesses = 4, kOrders = 25;
  int gate[2] = {-1, -1};  // the children start when its writing end is closed
  REQUIRE(::pipe(gate) == 0);
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    children.push_back(fork_child([&] {
      ::close(gate[1]);
      char byte = 0;
      if (::read(gate[0], &byte, 1) != 0) return 1;
      const auto alpaca = make_alpaca_mock(options, clock);
      const auto zerodha = make_zerodha_mock(options, clock);
      for (int i = 0; i < kOrders; ++i) {
        const std::string id = "id" + std::to_string(i);
        if (place_one(*alpaca, mock_order(id)).outcome != SendOutcome::kAccepted) return 2;
        if (place_one(*zerodha, mock_order(id)).outcome != SendOutcome::kAccepted) return 3;
      }
      return 0;
    }));
  }
  ::close(gate[0]);
  ::close(gate[1]);
  for (const pid_t child : children) CHECK(ended_with(wait_for(child), 0));

  const auto alpaca = make_alpaca_mock(options, clock);
  for (const auto& [id, orders] : orders_by_client_order_id(*alpaca)) CHECK(orders == 1);
  CHECK(alpaca->book().orders.size() == kOrders);
  const auto zerodha = make_zerodha_mock(options, clock);
  std::set<std::string> numbers;
  for (const BrokerOrder& order : zerodha->book().orders) numbers.insert(order.ext_order_id);
  CHECK(numbers.size() == kProcesses * kOrders);
  CHECK(*numbers.rbegin() == "260105000000100");
  CHECK(one_text(options.ledger, "PRAGMA integrity_check") == "ok");
}

TEST_CASE("an order that place() accepted survives kill -9") {
  for (const Maker make : kBoth) {
    FakeClock clock;
    const TemporaryFolder folder;
    const MockBrokerOptions options{.ledger = folder.file("brokers")};
    int answers[2] = {-1, -1};
    REQUIRE(::pipe(answers) == 0);
    const pid_t child = fork_child([&] {
      const auto broker = make(options, clock);
      const std::vector<Order> orders = {mock_order("one"), mock_order("two")};
      std::string ids;
      for (const SendResult& result : broker->place(orders)) ids += result.ext_order_id + "\n";
      if (::write(answers[1], ids.data(), ids.size()) != static_cast<ssize_t>(ids.size())) return 1;
      ::raise(SIGKILL);
      return 2;
    });
    ::close(answers[1]);
    std::string told;
    char buffer[256];
    for (ssize_t n = 0; (n = ::read(answers[0], buffer, sizeof buffer)) > 0;)
      told.append(buffer, static_cast<std::size_t>(n));
    ::close(answers[0]);
    CHECK(WTERMSIG(wait_for(child)) == SIGKILL);

    const auto broker = make(options, clock);
    CHECK(broker->look_up("one").order.ext_order_id + "\n" + broker->look_up("two").order.ext_order_id +
              "\n" ==
          told);
    CHECK(broker->poll("").reports.size() == 2);
  }
}

TEST_CASE("a request that the ledger cannot finish leaves nothing of itself") {
  FakeClock clock;
  const TemporaryFolder folder;
  const MockBrokerOptions options{.ledger = folder.file("brokers")};
  const auto broker = make_zerodha_mock(options, clock);
  SQLite::Database(options.ledger, SQLite::OPEN_READWRITE)
      .exec(
          "CREATE TRIGGER planted BEFORE INSERT ON reports WHEN NEW.order_number = 2 "
          "BEGIN SELECT RAISE(ABORT, 'planted failure'); END");
  const std::vector<Order> orders = {mock_order("one"), mock_order("two"), mock_order("three")};
  const auto results = broker->place(orders);
  REQUIRE(results.size() == 3);
  for (const SendResult& result : results) {
    CHECK(result.outcome == SendOutcome::kNotSent);
    CHECK(result.reason.find("planted failure") != std::string::npos);
  }
  CHECK(broker->book().orders.empty());
  CHECK(broker->poll("").reports.empty());
  CHECK(place_one(*broker, mock_order("one")).ext_order_id == "260105000000001");
}

TEST_CASE("a connector that a fork carried over refuses to work in the child") {
  FakeClock clock;
  const TemporaryFolder folder;
  const auto broker = make_alpaca_mock({.ledger = folder.file("brokers")}, clock);
  const int status = wait_for(fork_child([&] {
    if (place_one(*broker, mock_order("child")).outcome != SendOutcome::kNotSent) return 1;
    if (broker->look_up("child").kind != LookUp::Kind::kNoAnswer) return 2;
    try {
      static_cast<void>(broker->poll(""));
      return 3;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kClosed) return 4;
    }
    try {
      static_cast<void>(broker->book());
    } catch (const Error& error) {
      return error.code() == ErrorCode::kBrokerInDoubt ? 0 : 5;
    }
    return 6;
  }));
  CHECK(ended_with(status, 0));
  CHECK(place_one(*broker, mock_order("parent")).outcome == SendOutcome::kAccepted);
  CHECK(broker->book().orders.size() == 1);
}

TEST_CASE("a database of another program is refused and left as it was") {
  const TemporaryFolder folder;
  const std::string file = folder.file("theirs");
  SUBCASE("with tables") {
    SQLite::Database(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE t (x)");
  }
  SUBCASE("with a mark of its own") {
    SQLite::Database(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("PRAGMA application_id = 77");
  }
  SUBCASE("in write-ahead mode, by a program that died") {
    const pid_t owner = fork_child([&]() -> int {
      SQLite::Database database(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
      database.exec("PRAGMA journal_mode = WAL");
      database.exec("CREATE TABLE t (x)");
      ::_exit(0);  // without closing, which would empty the log
    });
    CHECK(ended_with(wait_for(owner), 0));
    CHECK_FALSE(bytes_of(file + "-wal").empty());
  }
  SUBCASE("not a database at all") {
    std::ofstream(file) << "a letter to my aunt, long enough to be read as a page";
  }
  const std::string before = bytes_of(file) + bytes_of(file + "-wal");
  CHECK(opening_fails_with(file) == ErrorCode::kForeignDatabase);
  CHECK(bytes_of(file) + bytes_of(file + "-wal") == before);
  CHECK_FALSE(std::filesystem::exists(file + ".lock"));
}

TEST_CASE("a ledger of a newer program is refused") {
  FakeClock clock;
  const TemporaryFolder folder;
  const std::string file = folder.file("brokers");
  static_cast<void>(make_alpaca_mock({.ledger = file}, clock));
  CHECK(opening_fails_with(file) == ErrorCode::kInternal);  // opens
  SQLite::Database(file, SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 3");
  CHECK(opening_fails_with(file) == ErrorCode::kSchemaTooNew);
}

TEST_CASE("a ledger of schema 1 is brought up to date with all that it holds") {
  FakeClock clock;
  const TemporaryFolder folder;
  const std::string file = folder.file("brokers");
  const std::string overfill = R"({"fault_script": "order nth=1: overfill qty=5"})";
  const Order order = [&] {
    const auto broker = make_zerodha_mock({.ledger = file}, clock);
    const Order first = placed(*broker, mock_order("a"));
    static_cast<void>(broker->simulator()->simulate_fill(first.ext_order_id, quantity("4"), price("100")));
    return first;
  }();
  {
    std::string old_table = one_text(file, "SELECT sql FROM sqlite_schema WHERE name = 'orders'");
    const std::string check = "CHECK (fill_qty >= 0)";
    REQUIRE(old_table.find(check) != std::string::npos);
    old_table.replace(old_table.find(check), check.size(), "CHECK (fill_qty BETWEEN 0 AND qty)");
    SQLite::Database database(file, SQLite::OPEN_READWRITE);
    database.exec(
        "ALTER TABLE orders RENAME TO newer; DROP INDEX orders_by_ext_order_id; "
        "DROP INDEX orders_due; " +
        old_table +
        "; INSERT INTO orders SELECT * FROM newer; "
        "CREATE UNIQUE INDEX orders_by_ext_order_id ON orders (broker_id, ext_order_id); "
        "CREATE INDEX orders_due ON orders (broker_id, number) WHERE due_price IS NOT NULL; "
        "DROP TABLE newer; ALTER TABLE executions DROP COLUMN ref_execution_id; "
        "ALTER TABLE executions DROP COLUMN kind; PRAGMA user_version = 1");
  }
  const auto broker = make_zerodha_mock({.ledger = file, .config_json = overfill}, clock);
  CHECK(executions_of(*broker) == std::vector<std::string>{"4 @ 100"});
  CHECK(all_reports(*broker).size() == 2);
  static_cast<void>(broker->simulator()->simulate_fill(order.ext_order_id, quantity("6"), price("100")));
  CHECK(broker->look_up("a").order.fill_qty == quantity("15"));
  CHECK(placed(*broker, mock_order("b")).ext_order_id == "260105000000002");
}

TEST_CASE("faults of orders are the same on a ledger in memory and in a file, through any connector") {
  const TemporaryFolder folder;
  const auto run = [](const std::string& ledger, bool reopen) {
    FakeClock clock;
    const MockBrokerOptions options{
        .ledger = ledger,
        .config_json = R"({"fill_model": "partial", "fault_script": "order nth=1: overfill qty=5\norder )"
                       R"(nth=2: bust\norder nth=3: correct price=99\norder nth=4: cumulative_fills\norder )"
                       R"(nth=5: late_ack polls=2\norder nth=6: out_of_order_fills\norder every=2: )"
                       R"(duplicate_fills\norder nth=3: crossed_fills\norder nth=7: fill_after_cancel"})"};
    auto broker = make_alpaca_mock(options, clock);
    std::string trace;
    std::string cursor;
    for (int i = 1; i <= 8; ++i) {
      const Order order = placed(*broker, mock_order("id" + std::to_string(i)));
      if (i == 7) static_cast<void>(broker->cancel(order));
      if (reopen) {
        broker.reset();
        broker = make_alpaca_mock(options, clock);
      }
      const ReportPage page = broker->poll(cursor);
      cursor = page.cursor;
      for (const BrokerReport& report : page.reports) {
        trace += std::to_string(static_cast<int>(report.kind)) + " " + report.client_order_id + " " +
                 report.execution.execution_id + " " + report.execution.ref_execution_id + " " +
                 report.execution.qty.to_string() + " @ " + report.execution.price.to_string() + "\n";
      }
    }
    for (const Execution& execution : broker->book().executions) trace += execution.execution_id + "\n";
    return trace + cursor;
  };
  const std::string expected = run("memory:", false);
  CHECK(run(folder.file("one"), false) == expected);
  CHECK(run(folder.file("two"), true) == expected);
}

TEST_CASE("a ledger in a folder that does not exist is refused") {
  const TemporaryFolder folder;
  CHECK(opening_fails_with(folder.file("no/such/folder")) == ErrorCode::kStorageUnavailable);
}
