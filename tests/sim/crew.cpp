#include "sim/crew.hpp"

#include <algorithm>
#include <array>

namespace orchestrator::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr microseconds kCallTime = milliseconds(1);
// How much longer a call may take: within the lease, about the lease, well beyond it.
constexpr std::array<microseconds, 7> kSlow = {seconds(0),  milliseconds(3), milliseconds(40), seconds(1),
                                               seconds(12), seconds(45),     minutes(6)};
constexpr std::array<microseconds, 4> kDownTimes = {seconds(1), milliseconds(10), seconds(40), minutes(10)};
// A process that is behind gets no further rounds to do.
constexpr std::size_t kWorkMax = 2;

}  // namespace

Crew::Crew(Draws& draws, const Profile& profile)
    : draws_(draws),
      rates_(profile.rates),
      slow_per_mille_(profile.slow_per_mille),
      round_gap_(profile.step_gap),
      world_(profile.world, *this) {
  for (std::uint32_t i = 0; i < profile.processes; ++i) {
    Node& node = nodes_.emplace_back(i);
    node.fiber = std::make_unique<Fiber>([this, &node] { serve(node); });
  }
}

Crew::~Crew() {
  ending_ = true;
  world_.deviating = false;
  for (Node& node : nodes_) {
    if (node.process != nullptr) node.process->dead = true;
    node.work.clear();
    node.fiber->resume();
  }
}

// --- Course ---

void Crew::take_time(Process& caller, Call /*call*/) {
  Node* node = node_of(caller);
  if (node == nullptr) return world_.pass(kCallTime);
  microseconds duration = kCallTime;
  if (world_.deviating) {
    const std::uint32_t slow = draws_.rarely(node->activity, slow_per_mille_, kSlow.size());
    if (slow != 0) {
      ++slow_calls;
      duration += kSlow[slow];
      world_.note(caller.name + " is slow, by " + std::to_string(kSlow[slow] / milliseconds(1)) + " ms");
    }
  }
  spend(*node, duration);
}

void Crew::sleep(Process& caller, microseconds duration) {
  Node* node = node_of(caller);
  if (node == nullptr) return world_.pass(duration);
  spend(*node, duration);
}

Deviation Crew::choose(Process& caller, Call call) {
  constexpr Options kNotHere =
      options_of(Deviation::kTwin, Deviation::kRival, Deviation::kPeer, Deviation::kZombie, Deviation::kHalt);
  Node* node = node_of(caller);
  if (node == nullptr) return Deviation::kNone;
  position_ = node->activity.place();
  return draws_.deviation(node->activity, options_of(call) & ~kNotHere, rates_);
}

void Crew::interrupt(Process& /*caller*/, Deviation /*deviation*/) {}  // others run by the schedule

std::string Crew::position() const {
  const auto now = std::chrono::duration_cast<milliseconds>(world_.now().time_since_epoch());
  return std::to_string(now.count()) + " " + to_string(position_);
}

// --- one process ---

Crew::Node* Crew::node_of(const Process& process) {
  for (Node& node : nodes_) {
    if (node.at_work && node.process == &process) return &node;
  }
  return nullptr;
}

void Crew::spend(Node& node, microseconds duration) {
  const Timestamp until = world_.now() + duration;
  if (!schedule.empty() && schedule.first().at <= until) {
    schedule.plan(until, EventKind::kResume, node.number, node.generation);
    node.fiber->give_way();
  } else {
    world_.true_now = until;
  }
}

// The body of a process's stack.
void Crew::serve(Node& node) {
  while (!ending_) {
    if (node.work.empty()) {
      node.at_work = false;
      node.fiber->give_way();
      continue;
    }
    const Work work = std::move(node.work.front());
    node.work.pop_front();
    node.activity.next();
    perform(node, work);
    if (node.process != nullptr && node.process->dead) go_down(node);
  }
  node.at_work = false;
}

void Crew::perform(Node& node, const Work& work) {
  try {
    node.process = &world_.process(node.name);
    work(*node.process);
  } catch (const ProcessDied&) {
  } catch (const NeverEnds&) {
    never_ends_ = true;
  } catch (const Error& error) {
    world_.note(node.name + " fails: " + error.what());
    if (error.code() == ErrorCode::kInternal) {
      world_.violated("I13", std::string("the engine found itself wrong: ") + error.what());
    }
  } catch (const std::exception& error) {
    world_.note(node.name + " fails: " + error.what());
  }
}

void Crew::go_down(Node& node) {
  world_.note(node.name + " is dead");
  node.work.clear();
  node.process = nullptr;
  world_.bury(node.name);
  node.up = false;
  microseconds pause = kDownTimes.front();
  if (world_.deviating) pause = kDownTimes[draws_.below(node.activity, kDownTimes.size())];
  schedule.plan(world_.now() + pause, EventKind::kRestart, node.number, 0);
}

void Crew::start(Node& node) {
  node.up = true;
  give_work(node.number, [](Process& process) { process.oms->recover(); });
}

void Crew::round(Node& node) {
  schedule.plan(world_.now() + round_gap_, EventKind::kRound, node.number, 0);
  if (node.work.size() < kWorkMax) give_work(node.number, [](Process& process) { process.oms->step(); });
}

// --- all of them ---

void Crew::start_all() {
  for (Node& node : nodes_) {
    start(node);
    schedule.plan(world_.now() + round_gap_, EventKind::kRound, node.number, 0);
  }
}

void Crew::give_work(std::size_t number, Work work) {
  Node& node = nodes_[number];
  if (!node.up) return;
  node.work.push_back(std::move(work));
  if (node.at_work) return;
  node.at_work = true;
  schedule.plan(world_.now(), EventKind::kResume, node.number, node.generation);
}

void Crew::give_anyone(const Work& work) {
  const auto up = std::ranges::find_if(nodes_, &Node::up);
  if (up != nodes_.end()) give_work(up->number, work);
}

void Crew::cut_power() {
  ++power_cuts;
  world_.note("the power fails");
  for (Node& node : nodes_) {
    if (!node.up || node.process == nullptr) continue;
    world_.die(*node.process);
    if (!node.at_work) {
      go_down(node);
      continue;
    }
    // At once, and not when the call that it waits for would have been over.
    ++node.generation;
    schedule.plan(world_.now(), EventKind::kResume, node.number, node.generation);
  }
}

bool Crew::idle() const {
  return std::ranges::all_of(nodes_, [](const Node& node) { return node.up && !node.at_work; });
}

void Crew::happen(const ScheduledEvent& event) {
  Node& node = nodes_[event.actor];
  if (event.kind == EventKind::kResume && event.generation == node.generation) node.fiber->resume();
  if (event.kind == EventKind::kRound) round(node);
  if (event.kind == EventKind::kRestart) start(node);
  if (never_ends_) throw NeverEnds{};
}

}  // namespace orchestrator::sim
