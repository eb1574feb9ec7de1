#include "sim/run_case.hpp"

#include <algorithm>

#include "sim/client.hpp"
#include "sim/final_checks.hpp"
#include "sim/world.hpp"

namespace orchestrator::sim {
namespace {

enum class Step { kFillA, kFillB, kBust, kCancel, kReplace, kPoll, kPublish, kStep, kResend };

std::vector<Step> steps_of(Program program) {
  switch (program) {
    case Program::kPlace:
      return {Step::kStep};
    case Program::kFill:
      return {Step::kFillA, Step::kFillB, Step::kPoll, Step::kPublish};
    case Program::kCancel:
      return {Step::kFillA, Step::kCancel, Step::kPoll};
    case Program::kReplace:
      return {Step::kFillA, Step::kReplace, Step::kStep};
    case Program::kBust:
      return {Step::kFillA, Step::kBust, Step::kPoll};
    case Program::kChange:
      return {Step::kReplace, Step::kCancel, Step::kStep};
    case Program::kResend:
      return {Step::kResend};
  }
  return {};
}

constexpr std::int64_t kPortCallsMax = 20'000;

// Each port call takes a millisecond; what goes wrong is the case's.
class CaseRun final : public Course {
 public:
  CaseRun(const Case& which, bool tracing)
      : which_(which),
        world_({.brokers = {capabilities_of(which.scenario.broker_class, kBrokerName)},
                .port_calls_max = kPortCallsMax,
                .tracing = tracing},
               *this),
        client_(world_, which.scenario.orders) {}

  CaseResult result() {
    try {
      safety();
      heal();
      audit();
    } catch (const NeverEnds&) {
      world_.violated("I31", "the case goes on without end");
    }
    CaseResult result;
    result.findings = std::move(world_.findings);
    result.offers = std::move(offers_);
    result.port_calls = world_.port_calls;
    result.choices_taken = choices_taken_;
    result.trace = std::move(world_.trace);
    return result;
  }

  void take_time(Process& /*caller*/, Call /*call*/) override { world_.pass(std::chrono::milliseconds(1)); }
  void sleep(Process& /*caller*/, std::chrono::microseconds duration) override { world_.pass(duration); }
  [[nodiscard]] std::string position() const override { return std::to_string(position_ - 1); }

  Deviation choose(Process& /*caller*/, Call call) override {
    constexpr Options kOthers = options_of(Deviation::kTwin, Deviation::kRival, Deviation::kPeer,
                                           Deviation::kZombie, Deviation::kHalt);
    const Options options = interrupted_ ? options_of(call) & ~kOthers : options_of(call);
    const int position = position_++;
    offers_.push_back({position, options});
    if (next_choice_ >= which_.choices.size() || which_.choices[next_choice_].position != position) {
      return Deviation::kNone;
    }
    const Deviation chosen = which_.choices[next_choice_++].deviation;
    if (!holds(options, chosen)) return Deviation::kNone;
    ++choices_taken_;
    return chosen;
  }

  // Another process does something whole between two calls of the first.
  void interrupt(Process& /*caller*/, Deviation deviation) override {
    interrupted_ = true;
    if (deviation == Deviation::kTwin || deviation == Deviation::kRival) {
      client_.ask("b", deviation == Deviation::kRival);
    } else if (deviation == Deviation::kPeer) {
      client_.guarded("b", [](Orchestrator& oms) { oms.step(); });
    } else if (deviation == Deviation::kZombie) {
      world_.pass(kLease + kQuietPeriod + std::chrono::seconds(1));
      client_.guarded("b", [](Orchestrator& oms) { oms.recover(); });
    } else if (deviation == Deviation::kHalt) {
      client_.guarded("b", [](Orchestrator& oms) { oms.halt(ControlScope::kAll, "", "drill"); });
    }
    interrupted_ = false;
  }

 private:
  void safety() {
    world_.note("-- the client places --");
    world_.lose_next_send = which_.scenario.program == Program::kResend;
    client_.place("a", false);
    std::vector<Step> steps = steps_of(which_.scenario.program);
    for (int i = 0; i < which_.scenario.permutation; ++i) std::next_permutation(steps.begin(), steps.end());
    for (const Step step : steps) run(step);
  }

