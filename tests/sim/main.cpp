// orchestrator_sim: explores every case of its scope, or runs seeds of a swarm, or repeats one of either.
//
//   orchestrator_sim [--scope brief|standard|full] [--only BEGINNING] [--first] [--show N]
//                                   --only: scenarios whose id begins so; --first: stop at the first case
//                                   that fails; --show: print so many of them
//   orchestrator_sim --case ID      one case, with its trace
//   orchestrator_sim --seeds N [--minutes M] [--seed S] [--threads T] [--folder DIR] [--store sqlite]
//                    [--json | --hash]
//                                   a swarm run for each of N seeds from S on, or until M minutes are over;
//                                   the traces of what fails go to DIR. --json: one document on stdout;
//                                   --hash: the hash of each seed instead
//   orchestrator_sim --trace FILE   one run of a swarm, with what happens in it
//   orchestrator_sim --traces DIR   every trace of a folder
//   orchestrator_sim --planted-bugs names of the flaws that this build can plant
//
// Exit status: 0 nothing is wrong, 1 an invariant broke, 2 the call was.
#include <charconv>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/planted_bugs.hpp"
#include "sim/explorer.hpp"
#include "sim/run_case.hpp"
#include "sim/swarm_runner.hpp"

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

// What was asked for.
struct Wish {
  Limits limits;
  SwarmLimits swarm;
  bool swarms = false;
  std::string program;
};

class Arguments {
 public:
  Arguments(int argc, char** argv) : words_(argv + 1, argv + argc) {}

  [[nodiscard]] bool done() const { return next_ == words_.size(); }
  std::string take() { return words_[next_++]; }
  std::string value_of(const std::string& option) {
    if (done()) throw std::invalid_argument(option + " needs a value");
    return take();
  }
  std::uint64_t number_of(const std::string& option, std::uint64_t max) {
    const std::string text = value_of(option);
    std::uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size() && number <= max) return number;
    throw std::invalid_argument(option + " needs a number up to " + std::to_string(max) + ", not '" + text +
                                "'");
  }

 private:
  std::vector<std::string> words_;
  std::size_t next_ = 0;
};

bool take_swarm_option(const std::string& option, Arguments& arguments, Wish& wish) {
  SwarmLimits& swarm = wish.swarm;
  if (option == "--seeds") {
    swarm.seeds = arguments.number_of(option, 1'000'000'000'000);
  } else if (option == "--minutes") {
    swarm.minutes = std::chrono::minutes(arguments.number_of(option, 100'000));
  } else if (option == "--seed") {
    swarm.first_seed = arguments.number_of(option, UINT64_MAX / 2);
  } else if (option == "--threads") {
    swarm.threads = static_cast<unsigned>(arguments.number_of(option, 256));
  } else if (option == "--folder") {
    swarm.folder = arguments.value_of(option);
  } else if (option == "--store") {
    const std::string store = arguments.value_of(option);
    if (store != "memory" && store != "sqlite") {
      throw std::invalid_argument("--store is memory or sqlite, not '" + store + "'");
    }
    swarm.sqlite = store == "sqlite";
  } else if (option == "--json") {
    swarm.json = true;
  } else if (option == "--hash") {
    swarm.hashes = true;
  } else {
    return false;
  }
  wish.swarms = true;
  return true;
}

void take_case_option(const std::string& option, Arguments& arguments, Wish& wish) {
  if (option == "--first") {
    wish.limits.failures_max = 1;
  } else if (option == "--scope") {
    const std::string name = arguments.value_of(option);
    if (!scope_of(name))
      throw std::invalid_argument("--scope is brief, standard or full, not '" + name + "'");
    wish.limits.scope = *scope_of(name);
  } else if (option == "--only") {
    wish.limits.only = arguments.value_of(option);
  } else if (option == "--show") {
    wish.limits.shown_max = static_cast<int>(arguments.number_of(option, 1'000'000));
  } else {
    throw std::invalid_argument("there is no option '" + option + "'; docs/simulation.md lists them");
  }
}

int run(Arguments arguments, Wish wish) {
  while (!arguments.done()) {
    const std::string option = arguments.take();
    if (option == "--case") return repeat(arguments.value_of(option));
    if (option == "--trace") return repeat_trace(arguments.value_of(option)) ? 0 : 1;
    if (option == "--traces") return repeat_traces(arguments.value_of(option)) ? 0 : 1;
    if (option == "--planted-bugs") return list_bugs();
    if (!take_swarm_option(option, arguments, wish)) take_case_option(option, arguments, wish);
  }
  if (!wish.swarms) return explore(wish.limits, wish.program) ? 0 : 1;
  if (wish.swarm.seeds == 0 && wish.swarm.minutes.count() == 0) wish.swarm.seeds = 100;
  return run_seeds(wish.swarm, wish.program) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Wish wish;
    wish.program = argv[0];
    return run(Arguments(argc, argv), wish);
  } catch (const std::exception& error) {
    std::cerr << "orchestrator_sim: " << error.what() << '\n';
    return 2;
  }
}
