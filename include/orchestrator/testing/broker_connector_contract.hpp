// The contract of BrokerConnector as doctest cases: run it against a connector of your own.
//
//   #include <doctest/doctest.h>
//   #include <orchestrator/testing/broker_connector_contract.hpp>
//
//   TEST_CASE("my connector keeps the contract") {
//     orchestrator::testing::broker_connector_contract([] { return make_my_connector(); });
//   }
//
// doctest 2.4 or later is needed, included first; the library itself does not use it. `make` gives a
// connector to an account that accepts `sample` and leaves it working: nothing executes by itself, and what a
// call brought about shows in the next one (test against a server that does not lag). Every call may give the
// same account again, even with orders from before. What a connector's capabilities say it cannot
// do is not asked of it, and what only a simulator can do (executions) is checked where there is one.
#pragma once

#ifndef DOCTEST_LIBRARY_INCLUDED
#error "include <doctest/doctest.h> before orchestrator/testing/broker_connector_contract.hpp"
#endif

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "orchestrator/broker_connector.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::testing {

using MakeConnector = std::function<std::unique_ptr<BrokerConnector>()>;

// A limit order for 10 at 100 of "TEST".
[[nodiscard]] inline Order sample_order() {
  Order order;
  order.instrument_id = 1;
  order.symbol = "TEST";
  order.qty = Quantity::from_int(10);
  order.price_limit = Price::from_int(100);
  return order;
}

// One run of the contract: makes orders under ids of its own and keeps what several cases need.
class BrokerConnectorContract {
 public:
  // `run` tells this run's client order ids from those of earlier runs on the same account: letters and
  // digits, at most 12.
  BrokerConnectorContract(const MakeConnector& make, Order sample, std::string run)
      : broker_(make()), make_(make), sample_(std::move(sample)), run_(std::move(run)) {
    REQUIRE(broker_ != nullptr);
  }

  void capabilities_are_complete() {
    const BrokerCapabilities& capabilities = broker_->capabilities();
    CHECK_FALSE(capabilities.name.empty());
    CHECK_FALSE(capabilities.account.empty());
    CHECK(capabilities.orders_max >= 1);
    CHECK(capabilities.quiet_period.count() >= 0);
    CHECK(capabilities.settlement_days >= 0);
    CHECK(make_()->capabilities().name == capabilities.name);
  }

  void place_answers_each_order_in_request_order() {
    std::vector<Order> orders;
    for (std::size_t i = 0; i < std::min<std::size_t>(broker_->capabilities().orders_max, 7); ++i) {
      orders.push_back(fresh_order());
    }
    const auto results = broker_->place(orders);
    REQUIRE(results.size() == orders.size());
    std::set<std::string> ids;
    for (std::size_t i = 0; i < orders.size(); ++i) {
      CHECK(results[i].outcome == SendOutcome::kAccepted);
      ids.insert(results[i].ext_order_id);
      if (finds_orders()) CHECK(found(orders[i].client_order_id).ext_order_id == results[i].ext_order_id);
    }
    CHECK(ids.size() == orders.size());
    CHECK(ids.count("") == 0);
    CHECK(broker_->place({}).empty());
  }

  void look_up_tells_what_was_placed() {
    const Order order = placed_order();
    if (!finds_orders()) return;
    const BrokerOrder held = found(order.client_order_id);
    CHECK(held.ext_order_id == order.ext_order_id);
    CHECK(held.symbol == order.symbol);
    CHECK(held.side == order.side);
    CHECK(held.qty == order.qty);
    CHECK(held.price_limit == order.price_limit);
    CHECK(held.status == OrderStatus::kAcked);
    CHECK(held.fill_qty.is_zero());
    CHECK(broker_->look_up(fresh_id()).kind == LookUp::Kind::kNotFound);
  }

