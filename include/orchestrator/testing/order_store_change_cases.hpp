// The order store's contract, second part: commit, events, inbox, keys. Included by order_store_contract.hpp.
#pragma once

#include "orchestrator/testing/order_store_unit_cases.hpp"

namespace orchestrator::testing::store {

// --- commit ---------------------------------------------------------------------------------------

inline void commit_writes_all_that_may_change_of_an_order(Store& store) {
  const Order before = place(store, {}).at(0);
  const Order wanted = changed_everywhere(before);
  Order given = wanted;
  // What acceptance fixed stays, whatever the unit says.
  given.batch_id = 12345;
  given.leg = 9;
  given.tenant = given.broker = given.client_order_id = given.symbol = "other";
  given.portfolio_id = given.instrument_id = given.multiplier = 4711;
  given.side = Side::kSell;
  given.order_type = OrderType::kMarket;
  given.time_in_force = TimeInForce::kIoc;
  given.created_at += std::chrono::hours(1);
  ChangeUnit unit;
  unit.orders = {given};
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  CHECK(text_of(order_of(store, before.id)) == text_of(wanted));
  CHECK(store.orders({.client_order_id = before.client_order_id}).size() == 1);

  // And back, to what is absent and empty.
  Order cleared = before;
  cleared.lease_epoch = wanted.lease_epoch;
  cleared.version = wanted.version + 1;
  unit.orders = {cleared};
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  CHECK(text_of(order_of(store, before.id)) == text_of(cleared));
}

// The commonest change: a store may write it by a shorter way.
inline void check_acknowledgement(Store& store, const Sample& sample, bool index_ext_order_ids) {
  Order wanted = place(store, sample).at(0);
  wanted.ext_order_id = "X-" + sample.key;
  wanted.status = OrderStatus::kAcked;
  wanted.qty += Quantity::from_int(1);
  wanted.price_limit = Price::from_string("7.25");
  wanted.stop_price = Price::from_string("7.5");
  wanted.margin_reserved = money("3.000000000000000001");
  wanted.reason = "as told";
  wanted.attempt = 2;
  wanted.lease_epoch += 3;
  wanted.lease_owner = 9;
  wanted.lease_until = kNow + std::chrono::seconds(4);
  wanted.submitted_at = kNow + std::chrono::seconds(5);
  wanted.acked_at = kNow + std::chrono::seconds(6);
  wanted.event_seq = 7;
  ++wanted.version;
  ChangeUnit unit;
  unit.orders = {wanted};
  unit.index_ext_order_ids = index_ext_order_ids;
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  CHECK(text_of(order_of(store, wanted.id)) == text_of(wanted));
  CHECK(store.orders({.broker = wanted.broker, .ext_order_id = wanted.ext_order_id}).size() == 1);
  CHECK(store.commit(unit) == CommitStatus::kConflict);
}

inline void an_acknowledgement_writes_all_that_came_with_it(Store& store) {
  check_acknowledgement(store, {.key = "indexed"}, true);
  check_acknowledgement(store, {.key = "plain"}, false);
}

inline void a_commit_tells_whether_reports_wait(Store& store) {
  ChangeUnit quiet;
  quiet.cursor = BrokerCursor{"north", "A1", "c1"};
  REQUIRE(store.commit(quiet) == CommitStatus::kCommitted);
  CHECK_FALSE(quiet.inbox_waiting);
  ChangeUnit adds;
  adds.inbox_add.emplace_back().report.broker = "north";
  REQUIRE(store.commit(adds) == CommitStatus::kCommitted);
  CHECK(adds.inbox_waiting);
  REQUIRE(store.commit(quiet) == CommitStatus::kCommitted);
  CHECK(quiet.inbox_waiting);
  ChangeUnit removes;
  removes.inbox_remove = {store.inbox("north").at(0).id};
  REQUIRE(store.commit(removes) == CommitStatus::kCommitted);
  CHECK_FALSE(removes.inbox_waiting);
}

// Whether its id is indexed, or once was.
inline void an_order_is_found_by_the_brokers_latest_id(Store& store) {
  const auto orders = place(store, {.orders = 2});
  int steps = 0;
  const auto found = [&store](const char* ext_order_id) {
    std::vector<OrderId> ids;
    for (const Order& order : store.orders({.ext_order_id = ext_order_id})) ids.push_back(order.id);
    return ids;
  };
  Order first = orders[0];
  for (const char* ext_order_id : {"X1", "X1", "X2", "X1", "X1", "X2", "", "X2", ""}) {
    first.ext_order_id = ext_order_id;
    first = changed(first, OrderStatus::kAcked);
    ChangeUnit unit;
    unit.orders = {first};
    unit.index_ext_order_ids = ++steps % 3 != 0;
    REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
    CHECK(found("X1") ==
          (std::string("X1") == ext_order_id ? std::vector{first.id} : std::vector<OrderId>{}));
    CHECK(found("X2") ==
          (std::string("X2") == ext_order_id ? std::vector{first.id} : std::vector<OrderId>{}));
  }
  CHECK(found("") == std::vector{first.id, orders[1].id});
  // Brokers may use an id again.
  ChangeUnit both;
  both.orders = {changed(first, OrderStatus::kFilled), changed(orders[1], OrderStatus::kFilled)};
  both.orders[0].ext_order_id = both.orders[1].ext_order_id = "X3";
  REQUIRE(store.commit(both) == CommitStatus::kCommitted);
  CHECK(found("X3") == std::vector{first.id, orders[1].id});
  ChangeUnit newer;
  newer.orders = {place(store, {.key = "newer"}).at(0)};
  newer.orders[0].ext_order_id = "X3";
  ++newer.orders[0].version;
  newer.index_ext_order_ids = false;
  REQUIRE(store.commit(newer) == CommitStatus::kCommitted);
  CHECK(found("X3") == std::vector{first.id, orders[1].id, newer.orders[0].id});
  const auto newest = store.orders({.ext_order_id = "X3", .newest_first = true, .limit = 1});
  REQUIRE(newest.size() == 1);
  CHECK(newest[0].id == newer.orders[0].id);
}

// Commits a unit that must conflict and must leave no trace.
inline void check_conflict(Store& store, ChangeUnit unit) {
  const std::string before = contents(store);
  CHECK(store.commit(unit) == CommitStatus::kConflict);
  CHECK(contents(store) == before);
}

inline void commit_conflicts_by_version_and_epoch(Store& store) {
  place(store, {.orders = 2});
  const auto orders = store.claim(claim_request(store));
  const auto unit_of = [](const Order& order) {
    ChangeUnit unit;
    unit.orders = {order};
    return unit;
  };
  Order stale = changed(orders[0], OrderStatus::kAcked);
  --stale.version;
  check_conflict(store, unit_of(stale));
  stale.version += 2;
  check_conflict(store, unit_of(stale));
  Order fenced = changed(orders[0], OrderStatus::kAcked);
  --fenced.lease_epoch;
  check_conflict(store, unit_of(fenced));
  Order missing = changed(orders[0], OrderStatus::kAcked);
  missing.id = 999'999;
  check_conflict(store, unit_of(missing));

  ChangeUnit same_epoch = unit_of(changed(orders[0], OrderStatus::kAcked));
  CHECK(store.commit(same_epoch) == CommitStatus::kCommitted);
  check_conflict(store, same_epoch);
  ChangeUnit later_epoch = unit_of(changed(orders[1], OrderStatus::kAcked));
  ++later_epoch.orders[0].lease_epoch;
  CHECK(store.commit(later_epoch) == CommitStatus::kCommitted);
}

inline void commit_conflicts_by_batch_version(Store& store) {
  place(store, {.orders = 2});
  OrderBatch batch = store.batches({}).at(0);
  ChangeUnit unit;
  unit.batches = {batch};
  check_conflict(store, unit);
  batch.open_orders = 0;
  batch.filled_orders = 1;
  batch.executed_orders = 1;
  batch.event_seq = 5;
  ++batch.version;
  unit.batches = {batch};
  unit.batches[0].orders_json = "other";
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  batch.status = BatchStatus::kPartiallyCompleted;
  CHECK(text_of(store.batches({}).at(0)) == text_of(batch));
  check_conflict(store, unit);
}

inline void an_execution_takes_effect_once(Store& store) {
  const auto orders = place(store, {.orders = 2});
  ChangeUnit unit;
  unit.executions = {execution_of(orders[1], "e1"), execution_of(orders[0], "e2"),
                     execution_of(orders[1], "e0")};
  unit.executions[2].kind = ExecutionKind::kBust;
  unit.executions[2].ref_execution_id = "e1";
  unit.executions[2].fees = money("-1.25");
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  const std::vector<OrderId> both = {orders[0].id, orders[1].id, orders[0].id, 999'999};
  CHECK(text_of_all(store.executions(both)) == text_of_all(unit.executions));  // as recorded
  CHECK(store.executions({}).empty());

  for (const char* known : {"e0", "e1"}) {
    ChangeUnit again;
    again.executions = {execution_of(orders[0], "new"), execution_of(orders[0], known)};
    check_conflict(store, again);
  }
  ChangeUnit twice;
  twice.executions = {execution_of(orders[0], "new"), execution_of(orders[0], "new")};
  check_conflict(store, twice);
  ChangeUnit other_account;
  other_account.executions = {execution_of(orders[0], "e1", "A2"), execution_of(orders[0], "e1")};
  other_account.executions[1].broker = "south";
  CHECK(store.commit(other_account) == CommitStatus::kCommitted);
  CHECK(store.execution("north", "A1", "e1")->order_id == orders[1].id);
  CHECK(store.execution("north", "A2", "e1")->order_id == orders[0].id);
  CHECK_FALSE(store.execution("north", "A1", "e3").has_value());

  ChangeUnit orphan;
  orphan.executions = {execution_of(orders[0], "e9")};
  orphan.executions[0].order_id = 999'999;
  CHECK(thrown(store, [&] { store.commit(orphan); }) == ErrorCode::kInternal);
}

// Everything a unit can write.
inline ChangeUnit full_unit(const Order& order, const OrderBatch& batch) {
  ChangeUnit unit;
  unit.orders = {changed(order, OrderStatus::kAcked)};
  unit.batches = {batch};
  ++unit.batches[0].version;
  unit.executions = {execution_of(order, "e1")};
  unit.margins = {{order.portfolio_id, money("2.5"), money("100")}};
  unit.events = {event_of(order, "acked"), event_of(order, "filled")};
  InboxReport report;
  report.report.broker = order.broker;
  report.report.ext_order_id = "X9";
  unit.inbox_add = {report};
  unit.cursor = BrokerCursor{order.broker, "A1", "c2"};
  return unit;
}

inline void a_unit_is_written_whole_or_not_at_all(Store& store) {
  const auto orders = place(store, {.orders = 2, .margin = money("1")});
  const OrderBatch batch = store.batches({}).at(0);
  const auto refused_with = [&](CommitStatus status, const std::function<void(ChangeUnit&)>& breaks) {
    ChangeUnit unit = full_unit(orders[0], batch);
    breaks(unit);
    const std::string before = contents(store);
    CHECK(store.commit(unit) == status);
    CHECK(contents(store) == before);
  };
  refused_with(CommitStatus::kConflict, [&](ChangeUnit& unit) { unit.orders.push_back(orders[1]); });
  refused_with(CommitStatus::kConflict, [&](ChangeUnit& unit) { unit.batches.push_back(batch); });
  refused_with(CommitStatus::kConflict,
               [](ChangeUnit& unit) { unit.executions.push_back(unit.executions[0]); });
  refused_with(CommitStatus::kLimit, [](ChangeUnit& unit) {
    unit.margins.push_back({2, money("1"), money("0.5")});
  });
  ChangeUnit below_zero = full_unit(orders[0], batch);
  below_zero.margins.push_back({2, money("-1"), {}});
  CHECK(thrown(store, [&] { store.commit(below_zero); }) == ErrorCode::kInternal);
  ChangeUnit no_batch = full_unit(orders[0], batch);
  no_batch.events[1].batch_id = 999'999;
  CHECK(thrown(store, [&] { store.commit(no_batch); }) == ErrorCode::kInternal);

  ChangeUnit good = full_unit(orders[0], batch);
  REQUIRE(store.commit(good) == CommitStatus::kCommitted);
  CHECK(order_of(store, orders[0].id).status == OrderStatus::kAcked);
  CHECK(store.batches({}).at(0).version == batch.version + 1);
  CHECK(store.execution("north", "A1", "e1").has_value());
  CHECK(store.usage_of(1).margin_reserved == money("3.5"));
  CHECK(store.events({.order_id = orders[0].id}).size() == 3);
  CHECK(store.inbox("north").size() == 1);
  CHECK(store.cursor("north", "A1") == "c2");
}

inline void margin_is_taken_and_given_back(Store& store) {
  place(store, {.margin = money("10")});
  const auto change = [&store](PortfolioId id, const char* delta, std::optional<Money> available = {}) {
    ChangeUnit unit;
    unit.margins = {{id, money(delta), available}};
    return store.commit(unit);
  };
  CHECK(change(1, "-4.5") == CommitStatus::kCommitted);
  CHECK(store.usage_of(1).margin_reserved == money("5.5"));
  CHECK(change(1, "4.5", money("10")) == CommitStatus::kCommitted);
  CHECK(change(1, "0.000000000000000001", money("10")) == CommitStatus::kLimit);
  CHECK(change(1, "1") == CommitStatus::kCommitted);
  CHECK(change(1, "-1", money("5")) == CommitStatus::kCommitted);  // giving back is never refused
  CHECK(store.usage_of(1).margin_reserved == money("10"));
  CHECK(thrown(store, [&] { change(1, "-10.000000000000000001"); }) == ErrorCode::kInternal);
  CHECK(thrown(store, [&] { change(2, "-1"); }) == ErrorCode::kInternal);
  CHECK(change(1, "-10") == CommitStatus::kCommitted);
  CHECK(change(3, "2", money("2")) == CommitStatus::kCommitted);
  CHECK(store.usage_of(3).margin_reserved == money("2"));
}

inline void racing_changes_of_one_order_follow_each_other(Store& store) {
  const OrderId id = place(store, {}).at(0).id;
  std::atomic<int> committed{0};
  at_once(8, [&](int i) {
    for (int round = 0; round < 10; ++round) {
      ChangeUnit unit;
      unit.orders = {changed(order_of(store, id), OrderStatus::kAcked)};
      unit.events = {event_of(unit.orders[0], std::to_string(i))};
      if (store.commit(unit) == CommitStatus::kCommitted) ++committed;
    }
  });
  CHECK(committed >= 10);
  CHECK(order_of(store, id).version == 1 + committed);
  CHECK(store.events({.order_id = id, .limit = kAll}).size() == static_cast<std::size_t>(committed) + 1);
}

// Conflicting, throwing and good units of many callers at the same time.
inline void a_refused_unit_affects_no_other(Store& store) {
  place(store, {.key = "taken"});
  std::atomic<int> good{0};
  std::atomic<int> wrong{0};
  at_once(12, [&](int i) {
    for (int round = 0; round < 6; ++round) {
      const std::string key = std::to_string(i) + "." + std::to_string(round);
      AcceptUnit unit = accept_unit({.key = key, .orders = 3, .margin = money("1")});
      if (i % 3 == 1) unit.orders[2].client_order_id = "default/taken/0";  // found after the first write
      int composed = 0;
      unit.compose = [&composed, i, compose = unit.compose](AcceptUnit& with_ids) {
        ++composed;
        if (i % 3 == 2) throw Error(ErrorCode::kNumberOverflow, "no receipt");
        compose(with_ids);
      };
      try {
        const Status status = store.accept(unit).status;
        if (status == Status::kAccepted) ++good;
        if ((i % 3 == 0) != (status == Status::kAccepted) || i % 3 == 2) ++wrong;
      } catch (const Error&) {
        if (i % 3 != 2) ++wrong;
      }
      if (composed == 0) ++wrong;
    }
  });
  CHECK(wrong == 0);
  CHECK(good == 24);
  CHECK(store.batches({}).size() == 25);
  CHECK(store.orders({}).size() == 1 + 24 * 3);
  CHECK(store.events({}).size() == 25);
  CHECK(store.usage_of(1).margin_reserved == money("24"));
  for (const OrderBatch& batch : store.batches({})) {
    // The receipt names the ids that were stored.
    const auto record = store.idempotency({"default", "place", batch.idempotency_key});
    std::string expected = "batch " + std::to_string(batch.id) + " orders";
    for (const Order& order : store.orders({.batch_id = batch.id}))
      expected += " " + std::to_string(order.id);
    REQUIRE(record.has_value());
    CHECK(record->response == expected);
  }
}

// --- events ---------------------------------------------------------------------------------------

inline void events_stay_in_the_log_and_leave_the_outbox(Store& store) {
  const auto orders = place(store, {.key = "a", .orders = 2});
  place(store, {.key = "b", .at = kNow + std::chrono::hours(1)});
  ChangeUnit unit;
  unit.events = {event_of(orders[0], "first order"), event_of(orders[1], "second order")};
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  const auto lines = [&store](const EventQuery& query) {
    std::vector<std::string> found;
    for (const EventRow& row : store.events(query)) found.push_back(row.lines.substr(0, 6));
    return found;
  };
  using Lines = std::vector<std::string>;
  const auto all = store.events({});
  REQUIRE(all.size() == 4);
  CHECK(std::is_sorted(all.begin(), all.end(),
                       [](const EventRow& a, const EventRow& b) { return a.id < b.id; }));
  CHECK(lines({.batch_id = orders[0].batch_id}) == Lines{"placed", "first ", "second"});
  CHECK(lines({.order_id = orders[1].id}) == Lines{"placed", "second"});
  CHECK(lines({.order_id = 999'999}).empty());
  CHECK(lines({.batch_id = 999'999}).empty());
  CHECK(lines({.after_id = all[1].id, .limit = 1}) == Lines{"first "});
  CHECK(lines({.limit = 0}).empty());

  OutboxStatus outbox = store.outbox();
  CHECK(outbox.rows == 4);
  CHECK(outbox.oldest == kNow);
  const std::vector<EventRowKey> delivered = {key_of(all[2]), key_of(all[0]), {999'999, 1, kNow}};
  store.mark_published(delivered);
  CHECK(lines({.unpublished = true}) == Lines{"placed", "second"});
  CHECK(lines({.order_id = orders[1].id, .unpublished = true}) == Lines{"second"});
  CHECK(lines({.batch_id = orders[0].batch_id, .unpublished = true, .after_id = all[3].id}).empty());
  CHECK(lines({}).size() == 4);
  outbox = store.outbox();
  CHECK(outbox.rows == 2);
  CHECK(outbox.oldest == kNow + std::chrono::hours(1));
  store.mark_published(delivered);
  const std::vector<EventRowKey> rest = {key_of(all[1]), key_of(all[3])};
  store.mark_published(rest);
  store.mark_published({});
  CHECK(store.outbox().rows == 0);
  CHECK_FALSE(store.outbox().oldest.has_value());
}

// As after a failover that lost the row which was published.
inline void a_row_that_took_the_id_of_a_published_one_stays_in_the_outbox(Store& store) {
  place(store, {.key = "a"});
  place(store, {.key = "b"});
  const auto rows = store.events({.unpublished = true});
  REQUIRE(rows.size() == 2);
  const EventRowKey here = key_of(rows[0]);
  const std::vector<EventRowKey> delivered = {
      {here.id, here.batch_id + 1, here.at},
      {here.id, here.batch_id, here.at + std::chrono::microseconds(1)},
      key_of(rows[1])};
  store.mark_published(delivered);
  CHECK(store.outbox().rows == 1);
  CHECK(key_of(store.events({.unpublished = true}).at(0)) == here);
}

// --- inbox, cursors, keys -------------------------------------------------------------------------

inline void the_inbox_keeps_reports_until_they_are_removed(Store& store) {
  InboxReport full;
  full.received_at = kNow + std::chrono::seconds(9);
  full.report.kind = BrokerReport::Kind::kExecution;
  full.report.broker = "north";
  full.report.account = "A1";
  full.report.ext_order_id = "X1";
  full.report.client_order_id = "c1";
  full.report.execution.execution_id = "e1";
  full.report.execution.kind = ExecutionKind::kCorrect;
  full.report.execution.ref_execution_id = "e0";
  full.report.execution.qty = Quantity::from_string("0.25");
  full.report.execution.price = Price::from_string("10.5");
  full.report.execution.fees = money("0.000000000000000003");
  full.report.execution.executed_at = kNow + std::chrono::seconds(1);
  full.report.qty = Quantity::from_int(3);
  full.report.price_limit = Price::from_int(4);
  full.report.reason = "late";
  full.report.at = kNow + std::chrono::seconds(2);
  InboxReport sparse;
  sparse.report.kind = BrokerReport::Kind::kReplaceRefused;
  sparse.report.broker = "north";
  sparse.report.client_order_id = "c2";
  InboxReport other = sparse;
  other.report.broker = "south";
  ChangeUnit unit;
  unit.inbox_add = {full, sparse, other};
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  auto rows = store.inbox("north");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].id > 0);
  CHECK(rows[1].id > rows[0].id);
  full.id = rows[0].id;
  sparse.id = rows[1].id;
  CHECK(text_of(rows[0]) == text_of(full));
  CHECK(text_of(rows[1]) == text_of(sparse));
  CHECK(store.inbox("south").size() == 1);
  CHECK(store.inbox("east").empty());

  const std::int64_t last = store.inbox("south").at(0).id;
  ChangeUnit done;
  done.inbox_remove = {rows[0].id, last, 999'999};
  REQUIRE(store.commit(done) == CommitStatus::kCommitted);
  CHECK(text_of_all(store.inbox("north")) == text_of(sparse));
  CHECK(store.inbox("south").empty());
  ChangeUnit more;
  more.inbox_add = {other};
  REQUIRE(store.commit(more) == CommitStatus::kCommitted);
  CHECK(store.inbox("south").at(0).id > last);  // an id is never used again
}

inline void cursors_are_kept_per_broker_and_account(Store& store) {
  CHECK(store.cursor("north", "A1").empty());
  const auto put = [&store](const char* broker, const char* account, const char* cursor) {
    ChangeUnit unit;
    unit.cursor = BrokerCursor{broker, account, cursor};
    CHECK(store.commit(unit) == CommitStatus::kCommitted);
  };
  put("north", "A1", "1");
  put("north", "A2", "2");
  put("south", "A1", "3");
  put("north", "A1", "4");
  CHECK(store.cursor("north", "A1") == "4");
  CHECK(store.cursor("north", "A2") == "2");
  CHECK(store.cursor("south", "A1") == "3");
  CHECK(store.cursor("south", "A2").empty());
}

inline void expired_keys_leave_their_tombstones(Store& store) {
  place(store, {.key = "old"});
  place(store, {.key = "new", .at = kNow + std::chrono::microseconds(1)});
  const Timestamp expiry = store.idempotency({"default", "place", "old"})->expires_at;
  CHECK(store.expire_idempotency(expiry - std::chrono::microseconds(1)) == 0);
  CHECK(store.expire_idempotency(expiry) == 1);
  CHECK(store.expire_idempotency(expiry) == 0);
  const auto tombstone = store.idempotency({"default", "place", "old"});
  REQUIRE(tombstone.has_value());
  CHECK(tombstone->response.empty());
  CHECK(tombstone->batch_id > 0);
  CHECK(tombstone->expires_at == expiry);
  CHECK_FALSE(store.idempotency({"default", "place", "new"})->response.empty());
  AcceptResult result;
  CHECK(refused(store, accept_unit({.key = "old", .at = expiry}), &result) == Status::kKeyExists);
  CHECK(result.existing->response.empty());
  CHECK(store.expire_idempotency(expiry + std::chrono::days(1)) == 1);
  CHECK_FALSE(store.idempotency({"default", "place", "unused"}).has_value());
}

}  // namespace orchestrator::testing::store
