// The processes of a swarm run. Each does one thing at a time, on a call stack of its own, and gives way
// inside its port calls to whoever is due first; it dies, stays down for a while, comes up again and
// recovers.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "sim/draws.hpp"
#include "sim/fiber.hpp"
#include "sim/profile.hpp"
#include "sim/schedule.hpp"
#include "sim/world.hpp"

namespace orchestrator::sim {

class Crew final : public Course {
 public:
  using Work = std::function<void(Process&)>;

  Crew(Draws& draws, const Profile& profile);
  ~Crew() override;  // whoever is in the middle of something dies there
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // --- Course ---
  void take_time(Process& caller, Call call) override;
  void sleep(Process& caller, std::chrono::microseconds duration) override;
  Deviation choose(Process& caller, Call call) override;
  void interrupt(Process& caller, Deviation deviation) override;
  [[nodiscard]] std::string position() const override;

  // --- what they have to do ---
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  void start_all();
  // In its line; nothing when it is down.
  void give_work(std::size_t number, Work work);
  // To the first that is up.
  void give_anyone(const Work& work);
  void cut_power();                 // every process dies at once; what was committed stays
  [[nodiscard]] bool idle() const;  // all are up and have nothing to do
  void set_rounds(std::chrono::microseconds gap) { round_gap_ = gap; }

  // The events of processes. Throws NeverEnds.
  void happen(const ScheduledEvent& event);

  World& world() { return world_; }
  Schedule schedule;
  std::int64_t slow_calls = 0;
  std::int64_t power_cuts = 0;

 private:
  struct Node {
    explicit Node(std::uint32_t given) : number(given), name(1, static_cast<char>('a' + given)) {}

    const std::uint32_t number;
    const std::string name;
    Activity activity{ActorKind::kProcess, static_cast<std::uint8_t>(number)};
    std::deque<Work> work;
    std::uint64_t generation = 0;  // of what is planned for its stack
    bool up = true;
    bool at_work = false;  // its stack is in the middle of something
    Process* process = nullptr;
    std::unique_ptr<Fiber> fiber;
  };

  Node* node_of(const Process& process);
  void spend(Node& node, std::chrono::microseconds duration);
  void serve(Node& node);
  void perform(Node& node, const Work& work);
  void go_down(Node& node);
  void start(Node& node);
  void round(Node& node);

  Draws& draws_;
  const Rates rates_;
  const std::uint32_t slow_per_mille_;
  std::chrono::microseconds round_gap_;
  World world_;
  std::deque<Node> nodes_;
  Place position_;
  bool never_ends_ = false;
  bool ending_ = false;
};

}  // namespace orchestrator::sim
