// What the order store's contract works with: units of work, and a text of everything a store holds.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "orchestrator/order_store.hpp"

namespace orchestrator::testing::store {

inline constexpr Timestamp kNow = std::chrono::sys_days(std::chrono::year(2026) / 1 / 5) +
                                  std::chrono::hours(3) + std::chrono::microseconds(7);
inline constexpr std::size_t kAll = 1'000'000;

inline Money money(const char* text) { return Money::from_string(text); }

// --- units ----------------------------------------------------------------------------------------

struct Sample {
  std::string key = "key";
  int orders = 1;
  PortfolioId portfolio_id = 1;
  std::string broker = "north";
  std::string tenant = "default";
  Timestamp at = kNow;
  Money margin = {};
  Money notional = {};
  PortfolioLimits limits = {};
};

// A batch of placed orders with client order ids made of tenant and key, a receipt that names its ids and one
// event.
inline AcceptUnit accept_unit(const Sample& sample) {
  AcceptUnit unit;
  unit.idempotency.scope = {sample.tenant, "place", sample.key};
  unit.idempotency.fingerprint.fill(static_cast<std::byte>(sample.key.size()));
  unit.idempotency.created_at = sample.at;
  unit.idempotency.expires_at = sample.at + std::chrono::hours(24);
  unit.batch.tenant = sample.tenant;
  unit.batch.user_id = 77;
  unit.batch.portfolio_id = sample.portfolio_id;
  unit.batch.idempotency_key = sample.key;
  unit.batch.orders_json = R"([{"qty": "1"}])";
  unit.batch.created_at = sample.at;
  unit.batch.total_orders = sample.orders;
  unit.batch.open_orders = sample.orders;
  unit.batch.version = 1;
  unit.limits = sample.limits;
  unit.margin = sample.margin;
  unit.notional = sample.notional;
  unit.day = std::chrono::floor<std::chrono::days>(sample.at);
  for (int leg = 0; leg < sample.orders; ++leg) {
    Order order;
    order.leg = leg;
    order.tenant = sample.tenant;
    order.portfolio_id = sample.portfolio_id;
    order.broker = sample.broker;
    order.client_order_id = sample.tenant + "/" + sample.key + "/" + std::to_string(leg);
    order.instrument_id = 100 + leg;
    order.symbol = "SYM" + std::to_string(leg);
    order.qty = Quantity::from_int(leg + 1);
    order.price_limit = Price::from_string("2500.05");
    order.created_at = sample.at;
    order.version = 1;
    unit.orders.push_back(std::move(order));
  }
  unit.compose = [](AcceptUnit& with_ids) {
    std::string ids;
    for (const Order& order : with_ids.orders) ids += " " + std::to_string(order.id);
    with_ids.idempotency.batch_id = with_ids.batch.id;
    with_ids.idempotency.response = "batch " + std::to_string(with_ids.batch.id) + " orders" + ids;
    EventRow event;
    event.batch_id = with_ids.batch.id;
    event.at = with_ids.batch.created_at;
    event.lines = "placed" + ids;
    with_ids.events = {event};
  };
  return unit;
}

// Accepts it and returns the orders as stored.
inline std::vector<Order> place(Store& store, const Sample& sample) {
  AcceptUnit unit = accept_unit(sample);
  const AcceptResult result = store.accept(unit);
  if (result.status != AcceptResult::Status::kAccepted) {
    throw Error(ErrorCode::kInternal, "the sample '" + sample.key + "' was not accepted: " + result.detail);
  }
  return store.orders({.batch_id = unit.batch.id, .limit = kAll});
}

inline Order order_of(const Store& store, OrderId id) { return store.orders({.ids = {id}}).at(0); }

// The order with its next version.
inline Order changed(Order order, OrderStatus status) {
  order.status = status;
  ++order.version;
  return order;
}

// Every field that may change, changed to something that no other field has.
inline Order changed_everywhere(Order order) {
  order.ext_order_id = "X-\xE2\x82\xB9-'1'";
  order.status = OrderStatus::kReplacePending;
  order.qty = Quantity::from_string("9223372036.854775807");
  order.price_limit = Price::from_string("-0.000000001");
  order.stop_price = Price::from_string("2499.95");
  order.fill_qty = Quantity::from_string("3.5");
  order.fill_notional = money("85070591730234615.865843651857942052");
  order.fees = money("-0.000000000000000001");
  order.margin_reserved = money("12.5");
  order.reason = "because \"of\" \n\\ 'this'";
  order.ended_as = OrderStatus::kExpired;
  order.cancel_requested = true;
  order.pending_qty = Quantity::from_int(11);
  order.pending_price_limit = Price::from_int(12);
  order.replace_count = 13;
  order.overfilled = order.late_fill = order.busted = order.incident = true;
  order.parked = true;
  order.incident = true;
  order.attempt = 14;
  order.lease_epoch += 15;
  order.lease_owner = 16;
  std::int64_t minutes = 0;
  for (auto* at : {&order.lease_until, &order.submitted_at, &order.acked_at, &order.executed_at,
                   &order.ended_at, &order.settled_at}) {
    *at = kNow + std::chrono::minutes(++minutes);
  }
  ++order.version;
  order.event_seq = 17;
  return order;
}

inline Execution execution_of(const Order& order, const std::string& execution_id,
                              const std::string& account = "A1") {
  Execution execution;
  execution.broker = order.broker;
  execution.account = account;
  execution.execution_id = execution_id;
  execution.order_id = order.id;
  execution.qty = Quantity::from_string("0.5");
  execution.price = Price::from_string("2500.1");
  execution.fees = money("1.25");
  execution.executed_at = kNow + std::chrono::seconds(1);
  execution.recorded_at = kNow + std::chrono::seconds(2);
  return execution;
}

inline EventRow event_of(const Order& order, const std::string& lines) {
  return {.batch_id = order.batch_id, .order_id = order.id, .at = kNow, .lines = lines};
}

inline Halt halt_of(ControlScope scope, const std::string& target, const std::string& reason = "drill") {
  return {scope, target, reason, kNow};
}

// --- a text of everything -------------------------------------------------------------------------

class Text {
 public:
  template <class... Values>
  Text& line(const char* what, const Values&... values) {
    out_ << what;
    ((out_ << '|', put(values)), ...);
    out_ << '\n';
    return *this;
  }
  [[nodiscard]] std::string str() const { return out_.str(); }

