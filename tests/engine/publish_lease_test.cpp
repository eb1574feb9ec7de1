// Several processes publish from one store: one of them at a time.
#include <doctest/doctest.h>

#include "support/desk.hpp"
#include "support/moving_store.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

struct PublishingDesk {
  std::unique_ptr<MovingStore> own = std::make_unique<MovingStore>(make_memory_store());
  MovingStore* store = own.get();
  std::vector<std::string> sent;
  Desk desk{BrokerClass::kEnforced,
            {},
            make_callback_publisher([this](const Event& event) { sent.emplace_back(to_string(event.type)); }),
            std::move(own)};
};

}  // namespace

TEST_CASE("nothing is published while another process has the right to") {
  PublishingDesk p;
  p.desk.place_one();
  p.store->held_by_others = {"publish"};
  CHECK(p.desk.oms->publish().published == 0);
  CHECK(p.sent.empty());
  CHECK(p.store->outbox().rows > 0);
  p.store->held_by_others.clear();
  const std::size_t published = p.desk.oms->publish().published;
  CHECK(published > 0);
  CHECK(p.sent.size() == published);
  CHECK(p.store->outbox().rows == 0);
}

TEST_CASE("a publisher that was stopped beyond its lease sends nothing of what it had read") {
  PublishingDesk p;
  p.desk.place_one();
  p.store->during_events = [&] { p.desk.clock->advance(std::chrono::seconds(31)); };
  CHECK(p.desk.oms->publish().published == 0);
  CHECK(p.sent.empty());
  p.store->during_events = nullptr;
  CHECK(p.desk.oms->publish().published > 0);
  CHECK(p.store->outbox().rows == 0);
}
