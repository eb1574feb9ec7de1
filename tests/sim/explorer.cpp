#include "sim/explorer.hpp"

#include <unistd.h>

#include <chrono>
#include <iostream>
#include <set>

#include "sim/run_case.hpp"

namespace orchestrator::sim {
namespace {

using enum Deviation;

// How many deviations the cases of a scenario have, and which pairs.
struct Plan {
  Scenario scenario;
  bool pairs = false;
};

std::vector<Plan> plans_of(Scope scope) {
  std::vector<Plan> plans;
  for (const Program program : kPrograms) {
    for (int permutation = 0; permutation < permutations_of(program); ++permutation) {
      for (const int orders : {1, 2}) {
        for (const BrokerClass broker_class :
             {BrokerClass::kEnforced, BrokerClass::kWindowed, BrokerClass::kTagEcho, BrokerClass::kNone}) {
          const bool pairs = scope == Scope::kFull;
          plans.push_back({{broker_class, orders, program, permutation}, pairs});
        }
      }
    }
  }
  return plans;
}

class Explorer {
 public:
  Explorer(const Limits& limits, std::string program)
      : limits_(limits), program_(std::move(program)), plain_(::isatty(2) == 0) {}

  bool run(const std::vector<Plan>& plans) {
    const auto begin = std::chrono::steady_clock::now();
    std::set<std::size_t> failed;
    for (const bool pairs : {false, true}) {
      for (std::size_t i = 0; i < plans.size() && !stop(); ++i) {
        if (pairs && !plans[i].pairs) continue;
        progress(pairs, i, plans.size());
        const auto failures_before = failures_;
        explore({plans[i].scenario, {}}, pairs);
        if (failures_ != failures_before) failed.insert(i);
      }
    }
    if (!plain_) std::cerr << "\r\033[K";
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin)
            .count();
    std::cout << cases_ << " cases, " << port_calls_ << " port calls, " << failures_ << " cases failed, "
              << ms << " ms\n";
    std::cout << "scenarios: " << plans.size() - failed.size() << " passed, " << failed.size() << " failed\n";
    return failed.empty();
  }

 private:
  [[nodiscard]] bool stop() const { return limits_.failures_max != 0 && failures_ >= limits_.failures_max; }

  // The case and all with one deviation more, or with two.
  void explore(const Case& base, bool pairs) {
    const CaseResult plain = pairs ? run_case(base, false) : check(base);
    for (const Offer& offer : plain.offers) {
      for (int number = 1; number < kDeviationCount; ++number) {
        const auto deviation = static_cast<Deviation>(number);
        if (!holds(offer.options, deviation)) continue;
        Case with = base;
        with.choices.push_back({offer.position, deviation});
        if (stop()) return;
        if (!pairs) {
          check(with);
        } else if (begins_pair(deviation)) {
          explore_seconds(with);
        }
      }
    }
  }

  static bool begins_pair(Deviation) { return true; }

  // Every crash beside every other fault, in both orders.
  static bool is_pair(Deviation first, Deviation second) { return first == kCrash || second == kCrash; }

  void explore_seconds(const Case& with) {
    const CaseResult single = run_case(with, false);
    const Choice first = with.choices.back();
    for (const Offer& offer : single.offers) {
      if (offer.position <= first.position) continue;
      for (int number = 1; number < kDeviationCount; ++number) {
        const auto deviation = static_cast<Deviation>(number);
        if (!holds(offer.options, deviation) || !is_pair(first.deviation, deviation)) continue;
        Case two = with;
        two.choices.push_back({offer.position, deviation});
        if (stop()) return;
        check(two);
      }
    }
  }

  CaseResult check(const Case& which) {
    CaseResult result = run_case(which, false);
    ++cases_;
    port_calls_ += result.port_calls;
    if (!result.findings.empty()) fail(which, result);
    return result;
  }

  void fail(const Case& which, const CaseResult& result) {
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

  void progress(bool pairs, std::size_t done, std::size_t all) const {
    if (plain_) return;
    std::cerr << "\r\033[K" << (pairs ? "two deviations: " : "one deviation: ") << done << " of " << all
              << " scenarios, " << cases_ << " cases" << std::flush;
  }

  Limits limits_;
  std::string program_;
  bool plain_;
  std::int64_t cases_ = 0;
  std::int64_t port_calls_ = 0;
  int failures_ = 0;
};

}  // namespace

bool explore(const Limits& limits, const std::string& program) {
  return Explorer(limits, program).run(plans_of(limits.scope));
}

}  // namespace orchestrator::sim
