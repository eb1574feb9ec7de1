#include "sim/swarm.hpp"

#include <algorithm>
#include <array>
#include <deque>

#include "sim/crew.hpp"
#include "sim/final_checks.hpp"
#include "sim/key_history.hpp"
#include "sim/profile.hpp"

namespace orchestrator::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr seconds kHealRound{10};
constexpr int kHealRoundsMin = 8;  // every process has done a round by then
constexpr int kHealRoundsMax = 120;
constexpr int kHealRoundOfNextDay = 60;
constexpr std::array<seconds, 4> kOutages = {seconds(0), seconds(1), seconds(25), seconds(100)};
constexpr std::size_t kRecent = 16;  // what clients and the market turn to

struct Quantities {
  const char* qty;
  const char* rival;
  const char* changed;
};
constexpr std::array<Quantities, 4> kQuantities = {{{"3.000000007", "7", "4.000000001"},
                                                    {"5.000000001", "7.5", "9"},
                                                    {"0.000000001", "70", "2"},
                                                    {"1000", "77", "999.999999999"}}};
constexpr std::array<const char*, 4> kPrices = {"2500.123456789", "100.5", "0.000000001", "98765.4321"};

struct SwarmClient {
  Activity activity;
  std::uint32_t wakes_left = 0;
};

struct AskedKey {
  KeyHistory history;
  bool answered = false;
};

class Swarm {
 public:
  Swarm(Draws draws, const SwarmSetup& setup)
      : draws_(std::move(draws)),
        profile_(profile_of(setup)),
        crew_(draws_, profile_),
        world_(crew_.world()) {
    for (std::uint32_t i = 0; i < profile_.clients; ++i) {
      clients_.push_back({Activity(ActorKind::kClient, static_cast<std::uint8_t>(i)), profile_.wakes});
    }
  }

  SwarmResult result() {
    try {
      safety();
      heal();
      audit();
    } catch (const NeverEnds&) {
      world_.violated("I31", "the run goes on without end");
    } catch (const std::exception& error) {
      world_.violated("I31", std::string("at rest, a call fails: ") + error.what());
    }
    SwarmResult result;
    result.findings = std::move(world_.findings);
    result.hash = world_.hash;
    result.steps = world_.port_calls + events_;
    result.orders = world_.coverage.transitions[static_cast<std::size_t>(Transition::kAccept)];
    for (const Venue& venue : world_.venues) {
      for (const HeldOrder& held : venue.held) {
        result.executions += static_cast<std::int64_t>(held.executions.size());
      }
    }
    result.virtual_time = world_.now() - begin_;
    result.coverage = world_.coverage;
    result.power_cuts = crew_.power_cuts;
    result.outages = outages_;
    result.slow_calls = crew_.slow_calls;
    result.draws = draws_.drawn();
    result.trace = std::move(world_.trace);
    return result;
  }

 private:
  Profile profile_of(const SwarmSetup& setup) {
    Profile profile = draw_profile(draws_);
    profile.world.tracing = setup.tracing;
    profile.world.make_store = setup.make_store;
    return profile;
  }

  // --- events ---
  // Until `over` says so, or something is wrong.
  template <class Over>
  void drive(const Over& over) {
    while (!crew_.schedule.empty() && world_.findings.empty() && !over()) {
      const ScheduledEvent event = crew_.schedule.take();
      world_.true_now = std::max(world_.true_now, event.at);
      ++events_;
      // What was answered long ago may have expired.
      world_.day_passed = world_.day_passed || world_.now() - begin_ > std::chrono::hours(23);
      happen(event);
    }
  }

  void happen(const ScheduledEvent& event) {
    if (event.kind == EventKind::kClient) return wake(clients_[event.actor]);
    if (event.kind == EventKind::kMarket) return trade();
    if (event.kind == EventKind::kEnvironment) return disturb();
    crew_.happen(event);
  }

  void safety() {
    crew_.start_all();
    for (std::uint32_t i = 0; i < profile_.clients; ++i) {
      crew_.schedule.plan(world_.now(), EventKind::kClient, i, 0);
    }
    crew_.schedule.plan(world_.now() + profile_.market_gap, EventKind::kMarket, 0, 0);
    crew_.schedule.plan(world_.now() + profile_.environment_gap, EventKind::kEnvironment, 0, 0);
    drive([&] {
      return std::ranges::all_of(clients_, [](const SwarmClient& client) { return client.wakes_left == 0; });
    });
  }

