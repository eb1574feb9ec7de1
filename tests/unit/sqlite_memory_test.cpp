// Memory that runs out: every single allocation of an operation fails in turn, the C++ ones and SQLite's own.
// Each time the operation succeeds or says that it did not, leaves no half of itself, and can be repeated.

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/mman.h>

#include <functional>
#include <new>
#include <stdexcept>
#include <utility>

#include "support/book_audit.hpp"
#include "support/child_process.hpp"
#include "support/failing_memory.hpp"
#include "support/sqlite_desk.hpp"
#include "support/temporary_folder.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

thread_local FailingMemory sqlite_memory;
sqlite3_mem_methods system_methods;

// Before anything else of this process uses SQLite.
void let_sqlite_memory_fail() {
  sqlite3_shutdown();
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &system_methods);
  sqlite3_mem_methods failing = system_methods;
  failing.xMalloc = [](int size) -> void* {
    return sqlite_memory.fails() ? nullptr : system_methods.xMalloc(size);
  };
  failing.xRealloc = [](void* old, int size) -> void* {
    return sqlite_memory.fails() ? nullptr : system_methods.xRealloc(old, size);
  };
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK ||
      sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK) {
    throw std::runtime_error("SQLite does not take another allocator");
  }
}

// A broker with memory of its own: what it does with an order is not under test.
class OtherHost final : public BrokerConnector {
 public:
  const BrokerCapabilities& capabilities() const override { return book_.capabilities(); }
  std::vector<SendResult> place(std::span<const Order> orders) override {
    const FailingMemory ours = std::exchange(cpp_memory, {});
    auto results = book_.place(orders);
    cpp_memory = ours;
    return results;
  }
  SendResult cancel(const Order& order) override { return book_.cancel(order); }
  SendResult replace(const Order& order, const ReplaceRequest& request) override {
    return book_.replace(order, request);
  }
  LookUp look_up(const std::string& client_order_id) override { return book_.look_up(client_order_id); }
  Book book() override { return book_.book(); }
  ReportPage poll(const std::string& cursor) override { return book_.poll(cursor); }

  ScriptedBroker& ledger() { return book_; }

 private:
  ScriptedBroker book_{BrokerClass::kEnforced};
};

// Runs `call` with memory failing after `n` allocations. False: it did not come to that.
bool run_short_of_memory(FailingMemory& memory, long n, bool for_good, const std::function<void()>& call) {
  memory = {.armed = true, .for_good = for_good, .left = n};
  try {
    call();
  } catch (const std::bad_alloc&) {
  } catch (const Error&) {
  } catch (...) {
    memory.armed = false;
    throw;
  }
  memory.armed = false;
  return memory.left < 0;
}

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

// One operation after the other, each with the next allocation failing, until one gets by with what there is.
class Ordeal {
 public:
  Ordeal(const std::string& path, FailingMemory& memory, bool for_good)
      : path_(path), memory_(memory), for_good_(for_good) {
    desk_ = std::make_unique<SqliteDesk>(path_, broker_);
  }

  void place(long& n) {
    for (bool failed = true; failed; ++n) {
      const BatchRequest request = SqliteDesk::batch("k" + std::to_string(n), 2);
      failed = run_short_of_memory(memory_, n, for_good_, [&] { desk_->oms->place(request); });
      reopen_if_stopped();
      const Receipt receipt = desk_->oms->place(request);
      require(desk_->oms->place(request).json == receipt.json, "a replay is other bytes");
      require(desk_->store->batches({.idempotency_key = request.idempotency_key}).size() == 1, "two batches");
      settle_doubts();
      for (const auto& leg : receipt.orders) {
        require(broker_.ledger().accepts[leg.client_order_id] == 1, "not once at the broker");
        require(desk_->oms->get_order(leg.id).status == OrderStatus::kAcked, "not acknowledged");
      }
    }
    check_book();
  }

  void fill(long& n) {
    BatchRequest request = SqliteDesk::batch("big");
    request.orders.front().qty = Quantity::from_int(1'000'000);
    const Receipt receipt = desk_->oms->place(request);
    const auto& leg = receipt.orders.front();
    for (bool failed = true; failed; ++n) {
      const auto report = broker_.ledger().trade(leg.client_order_id, "e" + std::to_string(n),
                                                 Quantity::from_int(1), Price::from_int(10));
      failed = run_short_of_memory(memory_, n, for_good_, [&] { desk_->oms->apply(report); });
      reopen_if_stopped();
      desk_->oms->apply(report);
      const auto filled = desk_->oms->get_order(leg.id).fill_qty;
      require(filled == Quantity::from_int(static_cast<int>(n) + 1), "an execution counts once");
    }
    check_book();
  }

