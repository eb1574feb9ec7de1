#include "sim/world.hpp"

#include <algorithm>

#include "support/fake_clock.hpp"

namespace orchestrator::sim {
namespace {

constexpr std::chrono::hours kDay{24};

class SimClock final : public Clock {
 public:
  SimClock(World& world, Process& process) : world_(world), process_(process) {}
  [[nodiscard]] Timestamp now() const override { return world_.wall_clock(); }
  [[nodiscard]] Timestamp monotonic() const override { return world_.true_now; }
  void sleep_for(std::chrono::microseconds duration) override { world_.course.sleep(process_, duration); }

 private:
  World& world_;
  Process& process_;
};

// Steps so small that sums need every digit.
Instrument instrument(InstrumentId id) {
  Instrument made;
  made.id = id;
  made.symbol = "S" + std::to_string(id);
  made.lot_size = Quantity::from_units(1);
  return made;
}

}  // namespace

BrokerCapabilities capabilities_of(BrokerClass broker_class, std::string name) {
  BrokerCapabilities capabilities;
  capabilities.name = std::move(name);
  capabilities.account = "A1";
  capabilities.broker_class = broker_class;
  const bool batches = broker_class == BrokerClass::kEnforced || broker_class == BrokerClass::kWindowed;
  capabilities.orders_max = batches ? 10 : 1;
  capabilities.replaces = true;
  capabilities.quiet_period = kQuietPeriod;
  if (broker_class == BrokerClass::kWindowed) capabilities.duplicate_window = std::chrono::hours(8);
  return capabilities;
}

std::string_view to_string(Transition transition) {
  constexpr std::array<std::string_view, kTransitionCount> kNames = {
      "accept", "claim", "send", "result", "abandon", "look_up", "adopt", "resend", "park", "resolve"};
  return kNames[static_cast<std::size_t>(transition)];
}

World::World(const WorldSetup& given_setup, Course& given_course)
    : course(given_course),
      setup(given_setup),
      tracing(setup.tracing),
      true_now(testing::FakeClock::kStart),
      store(setup.make_store()),
      cache(make_memory_idempotency_store()) {
  for (const BrokerCapabilities& capabilities : setup.brokers) {
    venues.emplace_back().capabilities = capabilities;
    store->put_broker({0, capabilities.name, "{}", true, true_now, true_now});
  }
  const std::vector<Instrument> instruments = {instrument(1), instrument(2)};
  store->put_instruments(instruments);
}

std::unique_ptr<Orchestrator> World::open(Process& owner) {
  EngineOptions options;
  options.lease = kLease;
  options.validation.duplicates = DuplicatePolicy::kAllow;
  Parts parts;
  parts.store = make_sim_store(*this, owner);
  for (Venue& venue : venues) parts.brokers.push_back(make_sim_broker(*this, owner, venue));
  parts.idempotency = make_sim_cache(*this, owner);
  parts.publisher = make_sim_bus(*this, owner);
  parts.clock = std::make_unique<SimClock>(*this, owner);
  return std::make_unique<Orchestrator>(std::move(options), std::move(parts));
}

Process& World::process(const std::string& name) {
  std::unique_ptr<Process>& slot = processes_[name];
  if (!slot) {
    slot = std::make_unique<Process>();
    slot->name = name;
    slot->owner = ++last_owner_;
    slot->oms = open(*slot);
    note(name + " starts");
  }
  return *slot;
}

void World::bury(const std::string& name) {
  const auto at = processes_.find(name);
  if (at != processes_.end() && at->second->dead) processes_.erase(at);
}

Deviation World::gate(Process& caller, Call call) {
  if (caller.dead) throw ProcessDied{};
  if (++port_calls > setup.port_calls_max) throw NeverEnds{};
  course.take_time(caller, call);
  if (caller.dead) throw ProcessDied{};
  deliver_late();
  const Deviation chosen = deviating ? course.choose(caller, call) : Deviation::kNone;
  if (tracing) {
    note((deviating ? course.position() + " " : "") + caller.name + " " + std::string(to_string(call)) +
         (chosen == Deviation::kNone ? "" : "  <-- " + std::string(to_string(chosen))));
  }
  happened(static_cast<std::uint64_t>(true_now.time_since_epoch().count()));
  happened((static_cast<std::uint64_t>(caller.owner) << 16) | (static_cast<std::uint64_t>(call) << 8) |
           static_cast<std::uint64_t>(chosen));
  ++coverage.deviations[static_cast<std::size_t>(chosen)];
  constexpr Options kOthers =
      options_of(Deviation::kTwin, Deviation::kRival, Deviation::kPeer, Deviation::kZombie, Deviation::kHalt);
  if (chosen == Deviation::kCrash) {
    die(caller);
    throw ProcessDied{};
  }
  if (chosen == Deviation::kDayAhead || chosen == Deviation::kDayBack) {
    day_passed = true;
    // By a day at most: what was sent by a clock that ran ahead is waited for until the right one is there.
    skew = std::clamp<std::chrono::microseconds>(skew + (chosen == Deviation::kDayAhead ? kDay : -kDay),
                                                 -kDay, kDay);
    return Deviation::kNone;
  }
  if (!holds(kOthers, chosen)) return chosen;
  course.interrupt(caller, chosen);
  return Deviation::kNone;
}

void World::deliver_late() {
  while (!late.empty() && late.front().at <= true_now) {
    const LateRequest request = std::move(late.front());
    late.pop_front();
    note("what was sent long ago arrives: " + request.order.client_order_id);
    on_the_wire.erase(on_the_wire.find(request.order.client_order_id));
    accept_at_broker(*this, *request.venue, request.order);
  }
}

void World::die(Process& process) {
  process.dead = true;
  dead_owners.insert(process.owner);
}

std::optional<Deviation> World::gate_noexcept(Process& caller, Call call) noexcept {
  try {
    return gate(caller, call);
  } catch (...) {
    return std::nullopt;
  }
}

// Bytes are taken as numbers from the lowest, whatever the machine.
void World::happened(std::string_view bytes) {
  happened(bytes.size());
  std::uint64_t word = 0;
  std::size_t count = 0;
  for (const char byte : bytes) {
    word = (word << 8) | static_cast<unsigned char>(byte);
    if (++count % 8 == 0) happened(word);
  }
  happened(word);
}

void World::halt_all() {
  halted = true;
  for (const auto& [name, process] : processes_) process->requests_since_halt = 0;
}

void World::violated(const char* invariant, const std::string& what) {
  findings.push_back({invariant, what});
  note("VIOLATED " + std::string(invariant) + ": " + what);
}

void World::note(const std::string& text) {
  if (tracing) trace.push_back(text);
}

}  // namespace orchestrator::sim
