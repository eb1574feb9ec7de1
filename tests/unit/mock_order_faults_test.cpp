// Faults of orders: what the broker does with them, in its ledger, and what it tells about them, in its
// reports.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "codec/json_writer.hpp"
#include "orchestrator/backends/mock_brokers.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/mock_orders.hpp"

using namespace orchestrator;           // NOLINT(google-build-using-namespace): a test of one module
using namespace orchestrator::testing;  // NOLINT(google-build-using-namespace)

namespace {

using Kind = BrokerReport::Kind;
using Texts = std::vector<std::string>;

struct FaultyBroker {
  explicit FaultyBroker(const std::string& script, const std::string& fill_model = "none",
                        Maker make = make_alpaca_mock) {
    std::string config;
    codec::JsonWriter(config)
        .begin_object()
        .member("fault_script", script)
        .member("fill_model", fill_model)
        .end_object();
    broker = make({.config_json = config}, clock);
  }

  Order place(const std::string& id, const char* qty = "10") { return placed(*broker, mock_order(id, qty)); }
  Execution fill(const Order& order, const char* qty, const char* at = "100") {
    return broker->simulator()->simulate_fill(order.ext_order_id, quantity(qty), price(at));
  }
  // The news since the last call, in words: "a ack", "a trade 3 @ 100".
  Texts news() {
    Texts words;
    for (const BrokerReport& report : reports()) words.push_back(words_of(report));
    return words;
  }
  std::vector<BrokerReport> reports() {
    ReportPage page = broker->poll(cursor);
    cursor = page.cursor;
    return page.reports;
  }
  BrokerOrder held(const std::string& id) { return broker->look_up(id).order; }

  static std::string words_of(const BrokerReport& report) {
    const std::string& who = report.client_order_id.empty() ? report.ext_order_id : report.client_order_id;
    if (report.kind == Kind::kAck) return who + " ack";
    if (report.kind == Kind::kCancelled) return who + " cancelled";
    if (report.kind != Kind::kExecution) return who + " other";
    return who + " " + std::string(to_string(report.execution.kind)) + " " +
           report.execution.qty.to_string() + " @ " + report.execution.price.to_string();
  }

  FakeClock clock;
  std::unique_ptr<BrokerConnector> broker;
  std::string cursor;
};

const std::vector<Maker> kBoth = {make_zerodha_mock, make_alpaca_mock};

}  // namespace

// --- what the broker does -----------------------------------------------------------------------------

TEST_CASE("an overfilled order executes more than ordered, in the ledger too") {
  for (const char* model : {"immediate", "partial", "at_limit"}) {
    CAPTURE(model);
    FaultyBroker mock("order nth=2: overfill qty=2.5", model);
    mock.place("a");
    mock.place("b");
    static_cast<void>(mock.news());
    CHECK(mock.held("a").fill_qty == quantity("10"));
    CHECK(mock.held("b").fill_qty == quantity("12.5"));
    CHECK(mock.held("b").fill_notional == price("100") * quantity("12.5"));
    CHECK(mock.held("b").status == OrderStatus::kFilled);
  }
}

TEST_CASE("an overfill comes when the order is complete, by whatever executes it") {
  FaultyBroker mock("order nth=1: overfill qty=1");
  const Order order = mock.place("a");
  CHECK(mock.fill(order, "4").qty == quantity("4"));
  CHECK(mock.held("a").fill_qty == quantity("4"));
  CHECK(mock.fill(order, "6", "99").qty == quantity("6"));
  CHECK(mock.news() == Texts{"a ack", "a trade 4 @ 100", "a trade 6 @ 99", "a trade 1 @ 99"});
}

TEST_CASE("an order that executes after its cancel is cancelled with what executed, or filled") {
  for (const Maker make : kBoth) {
    FaultyBroker mock("order nth=1: fill_after_cancel\norder nth=2: fill_after_cancel qty=3", "none", make);
    const Order first = mock.place("a");
    const Order second = mock.place("b");
    mock.fill(first, "4");
    static_cast<void>(mock.news());
    CHECK(mock.broker->cancel(first).outcome == SendOutcome::kAccepted);
    CHECK(mock.broker->cancel(second).outcome == SendOutcome::kAccepted);
    CHECK(mock.news() == Texts{"a cancelled", "a trade 6 @ 100", "b cancelled", "b trade 3 @ 100"});
    CHECK(mock.held("a").status == OrderStatus::kFilled);
    CHECK(mock.held("a").fill_qty == quantity("10"));
    CHECK(mock.held("b").status == OrderStatus::kCancelled);
    CHECK(mock.held("b").fill_qty == quantity("3"));
    CHECK(mock.broker->cancel(first).outcome == SendOutcome::kRejected);
  }
}

