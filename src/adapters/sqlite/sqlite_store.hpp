// SqliteStore: the order store in one SQLite file.
//
// Invariants
//   * one connection writes, and it alone checkpoints; every write is a unit in the commit queue
//   * a write has happened when its call returns: WAL with synchronous = FULL
//   * reads take connections of their own and see the last commit
//   * a forked child can do nothing with its parent's store: SQLite's and the kernel's locks would be shared
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <mutex>

#include "adapters/sqlite/commit_queue.hpp"
#include "adapters/sqlite/read_pool.hpp"
#include "orchestrator/backends/sqlite.hpp"

namespace orchestrator::sqlite {

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const SqliteOptions& options);
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  // accept.cpp
  AcceptResult accept(AcceptUnit& unit) override;
  // changes.cpp
  std::vector<Order> claim(const ClaimRequest& request) override;
  CommitStatus commit(ChangeUnit& unit) override;
  bool take_rate(const RateRequest& request) override;
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
  RoleClaim claim_role(std::string_view /*role*/, Timestamp /*lease_until*/) override { return {true, {}}; }
  [[nodiscard]] std::vector<std::string> verify() const override;
  [[nodiscard]] std::vector<InboxReport> inbox(const std::string& broker) const override;
  [[nodiscard]] std::string cursor(const std::string& broker, const std::string& account) const override;
  // sqlite_store.cpp
  [[nodiscard]] std::int64_t owner() override;
  [[nodiscard]] Dependency dependency() const override;
  [[nodiscard]] std::string book_id() const override;
  void observed_by(Observer* observer) override { queue_->observed_by(observer); }

  // audit_trail.cpp
  void attribute_to(std::string by, const Clock& clock) override;
  [[nodiscard]] std::vector<AuditEntry> audit_trail(std::int64_t after_id, std::size_t limit) const override;

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
  // Runs a unit of work; see CommitQueue::run.
  void write(const CommitQueue::Unit& unit);
  // Enters what a unit does in the audit trail, under the store's attribution where the entry names nobody.
  void enter(WriteTransaction& transaction, AuditEntry entry) const;
  // The same for one that changes what reference_version() stands for.
  void change_reference(const CommitQueue::Unit& unit);
  [[nodiscard]] ReadPool::Lease read() const;
  void refuse_after_fork() const;

  SqliteOptions options_;
  pid_t process_;
  std::unique_ptr<LockFile> lock_file_;
  std::unique_ptr<Connection> writer_;
  std::unique_ptr<CommitQueue> queue_;
  mutable std::unique_ptr<ReadPool> readers_;
  std::string by_;
  const Clock* clock_ = nullptr;              // null: not attributed yet
  std::atomic<std::int64_t> inbox_adds_ = 0;  // units that added to the inbox
  std::mutex owner_mutex_;
  std::int64_t owner_ = 0;  // 0: not given yet
};

}  // namespace orchestrator::sqlite
