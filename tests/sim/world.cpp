#include "sim/world.hpp"

#include "support/fake_clock.hpp"

namespace orchestrator::sim {
namespace {

constexpr std::chrono::hours kDay{24};
constexpr std::int64_t kPortCallsMax = 20'000;

class SimClock final : public Clock {
 public:
  explicit SimClock(World& world) : world_(world) {}
  [[nodiscard]] Timestamp now() const override { return world_.wall_clock(); }
  [[nodiscard]] Timestamp monotonic() const override { return world_.true_now; }
  void sleep_for(std::chrono::microseconds duration) override { world_.pass(duration); }

 private:
  World& world_;
};

BrokerCapabilities capabilities_of(BrokerClass broker_class) {
  BrokerCapabilities capabilities;
  capabilities.name = kBrokerName;
  capabilities.account = "A1";
  capabilities.broker_class = broker_class;
  const bool batches = broker_class == BrokerClass::kEnforced || broker_class == BrokerClass::kWindowed;
  capabilities.orders_max = batches ? 10 : 1;
  capabilities.replaces = true;
  capabilities.quiet_period = kQuietPeriod;
  if (broker_class == BrokerClass::kWindowed) capabilities.duplicate_window = std::chrono::hours(8);
  return capabilities;
}

// Steps so small that sums need every digit.
Instrument instrument(InstrumentId id) {
  Instrument made;
  made.id = id;
  made.symbol = "S" + std::to_string(id);
  made.lot_size = Quantity::from_units(1);
  return made;
}

}  // namespace

World::World(const Case& given, bool with_trace)
    : which(given),
      tracing(with_trace),
      true_now(testing::FakeClock::kStart),
      store(make_memory_store()),
      cache(make_memory_idempotency_store()),
      broker(capabilities_of(given.scenario.broker_class)) {
  store->put_broker({0, kBrokerName, "{}", true, true_now, true_now});
  const std::vector<Instrument> instruments = {instrument(1), instrument(2)};
  store->put_instruments(instruments);
}

std::unique_ptr<Orchestrator> World::open(Process& owner) {
  EngineOptions options;
  options.lease = kLease;
  options.validation.duplicates = DuplicatePolicy::kAllow;
  Parts parts;
  parts.store = make_sim_store(*this, owner);
  parts.brokers.push_back(make_sim_broker(*this, owner));
  parts.idempotency = make_sim_cache(*this, owner);
  parts.publisher = make_sim_bus(*this, owner);
  parts.clock = std::make_unique<SimClock>(*this);
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

Deviation World::choose(Options options) {
  const int position = position_++;
  offers.push_back({position, options});
  if (next_choice_ >= which.choices.size() || which.choices[next_choice_].position != position) {
    return Deviation::kNone;
  }
  const Deviation chosen = which.choices[next_choice_++].deviation;
  if (!holds(options, chosen)) return Deviation::kNone;
  ++choices_taken;
  return chosen;
}

Deviation World::gate(Process& caller, Call call) {
  if (caller.dead) throw ProcessDied{};
  if (++port_calls > kPortCallsMax) throw NeverEnds{};
  pass(std::chrono::milliseconds(1));
  if (!deviating) {
    if (tracing) note(caller.name + " " + std::string(to_string(call)));
    return Deviation::kNone;
  }
  constexpr Options kOthers =
      options_of(Deviation::kTwin, Deviation::kRival, Deviation::kPeer, Deviation::kZombie, Deviation::kHalt);
  const Options options = interrupted_ ? options_of(call) & ~kOthers : options_of(call);
  const int position = position_;
  const Deviation chosen = choose(options);
  if (tracing) {
    note(std::to_string(position) + " " + caller.name + " " + std::string(to_string(call)) +
         (chosen == Deviation::kNone ? "" : "  <-- " + std::string(to_string(chosen))));
  }
  if (chosen == Deviation::kCrash) {
    caller.dead = true;
    dead_owners.insert(caller.owner);
    throw ProcessDied{};
  }
  if (holds(kOthers | options_of(Deviation::kDayAhead, Deviation::kDayBack), chosen)) {
    between(chosen);
    return Deviation::kNone;
  }
  return chosen;
}

std::optional<Deviation> World::gate_noexcept(Process& caller, Call call) noexcept {
  try {
    return gate(caller, call);
  } catch (...) {
    return std::nullopt;
  }
}

void World::between(Deviation deviation) {
  day_passed = day_passed || deviation == Deviation::kDayAhead || deviation == Deviation::kDayBack;
  if (deviation == Deviation::kDayAhead) {
    skew += kDay;
  } else if (deviation == Deviation::kDayBack) {
    skew -= kDay;
  } else {
    interrupted_ = true;
    interrupt(deviation);
    interrupted_ = false;
  }
}

void World::violated(const char* invariant, const std::string& what) {
  findings.push_back({invariant, what});
  note("VIOLATED " + std::string(invariant) + ": " + what);
}

void World::note(const std::string& text) {
  if (tracing) trace.push_back(text);
}

}  // namespace orchestrator::sim
