// Controls: stop switches of both kinds, rate limits, the audit trail, roles.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "orchestrator/testing/order_store_samples.hpp"

namespace orchestrator::testing::store {

// A clock that stands still.
class StoppedClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return kNow; }
  [[nodiscard]] Timestamp monotonic() const override { return kNow; }
  void sleep_for(std::chrono::microseconds /*duration*/) override {}
};

inline Halt stop_of(HaltMode mode, ControlScope scope = ControlScope::kAll, const std::string& target = "") {
  return {scope, target, "why", kNow, mode, "asha"};
}

inline void a_request_is_refused_by_the_switches_that_stop_it(Store& store) {
  const Order order = place(store, {}).front();
  const auto announce = [&](HaltMode unless) {
    ChangeUnit unit;
    unit.orders.push_back(changed(order_of(store, order.id), OrderStatus::kAcked));
    unit.unless_stopped = unless;
    return store.commit(unit);
  };
  store.put_halt(stop_of(HaltMode::kCancelOnly, ControlScope::kBroker, order.broker));
  CHECK(announce(HaltMode::kCancelOnly) == CommitStatus::kHalted);
  CHECK(order_of(store, order.id).version == order.version);
  CHECK(announce(HaltMode::kHalt) == CommitStatus::kCommitted);
  store.put_halt(stop_of(HaltMode::kHalt, ControlScope::kPortfolio, "1"));
  CHECK(announce(HaltMode::kHalt) == CommitStatus::kHalted);
  store.put_halt(stop_of(HaltMode::kHalt, ControlScope::kPortfolio, "2"));
  CHECK(store.remove_halt(ControlScope::kPortfolio, "1", ""));
  CHECK(announce(HaltMode::kHalt) == CommitStatus::kCommitted);
}

inline void both_kinds_of_switches_hold_claims_back(Store& store) {
  place(store, {});
  const ClaimRequest request{.owner = store.owner(), .now = kNow, .lease_until = kNow, .limit = 10};
  for (const HaltMode mode : {HaltMode::kCancelOnly, HaltMode::kHalt}) {
    store.put_halt(stop_of(mode));
    CHECK(store.claim(request).empty());
    CHECK(store.halts() == std::vector{stop_of(mode)});
  }
  CHECK(store.remove_halt(ControlScope::kAll, "", ""));
  CHECK(store.claim(request).size() == 1);
}

inline void a_unit_switches_on_what_is_not_on_already(Store& store) {
  const Halt by_hand = stop_of(HaltMode::kHalt, ControlScope::kBroker, "north");
  store.put_halt(by_hand);
  ChangeUnit unit;
  unit.halts = {stop_of(HaltMode::kCancelOnly, ControlScope::kBroker, "north"),
                stop_of(HaltMode::kCancelOnly, ControlScope::kBroker, "south")};
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  CHECK(store.halts() == std::vector{by_hand, unit.halts[1]});
}

inline void a_claim_names_the_epoch_it_has_seen(Store& store) {
  const Order order = place(store, {}).front();
  ClaimRequest request{
      .owner = store.owner(), .now = kNow, .lease_until = kNow, .order_id = order.id, .limit = 1};
  request.lease_epoch = order.lease_epoch + 1;
  CHECK(store.claim(request).empty());
  request.lease_epoch = order.lease_epoch;
  CHECK(store.claim(request).size() == 1);
}

inline void claims_and_requests_share_a_rate_limit(Store& store) {
  const RateLimit limit{.requests_max = 6, .per = std::chrono::seconds(1), .reserved_for_cancels = 1};
  const auto rate = [&](const std::string& account, RateUse use, Timestamp at = kNow) {
    return RateRequest{"north", account, limit, use, at};
  };
  const auto taken = [&](const RateRequest& request) {
    int count = 0;
    while (store.take_rate(request)) ++count;
    return count;
  };
  CHECK(store.take_rate(rate("A", RateUse::kOther)));
  CHECK(store.take_rate(rate("A", RateUse::kOther)));
  place(store, {.orders = 10});
  ClaimRequest request{.owner = store.owner(), .now = kNow, .lease_until = kNow, .limit = 10};
  request.rate = rate("A", RateUse::kOrder);
  CHECK_MESSAGE(!store.take_rate(rate("A", RateUse::kOther)), "half is left to orders");
  CHECK_MESSAGE(store.claim(request).size() == 3, "5 may leave, 2 have");
  CHECK(store.claim(request).empty());
  CHECK(taken(rate("A", RateUse::kCancel)) == 1);
  CHECK_MESSAGE(taken(rate("B", RateUse::kOrder)) == 4,
                "another credential; one is left to reads and changes");
  CHECK(taken(rate("B", RateUse::kOther)) == 1);
  request.rate = rate("A", RateUse::kOrder, kNow + std::chrono::seconds(2));
  CHECK(store.claim(request).size() == 4);
}