TEST_CASE("a busted execution is taken back in the ledger and names what it takes back") {
  for (const Maker make : kBoth) {
    FaultyBroker mock("order nth=1: bust", "none", make);
    const Order order = mock.place("a");
    const Execution trade = mock.fill(order, "10");
    CHECK(mock.held("a").status == OrderStatus::kAcked);
    CHECK(mock.held("a").fill_qty.is_zero());
    CHECK(mock.held("a").fill_notional.is_zero());
    const auto reports = mock.reports();
    REQUIRE(reports.size() == 3);
    CHECK(reports[1].execution.execution_id == trade.execution_id);
    CHECK(reports[2].execution.kind == ExecutionKind::kBust);
    CHECK(reports[2].execution.ref_execution_id == trade.execution_id);
    CHECK(reports[2].execution.execution_id != trade.execution_id);
    CHECK(mock.broker->book().executions.size() == 2);
    mock.fill(order, "10");  // it works again, and only the first execution is taken back
    CHECK(mock.held("a").status == OrderStatus::kFilled);
  }
}

TEST_CASE("a busted execution of a fill model is not executed again by it") {
  FaultyBroker mock("order nth=1: bust", "at_limit");
  mock.place("a");
  CHECK(mock.news().size() == 3);
  CHECK(mock.news().empty());
  CHECK(mock.held("a").fill_qty.is_zero());
}

TEST_CASE("a corrected execution counts with its new terms in the ledger") {
  FaultyBroker mock(
      "order nth=1: correct price=99.5\norder nth=2: correct qty=3\norder nth=3: correct qty=4 price=98",
      "none");
  for (const char* id : {"a", "b", "c"}) {
    const Order order = mock.place(id);
    static_cast<void>(mock.news());
    const Execution trade = mock.fill(order, "5");
    const auto reports = mock.reports();
    REQUIRE(reports.size() == 2);
    CHECK(reports[1].execution.kind == ExecutionKind::kCorrect);
    CHECK(reports[1].execution.ref_execution_id == trade.execution_id);
  }
  CHECK(mock.held("a").fill_notional == Money::from_string("497.5"));
  CHECK(mock.held("b").fill_qty == quantity("3"));
  CHECK(mock.held("b").status == OrderStatus::kPartiallyFilled);
  CHECK(mock.held("c").fill_qty == quantity("4"));
  CHECK(mock.held("c").fill_notional == Money::from_string("392"));
}

TEST_CASE("an execution that is corrected and busted ends as if it had not been") {
  FaultyBroker mock("order always: correct qty=3\norder always: bust");
  const Order order = mock.place("a");
  mock.fill(order, "5");
  CHECK(mock.held("a").fill_qty.is_zero());
  const auto executions = mock.broker->book().executions;
  REQUIRE(executions.size() == 3);
  CHECK(executions[2].ref_execution_id == executions[1].execution_id);
}

// --- what the broker tells ----------------------------------------------------------------------------

TEST_CASE("a late acknowledgement comes after so many polls, once") {
  FaultyBroker mock("order nth=1: late_ack polls=2");
  mock.place("a");
  mock.place("b");
  CHECK(mock.news() == Texts{"b ack"});
  CHECK(mock.news().empty());
  CHECK(mock.news() == Texts{"a ack"});
  CHECK(mock.news().empty());
}

TEST_CASE("a late acknowledgement comes after so long, and news of others do not wait") {
  FaultyBroker mock("order nth=1: late_ack for=5s");
  mock.place("a");
  CHECK(mock.news().empty());
  mock.clock.advance(std::chrono::milliseconds(4999));
  mock.place("b");
  CHECK(mock.news() == Texts{"b ack"});
  mock.clock.advance(std::chrono::milliseconds(1));
  CHECK(mock.news() == Texts{"a ack"});
}

TEST_CASE("the same cursor gives the same news again, what is held back included") {
  FaultyBroker mock("order always: late_ack polls=1");
  mock.place("a");
  static_cast<void>(mock.news());
  const ReportPage page = mock.broker->poll(mock.cursor);
  CHECK(page.reports.size() == 1);
  CHECK(mock.broker->poll(mock.cursor).reports.size() == 1);
  CHECK(mock.broker->poll(mock.cursor).cursor == page.cursor);
}

