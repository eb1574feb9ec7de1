// What the PostgreSQL store promises beyond the contract: several stores on one database, lost connections,
// databases that are not its own, and what its messages say.

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <atomic>
#include <functional>
#include <optional>
#include <set>
#include <thread>

#include "orchestrator/backends/postgres.hpp"
#include "orchestrator/testing/order_store_unit_cases.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

using store::accept_unit;
using store::place;

Error refusal(const PostgresOptions& options) {
  try {
    static_cast<void>(open_postgres_store(options));
  } catch (const Error& error) {
    return error;
  }
  FAIL("the store was opened");
  return Error(ErrorCode::kInternal, "");
}

void end_all_sessions_of(const std::string& url, postgres::Connection& killer) {
  postgres::Parameters name;
  name.add(url.substr(url.find("application_name=") + 17));
  killer.run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1",
             name);
}

TEST_CASE("a URL that PostgreSQL cannot read is refused in one line without its password") {
  for (const char* url : {"mysql://desk:hunter2@db/book", "postgresql://desk:hun%zzter2@db/book",
                          "postgresql://desk:hunter2@db/book?colour=red",
                          "postgresql://desk:hunter2@db:port/book", "desk:hunter2"}) {
    const Error error = refusal({.url = url});
    CHECK(error.code() == ErrorCode::kConfiguration);
    CHECK(std::string(error.what()).find("hun") == std::string::npos);
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
  }
}

TEST_CASE("a PostgreSQL server that is not there may be there later") {
  const Error error = refusal({.url = "postgresql://desk:hunter2@127.0.0.1:1/book"});
  CHECK(error.code() == ErrorCode::kStorageUnavailable);
  CHECK(error.retryable());
  CHECK(std::string(error.what()).find("127.0.0.1") != std::string::npos);
  CHECK(std::string(error.what()).find("hunter2") == std::string::npos);
  CHECK(std::string(error.what()).find('\n') == std::string::npos);
}

TEST_CASE("another program's PostgreSQL schema is left untouched") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    postgres::Connection connection({.url = url});
    connection.script("CREATE TABLE schema_migrations (version text)");  // as another program's might be
    CHECK(refusal({.url = url}).code() == ErrorCode::kForeignDatabase);
    CHECK(connection.query("SELECT * FROM schema_migrations").size() == 0);
  });
}

TEST_CASE("a PostgreSQL schema of another version is refused") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    CHECK(refusal({.url = url, .migrate = false}).code() == ErrorCode::kSchemaOutdated);
    static_cast<void>(open_postgres_store({.url = url}));
    postgres::Connection connection({.url = url});
    connection.script("INSERT INTO schema_migrations (version, name, checksum) VALUES (999, 'later', '')");
    CHECK(refusal({.url = url}).code() == ErrorCode::kSchemaTooNew);
    connection.script("DELETE FROM schema_migrations WHERE version = 999");
    connection.script("UPDATE schema_migrations SET checksum = 'another'");
    CHECK(refusal({.url = url}).code() == ErrorCode::kMigrationFailed);
  });
}

TEST_CASE("stores that open an empty PostgreSQL schema together make it once") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    std::atomic<int> failed{0};
    store::at_once(4, [&](int) {
      try {
        static_cast<void>(open_postgres_store({.url = url}));
      } catch (const Error&) {
        ++failed;
      }
    });
    CHECK(failed == 0);
  });
}

TEST_CASE("two PostgreSQL stores share keys, limits, claims and switches") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    const auto one = open_postgres_store({.url = url});
    const auto two = open_postgres_store({.url = url});
    CHECK(one->owner() != two->owner());
    std::atomic<int> accepted{0};
    std::atomic<int> replayed{0};
    store::at_once(8, [&](int i) {
      Store& mine = i % 2 == 0 ? *one : *two;
      for (int key = 0; key < 10; ++key) {
        AcceptUnit unit = accept_unit({.key = "k" + std::to_string(key), .orders = 3});
        const auto status = mine.accept(unit).status;
        if (status == AcceptResult::Status::kAccepted) ++accepted;
        if (status == AcceptResult::Status::kKeyExists) ++replayed;
      }
    });
    CHECK(accepted == 10);
    CHECK(replayed == 70);
    std::atomic<std::size_t> claimed{0};
    store::at_once(6, [&](int i) {
      Store& mine = i % 2 == 0 ? *one : *two;
      ClaimRequest request = store::claim_request(mine);
      request.limit = 2;
      for (auto page = mine.claim(request); !page.empty(); page = mine.claim(request)) claimed += page.size();
    });
    CHECK(claimed == 30);

    const std::int64_t version = two->reference_version();
    one->put_halt(store::halt_of(ControlScope::kAll, ""));
    CHECK(two->reference_version() != version);
    AcceptUnit stopped = accept_unit({.key = "stopped"});
    CHECK(two->accept(stopped).status == AcceptResult::Status::kHalted);
  });
}

