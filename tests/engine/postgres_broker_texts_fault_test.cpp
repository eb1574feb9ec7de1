// Texts of a broker's that PostgreSQL does not keep: too long, or no text at all.

#include <doctest/doctest.h>

#include "orchestrator/backends/postgres.hpp"
#include "support/broker_text_cases.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

template <class Check>
void with_server(Check&& check) {
  const auto url = postgres_url();
  if (!url) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_POSTGRES_URL names no server");
    return;
  }
  PostgresSchemas schemas(*url);
  check([&schemas] { return open_postgres_store({.url = schemas.make()}); });
}

TEST_CASE("a text of a broker's that is too long for PostgreSQL loses no fill and stops nothing") {
  with_server([](const auto& make) { check_broker_texts(make); });
}

TEST_CASE("bytes of a broker's that are no text for PostgreSQL keep no later report waiting") {
  with_server([](const auto& make) {
    Desk desk(BrokerClass::kEnforced, {}, nullptr, make());
    const Order order = desk.place_one();
    const Order other = desk.place_one();
    const auto fill = [&](const std::string& id) {
      desk.broker->news.push_back(
          desk.broker->trade(order.client_order_id, id, Quantity::from_int(10), Price::from_int(10)));
    };
    fill(std::string("a\0b", 3));
    fill("\xff");
    fill("good");
    BrokerReport end = desk.broker->report(BrokerReport::Kind::kExpired, other.client_order_id);
    end.reason = "\xed\xa0\x80 over";
    desk.broker->news.push_back(end);
    desk.oms->poll();
    CHECK(desk.at(order.id).fill_qty >= Quantity::from_int(10));
    // Spelled out they can be booked, once.
    for (int round = 0; round < 2; ++round) {
      desk.broker->news.insert(desk.broker->news.end(), desk.broker->news.begin(),
                               desk.broker->news.begin() + 4);
      desk.clock->advance(std::chrono::minutes(5));
      desk.oms->poll();
    }
    CHECK(desk.at(order.id).fill_qty == Quantity::from_int(30));
    CHECK(desk.at(other.id).status == OrderStatus::kExpired);
    CHECK(desk.at(other.id).reason == "\\xed\\xa0\\x80 over");
  });
}

}  // namespace
}  // namespace orchestrator::testing
