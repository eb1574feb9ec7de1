// A store in which something happens between two calls of one caller; everything else is the store inside.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "orchestrator/order_store.hpp"

namespace orchestrator::testing {

class MovingStore final : public Store {
 public:
  explicit MovingStore(std::shared_ptr<Store> inner) : inner_(std::move(inner)) {}

  // Called inside every events(), before they are read.
  std::function<void()> during_events;
  // As a promoted standby does that never got what the store inside has.
  void become(std::shared_ptr<Store> other) { inner_ = std::move(other); }

  // Called before every accept().
  std::function<void()> before_accept;
  // Called once, before the next claim().
  std::function<void()> before_claim;
  // Called once, after the next accept().
  std::function<void()> after_accept;
  std::set<std::string, std::less<>> held_by_others;  // roles
  int roles_asked = 0;
  std::function<void()> during_claim_role;  // called once, inside the next claim_role(), before it answers
  std::function<void()> before_mark_published;
  std::int64_t hidden_event = 0;  // not committed yet, for those who read
  // How often reference_version() was asked.
  mutable int versions_asked = 0;

  AcceptResult accept(AcceptUnit& unit) override {
    if (before_accept) before_accept();
    AcceptResult result = inner_->accept(unit);
    if (after_accept) std::exchange(after_accept, nullptr)();
    return result;
  }
  std::vector<Order> claim(const ClaimRequest& request) override {
    if (before_claim) std::exchange(before_claim, nullptr)();
    return inner_->claim(request);
  }
  CommitStatus commit(ChangeUnit& unit) override { return inner_->commit(unit); }
  bool take_rate(const RateRequest& request) override { return inner_->take_rate(request); }
  std::vector<Order> orders(const OrderQuery& query) const override { return inner_->orders(query); }
  std::vector<OrderBatch> batches(const BatchQuery& query) const override { return inner_->batches(query); }
  std::vector<OrderCount> count_orders(std::span<const OrderStatus> statuses) const override {
    return inner_->count_orders(statuses);
  }
  std::vector<Execution> executions(std::span<const OrderId> orders) const override {
    return inner_->executions(orders);
  }
  std::optional<Execution> execution(const std::string& broker, const std::string& account,
                                     const std::string& execution_id) const override {
    return inner_->execution(broker, account, execution_id);
  }
  std::optional<IdempotencyRecord> idempotency(const IdempotencyScope& scope) const override {
    return inner_->idempotency(scope);
  }
  std::size_t expire_idempotency(Timestamp now) override { return inner_->expire_idempotency(now); }
  std::vector<EventRow> events(const EventQuery& query) const override {
    if (during_events) during_events();
    auto rows = inner_->events(query);
    std::erase_if(rows, [&](const EventRow& row) {
      return row.id == hidden_event || (query.without_gaps && hidden_event != 0 && row.id > hidden_event);
    });
    return rows;
  }
  void mark_published(std::span<const EventRowKey> rows) override {
    if (before_mark_published) before_mark_published();
    inner_->mark_published(rows);
  }
  OutboxStatus outbox() const override { return inner_->outbox(); }
  RoleClaim claim_role(std::string_view role, Timestamp lease_until) override {
    ++roles_asked;
    if (during_claim_role) std::exchange(during_claim_role, nullptr)();
    return held_by_others.contains(role) ? RoleClaim{false, "meera"} : inner_->claim_role(role, lease_until);
  }
  std::vector<std::string> verify() const override { return inner_->verify(); }
  std::vector<InboxReport> inbox(const std::string& broker) const override { return inner_->inbox(broker); }
  std::string cursor(const std::string& broker, const std::string& account) const override {
    return inner_->cursor(broker, account);
  }
  std::int64_t owner() override { return inner_->owner(); }

  void attribute_to(std::string by, const Clock& clock) override {
    inner_->attribute_to(std::move(by), clock);
  }
  std::vector<AuditEntry> audit_trail(std::int64_t after_id, std::size_t limit) const override {
    return inner_->audit_trail(after_id, limit);
  }
  std::int64_t reference_version() const override {
    ++versions_asked;
    return inner_->reference_version();
  }
  std::vector<Instrument> instruments(std::span<const InstrumentId> ids) const override {
    return inner_->instruments(ids);
  }
  void put_instruments(std::span<const Instrument> instruments) override {
    inner_->put_instruments(instruments);
  }
  std::vector<BrokerConnectorConfig> brokers() const override { return inner_->brokers(); }
  void put_broker(const BrokerConnectorConfig& config) override { inner_->put_broker(config); }
  std::vector<PortfolioLimits> limits() const override { return inner_->limits(); }
  PortfolioLimits limits_of(PortfolioId id) const override { return inner_->limits_of(id); }
  void put_limits(const PortfolioLimits& limits) override { inner_->put_limits(limits); }
  PortfolioUsage usage_of(PortfolioId id) const override { return inner_->usage_of(id); }
  std::vector<RoutingRule> routing_rules() const override { return inner_->routing_rules(); }
  std::int64_t add_routing_rule(const RoutingRule& rule) override { return inner_->add_routing_rule(rule); }
  bool remove_routing_rule(std::int64_t id) override { return inner_->remove_routing_rule(id); }
  std::vector<Halt> halts() const override { return inner_->halts(); }
  void put_halt(const Halt& halt) override { inner_->put_halt(halt); }
  bool remove_halt(ControlScope scope, const std::string& target, const std::string& by) override {
    return inner_->remove_halt(scope, target, by);
  }
  std::vector<Date> holidays(const std::string& calendar) const override {
    return inner_->holidays(calendar);
  }
  void put_holidays(const std::string& calendar, std::span<const Date> days) override {
    inner_->put_holidays(calendar, days);
  }

 private:
  std::shared_ptr<Store> inner_;
};

}  // namespace orchestrator::testing
