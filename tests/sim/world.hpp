// The simulated world: one durable store, one broker, one cache and one event bus that outlive every process;
// a virtual clock; and the ground truth that nobody in the world sees: who claimed what, what really reached
// the broker, what consumers and clients were told.
//
// Every port call of every process passes gate(), where the run's course strikes. A process that has crashed
// is dead: each further call throws, so that nothing which catches the first exception has an effect after
// death.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
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
  bool decides = false;  // at work on a person's decision
  int requests_since_halt = 0;
  std::unique_ptr<Orchestrator> oms;  // the last member: its ports refer to the process
};

// What the broker holds, once per acceptance.
struct HeldOrder {
  BrokerOrder order;
  Timestamp accepted_at;
  Timestamp visible_at;
  std::vector<Execution> executions;
};

// One broker.
struct Venue {
  BrokerCapabilities capabilities;
  std::deque<HeldOrder> held;  // in order of acceptance
  std::vector<BrokerReport> news;
  std::unordered_map<std::string, HeldOrder*> by_client_order_id;  // the first that was accepted under it
};

// What decides how a run goes on.
class Course {
 public:
  virtual ~Course() = default;
  // A port call takes its time, and others may run meanwhile.
  virtual void take_time(Process& caller, Call call) = 0;
  virtual void sleep(Process& caller, std::chrono::microseconds duration) = 0;
  // What else is to go wrong, of options_of(call).
  virtual Deviation choose(Process& caller, Call call) = 0;
  // Whatever comes between two calls and is not of the world.
  virtual void interrupt(Process& caller, Deviation deviation) = 0;
  // Where the last choice was asked for, for the trace.
  [[nodiscard]] virtual std::string position() const = 0;
};

// The steps of the placement protocol, by the names that its model gives them.
enum class Transition : std::uint8_t {
  kAccept,
  kClaim,
  kSend,
  kResult,
  kAbandon,
  kLookUp,
  kAdopt,
  kResend,
  kPark,
  kResolve
};
inline constexpr int kTransitionCount = 10;
[[nodiscard]] std::string_view to_string(Transition transition);

// How often each thing has happened.
struct Coverage {
  std::array<std::int64_t, kDeviationCount> deviations = {};
  std::array<std::int64_t, kTransitionCount> transitions = {};

  void count(Transition transition, std::size_t times = 1) {
    transitions[static_cast<std::size_t>(transition)] += static_cast<std::int64_t>(times);
  }
};

using StoreFactory = std::function<std::shared_ptr<Store>()>;

struct WorldSetup {
  StoreFactory make_store = make_memory_store;
  std::vector<BrokerCapabilities> brokers;
  // Of several processes one has a role, until its lease is over. Else, as with one process, whoever asks.
  bool one_holder_of_roles = false;
  // The store can tell that a sender died; else its orders wait for the end of its lease.
  bool tells_deaths = true;
  std::int64_t port_calls_max = 0;
  bool tracing = false;
};
[[nodiscard]] BrokerCapabilities capabilities_of(BrokerClass broker_class, std::string name);

class World {
 public:
  World(const WorldSetup& setup, Course& course);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // --- processes ---
  // The process of that name, opened when it is not running.
  Process& process(const std::string& name);
  // Ends a process that died, so that the next process() opens a new one.
  void bury(const std::string& name);
  void die(Process& process);

  // --- the gate ---
  // Throws ProcessDied for a process that is dead or dies here; otherwise what else is to go wrong.
  Deviation gate(Process& caller, Call call);
  // The same for ports that must not throw: nullopt for a dead process.
  std::optional<Deviation> gate_noexcept(Process& caller, Call call) noexcept;

  // --- time ---
  [[nodiscard]] Timestamp now() const { return true_now; }                // of the world
  [[nodiscard]] Timestamp wall_clock() const { return true_now + skew; }  // of the machine
  void pass(std::chrono::microseconds duration) { true_now += duration; }

  // --- findings ---
  void violated(const char* invariant, const std::string& what);
  void note(const std::string& text);  // into the trace

  // Into the running hash of all that happens.
  void happened(std::uint64_t number) { hash = (hash ^ number) * 0x9E37'79B9'7F4A'7C15U + (hash >> 29); }
  void happened(std::string_view bytes);

  Course& course;
  const WorldSetup setup;
  const bool tracing;
  std::uint64_t hash = 0;
  Coverage coverage;
  bool deviating = true;  // false: faults have stopped
  Timestamp store_down_until;
  std::vector<std::string> trace;
  testing::Findings findings;
  std::int64_t port_calls = 0;

  Timestamp true_now;
  std::chrono::microseconds skew{0};

  // --- what is durable ---
  std::shared_ptr<Store> store;
  std::unique_ptr<IdempotencyStore> cache;
  std::deque<Venue> venues;
  std::vector<Event> delivered;  // what consumers saw, in order

  // --- the truth ---
  std::set<std::int64_t> dead_owners;
  struct Claim {
    std::string client_order_id;
    std::int32_t attempt = 0;
    std::int64_t epoch = 0;
    auto operator<=>(const Claim&) const = default;
  };
  std::set<Claim> claims;  // durable
  struct Role {
    std::int64_t owner = 0;
    Timestamp until;
  };
  std::map<std::string, Role, std::less<>> roles;
  bool lose_next_send = false;                // the request never arrives and has no answer
  std::map<std::string, int> sends_in_doubt;  // by client order id: attempts without a definite answer
  std::set<std::string> refused;              // definitely, by the broker
  std::multiset<std::string> on_the_wire;     // requests under way
  struct LateRequest {
    Timestamp at;
    Venue* venue = nullptr;
    Order order;
  };
  std::deque<LateRequest> late;  // given up by their senders, and to arrive still
  bool day_passed = false;       // for some clock: a stored receipt may have expired
  bool halted = false;
  void halt_all();  // from now on at most one request of each process still leaves

 private:
  [[nodiscard]] std::unique_ptr<Orchestrator> open(Process& owner);
  void deliver_late();

  std::map<std::string, std::unique_ptr<Process>> processes_;
  std::int64_t last_owner_ = 0;
};

// The ports of one process into the world; the world and the process outlive them.
[[nodiscard]] std::unique_ptr<Store> make_sim_store(World& world, Process& process);
[[nodiscard]] std::unique_ptr<BrokerConnector> make_sim_broker(World& world, Process& process, Venue& venue);
[[nodiscard]] std::unique_ptr<IdempotencyStore> make_sim_cache(World& world, Process& process);
[[nodiscard]] std::unique_ptr<EventPublisher> make_sim_bus(World& world, Process& process);

// A request to place arrives. The order that is now held under its id: this one, or, where a second is
// refused, the first.
struct Acceptance {
  bool fills_first = false;             // a part, before it is acknowledged
  std::chrono::seconds shown_after{0};  // to look-ups
};
HeldOrder& accept_at_broker(World& world, Venue& venue, const Order& order, const Acceptance& how = {});
// The market executes so much of an order; nothing when it does not work there.
void execute_at_broker(World& world, Venue& venue, HeldOrder& held, Quantity qty, Price price);
void bust_at_broker(World& world, Venue& venue, HeldOrder& held);
void expire_at_broker(World& world, Venue& venue, HeldOrder& held);

inline constexpr std::chrono::seconds kLease{30};
inline constexpr std::chrono::seconds kQuietPeriod{5};
// So late that the quiet period is over, and what is sent again overtakes it.
inline constexpr std::chrono::seconds kLateBy{7};
inline constexpr const char* kBrokerName = "sim";

}  // namespace orchestrator::sim
