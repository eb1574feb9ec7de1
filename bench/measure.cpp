#include "measure.hpp"

#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>

namespace orchestrator::bench {

double thread_cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

Server find_server(const std::string& name, const std::string& variable) {
  const auto value = [](const std::string& of) {
    const char* text = std::getenv(of.c_str());
    return std::string(text == nullptr ? "" : text);
  };
  Server server{value(variable), value("ORCHESTRATOR_TEST_" + name + "_MISSING")};
  if (server.missing.empty()) server.missing = variable + " names no server";
  return server;
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(share * last + 0.5)];
}

double median(const std::vector<double>& values) { return quantile(values, 0.5); }

double Duel::ratio() const { return median(ratios_); }

double Duel::ours() const { return median(ours_); }

void Duel::report(benchmark::State& state) const {
  state.counters["raw_per_s"] = median(raw_);
  state.counters["ours_per_s"] = median(ours_);
  state.counters["ratio"] = ratio();
  state.counters["ratio_min"] = quantile(ratios_, 0);
  state.counters["ratio_max"] = quantile(ratios_, 1);
}

}  // namespace orchestrator::bench
