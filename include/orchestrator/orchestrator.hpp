// Start here: the facade that an embedding program holds.
//
//   auto oms = orchestrator::open({.database_url = "sqlite:///orders.db"});
//   auto receipt = oms->place(request);           // durable when it returns
//   oms->simulate_fill(receipt.orders[0].id, price, qty);
//   auto report = oms->reconcile(receipt.batch_id);
//
// Every method may be called from any thread. A call that could not be carried out throws
// orchestrator::Error: `retryable()` = nothing happened, `in_doubt()` = something may have: call recover(),
// never resend.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/audit.hpp"
#include "orchestrator/broker_connector.hpp"
#include "orchestrator/clock.hpp"
#include "orchestrator/dependency.hpp"
#include "orchestrator/error.hpp"
#include "orchestrator/event_publisher.hpp"
#include "orchestrator/events.hpp"
#include "orchestrator/idempotency_store.hpp"
#include "orchestrator/lifecycle.hpp"
#include "orchestrator/observer.hpp"
#include "orchestrator/order.hpp"
#include "orchestrator/order_batcher.hpp"
#include "orchestrator/order_store.hpp"
#include "orchestrator/reconciler.hpp"
#include "orchestrator/router.hpp"
#include "orchestrator/validator.hpp"
#include "orchestrator/version.hpp"

namespace orchestrator {

// Who drives the work after an order is accepted.
enum class Mode : std::uint8_t {
  kInline,      // the caller: place() also sends; step() polls, publishes and resolves. No threads
  kBackground,  // owned threads: place() returns when the batch is durable; the threads recover what an
                // earlier process left, dispatch, poll brokers and publish
};

struct EngineOptions {
  Mode mode = Mode::kInline;
  // Two characters (0-9, a-z) that begin every client order id: different for each deployment that shares
  // a broker account with another.
  std::string deployment = "oo";
  // How long a sender may take from its claim to the broker's answer. A dead sender's orders are looked
  // up at the broker after this (at once where the store can tell that it died).
  // Of several processes on one store, also for how long one keeps the right to publish, and the place of
  // the one sender of a broker that admits no other (BrokerCapabilities::one_sender); then make it at least
  // twice as long as the slowest answer of such a broker.
  std::chrono::microseconds lease = std::chrono::seconds(30);
  std::chrono::microseconds idempotency_ttl = std::chrono::hours(24);        // of the stored response only
  std::chrono::microseconds poll_interval = std::chrono::milliseconds(200);  // background mode
  // How often brokers are asked for their whole book, for what their reports did not tell; recover() always
  // does.
  std::chrono::microseconds resync_interval = std::chrono::seconds(60);
  std::int32_t settlement_days = 1;  // for brokers that do not say
  ValidationOptions validation = {};
  std::string event_source = "/orchestrator";  // CloudEvents `source`
  std::string operator_name =
      "orchestrator";  // who the audit trail names for changes made through this object
};

// Everything the engine works with; what is not given gets the library's own. Connectors are looked up by
// capabilities().name.
struct Parts {
  std::unique_ptr<Store> store = {};  // required
  std::vector<std::unique_ptr<BrokerConnector>> brokers = {};
  std::unique_ptr<IdempotencyStore> idempotency = {};
  std::unique_ptr<EventPublisher> publisher = {};  // none: events stay in the outbox
  std::unique_ptr<Validator> validator = {};
  std::unique_ptr<Router> router = {};
  std::unique_ptr<OrderBatcher> batcher = {};
  std::unique_ptr<Reconciler> reconciler = {};
  std::unique_ptr<Clock> clock = {};
  std::unique_ptr<Observer> observer = {};  // none: nothing is measured
  // Throws Error(configuration) for settings that the connector of that name would not take; asked before
  // set_broker() stores them.
  std::function<void(const std::string& name, const std::string& config_json)> check_broker_config;
};

// The answer of simulate_fill().
struct FillResult {
  Execution execution;
  Order order;  // as it stands after it
};

struct EventPage {
  std::vector<Event> events;
  std::int64_t next_cursor = 0;  // EventQuery::after_id of whoever goes on
};

// What one call of a driving function did.
struct StepResult {
  std::size_t sent = 0;       // orders sent to brokers
  std::size_t reports = 0;    // broker reports applied
  std::size_t resolved = 0;   // orders in doubt that broker evidence settled
  std::size_t published = 0;  // events confirmed by the publisher
  [[nodiscard]] bool idle() const { return sent + reports + resolved + published == 0; }
};

struct RecoveryReport {
  std::size_t abandoned = 0;  // claimed by a sender that is gone: now in doubt
  std::size_t adopted = 0;    // found at the broker
  std::size_t resent = 0;     // the broker denied having it and refuses duplicates: sent again
  std::size_t parked = 0;     // the broker cannot tell: waits for `resolve`
  std::size_t waiting = 0;    // still in doubt: quiet period, or the broker did not answer
  std::size_t sent = 0;       // accepted earlier and never sent: sent now
  std::size_t reports = 0;    // broker reports applied
};

struct SettleResult {
  std::vector<OrderId> settled;
  std::size_t not_due = 0;
};

// A person's decision about an order in doubt.
struct Resolution {
  enum class Kind : std::uint8_t {
    kAccepted,   // the broker has it as `ext_order_id`
    kNotPlaced,  // the broker never got it: goes back to placed and is sent. Only a parked order, so that the
                 // same decision given twice does not place twice
    kRejected,   // the broker refused it, or it shall not be sent any more
  };
  Kind kind = Kind::kAccepted;
  std::string ext_order_id = {};
  std::string by = {};      // who decides; not empty
  std::string reason = {};  // why; not empty
};

struct BrokerInfo {
  BrokerConnectorConfig config = {};
  std::optional<BrokerCapabilities> capabilities = {};  // nullopt: no connector of that name is linked in
  bool simulated = false;
};

struct BrokerHealth {
  std::string broker = {};
  CircuitState circuit = CircuitState::kClosed;
  std::size_t failures = 0;               // in a row
  std::chrono::microseconds retry_in{0};  // until the next probe of an open circuit
  std::string reason = {};                // of the last failure; empty after a success
};

struct AuditOptions {
  bool brokers = false;  // asks every broker for its book
  // AuditReport::trail_head of an earlier audit, kept where nobody who writes the store can reach it: an
  // entry with this hash must still be in the trail, or its end was cut off. Empty: not asked.
  std::string expected_head = {};
  // Told how many of so many batches are done.
  std::function<void(std::size_t done, std::size_t total)> progress = {};
};

struct Health {
  bool ok = false;  // new orders are accepted
  // The store first. While it is down, `halts`, `outbox` and the counts of orders are not known and stay
  // empty.
  std::vector<Dependency> dependencies = {};
  std::vector<Halt> halts = {};
  OutboxStatus outbox = {};
  std::size_t unknown_orders = 0;
  std::size_t parked_orders = 0;
  std::vector<BrokerHealth> brokers = {};
  std::string detail = {};
};

class Orchestrator {
 public:
  Orchestrator(EngineOptions options, Parts parts);
  ~Orchestrator();  // ends the threads; work in progress finishes or stays resumable
  Orchestrator(const Orchestrator&) = delete;
  Orchestrator& operator=(const Orchestrator&) = delete;

