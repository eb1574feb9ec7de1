#include "measure.hpp"

#include <ctime>

namespace orchestrator::bench {

double thread_cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
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
