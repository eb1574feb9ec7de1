// Placing on PostgreSQL: ours against the raw reference; a full database against an empty one; several
// processes against one.
#include <algorithm>

#include "callers.hpp"
#include "measure.hpp"
#include "orchestrator/backends/postgres.hpp"
#include "postgres_processes.hpp"
#include "postgres_raw.hpp"
#include "workload.hpp"

namespace orchestrator::bench {
namespace {

constexpr std::size_t kCallers = 32;
constexpr std::size_t kRawWriters = 3;
constexpr std::size_t kFillBatch = 100;
constexpr std::size_t kProcesses = 8;

std::unique_ptr<Orchestrator> open_postgres_desk(const std::string& url, std::size_t batch) {
  Parts parts;
  parts.store = open_postgres_store({.url = url});
  return open_desk({.orders_max = std::max<std::size_t>(batch, 100)}, std::move(parts));
}

// Through a desk on `url`.
PostgresBatch sample_batch(const std::string& url, Orchestrator& desk, std::size_t batch) {
  static std::uint64_t caller = 90'000;  // that nobody else is
  Requests sample(batch, ++caller);
  return read_postgres_batch(url, desk.place(sample.next()).batch_id);
}

struct Sides {
  Sides(const std::string& server, std::size_t batch, std::size_t writers)
      : schemas(server), url(schemas.make()), ours(open_postgres_desk(url, batch)) {
    raw = std::make_unique<PostgresRawBook>(schemas.make(), sample_batch(url, *ours, batch), writers);
  }

