// What every step of the engine works with. Owned by the facade; steps hold a reference and no state of
// their own, so that each can be called again after a crash at any point.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/breaker.hpp"
#include "engine/latch.hpp"
#include "engine/receipt_cache.hpp"
#include "engine/reference_cache.hpp"
#include "engine/replay_forecast.hpp"
#include "orchestrator/orchestrator.hpp"

namespace orchestrator::engine {

// When each order's pending request was last sent, so that a broker is not asked again and again. Not
// durable: a new process asks at once.
class RequestPace {
 public:
  void asked(OrderId id, Timestamp now);
  [[nodiscard]] bool due(OrderId id, Timestamp now, std::chrono::microseconds pause);
  // Asked, and at least so long ago.
  [[nodiscard]] bool asked_before(OrderId id, Timestamp now, std::chrono::microseconds pause);

 private:
  std::mutex mutex_;
  std::map<OrderId, Timestamp> asked_;
};

// When each broker was last asked for its book; the first time is an interval after the start.
class ResyncPace {
 public:
  // True once per interval; the caller asks then.
  [[nodiscard]] bool due(const std::string& broker, Timestamp now, std::chrono::microseconds interval);
  // Makes it due at once: something is known to be in the book that no report has told.
  void hasten(const std::string& broker);
  // The book came.
  void answered(const std::string& broker);

 private:
  std::mutex mutex_;
  std::map<std::string, Timestamp> asked_;
  std::set<std::string> hastened_;
};

// Where the last bounded pass over each broker's orders in doubt ended: the next one goes on behind it.
class PassPosition {
 public:
  [[nodiscard]] OrderId after(const std::string& broker);
  void set(const std::string& broker, OrderId after);

 private:
  std::mutex mutex_;
  std::map<std::string, OrderId> after_;
};

// Whether this process is the sender of each broker that admits one.
class SenderLeases {
 public:
  // "" while more than half of `lease` is left, else why it is not the sender. Asks the store when less is
  // left; after a refusal not before `pause` is over. Whoever cannot send lets the lease end, and others be
  // first to ask.
  [[nodiscard]] std::string why_not(Store& store, const Clock& clock, const std::string& broker,
                                    std::chrono::microseconds lease, std::chrono::microseconds pause,
                                    bool can_send);

 private:
  struct Standing {
    Timestamp until = {};
    Timestamp refused_until = {};
    std::string refusal = {};
  };

  std::mutex mutex_;
  std::map<std::string, Standing> standings_;
};

// Of the rows that are read and not freed yet: the events, as (order, seq), that are not delivered, and
// whether they were handed over. Not durable: a new process sends the whole row again. Guarded by
// publish_mutex.
struct UndeliveredRow {
  EventRowKey key = {};
  std::size_t content = 0;  // a promoted standby that never got a row gives its id to another
  std::map<std::pair<OrderId, std::int32_t>, bool> events;
};
using UndeliveredEvents = std::map<std::int64_t, UndeliveredRow>;

struct Context {
  EngineOptions options;
  std::unique_ptr<Clock> clock;        // before the rest, which may hold a reference to it until destroyed
  std::unique_ptr<Observer> observer;  // null: none. Before the store, which tells it
  std::unique_ptr<Store> store;
  std::map<std::string, std::unique_ptr<BrokerConnector>> brokers;
  mutable std::map<std::string, Breaker> breakers;  // one per connector; made when the connectors are
  Latch latch;
  std::unique_ptr<IdempotencyStore> idempotency;  // null: none
  std::unique_ptr<EventPublisher> publisher;      // null: none
  std::unique_ptr<Validator> validator;
  std::unique_ptr<Router> router;
  std::unique_ptr<OrderBatcher> batcher;
  std::unique_ptr<Reconciler> reconciler;
  std::function<void(const std::string& name, const std::string& config_json)> check_broker_config;
  RequestPace request_pace;
  RequestPace look_up_pace;      // of parked orders
  RequestPace other_terms_pace;  // when the book was first seen to show other terms
  ResyncPace resync_pace;
  PassPosition doubt_position;
  mutable SenderLeases sender_leases;
  mutable ReferenceCache reference;
  ReplayForecast replays;
  ReceiptCache receipts;
  UndeliveredEvents undelivered;
  // How long a publisher's silence is waited for; shorter while it is slow. Under publish_mutex.
  static constexpr std::chrono::milliseconds kPublishPatience{5000};
  std::chrono::milliseconds publish_patience = kPublishPatience;
  Timestamp publishing_until = {};                 // of the role "publish", under publish_mutex
  std::mutex publish_mutex;                        // the publisher is called by one thread at a time
  std::atomic<std::thread::id> publishing_thread;  // the one inside; no thread: none

  // nullptr: no connector of that name.
  [[nodiscard]] BrokerConnector* broker(const std::string& name) const;
  // Of a broker that has a connector.
  [[nodiscard]] Breaker& breaker(const std::string& name) const { return breakers.at(name); }
  // Throws Error(unknown_broker).
  BrokerConnector& require_broker(const std::string& name) const;
  // Throws Error(not_found).
  [[nodiscard]] Order require_order(OrderId id) const;
  [[nodiscard]] OrderBatch require_batch(BatchId id) const;
};

// How often a unit that lost a race is decided anew before the caller gets Error(conflict).
inline constexpr int kConflictRetriesMax = 64;
// Rows handled in one unit or page.
inline constexpr std::size_t kPageSize = 500;
// No batch holds more orders.
inline constexpr std::size_t kOrdersOfBatchMax = 32'768;

// Calls `visit` for every page of the query's orders, oldest first.
template <class Visit>
void for_each_page(const Context& context, OrderQuery query, Visit&& visit) {
  query.limit = kPageSize;
  for (;;) {
    const auto page = context.store->orders(query);
    if (!page.empty()) visit(page);
    if (page.size() < kPageSize) return;
    query.after_id = page.back().id;
  }
}

// Calls `visit` for every order of the query, oldest first.
template <class Visit>
void for_each_order(const Context& context, OrderQuery query, Visit&& visit) {
  for_each_page(context, std::move(query), [&](const std::vector<Order>& page) {
    for (const Order& order : page) visit(order);
  });
}

// Runs steps that do not depend on one another: what fails keeps none of the others from running. Rethrown
// is what failed first; the latch sees the others as well.
class FirstFailure {
 public:
  explicit FirstFailure(Latch& latch) : latch_(latch) {}
  template <class Step>
  void run(Step&& step) {
    try {
      latch_.watch(step);
    } catch (...) {
      if (!failure_) failure_ = std::current_exception();
    }
  }
  [[nodiscard]] bool happened() const { return failure_ != nullptr; }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  Latch& latch_;
  std::exception_ptr failure_;
};

// Runs `attempt` until its unit is committed. `attempt` reads, decides, commits, and is called again when
// somebody else changed what it had read.
template <class Attempt>
void until_committed(Attempt&& attempt) {
  for (int i = 0; i < kConflictRetriesMax; ++i) {
    if (attempt() != CommitStatus::kConflict) return;
  }
  throw Error(ErrorCode::kConflict, "the order kept changing while this call tried to change it; call again");
}

}  // namespace orchestrator::engine
