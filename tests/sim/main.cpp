// orchestrator_sim: explores every case of its scope, or repeats one.
//
//   orchestrator_sim [--scope brief|standard|full] [--only BEGINNING] [--first] [--show N]
//                                   --only: scenarios whose id begins so; --first: stop at the first case
//                                   that fails; --show: print so many of them
//   orchestrator_sim --case ID      one case, with its trace
//   orchestrator_sim --planted-bugs names of the flaws that this build can plant
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include "core/planted_bugs.hpp"
#include "sim/explorer.hpp"
#include "sim/run_case.hpp"

namespace {

using namespace orchestrator::sim;

int repeat(const std::string& id) {
  const auto which = parse_case(id);
  if (!which) {
    std::cerr << "orchestrator_sim: '" << id << "' is no case; a case reads like E1.fill.0.17-crash\n";
    return 2;
  }
  const CaseResult result = run_case(*which, true);
  for (const std::string& line : result.trace) std::cout << line << '\n';
  if (result.choices_taken != which->choices.size()) {
    std::cerr
        << "orchestrator_sim: the case does not apply: the program has changed since it was written down\n";
    return 2;
  }
  std::cout << (result.findings.empty() ? "1 passed, 0 failed\n" : "0 passed, 1 failed\n");
  return result.findings.empty() ? 0 : 1;
}

std::optional<Scope> scope_of(std::string_view name) {
  if (name == "brief") return Scope::kBrief;
  if (name == "standard") return Scope::kStandard;
  if (name == "full") return Scope::kFull;
  return std::nullopt;
}

int list_bugs() {
#ifdef ORCHESTRATOR_PLANTED_BUGS
  for (const std::string_view name : orchestrator::planted_bug_names()) std::cout << name << '\n';
  return 0;
#else
  std::cerr << "orchestrator_sim: this build has no planted bugs (ORCHESTRATOR_PLANTED_BUGS)\n";
  return 2;
#endif
}

}  // namespace

int main(int argc, char** argv) {
  Limits limits;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (option == "--case") return repeat(value);
    if (option == "--planted-bugs") return list_bugs();
    if (option == "--first") {
      limits.failures_max = 1;
    } else if (option == "--scope" && scope_of(value)) {
      limits.scope = *scope_of(value);
      ++i;
    } else if (option == "--only" && !value.empty()) {
      limits.only = value;
      ++i;
    } else if (option == "--show" && !value.empty()) {
      limits.shown_max = std::stoi(value);
      ++i;
    } else {
      std::cerr << "usage: orchestrator_sim [--scope brief|standard|full] [--only BEGINNING] [--first] "
                   "[--show N] | "
                   "--case ID | --planted-bugs\n";
      return 2;
    }
  }
  return explore(limits, argv[0]) ? 0 : 1;
}