  void a_client_order_id_sent_twice_never_hides_an_order() {
    Order order = placed_order();
    const auto again = broker_->place({&order, 1});
    REQUIRE(again.size() == 1);
    std::set<std::string> in_book;
    for (const BrokerOrder& held : broker_->book().orders) {
      if (held.client_order_id == order.client_order_id) in_book.insert(held.ext_order_id);
    }
    if (refuses_duplicates()) {
      CHECK(again[0].outcome == SendOutcome::kAccepted);
      CHECK(again[0].ext_order_id == order.ext_order_id);
      CHECK(in_book.size() <= 1);
    }
    if (broker_->capabilities().broker_class == BrokerClass::kTagEcho && in_book.size() > 1) {
      CHECK_FALSE(broker_->look_up(order.client_order_id).reason.empty());
    }
  }

  void a_client_order_id_of_another_order_is_refused() {
    if (!refuses_duplicates()) return;
    const Order order = placed_order();
    Order other = order;
    other.qty = order.qty + order.qty;
    const auto results = broker_->place({&other, 1});
    REQUIRE(results.size() == 1);
    CHECK(results[0].outcome == SendOutcome::kRejected);
    CHECK_FALSE(results[0].reason.empty());
    CHECK(found(order.client_order_id).qty == order.qty);
  }

  void poll_reports_the_acknowledgement_after_any_earlier_cursor() {
    std::string cursor;
    static_cast<void>(reports(cursor));
    const Order order = placed_order();
    const auto acknowledged = of_kind(reports(cursor), order, BrokerReport::Kind::kAck);
    REQUIRE_FALSE(acknowledged.empty());
    CHECK(acknowledged[0].broker == broker_->capabilities().name);
    CHECK(acknowledged[0].account == broker_->capabilities().account);
    std::string from_the_beginning;
    CHECK_FALSE(of_kind(reports(from_the_beginning), order, BrokerReport::Kind::kAck).empty());
  }

  void a_cancel_is_asked_for_and_then_reported() {
    std::string cursor;
    const Order order = placed_order();
    CHECK(broker_->cancel(order).outcome == SendOutcome::kAccepted);
    CHECK_FALSE(of_kind(reports(cursor), order, BrokerReport::Kind::kCancelled).empty());
    if (finds_orders()) CHECK(found(order.client_order_id).status == OrderStatus::kCancelled);
    const SendResult again = broker_->cancel(order);
    CHECK(again.outcome == SendOutcome::kRejected);
    CHECK_FALSE(again.reason.empty());
    Order unknown = fresh_order();
    unknown.ext_order_id = "no-such-order";
    CHECK(broker_->cancel(unknown).outcome == SendOutcome::kRejected);
  }

  void a_change_is_asked_for_and_then_reported() {
    std::string cursor;
    const Order order = placed_order();
    const Quantity qty = order.qty + order.qty;
    const SendResult result = broker_->replace(order, {fresh_id(), qty, std::nullopt});
    if (!broker_->capabilities().replaces) {
      CHECK(result.outcome == SendOutcome::kRejected);
      return;
    }
    CHECK(result.outcome == SendOutcome::kAccepted);
    const auto replaced = of_kind(reports(cursor), order, BrokerReport::Kind::kReplaced);
    REQUIRE_FALSE(replaced.empty());
    CHECK(replaced[0].qty == qty);
    if (!replaced[0].ext_order_id.empty()) CHECK(replaced[0].ext_order_id == order.ext_order_id);
    if (finds_orders()) {
      const BrokerOrder held = found(order.client_order_id);
      CHECK(held.ext_order_id == order.ext_order_id);
      CHECK(held.qty == qty);
      CHECK(held.price_limit == order.price_limit);
    }
    CHECK(broker_->cancel(order).outcome == SendOutcome::kAccepted);
    CHECK(broker_->replace(order, {fresh_id(), order.qty, std::nullopt}).outcome == SendOutcome::kRejected);
  }

  void the_book_holds_every_order_of_the_day() {
    const Order first = placed_order();
    const Order second = placed_order();
    const auto book = broker_->book();
    CHECK(book.executions.size() == book.ext_order_ids.size());
    for (const Order& order : {first, second}) {
      const auto same = [&](const BrokerOrder& held) { return held.ext_order_id == order.ext_order_id; };
      CHECK(std::ranges::count_if(book.orders, same) == 1);
    }
  }