  PostgresSchemas schemas;
  std::string url;
  std::unique_ptr<Orchestrator> ours;
  std::unique_ptr<PostgresRawBook> raw;
};

std::vector<Requests> requests_of(std::size_t callers, std::size_t batch, PortfolioId portfolios = 8) {
  std::vector<Requests> requests;
  for (std::size_t caller = 0; caller < callers; ++caller)
    requests.emplace_back(batch, 100 + caller, 0, portfolios);
  return requests;
}

struct Case {
  std::size_t batch;
  std::size_t batches;  // of a slice, or of each caller's
  double goal;
  PortfolioId portfolios = 8;  // of all callers together
};

void one_caller(benchmark::State& state, Session& session, const std::string& server, const Case& one,
                const Bound& bound) {
  Sides sides(server, one.batch, 1);
  Requests requests(one.batch, 100);
  const std::size_t count = session.scaled(one.batches);
  const auto raw = [&] {
    for (std::size_t i = 0; i < count; ++i) sides.raw->place();
  };
  const auto ours = [&] {
    for (std::size_t i = 0; i < count; ++i) benchmark::DoNotOptimize(sides.ours->place(requests.next()));
  };
  raw();
  ours();
  Duel duel(static_cast<double>(count * one.batch));
  for (auto _ : state) state.SetIterationTime(duel.round(raw, ours));
  duel.report(state);
  session.judge(bound, duel.ratio());
}

void place_all(Orchestrator& desk, std::vector<Requests>& requests, std::size_t each) {
  run_callers(requests.size(), [&](std::size_t caller) {
    for (std::size_t i = 0; i < each; ++i) benchmark::DoNotOptimize(desk.place(requests[caller].next()));
  });
}

void many_callers(benchmark::State& state, Session& session, const std::string& server, const Case& one,
                  const Bound& bound) {
  Sides sides(server, one.batch, kRawWriters);
  auto requests = requests_of(kCallers, one.batch);
  const std::size_t each = session.scaled(one.batches);
  const auto raw = [&] {
    run_callers(kCallers, [&](std::size_t caller) {
      for (std::size_t i = 0; i < each; ++i) sides.raw->place_grouped(caller);
    });
  };
  const auto ours = [&] { place_all(*sides.ours, requests, each); };
  raw();
  ours();
  Duel duel(static_cast<double>(kCallers * each * one.batch));
  for (auto _ : state) state.SetIterationTime(duel.round(raw, ours));
  duel.report(state);
  session.judge(bound, duel.ratio());
}

// 32 callers in this process, or in each of eight: as many orders. Both sides are ours.
void processes(benchmark::State& state, Session& session, const std::string& server, const Case& one,
               const Bound& bound) {
  PostgresSchemas schemas(server);
  const std::string url = schemas.make();
  const auto desk = open_postgres_desk(url, one.batch);
  auto requests = requests_of(kCallers, one.batch, one.portfolios);
  const std::size_t each = session.scaled(one.batches);
  std::vector<std::unique_ptr<ChildDesk>> children;
  for (std::size_t i = 0; i < kProcesses; ++i) {
    children.push_back(std::make_unique<ChildDesk>(ChildWork{.url = url,
                                                             .first_caller = 200 + i * kCallers,
                                                             .callers = kCallers,
                                                             .batch = one.batch,
                                                             .each = each,
                                                             .portfolios = one.portfolios}));
  }
  const auto together = [&] {
    for (const auto& child : children) child->start();
    for (const auto& child : children) child->wait();
  };
  const auto alone = [&] { place_all(*desk, requests, each * kProcesses); };
  alone();
  together();
  Duel duel(static_cast<double>(kCallers * kProcesses * each * one.batch));
  for (auto _ : state) state.SetIterationTime(duel.round(alone, together));
  duel.report(state);
  session.judge(bound, duel.ratio());
}

// Right's rate over left's, slice by slice.
template <class Left, class Right>
Duel compare(const Session& session, double units, const Left& left, const Right& right) {
  left();
  right();
  Duel duel(units);
  for (int i = 0; i < session.slices(); ++i) duel.round(left, right);
  return duel;
}

void full_database(benchmark::State& state, Session& session, const std::string& server,
                   const std::vector<Case>& cases, const std::vector<Bound>& bounds) {
  PostgresSchemas schemas(server);
  const std::string empty = schemas.make();
  const std::string full = schemas.make();
  const std::size_t orders = session.quick ? 200'000 : 1'000'000;
  const auto to_empty = open_postgres_desk(empty, kFillBatch);
  const PostgresBatch filler = sample_batch(empty, *to_empty, kFillBatch);
  const double seconds = seconds_of([&] { PostgresRawBook(full, filler, 1).fill(orders / kFillBatch); });
  const auto to_full = open_postgres_desk(full, kFillBatch);
  std::vector<PostgresBatch> samples;
  const auto ours = [&](const Case& one, const Bound& bound) {
    const std::size_t count = session.scaled(one.batches);
    const auto place = [count](Orchestrator& desk, Requests& requests) {
      for (std::size_t i = 0; i < count; ++i) benchmark::DoNotOptimize(desk.place(requests.next()));
    };
    Requests left(one.batch, 300 + one.batch);
    Requests right = left;
    const Duel duel = compare(
        session, static_cast<double>(count * one.batch), [&] { place(*to_empty, left); },
        [&] { place(*to_full, right); });
    state.counters["ratio_" + std::to_string(one.batch)] = duel.ratio();
    state.counters["orders_per_s_" + std::to_string(one.batch)] = duel.ours();
    session.judge(bound, duel.ratio());
    samples.push_back(sample_batch(empty, *to_empty, one.batch));
  };
  // Counts its own ids, so that nobody else can write any more.
  const auto raw = [&](const Case& one, const PostgresBatch& sample) {
    PostgresRawBook left(empty, sample, 1);
    PostgresRawBook right(full, sample, 1);
    const std::size_t count = session.scaled(one.batches);
    const auto place = [count](PostgresRawBook& book) {
      for (std::size_t i = 0; i < count; ++i) book.place();
    };
    const Duel duel = compare(
        session, 1, [&] { place(left); }, [&] { place(right); });
    state.counters["raw_ratio_" + std::to_string(one.batch)] = duel.ratio();
  };
  for (auto _ : state) {
    state.SetIterationTime(seconds);
    for (std::size_t i = 0; i < cases.size(); ++i) ours(cases[i], bounds[i]);
    for (std::size_t i = 0; i < cases.size(); ++i) raw(cases[i], samples[i]);
  }
  state.counters["raw_filled_per_s"] = static_cast<double>(orders) / seconds;
}

}  // namespace

void register_postgres(Session& session) {
  const Server server = find_server("POSTGRES", "ORCHESTRATOR_TEST_POSTGRES_URL");
  const auto add_case = [&](const std::string& name, const std::string& goal, const Case& one, auto run) {
    const std::string batch = std::to_string(one.batch);
    add_served(session, server, name + "/batch:" + batch, session.slices(),
               {{"PostgreSQL, " + goal + ", batch " + batch, one.goal}},
               [&session, one, run, url = server.address](benchmark::State& state,
                                                          const std::vector<Bound>& bounds) {
                 run(state, session, url, one, bounds.front());
               });
  };
  for (const Case& one : {Case{1, 400, 0.7}, Case{100, 80, 0.7}, Case{1000, 12, 0.7}}) {
    add_case("place/postgres/callers:1", "one caller: ours / raw", one, one_caller);
  }
  for (const Case& one : {Case{1, 100, 0.6}, Case{100, 12, 0.7}}) {
    add_case("place/postgres/callers:32", "32 callers: ours / raw", one, many_callers);
  }
  // A portfolio for each caller; where callers of several processes share one, they wait for each other's
  // commits.
  for (const Case& one :
       {Case{1, 24, 0.9, 256}, Case{100, 4, 0.9, 256}, Case{1, 24, 0.9, 8}, Case{100, 4, 0.9, 8}}) {
    const std::string portfolios = std::to_string(one.portfolios);
    add_case("place/postgres/processes:8/portfolios:" + portfolios,
             "8 processes / one, " + portfolios + " portfolios", one, processes);
  }
  const std::string orders = session.quick ? "200000" : "1000000";
  const std::vector<Case> cases{{1, 300, 0.9}, {100, 60, 0.9}};
  std::vector<Bound> bounds;
  for (const Case& one : cases) {
    bounds.push_back(
        {"PostgreSQL, " + orders + " orders there / empty, batch " + std::to_string(one.batch), one.goal});
  }
  add_served(session, server, "flat/postgres/full_database", 1, bounds,
             [&session, cases, url = server.address](benchmark::State& state, const std::vector<Bound>& of) {
               full_database(state, session, url, cases, of);
             });
}

}  // namespace orchestrator::bench