TEST_CASE("a cursor with held reports that no poll gave is refused") {
  FaultyBroker mock("order always: late_ack polls=1");
  mock.place("a");
  for (const char* junk : {"1+", "1+2", "1+2*", "1+x*1", "1+2*-1", "1+0*1", "1*2+3"}) {
    CAPTURE(junk);
    CHECK_THROWS_AS(static_cast<void>(mock.broker->poll(junk)), Error);
  }
}

TEST_CASE("a duplicate acknowledgement and a second broker id are further reports about the order") {
  for (const Maker make : kBoth) {
    FaultyBroker mock("order nth=1: duplicate_ack\norder nth=2: second_id", "none", make);
    const Order first = mock.place("a");
    const Order second = mock.place("b");
    const auto reports = mock.reports();
    REQUIRE(reports.size() == 4);
    CHECK(reports[1].kind == Kind::kAck);
    CHECK(reports[1].ext_order_id == first.ext_order_id);
    CHECK(reports[3].kind == Kind::kAck);
    CHECK(reports[3].client_order_id == "b");
    CHECK(reports[3].ext_order_id != second.ext_order_id);
    CHECK(reports[3].ext_order_id.size() == second.ext_order_id.size());
    CHECK(mock.held("b").ext_order_id == second.ext_order_id);
  }
}

TEST_CASE("a fill before its acknowledgement: the acknowledgement waits for it") {
  FaultyBroker mock("order nth=1: fill_before_ack\norder nth=3: fill_before_ack");
  const Order first = mock.place("a");
  mock.place("b");
  CHECK(mock.news() == Texts{"b ack"});
  mock.fill(first, "3");
  CHECK(mock.news() == Texts{"a trade 3 @ 100", "a ack"});
  const Order third = mock.place("c");
  mock.fill(third, "10");
  CHECK(mock.news() == Texts{"c trade 10 @ 100", "c ack"});
}

TEST_CASE("an acknowledgement that waits for a fill comes at the latest with the order's end") {
  FaultyBroker mock("order nth=1: fill_before_ack");
  const Order order = mock.place("a");
  CHECK(mock.news().empty());
  static_cast<void>(mock.broker->cancel(order));
  CHECK(mock.news() == Texts{"a cancelled", "a ack"});
}

TEST_CASE("what waits for something else than polls leaves the cursor as it is") {
  FaultyBroker mock("order nth=1: fill_before_ack\norder nth=2: late_ack for=5s");
  mock.place("a");
  mock.place("b");
  static_cast<void>(mock.news());
  const std::string before = mock.cursor;
  CHECK(mock.news().empty());
  CHECK(mock.cursor == before);
}

TEST_CASE("fills out of order come in pairs turned round, all of them") {
  FaultyBroker mock("order nth=1: out_of_order_fills");
  const Order order = mock.place("a");
  mock.fill(order, "1");
  CHECK(mock.news() == Texts{"a ack"});
  mock.fill(order, "2");
  CHECK(mock.news() == Texts{"a trade 2 @ 100", "a trade 1 @ 100"});
  mock.fill(order, "3");
  CHECK(mock.news().empty());
  mock.fill(order, "4");  // complete
  CHECK(mock.news() == Texts{"a trade 4 @ 100", "a trade 3 @ 100"});
}

TEST_CASE("a fill that waits for another comes at the latest with the order's end") {
  FaultyBroker mock("order always: out_of_order_fills");
  const Order first = mock.place("a");
  const Order second = mock.place("b");
  mock.fill(first, "10");
  CHECK(mock.news() == Texts{"a ack", "b ack", "a trade 10 @ 100"});
  mock.fill(second, "4");
  CHECK(mock.news().empty());
  static_cast<void>(mock.broker->cancel(second));
  CHECK(mock.news() == Texts{"b cancelled", "b trade 4 @ 100"});
}

TEST_CASE("a duplicate fill has the same execution id") {
  FaultyBroker mock("order nth=1: duplicate_fills", "immediate");
  mock.place("a");
  const auto reports = mock.reports();
  REQUIRE(reports.size() == 3);
  CHECK(reports[1].execution.execution_id == reports[2].execution.execution_id);
  CHECK(mock.broker->book().executions.size() == 1);
}