  void executions_add_up_and_are_told_everywhere() {
    SimulatedBroker* const simulator = broker_->simulator();
    if (simulator == nullptr) return;
    std::string cursor;
    const Order order = placed_order();
    const Quantity part = Quantity::from_int(4);
    const Execution first = simulator->simulate_fill(order.ext_order_id, part, *order.price_limit);
    CHECK(found(order.client_order_id).status == OrderStatus::kPartiallyFilled);
    const Execution second =
        simulator->simulate_fill(order.ext_order_id, order.qty - part, *order.price_limit);
    CHECK(first.execution_id != second.execution_id);
    CHECK(first.qty == part);
    CHECK(first.price == *order.price_limit);
    CHECK(first.broker == broker_->capabilities().name);
    CHECK(first.account == broker_->capabilities().account);

    const BrokerOrder held = found(order.client_order_id);
    CHECK(held.status == OrderStatus::kFilled);
    CHECK(held.fill_qty == order.qty);
    CHECK(held.fill_notional == *order.price_limit * order.qty);
    const auto reported = of_kind(reports(cursor), order, BrokerReport::Kind::kExecution);
    REQUIRE(reported.size() >= 2);
    CHECK(reported[0].execution.execution_id == first.execution_id);
    CHECK(reported[1].execution.execution_id == second.execution_id);
    const auto book = broker_->book();
    CHECK(std::ranges::count(book.ext_order_ids, order.ext_order_id) == 2);
  }

  void an_execution_that_cannot_be_changes_nothing() {
    SimulatedBroker* const simulator = broker_->simulator();
    if (simulator == nullptr) return;
    const Order order = placed_order();
    const auto code_of = [&](const std::string& ext_order_id, Quantity qty) {
      try {
        static_cast<void>(simulator->simulate_fill(ext_order_id, qty, Price::from_int(100)));
      } catch (const Error& error) {
        return error.code();
      }
      return ErrorCode::kInternal;
    };
    CHECK(code_of("no-such-order", order.qty) == ErrorCode::kNotFound);
    CHECK(code_of(order.ext_order_id, order.qty + Quantity::from_units(1)) == ErrorCode::kLimitExceeded);
    CHECK(found(order.client_order_id).fill_qty.is_zero());
    CHECK(broker_->cancel(order).outcome == SendOutcome::kAccepted);
    CHECK(code_of(order.ext_order_id, order.qty) == ErrorCode::kInvalidState);
    CHECK(found(order.client_order_id).fill_qty.is_zero());
  }

