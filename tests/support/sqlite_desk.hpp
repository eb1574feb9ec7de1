// A desk on a database file: an orchestrator over the SQLite store and a scripted broker that outlives it, as
// a real broker outlives the process that crashed.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "orchestrator/backends/sqlite.hpp"
#include "orchestrator/orchestrator.hpp"
#include "support/borrowed_broker.hpp"
#include "support/fake_clock.hpp"
#include "support/scripted_broker.hpp"

namespace orchestrator::testing {

struct SqliteDesk {
  SqliteDesk(const std::string& path, BrokerConnector& broker, EngineOptions options = {}) {
    auto own_clock = std::make_unique<FakeClock>();
    clock = own_clock.get();
    Parts parts;
    parts.store = open_sqlite_store({.path = path});
    store = parts.store.get();
    parts.clock = std::move(own_clock);
    parts.brokers.push_back(std::make_unique<BorrowedBroker>(broker));
    const Timestamp now = FakeClock::kStart;
    store->put_broker({0, broker.capabilities().name, "{}", true, now, now});
    oms = std::make_unique<Orchestrator>(std::move(options), std::move(parts));
  }

  static BatchRequest batch(const std::string& key, int orders = 1) {
    BatchRequest request{.portfolio_id = 1, .idempotency_key = key};
    for (int i = 0; i < orders; ++i) {
      request.orders.push_back({.instrument_id = 1 + i,
                                .qty = Quantity::from_int(100),
                                .side = Side::kBuy,
                                .price_limit = Price::from_int(10),
                                .broker = "scripted"});
    }
    return request;
  }

  // Recovery once every quiet period and lease is over.
  void recover() {
    clock->advance(std::chrono::minutes(5));
    oms->recover();
  }

  FakeClock* clock = nullptr;
  Store* store = nullptr;
  std::unique_ptr<Orchestrator> oms;
};

}  // namespace orchestrator::testing
