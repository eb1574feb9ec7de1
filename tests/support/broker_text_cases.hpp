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

inline void an_order_under_an_id_that_is_no_text_is_in_doubt_and_sent_once(Desk& desk) {
  for (const std::string& tail : {std::string("\xff"), std::string("a\0b", 3), std::string("\xed\xa0\x80")}) {
    desk.broker->id_tail = tail;
    const Order order = desk.place_one();
    CHECK(order.status == OrderStatus::kUnknown);
    for (int round = 0; round < 3; ++round) {
      desk.clock->advance(std::chrono::minutes(5));
      desk.oms->recover();
    }
    CHECK(desk.at(order.id).status == OrderStatus::kUnknown);
    desk.broker->held[order.client_order_id].ext_order_id = "X" + order.client_order_id;
    desk.clock->advance(std::chrono::minutes(5));
    desk.oms->recover();
    CHECK(desk.at(order.id).status == OrderStatus::kAcked);
    CHECK(desk.broker->sends[order.client_order_id] == 1);
  }
}

inline void words_that_are_no_text_end_no_answer(Desk& desk) {
  const std::string words("no \xff\0!", 6);
  const std::string spelled = "no \\xff\\x00!";
  desk.broker->refusal = words;
  desk.broker->fates = {Fate::kReject, Fate::kAccept};
  const auto legs = desk.oms->place(Desk::batch({Desk::buy(), Desk::buy()})).orders;
  CHECK(desk.at(legs[0].id).status == OrderStatus::kRejected);
  CHECK(desk.at(legs[0].id).reason == spelled);
  CHECK(desk.at(legs[1].id).status == OrderStatus::kAcked);
  CHECK(desk.broker->sends[desk.at(legs[0].id).client_order_id] == 1);

  desk.broker->cancel_answer = SendResult{SendOutcome::kRejected, "", words};
  desk.broker->replace_answer = desk.broker->cancel_answer;
  const auto told = [&] {
    const auto events = desk.oms->events({.order_id = legs[1].id});
    return events.back().data.find(R"(no \\xff\\x00!)") != std::string::npos;
  };
  CHECK(desk.oms->replace(legs[1].id, Quantity::from_int(50), std::nullopt).status == OrderStatus::kAcked);
  CHECK(told());
  CHECK(desk.oms->cancel(legs[1].id).status == OrderStatus::kAcked);
  CHECK(told());

  desk.broker->thrown = "\xff\xfe";
  desk.broker->fates = {Fate::kThrow};
  const Order in_doubt = desk.place_one();
  CHECK(in_doubt.status == OrderStatus::kUnknown);
  CHECK(in_doubt.reason.find("\\xff\\xfe") != std::string::npos);
}

inline void fills_under_ids_that_are_no_text_are_booked_once(Desk& desk) {
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
}

// However short an id looks that is made of the insides of characters alone, it was too long.
inline void an_endless_id_that_is_no_text_is_never_booked(Desk& desk) {
  const Order order = desk.place_one();
  desk.broker->news.push_back(desk.broker->trade(order.client_order_id, std::string(300, '\x80'),
                                                 Quantity::from_int(10), Price::from_int(10)));
  for (int round = 0; round < 3; ++round) {
    desk.clock->advance(std::chrono::minutes(5));
    desk.oms->poll();
  }
  CHECK(desk.at(order.id).fill_qty == Quantity());
  CHECK(desk.store->inbox("scripted").size() == 1);
}

inline void an_account_that_cannot_be_kept_keeps_no_later_news_waiting(Desk& desk) {
  const Order order = desk.place_one();
  for (const std::string& account : {endless('1'), endless('2'), std::string("\xff"), std::string("A1")}) {
    BrokerReport fill =
        desk.broker->trade(order.client_order_id, "e1", Quantity::from_int(10), Price::from_int(10));
    fill.account = account;
    desk.broker->news.push_back(fill);
  }
  desk.oms->poll();
  CHECK(desk.at(order.id).fill_qty == Quantity::from_int(10));
  const auto waiting = desk.store->inbox("scripted");
  REQUIRE(waiting.size() == 3);
  for (const InboxReport& one : waiting) CHECK(one.report.account.size() < 2 * kBrokerIdMax);
}

inline void a_cursor_that_cannot_be_kept_is_no_answer(Desk& desk) {
  const Order order = desk.place_one();
  desk.broker->news.push_back(
      desk.broker->trade(order.client_order_id, "e1", Quantity::from_int(10), Price::from_int(10)));
  for (const std::string& tail : {std::string("\xff"), std::string("a\0b", 3), endless('1')}) {
    desk.broker->cursor_tail = tail;
    desk.oms->poll();
    CHECK(desk.store->cursor("scripted", "A1").empty());
    CHECK(desk.at(order.id).fill_qty == Quantity());
  }
  desk.broker->cursor_tail.clear();
  desk.oms->poll();
  CHECK(desk.at(order.id).fill_qty == Quantity::from_int(10));
  CHECK(desk.store->cursor("scripted", "A1") == "1");
}

inline void orders_of_others_under_endless_ids_leave_the_book_readable(Desk& desk) {
  const Order order = desk.place_one();
  BrokerOrder other = desk.broker->held[order.client_order_id];
  other.ext_order_id = endless('1');
  for (const std::string& id :
       {std::string("theirs"), endless('2'), "oo" + endless('3'), std::string("\xff")}) {
    other.client_order_id = id;
    desk.broker->held[id] = other;
  }
  CHECK(desk.oms->audit({.brokers = true}).clean());
  BrokerOrder& ours = desk.broker->held[order.client_order_id];
  ours.status = OrderStatus::kCancelled;
  desk.oms->recover();
  CHECK(desk.at(order.id).status == OrderStatus::kCancelled);
  // Of what may be ours nothing is passed over.
  for (const std::string& id : {std::string(), order.client_order_id}) {
    desk.broker->held["another"] = other;
    desk.broker->held["another"].client_order_id = id;
    CHECK(code_of([&] { static_cast<void>(desk.oms->broker_book("scripted")); }) ==
          ErrorCode::kBrokerInDoubt);
  }
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
        an_order_under_an_endless_id_is_in_doubt_and_sent_once, an_endless_tenant_is_refused,
        an_order_under_an_id_that_is_no_text_is_in_doubt_and_sent_once, words_that_are_no_text_end_no_answer,
        fills_under_ids_that_are_no_text_are_booked_once, an_endless_id_that_is_no_text_is_never_booked,
        an_account_that_cannot_be_kept_keeps_no_later_news_waiting, a_cursor_that_cannot_be_kept_is_no_answer,
        orders_of_others_under_endless_ids_leave_the_book_readable}) {
    Desk desk(BrokerClass::kEnforced, {}, nullptr, make());
    one(desk);
  }
}

}  // namespace orchestrator::testing