  // Also the first use of everything that is made when it is first needed.
  // Thousands of allocations, nearly all of them SQLite's reading of the schema: not each of them is tried.
  void open(long& n) {
    const long stride = &memory_ == &sqlite_memory ? 37 : 3;
    const auto everything = [&] {
      const auto store = open_sqlite_store({.path = path_});
      return store->orders({}).size() + store->events({}).size() +
             static_cast<std::size_t>(store->owner() > 0);
    };
    const std::size_t whole = everything();
    for (bool failed = true; failed; n += stride) {
      std::size_t found = whole;
      failed = run_short_of_memory(memory_, n, for_good_, [&] { found = everything(); });
      require(found == whole, "a new store shows less than there is");
    }
    check_book();
  }

  // Reading has no effect to repeat, but must not show less than there is.
  void read(long& n) {
    std::string whole;
    const auto show = [&] {
      std::string text;
      for (const Order& order : desk_->oms->orders({.batch_id = 1})) {
        text += order.client_order_id + order.symbol + order.broker + order.ext_order_id + order.tenant;
      }
      for (const EventRow& row : desk_->store->events({.batch_id = 1})) text += row.lines;
      text += desk_->store->idempotency({"default", "place", "k0"}).value().response;
      return text;
    };
    whole = show();
    for (bool failed = true; failed; ++n) {
      std::string shown = whole;
      failed = run_short_of_memory(memory_, n, for_good_, [&] { shown = show(); });
      require(shown == whole, "a read shows less than there is: " + shown);
    }
  }

 private:
  void reopen_if_stopped() {
    try {
      desk_->store->put_halt({ControlScope::kBroker, "nobody", "probe", FakeClock::kStart});
      desk_->store->remove_halt(ControlScope::kBroker, "nobody", "");
    } catch (const Error& error) {
      require(error.code() == ErrorCode::kStorageUnavailable, error.what());
      desk_.reset();
      desk_ = std::make_unique<SqliteDesk>(path_, broker_);
    }
  }

  void settle_doubts() {
    for (int round = 0; round < 3; ++round) desk_->recover();
  }

  void check_book() {
    const std::string breaches = BookAudit(*desk_->store).breaches();
    require(breaches.empty(), breaches);
  }

  std::string path_;
  FailingMemory& memory_;
  bool for_good_;
  OtherHost broker_;
  std::unique_ptr<SqliteDesk> desk_;
};

// In a child, because SQLite's allocator is of the whole process and a crash has to be seen.
void check_every_allocation(bool of_sqlite, bool for_good) {
  const TemporaryFolder folder;
  // What the child was at when it died.
  auto* const at = static_cast<long*>(
      ::mmap(nullptr, 4 * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  REQUIRE(at != MAP_FAILED);
  ChildProcess child([&](const Channel&) {
    if (of_sqlite) let_sqlite_memory_fail();
    Ordeal ordeal(folder.file("book.db"), of_sqlite ? sqlite_memory : cpp_memory, for_good);
    ordeal.place(at[0]);
    ordeal.fill(at[1]);
    ordeal.read(at[2]);
    ordeal.open(at[3]);
    return 0;
  });
  CHECK(child.wait() == 0);
  INFO("place() ", at[0], ", apply() ", at[1], ", reads ", at[2], ", opening ", at[3]);
  CHECK(at[0] > 20);
  CHECK(at[1] > 20);
  CHECK(at[2] > 10);
  CHECK(at[3] > 20);
  ::munmap(at, 4 * sizeof(long));
}

}  // namespace

TEST_CASE("one failing allocation is an error or nothing, and never half an order") {
  check_every_allocation(false, false);
}

TEST_CASE("no memory at all from any allocation on is an error or nothing, and never half an order") {
  check_every_allocation(false, true);
}

TEST_CASE("one allocation that fails inside SQLite is an error or nothing, and never half an order") {
  check_every_allocation(true, false);
}

TEST_CASE("no memory for SQLite from any allocation on is an error or nothing, and never half an order") {
  check_every_allocation(true, true);
}
