#include "sim/shrink.hpp"

#include <algorithm>

#include "sim/swarm.hpp"

namespace orchestrator::sim {
namespace {

class Shrinker {
 public:
  Shrinker(std::vector<Draw> failing, std::string invariant, const SwarmSetup& setup,
           std::chrono::seconds patience)
      : setup_(setup),
        best_(std::move(failing)),
        invariant_(std::move(invariant)),
        deadline_(std::chrono::steady_clock::now() + patience) {}

  std::vector<Draw> run() {
    for (std::size_t before = best_.size() + 1; best_.size() < before && !late();) {
      before = best_.size();
      leave_out();
      lower();
    }
    return best_;
  }

 private:
  [[nodiscard]] bool late() const { return std::chrono::steady_clock::now() >= deadline_; }

  // Keeps it when it fails in the same way. What the run did not draw is gone then, too.
  bool try_out(const std::vector<Draw>& candidate) {
    const SwarmResult result = run_swarm(Draws(candidate), setup_);
    if (result.findings.empty() || result.findings.front().invariant != invariant_) return false;
    best_ = result.draws.size() <= candidate.size() ? result.draws : candidate;
    return true;
  }

  // From the end: what comes late depends on what came before.
  void leave_out() {
    for (std::size_t block = std::max<std::size_t>(best_.size() / 2, 1); !late(); block /= 2) {
      for (std::size_t end = best_.size(); end > 0 && !late();) {
        const std::size_t begin = end - std::min(block, end);
        std::vector<Draw> candidate = best_;
        candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(begin),
                        candidate.begin() + static_cast<std::ptrdiff_t>(end));
        static_cast<void>(try_out(candidate));
        end = std::min(begin, best_.size());
      }
      if (block == 1) return;
    }
  }

  void lower() {
    for (std::size_t i = 0; i < best_.size() && !late(); ++i) {
      if (best_[i].deviation) continue;
      for (std::uint32_t lower = 1; i < best_.size() && lower < best_[i].value && !late();) {
        std::vector<Draw> candidate = best_;
        candidate[i].value = lower;
        if (try_out(candidate)) break;
        lower += std::max(1U, (best_[i].value - lower) / 2);
      }
    }
  }

  const SwarmSetup& setup_;
  std::vector<Draw> best_;
  const std::string invariant_;
  const std::chrono::steady_clock::time_point deadline_;
};

}  // namespace

std::vector<Draw> shrink(std::vector<Draw> failing, const std::string& invariant, const SwarmSetup& setup,
                         std::chrono::seconds patience) {
  return Shrinker(std::move(failing), invariant, setup, patience).run();
}

}  // namespace orchestrator::sim
