// OrderStore: the one authority. Everything durable goes through its all-or-nothing units of work.
//
// A unit is data, not a callback into a transaction: the engine decides on a snapshot, and the unit's
// versions and epochs make the store refuse it when the snapshot is no longer true. That lets a backend
// put the units of many callers into one commit.
//
// Failures throw Error: storage_busy, storage_full, storage_read_only, storage_unavailable (nothing
// happened), broker-independent `in_doubt()` when the outcome of a commit is not known, storage_corrupt.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/audit.hpp"
#include "orchestrator/broker_connector.hpp"
#include "orchestrator/clock.hpp"
#include "orchestrator/dependency.hpp"
#include "orchestrator/events.hpp"
#include "orchestrator/idempotency_store.hpp"
#include "orchestrator/order.hpp"

namespace orchestrator {

class Observer;

// Events of one step of one batch, encoded: one row in the log and one in the outbox, whatever the number
// of orders. The grammar is in src/codec/event_log.hpp.
struct EventRow {
  // Assigned by the store; grows with commit order per order. May stay 0 in a unit whose store had to find
  // out afterwards that it stands.
  std::int64_t id = 0;
  BatchId batch_id = 0;
  OrderId order_id = 0;  // 0: the row holds events of several orders, or of the batch
  Timestamp at = {};
  std::string lines = {};
};

// Which row was delivered. A standby that took over without the last commits gives their ids to other rows:
// the same id is another row when its batch or its time is another one.
struct EventRowKey {
  std::int64_t id = 0;
  BatchId batch_id = 0;
  Timestamp at = {};
  bool operator==(const EventRowKey&) const = default;
};
inline EventRowKey key_of(const EventRow& row) { return {row.id, row.batch_id, row.at}; }

// --- T1: accept -----------------------------------------------------------------------------------

struct AcceptUnit {
  // Scope, fingerprint and times set by the caller; response and batch_id by `compose`. Inserted first.
  IdempotencyRecord idempotency;
  OrderBatch batch;
  // In leg order, versions 1; at least one. Status placed, or submitting with attempt, epoch and lease set:
  // accepted and claimed in one commit. Tenant, portfolio_id and created_at are the batch's.
  std::vector<Order> orders;
  std::vector<EventRow> events;
  // What the batch takes of its portfolio, checked against `limits` inside the transaction.
  PortfolioLimits limits;
  Money margin;
  Money notional;
  Date day;  // of the caller's clock
  // The ReferenceStore::reference_version() that the batch was validated and routed under: refused with
  // kReferenceChanged, before anything but the key is looked at, when another holds now. 0: not asked.
  std::int64_t reference_version = 0;
  // Called inside the transaction when batch.id and every order's id and batch_id are assigned, and again
  // when it begins anew with others: fills idempotency.response, idempotency.batch_id and events. Must not
  // call the store; may run on the thread of another caller, whose unit is in the same commit. An exception
  // refuses this unit and is thrown by accept().
  std::function<void(AcceptUnit&)> compose;
};

struct AcceptResult {
  enum class Status : std::uint8_t {
    kAccepted,
    kKeyExists,         // `existing` holds the winner's row; nothing was written
    kReferenceChanged,  // see AcceptUnit::reference_version; nothing was written
    kHalted,            // a stop switch covers it; `detail` says which; nothing was written
    kLimit,             // margin or day limit exceeded now; `usage` is fresh; nothing was written
    kDuplicateOrderId,  // a client order id exists already; nothing was written
  };
  Status status = Status::kAccepted;
  std::optional<IdempotencyRecord> existing;
  PortfolioUsage usage;
  std::string detail;
};

// --- T2: claim ------------------------------------------------------------------------------------

// A request that somebody wants to send to a broker. Counted in the store, because several processes share
// the credential.
struct RateRequest {
  std::string broker = {};
  std::string account = {};
  RateLimit limit = {};
  RateUse use = RateUse::kOrder;
  Timestamp monotonic = {};  // Clock::monotonic()
};

struct ClaimRequest {
  std::int64_t owner = 0;  // from OrderStore::owner()
  Timestamp now = {};
  Timestamp lease_until = {};                    // on Clock::monotonic()
  std::optional<RateRequest> rate = {};          // counted for each order; claims no more than may leave
  std::optional<BatchId> batch_id = {};          // only of this batch
  std::optional<OrderId> order_id = {};          // only this order
  std::optional<std::int64_t> lease_epoch = {};  // only with this epoch: nobody has claimed since it was seen
  OrderId after_id = 0;                          // only ids above this
  // placed; or unknown (with order_id): send again what the broker denied having. Never a parked one.
  OrderStatus from = OrderStatus::kPlaced;
  std::vector<std::string> brokers = {};  // only of these brokers; empty: of all
  std::size_t limit = 100;
};

// --- T3, T4 and everything else: commit -------------------------------------------------------------

// A report that matches no order yet (it overtook our own record of the broker's id, or is not ours).
struct InboxReport {
  std::int64_t id = 0;
  BrokerReport report = {};
  Timestamp received_at = {};
};

struct BrokerCursor {
  std::string broker = {};
  std::string account = {};
  std::string cursor = {};
};

struct ChangeUnit {
  // Orders as they shall be, each once; order.version = stored version + 1 and order.lease_epoch >= stored
  // epoch, or the unit conflicts. What acceptance fixed is not written: ids other than ext_order_id, leg,
  // tenant, portfolio_id, broker, symbol, side, order_type, time_in_force, multiplier, created_at.
  std::vector<Order> orders;
  std::vector<OrderBatch> batches;    // likewise by version; counts, version and event_seq are written
  std::vector<Execution> executions;  // a key that exists conflicts
  // Adds `delta` (negative: gives back) to the portfolio's reserved margin; when it takes more and
  // `available` is set, the unit is refused with kLimit if the sum would exceed it.
  struct MarginChange {
    PortfolioId portfolio_id = 0;
    Money delta;
    std::optional<Money> available;
  };
  std::vector<MarginChange> margins;
  std::vector<EventRow> events;
  std::vector<AuditEntry> audit;  // id and hash are given by the store
  std::vector<Halt> halts;        // switched on unless that scope and target is stopped already
  // The unit announces a request to the broker: refused with kHalted when a stop switch that stops as much as
  // this, or more, covers one of its orders.
  std::optional<HaltMode> unless_stopped;
  std::vector<InboxReport> inbox_add;
  std::vector<std::int64_t> inbox_remove;
  std::optional<BrokerCursor> cursor;
  // false: nobody will look for these orders by ext_order_id in a hurry. A query still finds them, but a
  // store may have to read every order for it.
  bool index_ext_order_ids = true;
  // Set by commit(): reports wait in the inbox, as of this commit.
  bool inbox_waiting = false;
};

enum class CommitStatus : std::uint8_t {
  kCommitted,
  kConflict,  // somebody changed one of the rows since it was read: read again and decide again
  kLimit,     // a margin change would exceed its portfolio's available margin
  kHalted,    // see ChangeUnit::unless_stopped
};

// --- reads ----------------------------------------------------------------------------------------

// All conditions hold together; absent ones do not restrict.
struct OrderQuery {
  std::optional<std::string> tenant = {};
  std::vector<OrderId> ids = {};
  std::optional<BatchId> batch_id = {};
  std::optional<PortfolioId> portfolio_id = {};
  std::optional<InstrumentId> instrument_id = {};
  std::optional<std::string> broker = {};
  std::vector<OrderStatus> statuses = {};
  std::optional<std::string> client_order_id = {};
  std::vector<std::string> client_order_ids = {};  // any of these
  std::optional<std::string> ext_order_id = {};
  std::optional<Timestamp> created_from = {};  // inclusive
  // Orders in `submitting` whose sender is gone: the lease ended before this (on Clock::monotonic()), or its
  // owner is known dead.
  std::optional<Timestamp> abandoned_at = {};
  OrderId after_id = 0;   // oldest first: ids above this
  OrderId before_id = 0;  // with newest_first: ids below this; 0: from the newest
  bool newest_first = false;
  std::size_t limit = 1000;
};

struct BatchQuery {
  std::optional<std::string> tenant = {};
  std::vector<BatchId> ids = {};
  std::optional<PortfolioId> portfolio_id = {};
  std::optional<BatchStatus> status = {};
  std::optional<std::string> idempotency_key = {};
  BatchId after_id = 0;
  BatchId before_id = 0;
  bool newest_first = false;
  std::size_t limit = 1000;
};

struct EventQuery {
  std::optional<BatchId> batch_id = {};
  // Rows of this order and rows of its batch that hold several orders (expand and filter them).
  std::optional<OrderId> order_id = {};
  bool unpublished = false;  // only rows still in the outbox
  // For a reader that will go on from the last id: ends before the place where a row with a lower id may
  // still appear, because a transaction under way drew it. Waits a moment for such transactions.
  bool without_gaps = false;
  std::int64_t after_id = 0;
  std::size_t limit = 1000;  // rows
};

struct OutboxStatus {
  std::int64_t rows = 0;
  std::optional<Timestamp> oldest = {};
};

// Answer of claim_role().
struct RoleClaim {
  bool held = false;        // by the store object that asked
  std::string holder = {};  // not held: the name of whoever has it, as attribute_to() said; empty: not known
};

// Orders that have a broker, a status and `parked` in common.
struct OrderCount {
  std::string broker = {};
  OrderStatus status = OrderStatus::kPlaced;
  bool parked = false;
  std::int64_t orders = 0;
  Timestamp oldest = {};  // the earliest time that one of them was last sent or, never sent, accepted
};

// Called from any thread, concurrently. Reads never wait for writes.
class OrderStore {
 public:
  virtual ~OrderStore() = default;

