// Machines whose clocks have nothing to do with one another, and that share leases and rates in the
// database's time.

#include <doctest/doctest.h>

#include "adapters/postgres/rows.hpp"
#include "orchestrator/backends/postgres.hpp"
#include "orchestrator/testing/order_store_unit_cases.hpp"
#include "support/desk.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

using store::accept_unit;
using store::kNow;
using store::place;
using namespace std::chrono_literals;

// Two machines on one database. Their clocks stand still, five hours apart; the database's goes on.
class Machines {
 public:
  explicit Machines(const std::string& url)
      : here(open_postgres_store({.url = url})), there(open_postgres_store({.url = url})) {
    clock_there.advance(5h);
    here->attribute_to("here", clock_here);
    there->attribute_to("there", clock_there);
  }

  [[nodiscard]] ClaimRequest claim_here(std::chrono::microseconds lease) {
    return {.owner = here->owner(), .now = kNow, .lease_until = clock_here.monotonic() + lease};
  }
  // What each machine takes for abandoned when its clock shows so much more than now.
  [[nodiscard]] std::size_t abandoned_here(std::chrono::microseconds later) {
    return here->orders({.abandoned_at = clock_here.monotonic() + later}).size();
  }
  [[nodiscard]] std::size_t abandoned_there(std::chrono::microseconds later) {
    return there->orders({.abandoned_at = clock_there.monotonic() + later}).size();
  }

  FakeClock clock_here;
  FakeClock clock_there;
  std::unique_ptr<Store> here;
  std::unique_ptr<Store> there;
};

template <class Check>
void with_machines(Check&& check) {
  with_server([&](const std::string& schema) {
    Machines machines(schema);
    check(machines, schema);
  });
}

// The leases as they stand in the table.
std::vector<std::int64_t> stored_leases(const std::string& url) {
  postgres::Connection connection({.url = url});
  const postgres::Result result =
      connection.query("SELECT lease_until FROM orders WHERE lease_until IS NOT NULL ORDER BY id");
  std::vector<std::int64_t> leases;
  postgres::Cursor row(result);
  while (row.next()) row.read(leases.emplace_back());
  return leases;
}

TEST_CASE("a PostgreSQL lease ends at the same time for machines whose clocks are hours apart") {
  with_machines([](Machines& m, const std::string&) {
    place(*m.here, {});
    const Order order = m.here->claim(m.claim_here(1h)).at(0);
    CHECK(order.lease_until == m.clock_here.monotonic() + 1h);
    CHECK(m.abandoned_here(59min) == 0);
    CHECK(m.abandoned_there(59min) == 0);
    CHECK(m.abandoned_here(61min) == 1);
    CHECK(m.abandoned_there(61min) == 1);

    const Timestamp read_there = store::order_of(*m.there, order.id).lease_until.value();
    CHECK(read_there <= m.clock_there.monotonic() + 1h);
    CHECK(read_there > m.clock_there.monotonic() + 59min);
  });
}

TEST_CASE("a PostgreSQL lease that is over is over for every machine") {
  with_machines([](Machines& m, const std::string&) {
    place(*m.here, {});
    REQUIRE(m.here->claim(m.claim_here(-1s)).size() == 1);
    CHECK(m.abandoned_here(0s) == 1);
    CHECK(m.abandoned_there(0s) == 1);
  });
}

TEST_CASE("a lease that PostgreSQL stores never ends before it ends for its sender") {
  with_machines([](Machines& m, const std::string& url) {
    // The database's time is later than that of the statement before.
    postgres::Connection connection({.url = url});
    const auto database_now = [&] {
      const postgres::Result result = connection.query("SELECT " + std::string(postgres::kDatabaseTime));
      std::int64_t now = 0;
      postgres::Cursor row(result);
      if (row.next()) row.read(now);
      return now;
    };
    constexpr std::int64_t kLease = 1'000'000;
    place(*m.here, {.key = "claimed"});
    const std::int64_t before_claim = database_now();
    REQUIRE(m.here->claim(m.claim_here(std::chrono::microseconds(kLease))).size() == 1);
    CHECK(stored_leases(url).at(0) >= before_claim + kLease);

    AcceptUnit unit = accept_unit({.key = "accepted and claimed"});
    unit.orders[0].status = OrderStatus::kSubmitting;
    unit.orders[0].attempt = 1;
    unit.orders[0].lease_epoch = 1;
    unit.orders[0].lease_owner = m.here->owner();
    unit.orders[0].lease_until = m.clock_here.monotonic() + std::chrono::microseconds(kLease);
    unit.orders[0].submitted_at = kNow;
    const std::int64_t before_accept = database_now();
    REQUIRE(m.here->accept(unit).status == AcceptResult::Status::kAccepted);
    CHECK(stored_leases(url).at(1) >= before_accept + kLease);
    CHECK(unit.orders[0].lease_until == m.clock_here.monotonic() + std::chrono::microseconds(kLease));
  });
}

