// A PostgreSQL server that keeps its connections and does not answer: nobody waits for it for ever, and what
// may have happened is told from what has not.

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/backends/postgres.hpp"
#include "orchestrator/testing/order_store_unit_cases.hpp"
#include "support/postgres_proxy.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

using store::accept_unit;
using store::place;
using Loss = PostgresProxy::Loss;
using std::chrono::milliseconds;

// The margin of what has a time-out at the server is the shortest that there is: two seconds.
PostgresOptions impatient(const std::string& url) {
  return {.url = url,
          .writers = 1,
          .connect_timeout = milliseconds(2000),
          .statement_timeout = milliseconds(300),
          .lock_timeout = milliseconds(300)};
}

template <class Check>
void behind_proxy(Check&& check, milliseconds statement_timeout = milliseconds(300)) {
  with_server([&](const std::string& url) {
    PostgresProxy proxy(url);
    PostgresOptions options = impatient(proxy.url());
    options.statement_timeout = statement_timeout;
    const auto book = open_postgres_store(options);
    place(*book, {.key = "first"});
    check(*book, proxy);
  });
}

// kill, start, pause or resume. False: it is not ours to steer.
bool steer_server(const std::string& verb) {
  const std::string command =
      ORCHESTRATOR_SOURCE_DIR "/tests/servers/ctl " + verb + " postgres >/dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}

std::optional<Error> failure_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

// Every call of a store, several of each kind, so that some wait for others; returns how they ended.
std::vector<std::optional<Error>> all_calls(Store& book, const Order& order) {
  const std::vector<std::function<void(const std::string&)>> calls = {
      [&](const std::string& name) {
        AcceptUnit unit = accept_unit({.key = name});
        book.accept(unit);
      },
      [&](const std::string&) {
        ChangeUnit unit;
        unit.orders = {store::changed(order, OrderStatus::kAcked)};
        book.commit(unit);
      },
      [&](const std::string&) { book.claim(store::claim_request(book)); },
      [&](const std::string&) { static_cast<void>(book.orders({})); },
      [&](const std::string&) { book.put_halt(store::halt_of(ControlScope::kAll, "")); },
  };
  std::vector<std::optional<Error>> ends(3 * calls.size());
  store::at_once(static_cast<int>(ends.size()), [&](int caller) {
    const auto at = static_cast<std::size_t>(caller);
    ends[at] = failure_of([&] { calls[at % calls.size()]("k" + std::to_string(caller)); });
  });
  return ends;
}

void check_nothing_happened(const std::vector<std::optional<Error>>& ends) {
  for (const auto& end : ends) {
    REQUIRE(end.has_value());
    INFO(end->what());
    CHECK(end->retryable());
    CHECK((end->code() == ErrorCode::kStorageUnavailable || end->code() == ErrorCode::kStorageBusy));
  }
}

void check_goes_on(Store& book, const Order& order) {
  CHECK(book.halts().empty());
  CHECK(book.batches({}).size() == 1);
  ChangeUnit unit;
  unit.orders = {store::changed(order, OrderStatus::kAcked)};
  CHECK(book.commit(unit) == CommitStatus::kCommitted);
  place(book, {.key = "k0"});
}

TEST_CASE("whoever calls a PostgreSQL server that stands still is told in time that nothing happened") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    const Order order = book.orders({}).at(0);
    static_cast<void>(book.owner());
    proxy.stand_still(true);
    check_nothing_happened(all_calls(book, order));
    proxy.stand_still(false);
    check_goes_on(book, order);
  });
}

TEST_CASE("a PostgreSQL server whose processes are stopped keeps nobody waiting, and goes on with them") {
  with_server([](const std::string& url) {
    const auto book = open_postgres_store(impatient(url));
    const Order order = place(*book, {.key = "first"}).at(0);
    static_cast<void>(book->owner());
    if (!steer_server("pause")) {
      MESSAGE("SKIPPED: the server is not ours to stop");
      return;
    }
    const auto ends = all_calls(*book, order);
    REQUIRE(steer_server("resume"));
    check_nothing_happened(ends);
    check_goes_on(*book, order);
  });
}

TEST_CASE("a COMMIT that PostgreSQL carried out and never answered is looked up") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    const Order order = book.orders({}).at(0);
    ChangeUnit unit;
    unit.orders = {store::changed(order, OrderStatus::kAcked)};
    proxy.lose_next_commit(Loss::kSilence);
    CHECK(book.commit(unit) == CommitStatus::kCommitted);
    AcceptUnit accepted = accept_unit({.key = "second"});
    proxy.lose_next_commit(Loss::kSilence);
    CHECK(book.accept(accepted).status == AcceptResult::Status::kAccepted);
    CHECK(book.batches({}).size() == 2);
  });
}

