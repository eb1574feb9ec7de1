// What becomes of texts of a broker's that are longer than any that are taken; the same over every store.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "support/desk.hpp"

namespace orchestrator::testing {

inline std::string endless(char last) { return std::string(100'000, 'x') + last; }

// Three fills in one page, the second under an id that no store can look up.
inline void a_fill_under_an_endless_id_waits_for_a_person(Desk& desk) {
  const Order order = desk.place_one();
  for (const std::string& id : {std::string("e1"), endless('1'), endless('2'), std::string("e2")}) {
    desk.broker->news.push_back(
        desk.broker->trade(order.client_order_id, id, Quantity::from_int(10), Price::from_int(10)));
  }
  desk.oms->poll();
  CHECK(desk.at(order.id).fill_qty == Quantity::from_int(20));
  // Nothing of them is lost but the middle of their ids, and the two are told apart.
  desk.broker->news.push_back(desk.broker->news.at(1));
  desk.oms->poll();
  const auto waiting = desk.store->inbox("scripted");
  REQUIRE(waiting.size() == 2);
  for (const InboxReport& one : waiting) {
    CHECK(one.report.execution.execution_id.size() < 2 * kBrokerIdMax);
    CHECK(one.report.execution.execution_id.find("100001 bytes") != std::string::npos);
    CHECK(one.report.execution.qty == Quantity::from_int(10));
  }
  CHECK(desk.at(order.id).fill_qty == Quantity::from_int(20));
  CHECK(desk.place_one().status == OrderStatus::kAcked);  // nothing is latched
}

inline void an_endless_reason_is_kept_with_a_note(Desk& desk) {
  const Order order = desk.place_one();
  BrokerReport end = desk.broker->report(BrokerReport::Kind::kExpired, order.client_order_id);
  end.reason = std::string(kBrokerReasonMax - 101, 'x') + endless('\xA9').replace(0, 1, "\xC2\xA9");
  desk.broker->news.push_back(end);
  desk.oms->poll();
  const Order expired = desk.at(order.id);
  CHECK(expired.status == OrderStatus::kExpired);
  CHECK(expired.reason.size() <= kBrokerReasonMax);
  CHECK(expired.reason.starts_with("xxxx"));
  CHECK(expired.reason.find(std::to_string(end.reason.size()) + " bytes") != std::string::npos);
  CHECK(desk.store->inbox("scripted").empty());
}

inline void an_order_under_an_endless_id_is_in_doubt_and_sent_once(Desk& desk) {
  desk.broker->id_tail = endless('1');
  const Order order = desk.place_one();
  CHECK(order.status == OrderStatus::kUnknown);
  for (int round = 0; round < 3; ++round) {
    desk.clock->advance(std::chrono::minutes(5));
    desk.oms->recover();
  }
  CHECK(desk.at(order.id).status == OrderStatus::kUnknown);
  CHECK(desk.broker->sends[order.client_order_id] == 1);
  desk.broker->id_tail.clear();
  desk.broker->held[order.client_order_id].ext_order_id = "X1";  // the broker mends it
  desk.clock->advance(std::chrono::minutes(5));
  desk.oms->recover();
  CHECK(desk.at(order.id).status == OrderStatus::kAcked);
  CHECK(desk.broker->sends[order.client_order_id] == 1);
}

inline void an_endless_tenant_is_refused(Desk& desk) {
  BatchRequest request = Desk::batch({Desk::buy()}, "key");
  request.tenant = std::string(kTenantMax + 1, 't');
  CHECK(code_of([&] { desk.oms->place(request); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([&] { static_cast<void>(desk.oms->preview(request)); }) == ErrorCode::kInvalidArgument);
  CHECK(desk.oms->batches({}).empty());
  request.tenant.pop_back();
  CHECK(desk.oms->place(request).orders.size() == 1);
}

// `make` gives a new, empty store.
template <class Make>
void check_broker_texts(Make&& make) {
  using Case = void (*)(Desk&);
  for (const Case& one :
       {a_fill_under_an_endless_id_waits_for_a_person, an_endless_reason_is_kept_with_a_note,
        an_order_under_an_endless_id_is_in_doubt_and_sent_once, an_endless_tenant_is_refused}) {
    Desk desk(BrokerClass::kEnforced, {}, nullptr, make());
    one(desk);
  }
}

}  // namespace orchestrator::testing
