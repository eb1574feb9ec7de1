// The store as a process sees it: the shared durable store behind the gate, with the checks that hold at
// every commit (I2, I4, I5, I6, I13, I16, I24).
#include <algorithm>

#include "codec/event_log.hpp"
#include "sim/world.hpp"

namespace orchestrator::sim {
namespace {

using enum Deviation;

// The value of a text member of an event's data.
std::string word_of(const std::string& data, const std::string& member) {
  const std::string name = "\"" + member + "\":\"";
  const std::size_t at = data.find(name);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size();
  return data.substr(begin, data.find('"', begin) - begin);
}

// What a commit would change, checked against what is stored while both are there; what is found counts once
// it has been committed.
class CommitCheck {
 public:
  CommitCheck(const World& world, const Process& process, const ChangeUnit& unit)
      : world_(world), process_(process) {
    if (unit.orders.empty()) return;
    for (const EventRow& row : unit.events) {
      for (Event& event : codec::expand(row)) events_.push_back(std::move(event));
    }
    OrderQuery query;
    for (const Order& order : unit.orders) query.ids.push_back(order.id);
    query.limit = query.ids.size();
    const std::vector<Order> rows = world_.store->orders(query);
    for (const Order& after : unit.orders) {
      const auto before = std::ranges::find(rows, after.id, &Order::id);
      if (before == rows.end()) continue;
      cover(*before, after);
      check_change(*before, after);
    }
  }

  void committed(World& world) const {
    for (const auto& [invariant, what] : findings_) world.violated(invariant, what);
    for (const Transition transition : transitions_) world.coverage.count(transition);
    for (const std::uint64_t number : happened_) world.happened(number);
  }

 private:
  void wrong(const char* invariant, std::string what) { findings_.emplace_back(invariant, std::move(what)); }

  [[nodiscard]] bool at_broker(const std::string& client_order_id) const {
    return std::ranges::any_of(world_.venues, [&](const Venue& venue) {
      return venue.by_client_order_id.contains(client_order_id);
    });
  }

  // Into the hash and the coverage.
  void cover(const Order& before, const Order& after) {
    const auto number = [this](auto value) { happened_.push_back(static_cast<std::uint64_t>(value)); };
    number(after.id);
    number((after.version << 8) | static_cast<std::int64_t>(after.status));
    number(after.fill_qty.units());
    if (after.parked && !before.parked) transitions_.push_back(Transition::kPark);
    if (after.status == before.status) return;
    if (before.status == OrderStatus::kSubmitting) {
      const bool abandons = before.lease_owner != process_.owner && after.status == OrderStatus::kUnknown;
      transitions_.push_back(abandons ? Transition::kAbandon : Transition::kResult);
    } else if (before.status == OrderStatus::kUnknown) {
      transitions_.push_back(process_.decides ? Transition::kResolve : Transition::kAdopt);
    }
  }

  void check_change(const Order& before, const Order& after) {
    const std::string name = "order " + std::to_string(after.id) + " ";
    if (after.version != before.version + 1 || after.lease_epoch < before.lease_epoch) {
      wrong("I24", name + "is written over a newer version or under a stale epoch");
    }
    if (before.status == after.status) return check_words(before, after);
    if (after.status == OrderStatus::kPlaced) check_release(after, name);
    if (after.status == OrderStatus::kRejected && !world_.refused.contains(after.client_order_id)) {
      wrong("I5", name + "becomes rejected and its broker never refused it");
    }
    check_words(before, after);
  }

  // Back to placed means: it will be sent again.
  void check_release(const Order& after, const std::string& name) {
    if (at_broker(after.client_order_id)) {
      wrong("I4", name + "goes back to placed and its broker holds it");
    } else if (world_.sends_in_doubt.contains(after.client_order_id)) {
      wrong("I5", name + "goes back to placed after an attempt in doubt");
    }
  }

  // The order's events of this unit lead from the stored status to the new one by lawful steps.
  void check_words(const Order& before, const Order& after) {
    OrderStatus status = before.status;
    std::int32_t seq = before.event_seq;
    for (const Event& event : events_) {
      if (event.order_id != after.id) continue;
      if (event.seq != ++seq) wrong("I14", event.subject() + " has a hole before its seq");
      const auto next = parse_order_status(word_of(event.data, "status"));
      if (!next) {
        wrong("I16", event.subject() + " has an event without a status");
        continue;
      }
      const bool flagged = event.type >= EventType::kOrderLateFill || event.type == EventType::kOrderReplaced;
      if (*next != status && !transition_allowed(status, *next, flagged)) {
        wrong("I13", event.subject() + " goes from " + std::string(to_string(status)) + " to " +
                         std::string(to_string(*next)));
      }
      status = *next;
    }
    if (status != after.status || seq != after.event_seq) {
      wrong("I16", "order " + std::to_string(after.id) + " is stored as " +
                       std::string(to_string(after.status)) + " and its last event says " +
                       std::string(to_string(status)));
    }
  }

