// Placing: ours against the raw reference, on SQLite; the engine over the memory store; latency.
#include <cstdio>

#include "callers.hpp"
#include "measure.hpp"
#include "raw_book.hpp"
#include "workload.hpp"

namespace orchestrator::bench {
namespace {

constexpr std::size_t kCallers = 32;

struct Sides {
  Sides(const Session& session, std::size_t batch)
      : folder(session.folder, "placement"),
        ours(open_desk(
            {.database = folder.file("ours.db"), .orders_max = std::max<std::size_t>(batch, 100)})) {
    Requests sample(batch, 99);
    const Receipt receipt = ours->place(sample.next());
    raw = std::make_unique<RawBook>(folder.file("raw.db"),
                                    read_batch_rows(folder.file("ours.db"), receipt.batch_id));
  }

  Folder folder;
  std::unique_ptr<Orchestrator> ours;
  std::unique_ptr<RawBook> raw;
};

std::vector<Requests> requests_of(std::size_t callers, std::size_t batch) {
  std::vector<Requests> requests;
  for (std::size_t caller = 0; caller < callers; ++caller) requests.emplace_back(batch, caller);
  return requests;
}

void one_caller(benchmark::State& state, Session& session, std::size_t batch, std::size_t batches,
                double goal) {
  Sides sides(session, batch);
  Requests requests(batch, 0);
  const std::size_t count = session.scaled(batches);
  const auto raw = [&] {
    for (std::size_t i = 0; i < count; ++i) sides.raw->place();
  };
  const auto ours = [&] {
    for (std::size_t i = 0; i < count; ++i) benchmark::DoNotOptimize(sides.ours->place(requests.next()));
  };
  raw();
  ours();
  Duel duel(static_cast<double>(count * batch));
  for (auto _ : state) state.SetIterationTime(duel.round(raw, ours));
  duel.report(state);
  session.at_least("one caller, batch " + std::to_string(batch) + ": ours / raw", duel.ratio(), goal);
}

void many_callers(benchmark::State& state, Session& session, std::size_t batch, std::size_t batches) {
  Sides sides(session, batch);
  auto requests = requests_of(kCallers, batch);
  const std::size_t each = session.scaled(batches);
  const auto raw = [&] {
    run_callers(kCallers, [&](std::size_t) {
      for (std::size_t i = 0; i < each; ++i) sides.raw->place_grouped();
    });
  };
  const auto ours = [&] {
    run_callers(kCallers, [&](std::size_t caller) {
      for (std::size_t i = 0; i < each; ++i)
        benchmark::DoNotOptimize(sides.ours->place(requests[caller].next()));
    });
  };
  raw();
  ours();
  Duel duel(static_cast<double>(kCallers * each * batch));
  for (auto _ : state) state.SetIterationTime(duel.round(raw, ours));
  duel.report(state);
  session.at_least("32 callers, batch " + std::to_string(batch) + ": ours / raw grouping writer",
                   duel.ratio(), 0.8);
}

// Both sides are ours: what grouping gives 32 callers over one.
void grouping_gain(benchmark::State& state, Session& session) {
  Sides sides(session, 1);
  Requests alone(1, 0);
  auto requests = requests_of(kCallers, 1);
  const std::size_t each = session.scaled(100);
  const std::size_t count = each * 4;
  std::vector<double> gains;
  for (auto _ : state) {
    const double one = seconds_of([&] {
      for (std::size_t i = 0; i < count; ++i) benchmark::DoNotOptimize(sides.ours->place(alone.next()));
    });
    const double all = run_callers(kCallers, [&](std::size_t caller) {
      for (std::size_t i = 0; i < each; ++i)
        benchmark::DoNotOptimize(sides.ours->place(requests[caller].next()));
    });
    gains.push_back((static_cast<double>(kCallers * each) / all) / (static_cast<double>(count) / one));
    state.SetIterationTime(one + all);
  }
  state.counters["gain"] = median(gains);
  session.at_least("32 callers over one caller, batch 1", median(gains), 7);
}

struct Latencies {
  std::vector<double> all;
  double seconds = 0;
};

// How long each of `each` calls of every caller took.
template <class Call>
Latencies latencies(std::size_t each, const Call& call) {
  std::vector<std::vector<double>> took(kCallers);
  Latencies result;
  result.seconds = run_callers(kCallers, [&](std::size_t caller) {
    took[caller].reserve(each);
    for (std::size_t i = 0; i < each; ++i) took[caller].push_back(seconds_of([&] { call(caller); }));
  });
  for (const auto& some : took) result.all.insert(result.all.end(), some.begin(), some.end());
  return result;
}

// Beside ours the raw grouping writer's: the tail that the disk makes is in both.
void latency(benchmark::State& state, Session& session, Mode mode, const std::string& name) {
  const Folder folder(session.folder, "latency");
  const auto desk = open_desk({.database = folder.file("ours.db"), .mode = mode});
  const Sides raw_side(session, 1);
  auto requests = requests_of(kCallers, 1);
  const std::size_t each = session.scaled(150);
  std::vector<double> p50;
  std::vector<double> p99;
  std::vector<double> ratios;
  std::vector<double> raw_ratios;
  for (auto _ : state) {
    const auto ours = latencies(
        each, [&](std::size_t caller) { benchmark::DoNotOptimize(desk->place(requests[caller].next())); });
    state.SetIterationTime(ours.seconds);
    p50.push_back(quantile(ours.all, 0.5) * 1e6);
    p99.push_back(quantile(ours.all, 0.99) * 1e6);
    ratios.push_back(p99.back() / p50.back());
    const auto raw = latencies(each, [&](std::size_t) { raw_side.raw->place_grouped(); });
    raw_ratios.push_back(quantile(raw.all, 0.99) / quantile(raw.all, 0.5));
  }
  state.counters["p50_us"] = median(p50);
  state.counters["p99_us"] = median(p99);
  state.counters["p99_over_p50"] = median(ratios);
  state.counters["raw_p99_over_p50"] = median(raw_ratios);
  session.at_most(name + ", 32 callers: p99 / p50", median(ratios), 3);
}

// Each slice begins with an empty store: it keeps everything it was given, by nature.
void memory_engine(benchmark::State& state, Session& session, std::size_t batch, std::size_t batches,
                   double goal) {
  const std::size_t count = session.scaled(batches);
  std::vector<double> rates;
  std::vector<double> cpu_rates;
  for (auto _ : state) {
    const auto desk = open_desk({.orders_max = std::max<std::size_t>(batch, 100)});
    Requests requests(batch, 0);
    const double cpu_before = thread_cpu_seconds();
    const double seconds = seconds_of([&] {
      for (std::size_t i = 0; i < count; ++i) benchmark::DoNotOptimize(desk->place(requests.next()));
    });
    cpu_rates.push_back(static_cast<double>(count * batch) / (thread_cpu_seconds() - cpu_before));
    rates.push_back(static_cast<double>(count * batch) / seconds);
    state.SetIterationTime(seconds);
  }
  state.counters["orders_per_s"] = median(rates);
  state.counters["orders_per_cpu_s"] = median(cpu_rates);
  if (goal > 0) {
    session.at_least("memory store, batch " + std::to_string(batch) + ": orders/s", median(rates), goal);
  }
}

}  // namespace

void register_placement(Session& session) {
  struct Case {
    std::size_t batch;
    std::size_t batches;
    double goal;
  };
  for (const Case& one :
       {Case{1, 1'200, 0.87}, Case{10, 800, 0.8}, Case{100, 300, 0.8}, Case{1000, 40, 0.8}}) {
    add("place/sqlite/callers:1/batch:" + std::to_string(one.batch), session.slices(),
        [&session, one](benchmark::State& state) {
          one_caller(state, session, one.batch, one.batches, one.goal);
        });
  }
  for (const Case& one : {Case{1, 250, 0}, Case{100, 16, 0}}) {
    add("place/sqlite/callers:32/batch:" + std::to_string(one.batch), session.slices(),
        [&session, one](benchmark::State& state) { many_callers(state, session, one.batch, one.batches); });
  }
  add("place/sqlite/grouping_gain", session.slices(),
      [&session](benchmark::State& state) { grouping_gain(state, session); });
  add("latency/place", session.slices(), [&session](benchmark::State& state) {
    latency(state, session, Mode::kInline, "place with the broker's answer");
  });
  add("latency/accept", session.slices(), [&session](benchmark::State& state) {
    latency(state, session, Mode::kBackground, "accept in background mode");
  });
  for (const Case& one : {Case{1, 40'000, 0}, Case{100, 2'000, 1e6}, Case{1000, 200, 0}}) {
    add("place/memory/batch:" + std::to_string(one.batch), session.slices(),
        [&session, one](benchmark::State& state) {
          memory_engine(state, session, one.batch, one.batches, one.goal);
        });
  }
}

}  // namespace orchestrator::bench