TEST_CASE("a reader that goes on from the last event misses none that commits late") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    const auto store = open_postgres_store({.url = url});
    static_cast<void>(place(*store, {.key = "first"}));
    REQUIRE(store->events({.without_gaps = true}).size() == 1);
    postgres::Connection slow({.url = url});
    slow.script(
        "BEGIN; SELECT pg_current_xact_id(); INSERT INTO events SELECT nextval('event_ids'), batch_id, "
        "order_id, at, lines FROM events");
    static_cast<void>(place(*store, {.key = "second"}));
    const EventQuery all = {.without_gaps = false};
    REQUIRE(store->events(all).size() == 2);
    const auto before = store->events({.without_gaps = true});
    REQUIRE(before.size() == 1);
    slow.script("COMMIT");
    const auto after = store->events({.without_gaps = true, .after_id = before.back().id});
    REQUIRE(after.size() == 2);
    CHECK(after[0].id == before.back().id + 1);
    CHECK(store->events({.without_gaps = true}).size() == 3);
  });
}

TEST_CASE("what is wrong with a PostgreSQL book of many pages is found on each of them") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    const auto store = open_postgres_store({.url = url});
    postgres::Connection tables({.url = url});
    tables.run(
        "INSERT INTO order_batches SELECT id, '', 1, 1, id::text, '', 0, CASE WHEN id % 1000 IN (0, 1) THEN "
        "1 "
        "ELSE 0 END, 0, 0, 0, 0, 0, 1, 0 FROM generate_series(1, 2500) AS id");
    CHECK(store->verify() == std::vector<std::string>{"batch 1 says it has 1 orders and has 0",
                                                      "batch 1000 says it has 1 orders and has 0",
                                                      "batch 1001 says it has 1 orders and has 0",
                                                      "batch 2000 says it has 1 orders and has 0",
                                                      "batch 2001 says it has 1 orders and has 0"});
  });
}

TEST_CASE("a sender on PostgreSQL takes away the rows of those long gone, and leaves what is still leased") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    const auto store = open_postgres_store({.url = url});
    static_cast<void>(place(*store, {}));
    const auto sleeper = open_postgres_store({.url = url});
    REQUIRE(sleeper->claim(store::claim_request(*sleeper)).size() == 1);
    postgres::Connection tables({.url = url});
    tables.run("UPDATE owners SET started_at = started_at - interval '31 days'");
    tables.run(
        "INSERT INTO owners (id, started_at, ended_at) OVERRIDING SYSTEM VALUE SELECT id, now() - ended * "
        "1.1, "
        "now() - ended FROM (VALUES (1, interval '1 minute'), (2, '2 days')) AS gone (id, ended)");
    const std::int64_t owner = store->owner();
    const postgres::Result result = tables.query("SELECT id FROM owners ORDER BY id");
    std::set<std::int64_t> left;
    postgres::Cursor row(result);
    for (std::int64_t id = 0; row.next(); left.insert(id)) row.read(id);
    CHECK(left == std::set<std::int64_t>{1, owner, sleeper->owner()});
  });
}

TEST_CASE("a reader of the log waits for a younger transaction that drew the lower number") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    const auto store = open_postgres_store({.url = url});
    static_cast<void>(place(*store, {.key = "first"}));
    REQUIRE(store->events({.without_gaps = true}).size() == 1);
    const std::string insert =
        "INSERT INTO events SELECT nextval('event_ids'), batch_id, order_id, at, lines FROM events LIMIT 1";
    postgres::Connection older({.url = url});
    postgres::Connection younger({.url = url});
    older.script("BEGIN; SELECT pg_current_xact_id()");
    younger.script("BEGIN; SELECT pg_current_xact_id(); " + insert);
    older.script(insert + "; COMMIT");
    CHECK(store->events({.without_gaps = true}).size() == 1);
    younger.script("COMMIT");
    CHECK(store->events({.without_gaps = true}).size() == 3);
  });
}

