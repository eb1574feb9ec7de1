// The order store's contract, third part: queries and reference data. Included by order_store_contract.hpp.
#pragma once

#include <map>
#include <random>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "orchestrator/testing/order_store_unit_cases.hpp"

namespace orchestrator::testing::store {

// Of characters that no compression makes much shorter.
inline std::string text_of_length(std::size_t length) {
  std::mt19937_64 random(length);
  std::string text;
  while (text.size() < length) text += static_cast<char>('!' + random() % 94);
  return text;
}

inline void the_longest_texts_are_kept_and_found(Store& store) {
  const std::string id = text_of_length(kBrokerIdMax);
  const std::string tenant = text_of_length(kTenantMax);
  Order order = place(store, {.key = std::string(255, 'k'), .broker = "north", .tenant = tenant}).at(0);
  order.ext_order_id = id;
  order.reason = text_of_length(kBrokerReasonMax);
  order = changed(order, OrderStatus::kAcked);
  ChangeUnit unit;
  unit.orders = {order};
  unit.executions = {execution_of(order, id, id)};
  InboxReport& waiting = unit.inbox_add.emplace_back();  // longer ids as well: with a note
  waiting.report.broker = "north";
  waiting.report.ext_order_id = waiting.report.execution.execution_id = text_of_length(2 * kBrokerIdMax);
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  CHECK(text_of(order_of(store, order.id)) == text_of(order));
  CHECK(store.orders({.tenant = tenant}).size() == 1);
  CHECK(store.orders({.broker = "north", .ext_order_id = id}).size() == 1);
  CHECK(store.execution("north", id, id).has_value());
  CHECK(store.inbox("north").at(0).report.ext_order_id == waiting.report.ext_order_id);
}

// --- orders and batches against an oracle -----------------------------------------------------------

// Orders of several tenants, portfolios, brokers and instruments in all statuses, with a clock that jumps.
inline void populate(Store& store, std::mt19937_64& random) {
  const auto pick = [&random](int count) {
    return static_cast<int>(random() % static_cast<unsigned>(count));
  };
  for (int i = 0; i < 24; ++i) {
    const Sample sample{.key = "key" + std::to_string(i % 20),
                        .orders = 1 + pick(4),
                        .portfolio_id = 1 + pick(3),
                        .broker = pick(3) == 0 ? "south" : "north",
                        .tenant = i < 20 && pick(4) != 0 ? "default" : "tenant" + std::to_string(i),
                        .at = kNow + std::chrono::seconds(pick(20))};
    const auto orders = place(store, sample);
    ChangeUnit unit;
    unit.index_ext_order_ids = pick(2) == 0;
    for (const Order& order : orders) {
      Order next = changed(order, static_cast<OrderStatus>(pick(kOrderStatusCount)));
      if (pick(4) != 0) next.ext_order_id = "X" + std::to_string(pick(20));
      if (pick(2) == 0) next.lease_until = kNow + std::chrono::seconds(pick(20));
      next.lease_owner = store.owner();
      if (pick(3) != 0) unit.orders.push_back(next);
    }
    if (store.commit(unit) != CommitStatus::kCommitted) throw Error(ErrorCode::kInternal, "cannot populate");
  }
}

inline OrderQuery random_query(std::mt19937_64& random, const std::vector<Order>& all) {
  const auto pick = [&random](std::size_t count) { return static_cast<std::size_t>(random() % count); };
  const auto sometimes = [&] { return pick(6) == 0; };
  const auto order = [&]() -> const Order& { return all[pick(all.size())]; };
  OrderQuery query;
  if (sometimes()) query.tenant = order().tenant;
  if (pick(10) == 0) {
    for (std::size_t i = 0; i < 6; ++i) query.ids.push_back(pick(5) == 0 ? 999'999 : order().id);
  }
  if (pick(10) == 0) query.batch_id = order().batch_id;
  if (sometimes()) query.portfolio_id = order().portfolio_id;
  if (sometimes()) query.instrument_id = order().instrument_id;
  if (sometimes()) query.broker = order().broker;
  if (pick(3) == 0) {
    for (std::size_t i = 0; i <= pick(4); ++i)
      query.statuses.push_back(static_cast<OrderStatus>(pick(kOrderStatusCount)));
  }
  if (pick(15) == 0) query.client_order_id = order().client_order_id;
  if (pick(12) == 0) {
    for (std::size_t i = 0; i < 6; ++i)
      query.client_order_ids.push_back(pick(5) == 0 ? "nobody's" : order().client_order_id);
  }
  if (pick(6) == 0) query.ext_order_id = order().ext_order_id;
  if (sometimes()) query.created_from = kNow + std::chrono::seconds(pick(21));
  if (pick(12) == 0) query.abandoned_at = kNow + std::chrono::seconds(pick(21));
  query.newest_first = pick(2) == 0;
  if (pick(3) == 0) query.after_id = static_cast<OrderId>(pick(all.size() + 2));
  if (pick(3) == 0) query.before_id = static_cast<OrderId>(pick(all.size() + 2));
  query.limit = pick(3) == 0 ? pick(8) : kAll;
  return query;
}

template <class Value, class Wanted>
bool is_among(const std::vector<Wanted>& wanted, const Value& value) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}
template <class Value>
bool is_wanted(const std::optional<Value>& wanted, const Value& value) {
  return !wanted || *wanted == value;
}

inline bool matches(const Order& order, const OrderQuery& query) {
  const bool abandoned = order.status == OrderStatus::kSubmitting && order.lease_until &&
                         query.abandoned_at && *order.lease_until < *query.abandoned_at;
  const bool in_cursor =
      query.newest_first ? query.before_id == 0 || order.id < query.before_id : order.id > query.after_id;
  return in_cursor && is_wanted(query.tenant, order.tenant) && is_among(query.ids, order.id) &&
         is_wanted(query.batch_id, order.batch_id) && is_wanted(query.portfolio_id, order.portfolio_id) &&
         is_wanted(query.instrument_id, order.instrument_id) && is_wanted(query.broker, order.broker) &&
         is_among(query.statuses, order.status) && is_wanted(query.client_order_id, order.client_order_id) &&
         is_among(query.client_order_ids, order.client_order_id) &&
         is_wanted(query.ext_order_id, order.ext_order_id) &&
         (!query.created_from || order.created_at >= *query.created_from) &&
         (!query.abandoned_at || abandoned);
}

inline std::string text_of(const OrderQuery& q) {
  Text text;
  text.line("query", q.tenant, q.batch_id, q.portfolio_id, q.instrument_id, q.broker, q.client_order_id,
            q.ext_order_id, q.created_from, q.abandoned_at, q.after_id, q.before_id, q.newest_first, q.limit);
  for (const OrderId id : q.ids) text.line("id", id);
  for (const std::string& id : q.client_order_ids) text.line("client_order_id", id);
  for (const OrderStatus status : q.statuses) text.line("status", status);
  return text.str();
}

inline void every_combination_of_order_conditions_holds(Store& store) {
  constexpr std::uint64_t kSeed = 20260105;
  INFO("seed ", kSeed);
  std::mt19937_64 random(kSeed);
  populate(store, random);
  const auto all = store.orders({.limit = kAll});
  REQUIRE(all.size() >= 24);
  int found = 0;
  for (int i = 0; i < 1500; ++i) {
    const OrderQuery query = random_query(random, all);
    std::vector<Order> expected;
    std::copy_if(all.begin(), all.end(), std::back_inserter(expected),
                 [&](const Order& order) { return matches(order, query); });
    if (query.newest_first) std::reverse(expected.begin(), expected.end());
    if (expected.size() > query.limit) expected.resize(query.limit);
    found += static_cast<int>(expected.size());
    INFO(text_of(query));
    REQUIRE(text_of_all(store.orders(query)) == text_of_all(expected));
  }
  CHECK(found > 1000);  // the queries did ask for something
}

inline void orders_are_counted_by_broker_status_and_parked(Store& store) {
  constexpr std::uint64_t kSeed = 31;
  INFO("seed ", kSeed);
  std::mt19937_64 random(kSeed);
  CHECK(store.count_orders(std::vector{OrderStatus::kPlaced}).empty());
  populate(store, random);
  Order parked = changed(place(store, {.key = "parked"}).at(0), OrderStatus::kUnknown);
  parked.parked = true;
  parked.submitted_at = kNow - std::chrono::hours(1);
  ChangeUnit unit;
  unit.orders = {parked};
  REQUIRE(store.commit(unit) == CommitStatus::kCommitted);
  const auto all = store.orders({.limit = kAll});
  for (int i = 0; i < 50; ++i) {
    std::set<OrderStatus> wanted = {OrderStatus::kUnknown};
    while (random() % 3 != 0) wanted.insert(static_cast<OrderStatus>(random() % kOrderStatusCount));
    std::map<std::tuple<std::string, OrderStatus, bool>, std::pair<std::int64_t, Timestamp>> expected;
    for (const Order& order : all) {
      if (!wanted.contains(order.status)) continue;
      const Timestamp since = order.submitted_at.value_or(order.created_at);
      auto& [count, oldest] = expected[{order.broker, order.status, order.parked}];
      oldest = count++ == 0 ? since : std::min(oldest, since);
    }
    Text expected_text;
    for (const auto& [group, figures] : expected) {
      expected_text.line("count", std::get<0>(group), std::get<1>(group), std::get<2>(group), figures.first,
                         figures.second);
    }
    Text text;
    for (const OrderCount& count : store.count_orders(std::vector(wanted.begin(), wanted.end()))) {
      text.line("count", count.broker, count.status, count.parked, count.orders, count.oldest);
    }
    REQUIRE(text.str() == expected_text.str());
  }
  CHECK(store.count_orders({}).empty());
}

inline void every_combination_of_batch_conditions_holds(Store& store) {
  constexpr std::uint64_t kSeed = 8;
  INFO("seed ", kSeed);
  std::mt19937_64 random(kSeed);
  populate(store, random);
  const auto pick = [&random](std::size_t count) { return static_cast<std::size_t>(random() % count); };
  const auto all = store.batches({.limit = kAll});
  REQUIRE(all.size() == 24);
  for (int i = 0; i < 500; ++i) {
    const auto batch = [&]() -> const OrderBatch& { return all[pick(all.size())]; };
    BatchQuery query;
    if (pick(4) == 0) query.tenant = batch().tenant;
    if (pick(6) == 0) query.ids = {batch().id, batch().id, 999'999, batch().id};
    if (pick(4) == 0) query.portfolio_id = batch().portfolio_id;
    if (pick(4) == 0) query.status = batch().status;
    if (pick(4) == 0) query.idempotency_key = batch().idempotency_key;
    query.newest_first = pick(2) == 0;
    if (pick(3) == 0) query.after_id = static_cast<BatchId>(pick(26));
    if (pick(3) == 0) query.before_id = static_cast<BatchId>(pick(26));
    query.limit = pick(3) == 0 ? pick(4) : kAll;
    std::vector<OrderBatch> expected;
    std::copy_if(all.begin(), all.end(), std::back_inserter(expected), [&](const OrderBatch& row) {
      const bool in_cursor =
          query.newest_first ? query.before_id == 0 || row.id < query.before_id : row.id > query.after_id;
      return in_cursor && is_wanted(query.tenant, row.tenant) && is_among(query.ids, row.id) &&
             is_wanted(query.portfolio_id, row.portfolio_id) && is_wanted(query.status, row.status) &&
             is_wanted(query.idempotency_key, row.idempotency_key);
    });
    if (query.newest_first) std::reverse(expected.begin(), expected.end());
    if (expected.size() > query.limit) expected.resize(query.limit);
    REQUIRE(text_of_all(store.batches(query)) == text_of_all(expected));
  }
}

inline void a_batchs_status_follows_its_orders(Store& store) {
  const auto orders = place(store, {.orders = 2});
  const auto status = [&store] { return store.batches({}).at(0).status; };
  CHECK(status() == BatchStatus::kPending);
  ClaimRequest request = claim_request(store);
  request.order_id = orders[1].id;
  REQUIRE(store.claim(request).size() == 1);
  CHECK(status() == BatchStatus::kProcessing);
  CHECK(store.batches({.status = BatchStatus::kPending}).empty());
  CHECK(store.batches({.status = BatchStatus::kProcessing}).size() == 1);
  const auto end_with = [&](std::int32_t filled, std::int32_t executed, std::int32_t cancelled,
                            std::int32_t rejected) {
    ChangeUnit unit;
    unit.batches = store.batches({});
    OrderBatch& batch = unit.batches[0];
    batch.open_orders = 0;
    batch.filled_orders = filled;
    batch.executed_orders = executed;
    batch.cancelled_orders = cancelled;
    batch.rejected_orders = rejected;
    batch.status = BatchStatus::kPending;  // not believed
    ++batch.version;
    CHECK(store.commit(unit) == CommitStatus::kCommitted);
    return status();
  };
  CHECK(end_with(2, 0, 0, 0) == BatchStatus::kCompleted);
  CHECK(end_with(1, 0, 0, 1) == BatchStatus::kPartiallyCompleted);
  CHECK(end_with(0, 1, 1, 0) == BatchStatus::kPartiallyCompleted);
  CHECK(end_with(0, 0, 1, 1) == BatchStatus::kCancelled);
  CHECK(end_with(0, 0, 0, 2) == BatchStatus::kFailed);
  CHECK(store.batches({.status = BatchStatus::kFailed}).size() == 1);
  CHECK(store.batches({.status = BatchStatus::kCancelled}).empty());
}

inline void a_living_senders_order_is_abandoned_when_its_lease_is_over(Store& store) {
  place(store, {});
  const Order order = store.claim(claim_request(store)).at(0);
  CHECK(store.orders({.abandoned_at = kNow}).empty());
  CHECK(store.orders({.abandoned_at = *order.lease_until}).empty());
  CHECK(store.orders({.abandoned_at = *order.lease_until + std::chrono::microseconds(1)}).size() == 1);
  ChangeUnit answered;
  answered.orders = {changed(order, OrderStatus::kAcked)};
  REQUIRE(store.commit(answered) == CommitStatus::kCommitted);
  CHECK(store.orders({.abandoned_at = *order.lease_until + std::chrono::hours(1)}).empty());
}

inline void a_sender_keeps_its_identity(Store& store) {
  const std::int64_t owner = store.owner();
  CHECK(owner > 0);
  place(store, {});
  CHECK(store.owner() == owner);
}

// --- reference data -------------------------------------------------------------------------------

inline void instruments_are_kept_by_id(Store& store) {
  CHECK(store.instruments({}).empty());
  Instrument full;
  full.id = 7;
  full.symbol = "INFY \xE2\x82\xB9";
  full.exchange = "NSE";
  full.currency = "USD";
  full.lot_size = Quantity::from_int(25);
  full.tick_size = Price::from_string("0.05");
  full.price_band_low = Price::from_int(-1);
  full.price_band_high = Price::from_int(3000);
  full.last_price = Price::from_string("1500.05");
  full.freeze_quantity = Quantity::from_int(1800);
  full.multiplier = 50;
  Instrument plain;
  plain.id = 3;
  store.put_instruments(std::vector{full, plain});
  CHECK(store.instruments({}) == std::vector{plain, full});
  const std::vector<InstrumentId> asked = {7, 8};
  CHECK(store.instruments(asked) == std::vector{full});
  full.last_price.reset();
  full.symbol = "INFY";
  store.put_instruments(std::vector{full});
  CHECK(store.instruments(asked) == std::vector{full});
  CHECK(store.instruments({}).size() == 2);
}

inline void brokers_are_kept_by_name(Store& store) {
  const auto seeded = store.brokers();
  REQUIRE(seeded.size() == 2);
  for (const char* name : {"zerodha-mock", "alpaca-mock"}) {
    const auto row =
        std::find_if(seeded.begin(), seeded.end(), [&](const auto& b) { return b.broker_name == name; });
    REQUIRE(row != seeded.end());
    CHECK(row->active);
    CHECK(row->config_json == "{}");
    CHECK(row->id > 0);
  }
  store.put_broker(
      {.broker_name = "kite", .config_json = "{\"a\":1}", .created_at = kNow, .updated_at = kNow});
  const Timestamp later = kNow + std::chrono::hours(1);
  store.put_broker({.broker_name = "kite",
                    .config_json = "{}",
                    .active = false,
                    .created_at = later,
                    .updated_at = later});
  const auto brokers = store.brokers();
  REQUIRE(brokers.size() == 3);
  CHECK(brokers[2].broker_name == "kite");
  CHECK(brokers[2].config_json == "{}");
  CHECK_FALSE(brokers[2].active);
  CHECK(brokers[2].created_at == kNow);
  CHECK(brokers[2].updated_at == later);
}

inline void limits_apply_by_portfolio_with_defaults(Store& store) {
  CHECK(store.limits().empty());
  CHECK(store.limits_of(5) == PortfolioLimits{});
  PortfolioLimits own;
  own.portfolio_id = 5;
  own.margin_available = money("1000000.000000000000000001");
  own.margin_rate = Rate::from_string("0.2");
  own.max_quantity = Quantity::from_int(10);
  own.max_notional_order = money("1");
  own.max_notional_batch = money("2");
  own.max_notional_day = money("3");
  PortfolioLimits defaults;
  defaults.max_quantity = Quantity::from_int(1);
  store.put_limits(own);
  CHECK(store.limits_of(6) == PortfolioLimits{});
  store.put_limits(defaults);
  CHECK(store.limits_of(5) == own);
  CHECK(store.limits_of(6) == defaults);
  own.max_notional_day.reset();
  store.put_limits(own);
  CHECK(store.limits() == std::vector{defaults, own});

  const PortfolioUsage unused = store.usage_of(9);
  CHECK(unused.portfolio_id == 9);
  CHECK(unused.margin_reserved.is_zero());
  CHECK(unused.day_notional.is_zero());
}

inline void routing_rules_come_in_the_order_they_apply(Store& store) {
  RoutingRule late{.priority = 200, .targets = {{"north", 3}, {"south", 0}}};
  RoutingRule early{.priority = -1, .instrument_id = 7, .exchange = "NSE", .portfolio_id = 4};
  RoutingRule second{.priority = 200, .targets = {{"east", 1}}};
  late.id = store.add_routing_rule(late);
  early.id = store.add_routing_rule(early);
  second.id = store.add_routing_rule(second);
  CHECK(store.routing_rules() == std::vector{early, late, second});
  CHECK(store.remove_routing_rule(second.id));
  CHECK_FALSE(store.remove_routing_rule(second.id));
  CHECK(store.routing_rules() == std::vector{early, late});
  CHECK(store.add_routing_rule(second) > second.id);  // an id is never used again
}

inline void stop_switches_are_kept_by_scope_and_target(Store& store) {
  CHECK(store.halts().empty());
  const Halt all = halt_of(ControlScope::kAll, "", "fire");
  const Halt one = halt_of(ControlScope::kBroker, "1");
  const Halt other = halt_of(ControlScope::kPortfolio, "1");
  for (const Halt& halt : {one, all, other, one}) store.put_halt(halt);
  CHECK(store.halts().size() == 3);
  Halt again = one;
  again.reason = "still";
  again.since += std::chrono::seconds(1);
  store.put_halt(again);
  const auto halts = store.halts();
  CHECK(halts.size() == 3);
  CHECK(std::count(halts.begin(), halts.end(), again) == 1);
  CHECK(std::count(halts.begin(), halts.end(), all) == 1);
  CHECK(store.remove_halt(ControlScope::kBroker, "1", ""));
  CHECK_FALSE(store.remove_halt(ControlScope::kBroker, "1", ""));
  CHECK_FALSE(store.remove_halt(ControlScope::kAll, "1", ""));
  CHECK(store.halts().size() == 2);
}

inline void every_change_of_reference_data_makes_another_version(Store& store) {
  place(store, {});  // whatever a new store has to do before its first answer
  std::int64_t version = store.reference_version();
  CHECK(version != 0);
  const auto changes = [&](const std::function<void()>& change) {
    change();
    CHECK(store.reference_version() != 0);
    CHECK(store.reference_version() != version);
    version = store.reference_version();
  };
  const std::vector<Instrument> instruments{{.id = 7, .symbol = "SEVEN"}};
  std::int64_t rule = 0;
  changes([&] { store.put_instruments(instruments); });
  changes([&] { store.put_broker({.broker_name = "north"}); });
  changes([&] { store.put_limits({.portfolio_id = 1}); });
  changes([&] { rule = store.add_routing_rule({.targets = {{"north", 1}}}); });
  changes([&] { store.remove_routing_rule(rule); });
  changes([&] { store.put_halt(halt_of(ControlScope::kPortfolio, "5")); });
  changes([&] { store.remove_halt(ControlScope::kPortfolio, "5", ""); });
  changes([&] { store.put_holidays("NSE", std::vector{Date()}); });
  place(store, {.key = "another"});
  CHECK(store.reference_version() == version);
}

inline void holidays_add_up_per_calendar(Store& store) {
  const Date first = std::chrono::sys_days(std::chrono::year(2026) / 1 / 26);
  const Date second = first + std::chrono::days(10);
  store.put_holidays("NSE", std::vector{second});
  store.put_holidays("NSE", std::vector{second, first});
  store.put_holidays("NYSE", std::vector{second});
  CHECK(store.holidays("NSE") == std::vector{first, second});
  CHECK(store.holidays("NYSE") == std::vector{second});
  CHECK(store.holidays("LSE").empty());
}

}  // namespace orchestrator::testing::store
