// Power cuts over a whole run (place, fill, cancel, settle), a log that ends anywhere, and a disk that loses
// what it had confirmed.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "adapters/sqlite/connection.hpp"
#include "support/book_audit.hpp"
#include "support/faulty_vfs.hpp"
#include "support/sqlite_desk.hpp"
#include "support/temporary_folder.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

constexpr std::size_t kAll = 1'000'000;
constexpr Date kLongAfter = Date(std::chrono::sys_days(std::chrono::year(2099) / 1 / 5));

std::string integrity(const std::string& path) {
  sqlite::Connection connection(path, SQLITE_OPEN_READWRITE, std::chrono::milliseconds(1000));
  return connection.text("PRAGMA integrity_check") + connection.text("PRAGMA foreign_key_check");
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// What the caller had been told, and when.
struct Acknowledged {
  std::vector<Receipt> receipts;
  std::vector<std::pair<OrderId, int>> fills;  // order, quantity
  std::vector<OrderId> cancels;
  std::vector<OrderId> settled;

  struct Mark {
    std::size_t receipts, fills, cancels, settled;
  };
  [[nodiscard]] Mark mark() const { return {receipts.size(), fills.size(), cancels.size(), settled.size()}; }
};

// Three batches of two orders: the first filled and settled, the second filled in part and cancelled.
void work(SqliteDesk& desk, ScriptedBroker& broker, int round, Acknowledged& told) {
  const auto news = [&](const BrokerReport& report) {
    broker.news.push_back(report);
    desk.oms->poll();
  };
  for (int i = 0; i < 3; ++i) {
    const std::string key = std::to_string(round) + "." + std::to_string(i);
    told.receipts.push_back(desk.oms->place(SqliteDesk::batch(key, 2)));
    const auto& first = told.receipts.back().orders.front();
    const int qty = i == 0 ? 100 : 40;
    if (i == 2) continue;
    news(broker.trade(first.client_order_id, "e" + key, Quantity::from_int(qty), Price::from_int(9)));
    told.fills.emplace_back(first.id, qty);
    if (i == 0) continue;
    desk.oms->cancel(first.id);
    news(broker.report(BrokerReport::Kind::kCancelled, first.client_order_id));
    told.cancels.push_back(first.id);
  }
  const auto settled = desk.oms->settle(kLongAfter).settled;
  told.settled.insert(told.settled.end(), settled.begin(), settled.end());
}

void check_told(const Store& store, const Acknowledged& told, const Acknowledged::Mark& at) {
  for (std::size_t i = 0; i < at.receipts; ++i) {
    const Receipt& receipt = told.receipts[i];
    const auto record = store.idempotency({"default", "place", receipt.idempotency_key});
    REQUIRE(record.has_value());
    CHECK(record->response == receipt.json);
    CHECK(store.orders({.batch_id = receipt.batch_id}).size() == receipt.orders.size());
  }
  const auto stored = [&](OrderId id) { return store.orders({.ids = {id}}).at(0); };
  for (std::size_t i = 0; i < at.fills; ++i) {
    CHECK(stored(told.fills[i].first).fill_qty == Quantity::from_int(told.fills[i].second));
  }
  for (std::size_t i = 0; i < at.cancels; ++i) {
    CHECK(stored(told.cancels[i]).ended_as == OrderStatus::kCancelled);
  }
  for (std::size_t i = 0; i < at.settled; ++i) {
    CHECK(stored(told.settled[i]).status == OrderStatus::kSettled);
  }
}

// The book of `batches` acknowledged batches, and its log, as one file each that a test may cut.
struct CutBook {
  explicit CutBook(const TemporaryFolder& folder, int batches) {
    const std::string path = folder.file("whole.db");
    SqliteDesk desk(path, broker);
    log_before = bytes_of(path + "-wal").size();
    for (int i = 0; i < batches; ++i) {
      desk.oms->place(SqliteDesk::batch(std::to_string(i), 2));
      ends.push_back(bytes_of(path + "-wal").size());
    }
    database = bytes_of(path);  // while it is open: the last to close it would empty the log
    log = bytes_of(path + "-wal");
  }

  // How many of the batches are in a book whose log is this. The store checks what it finds.
  std::size_t batches_with_log(const TemporaryFolder& folder, const std::string& kept) const {
    const std::string path = folder.file("cut.db");
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(path + suffix);
    write_bytes(path, database);
    write_bytes(path + "-wal", kept);
    const auto store = open_sqlite_store({.path = path});
    const auto found = store->batches({.limit = kAll});
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i].idempotency_key == std::to_string(i));
    CHECK(BookAudit(*store).breaches() == "");
    return found.size();
  }

  ScriptedBroker broker{BrokerClass::kEnforced};
  std::size_t log_before = 0;
  std::vector<std::size_t> ends;  // of the log when the batch had been placed
  std::string database;
  std::string log;
};