  const World& world_;
  const Process& process_;
  std::vector<Event> events_;  // of the unit
  std::vector<std::pair<const char*, std::string>> findings_;
  std::vector<Transition> transitions_;
  std::vector<std::uint64_t> happened_;
};

class SimStore final : public Store {
 public:
  SimStore(World& world, Process& process) : world_(world), process_(process) {}

  AcceptResult accept(AcceptUnit& unit) override {
    const Deviation chosen = before_write(Call::kAccept);
    AcceptResult result = world_.store->accept(unit);
    if (result.status == AcceptResult::Status::kAccepted) {
      world_.coverage.count(Transition::kAccept, unit.orders.size());
      remember_claims(unit.orders, Transition::kClaim);
    }
    after_write(chosen);
    return result;
  }

  std::vector<Order> claim(const ClaimRequest& request) override {
    const Deviation chosen = before_write(Call::kClaim);
    std::vector<Order> claimed = world_.store->claim(request);
    remember_claims(claimed,
                    request.from == OrderStatus::kUnknown ? Transition::kResend : Transition::kClaim);
    after_write(chosen);
    return claimed;
  }

  CommitStatus commit(ChangeUnit& unit) override {
    const Deviation chosen = before_write(Call::kCommit);
    if (chosen == kConflict) return CommitStatus::kConflict;
    const CommitCheck check(world_, process_, unit);  // before the store uses the unit up
    const CommitStatus status = world_.store->commit(unit);
    if (status != CommitStatus::kCommitted) return status;
    check.committed(world_);
    after_write(chosen);
    return status;
  }

  bool take_rate(const RateRequest& request) override { return writing().take_rate(request); }

  void mark_published(std::span<const EventRowKey> rows) override {
    const Deviation chosen = before_write(Call::kMarkPublished);
    world_.store->mark_published(rows);
    after_write(chosen);
  }

  RoleClaim claim_role(std::string_view role, Timestamp lease_until) override {
    if (!world_.setup.one_holder_of_roles) return world_.store->claim_role(role, lease_until);
    write();
    World::Role& known = world_.roles.try_emplace(std::string(role)).first->second;
    const bool dead = world_.setup.tells_deaths && world_.dead_owners.contains(known.owner);
    if (known.owner != process_.owner && known.until > world_.now() && !dead) return {false, "another"};
    known = {process_.owner, lease_until};
    return {true, {}};
  }

  std::size_t expire_idempotency(Timestamp now) override {
    write();
    return world_.store->expire_idempotency(now);
  }

  [[nodiscard]] std::vector<Order> orders(const OrderQuery& query) const override {
    read();
    if (!query.abandoned_at) return world_.store->orders(query);
    // Like a store that can tell that a sender died: its orders are abandoned at once.
    OrderQuery all = query;
    all.abandoned_at.reset();
    std::vector<Order> found = world_.store->orders(all);
    std::erase_if(found, [&](const Order& order) {
      const bool over = order.lease_until && *order.lease_until < *query.abandoned_at;
      return order.status != OrderStatus::kSubmitting ||
             (!over && !(world_.setup.tells_deaths && world_.dead_owners.contains(order.lease_owner)));
    });
    return found;
  }
  [[nodiscard]] std::vector<OrderBatch> batches(const BatchQuery& query) const override {
    return reading().batches(query);
  }
  [[nodiscard]] std::vector<OrderCount> count_orders(std::span<const OrderStatus> statuses) const override {
    return reading().count_orders(statuses);
  }
  [[nodiscard]] std::vector<Execution> executions(std::span<const OrderId> ids) const override {
    return reading().executions(ids);
  }
  [[nodiscard]] std::optional<Execution> execution(const std::string& broker, const std::string& account,
                                                   const std::string& id) const override {
    return reading().execution(broker, account, id);
  }
  [[nodiscard]] std::optional<IdempotencyRecord> idempotency(const IdempotencyScope& scope) const override {
    return reading().idempotency(scope);
  }
  [[nodiscard]] std::vector<EventRow> events(const EventQuery& query) const override {
    return reading().events(query);
  }
  [[nodiscard]] OutboxStatus outbox() const override { return reading().outbox(); }
  [[nodiscard]] std::vector<std::string> verify() const override { return reading().verify(); }
  [[nodiscard]] std::vector<InboxReport> inbox(const std::string& broker) const override {
    return reading().inbox(broker);
  }
  [[nodiscard]] std::string cursor(const std::string& broker, const std::string& account) const override {
    return reading().cursor(broker, account);
  }
  [[nodiscard]] std::int64_t owner() override { return process_.owner; }

