// MemoryStore: the order store for tests, simulation, and speed without durability.
//
// One mutex; every unit is checked whole before its first write, so nothing is ever taken back. Orders and
// batches are found by number, and by indexes: client order id, the broker's id, key, portfolio, status.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/memory/id_set.hpp"
#include "adapters/memory/records.hpp"
#include "adapters/memory/text_index.hpp"
#include "core/rate_window.hpp"
#include "orchestrator/backends/memory.hpp"
#include "orchestrator/version.hpp"

namespace orchestrator::memory {

class MemoryStore final : public Store {
 public:
  MemoryStore();

  AcceptResult accept(AcceptUnit& unit) override;
  std::vector<Order> claim(const ClaimRequest& request) override;
  CommitStatus commit(ChangeUnit& unit) override;
  bool take_rate(const RateRequest& request) override;
  [[nodiscard]] std::vector<Order> orders(const OrderQuery& query) const override;
  [[nodiscard]] std::vector<OrderBatch> batches(const BatchQuery& query) const override;
  [[nodiscard]] std::vector<OrderCount> count_orders(std::span<const OrderStatus> statuses) const override;
  [[nodiscard]] std::vector<Execution> executions(std::span<const OrderId> orders) const override;
  [[nodiscard]] std::optional<Execution> execution(const std::string& broker, const std::string& account,
                                                   const std::string& execution_id) const override;
  [[nodiscard]] std::optional<IdempotencyRecord> idempotency(const IdempotencyScope& scope) const override;
  std::size_t expire_idempotency(Timestamp now) override;
  [[nodiscard]] std::vector<EventRow> events(const EventQuery& query) const override;
  void mark_published(std::span<const EventRowKey> rows) override;
  [[nodiscard]] OutboxStatus outbox() const override;
  RoleClaim claim_role(std::string_view /*role*/, Timestamp /*lease_until*/) override { return {true, {}}; }
  [[nodiscard]] std::vector<std::string> verify() const override { return {}; }
  [[nodiscard]] std::vector<InboxReport> inbox(const std::string& broker) const override;
  [[nodiscard]] std::string cursor(const std::string& broker, const std::string& account) const override;
  [[nodiscard]] std::int64_t owner() override;
  [[nodiscard]] Dependency dependency() const override {
    return {.name = "memory", .version = std::string(kVersion)};
  }

  // memory_reference.cpp
  void attribute_to(std::string by, const Clock& clock) override;
  [[nodiscard]] std::vector<AuditEntry> audit_trail(std::int64_t after_id, std::size_t limit) const override;
  [[nodiscard]] std::int64_t reference_version() const override;
  [[nodiscard]] std::vector<Instrument> instruments(std::span<const InstrumentId> ids) const override;
  void put_instruments(std::span<const Instrument> instruments) override;
  [[nodiscard]] std::vector<BrokerConnectorConfig> brokers() const override;
  void put_broker(const BrokerConnectorConfig& config) override;
  [[nodiscard]] std::vector<PortfolioLimits> limits() const override;
  [[nodiscard]] PortfolioLimits limits_of(PortfolioId portfolio_id) const override;
  void put_limits(const PortfolioLimits& limits) override;
  [[nodiscard]] PortfolioUsage usage_of(PortfolioId portfolio_id) const override;
  [[nodiscard]] std::vector<RoutingRule> routing_rules() const override;
  std::int64_t add_routing_rule(const RoutingRule& rule) override;
  bool remove_routing_rule(std::int64_t id) override;
  [[nodiscard]] std::vector<Halt> halts() const override;
  void put_halt(const Halt& halt) override;
  bool remove_halt(ControlScope scope, const std::string& target, const std::string& by) override;
  [[nodiscard]] std::vector<Date> holidays(const std::string& calendar) const override;
  void put_holidays(const std::string& calendar, std::span<const Date> days) override;