constexpr std::size_t kLogHeader = 32;
constexpr std::size_t kFrame = 24 + 4096;

}  // namespace

TEST_CASE(
    "after a power cut at any sync of a whole run all that was acknowledged is there, and the rest whole") {
  constexpr std::uint64_t kSeed = 23;
  INFO("seed ", kSeed);
  std::mt19937_64 random(kSeed);
  const TemporaryFolder folder;
  ScriptedBroker broker(BrokerClass::kEnforced);
  Acknowledged told;
  std::vector<Acknowledged::Mark> at_cut;
  const auto cut_folder = [&](std::size_t cut) { return folder.file("cut" + std::to_string(cut)); };
  {
    FaultyVfs disk;
    for (int round = 0; round < 6; ++round) {  // the last to close the file writes the log back
      if (round > 0) {
        disk.at_sync = [&] {
          disk.power_cut(cut_folder(at_cut.size()), random);
          at_cut.push_back(told.mark());
        };
      }
      SqliteDesk desk(folder.file("book.db"), broker);
      work(desk, broker, round, told);
      if (round > 0) disk.power_cut(cut_folder(at_cut.size()), random), at_cut.push_back(told.mark());
    }
    disk.at_sync = [] {};
  }
  REQUIRE(at_cut.size() > 40);
  for (std::size_t cut = 0; cut < at_cut.size(); ++cut) {
    INFO("cut ", cut);
    const std::string path = cut_folder(cut) + "/book.db";
    SqliteDesk desk(path, broker);
    check_told(*desk.store, told, at_cut[cut]);
    CHECK(BookAudit(*desk.store).breaches() == "");
    CHECK(integrity(path) == "ok");

    desk.recover();
    desk.recover();
    CHECK(BookAudit(*desk.store).breaches() == "");
    for (const Order& order : desk.oms->orders({.limit = kAll})) {
      CHECK(broker.accepts[order.client_order_id] == 1);
      CHECK(order.status != OrderStatus::kUnknown);
      Quantity executed;
      for (const BrokerReport& report : broker.news) {
        if (report.client_order_id == order.client_order_id) executed = executed + report.execution.qty;
      }
      CHECK(order.fill_qty == executed);
    }
  }
}

TEST_CASE("a log that ends at or inside any of its frames holds exactly the batches committed before") {
  const TemporaryFolder folder;
  const CutBook book(folder, 5);
  const auto whole_below = [&](std::size_t size) {
    // A batch is accepted some frames before its answer from the broker ends the log.
    return static_cast<std::size_t>(
        std::count_if(book.ends.begin(), book.ends.end(), [&](std::size_t end) { return end <= size; }));
  };
  std::size_t before = 0;
  std::size_t tried = 0;
  for (std::size_t frame = (book.log_before - kLogHeader) / kFrame;
       kLogHeader + frame * kFrame <= book.log.size(); ++frame) {
    const std::size_t boundary = kLogHeader + frame * kFrame;
    for (const std::size_t size : {boundary, boundary + 11, boundary + 24 + 2000}) {
      if (size > book.log.size()) continue;
      INFO("log cut to ", size, " of ", book.log.size());
      const std::size_t batches = book.batches_with_log(folder, book.log.substr(0, size));
      CHECK(batches >= whole_below(size));
      CHECK(batches <= whole_below(size) + 1);
      CHECK(batches >= before);
      before = batches;
      ++tried;
    }
  }
  CHECK(before == 5);
  CHECK(tried > 60);
}