  // Threads race with one shared id and with ids of their own.
  void calls_from_several_threads_do_not_mix() {
    constexpr std::size_t kThreads = 4;
    const Order shared = fresh_order();
    std::vector<Order> own;
    for (std::size_t i = 0; i < kThreads; ++i) own.push_back(fresh_order());
    std::vector<std::vector<SendResult>> of_own(kThreads), of_shared(kThreads);
    std::atomic<std::size_t> ready{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        for (++ready; ready.load() < kThreads;) std::this_thread::yield();
        of_own[i] = broker_->place({&own[i], 1});
        of_shared[i] = broker_->place({&shared, 1});
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::set<std::string> own_ids, shared_ids;
    for (std::size_t i = 0; i < kThreads; ++i) {
      REQUIRE(of_own[i].size() == 1);
      REQUIRE(of_shared[i].size() == 1);
      own_ids.insert(of_own[i][0].ext_order_id);
      shared_ids.insert(of_shared[i][0].ext_order_id);
      if (finds_orders()) CHECK(found(own[i].client_order_id).ext_order_id == of_own[i][0].ext_order_id);
    }
    CHECK(own_ids.size() == kThreads);
    if (refuses_duplicates()) CHECK(shared_ids.size() == 1);
  }

 private:
  static constexpr int kPagesMax = 10'000;

  [[nodiscard]] bool finds_orders() const {
    return broker_->capabilities().broker_class != BrokerClass::kNone;
  }
  [[nodiscard]] bool refuses_duplicates() const {
    const BrokerClass broker_class = broker_->capabilities().broker_class;
    return broker_class == BrokerClass::kEnforced || broker_class == BrokerClass::kWindowed;
  }

  [[nodiscard]] std::string fresh_id() {
    std::string number = std::to_string(++count_);
    return run_ + std::string(number.size() < 4 ? 4 - number.size() : 0, '0') + number;
  }

  [[nodiscard]] Order fresh_order() {
    Order order = sample_;
    order.client_order_id = fresh_id();
    return order;
  }

  [[nodiscard]] Order placed_order() {
    Order order = fresh_order();
    const auto results = broker_->place({&order, 1});
    REQUIRE(results.size() == 1);
    REQUIRE(results[0].outcome == SendOutcome::kAccepted);
    order.ext_order_id = results[0].ext_order_id;
    return order;
  }

  [[nodiscard]] BrokerOrder found(const std::string& client_order_id) {
    const LookUp answer = broker_->look_up(client_order_id);
    REQUIRE(answer.kind == LookUp::Kind::kFound);
    return answer.order;
  }

  // Everything after the cursor, which moves to the end.
  [[nodiscard]] std::vector<BrokerReport> reports(std::string& cursor) {
    std::vector<BrokerReport> all;
    for (int pages = 0; pages < kPagesMax; ++pages) {
      const ReportPage page = broker_->poll(cursor);
      all.insert(all.end(), page.reports.begin(), page.reports.end());
      cursor = page.cursor;
      if (!page.more) return all;
    }
    FAIL("poll() never says that there is no more");
    return all;
  }

  [[nodiscard]] std::vector<BrokerReport> of_kind(const std::vector<BrokerReport>& reports,
                                                  const Order& order, BrokerReport::Kind kind) const {
    std::vector<BrokerReport> matching;
    for (const BrokerReport& report : reports) {
      const bool by_ext = !report.ext_order_id.empty() && report.ext_order_id == order.ext_order_id;
      const bool by_ours = !report.client_order_id.empty() && report.client_order_id == order.client_order_id;
      if (by_ext && broker_->capabilities().reports_name_our_id) CHECK(by_ours);
      if (report.kind == kind && (by_ext || by_ours)) matching.push_back(report);
    }
    return matching;
  }

  std::unique_ptr<BrokerConnector> broker_;
  const MakeConnector make_;
  const Order sample_;
  const std::string run_;
  int count_ = 0;
};

// Runs every case as a SUBCASE of the test case it is called from. Give another `run` when the account keeps
// orders of earlier runs.
inline void broker_connector_contract(const MakeConnector& make, const Order& sample = sample_order(),
                                      const std::string& run = "contract") {
  using Contract = BrokerConnectorContract;
  const std::pair<const char*, void (Contract::*)()> cases[] = {
      {"capabilities are complete", &Contract::capabilities_are_complete},
      {"place answers each order, in request order", &Contract::place_answers_each_order_in_request_order},
      {"look_up tells what was placed", &Contract::look_up_tells_what_was_placed},
      {"a client order id sent twice never hides an order",
       &Contract::a_client_order_id_sent_twice_never_hides_an_order},
      {"a client order id of another order is refused",
       &Contract::a_client_order_id_of_another_order_is_refused},
      {"poll reports the acknowledgement after any earlier cursor",
       &Contract::poll_reports_the_acknowledgement_after_any_earlier_cursor},
      {"a cancel is asked for and then reported", &Contract::a_cancel_is_asked_for_and_then_reported},
      {"a change is asked for and then reported", &Contract::a_change_is_asked_for_and_then_reported},
      {"the book holds every order of the day", &Contract::the_book_holds_every_order_of_the_day},
      {"executions add up and are told everywhere", &Contract::executions_add_up_and_are_told_everywhere},
      {"an execution that cannot be changes nothing", &Contract::an_execution_that_cannot_be_changes_nothing},
      {"calls from several threads do not mix", &Contract::calls_from_several_threads_do_not_mix},
  };
  int number = 0;
  for (const auto& [name, check] : cases) {
    // One letter per case: each makes orders of its own, also on an account that lasts.
    const std::string letter(1, static_cast<char>('a' + number++));
    SUBCASE(name) { (Contract(make, sample, run + letter).*check)(); }
  }
}

}  // namespace orchestrator::testing
