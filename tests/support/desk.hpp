// A desk under test: an orchestrator over a memory store and one scripted broker, on a clock that the
// test owns.
#pragma once

#include <memory>
#include <string>

#include "orchestrator/backends/memory.hpp"
#include "orchestrator/orchestrator.hpp"
#include "support/fake_clock.hpp"
#include "support/scripted_broker.hpp"

namespace orchestrator::testing {

struct Desk {
  explicit Desk(BrokerClass broker_class = BrokerClass::kEnforced, EngineOptions options = {},
                std::unique_ptr<EventPublisher> publisher = nullptr,
                std::unique_ptr<Store> own_store = make_memory_store(),
                std::unique_ptr<IdempotencyStore> cache = make_memory_idempotency_store()) {
    auto own_clock = std::make_unique<FakeClock>();
    clock = own_clock.get();
    auto own_broker = std::make_unique<ScriptedBroker>(broker_class);
    broker = own_broker.get();
    Parts parts;
    parts.store = std::move(own_store);
    store = parts.store.get();
    parts.idempotency = std::move(cache);
    parts.publisher = std::move(publisher);
    parts.clock = std::move(own_clock);
    parts.brokers.push_back(std::move(own_broker));
    store->put_broker({0, "scripted", "{}", true, clock->now(), clock->now()});
    oms = std::make_unique<Orchestrator>(std::move(options), std::move(parts));
  }

  static OrderRequest buy(int qty = 100, int price = 10, InstrumentId instrument = 1) {
    return {.instrument_id = instrument,
            .qty = Quantity::from_int(qty),
            .side = Side::kBuy,
            .price_limit = Price::from_int(price),
            .broker = "scripted"};
  }
  static BatchRequest batch(std::vector<OrderRequest> orders, std::string key = "") {
    return {.portfolio_id = 1, .orders = std::move(orders), .idempotency_key = std::move(key)};
  }

  // Places one order and returns it as it stands afterwards.
  Order place_one(const OrderRequest& order = buy(), const std::string& key = "") {
    return oms->get_order(oms->place(batch({order}, key)).orders.front().id);
  }
  Order at(OrderId id) const { return oms->get_order(id); }

  void trade(const Order& order, const std::string& execution_id, int qty, int price) {
    oms->apply(
        broker->trade(order.client_order_id, execution_id, Quantity::from_int(qty), Price::from_int(price)));
  }

  // Every promise about an order's events that can be read from the log alone.
  std::vector<std::string> event_words(OrderId id) const {
    std::vector<std::string> words;
    std::int32_t seq = 0;
    for (const Event& event : oms->events({.order_id = id, .limit = 100'000})) {
      if (event.seq != ++seq) words.push_back("hole before seq " + std::to_string(event.seq));
      words.emplace_back(to_string(event.type));
    }
    return words;
  }

  FakeClock* clock = nullptr;
  ScriptedBroker* broker = nullptr;
  Store* store = nullptr;
  std::unique_ptr<Orchestrator> oms;
};

using Words = std::vector<std::string>;
using Fate = ScriptedBroker::Fate;

// The code of the Error that `call` throws; internal when it throws none.
template <class Call>
ErrorCode code_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kInternal;
}

}  // namespace orchestrator::testing