TEST_CASE("a COMMIT that PostgreSQL is still at when patience ends is in doubt, and may stand later") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    const Order order = book.orders({}).at(0);
    ChangeUnit unit;
    unit.orders = {store::changed(order, OrderStatus::kAcked)};
    AcceptUnit accepted = accept_unit({.key = "second", .portfolio_id = 2});
    SUBCASE("of a change") {
      proxy.lose_next_commit(Loss::kLate);
      const auto failure = failure_of([&] { book.commit(unit); });
      REQUIRE(failure.has_value());
      CHECK(failure->in_doubt());
      CHECK(store::order_of(book, order.id).status == OrderStatus::kPlaced);
      proxy.release_commits();
      await([&] { return store::order_of(book, order.id).status == OrderStatus::kAcked; });
    }
    SUBCASE("of an accept that locked its portfolio, here because it is new") {
      proxy.lose_next_commit(Loss::kLate);
      const auto failure = failure_of([&] { book.accept(accepted); });
      REQUIRE(failure.has_value());
      CHECK(failure->in_doubt());
      proxy.release_commits();
      await([&] { return book.idempotency(accepted.idempotency.scope).has_value(); });
      CHECK(book.accept(accepted).status == AcceptResult::Status::kKeyExists);
    }
  });
}

TEST_CASE("an accept that runs again behind its own late COMMIT finds its key and not its margin") {
  with_server([](const std::string& url) {
    PostgresProxy proxy(url);
    PostgresOptions options = impatient(proxy.url());
    options.lock_timeout = milliseconds(1500);
    options.statement_timeout = milliseconds(4000);
    const auto book = open_postgres_store(options);
    place(*book, {.key = "first"});
    // Of a new portfolio, which is locked before the batch is decided on.
    AcceptUnit unit = accept_unit({.key = "second", .portfolio_id = 2, .margin = store::money("2")});
    unit.limits.margin_available = store::money("3");
    proxy.lose_next_commit(Loss::kLate);
    AcceptResult result;
    std::optional<Error> failure;
    std::thread caller([&] { failure = failure_of([&] { result = book->accept(unit); }); });
    postgres::Connection watch({.url = url});
    await_waiting(watch);
    proxy.release_commits();
    caller.join();
    REQUIRE_FALSE(failure.has_value());
    CHECK(result.status == AcceptResult::Status::kKeyExists);
    REQUIRE(result.existing.has_value());
    REQUIRE(book->batches({}).size() == 2);
    CHECK(result.existing->batch_id == book->batches({}).back().id);
    CHECK(book->usage_of(2).margin_reserved == store::money("2"));
  });
}

TEST_CASE("a change that PostgreSQL's switches or versions refuse is never in doubt with its group") {
  const auto check = [](Store& book, PostgresProxy& proxy) {
    const std::vector<Order> orders = place(book, {.key = "second", .orders = 8});
    book.put_halt(store::halt_of(ControlScope::kAll, ""));
    proxy.lose_next_commit(Loss::kLate);
    std::atomic<int> wrong{0};
    std::atomic<int> doubtful{0};
    store::at_once(8, [&](int caller) {
      ChangeUnit unit;
      unit.orders = {store::changed(orders[static_cast<std::size_t>(caller)], OrderStatus::kAcked)};
      if (caller % 4 == 0) unit.unless_stopped = HaltMode::kHalt;
      if (caller % 4 == 1) ++unit.orders[0].version;
      if (caller % 4 == 2) unit.margins = {{caller, store::money("2"), store::money("1")}};
      std::optional<CommitStatus> status;
      const auto failure = failure_of([&] { status = book.commit(unit); });
      constexpr CommitStatus kEnds[] = {CommitStatus::kHalted, CommitStatus::kConflict, CommitStatus::kLimit};
      if (caller % 4 != 3 && status != kEnds[caller % 4]) ++wrong;
      if (caller % 4 == 3 && failure && failure->in_doubt()) ++doubtful;
    });
    CHECK(wrong == 0);
    CHECK(doubtful > 0);
    proxy.release_commits();
  };
  behind_proxy(check, std::chrono::seconds(20));
}

}  // namespace
}  // namespace orchestrator::testing