TEST_CASE("a damaged frame of the log ends it there: nothing of its transaction or behind it is believed") {
  const TemporaryFolder folder;
  const CutBook book(folder, 3);
  for (std::size_t at = book.log_before + 7; at < book.log.size(); at += kFrame / 2) {
    INFO("byte ", at, " of ", book.log.size(), " changed");
    std::string damaged = book.log;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const std::size_t batches = book.batches_with_log(folder, damaged);
    CHECK(batches <= 3);
    const auto whole =
        std::count_if(book.ends.begin(), book.ends.end(), [&](std::size_t end) { return end <= at; });
    CHECK(batches >= static_cast<std::size_t>(whole));
  }
}

TEST_CASE("a batch that a lying disk lost is not placed twice when its caller calls again") {
  const TemporaryFolder folder;
  CutBook book(folder, 3);  // the broker keeps what the book loses
  const std::string path = folder.file("cut.db");
  CHECK(book.batches_with_log(folder, book.log.substr(0, book.ends[1])) == 2);
  write_bytes(path, book.database);
  write_bytes(path + "-wal", book.log.substr(0, book.ends[1]));
  std::filesystem::remove(path + "-shm");
  SqliteDesk desk(path, book.broker);

  const auto orphans = [&] {
    std::vector<std::string> ids;
    for (const BrokerOrder& order : desk.oms->broker_book("scripted").orders) {
      if (desk.oms->orders({.client_order_id = order.client_order_id}).empty())
        ids.push_back(order.ext_order_id);
    }
    return ids;
  };
  CHECK(orphans().size() == 2);
  const Receipt again = desk.oms->place(SqliteDesk::batch("2", 2));
  CHECK(orphans().empty());
  for (const auto& leg : again.orders) {
    CHECK(book.broker.sends[leg.client_order_id] == 2);
    CHECK(book.broker.accepts[leg.client_order_id] == 1);
    const Order order = desk.oms->get_order(leg.id);
    CHECK(order.status == OrderStatus::kAcked);
    CHECK(order.ext_order_id == ScriptedBroker::ext_id(leg.client_order_id));
  }
  CHECK(BookAudit(*desk.store).breaches() == "");
}

TEST_CASE("what a lying disk lost of an order shows against its broker's book and comes back with its news") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  ScriptedBroker broker(BrokerClass::kEnforced);
  std::string database;
  std::string log;
  {
    SqliteDesk desk(path, broker);
    const Receipt receipt = desk.oms->place(SqliteDesk::batch("k"));
    log = bytes_of(path + "-wal");
    broker.news.push_back(broker.trade(receipt.orders.front().client_order_id, "e1", Quantity::from_int(30),
                                       Price::from_int(9)));
    CHECK(desk.oms->poll().reports == 1);
    database = bytes_of(path);
  }
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(path + suffix);
  write_bytes(path, database);
  write_bytes(path + "-wal", log);
  SqliteDesk desk(path, broker);
  const Order lost = desk.oms->orders({}).at(0);
  CHECK(lost.fill_qty.is_zero());
  BrokerOrder& held = broker.held.at(lost.client_order_id);
  held.fill_qty = Quantity::from_int(30);
  held.fill_notional = Money::from_int(270);
  held.instrument_id = lost.instrument_id;
  held.symbol = lost.symbol;
  const auto breaks = desk.oms->compare_with_broker(lost.batch_id);
  REQUIRE(breaks.size() == 1);
  CHECK(breaks.front().type == BreakType::kQuantity);
  CHECK(breaks.front().field == "fill_qty");
  CHECK(desk.oms->poll().reports == 1);
  CHECK(desk.oms->orders({}).at(0).fill_qty == Quantity::from_int(30));
  held.status = OrderStatus::kPartiallyFilled;
  CHECK(desk.oms->compare_with_broker(lost.batch_id).size() == 1);  // this broker lists no executions
  CHECK(BookAudit(*desk.store).breaches() == "");
}