  // What is accepted or committed of a unit's events (accept) or orders and events (commit) the store may
  // move out of it: afterwards only their numbers and words can be read there, not their texts.
  virtual AcceptResult accept(AcceptUnit& unit) = 0;
  // Turns up to `limit` orders in `from` (placed), oldest first, into submitting with attempt + 1, epoch + 1
  // and the lease, in one commit, leaving out what a stop switch covers. Returned rows are as stored. The
  // caller may send them from now until the lease ends, and must not afterwards.
  virtual std::vector<Order> claim(const ClaimRequest& request) = 0;
  virtual CommitStatus commit(ChangeUnit& unit) = 0;
  // Counts one request against a credential's rate limit, durably. False: it may not leave now, and was not
  // counted. Processes that know the credential by limits of different length each keep to their own, and
  // every request counts against all of them.
  virtual bool take_rate(const RateRequest& request) = 0;

  [[nodiscard]] virtual std::vector<Order> orders(const OrderQuery& query) const = 0;
  // The status is derived when read: with open orders `pending` while every order is still placed, else
  // `processing`; without, as derive_batch_status() says. BatchQuery::status means that derived status.
  [[nodiscard]] virtual std::vector<OrderBatch> batches(const BatchQuery& query) const = 0;
  // How many orders there are of each broker in each of these statuses, by broker, status and parked, without
  // empty groups. Costs as much as there are such orders: ask for statuses that orders leave again.
  [[nodiscard]] virtual std::vector<OrderCount> count_orders(std::span<const OrderStatus> statuses) const = 0;
  // Executions of these orders, in the order they were recorded.
  [[nodiscard]] virtual std::vector<Execution> executions(std::span<const OrderId> orders) const = 0;
  // One execution by its key.
  [[nodiscard]] virtual std::optional<Execution> execution(const std::string& broker,
                                                           const std::string& account,
                                                           const std::string& execution_id) const = 0;
  [[nodiscard]] virtual std::optional<IdempotencyRecord> idempotency(const IdempotencyScope& scope) const = 0;
  // Empties the responses of records that expired before `now`, and by the store's own clock too where it has
  // one; their tombstones stay. Returns how many.
  virtual std::size_t expire_idempotency(Timestamp now) = 0;