 private:
  struct Batch {
    OrderBatch row;
    IdempotencyRecord idempotency;
    OrderId first_order_id = 0;
    OrderId last_order_id = 0;
    std::vector<std::int64_t> events;
  };
  struct Portfolio {
    PortfolioUsage usage;
    std::vector<BatchId> batches;
    std::vector<Timestamp> newest;  // the latest created_at of this batch and all before it
  };

  // memory_reference.cpp; the caller holds the mutex.
  void set_halt(const Halt& halt);
  void enter(AuditEntry entry);
  void append(AuditEntry& entry);

  // memory_units.cpp; the caller holds the mutex.
  [[nodiscard]] const IdempotencyRecord* find_key(const IdempotencyScope& scope) const;
  [[nodiscard]] OrderId find_client_order_id(const std::string& client_order_id) const;  // 0: not there
  [[nodiscard]] bool index_client_order_ids(const std::vector<Order>& orders, std::string& duplicate);
  void assign_ids(AcceptUnit& unit) const;
  void insert(const AcceptUnit& unit, const PortfolioUsage& usage);
  void insert_events(std::vector<EventRow>& events);
  [[nodiscard]] bool take_one(const RateRequest& request);
  [[nodiscard]] bool conflicts(const ChangeUnit& unit) const;
  void check_references(const ChangeUnit& unit) const;
  [[nodiscard]] bool change_margins(const ChangeUnit& unit);
  void update(Order&& order);
  void set_status(Order& order, OrderStatus status);
  void insert_executions(const std::vector<Execution>& executions);
  [[nodiscard]] const Execution* find_execution(std::string_view broker, std::string_view account,
                                                std::string_view execution_id) const;

  // memory_queries.cpp; the caller holds the mutex.
  class Collector;
  [[nodiscard]] std::vector<Order> find_orders(const OrderQuery& query) const;
  [[nodiscard]] bool matches(const Order& order, const OrderQuery& query) const;
  void visit_ids(std::vector<OrderId> ids, Collector& collector) const;
  void visit_range(OrderId first, OrderId last, Collector& collector) const;
  void visit_statuses(const std::vector<OrderStatus>& statuses, Collector& collector) const;
  void visit_portfolio(const Portfolio& portfolio, Collector& collector) const;
  [[nodiscard]] OrderBatch read_batch(const Batch& batch) const;

  mutable std::mutex mutex_;

  Records<Order> orders_;
  Records<Batch> batches_;
  Records<Execution> executions_;
  Records<EventRow> events_;
  TextIndex by_client_order_id_;
  TextIndex by_ext_order_id_;
  TextIndex by_key_;  // of batches
  TextIndex by_execution_id_;
  std::unordered_map<OrderId, std::vector<std::int64_t>> executions_of_;
  std::array<IdSet, kOrderStatusCount> by_status_;
  std::unordered_map<PortfolioId, Portfolio> portfolios_;
  IdSet outbox_;
  BatchId expired_up_to_ = 0;  // every response up to this batch is gone
  std::map<std::int64_t, InboxReport> inbox_;
  std::int64_t last_inbox_id_ = 0;
  std::map<std::pair<std::string, std::string>, std::string> cursors_;

  std::atomic<std::int64_t> reference_version_ = 1;
  std::map<InstrumentId, Instrument> instruments_;
  std::vector<BrokerConnectorConfig> brokers_;
  std::map<PortfolioId, PortfolioLimits> limits_;
  std::vector<RoutingRule> rules_;
  std::int64_t last_rule_id_ = 0;
  std::vector<Halt> halts_;
  std::map<std::pair<std::string, std::string>, RateWindow> rates_;  // by broker and account
  std::vector<AuditEntry> trail_;
  std::string by_;
  const Clock* clock_ = nullptr;  // null: not attributed yet
  std::map<std::string, std::vector<Date>> holidays_;
};

}  // namespace orchestrator::memory
