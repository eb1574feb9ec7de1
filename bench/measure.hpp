// Taking time, medians, and the list of goals that the program prints at its end.
//
// A ratio compares two sides that ran in turns, slice by slice, on the same disk: the machine's pace drifts
// by half for minutes at a time, and only what was measured in the same breath can be compared.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace orchestrator::bench {

using Seconds = std::chrono::duration<double>;

template <class Work>
double seconds_of(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - start).count();
}

// What this thread has had of a processor: on a machine that is shared, steadier than the clock on the wall.
[[nodiscard]] double thread_cpu_seconds();

// What this process holds in memory.
[[nodiscard]] double resident_bytes();

[[nodiscard]] double quantile(std::vector<double> values, double share);
[[nodiscard]] double median(const std::vector<double>& values);

// What a figure should reach, or stay below.
struct Bound {
  std::string name;
  double bound = 0;
  bool at_least = true;
};

struct Goal {
  Bound bound;
  std::optional<double> measured = {};
  std::string missing = {};  // why it was not measured
  [[nodiscard]] bool met() const {
    return measured && (bound.at_least ? *measured >= bound.bound : *measured <= bound.bound);
  }
};

// A server that some of the benchmarks need; an empty address: it is not there.
struct Server {
  std::string address;
  std::string missing = {};  // why
};
// As tests/servers/run tells its command: PostgreSQL by ORCHESTRATOR_TEST_POSTGRES_URL, and so on.
[[nodiscard]] Server find_server(const std::string& name, const std::string& variable);

// What the benchmarks of one run share.
struct Session {
  bool quick = false;
  std::filesystem::path folder;  // on a real disk
  std::vector<Goal> goals;

  void at_least(std::string name, double measured, double bound) {
    judge({std::move(name), bound, true}, measured);
  }
  void at_most(std::string name, double measured, double bound) {
    judge({std::move(name), bound, false}, measured);
  }
  void judge(Bound bound, double measured) { goals.push_back({std::move(bound), measured}); }
  void not_measured(Bound bound, std::string why) {
    goals.push_back({std::move(bound), std::nullopt, std::move(why)});
  }
  // Pairs of slices whose median counts.
  [[nodiscard]] int slices() const { return quick ? 5 : 9; }
  // A share of the work of a full run.
  [[nodiscard]] std::size_t scaled(std::size_t count) const {
    return quick ? std::max<std::size_t>(1, count / 4) : count;
  }
};

// The rates of two sides, slice by slice.
class Duel {
 public:
  explicit Duel(double units_per_slice) : units_(units_per_slice) {}

  // Runs one slice of each side; they take turns in going first. Returns the seconds of `ours`.
  template <class Raw, class Ours>
  double round(Raw&& raw, Ours&& ours) {
    double raw_seconds = 0;
    if (ours_.size() % 2 == 0) raw_seconds = seconds_of(raw);
    const double our_seconds = seconds_of(ours);
    if (ours_.size() % 2 != 0) raw_seconds = seconds_of(raw);
    raw_.push_back(units_ / raw_seconds);
    ours_.push_back(units_ / our_seconds);
    ratios_.push_back(raw_seconds / our_seconds);
    return our_seconds;
  }

  [[nodiscard]] double ratio() const;
  [[nodiscard]] double ours() const;
  void report(benchmark::State& state) const;

 private:
  double units_;
  std::vector<double> raw_;
  std::vector<double> ours_;
  std::vector<double> ratios_;
};

// Registers a benchmark that measures its own slices, `iterations` of them.
template <class Body>
void add(const std::string& name, int iterations, Body body) {
  benchmark::RegisterBenchmark(name.c_str(), std::move(body))
      ->UseManualTime()
      ->Iterations(iterations)
      ->Unit(benchmark::kMillisecond);
}

// The same for one that needs a server. Goals that it does not reach, because the server is missing or fails,
// are shown as not measured.
template <class Body>
void add_served(Session& session, const Server& server, const std::string& name, int iterations,
                std::vector<Bound> bounds, Body body) {
  const bool is_there = !server.address.empty();
  add(name, is_there ? iterations : 1,
      [&session, is_there, bounds, body, why = server.missing](benchmark::State& state) mutable {
        const std::size_t before = session.goals.size();
        if (is_there) {
          try {
            return body(state, bounds);
          } catch (const std::exception& error) {
            why = error.what();
          }
        }
        for (std::size_t i = session.goals.size() - before; i < bounds.size(); ++i)
          session.not_measured(bounds[i], why);
        state.SkipWithError(why.c_str());
      });
}

void register_placement(Session& session);
void register_flat_cost(Session& session);
void register_reads(Session& session);
void register_footprint(Session& session);
void register_postgres(Session& session);
// What `--child` runs: one of several processes on one database. Returns its exit status.
int run_child(const std::vector<std::string>& arguments);
void register_redis(Session& session);
void register_kafka(Session& session);

}  // namespace orchestrator::bench