// What a call is refused with while somebody else holds the lock that stop switches are changed under.
template <class Call>
std::optional<ErrorCode> refused_while(postgres::Connection& holder, const std::string& lock, Call&& call) {
  holder.script("BEGIN; SELECT " + lock + "(1869767779, 1)");
  std::optional<ErrorCode> code;
  try {
    call();
  } catch (const Error& error) {
    code = error.code();
  }
  holder.script("ROLLBACK");
  return code;
}

TEST_CASE("a PostgreSQL stop switch waits for the claims under way and the next ones wait for it") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    const auto book = open_postgres_store({.url = url,
                                           .statement_timeout = std::chrono::milliseconds(1000),
                                           .lock_timeout = std::chrono::milliseconds(50)});
    postgres::Connection holder({.url = url});
    const Order order = place(*book, {.orders = 2}).at(0);
    const ClaimRequest request = store::claim_request(*book);
    const auto claim = [&] { static_cast<void>(book->claim(request)); };
    const auto accept = [&] {
      AcceptUnit unit = accept_unit({.key = "new"});
      book->accept(unit);
    };
    const auto announce = [&](std::optional<HaltMode> unless) {
      ChangeUnit unit;
      unit.orders = {store::changed(order, OrderStatus::kAcked)};
      unit.unless_stopped = unless;
      book->commit(unit);
    };
    const auto halt = [&] { book->put_halt(store::halt_of(ControlScope::kAll, "")); };

    const std::string changing = "pg_advisory_xact_lock";
    CHECK(refused_while(holder, changing, claim) == ErrorCode::kStorageBusy);
    CHECK(refused_while(holder, changing, accept) == ErrorCode::kStorageBusy);
    CHECK(refused_while(holder, changing, [&] { announce(HaltMode::kHalt); }) == ErrorCode::kStorageBusy);
    CHECK(refused_while(holder, changing, [&] { announce(std::nullopt); }) == std::nullopt);
    const std::string sending = "pg_advisory_xact_lock_shared";
    CHECK(refused_while(holder, sending, claim) == std::nullopt);
    CHECK(refused_while(holder, sending, halt) == ErrorCode::kStorageBusy);
    CHECK(book->halts().empty());
    halt();
    CHECK(book->halts().size() == 1);
  });
}

TEST_CASE("a PostgreSQL stop switch has more patience than the units under way that it waits for") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    const auto book = open_postgres_store({.url = url, .lock_timeout = std::chrono::milliseconds(50)});
    const Order order = place(*book, {}).at(0);
    const ClaimRequest request = store::claim_request(*book);
    postgres::Connection long_unit({.url = url});
    postgres::Connection watch({.url = url});
    const auto stops = [&](const std::function<void()>& stop) {
      long_unit.script("BEGIN; SELECT pg_advisory_xact_lock_shared(1869767779, 1)");
      std::atomic<bool> ended{false};
      std::optional<Error> failure;
      std::thread caller([&] {
        try {
          stop();
        } catch (const Error& error) {
          failure = error;
        }
        ended = true;
      });
      await_waiting(watch);
      // Whoever comes behind it waits as long as anybody may for one lock, and it goes on waiting.
      ErrorCode code = ErrorCode::kInternal;
      try {
        static_cast<void>(book->claim(request));
      } catch (const Error& error) {
        code = error.code();
      }
      CHECK(code == ErrorCode::kStorageBusy);
      CHECK_FALSE(ended);
      long_unit.script("COMMIT");
      caller.join();
      CHECK_FALSE(failure.has_value());
    };
    stops([&] { book->put_halt(store::halt_of(ControlScope::kAll, "")); });
    CHECK(book->remove_halt(ControlScope::kAll, "", ""));
    stops([&] {
      ChangeUnit unit;
      unit.orders = {store::changed(order, OrderStatus::kAcked)};
      unit.halts = {store::halt_of(ControlScope::kBroker, "north")};
      static_cast<void>(book->commit(unit));
    });
    CHECK(book->halts().size() == 1);
  });
}

