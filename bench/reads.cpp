// Reading: an order, a report and a replay against the raw query, which reads every column and copies none.
#include "measure.hpp"
#include "raw_book.hpp"
#include "workload.hpp"

namespace orchestrator::bench {
namespace {

constexpr std::size_t kBatch = 100;

// A database with `batches` batches, all filled.
void fill_book(const std::filesystem::path& path, std::size_t batches) {
  const auto desk = open_desk({.database = path, .fill_model = "immediate"});
  Requests requests(kBatch, 1);
  for (std::size_t i = 0; i < batches; ++i) static_cast<void>(desk->place(requests.next()));
  static_cast<void>(desk->poll());
}

// Runs the statement and looks at every column of every row; returns the rows.
std::size_t read_all(Statement& statement) {
  std::size_t rows = 0;
  std::int64_t sum = 0;
  while (statement.step()) {
    ++rows;
    sqlite3_stmt* row = statement.handle();
    for (int i = 0; i < sqlite3_column_count(row); ++i) {
      if (sqlite3_column_type(row, i) == SQLITE_INTEGER) {
        sum += sqlite3_column_int64(row, i);
      } else {
        benchmark::DoNotOptimize(sqlite3_column_text(row, i));
        sum += sqlite3_column_bytes(row, i);
      }
    }
  }
  benchmark::DoNotOptimize(sum);
  statement.reset();
  return rows;
}

struct Book {
  Book(const Session& session, const DeskOptions& options)
      : folder(session.folder, "reads"), batches(session.quick ? 50 : 200) {
    fill_book(folder.file("book.db"), batches);
    DeskOptions there = options;
    there.database = folder.file("book.db");
    desk = open_desk(there);
    database = std::make_unique<Database>(there.database);
  }

  [[nodiscard]] std::int64_t order(std::size_t i) const {
    return 1 + static_cast<std::int64_t>(scatter(i) % (batches * kBatch));
  }
  [[nodiscard]] std::int64_t batch(std::size_t i) const {
    return 1 + static_cast<std::int64_t>(scatter(i) % batches);
  }

  Folder folder;
  std::size_t batches;
  std::unique_ptr<Orchestrator> desk;
  std::unique_ptr<Database> database;
};

void order_by_id(benchmark::State& state, Session& session) {
  const Book book(session, {});
  Statement select(book.database->handle(), "SELECT * FROM orders WHERE id = ?");
  const std::size_t count = session.scaled(60'000);
  const auto raw = [&] {
    for (std::size_t i = 0; i < count; ++i) {
      select.bind(1, book.order(i));
      benchmark::DoNotOptimize(read_all(select));
    }
  };
  const auto ours = [&] {
    for (std::size_t i = 0; i < count; ++i) benchmark::DoNotOptimize(book.desk->get_order(book.order(i)));
  };
  Duel duel(static_cast<double>(count));
  for (auto _ : state) state.SetIterationTime(duel.round(raw, ours));
  duel.report(state);
  session.at_least("order by id: ours / raw query", duel.ratio(), 0.5);
}

void report(benchmark::State& state, Session& session) {
  const Book book(session, {});
  sqlite3* db = book.database->handle();
  Statement batch(db, "SELECT * FROM order_batches WHERE id = ?");
  Statement orders(db,
                   "SELECT * FROM orders WHERE id BETWEEN (SELECT first_order_id FROM order_batches WHERE id "
                   "= ?1) AND (SELECT last_order_id FROM order_batches WHERE id = ?1)");
  Statement executions(db,
                       "SELECT * FROM executions WHERE order_id BETWEEN (SELECT first_order_id FROM "
                       "order_batches WHERE id = ?1) AND (SELECT last_order_id FROM order_batches WHERE id = "
                       "?1) ORDER BY order_id");
  const std::size_t count = session.scaled(1'500);
  const auto raw = [&] {
    for (std::size_t i = 0; i < count; ++i) {
      for (Statement* statement : {&batch, &orders, &executions}) {
        statement->bind(1, book.batch(i));
        benchmark::DoNotOptimize(read_all(*statement));
      }
    }
  };
  const auto ours = [&] {
    for (std::size_t i = 0; i < count; ++i) benchmark::DoNotOptimize(book.desk->reconcile(book.batch(i)));
  };
  Duel duel(static_cast<double>(count));
  for (auto _ : state) state.SetIterationTime(duel.round(raw, ours));
  duel.report(state);
  session.at_least("report of 100 filled orders: ours / raw queries", duel.ratio(), 0.5);
}

// Batches of two orders, each placed once and then asked for again and again.
struct Placed {
  Placed(Orchestrator& desk, std::size_t count) {
    Requests requests(2, 5);
    for (std::size_t i = 0; i < count; ++i) {
      again.push_back(requests.next());
      static_cast<void>(desk.place(again.back()));
    }
  }
  std::vector<BatchRequest> again;
};

void replay_stored(benchmark::State& state, Session& session) {
  const Book book(session, {.cached = false});
  const Placed placed(*book.desk, 1'000);
  Statement select(book.database->handle(),
                   "SELECT batch_id, fingerprint, response, created_at, expires_at FROM idempotency_keys "
                   "WHERE key = ? AND tenant = 'default' AND operation = 'place'");
  const std::size_t count = session.scaled(40'000);
  const auto raw = [&] {
    for (std::size_t i = 0; i < count; ++i) {
      select.bind(1, placed.again[scatter(i) % placed.again.size()].idempotency_key);
      benchmark::DoNotOptimize(read_all(select));
    }
  };
  const auto ours = [&] {
    for (std::size_t i = 0; i < count; ++i)
      benchmark::DoNotOptimize(book.desk->place(placed.again[scatter(i) % placed.again.size()]));
  };
  Duel duel(static_cast<double>(count));
  for (auto _ : state) state.SetIterationTime(duel.round(raw, ours));
  duel.report(state);
  session.at_least("replay from the database: ours / raw query", duel.ratio(), 0.5);
}

void replay_cached(benchmark::State& state, Session& session) {
  const Folder folder(session.folder, "replay");
  const auto desk = open_desk({.database = folder.file("book.db")});
  const Placed placed(*desk, 1'000);
  const std::size_t count = session.scaled(400'000);
  std::vector<double> rates;
  for (auto _ : state) {
    const double seconds = seconds_of([&] {
      for (std::size_t i = 0; i < count; ++i)
        benchmark::DoNotOptimize(desk->place(placed.again[scatter(i) % placed.again.size()]));
    });
    rates.push_back(static_cast<double>(count) / seconds);
    state.SetIterationTime(seconds);
  }
  state.counters["replays_per_s"] = median(rates);
  session.at_least("replay from the cache: replays/s", median(rates), 1e6);
}

}  // namespace

void register_reads(Session& session) {
  add("read/order_by_id", session.slices(), [&](benchmark::State& state) { order_by_id(state, session); });
  add("read/report_100", session.slices(), [&](benchmark::State& state) { report(state, session); });
  add("read/replay_stored", session.slices(),
      [&](benchmark::State& state) { replay_stored(state, session); });
  add("read/replay_cached", session.slices(),
      [&](benchmark::State& state) { replay_cached(state, session); });
}

}  // namespace orchestrator::bench
