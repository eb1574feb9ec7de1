#include "sim/run_case.hpp"

#include <algorithm>

#include "sim/client.hpp"
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

class Run {
 public:
  Run(const Case& which, bool tracing) : world_(which, tracing), client_(world_) {
    world_.interrupt = [this](Deviation deviation) { interrupt(deviation); };
  }

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
    result.offers = std::move(world_.offers);
    result.port_calls = world_.port_calls;
    result.choices_taken = world_.choices_taken;
    result.trace = std::move(world_.trace);
    return result;
  }

 private:
  void safety() {
    world_.note("-- the client places --");
    world_.lose_next_send = world_.which.scenario.program == Program::kResend;
    client_.place("a", false);
    std::vector<Step> steps = steps_of(world_.which.scenario.program);
    for (int i = 0; i < world_.which.scenario.permutation; ++i)
      std::next_permutation(steps.begin(), steps.end());
    for (const Step step : steps) run(step);
  }

  void on_first_order(const std::function<void(Orchestrator&, OrderId)>& call) {
    const auto rows = world_.store->orders({.limit = 1});
    if (rows.empty()) return;
    client_.guarded("a", [&](Orchestrator& oms) { call(oms, rows.front().id); });
  }

  void execute(const char* qty, const char* price) {
    for (HeldOrder& held : world_.held) {
      execute_at_broker(world_, held, Quantity::from_string(qty), Price::from_string(price));
    }
  }

  void run(Step step) {
    switch (step) {
      case Step::kFillA:
        return execute("1.000000003", "2500.123456788");
      case Step::kFillB:
        return execute("2.000000004", "2499.999999999");
      case Step::kBust:
        if (!world_.held.empty()) bust_at_broker(world_, world_.held.front());
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

  // Another process does something whole between two calls of the first.
  void interrupt(Deviation deviation) {
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
  }

  [[nodiscard]] bool at_rest() const {
    if (world_.store->outbox().rows != 0) return false;
    for (const Order& order : world_.store->orders({.limit = 10})) {
      const bool waits = order.status == OrderStatus::kPlaced || order.status == OrderStatus::kSubmitting ||
                         order.status == OrderStatus::kUnknown ||
                         order.status == OrderStatus::kCancelPending ||
                         order.status == OrderStatus::kReplacePending;
      if (waits && !order.parked) return false;
    }
    return true;
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
      if (idle && at_rest()) return;
      const bool next_day = round == kRoundOfNextDay;
      world_.day_passed = world_.day_passed || next_day;
      world_.pass(next_day ? std::chrono::seconds(std::chrono::hours(25)) : std::chrono::seconds(10));
    }
  }

  void audit() {
    Orchestrator& oms = *world_.process("a").oms;
    client_.place("a", false);  // once more: the same answer
    client_.check_answers(oms);
    audit_once(oms);
    oms.settle(std::chrono::floor<std::chrono::days>(world_.now()) + std::chrono::days(30));
    oms.publish();
    testing::Audit settled(oms);
    settled.book();
    settled.delivery(world_.delivered);
    take(settled);
  }

  void audit_once(Orchestrator& oms) {
    testing::Audit audit(oms);
    audit.book();
    audit.delivery(world_.delivered);
    audit.broker();
    audit.rest();
    take(audit);
    for (const Order& order : audit.orders()) check_parked(order);
  }

  // A broker that tells leaves nothing to a person, but what it refused when it was sent again.
  void check_parked(const Order& order) {
    if (!order.parked) return;
    const bool held = std::ranges::any_of(world_.held, [&](const HeldOrder& at_broker) {
      return at_broker.order.client_order_id == order.client_order_id;
    });
    const bool undecided = world_.broker.broker_class != BrokerClass::kEnforced ||
                           world_.refused.contains(order.client_order_id);
    if (held || !undecided) {
      world_.violated("I4", "order " + std::to_string(order.id) + " is left to a person: " + order.reason);
    }
  }

  void take(testing::Audit& audit) {
    for (const testing::Finding& finding : audit.findings) {
      world_.violated(finding.invariant.c_str(), finding.what);
    }
  }

  World world_;
  Client client_;
};

}  // namespace

CaseResult run_case(const Case& which, bool tracing) { return Run(which, tracing).result(); }

int permutations_of(Program program) {
  int count = 1;
  for (int i = 2; i <= static_cast<int>(steps_of(program).size()); ++i) count *= i;
  return count;
}

}  // namespace orchestrator::sim