 private:
  void put(const std::string& text) { out_ << text; }
  void put(Timestamp at) { out_ << at.time_since_epoch().count(); }
  void put(Date day) { out_ << day.time_since_epoch().count(); }
  void put(const Fingerprint& fingerprint) {
    for (const std::byte byte : fingerprint) out_ << static_cast<int>(byte) << '.';
  }
  template <class Tag, class Rep, int kDecimals>
  void put(const FixedPoint<Tag, Rep, kDecimals>& value) {
    out_ << value.to_string();
  }
  template <class Value>
  void put(const std::optional<Value>& value) {
    value ? put(*value) : static_cast<void>(out_ << "none");
  }
  template <class Value>
  requires(std::is_integral_v<Value> || std::is_enum_v<Value>) void put(Value value) {
    out_ << static_cast<std::int64_t>(value);
  }

  std::ostringstream out_;
};

inline std::string text_of(const Order& o) {
  return Text()
      .line("order", o.id, o.batch_id, o.leg, o.tenant, o.portfolio_id, o.broker, o.client_order_id,
            o.ext_order_id, o.instrument_id, o.symbol, o.side, o.order_type, o.time_in_force, o.qty,
            o.price_limit, o.stop_price, o.multiplier, o.status, o.fill_qty, o.fill_notional, o.fees,
            o.margin_reserved, o.reason, o.ended_as, o.cancel_requested, o.pending_qty, o.pending_price_limit,
            o.replace_count, o.overfilled, o.late_fill, o.busted, o.parked, o.incident, o.attempt,
            o.lease_epoch, o.lease_owner, o.lease_until, o.created_at, o.submitted_at, o.acked_at,
            o.executed_at, o.ended_at, o.settled_at, o.version, o.event_seq)
      .str();
}
inline std::string text_of(const OrderBatch& b) {
  return Text()
      .line("batch", b.id, b.tenant, b.user_id, b.portfolio_id, b.idempotency_key, b.orders_json, b.status,
            b.created_at, b.total_orders, b.open_orders, b.filled_orders, b.executed_orders,
            b.cancelled_orders, b.rejected_orders, b.version, b.event_seq)
      .str();
}
inline std::string text_of(const Execution& e) {
  return Text()
      .line("execution", e.broker, e.account, e.execution_id, e.order_id, e.kind, e.ref_execution_id, e.qty,
            e.price, e.fees, e.executed_at, e.recorded_at)
      .str();
}
inline std::string text_of(const IdempotencyRecord& r) {
  return Text()
      .line("key", r.scope.tenant, r.scope.operation, r.scope.key, r.fingerprint, r.batch_id, r.response,
            r.created_at, r.expires_at)
      .str();
}
inline std::string text_of(const EventRow& e) {
  return Text().line("event", e.id, e.batch_id, e.order_id, e.at, e.lines).str();
}
inline std::string text_of(const InboxReport& row) {
  const BrokerReport& r = row.report;
  const Execution& e = r.execution;
  return Text()
      .line("inbox", row.id, row.received_at, r.kind, r.broker, r.account, r.ext_order_id, r.client_order_id,
            e.execution_id, e.kind, e.ref_execution_id, e.qty, e.price, e.fees, e.executed_at, r.qty,
            r.price_limit, r.reason, r.at)
      .str();
}
inline std::string text_of(const PortfolioUsage& u) {
  return Text().line("usage", u.portfolio_id, u.margin_reserved, u.day, u.day_notional).str();
}

template <class Rows>
std::string text_of_all(const Rows& rows) {
  std::string text;
  for (const auto& row : rows) text += text_of(row);
  return text;
}

// Everything that units of work write, as one text: equal before and after means that nothing was written.
inline std::string contents(const Store& store) {
  const auto orders = store.orders({.limit = kAll});
  const auto batches = store.batches({.limit = kAll});
  std::string text = text_of_all(orders) + text_of_all(batches);
  std::vector<OrderId> ids;
  std::set<std::string> brokers;
  std::set<PortfolioId> portfolios = {1, 2, 3};
  for (const Order& order : orders) {
    ids.push_back(order.id);
    brokers.insert(order.broker);
    portfolios.insert(order.portfolio_id);
  }
  text += text_of_all(store.executions(ids));
  for (const OrderBatch& batch : batches) {
    const auto record = store.idempotency({batch.tenant, "place", batch.idempotency_key});
    if (record) text += text_of(*record);
  }
  text += text_of_all(store.events({.limit = kAll})) + "outbox\n";
  text += text_of_all(store.events({.unpublished = true, .limit = kAll}));
  for (const std::string& broker : brokers) {
    text += text_of_all(store.inbox(broker)) + "cursor " + store.cursor(broker, "A1") + "\n";
  }
  for (const PortfolioId id : portfolios) text += text_of(store.usage_of(id));
  return text;
}

}  // namespace orchestrator::testing::store