  [[nodiscard]] virtual std::vector<EventRow> events(const EventQuery& query) const = 0;
  // Frees outbox rows; called only for confirmed deliveries. The log keeps them. Where an id now is that of
  // another row, nothing is freed.
  virtual void mark_published(std::span<const EventRowKey> rows) = 0;
  [[nodiscard]] virtual OutboxStatus outbox() const = 0;
  // A role ("publish", "send/<broker>"), which of several store objects one has at a time: until
  // `lease_until` (on Clock::monotonic()), or until it is destroyed. Who has it and asks again has it for
  // longer. A store whose processes need not agree on roles may give it to whoever asks.
  virtual RoleClaim claim_role(std::string_view role, Timestamp lease_until) = 0;

  // What the storage itself finds wrong with what it holds, a sentence each (a page that does not read, a row
  // that points nowhere); reads all of it.
  [[nodiscard]] virtual std::vector<std::string> verify() const = 0;

  [[nodiscard]] virtual std::vector<InboxReport> inbox(const std::string& broker) const = 0;
  [[nodiscard]] virtual std::string cursor(const std::string& broker, const std::string& account) const = 0;

  // This process's identity as a sender, alive as long as the store object is.
  [[nodiscard]] virtual std::int64_t owner() = 0;
};

// Reference data, switches and the audit trail. Every change makes an entry in the trail, in its own commit.
// Called from any thread, concurrently.
class ReferenceStore {
 public:
  virtual ~ReferenceStore() = default;

