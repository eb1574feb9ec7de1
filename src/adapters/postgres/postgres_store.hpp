// PostgresStore: the order store that several processes share.
//
// Invariants
//   * the database decides: ids, locks and versions come from it, and nothing of it is kept between calls
//   * a write is one transaction, and has happened when its call returns
//   * a read is one statement, and so sees one state
//   * leases, rate windows and the days of day limits are in the database's time: the machines' clocks have
//     nothing to do with one another
//   * a forked child can do nothing with its parent's store: the sockets would be shared
#pragma once

#include <sys/types.h>

#include <mutex>

#include "adapters/postgres/commit_queue.hpp"
#include "adapters/postgres/transaction.hpp"
#include "adapters/postgres/wake_line.hpp"

namespace orchestrator::postgres {

class PostgresStore final : public Store {
 public:
  explicit PostgresStore(const PostgresOptions& options);
  ~PostgresStore() override;
  PostgresStore(const PostgresStore&) = delete;
  PostgresStore& operator=(const PostgresStore&) = delete;

  // accept.cpp
  AcceptResult accept(AcceptUnit& unit) override;
  // claims.cpp
  std::vector<Order> claim(const ClaimRequest& request) override;
  bool take_rate(const RateRequest& request) override;
  // changes.cpp
  CommitStatus commit(ChangeUnit& unit) override;
  // order_queries.cpp
  [[nodiscard]] std::vector<Order> orders(const OrderQuery& query) const override;
  [[nodiscard]] std::vector<OrderBatch> batches(const BatchQuery& query) const override;
  [[nodiscard]] std::vector<OrderCount> count_orders(std::span<const OrderStatus> statuses) const override;
  // record_queries.cpp
  [[nodiscard]] std::vector<Execution> executions(std::span<const OrderId> orders) const override;
  [[nodiscard]] std::optional<Execution> execution(const std::string& broker, const std::string& account,
                                                   const std::string& execution_id) const override;
  [[nodiscard]] std::optional<IdempotencyRecord> idempotency(const IdempotencyScope& scope) const override;
  std::size_t expire_idempotency(Timestamp now) override;
  [[nodiscard]] std::vector<EventRow> events(const EventQuery& query) const override;
  void mark_published(std::span<const EventRowKey> rows) override;
  [[nodiscard]] OutboxStatus outbox() const override;
  RoleClaim claim_role(std::string_view role, Timestamp lease_until) override;
  [[nodiscard]] std::vector<std::string> verify() const override;
  [[nodiscard]] std::vector<InboxReport> inbox(const std::string& broker) const override;
  [[nodiscard]] std::string cursor(const std::string& broker, const std::string& account) const override;
  // postgres_store.cpp
  [[nodiscard]] std::int64_t owner() override;
  [[nodiscard]] Dependency dependency() const override;
  [[nodiscard]] std::string book_id() const override;
  void observed_by(Observer* observer) override { queue_.observed_by(observer); }
  void attribute_to(std::string by, const Clock& clock) override;
  [[nodiscard]] std::vector<AuditEntry> audit_trail(std::int64_t after_id, std::size_t limit) const override;

  void wake_by(const std::function<void()>& wake) override;

  // reference_data.cpp
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
  bool write(const WriteRules& rules, const Unit& unit) const;
  void group_commit(QueuedUnit& unit, const CommitQueue::Run& run);
  // kOnce: for what is read again and again from a table that does not grow.
  enum class Planned : std::uint8_t { kEachTime, kOnce };
  [[nodiscard]] Result read(const std::string& sql, const Parameters& parameters = {},
                            Planned planned = Planned::kEachTime) const;
  // Runs a unit that changes what reference_version() stands for; it returns what the audit trail says, or
  // nullopt when nothing was changed.
  using ReferenceChange = std::function<std::optional<AuditEntry>(Transaction&)>;
  void change_reference(const ReferenceChange& change, ControlLock lock = ControlLock::kNone) const;
  void refuse_after_fork() const;
  [[nodiscard]] std::int64_t last_settled_event() const;
  [[nodiscard]] std::int64_t remembered_settled(const std::string& run) const;
  // What the caller's clock shows now, for lease_shift(); nullopt: it has none yet.
  [[nodiscard]] std::optional<Timestamp> monotonic() const;
  [[nodiscard]] std::optional<Timestamp> wall() const;

  PostgresOptions options_;
  pid_t process_;
  mutable ConnectionPool pool_;
  WakeLine wake_line_;
  CommitQueue queue_;
  std::string by_;
  const Clock* clock_ = nullptr;  // null: not attributed yet
  mutable std::mutex settled_mutex_;
  mutable std::string settled_run_;  // kServerRun; another one may give numbers again
  mutable std::int64_t settled_event_ = 0;
  std::mutex owner_mutex_;
  std::int64_t owner_ = 0;  // 0: not given yet
};

}  // namespace orchestrator::postgres
