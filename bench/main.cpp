// orchestrator_bench: measures, prints a table and the goals, and writes JSON when asked.
#include <sqlite3.h>
#include <sys/vfs.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "measure.hpp"

namespace {

constexpr const char* kUsage =
    "usage: orchestrator_bench [--quick] [--json FILE] [--filter REGEX] [--folder DIR]\n"
    "  --quick    fewer and shorter slices: a first look, not figures to quote\n"
    "  --json     writes Google Benchmark's JSON document to FILE\n"
    "  --filter   only the benchmarks whose names match\n"
    "  --folder   where the databases go, on a real disk; default build/bench-data\n";

// A disk that is memory would make every sync free.
bool is_memory(const std::filesystem::path& folder) {
  constexpr std::uint32_t kTmpfs = 0x01021994;
  constexpr std::uint32_t kRamfs = 0x858458f6;
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0) return false;
  const auto type = static_cast<std::uint32_t>(status.f_type);
  return type == kTmpfs || type == kRamfs;
}

void print_goals(const orchestrator::bench::Session& session) {
  std::printf("\n%-58s %12s %14s\n", "goal", "measured", "bound");
  for (const auto& goal : session.goals) {
    if (!goal.measured) {
      std::printf("%-58s %12s %14s  NOT MEASURED: %s\n", goal.bound.name.c_str(), "-", "-",
                  goal.missing.c_str());
      continue;
    }
    std::printf("%-58s %12.4g %3s %10.4g  %s\n", goal.bound.name.c_str(), *goal.measured,
                goal.bound.at_least ? ">=" : "<=", goal.bound.bound, goal.met() ? "met" : "MISSED");
  }
}

void register_served(orchestrator::bench::Session& session) {
#ifdef ORCHESTRATOR_HAS_POSTGRES
  register_postgres(session);
#else
  session.not_measured({"PostgreSQL"}, "this build has none");
#endif
#ifdef ORCHESTRATOR_HAS_REDIS
  register_redis(session);
#else
  session.not_measured({"Redis"}, "this build has none");
#endif
#ifdef ORCHESTRATOR_HAS_KAFKA
  register_kafka(session);
#else
  session.not_measured({"Kafka"}, "this build has none");
#endif
}

}  // namespace

int main(int argc, char** argv) {
#ifdef ORCHESTRATOR_HAS_POSTGRES
  if (argc > 1 && std::strcmp(argv[1], "--child") == 0) {
    return orchestrator::bench::run_child({argv + 2, argv + argc});
  }
#endif
  std::signal(SIGPIPE, SIG_IGN);  // a server that goes away is a failed call, and not the program's end
  orchestrator::bench::Session session;
  session.folder = "build/bench-data";
  std::vector<std::string> options = {argv[0], "--benchmark_counters_tabular=false"};
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const bool last = i + 1 == argc;
    if (name == "--quick") {
      session.quick = true;
    } else if (name == "--json" && !last) {
      options.push_back(std::string("--benchmark_out=") + argv[++i]);
      options.emplace_back("--benchmark_out_format=json");
    } else if (name == "--filter" && !last) {
      options.push_back(std::string("--benchmark_filter=") + argv[++i]);
    } else if (name == "--folder" && !last) {
      session.folder = argv[++i];
    } else {
      std::fputs(kUsage, name == "--help" ? stdout : stderr);
      return name == "--help" ? 0 : 2;
    }
  }
  std::filesystem::create_directories(session.folder);
  if (is_memory(session.folder)) {
    std::fprintf(stderr,
                 "%s lies in memory, where syncing costs nothing; name a folder on a disk with --folder\n",
                 session.folder.c_str());
    return 2;
  }
  std::vector<char*> arguments;
  for (std::string& option : options) arguments.push_back(option.data());
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  benchmark::AddCustomContext("sqlite", sqlite3_libversion());
  benchmark::AddCustomContext("quick", session.quick ? "yes" : "no");
  register_footprint(session);  // first: memory that others left would hide what it looks for
  register_placement(session);
  register_flat_cost(session);
  register_reads(session);
  register_served(session);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  print_goals(session);
  return 0;
}
