// The simulated world: one durable store, one broker, one cache and one event bus that outlive every process;
// a virtual clock; and the ground truth that nobody in the world sees: who claimed what, what really reached
// the broker, what consumers and clients were told.
//
// Every port call of every process passes gate(), where a run's choices strike. A process that has crashed is
// dead: each further call throws, so that nothing which catches the first exception has an effect after
// death.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "orchestrator/backends/memory.hpp"
#include "orchestrator/orchestrator.hpp"
#include "sim/choices.hpp"
#include "support/audit.hpp"

namespace orchestrator::sim {

// Thrown through the engine by every port call of a dead process. Not a std::exception: no handler for errors
// is meant.
struct ProcessDied {};
// Thrown by every port call once a case has made far more of them than any case needs: something goes round
// in circles.
struct NeverEnds {};

// One run of one program on one store: from open to crash or close.
struct Process {
  std::string name;  // "a", "b"
  std::int64_t owner = 0;
  bool dead = false;
  std::unique_ptr<Orchestrator> oms;  // the last member: its ports refer to the process
};

// What the broker holds, once per acceptance.
struct HeldOrder {
  BrokerOrder order;
  Timestamp accepted_at;
  Timestamp visible_at;
  std::vector<Execution> executions;
};

class World {
 public:
  explicit World(const Case& which, bool tracing);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // --- processes ---
  // The process of that name, opened when it is not running.
  Process& process(const std::string& name);
  // Ends a process that died, so that the next process() opens a new one.
  void bury(const std::string& name);

  // --- the gate ---
  // Throws ProcessDied for a process that is dead or dies here; otherwise what else is to go wrong.
  Deviation gate(Process& caller, Call call);
  // The same for ports that must not throw: nullopt for a dead process.
  std::optional<Deviation> gate_noexcept(Process& caller, Call call) noexcept;
  // Another process's whole step, run at a gate.
  std::function<void(Deviation)> interrupt;

  // --- time ---
  [[nodiscard]] Timestamp now() const { return true_now; }                // of the world
  [[nodiscard]] Timestamp wall_clock() const { return true_now + skew; }  // of the machine
  void pass(std::chrono::microseconds duration) { true_now += duration; }

  // --- findings ---
  void violated(const char* invariant, const std::string& what);
  void note(const std::string& text);  // into the trace

  const Case which;
  const bool tracing;
  bool deviating = true;  // false: faults have stopped
  std::vector<Offer> offers;
  std::vector<std::string> trace;
  testing::Findings findings;
  std::int64_t port_calls = 0;
  std::size_t choices_taken = 0;

  Timestamp true_now;
  std::chrono::microseconds skew{0};

  // --- what is durable ---
  std::unique_ptr<Store> store;
  std::unique_ptr<IdempotencyStore> cache;
  BrokerCapabilities broker;
  std::vector<HeldOrder> held;  // in order of acceptance
  std::vector<BrokerReport> news;
  std::vector<Event> delivered;  // what consumers saw, in order

  // --- the truth ---
  std::set<std::int64_t> dead_owners;
  struct Claim {
    std::string client_order_id;
    std::int32_t attempt = 0;
    std::int64_t epoch = 0;
    auto operator<=>(const Claim&) const = default;
  };
  std::set<Claim> claims;                     // durable
  bool lose_next_send = false;                // the request never arrives and has no answer
  std::map<std::string, int> sends_in_doubt;  // by client order id: attempts without a definite answer
  std::set<std::string> refused;              // definitely, by the broker
  bool day_passed = false;                    // for some clock: a stored receipt may have expired
  bool halted = false;
  int requests_since_halt = 0;

 private:
  Deviation choose(Options options);
  void between(Deviation deviation);
  [[nodiscard]] std::unique_ptr<Orchestrator> open(Process& owner);

  std::map<std::string, std::unique_ptr<Process>> processes_;
  std::int64_t last_owner_ = 0;
  int position_ = 0;
  std::size_t next_choice_ = 0;
  bool interrupted_ = false;
};

// The ports of one process into the world; the world and the process outlive them.
[[nodiscard]] std::unique_ptr<Store> make_sim_store(World& world, Process& process);
[[nodiscard]] std::unique_ptr<BrokerConnector> make_sim_broker(World& world, Process& process);
[[nodiscard]] std::unique_ptr<IdempotencyStore> make_sim_cache(World& world, Process& process);
[[nodiscard]] std::unique_ptr<EventPublisher> make_sim_bus(World& world, Process& process);

// The market executes so much of a client order id's order at the broker; nothing when it does not work
// there.
void execute_at_broker(World& world, HeldOrder& held, Quantity qty, Price price);
void bust_at_broker(World& world, HeldOrder& held);

inline constexpr std::chrono::seconds kLease{30};
inline constexpr std::chrono::seconds kQuietPeriod{5};
inline constexpr const char* kBrokerName = "sim";

}  // namespace orchestrator::sim
