// Reading the log page by page while others write to it: nothing is missed.
#include <doctest/doctest.h>

#include <set>

#include "support/desk.hpp"
#include "support/moving_store.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

struct ReadDesk {
  std::unique_ptr<MovingStore> own = std::make_unique<MovingStore>(make_memory_store());
  MovingStore* store = own.get();
  Desk desk{BrokerClass::kEnforced, {}, nullptr, std::move(own)};

  // Everything from the beginning, page by page, and whether that is the whole log.
  bool reads_all(std::int64_t cursor, std::set<std::int64_t> seen) const {
    for (;;) {
      const EventPage page = desk.oms->event_page({.after_id = cursor, .limit = 2});
      for (const Event& event : page.events) seen.insert(event.log_id);
      if (page.next_cursor == cursor) break;
      cursor = page.next_cursor;
    }
    std::set<std::int64_t> all;
    for (const Event& event : desk.oms->events({})) all.insert(event.log_id);
    return seen == all;
  }
};

std::set<std::int64_t> ids_of(const EventPage& page) {
  std::set<std::int64_t> ids;
  for (const Event& event : page.events) ids.insert(event.log_id);
  return ids;
}

}  // namespace

TEST_CASE("what is written between the two readings of a page is not gone past") {
  for (int reading = 1; reading <= 2; ++reading) {
    INFO("written before reading ", reading);
    ReadDesk at;
    at.desk.place_one();
    int readings = 0;
    at.store->during_events = [&] {
      if (++readings == reading) at.desk.place_one();
    };
    const EventPage page = at.desk.oms->event_page({});
    at.store->during_events = nullptr;
    CHECK(at.reads_all(page.next_cursor, ids_of(page)));
  }
}

TEST_CASE("a page shows what is there, and its cursor stays before what is not committed yet") {
  ReadDesk at;
  at.desk.place_one();
  const std::int64_t last = at.desk.oms->events({}).back().log_id;
  at.desk.place_one();
  at.store->hidden_event = last + 1;
  const EventPage page = at.desk.oms->event_page({});
  CHECK(page.events.back().log_id > last + 1);
  CHECK(page.next_cursor == last);
  at.store->hidden_event = 0;
  CHECK(at.reads_all(page.next_cursor, ids_of(page)));
}

TEST_CASE("a page of a log that has no more rows goes on where it was asked to") {
  ReadDesk at;
  CHECK(at.desk.oms->event_page({.after_id = 7}).next_cursor == 7);
  CHECK(at.reads_all(0, {}));
}