inline void every_change_of_a_switch_or_reference_data_is_in_the_trail(Store& store) {
  const StoppedClock clock;
  store.attribute_to("ravi", clock);
  const std::int64_t before = static_cast<std::int64_t>(store.audit_trail(0, kAll).size());
  store.put_halt(stop_of(HaltMode::kCancelOnly, ControlScope::kPortfolio, "3"));
  CHECK(store.remove_halt(ControlScope::kPortfolio, "3", "meera"));
  CHECK_FALSE(store.remove_halt(ControlScope::kPortfolio, "3", ""));
  store.put_limits({.portfolio_id = 3, .max_quantity = Quantity::from_int(9)});
  store.put_broker({.broker_name = "north", .config_json = R"({"secret":"hunter2"})"});
  const auto rule = store.add_routing_rule({.targets = {{"north", 1}}});
  CHECK(store.remove_routing_rule(rule));
  CHECK_FALSE(store.remove_routing_rule(rule));
  store.put_instruments(std::vector<Instrument>{{.id = 7, .symbol = "S"}});
  store.put_holidays("NSE", std::vector{Date{std::chrono::days(20'000)}});
  std::vector<std::string> actions;
  for (const AuditEntry& entry : store.audit_trail(before, kAll)) {
    actions.push_back(entry.action);
    CHECK(entry.at == kNow);
    CHECK(entry.by == (entry.action == "cancel_only" ? "asha" : entry.action == "resume" ? "meera" : "ravi"));
    CHECK_MESSAGE(entry.detail.find("hunter2") == std::string::npos, "settings may hold secrets");
  }
  CHECK(actions == std::vector<std::string>{"cancel_only", "resume", "limits.set", "broker.set", "route.add",
                                            "route.remove", "instruments.set", "holidays.add"});
}

inline void the_trail_is_a_chain(Store& store) {
  for (int i = 0; i < 3; ++i) store.put_limits({.portfolio_id = i});
  ChangeUnit unit;
  unit.audit.push_back({.at = kNow, .by = "asha", .action = "a\n1:", .subject = "order/1", .detail = "{}"});
  unit.audit.push_back({.at = kNow, .by = "asha", .action = "b", .subject = "order/1", .detail = "{}"});
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  const auto entries = store.audit_trail(0, kAll);
  REQUIRE(entries.size() >= 5);
  CHECK(entries.back() == unit.audit.back());
  std::string previous;
  std::int64_t id = 0;
  std::set<std::string> hashes;
  for (const AuditEntry& entry : entries) {
    CHECK(entry.id == ++id);
    CHECK(entry.hash == audit_hash(previous, entry));
    CHECK(hashes.insert(entry.hash).second);
    previous = entry.hash;
  }
  CHECK(store.audit_trail(id - 1, 10).size() == 1);
  CHECK(store.audit_trail(0, 2).size() == 2);
}

inline void a_refused_unit_leaves_no_entry(Store& store) {
  const Order order = place(store, {}).front();
  ChangeUnit unit;
  unit.orders.push_back(order);  // not the next version
  unit.audit.push_back(
      {.at = kNow, .by = "asha", .action = "order.resolve", .subject = "order/1", .detail = "{}"});
  unit.halts.push_back(stop_of(HaltMode::kHalt));
  const auto before = store.audit_trail(0, kAll).size();
  CHECK(store.commit(unit) == CommitStatus::kConflict);
  CHECK(store.audit_trail(0, kAll).size() == before);
  CHECK(store.halts().empty());
}

inline void a_book_keeps_its_identity(Store& store) {
  const std::string id = store.book_id();
  place(store, {.orders = 3});
  store.put_limits({.portfolio_id = 1});
  CHECK(store.book_id() == id);
}

inline void a_sound_store_finds_nothing_wrong_with_itself(Store& store) {
  place(store, {.orders = 3});
  CHECK(store.verify().empty());
}

// --- roles ----------------------------------------------------------------------------------------

inline void who_has_a_role_may_ask_again(Store& store) {
  for (const char* role : {"publish", "send/alpha", "publish", "send/alpha"}) {
    CHECK(store.claim_role(role, kNow + std::chrono::seconds(30)).held);
  }
}

}  // namespace orchestrator::testing::store