  // --- placing ---
  // Accepts a batch: durable when it returns. The same key with the same request returns the stored
  // receipt, byte for byte, with `replayed` set. Throws validation_failed (with violations; nothing
  // written, the key stays unused), idempotency_conflict (the key came with another request),
  // idempotency_expired (the key was used and its response is gone), halted, limit_exceeded.
  // In inline mode it also sends the orders and records the broker's answers.
  Receipt place(const BatchRequest& request);
  // Validates and routes without writing or sending; ids are 0 and client order ids empty. A stop switch that
  // would refuse the batch now, and a key that was used, are warnings.
  [[nodiscard]] Receipt preview(const BatchRequest& request) const;
  // Adds one order to its portfolio's micro-batch; place() happens when the batch is full or due (in
  // inline mode: inside this call when full, inside step() when due). The receipt comes through the
  // callback, or nullptr and the error. An order is durable only when its receipt comes.
  // The callback is called once and must not throw; an exception is ignored.
  using EnqueueCallback = std::function<void(const Receipt*, std::size_t leg, const Error*)>;
  void enqueue(const std::string& tenant, UserId user_id, PortfolioId portfolio_id, OrderRequest order,
               EnqueueCallback done);

  // --- changing ---
  // Where there is a `by`, it is who asks: each order that is changed has an entry under that name in the
  // audit trail. Empty: no entry, its events alone tell.

  // Asks for a cancel. An order not sent yet is cancelled at once; one at the broker becomes
  // cancel_pending until the broker confirms. Throws invalid_state for an order that has ended.
  Order cancel(OrderId id, const std::string& by = {});
  // Cancels every open order of the batch; orders that cannot be cancelled are returned as they stand.
  std::vector<Order> cancel_batch(BatchId id, const std::string& by = {});
  // Asks for another total quantity and / or limit price; validated like a new order.
  Order replace(OrderId id, std::optional<Quantity> qty, std::optional<Price> price_limit,
                const std::string& by = {});
  // Applies news from a broker; safe to call again with the same report.
  void apply(const BrokerReport& report);
  // Executes part of an order at its mock broker and applies the execution. Throws not_simulated for a real
  // broker, limit_exceeded for more than the remaining quantity.
  FillResult simulate_fill(OrderId id, Price price, Quantity qty);
  // Settles what is due on or before `as_of` by its broker's calendar: T+n trading days after its last
  // execution.
  SettleResult settle(Date as_of, const std::string& by = {});
  // Carries out a person's decision about an order in `unknown`. The decision is an event.
  Order resolve(OrderId id, const Resolution& resolution);