TEST_CASE("a change of PostgreSQL's reference data returns when nobody accepts by the old any more") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    const auto book = open_postgres_store({.url = url, .lock_timeout = std::chrono::milliseconds(50)});
    postgres::Connection holder({.url = url});
    const PortfolioLimits limits{.portfolio_id = 1, .max_quantity = Quantity::from_int(10)};
    const std::string accepting = "pg_advisory_xact_lock_shared";
    CHECK(refused_while(holder, accepting, [&] { book->put_limits(limits); }) == ErrorCode::kStorageBusy);
    CHECK(book->limits().empty());
    AcceptUnit unit = accept_unit({});
    unit.reference_version = book->reference_version();
    book->put_limits(limits);
    CHECK(book->accept(unit).status == AcceptResult::Status::kReferenceChanged);
  });
}

TEST_CASE("a PostgreSQL store goes on after its sessions were ended") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make() + "&application_name=ended_" + std::to_string(::getpid());
    const auto book = open_postgres_store({.url = url});
    postgres::Connection killer({.url = *postgres_url()});
    place(*book, {.key = "before"});
    end_all_sessions_of(url, killer);
    CHECK(book->orders({}).size() == 1);
    end_all_sessions_of(url, killer);
    CHECK(place(*book, {.key = "after"}).size() == 1);
    CHECK(book->batches({}).size() == 2);
  });
}

TEST_CASE("a PostgreSQL lock that is kept too long leaves nothing changed") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    const auto book = open_postgres_store({.url = url, .lock_timeout = std::chrono::milliseconds(50)});
    place(*book, {.key = "first"});
    postgres::Connection holder({.url = url});
    holder.script("BEGIN; SELECT * FROM portfolio_usage FOR UPDATE");
    AcceptUnit unit = accept_unit({.key = "second"});
    ErrorCode code = ErrorCode::kInternal;
    try {
      book->accept(unit);
    } catch (const Error& error) {
      code = error.code();
      CHECK(error.retryable());
    }
    CHECK(code == ErrorCode::kStorageBusy);
    holder.script("ROLLBACK");
    CHECK(book->accept(unit).status == AcceptResult::Status::kAccepted);
    CHECK(book->batches({}).size() == 2);
  });
}

TEST_CASE("a text that PostgreSQL cannot hold is refused whole") {
  with_server([](PostgresSchemas& schemas) {
    const auto book = open_postgres_store({.url = schemas.make()});
    for (const std::string& text : {std::string("a\0b", 3), std::string("\xff\xfe")}) {
      AcceptUnit unit = accept_unit({.key = "k"});
      unit.orders[0].symbol = text;
      ErrorCode code = ErrorCode::kInternal;
      try {
        book->accept(unit);
      } catch (const Error& error) {
        code = error.code();
      }
      CHECK(code == ErrorCode::kInvalidArgument);
      CHECK(book->batches({}).empty());
    }
  });
}

TEST_CASE("a forked child is refused its parent's PostgreSQL store and leaves it alone") {
  with_server([](PostgresSchemas& schemas) {
    const auto book = open_postgres_store({.url = schemas.make()});
    place(*book, {});
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      int answer = 1;
      try {
        static_cast<void>(book->orders({}));
      } catch (const Error& error) {
        answer = error.code() == ErrorCode::kClosed ? 0 : 2;
      }
      ::_exit(answer);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(book->orders({}).size() == 1);
  });
}

TEST_CASE("a PostgreSQL book is known to every process, and one made anew is another") {
  with_server([](PostgresSchemas& schemas) {
    const std::string url = schemas.make();
    const std::string id = open_postgres_store({.url = url})->book_id();
    CHECK_FALSE(id.empty());
    CHECK(open_postgres_store({.url = url})->book_id() == id);
    CHECK(open_postgres_store({.url = schemas.make()})->book_id() != id);
    // As a restored dump would have it.
    postgres::Connection connection({.url = url});
    connection.script(
        "CREATE TABLE restored (LIKE schema_migrations INCLUDING ALL); INSERT INTO restored SELECT * FROM "
        "schema_migrations; DROP TABLE schema_migrations; ALTER TABLE restored RENAME TO schema_migrations; "
        "COMMENT ON TABLE schema_migrations IS 'liborchestrator order book'");
    CHECK(open_postgres_store({.url = url})->book_id() != id);
  });
}

}  // namespace
}  // namespace orchestrator::testing