TEST_CASE("from running totals the connector derives each execution exactly, under an id of its own") {
  for (const Maker make : kBoth) {
    FaultyBroker mock("order nth=1: cumulative_fills", "none", make);
    const Order order = mock.place("a");
    const Execution first = mock.fill(order, "3", "100.01");
    mock.fill(order, "0.000000001", "0.000000001");
    mock.fill(order, "6.999999999", "33.333333333");
    CHECK(first.execution_id == order.ext_order_id + "-at-3");
    CHECK(mock.news() == Texts{"a ack", "a trade 3 @ 100.01", "a trade 0.000000001 @ 0.000000001",
                               "a trade 6.999999999 @ 33.333333333"});
    const auto book = mock.broker->book();
    Money notional;
    for (const Execution& execution : book.executions) notional += execution.price * execution.qty;
    CHECK(notional == mock.held("a").fill_notional);
    CHECK(book.executions[0].execution_id == first.execution_id);
    CHECK(book.executions[2].execution_id == order.ext_order_id + "-at-10");
  }
}

TEST_CASE("a bust under running totals names the derived execution") {
  FaultyBroker mock("order nth=1: cumulative_fills\norder nth=1: bust");
  const Order order = mock.place("a");
  const Execution trade = mock.fill(order, "3");
  mock.fill(order, "3");
  const auto executions = mock.broker->book().executions;
  REQUIRE(executions.size() == 3);
  CHECK(executions[1].ref_execution_id == trade.execution_id);
  CHECK(executions[2].execution_id == order.ext_order_id + "-at-6");
}

TEST_CASE("a bust of an unknown execution is told and is not in the ledger") {
  FaultyBroker mock("order nth=1: bust_unknown");
  mock.place("a");
  const auto reports = mock.reports();
  REQUIRE(reports.size() == 2);
  CHECK(reports[1].execution.kind == ExecutionKind::kBust);
  CHECK_FALSE(reports[1].execution.execution_id.empty());
  CHECK_FALSE(reports[1].execution.ref_execution_id.empty());
  CHECK(mock.broker->book().executions.empty());
}

TEST_CASE("dropped reports are never polled, though the book has what they tell") {
  FaultyBroker mock(
      "order nth=1: drop_reports\norder nth=2: drop_reports what=acks\norder nth=3: drop_reports what=fills");
  for (const char* id : {"a", "b", "c"}) {
    const Order order = mock.place(id);
    mock.fill(order, "4");
    static_cast<void>(mock.broker->cancel(order));
  }
  CHECK(mock.news() == Texts{"b trade 4 @ 100", "b cancelled", "c ack", "c cancelled"});
  CHECK(mock.broker->book().executions.size() == 3);
}

TEST_CASE("a stray fill names an order that nobody has") {
  FaultyBroker mock("order nth=1: stray_fill", "immediate");
  const Order order = mock.place("a");
  const auto reports = mock.reports();
  REQUIRE(reports.size() == 3);
  CHECK(reports[2].client_order_id.empty());
  CHECK(reports[2].ext_order_id != order.ext_order_id);
  CHECK(reports[2].execution.execution_id != reports[1].execution.execution_id);
  CHECK(mock.broker->book().executions.size() == 1);
}

TEST_CASE("a crossed fill is told again under the order before") {
  FaultyBroker mock("order always: crossed_fills", "immediate");
  mock.place("a");
  mock.place("b");
  CHECK(mock.news() == Texts{"a ack", "a trade 10 @ 100", "b ack", "b trade 10 @ 100", "a trade 10 @ 100"});
  CHECK(mock.held("a").fill_qty == quantity("10"));
}

TEST_CASE("a wrong price is told by the report alone") {
  FaultyBroker mock("order nth=1: wrong_price factor=1000", "immediate");
  mock.place("a");
  CHECK(mock.news() == Texts{"a ack", "a trade 10 @ 100000"});
  CHECK(mock.broker->book().executions.at(0).price == price("100"));
}

TEST_CASE("a price that cannot be told a thousand times larger is told as large as it can be") {
  FaultyBroker mock("order nth=1: wrong_price factor=1000000000", "immediate");
  static_cast<void>(placed(*mock.broker, mock_order("a", "1", "9000000000")));
  CHECK(mock.reports().at(1).execution.price == Price::max());
}

TEST_CASE("a wrong side is shown by the look-up and the book") {
  FaultyBroker mock("order nth=1: wrong_side");
  mock.place("a");
  mock.place("b");
  CHECK(mock.held("a").side == Side::kSell);
  CHECK(mock.held("b").side == Side::kBuy);
  CHECK(mock.broker->book().orders.at(0).side == Side::kSell);
}

TEST_CASE("rules of orders count the ledger's orders, whichever connector placed them") {
  FaultyBroker mock("place nth=1: lose_request\nplace nth=2: throttle\norder nth=1: duplicate_ack");
  mock.place("lost");
  mock.place("throttled");
  mock.place("a");
  CHECK(mock.news() == Texts{"a ack", "a ack"});
}
