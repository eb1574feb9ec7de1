#include "sim/explorer.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "sim/run_case.hpp"

namespace orchestrator::sim {
namespace {

// Which cases of two deviations a scenario has, beside all those of one.
enum class Pairs { kNone, kCrash, kAll };  // kCrash: a crash and anything else, in both orders

struct Plan {
  Scenario scenario;
  Pairs pairs = Pairs::kNone;
};

// nullopt: the scope leaves the scenario out.
std::optional<Pairs> pairs_of(Scope scope, int permutation) {
  const bool first = permutation == 0;
  if (scope == Scope::kBrief) return first ? std::optional(Pairs::kNone) : std::nullopt;
  return scope == Scope::kFull && first ? Pairs::kAll : Pairs::kCrash;
}

std::vector<Plan> plans_of(Scope scope) {
  std::vector<Plan> plans;
  for (const Program program : kPrograms) {
    for (int permutation = 0; permutation < permutations_of(program); ++permutation) {
      for (const int orders : {1, 2}) {
        for (const BrokerClass broker_class :
             {BrokerClass::kEnforced, BrokerClass::kWindowed, BrokerClass::kTagEcho, BrokerClass::kNone}) {
          const auto pairs = pairs_of(scope, permutation);
          if (pairs) plans.push_back({{broker_class, orders, program, permutation}, *pairs});
        }
      }
    }
  }
  return plans;
}

bool is_pair(Pairs pairs, Deviation first, Deviation second) {
  return pairs == Pairs::kAll || first == Deviation::kCrash || second == Deviation::kCrash;
}

// Scenarios are independent of one another: each thread takes the next one.
class Explorer {
 public:
  Explorer(const Limits& limits, std::string program, std::vector<Plan> plans)
      : limits_(limits), program_(std::move(program)), plans_(std::move(plans)), plain_(::isatty(2) == 0) {}

  bool run() {
    const auto begin = std::chrono::steady_clock::now();
    for (const bool pairs : {false, true}) {
      std::atomic<std::size_t> next{0};
      std::vector<std::thread> threads;
      for (unsigned i = 0; i < threads_count(); ++i) {
        threads.emplace_back([&] { work(next, pairs); });
      }
      for (std::thread& thread : threads) thread.join();
    }
    if (!plain_) std::cerr << "\r\033[K";
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    std::cout << cases_ << " cases, " << port_calls_ << " port calls, " << failures_ << " cases failed, "
              << took.count() << " ms\n";
    std::cout << "scenarios: " << plans_.size() - failed_.size() << " passed, " << failed_.size()
              << " failed\n";
    return failed_.empty();
  }

 private:
  // One thread finds the shortest case first, and always the same one.
  [[nodiscard]] unsigned threads_count() const {
    return limits_.failures_max != 0 ? 1 : std::max(1U, std::thread::hardware_concurrency());
  }
  [[nodiscard]] bool stop() const { return limits_.failures_max != 0 && failures_ >= limits_.failures_max; }

  void work(std::atomic<std::size_t>& next, bool pairs) {
    for (std::size_t i = next++; i < plans_.size() && !stop(); i = next++) {
      if (pairs && plans_[i].pairs == Pairs::kNone) continue;
      progress(pairs, i);
      pairs ? explore_pairs(plans_[i]) : explore_singles(plans_[i]);
    }
  }

  // The deviations that a run could have had after its last one.
  static std::vector<Choice> next_choices(const Case& which, const std::vector<Offer>& offers) {
    std::vector<Choice> next;
    for (const Offer& offer : offers) {
      if (!which.choices.empty() && offer.position <= which.choices.back().position) continue;
      for (int number = 1; number < kDeviationCount; ++number) {
        const auto deviation = static_cast<Deviation>(number);
        if (holds(offer.options, deviation)) next.push_back({offer.position, deviation});
      }
    }
    return next;
  }

  void explore_singles(const Plan& plan) {
    const Case base{plan.scenario, {}};
    check_repeats(base);
    for (const Choice& choice : next_choices(base, check(base).offers)) {
      if (stop()) return;
      check({plan.scenario, {choice}});
    }
  }

  void explore_pairs(const Plan& plan) {
    const Case base{plan.scenario, {}};
    for (const Choice& first : next_choices(base, run_case(base, false).offers)) {
      const Case single{plan.scenario, {first}};
      for (const Choice& second : next_choices(single, run_case(single, false).offers)) {
        if (!is_pair(plan.pairs, first.deviation, second.deviation)) continue;
        if (stop()) return;
        check({plan.scenario, {first, second}});
      }
    }
  }

  // I30. Without it no failing case could be repeated.
  void check_repeats(const Case& which) {
    CaseResult again = run_case(which, true);
    if (again.trace == run_case(which, true).trace) return;
    again.findings.push_back({"I30", "the same case ran another way the second time"});
    fail(which, again);
  }

  CaseResult check(const Case& which) {
    CaseResult result = run_case(which, false);
    ++cases_;
    port_calls_ += result.port_calls;
    if (!result.findings.empty()) fail(which, result);
    return result;
  }

  void fail(const Case& which, const CaseResult& result) {
    const std::scoped_lock lock(mutex_);
    failed_.insert(to_string(Case{which.scenario, {}}));
    if (++failures_ > limits_.shown_max) return;
    const std::string id = to_string(which);
    std::cout << "FAILED " << id << " after " << cases_ << " cases, " << port_calls_
              << " port calls: " << result.findings.front().invariant << '\n';
    for (const testing::Finding& finding : result.findings) {
      std::cout << "  " << finding.invariant << ": " << finding.what << '\n';
    }
    if (failures_ == 1) {
      for (const std::string& line : run_case(which, true).trace) std::cout << "    " << line << '\n';
    }
    std::cout << "  repeat it: " << program_ << " --case " << id << std::endl;
  }

  void progress(bool pairs, std::size_t done) {
    if (plain_) return;
    const std::scoped_lock lock(mutex_);
    std::cerr << "\r\033[K" << (pairs ? "two deviations: " : "one deviation: ") << done << " of "
              << plans_.size() << " scenarios, " << cases_ << " cases" << std::flush;
  }

  const Limits limits_;
  const std::string program_;
  const std::vector<Plan> plans_;
  const bool plain_;
  std::atomic<std::int64_t> cases_ = 0;
  std::atomic<std::int64_t> port_calls_ = 0;
  std::atomic<int> failures_ = 0;
  std::mutex mutex_;  // what is printed, and failed_
  std::set<std::string> failed_;
};

}  // namespace

bool explore(const Limits& limits, const std::string& program) {
  std::vector<Plan> plans = plans_of(limits.scope);
  std::erase_if(plans, [&](const Plan& plan) {
    return !std::string_view(to_string(Case{plan.scenario, {}})).starts_with(limits.only);
  });
  return Explorer(limits, program, std::move(plans)).run();
}

}  // namespace orchestrator::sim
