// The order store's contract, first part: units of work (accept, claim, commit). Included by
// order_store_contract.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/testing/order_store_samples.hpp"

namespace orchestrator::testing::store {

using Status = AcceptResult::Status;

// Runs `work(i)` on `count` threads that begin together.
inline void at_once(int count, const std::function<void(int)>& work) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      ++ready;
      while (ready < count) std::this_thread::yield();
      work(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// The status of accepting a sample that must be refused and must leave no trace.
inline Status refused(Store& store, AcceptUnit unit, AcceptResult* result_out = nullptr) {
  const std::string before = contents(store);
  const AcceptResult result = store.accept(unit);
  CHECK(contents(store) == before);
  if (result_out != nullptr) *result_out = result;
  return result.status;
}

// The code of the Error that `call` must throw, leaving no trace.
template <class Call>
ErrorCode thrown(Store& store, Call&& call) {
  const std::string before = contents(store);
  ErrorCode code = ErrorCode::kUnsupported;
  try {
    call();
    FAIL_CHECK("nothing was thrown");
  } catch (const Error& error) {
    code = error.code();
  }
  CHECK(contents(store) == before);
  return code;
}

// --- accept ---------------------------------------------------------------------------------------

inline void accept_stores_what_it_was_given(Store& store) {
  AcceptUnit unit =
      accept_unit({.orders = 2, .margin = money("7.25"), .notional = money("100.000000000000000001")});
  unit.batch.orders_json = "[\"\xE2\x82\xB9\", 'quoted', \"\\u0000\"]";
  unit.orders[1].side = Side::kSell;
  unit.orders[1].order_type = OrderType::kStopLimit;
  unit.orders[1].time_in_force = TimeInForce::kFok;
  unit.orders[1].stop_price = Price::from_string("0.000000001");
  unit.orders[1].price_limit.reset();
  unit.orders[1].multiplier = 50;
  unit.orders[1].margin_reserved = money("7.25");
  unit.orders[1].reason = "why not";
  std::vector<EventRow> events;  // the store may use up the unit's
  unit.compose = [&events, compose = unit.compose](AcceptUnit& with_ids) {
    compose(with_ids);
    events = with_ids.events;
  };
  const AcceptResult result = store.accept(unit);
  REQUIRE(result.status == Status::kAccepted);
  REQUIRE(unit.events.size() == events.size());
  for (std::size_t i = 0; i < events.size(); ++i) events[i].id = unit.events[i].id;
  CHECK(text_of(result.usage) == text_of(store.usage_of(1)));

  CHECK(text_of_all(store.orders({.limit = kAll})) == text_of_all(unit.orders));
  CHECK(text_of_all(store.batches({})) == text_of(unit.batch));
  CHECK(text_of_all(store.events({})) == text_of_all(events));
  CHECK(text_of_all(store.events({.unpublished = true})) == text_of_all(events));
  const auto record = store.idempotency(unit.idempotency.scope);
  REQUIRE(record.has_value());
  CHECK(text_of(*record) == text_of(unit.idempotency));
  const PortfolioUsage usage = store.usage_of(1);
  CHECK(usage.margin_reserved == money("7.25"));
  CHECK(usage.day_notional == money("100.000000000000000001"));
  CHECK(usage.day == unit.day);
}

inline void accept_assigns_growing_ids_before_it_composes(Store& store) {
  const auto first = place(store, {.key = "one", .orders = 3});
  AcceptUnit unit = accept_unit({.key = "two", .orders = 2});
  int composed = 0;
  unit.compose = [&composed, compose = unit.compose](AcceptUnit& with_ids) {
    ++composed;
    CHECK(with_ids.batch.id > 0);
    for (const Order& order : with_ids.orders) {
      CHECK(order.id > 0);
      CHECK(order.batch_id == with_ids.batch.id);
    }
    compose(with_ids);
  };
  REQUIRE(store.accept(unit).status == Status::kAccepted);
  CHECK(composed == 1);
  CHECK(unit.batch.id > first.front().batch_id);
  CHECK(first[1].id > first[0].id);
  CHECK(unit.orders[0].id > first[2].id);
  CHECK(unit.orders[1].id > unit.orders[0].id);
  CHECK(unit.events.at(0).id > store.events({.batch_id = first[0].batch_id}).at(0).id);
}

inline void accept_can_claim_in_the_same_commit(Store& store) {
  AcceptUnit unit = accept_unit({.orders = 2});
  for (Order& order : unit.orders) {
    order.status = OrderStatus::kSubmitting;
    order.attempt = 1;
    order.lease_epoch = 1;
    order.lease_owner = store.owner();
    order.lease_until = kNow + std::chrono::seconds(30);
    order.submitted_at = kNow;
  }
  REQUIRE(store.accept(unit).status == Status::kAccepted);
  CHECK(text_of_all(store.orders({.statuses = {OrderStatus::kSubmitting}})) == text_of_all(unit.orders));
  CHECK(store.claim({.owner = store.owner(), .now = kNow, .lease_until = kNow}).empty());
}

inline void a_unit_decided_on_other_reference_data_is_refused(Store& store) {
  store.put_limits({.portfolio_id = 7});
  AcceptUnit unit = accept_unit({.key = "k"});
  unit.reference_version = store.reference_version();
  REQUIRE(unit.reference_version != 0);
  store.put_halt(halt_of(ControlScope::kBroker, unit.orders[0].broker));
  CHECK(store.accept(unit).status == Status::kReferenceChanged);
  CHECK(store.batches({}).empty());
  CHECK(store.outbox().rows == 0);
  unit.reference_version = store.reference_version();
  CHECK(store.accept(unit).status == Status::kHalted);
  store.remove_halt(ControlScope::kBroker, unit.orders[0].broker, "");
  unit.reference_version = store.reference_version();
  CHECK(store.accept(unit).status == Status::kAccepted);
  AcceptUnit twin = accept_unit({.key = "k"});
  twin.reference_version = unit.reference_version;
  store.put_limits({.portfolio_id = 8});
  CHECK(store.accept(twin).status == Status::kKeyExists);
}

inline void a_key_is_used_once_per_tenant_and_operation(Store& store) {
  const auto orders = place(store, {.key = "k", .orders = 2});
  AcceptUnit again = accept_unit({.key = "k", .orders = 1});
  again.orders[0].client_order_id = "another";
  again.idempotency.fingerprint.fill(std::byte{99});
  AcceptResult result;
  REQUIRE(refused(store, again, &result) == Status::kKeyExists);
  REQUIRE(result.existing.has_value());
  CHECK(text_of(*result.existing) == text_of(*store.idempotency({"default", "place", "k"})));
  CHECK(result.existing->batch_id == orders[0].batch_id);

  place(store, {.key = "k", .tenant = "other"});
  AcceptUnit other_operation = accept_unit({.key = "k"});
  other_operation.idempotency.scope.operation = "import";
  other_operation.orders[0].client_order_id = "imported";
  CHECK(store.accept(other_operation).status == Status::kAccepted);
  CHECK(store.batches({.idempotency_key = "k"}).size() == 3);
}

inline void a_key_is_answered_before_anything_else_is_asked(Store& store) {
  place(store, {.key = "k"});
  store.put_halt(halt_of(ControlScope::kAll, ""));
  CHECK(refused(store, accept_unit({.key = "k"})) == Status::kKeyExists);
}

inline void stop_switches_refuse_batches(Store& store) {
  const auto check = [&store](const Halt& halt, const Sample& covered, const Sample& free) {
    store.put_halt(halt);
    AcceptResult result;
    CHECK(refused(store, accept_unit(covered), &result) == Status::kHalted);
    CHECK(result.detail.find(halt.reason) != std::string::npos);
    AcceptUnit unit = accept_unit(free);
    CHECK((store.accept(unit).status == Status::kAccepted) == (halt.scope != ControlScope::kAll));
    CHECK(store.remove_halt(halt.scope, halt.target, ""));
  };
  check(halt_of(ControlScope::kPortfolio, "2", "risk"), {.key = "a", .portfolio_id = 2},
        {.key = "b", .portfolio_id = 22});
  check(halt_of(ControlScope::kBroker, "south", "outage"), {.key = "c", .broker = "south"}, {.key = "d"});
  check(halt_of(ControlScope::kAll, "", "fire"), {.key = "e"}, {.key = "f"});
  // One leg of several is enough.
  store.put_halt(halt_of(ControlScope::kBroker, "south"));
  AcceptUnit mixed = accept_unit({.key = "g", .orders = 2});
  mixed.orders[1].broker = "south";
  CHECK(refused(store, mixed) == Status::kHalted);
  CHECK(store.remove_halt(ControlScope::kBroker, "south", ""));
  CHECK(store.accept(mixed).status == Status::kAccepted);
}

inline void margin_and_day_limits_hold(Store& store) {
  const auto sample = [](const char* key, const char* margin, const char* notional, Timestamp at = kNow) {
    Sample with{.key = key, .at = at, .margin = money(margin), .notional = money(notional)};
    with.limits.margin_available = money("10");
    with.limits.max_notional_day = money("100");
    return accept_unit(with);
  };
  AcceptUnit fits = sample("a", "10", "60");
  REQUIRE(store.accept(fits).status == Status::kAccepted);

  AcceptResult result;
  REQUIRE(refused(store, sample("b", "0.000000000000000001", "0"), &result) == Status::kLimit);
  CHECK(text_of(result.usage) == text_of(store.usage_of(1)));
  CHECK(result.usage.margin_reserved == money("10"));
  CHECK_FALSE(result.detail.empty());

  CHECK(refused(store, sample("c", "0", "40.000000000000000001")) == Status::kLimit);
  AcceptUnit to_the_limit = sample("d", "0", "40");
  CHECK(store.accept(to_the_limit).status == Status::kAccepted);
  // Another day begins at zero; what is reserved stays.
  AcceptUnit tomorrow = sample("e", "0", "100", kNow + std::chrono::days(1));
  REQUIRE(store.accept(tomorrow).status == Status::kAccepted);
  CHECK(store.usage_of(1).day_notional == money("100"));
  CHECK(store.usage_of(1).margin_reserved == money("10"));
}

inline void a_client_order_id_exists_once(Store& store) {
  const auto orders = place(store, {.key = "first", .orders = 2});
  AcceptUnit taken = accept_unit({.key = "second", .orders = 3, .margin = money("5")});
  taken.orders[2].client_order_id = orders[1].client_order_id;
  CHECK(refused(store, taken) == Status::kDuplicateOrderId);
  AcceptUnit twice = accept_unit({.key = "second", .orders = 3});
  twice.orders[2].client_order_id = twice.orders[0].client_order_id;
  CHECK(refused(store, twice) == Status::kDuplicateOrderId);
  // Neither key nor ids were used up.
  CHECK(place(store, {.key = "second", .orders = 3}).size() == 3);
}

inline void an_exception_while_composing_refuses_the_batch(Store& store) {
  place(store, {.key = "before"});
  AcceptUnit unit = accept_unit({.key = "k", .margin = money("3")});
  unit.compose = [](AcceptUnit&) { throw Error(ErrorCode::kNumberOverflow, "too much"); };
  CHECK(thrown(store, [&] { store.accept(unit); }) == ErrorCode::kNumberOverflow);
  CHECK(place(store, {.key = "k"}).size() == 1);
}

inline void a_unit_that_disagrees_with_itself_is_refused(Store& store) {
  const auto broken = [&store](const std::function<void(AcceptUnit&)>& breaks) {
    AcceptUnit unit = accept_unit({.orders = 2});
    breaks(unit);
    CHECK(thrown(store, [&] { store.accept(unit); }) == ErrorCode::kInternal);
  };
  broken([](AcceptUnit& unit) { unit.orders.clear(); });
  broken([](AcceptUnit& unit) { unit.orders[1].portfolio_id = 2; });
  broken([](AcceptUnit& unit) { unit.orders[1].tenant = "other"; });
  broken([](AcceptUnit& unit) { unit.orders[1].created_at += std::chrono::microseconds(1); });
  broken([](AcceptUnit& unit) { unit.orders[1].status = OrderStatus::kAcked; });
  broken([](AcceptUnit& unit) { unit.orders[1].fill_qty = Quantity::from_int(1); });
  broken([](AcceptUnit& unit) { unit.orders[1].parked = true; });
  broken([](AcceptUnit& unit) { unit.batch.idempotency_key = "another"; });
  broken([](AcceptUnit& unit) {
    unit.compose = [compose = unit.compose](AcceptUnit& with_ids) {
      compose(with_ids);
      with_ids.events.at(0).batch_id += 1;
    };
  });
}

inline void racing_twins_make_one_batch(Store& store) {
  std::atomic<int> accepted{0};
  std::vector<std::string> answers(8);
  at_once(8, [&](int i) {
    AcceptUnit unit = accept_unit({.key = "race", .orders = 2});
    const AcceptResult result = store.accept(unit);
    accepted += result.status == Status::kAccepted ? 1 : 0;
    answers[static_cast<std::size_t>(i)] =
        result.existing ? result.existing->response : unit.idempotency.response;
  });
  CHECK(accepted == 1);
  CHECK(store.batches({}).size() == 1);
  CHECK(store.orders({}).size() == 2);
  CHECK(std::count(answers.begin(), answers.end(), answers[0]) == 8);
}

inline void margin_is_never_exceeded_by_racing_batches(Store& store) {
  std::atomic<int> accepted{0};
  std::atomic<int> exceeded{0};
  at_once(16, [&](int i) {
    for (int round = 0; round < 4; ++round) {
      Sample sample{.key = std::to_string(i) + "." + std::to_string(round), .margin = money("3")};
      sample.limits.margin_available = money("100");
      AcceptUnit unit = accept_unit(sample);
      const Status status = store.accept(unit).status;
      if (status == Status::kAccepted) ++accepted;
      if (store.usage_of(1).margin_reserved > money("100")) ++exceeded;
    }
  });
  CHECK(exceeded == 0);
  CHECK(accepted == 33);
  CHECK(store.usage_of(1).margin_reserved == money("99"));
}

// --- claim ----------------------------------------------------------------------------------------

inline ClaimRequest claim_request(Store& store) {
  return {.owner = store.owner(), .now = kNow, .lease_until = kNow + std::chrono::seconds(30)};
}

inline void claim_takes_the_oldest_up_to_the_limit(Store& store) {
  const auto orders = place(store, {.orders = 3});
  ClaimRequest request = claim_request(store);
  request.limit = 2;
  const auto claimed = store.claim(request);
  REQUIRE(claimed.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    Order expected = orders[i];
    expected.status = OrderStatus::kSubmitting;
    expected.attempt = 1;
    expected.lease_epoch = 1;
    expected.lease_owner = store.owner();
    expected.lease_until = request.lease_until;
    expected.submitted_at = request.now;
    expected.version = 2;
    CHECK(text_of(claimed[i]) == text_of(expected));
    CHECK(text_of(order_of(store, orders[i].id)) == text_of(expected));
  }
  const auto last = store.claim(request);
  CHECK(text_of_all(last) == text_of(order_of(store, orders[2].id)));
  CHECK(store.claim(request).empty());
}

inline void claim_counts_attempts_and_epochs(Store& store) {
  const auto order = place(store, {}).at(0);
  Order claimed = store.claim(claim_request(store)).at(0);
  ChangeUnit release;
  release.orders = {changed(claimed, OrderStatus::kPlaced)};
  REQUIRE(store.commit(release) == CommitStatus::kCommitted);
  claimed = store.claim(claim_request(store)).at(0);
  CHECK(claimed.attempt == 2);
  CHECK(claimed.lease_epoch == 2);
  CHECK(claimed.version == order.version + 3);
}

inline void claim_keeps_to_what_was_asked(Store& store) {
  const auto north = place(store, {.key = "n", .orders = 2});
  const auto south = place(store, {.key = "s", .orders = 2, .broker = "south"});
  const auto ids_claimed = [&store](const std::function<void(ClaimRequest&)>& narrow) {
    ClaimRequest request = claim_request(store);
    narrow(request);
    std::vector<OrderId> ids;
    for (const Order& order : store.claim(request)) ids.push_back(order.id);
    return ids;
  };
  CHECK(ids_claimed([](ClaimRequest& r) { r.brokers = {"east", "west"}; }).empty());
  CHECK(ids_claimed([](ClaimRequest& r) { r.batch_id = 999'999; }).empty());
  CHECK(ids_claimed([](ClaimRequest& r) { r.limit = 0; }).empty());
  CHECK(ids_claimed([&](ClaimRequest& r) { r.order_id = south[1].id; }) == std::vector{south[1].id});
  CHECK(ids_claimed([&](ClaimRequest& r) { r.batch_id = south[0].batch_id; }) == std::vector{south[0].id});
  CHECK(ids_claimed([&](ClaimRequest& r) { r.after_id = north[0].id; }) == std::vector{north[1].id});
  CHECK(ids_claimed([](ClaimRequest& r) { r.brokers = {"south", "north"}; }) == std::vector{north[0].id});
}

inline void claim_can_take_an_order_in_doubt(Store& store) {
  const auto orders = place(store, {.orders = 2});
  ChangeUnit doubt;
  for (const Order& order : store.claim(claim_request(store)))
    doubt.orders.push_back(changed(order, OrderStatus::kUnknown));
  REQUIRE(store.commit(doubt) == CommitStatus::kCommitted);
  CHECK(store.claim(claim_request(store)).empty());
  ClaimRequest request = claim_request(store);
  request.order_id = orders[1].id;
  request.from = OrderStatus::kUnknown;
  const auto claimed = store.claim(request);
  REQUIRE(claimed.size() == 1);
  CHECK(claimed[0].id == orders[1].id);
  CHECK(claimed[0].status == OrderStatus::kSubmitting);
  CHECK(claimed[0].lease_epoch == 2);
  CHECK(order_of(store, orders[0].id).status == OrderStatus::kUnknown);
}

inline void a_parked_order_is_not_claimed(Store& store) {
  place(store, {});
  const Order claimed = store.claim(claim_request(store)).at(0);
  ClaimRequest request = claim_request(store);
  request.order_id = claimed.id;
  request.from = OrderStatus::kUnknown;
  request.lease_epoch = claimed.lease_epoch;
  ChangeUnit unit;
  unit.orders = {changed(claimed, OrderStatus::kUnknown)};
  unit.orders[0].parked = true;
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  CHECK(store.claim(request).empty());
  Order free = changed(order_of(store, claimed.id), OrderStatus::kUnknown);
  free.parked = false;
  unit = {};
  unit.orders = {free};
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  CHECK(store.claim(request).size() == 1);
}

inline void stop_switches_keep_orders_from_being_claimed(Store& store) {
  place(store, {.key = "a", .portfolio_id = 2});
  place(store, {.key = "b", .broker = "south"});
  const auto free = place(store, {.key = "c"});
  store.put_halt(halt_of(ControlScope::kAll, ""));
  CHECK(store.claim(claim_request(store)).empty());
  CHECK(store.remove_halt(ControlScope::kAll, "", ""));
  store.put_halt(halt_of(ControlScope::kPortfolio, "2"));
  store.put_halt(halt_of(ControlScope::kBroker, "south"));
  ClaimRequest request = claim_request(store);
  request.limit = 1;  // what is stopped does not use up the limit
  const auto claimed = store.claim(request);
  REQUIRE(claimed.size() == 1);
  CHECK(claimed[0].id == free[0].id);
  CHECK(store.claim(claim_request(store)).empty());
  CHECK(store.remove_halt(ControlScope::kPortfolio, "2", ""));
  CHECK(store.claim(claim_request(store)).size() == 1);
}

inline void an_order_is_claimed_by_one_of_many(Store& store) {
  const auto orders = place(store, {.orders = 40});
  std::vector<std::vector<Order>> claimed(8);
  at_once(8, [&](int i) {
    ClaimRequest request = claim_request(store);
    request.limit = 3;
    for (;;) {
      const auto page = store.claim(request);
      if (page.empty()) return;
      auto& mine = claimed[static_cast<std::size_t>(i)];
      mine.insert(mine.end(), page.begin(), page.end());
    }
  });
  std::vector<OrderId> ids;
  for (const auto& mine : claimed) {
    for (const Order& order : mine) ids.push_back(order.id);
  }
  std::sort(ids.begin(), ids.end());
  CHECK(ids.size() == 40);
  CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
}

}  // namespace orchestrator::testing::store
