#include "sim/swarm_runner.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#ifdef ORCHESTRATOR_HAS_SQLITE
#include "orchestrator/backends/sqlite.hpp"
#endif
#include "sim/shrink.hpp"
#include "sim/swarm_report.hpp"
#include "sim/trace_file.hpp"

namespace orchestrator::sim {
namespace {

// Every so many seeds one is run twice: it must take the same way (I30).
constexpr std::uint64_t kTwiceEvery = 100;

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0;
  for (const char c : text) hash = mix(hash ^ static_cast<unsigned char>(c));
  return hash;
}

// Of a planted bug, for the trace: it is the environment that turns one on.
std::string planted_bug() {
  const char* name = std::getenv("ORCHESTRATOR_PLANTED_BUG");
  return name == nullptr ? "" : name;
}

#ifdef ORCHESTRATOR_HAS_SQLITE
// In a file system in memory; the file goes with the store.
std::shared_ptr<Store> make_sqlite_store_in_memory() {
  static std::atomic<int> last{0};
  const std::string path =
      "/dev/shm/orchestrator-sim-" + std::to_string(::getpid()) + "-" + std::to_string(++last) + ".db";
  return {open_sqlite_store({.path = path}).release(), [path](Store* store) {
            delete store;
            for (const char* beside : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(path + beside);
          }};
}
#endif

SwarmSetup setup_of(const SwarmLimits& limits) {
  SwarmSetup setup;
  if (!limits.sqlite) return setup;
#ifdef ORCHESTRATOR_HAS_SQLITE
  setup.make_store = make_sqlite_store_in_memory;
  return setup;
#else
  throw std::runtime_error("this build has no SQLite; build it with ORCHESTRATOR_SQLITE=ON");
#endif
}

class SeedRunner {
 public:
  SeedRunner(const SwarmLimits& limits, std::string program)
      : limits_(limits),
        setup_(setup_of(limits)),
        program_(std::move(program)),
        next_(limits.first_seed),
        quiet_(::isatty(2) == 0) {}

  bool run() {
    begin_ = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    const unsigned count =
        limits_.threads != 0 ? limits_.threads : std::max(1U, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    if (!quiet_) std::cerr << "\r\033[K";
    if (limits_.hashes) {
      std::ranges::sort(hashes_);
      for (const auto& [seed, hash] : hashes_) std::cout << seed << ' ' << hash_text(hash) << '\n';
    } else {
      std::cout << (limits_.json ? json_of(totals_, took()) : table_of(totals_, took()));
    }
    return totals_.failed.empty();
  }

 private:
  [[nodiscard]] std::chrono::milliseconds took() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin_);
  }

  [[nodiscard]] bool over(std::uint64_t seed) const {
    if (static_cast<int>(failures_) >= limits_.failures_max) return true;
    if (limits_.seeds != 0 && seed - limits_.first_seed >= limits_.seeds) return true;
    return limits_.minutes.count() != 0 && took() >= limits_.minutes;
  }

  void work() {
    for (std::uint64_t seed = next_++; !over(seed); seed = next_++) {
      SwarmResult result = run_swarm(Draws(seed), setup_);
      if (seed % kTwiceEvery == 0 && run_swarm(Draws(seed), setup_).hash != result.hash) {
        result.findings.push_back({"I30", "the same seed ran another way the second time"});
      }
      FailedSeed failed;
      if (!result.findings.empty()) failed = make_small(seed, result);
      const std::scoped_lock lock(mutex_);
      totals_.add(seed, result);
      if (limits_.hashes) hashes_.emplace_back(seed, result.hash);
      if (!result.findings.empty()) tell(failed, result);
      progress();
    }
  }

  FailedSeed make_small(std::uint64_t seed, const SwarmResult& result) {
    ++failures_;
    FailedSeed failed{seed, result.findings.front().invariant, result.findings.front().what, {}, 0, {}};
    TraceFile file{seed, failed.invariant, planted_bug(), result.draws};
    if (failed.invariant != "I30")
      file.draws = shrink(result.draws, failed.invariant, setup_, limits_.shrinking);
    const std::string text = to_string(file);
    const auto path = std::filesystem::path(limits_.folder) / ("sim-" + hash_text(hash_of(text)) + ".trace");
    failed.trace_file = path.lexically_normal().string();
    failed.choices = file.draws.size();
    failed.repeat = program_ + " --trace " + failed.trace_file;
    if (!(std::ofstream(path) << text).flush()) {
      failed.repeat = program_ + " --seeds 1 --seed " + std::to_string(seed) + "  # " + failed.trace_file +
                      " cannot be written";
    }
    return failed;
  }

  void tell(const FailedSeed& failed, const SwarmResult& result) {
    totals_.failed.push_back(failed);
    std::ostream& out = limits_.json || limits_.hashes ? std::cerr : std::cout;
    out << "FAILED seed " << failed.seed << " after " << result.steps << " steps: " << failed.invariant
        << '\n';
    for (const testing::Finding& finding : result.findings) {
      out << "  " << finding.invariant << ": " << finding.what << '\n';
    }
    out << "  " << failed.choices << " choices are enough, of " << result.draws.size() << '\n'
        << "  repeat it: " << failed.repeat << std::endl;
  }

  void progress() {
    if (quiet_) return;
    const auto so_far = took();
    if (so_far - shown_ < std::chrono::milliseconds(200)) return;
    shown_ = so_far;
    std::cerr << "\r\033[K" << totals_.seeds << " seeds"
              << (limits_.seeds != 0 ? " of " + std::to_string(limits_.seeds) : "") << ", " << totals_.steps
              << " steps, " << totals_.steps * 1000 / std::max<std::int64_t>(so_far.count(), 1)
              << " a second, " << totals_.fault_kinds() << " of " << kSwarmFaultKinds << " fault kinds, "
              << totals_.transition_kinds() << " of " << kTransitionCount << " transitions, "
              << totals_.failed.size() << " failed" << std::flush;
  }

  const SwarmLimits limits_;
  const SwarmSetup setup_;
  const std::string program_;
  std::atomic<std::uint64_t> next_;
  std::atomic<int> failures_ = 0;
  const bool quiet_;
  std::chrono::steady_clock::time_point begin_;
  std::mutex mutex_;  // what follows, and what is printed
  SwarmTotals totals_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> hashes_;
  std::chrono::milliseconds shown_{-1000};
};

TraceFile read_trace(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path + " cannot be read");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  try {
    return parse_trace(text);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path + ", " + error.what());
  }
}

}  // namespace

bool run_seeds(const SwarmLimits& limits, const std::string& program) {
  return SeedRunner(limits, program).run();
}

bool repeat_trace(const std::string& path) {
  const TraceFile file = read_trace(path);
  const SwarmResult result = run_swarm(Draws(file.draws), {.tracing = true});
  for (const std::string& line : result.trace) std::cout << line << '\n';
  std::cout << "hash " << hash_text(result.hash) << '\n'
            << (result.findings.empty() ? "1 passed, 0 failed\n" : "0 passed, 1 failed\n");
  return result.findings.empty();
}

bool repeat_traces(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".trace") paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  int failed = 0;
  for (const std::string& path : paths) {
    const SwarmResult result = run_swarm(Draws(read_trace(path).draws));
    if (result.findings.empty()) continue;
    ++failed;
    std::cout << "FAILED " << path << ": " << result.findings.front().invariant << ": "
              << result.findings.front().what << '\n';
  }
  std::cout << "traces: " << static_cast<int>(paths.size()) - failed << " passed, " << failed << " failed\n";
  return failed == 0 && !paths.empty();
}

}  // namespace orchestrator::sim