  void on_first_order(const std::function<void(Orchestrator&, OrderId)>& call) {
    const auto rows = world_.store->orders({.limit = 1});
    if (rows.empty()) return;
    client_.guarded("a", [&](Orchestrator& oms) { call(oms, rows.front().id); });
  }

  [[nodiscard]] Venue& venue() { return world_.venues.front(); }

  void execute(const char* qty, const char* price) {
    for (HeldOrder& held : venue().held) {
      execute_at_broker(world_, venue(), held, Quantity::from_string(qty), Price::from_string(price));
    }
  }

  void run(Step step) {
    switch (step) {
      case Step::kFillA:
        return execute("1.000000003", "2500.123456788");
      case Step::kFillB:
        return execute("2.000000004", "2499.999999999");
      case Step::kBust:
        if (!venue().held.empty()) bust_at_broker(world_, venue(), venue().held.front());
        return;
      case Step::kCancel:
        world_.note("-- cancel --");
        return on_first_order([](Orchestrator& oms, OrderId id) { oms.cancel(id); });
      case Step::kReplace:
        world_.note("-- replace --");
        return on_first_order([](Orchestrator& oms, OrderId id) {
          oms.replace(id, Quantity::from_string("4.000000001"), Price::from_string("2501"));
        });
      case Step::kPoll:
        world_.note("-- poll --");
        return client_.guarded("a", [](Orchestrator& oms) { oms.poll(); });
      case Step::kPublish:
        world_.note("-- publish --");
        return client_.guarded("a", [](Orchestrator& oms) { oms.publish(); });
      case Step::kStep:
        world_.note("-- step --");
        return client_.guarded("a", [](Orchestrator& oms) { oms.step(); });
      case Step::kResend:
        world_.note("-- what is in doubt is sent again, where the class allows --");
        world_.pass(kLease + kQuietPeriod + std::chrono::seconds(1));
        return client_.guarded("a", [](Orchestrator& oms) { oms.recover(); });
    }
  }

  // Faults stop; within a bounded number of rounds nothing is left to do.
  void heal() {
    constexpr int kRoundsMax = 12;
    constexpr int kRoundOfNextDay = 6;
    world_.note("-- faults stop --");
    world_.deviating = false;
    world_.skew = {};
    Orchestrator& oms = *world_.process("a").oms;
    if (world_.halted) oms.resume(ControlScope::kAll, "");
    world_.pass(2 * kQuietPeriod);
    client_.place("a", false);
    for (int round = 0; round < kRoundsMax; ++round) {
      bool idle = false;
      try {
        idle = oms.step().idle();
      } catch (const std::exception& error) {
        world_.note(std::string("step fails: ") + error.what());
        if (round + 1 == kRoundsMax)
          world_.violated("I31", std::string("step() goes on failing: ") + error.what());
      }
      if (idle && at_rest(world_)) return;
      const bool next_day = round == kRoundOfNextDay;
      world_.day_passed = world_.day_passed || next_day;
      world_.pass(next_day ? std::chrono::seconds(std::chrono::hours(25)) : std::chrono::seconds(10));
    }
  }

  void audit() {
    Orchestrator& oms = *world_.process("a").oms;
    client_.place("a", false);  // once more: the same answer
    client_.check_answers(oms);
    final_checks(world_, oms);
  }

  const Case which_;
  std::vector<Offer> offers_;
  int position_ = 0;
  std::size_t next_choice_ = 0;
  std::size_t choices_taken_ = 0;
  bool interrupted_ = false;
  World world_;
  Client client_;
};

}  // namespace

CaseResult run_case(const Case& which, bool tracing) { return CaseRun(which, tracing).result(); }

int permutations_of(Program program) {
  int count = 1;
  for (int i = 2; i <= static_cast<int>(steps_of(program).size()); ++i) count *= i;
  return count;
}

}  // namespace orchestrator::sim
