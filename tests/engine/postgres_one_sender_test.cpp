// Brokers that admit one sender, on the PostgreSQL that several processes share.
#include <doctest/doctest.h>

#include "orchestrator/backends/postgres.hpp"
#include "support/desk.hpp"
#include "support/moving_store.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

// One process's session at the account that all share.
class Session final : public BrokerConnector {
 public:
  explicit Session(ScriptedBroker& account) : account_(account) {}
  const BrokerCapabilities& capabilities() const override { return account_.capabilities(); }
  std::vector<SendResult> place(std::span<const Order> orders) override {
    ++sends;
    return account_.place(orders);
  }
  SendResult cancel(const Order& order) override { return account_.cancel(order); }
  SendResult replace(const Order& order, const ReplaceRequest& request) override {
    return account_.replace(order, request);
  }
  LookUp look_up(const std::string& client_order_id) override { return account_.look_up(client_order_id); }
  Book book() override { return account_.book(); }
  ReportPage poll(const std::string& cursor) override { return account_.poll(cursor); }

  int sends = 0;

 private:
  ScriptedBroker& account_;
};

struct Process {
  Process(const std::string& url, ScriptedBroker& account) {
    auto own_clock = std::make_unique<FakeClock>();
    auto own_session = std::make_unique<Session>(account);
    auto own_store = std::make_unique<MovingStore>(open_postgres_store({.url = url}));
    clock = own_clock.get();
    session = own_session.get();
    store = own_store.get();
    Parts parts;
    parts.clock = std::move(own_clock);
    parts.store = std::move(own_store);
    parts.brokers.push_back(std::move(own_session));
    store->put_broker({0, "scripted", "{}", true, clock->now(), clock->now()});
    oms = std::make_unique<Orchestrator>(EngineOptions{}, std::move(parts));
  }

  Order place_one() const { return oms->get_order(oms->place(Desk::batch({Desk::buy()})).orders.front().id); }
  OrderStatus status_of(const Order& order) const { return oms->get_order(order.id).status; }
  void advance(std::chrono::microseconds by) const { clock->advance(by); }

  FakeClock* clock = nullptr;
  Session* session = nullptr;
  MovingStore* store = nullptr;
  std::unique_ptr<Orchestrator> oms;
};

// Two processes and the account.
struct Account {
  Account(std::string schema_url, BrokerClass broker_class)
      : url(std::move(schema_url)), broker(broker_class) {
    broker.settings().one_sender = true;
  }

  // What has its end by the database's time has reached it.
  void end_leases() const {
    postgres::Connection connection({.url = url});
    connection.run("UPDATE roles SET lease_until = 1");
    connection.run("UPDATE orders SET lease_until = 1 WHERE lease_until IS NOT NULL");
  }
  // The first one is stopped for longer than its lease, and the second one takes over; its clock goes on
  // until it may send again what the broker denied having.
  void take_over() {
    end_leases();
    for (int i = 0; i < 2; ++i) {
      second.advance(std::chrono::seconds(31));
      second.oms->step();
    }
  }

  std::string url;
  ScriptedBroker broker;
  Process first{url, broker};
  Process second{url, broker};
};

TEST_CASE("of two processes on one PostgreSQL one sends to a broker of one sender, until its lease is over") {
  with_server([](const std::string& url) {
    Account account(url, BrokerClass::kEnforced);
    Process& first = account.first;
    Process& second = account.second;
    CHECK(first.status_of(first.place_one()) == OrderStatus::kAcked);
    const Order waiting = second.place_one();
    second.oms->step();
    CHECK(second.status_of(waiting) == OrderStatus::kPlaced);
    CHECK(second.session->sends == 0);
    account.end_leases();
    first.advance(std::chrono::seconds(31));
    second.advance(std::chrono::seconds(31));
    second.oms->step();
    CHECK(second.status_of(waiting) == OrderStatus::kAcked);
    const Order late = first.place_one();
    first.oms->step();
    CHECK(first.status_of(late) == OrderStatus::kPlaced);
    second.oms->step();
    CHECK(first.status_of(late) == OrderStatus::kAcked);
    CHECK(first.session->sends == 1);
    CHECK(second.session->sends == 2);
  });
}

TEST_CASE("a sender that was stopped between its claim and its send, past its lease, sends nothing") {
  with_server([](const std::string& url) {
    Account account(url, BrokerClass::kEnforced);
    Process& first = account.first;
    first.store->after_accept = [&account] {
      account.take_over();
      account.first.advance(std::chrono::seconds(62));
    };
    const Order order = first.place_one();
    CHECK(first.session->sends == 0);
    CHECK(account.second.session->sends == 1);
    CHECK(order.status == OrderStatus::kAcked);
    CHECK(order.attempt == 2);
    first.oms->step();
    CHECK(first.status_of(order) == OrderStatus::kAcked);
    CHECK(account.broker.accepts == std::map<std::string, int>{{order.client_order_id, 1}});
  });
}

// Also of one whose clock stood still with it, so that its leases look good. Every way in which that send can
// end, at a broker that refuses an id twice and at one that does not.
TEST_CASE("what is sent after another process became the one sender is never a second order") {
  with_server([](PostgresSchemas& schemas) {
    for (const BrokerClass broker_class : {BrokerClass::kEnforced, BrokerClass::kTagEcho}) {
      for (const Fate late : {Fate::kAccept, Fate::kReject, Fate::kNotSent, Fate::kLostAfterAccept,
                              Fate::kLostBeforeAccept, Fate::kThrow}) {
        CAPTURE(broker_class);
        CAPTURE(static_cast<int>(late));
        Account account(schemas.make(), broker_class);
        account.broker.fates = {late};
        account.broker.during_place = [&account](const Order&) { account.take_over(); };
        const Order order = account.first.place_one();
        for (int i = 0; i < 6; ++i) {
          const Process& process = i % 2 == 0 ? account.first : account.second;
          process.advance(std::chrono::seconds(31));
          process.oms->step();
        }
        const OrderStatus status = account.first.status_of(order);
        const int accepts = account.broker.accepts[order.client_order_id];
        CHECK(accepts <= 1);
        CHECK((accepts == 1) == (status == OrderStatus::kAcked));
        if (broker_class == BrokerClass::kEnforced) CHECK(status == OrderStatus::kAcked);
      }
    }
  });
}

TEST_CASE("a PostgreSQL role is one store's until its lease is over or it is closed, and of no other role") {
  with_server([](const std::string& url) {
    const Timestamp far = Timestamp(std::chrono::hours(24 * 365 * 200));  // by the database's own time
    FakeClock clock;
    auto one = open_postgres_store({.url = url});
    auto other = open_postgres_store({.url = url});
    other->attribute_to("meera", clock);
    CHECK(one->claim_role("send/alpha", far).held);
    CHECK_FALSE(other->claim_role("send/alpha", far).held);
    CHECK(other->claim_role("send/beta", far).held);
    CHECK(one->claim_role("send/alpha", Timestamp(std::chrono::seconds(1))).held);
    CHECK(other->claim_role("send/alpha", clock.monotonic() + std::chrono::hours(1)).held);
    const RoleClaim refused = one->claim_role("send/alpha", far);
    CHECK_FALSE(refused.held);
    CHECK(refused.holder == "meera");
    other.reset();
    CHECK(one->claim_role("send/alpha", far).held);
  });
}

}  // namespace
}  // namespace orchestrator::testing