TEST_CASE("a PostgreSQL lease does not move while its order is changed by several machines") {
  with_machines([](Machines& m, const std::string& url) {
    place(*m.here, {});
    const OrderId id = m.here->claim(m.claim_here(1h)).at(0).id;
    const auto before = stored_leases(url);
    REQUIRE(before.size() == 1);
    for (int i = 0; i < 10; ++i) {
      Store& store = i % 2 == 0 ? *m.there : *m.here;
      ChangeUnit unit;
      unit.orders = {store::changed(store::order_of(store, id), OrderStatus::kSubmitting)};
      REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
    }
    CHECK(stored_leases(url) == before);
    ChangeUnit answered;
    answered.orders = {store::changed(store::order_of(*m.there, id), OrderStatus::kAcked)};
    answered.orders[0].lease_until.reset();
    REQUIRE(m.there->commit(answered) == CommitStatus::kCommitted);
    CHECK(stored_leases(url).empty());
  });
}

TEST_CASE("machines whose clocks are hours apart share a PostgreSQL rate limit") {
  with_machines([](Machines& m, const std::string&) {
    const RateLimit limit{.requests_max = 4, .per = 1h};
    const auto take = [&](Store& store, const Clock& clock) {
      return store.take_rate({"north", "A1", limit, RateUse::kCancel, clock.monotonic()});
    };
    CHECK(take(*m.here, m.clock_here));
    CHECK(take(*m.there, m.clock_there));
    CHECK(take(*m.here, m.clock_here));
    CHECK(take(*m.there, m.clock_there));
    CHECK_FALSE(take(*m.there, m.clock_there));
    m.clock_here.advance(10h);
    CHECK_FALSE(take(*m.here, m.clock_here));
  });
}

TEST_CASE("a PostgreSQL rate limit frees with the database's time") {
  with_machines([](Machines& m, const std::string&) {
    const RateLimit limit{.requests_max = 1, .per = 20ms};
    const RateRequest request{"north", "A1", limit, RateUse::kCancel, m.clock_here.monotonic()};
    REQUIRE(m.here->take_rate(request));
    await([&] { return m.here->take_rate(request); });  // the clocks here stand still
  });
}

TEST_CASE("a machine whose clock is a day ahead opens no new day of limits in PostgreSQL") {
  with_machines([](Machines& m, const std::string&) {
    m.clock_there.advance(24h);
    const auto accept = [](Store& store, const Clock& clock, const std::string& key) {
      AcceptUnit unit = accept_unit({.key = key, .at = clock.now()});
      unit.notional = store::money("60");
      unit.limits.max_notional_day = store::money("100");
      const AcceptResult result = store.accept(unit);
      CHECK(result.usage.day == unit.day);
      CHECK(store.usage_of(unit.batch.portfolio_id).day == unit.day);
      return result.status;
    };
    CHECK(accept(*m.here, m.clock_here, "1") == AcceptResult::Status::kAccepted);
    CHECK(accept(*m.there, m.clock_there, "2") == AcceptResult::Status::kLimit);
    CHECK(accept(*m.here, m.clock_here, "3") == AcceptResult::Status::kLimit);
  });
}

TEST_CASE("a receipt expires in PostgreSQL when the database's clock says so as well") {
  with_machines([](Machines& m, const std::string& url) {
    // Both clocks are slow, and then one is fast.
    place(*m.here, {.key = "k", .at = m.clock_here.now()});
    m.clock_there.set(Timestamp::max() - 24h);
    CHECK(m.there->expire_idempotency(m.clock_there.now()) == 0);
    CHECK_FALSE(m.here->idempotency({"default", "place", "k"})->response.empty());
    postgres::Connection({.url = url})
        .run("UPDATE idempotency_keys SET expires_at = expires_at - " +
             std::to_string(std::chrono::microseconds(25h).count()));
    CHECK(m.there->expire_idempotency(m.clock_there.now()) == 1);
  });
}

TEST_CASE("a receipt that PostgreSQL keeps is replayed by a machine whose clock is days ahead") {
  with_server([](const std::string& url) {
    const auto desk = [&url] {
      return std::make_unique<Desk>(BrokerClass::kEnforced, EngineOptions{}, nullptr,
                                    open_postgres_store({.url = url}), nullptr);
    };
    const auto here = desk();
    const auto there = desk();
    here->clock->set(make_system_clock()->now());
    there->clock->set(make_system_clock()->now() + 48h);
    const BatchRequest request = Desk::batch({Desk::buy()}, "k");
    const Receipt receipt = here->oms->place(request);
    const Receipt again = there->oms->place(request);
    CHECK(again.batch_id == receipt.batch_id);
    CHECK(again.replayed);
    CHECK(there->oms->place(request).replayed);  // also once replays are expected
  });
}

TEST_CASE("a sender that closes its PostgreSQL store leaves its claims to the others at once") {
  with_machines([](Machines& m, const std::string&) {
    place(*m.here, {});
    REQUIRE(m.here->claim(m.claim_here(1h)).size() == 1);
    CHECK(m.abandoned_there(0s) == 0);
    m.here.reset();
    CHECK(m.abandoned_there(0s) == 1);
  });
}

}  // namespace
}  // namespace orchestrator::testing