  // The shared store outlives this process and its clock.
  void attribute_to(std::string /*by*/, const Clock& /*clock*/) override {}
  [[nodiscard]] std::vector<AuditEntry> audit_trail(std::int64_t after_id, std::size_t limit) const override {
    return reading().audit_trail(after_id, limit);
  }
  [[nodiscard]] std::int64_t reference_version() const override { return world_.store->reference_version(); }

  // Reference data does not change while a case runs: reading it is no point of interest.
  [[nodiscard]] std::vector<Instrument> instruments(std::span<const InstrumentId> ids) const override {
    return world_.store->instruments(ids);
  }
  void put_instruments(std::span<const Instrument> instruments) override {
    writing().put_instruments(instruments);
  }
  [[nodiscard]] std::vector<BrokerConnectorConfig> brokers() const override {
    return world_.store->brokers();
  }
  void put_broker(const BrokerConnectorConfig& config) override { writing().put_broker(config); }
  [[nodiscard]] std::vector<PortfolioLimits> limits() const override { return world_.store->limits(); }
  [[nodiscard]] PortfolioLimits limits_of(PortfolioId id) const override {
    return world_.store->limits_of(id);
  }
  void put_limits(const PortfolioLimits& limits) override { writing().put_limits(limits); }
  [[nodiscard]] PortfolioUsage usage_of(PortfolioId id) const override { return reading().usage_of(id); }
  [[nodiscard]] std::vector<RoutingRule> routing_rules() const override {
    return world_.store->routing_rules();
  }
  std::int64_t add_routing_rule(const RoutingRule& rule) override { return writing().add_routing_rule(rule); }
  bool remove_routing_rule(std::int64_t id) override { return writing().remove_routing_rule(id); }
  [[nodiscard]] std::vector<Halt> halts() const override { return reading().halts(); }
  void put_halt(const Halt& halt) override {
    writing().put_halt(halt);
    world_.halt_all();
  }
  bool remove_halt(ControlScope scope, const std::string& target, const std::string& by) override {
    const bool removed = writing().remove_halt(scope, target, by);
    world_.halted = !world_.store->halts().empty();
    return removed;
  }
  [[nodiscard]] std::vector<Date> holidays(const std::string& calendar) const override {
    return world_.store->holidays(calendar);
  }
  void put_holidays(const std::string& calendar, std::span<const Date> days) override {
    writing().put_holidays(calendar, days);
  }

 private:
  // A database that fails over to its standby, or is restarted: what has not begun there has not happened.
  void refuse_while_down() const {
    if (!world_.deviating || world_.now() >= world_.store_down_until) return;
    throw Error(ErrorCode::kStorageUnavailable, "connection refused", NextStep::kCallAgain);
  }
  void read() const {
    if (world_.gate(process_, Call::kStoreRead) == kBusy) throw Error(ErrorCode::kStorageBusy, "busy");
    refuse_while_down();
  }
  [[nodiscard]] const Store& reading() const {
    read();
    return *world_.store;
  }
  void write() {
    if (world_.gate(process_, Call::kStoreWrite) == kBusy) throw Error(ErrorCode::kStorageBusy, "busy");
    refuse_while_down();
  }
  [[nodiscard]] Store& writing() {
    write();
    return *world_.store;
  }

  [[noreturn]] static void unsure() {
    throw Error(ErrorCode::kStorageUnavailable, "the connection was lost inside COMMIT", NextStep::kRecover);
  }
  Deviation before_write(Call call) {
    const Deviation chosen = world_.gate(process_, call);
    if (chosen == kBusy) throw Error(ErrorCode::kStorageBusy, "busy");
    if (chosen == kUnsureUndone) unsure();
    refuse_while_down();
    return chosen;
  }
  static void after_write(Deviation chosen) {
    if (chosen == kUnsureDone) unsure();
  }

  void remember_claims(const std::vector<Order>& orders, Transition transition) {
    for (const Order& order : orders) {
      if (order.status != OrderStatus::kSubmitting) continue;
      if (world_.halted) world_.violated("I6", "a claim commits under the stop switch");
      world_.coverage.count(transition);
      world_.happened(order.client_order_id);
      world_.happened(static_cast<std::uint64_t>(order.lease_epoch));
      world_.claims.insert({order.client_order_id, order.attempt, order.lease_epoch});
    }
  }

  World& world_;
  Process& process_;
};

}  // namespace

std::unique_ptr<Store> make_sim_store(World& world, Process& process) {
  return std::make_unique<SimStore>(world, process);
}

}  // namespace orchestrator::sim