  // Whose name, and whose time, the entries carry from now on; until then nobody's. `clock` must outlive the
  // store's use. Call it before other threads use the store.
  // A store that several machines share keeps leases, rates and days by a clock of its own, because theirs
  // have nothing in common: times on clock.monotonic() and days of clock.now() are converted on their way in
  // and out, so that a lease never ends in the store before it ends for its sender. Until this is called they
  // are taken for the store's own.
  virtual void attribute_to(std::string by, const Clock& clock) = 0;
  // Entries above `after_id`, oldest first.
  [[nodiscard]] virtual std::vector<AuditEntry> audit_trail(std::int64_t after_id,
                                                            std::size_t limit) const = 0;

  // Another number once a change of any of this, usage apart, by any process has returned; it costs a round
  // trip where the store is a server, which a batch saves by AcceptUnit::reference_version. Rows that were
  // read between two equal answers are the present ones as long as the answer stays. 0: a change is under
  // way, and nothing may be kept.
  [[nodiscard]] virtual std::int64_t reference_version() const = 0;

  // Rows with these ids; ids without a row are left out. An empty list means all.
  [[nodiscard]] virtual std::vector<Instrument> instruments(std::span<const InstrumentId> ids) const = 0;
  virtual void put_instruments(std::span<const Instrument> instruments) = 0;

  [[nodiscard]] virtual std::vector<BrokerConnectorConfig> brokers() const = 0;
  // Inserts or updates by broker_name.
  virtual void put_broker(const BrokerConnectorConfig& config) = 0;

  // All rows; portfolio_id 0 holds the defaults.
  [[nodiscard]] virtual std::vector<PortfolioLimits> limits() const = 0;
  // The row that applies to this portfolio: its own, else the defaults', else no limits.
  [[nodiscard]] virtual PortfolioLimits limits_of(PortfolioId portfolio_id) const = 0;
  virtual void put_limits(const PortfolioLimits& limits) = 0;
  [[nodiscard]] virtual PortfolioUsage usage_of(PortfolioId portfolio_id) const = 0;

  [[nodiscard]] virtual std::vector<RoutingRule> routing_rules() const = 0;  // in the order they apply
  virtual std::int64_t add_routing_rule(const RoutingRule& rule) = 0;
  virtual bool remove_routing_rule(std::int64_t id) = 0;

  [[nodiscard]] virtual std::vector<Halt> halts() const = 0;
  virtual void put_halt(const Halt& halt) = 0;  // replaces one of the same scope and target
  // `by`: who; empty: the store's attribution.
  virtual bool remove_halt(ControlScope scope, const std::string& target, const std::string& by) = 0;

  [[nodiscard]] virtual std::vector<Date> holidays(const std::string& calendar) const = 0;
  // Adds to the days that are there.
  virtual void put_holidays(const std::string& calendar, std::span<const Date> days) = 0;
};

// What a backend's factory returns.
class Store : public OrderStore, public ReferenceStore {
 public:
  // How the database does now, asked with one round trip. One that does not answer is no exception: that is
  // what it tells. Called from any thread, concurrently.
  [[nodiscard]] virtual Dependency dependency() const { return {.name = "custom"}; }
  // Which book this is: the same for every process that works with this database, another one for any other
  // database, a copy or a restored backup included. Empty: it cannot tell, and what it knows must not be kept
  // where another book would find it.
  [[nodiscard]] virtual std::string book_id() const { return {}; }
  // From now on `wake` may be called, by a thread of the store, soon after another process that was told to
  // wake somebody as well has accepted orders. A hint and nothing more: whoever is woken looks as at its next
  // poll, and one may come late, for nothing, or never. `wake` must return at once, and not throw. An empty
  // one ends it: when that has returned, no call is under way. Not called from several threads.
  virtual void wake_by([[maybe_unused]] const std::function<void()>& wake) {}
  // From now on `observer` is told of each group of units that shared a commit; nullptr: nobody. It outlives
  // the store. Call it before other threads use the store.
  virtual void observed_by([[maybe_unused]] Observer* observer) {}
};

}  // namespace orchestrator