  // --- the market, the environment ---
  void trade() {
    if (!world_.deviating) return;
    market_.next();
    crew_.schedule.plan(world_.now() + profile_.market_gap, EventKind::kMarket, 0, 0);
    const std::uint32_t what = draws_.below(market_, 10);
    Venue& venue = world_.venues[draws_.below(market_, static_cast<std::uint32_t>(world_.venues.size()))];
    if (what == 0 || venue.held.empty()) return;
    const auto recent = static_cast<std::uint32_t>(std::min(venue.held.size(), kRecent));
    HeldOrder& held = venue.held[venue.held.size() - 1 - draws_.below(market_, recent)];
    // A worse price than the limit would be the broker's fault, and an incident.
    const Price better = Price::from_units(draws_.below(market_, 2));
    const Price limit = *held.order.price_limit;
    const Price price = held.order.side == Side::kSell ? limit + better : std::max(better, limit - better);
    if (what <= 4) {
      execute_at_broker(world_, venue, held, Quantity::from_units(1 + draws_.below(market_, 2'000'000'000)),
                        price);
    } else if (what <= 7) {
      execute_at_broker(world_, venue, held, held.order.qty, price);
    } else if (what == 8) {
      bust_at_broker(world_, venue, held);
    } else {
      expire_at_broker(world_, venue, held);
    }
  }

  void disturb() {
    if (!world_.deviating) return;
    environment_.next();
    crew_.schedule.plan(world_.now() + profile_.environment_gap, EventKind::kEnvironment, 0, 0);
    if (draws_.rarely(environment_, profile_.power_cut_per_mille, 2) == 1) crew_.cut_power();
    // A failover: the database takes its time, and nothing that it acknowledged is lost.
    const std::uint32_t outage = draws_.rarely(environment_, profile_.outage_per_mille, kOutages.size());
    if (outage == 0) return;
    ++outages_;
    world_.note("the store is down");
    world_.store_down_until = world_.now() + kOutages[outage];
  }

  // --- clients ---
  void wake(SwarmClient& client) {
    if (client.wakes_left == 0) return;
    --client.wakes_left;
    client.activity.next();
    constexpr std::array<int, 4> kEighths = {8, 1, 32, 0};
    const int eighths = kEighths[draws_.below(client.activity, kEighths.size())];
    crew_.schedule.plan(world_.now() + profile_.client_gap * eighths / 8, EventKind::kClient,
                        static_cast<std::uint32_t>(&client - clients_.data()), 0);
    act(client.activity, draws_.below(client.activity, 20));
  }

  void act(Activity& activity, std::uint32_t what) {
    const std::uint32_t node = draws_.below(activity, profile_.processes);
    if (what == 0) return;
    if (what <= 8 || keys_.empty()) return place(activity, node);
    AskedKey& asked =
        keys_[keys_.size() - 1 -
              draws_.below(activity, static_cast<std::uint32_t>(std::min(keys_.size(), kRecent)))];
    if (what <= 10) return ask(node, asked, false);
    if (what == 11) return ask(node, asked, true);
    if (what == 12) return stop_or_go(node);
    const std::vector<OrderId> orders = asked.history.known_orders();
    if (orders.empty()) return;
    const OrderId id = orders[draws_.below(activity, static_cast<std::uint32_t>(orders.size()))];
    if (what <= 14) {
      crew_.give_work(node, [id](Process& process) { process.oms->cancel(id); });
    } else if (what <= 17) {
      const Quantities& terms = kQuantities[draws_.below(activity, kQuantities.size())];
      const char* price = kPrices[draws_.below(activity, kPrices.size())];
      crew_.give_work(node, [id, &terms, price](Process& process) {
        process.oms->replace(id, Quantity::from_string(terms.changed), Price::from_string(price));
      });
    } else {
      crew_.give_work(node, [this](Process& process) { decide(process); });
    }
  }

  void place(Activity& activity, std::uint32_t node) {
    BatchRequest request;
    request.portfolio_id = 1 + draws_.below(activity, 2);
    request.idempotency_key = "key-" + std::to_string(keys_.size() + 1);
    const char* rival = kQuantities.front().rival;
    const std::uint32_t count = 1 + draws_.below(activity, profile_.orders_max);
    for (std::uint32_t i = 0; i < count; ++i) {
      OrderRequest order;
      order.instrument_id = 1 + draws_.below(activity, 2);
      const Quantities& terms = kQuantities[draws_.below(activity, kQuantities.size())];
      if (i == 0) rival = terms.rival;
      order.qty = Quantity::from_string(terms.qty);
      order.side = draws_.below(activity, 2) == 0 ? Side::kBuy : Side::kSell;
      order.price_limit = Price::from_string(kPrices[draws_.below(activity, kPrices.size())]);
      const auto venue = draws_.below(activity, static_cast<std::uint32_t>(world_.venues.size()));
      order.broker = world_.venues[venue].capabilities.name;
      request.orders.push_back(std::move(order));
    }
    keys_.push_back({KeyHistory(world_, std::move(request), Quantity::from_string(rival)), false});
    ask(node, keys_.back(), false);
  }

  void ask(std::uint32_t node, AskedKey& asked, bool rival) {
    crew_.give_work(node, [&asked, rival](Process& process) {
      if (asked.history.attempt(process, rival) == KeyHistory::Next::kAnswered) asked.answered = true;
    });
  }

  void stop_or_go(std::uint32_t node) {
    crew_.give_work(node, [this](Process& process) {
      if (world_.halted) {
        process.oms->resume(ControlScope::kAll, "");
      } else {
        process.oms->halt(ControlScope::kAll, "", "drill");
      }
    });
  }

  // A person looks at the broker, and says what is there.
  void decide(Process& process) {
    const auto waiting = process.oms->orders({.statuses = {OrderStatus::kUnknown}, .limit = 50});
    const auto parked = std::ranges::find_if(waiting, &Order::parked);
    if (parked == waiting.end() || world_.on_the_wire.contains(parked->client_order_id)) return;
    Resolution resolution{.kind = Resolution::Kind::kNotPlaced, .by = "dealer", .reason = "asked the broker"};
    for (const Venue& venue : world_.venues) {
      const auto held = venue.by_client_order_id.find(parked->client_order_id);
      if (held == venue.by_client_order_id.end()) continue;
      resolution.kind = Resolution::Kind::kAccepted;
      resolution.ext_order_id = held->second->order.ext_order_id;
    }
    if (resolution.kind == Resolution::Kind::kNotPlaced) world_.sends_in_doubt.erase(parked->client_order_id);
    process.decides = true;
    try {
      process.oms->resolve(parked->id, resolution);
    } catch (...) {
      process.decides = false;
      throw;
    }
    process.decides = false;
  }

  // --- the end ---
  // Faults stop; within a bounded number of rounds nothing is left to do.
  void heal() {
    if (!world_.findings.empty()) return;
    world_.note("-- faults stop --");
    world_.deviating = false;
    world_.skew = {};
    crew_.set_rounds(kHealRound);
    for (int i = 0; i < kHealRoundsMax && world_.findings.empty(); ++i) {
      if (i == kHealRoundOfNextDay) {
        world_.pass(std::chrono::hours(25));
        world_.day_passed = true;
      }
      if (i >= kHealRoundsMin && settled()) return;
      lift_stops();
      ask_again();
      const Timestamp until = world_.now() + kHealRound;
      drive([&] { return crew_.schedule.first().at > until; });
      world_.true_now = std::max(world_.true_now, until);
    }
  }

  [[nodiscard]] bool settled() const {
    return crew_.idle() && std::ranges::all_of(keys_, &AskedKey::answered) && world_.store->halts().empty() &&
           at_rest(world_);
  }

  void lift_stops() {
    for (const Halt& halt : world_.store->halts()) {
      crew_.give_anyone([halt](Process& process) { process.oms->resume(halt.scope, halt.target); });
    }
  }

  void ask_again() {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (!keys_[i].answered) ask(static_cast<std::uint32_t>(i % crew_.size()), keys_[i], false);
    }
  }

  void audit() {
    if (!world_.findings.empty()) return;
    for (const AskedKey& asked : keys_) {
      if (!asked.answered) world_.violated("I31", "key " + asked.history.key() + " stays without an answer");
    }
    // Roles and rates of those who worked are none of the auditor's.
    world_.pass(2 * kLease);
    for (Venue& venue : world_.venues) venue.capabilities.rate_limit = {};
    Process& process = world_.process("z");
    for (AskedKey& asked : keys_) {
      static_cast<void>(asked.history.attempt(process, false));  // once more: the same answer
      asked.history.check_answers(*process.oms);
    }
    final_checks(world_, *process.oms);
  }

  Draws draws_;
  const Profile profile_;
  std::vector<SwarmClient> clients_;
  std::deque<AskedKey> keys_;
  Crew crew_;  // dies before what its work refers to
  World& world_;
  Activity market_{ActorKind::kMarket, 0};
  Activity environment_{ActorKind::kEnvironment, 0};
  const Timestamp begin_ = world_.now();
  std::int64_t events_ = 0;
  std::int64_t outages_ = 0;
};

}  // namespace

SwarmResult run_swarm(Draws draws, const SwarmSetup& setup) {
  return Swarm(std::move(draws), setup).result();
}

}  // namespace orchestrator::sim