  // --- reading ---
  // Throw not_found. `tenant`: only that tenant's.
  [[nodiscard]] Order get_order(OrderId id) const;
  [[nodiscard]] OrderBatch get_batch(BatchId id) const;
  [[nodiscard]] std::vector<Order> orders(const OrderQuery& query) const;
  [[nodiscard]] std::vector<OrderBatch> batches(const BatchQuery& query) const;
  [[nodiscard]] std::vector<Execution> executions(OrderId id) const;
  // Events after a log position, expanded; `limit` counts log rows, so that no step is torn apart.
  [[nodiscard]] std::vector<Event> events(const EventQuery& query) const;
  // The same, and where to go on. That is never behind a place where an earlier event may still appear, as
  // with EventQuery::without_gaps: so what was written a moment ago may be on the next page once more.
  [[nodiscard]] EventPage event_page(const EventQuery& query) const;
  [[nodiscard]] BatchReport reconcile(BatchId id) const;
  // Asks each broker of the batch for its own book and lists the differences. Throws broker_in_doubt when one
  // does not answer, a retryable broker_inactive when it may not be asked now: its circuit is open or its
  // rate limit used up. So does broker_book().
  [[nodiscard]] std::vector<Break> compare_with_broker(BatchId id, const Tolerance& tolerance = {}) const;
  [[nodiscard]] Health health() const;
  // The orders that can still be executed, counted by broker, status and parked.
  [[nodiscard]] std::vector<OrderCount> open_orders() const;

  // --- driving (inline mode; harmless in background mode) ---
  // Asked after each round of a call that may take long, by the thread that makes it: true ends the call as
  // if its time were over.
  using Stop = std::function<bool()>;
  // Sends what is placed, of one batch or of all, and records the answers.
  StepResult dispatch(std::optional<BatchId> batch = std::nullopt);
  // One round of everything: due micro-batches, broker news, dispatch, orders in doubt, publishing. A part
  // that fails keeps no other from running; then the first failure is thrown.
  StepResult step();
  // Polls the brokers for news: all of them, then throws the first failure.
  StepResult poll();
  // Publishes what is in the outbox; called from inside the publisher it does nothing.
  StepResult publish();
  // Finds orders that an earlier process left in doubt and settles them by broker evidence only. Running
  // it twice changes nothing the second time. With `patience` it asks again while orders wait for a quiet
  // period to end or for an answer, for at most so long.
  RecoveryReport recover(std::chrono::microseconds patience = {}, const Stop& stop = {});
  // Drives until every order of the batch is acked, ended, in doubt with nothing more to ask, or the
  // time is over. Returns whether it got there.
  bool wait(BatchId id, std::chrono::microseconds timeout, const Stop& stop = {});

  // --- operating ---
  // Stops everything, a portfolio or a broker: place() and replace() refuse and nothing placed is claimed;
  // with HaltMode::kHalt cancel() refuses as well, unless the order was never sent. Once it returns no
  // further order is claimed, and of those claimed at most the request that each sender has on the wire still
  // leaves.
  // `by`: who, for the audit trail; empty: EngineOptions::operator_name. So in resume().
  void halt(ControlScope scope, const std::string& target, const std::string& reason,
            HaltMode mode = HaltMode::kHalt, const std::string& by = {});
  bool resume(ControlScope scope, const std::string& target, const std::string& by = {});
  [[nodiscard]] std::vector<BrokerInfo> brokers() const;
  // Throws unknown_broker when no connector of that name is linked in, configuration when it would not take
  // the settings. A running connector keeps its settings until the next open().
  void set_broker(const std::string& name, const std::string& config_json, bool active);
  [[nodiscard]] BrokerConnector::Book broker_book(const std::string& name) const;
  // Checks everything that is stored against everything else: the trail's chain, each order against its
  // events and executions, batches, keys and margins against their orders, stops against the trail; and, when
  // asked to, the brokers' books against our orders. Changes nothing. What cannot be read is a finding, too.
  [[nodiscard]] AuditReport audit(const AuditOptions& options = {}) const;
  // Entries above `after_id`, oldest first.
  [[nodiscard]] std::vector<AuditEntry> audit_trail(std::int64_t after_id = 0,
                                                    std::size_t limit = 1000) const;
  // Instruments, limits, routing rules, holidays.
  [[nodiscard]] ReferenceStore& reference();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace orchestrator
