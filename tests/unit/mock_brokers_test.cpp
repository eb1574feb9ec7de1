#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "orchestrator/backends/mock_brokers.hpp"
#include "orchestrator/error.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/mock_orders.hpp"

using namespace orchestrator;           // NOLINT(google-build-using-namespace): a test of one module
using namespace orchestrator::testing;  // NOLINT(google-build-using-namespace)

namespace {

std::unique_ptr<BrokerConnector> mock(Maker make, Clock& clock, const std::string& config = "{}") {
  return make({.config_json = config}, clock);
}

const std::vector<Maker> kBoth = {make_zerodha_mock, make_alpaca_mock};

using Texts = std::vector<std::string>;

// xxxxxxxx-xxxx-4xxx-[89ab]xxx-xxxxxxxxxxxx, lower case.
bool is_uuid_v4(const std::string& text) {
  if (text.size() != 36 || text[14] != '4') return false;
  if (std::string_view("89ab").find(text[19]) == std::string_view::npos) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (std::string_view(dash ? "-" : "0123456789abcdef").find(text[i]) == std::string_view::npos)
      return false;
  }
  return true;
}

}  // namespace

// --- ids ----------------------------------------------------------------------------------------------

TEST_CASE("the same seed and input give the same ids, reports and cursor") {
  for (const Maker make : kBoth) {
    FakeClock clock;
    const auto run = [&] {
      Texts seen;
      const auto broker = mock(make, clock, R"({"seed": 42, "fill_model": "partial"})");
      for (const char* id : {"one", "two", "three"})
        seen.push_back(place_one(*broker, mock_order(id)).ext_order_id);
      const ReportPage page = broker->poll("");
      for (const BrokerReport& report : page.reports) seen.push_back(report.execution.execution_id);
      seen.push_back(page.cursor);
      return seen;
    };
    CHECK(run() == run());
  }
}

TEST_CASE("alpaca-mock ids are UUIDs of version 4 that depend on seed and client order id") {
  FakeClock clock;
  std::set<std::string> ids;
  for (const char* config : {R"({"seed": 1})", R"({"seed": 2})", R"({"seed": -1})"}) {
    const auto broker = mock(make_alpaca_mock, clock, config);
    for (int i = 0; i < 200; ++i) {
      const Order order = placed(*broker, mock_order("order" + std::to_string(i)));
      CHECK(is_uuid_v4(order.ext_order_id));
      const Execution first =
          broker->simulator()->simulate_fill(order.ext_order_id, quantity("1"), price("1"));
      const Execution second =
          broker->simulator()->simulate_fill(order.ext_order_id, quantity("1"), price("1"));
      CHECK(is_uuid_v4(first.execution_id));
      ids.insert({order.ext_order_id, first.execution_id, second.execution_id});
    }
  }
  CHECK(ids.size() == 3 * 200 * 3);
}

TEST_CASE("zerodha-mock ids are the Indian date and a counter that goes on across days") {
  FakeClock clock(*parse_timestamp("2026-01-05T18:29:59Z"));
  const auto broker = mock(make_zerodha_mock, clock);
  CHECK(place_one(*broker, mock_order("a1")).ext_order_id == "260105000000001");
  CHECK(place_one(*broker, mock_order("a2")).ext_order_id == "260105000000002");
  clock.advance(std::chrono::seconds(1));  // midnight in India
  const Order order = placed(*broker, mock_order("a3"));
  CHECK(order.ext_order_id == "260106000000003");
  const auto execution = broker->simulator()->simulate_fill(order.ext_order_id, quantity("1"), price("100"));
  CHECK(execution.execution_id == "260106000000003-1");
}

TEST_CASE("each mock takes the client order ids that its broker has room for") {
  FakeClock clock;
  const auto outcome = [&](Maker make, const std::string& id) {
    return place_one(*mock(make, clock), mock_order(id)).outcome;
  };
  CHECK(outcome(make_zerodha_mock, std::string(20, 'z')) == SendOutcome::kAccepted);
  CHECK(outcome(make_zerodha_mock, std::string(21, 'z')) == SendOutcome::kRejected);
  CHECK(outcome(make_zerodha_mock, "a-1") == SendOutcome::kRejected);
  CHECK(outcome(make_zerodha_mock, "") == SendOutcome::kRejected);
  CHECK(outcome(make_alpaca_mock, std::string(48, 'z')) == SendOutcome::kAccepted);
  CHECK(outcome(make_alpaca_mock, std::string(49, 'z')) == SendOutcome::kRejected);
  CHECK(outcome(make_alpaca_mock, "a-1") == SendOutcome::kAccepted);
  CHECK(outcome(make_alpaca_mock, "") == SendOutcome::kRejected);
}

// --- classes ------------------------------------------------------------------------------------------

TEST_CASE("zerodha-mock makes two orders of one tag, and says so") {
  FakeClock clock;
  const auto broker = mock(make_zerodha_mock, clock);
  const Order first = placed(*broker, mock_order("tag"));
  const Order second = placed(*broker, mock_order("tag"));
  CHECK(first.ext_order_id != second.ext_order_id);
  CHECK(broker->book().orders.size() == 2);
  const LookUp answer = broker->look_up("tag");
  CHECK(answer.kind == LookUp::Kind::kFound);
  CHECK(answer.order.ext_order_id == first.ext_order_id);
  CHECK(answer.reason.find("2 orders") != std::string::npos);
  // Without the broker's id it is not known which of the two is meant.
  CHECK(broker->cancel(mock_order("tag")).outcome == SendOutcome::kRejected);
}

TEST_CASE("zerodha-mock shows only the orders of the Indian day, alpaca-mock all") {
  for (const Maker make : kBoth) {
    FakeClock clock(*parse_timestamp("2026-01-05T18:29:59Z"));
    const auto broker = mock(make, clock);
    const Order old = placed(*broker, mock_order("old"));
    static_cast<void>(broker->simulator()->simulate_fill(old.ext_order_id, quantity("1"), price("100")));
    CHECK(broker->book().orders.size() == 1);
    CHECK(broker->look_up("old").kind == LookUp::Kind::kFound);
    clock.advance(std::chrono::seconds(1));
    const Order fresh = placed(*broker, mock_order("new"));
    static_cast<void>(broker->simulator()->simulate_fill(fresh.ext_order_id, quantity("2"), price("100")));
    const bool keeps = make == make_alpaca_mock;
    CHECK((broker->look_up("old").kind == LookUp::Kind::kFound) == keeps);
    const auto book = broker->book();
    CHECK(book.orders.size() == (keeps ? 2 : 1));
    CHECK(book.orders.back().ext_order_id == fresh.ext_order_id);
    CHECK(book.ext_order_ids.size() == (keeps ? 2 : 1));
    CHECK(book.ext_order_ids.back() == fresh.ext_order_id);
    CHECK(book.executions.back().qty == quantity("2"));
  }
}

TEST_CASE("alpaca-mock adopts a repeated order only when all its terms agree") {
  FakeClock clock;
  const auto broker = mock(make_alpaca_mock, clock);
  const Order order = placed(*broker, mock_order("id"));
  CHECK(place_one(*broker, order).ext_order_id == order.ext_order_id);
  std::vector<Order> others(5, order);
  others[0].symbol = "INFY";
  others[1].side = Side::kSell;
  others[2].qty = quantity("11");
  others[3].price_limit = price("100.01");
  others[4].price_limit.reset();
  others[4].order_type = OrderType::kMarket;
  for (const Order& other : others) {
    const SendResult result = place_one(*broker, other);
    CHECK(result.outcome == SendOutcome::kRejected);
    CHECK(result.reason.find("client_order_id must be unique") == 0);
  }
  CHECK(broker->book().orders.size() == 1);
  CHECK(all_reports(*broker).size() == 1);
}

TEST_CASE("alpaca-mock finds one order of a request that holds the same id twice") {
  FakeClock clock;
  const auto broker = mock(make_alpaca_mock, clock);
  const std::vector<Order> twins(2, mock_order("id"));
  const auto results = broker->place(twins);
  CHECK(results.at(0).ext_order_id == results.at(1).ext_order_id);
  CHECK(broker->book().orders.size() == 1);
}

TEST_CASE("alpaca-mock knows an order by the client order id of a change, too") {
  FakeClock clock;
  const auto broker = mock(make_alpaca_mock, clock);
  const Order order = placed(*broker, mock_order("id"));
  const Order other = placed(*broker, mock_order("other"));
  const ReplaceRequest request{"id-r1", quantity("20"), price("101")};
  CHECK(broker->replace(order, request).outcome == SendOutcome::kAccepted);
  const LookUp answer = broker->look_up("id-r1");
  CHECK(answer.kind == LookUp::Kind::kFound);
  CHECK(answer.order.ext_order_id == order.ext_order_id);
  CHECK(answer.order.client_order_id == "id");
  CHECK(answer.order.qty == quantity("20"));

  CHECK(broker->replace(order, request).outcome == SendOutcome::kAccepted);  // the same request, repeated
  CHECK(std::ranges::count(all_reports(*broker), BrokerReport::Kind::kReplaced, &BrokerReport::kind) == 1);
  const ReplaceRequest other_terms{"id-r1", quantity("30"), std::nullopt};
  CHECK(broker->replace(order, other_terms).outcome == SendOutcome::kRejected);
  CHECK(broker->replace(other, request).outcome == SendOutcome::kRejected);
  CHECK(broker->replace(order, {"", quantity("30"), std::nullopt}).outcome == SendOutcome::kRejected);
  CHECK(place_one(*broker, mock_order("id-r1")).outcome == SendOutcome::kRejected);
  CHECK(broker->look_up("id").order.qty == quantity("20"));
}

TEST_CASE("zerodha-mock carries no id with a change") {
  FakeClock clock;
  const auto broker = mock(make_zerodha_mock, clock);
  const Order order = placed(*broker, mock_order("id"));
  CHECK(broker->replace(order, {"idr1", quantity("20"), std::nullopt}).outcome == SendOutcome::kAccepted);
  CHECK(broker->look_up("idr1").kind == LookUp::Kind::kNotFound);
  CHECK(broker->look_up("id").order.qty == quantity("20"));
}

// --- refusals -----------------------------------------------------------------------------------------

TEST_CASE("a blocked instrument is refused, and only zerodha-mock keeps a record of it") {
  for (const Maker make : kBoth) {
    FakeClock clock;
    const auto broker = mock(make, clock);
    Order order = mock_order("id");
    order.symbol = "REJECT";
    const SendResult result = place_one(*broker, order);
    CHECK(result.outcome == SendOutcome::kRejected);
    CHECK(result.reason == "instrument is blocked");
    const LookUp answer = broker->look_up("id");
    const auto reports = all_reports(*broker);
    if (make == make_zerodha_mock) {
      CHECK(answer.order.status == OrderStatus::kRejected);
      CHECK(answer.order.reason == "instrument is blocked");
      REQUIRE(reports.size() == 1);
      CHECK(reports[0].kind == BrokerReport::Kind::kReject);
      CHECK(reports[0].reason == "instrument is blocked");
    } else {
      CHECK(answer.kind == LookUp::Kind::kNotFound);
      CHECK(reports.empty());
    }
  }
}

TEST_CASE("an order without what every broker asks for is refused, its neighbours are not") {
  for (const Maker make : kBoth) {
    FakeClock clock;
    const auto broker = mock(make, clock);
    std::vector<Order> orders(7, mock_order("x"));
    for (std::size_t i = 0; i < orders.size(); ++i) orders[i].client_order_id = "id" + std::to_string(i);
    orders[1].qty = quantity("0");
    orders[2].qty = quantity("-1");
    orders[3].price_limit.reset();
    orders[4].price_limit = price("0");
    orders[5].symbol.clear();
    const auto results = broker->place(orders);
    for (std::size_t i = 0; i < orders.size(); ++i) {
      CHECK(results.at(i).outcome == (i == 0 || i == 6 ? SendOutcome::kAccepted : SendOutcome::kRejected));
    }
    CHECK(broker->book().orders.size() == 2);
  }
}

TEST_CASE("a request with too many orders sends none of them") {
  FakeClock clock;
  const auto broker = mock(make_alpaca_mock, clock, R"({"orders_max": 2})");
  const std::vector<Order> orders = {mock_order("a"), mock_order("b"), mock_order("c")};
  for (const SendResult& result : broker->place(orders)) CHECK(result.outcome == SendOutcome::kNotSent);
  CHECK(broker->book().orders.empty());
}

TEST_CASE("a change that makes no sense is refused and changes nothing") {
  for (const Maker make : kBoth) {
    FakeClock clock;
    const auto broker = mock(make, clock);
    const Order order = placed(*broker, mock_order("id"));
    static_cast<void>(broker->simulator()->simulate_fill(order.ext_order_id, quantity("4"), price("100")));
    const auto refused = [&](const Order& of, const char* id, std::optional<Quantity> qty,
                             std::optional<Price> limit) {
      return broker->replace(of, {id, qty, limit}).outcome == SendOutcome::kRejected;
    };
    CHECK(refused(order, "r1", quantity("4"), std::nullopt));
    CHECK(refused(order, "r2", std::nullopt, price("0")));
    const Order market = placed(*broker, mock_order("market", "10", std::nullopt));
    CHECK(refused(market, "r3", std::nullopt, price("100")));
    Order unknown = mock_order("unknown");
    CHECK(refused(unknown, "r4", quantity("5"), std::nullopt));
    unknown.ext_order_id = "unknown";
    CHECK(refused(unknown, "r5", quantity("5"), std::nullopt));
    CHECK(broker->look_up("id").order.qty == quantity("10"));
    CHECK(broker->look_up("id").order.price_limit == price("100"));
    CHECK(broker->replace(order, {"r6", quantity("5"), std::nullopt}).outcome == SendOutcome::kAccepted);
  }
}

TEST_CASE("an order can be cancelled by its client order id while the broker's id is not known") {
  for (const Maker make : kBoth) {
    FakeClock clock;
    const auto broker = mock(make, clock);
    static_cast<void>(placed(*broker, mock_order("id")));
    CHECK(broker->cancel(mock_order("id")).outcome == SendOutcome::kAccepted);
    CHECK(broker->look_up("id").order.status == OrderStatus::kCancelled);
  }
}

// --- reports ------------------------------------------------------------------------------------------

TEST_CASE("a cursor goes on where it was, one that no poll gave is refused") {
  FakeClock clock;
  const auto broker = mock(make_zerodha_mock, clock);
  static_cast<void>(placed(*broker, mock_order("a")));
  const std::string cursor = broker->poll("").cursor;
  CHECK(broker->poll(cursor).reports.empty());
  CHECK(broker->poll(cursor).cursor == cursor);
  static_cast<void>(placed(*broker, mock_order("b")));
  REQUIRE(broker->poll(cursor).reports.size() == 1);
  CHECK(broker->poll(cursor).reports[0].client_order_id == "b");
  for (const char* junk : {"x", "1x", " 1", "-1", "99999999999999999999"}) {
    CAPTURE(junk);
    CHECK_THROWS_AS(static_cast<void>(broker->poll(junk)), Error);
  }
}

TEST_CASE("a cursor from a ledger that is gone hides nothing of the next one") {
  FakeClock clock;
  const auto before = mock(make_alpaca_mock, clock);
  for (const char* id : {"a", "b", "c"}) static_cast<void>(placed(*before, mock_order(id)));
  const std::string cursor = before->poll("").cursor;

  const auto twin = mock(make_alpaca_mock, clock);  // begun at the same time, and shorter
  static_cast<void>(placed(*twin, mock_order("a")));
  CHECK(twin->poll(cursor).reports.size() == 1);

  clock.advance(std::chrono::seconds(1));
  const auto after = mock(make_alpaca_mock, clock);
  for (const char* id : {"a", "b", "c", "d", "e"}) static_cast<void>(placed(*after, mock_order(id)));
  CHECK(after->poll(cursor).reports.size() == 5);
}

TEST_CASE("reports tell the time of what they report") {
  FakeClock clock;
  const auto broker = mock(make_alpaca_mock, clock);
  const Order order = placed(*broker, mock_order("id"));
  clock.advance(std::chrono::seconds(5));
  const Execution execution =
      broker->simulator()->simulate_fill(order.ext_order_id, quantity("1"), price("100"));
  CHECK(execution.executed_at == clock.now());
  const auto reports = all_reports(*broker);
  CHECK(reports.at(0).at == FakeClock::kStart);
  CHECK(reports.at(1).at == clock.now());
  CHECK(reports.at(1).execution.executed_at == clock.now());
  CHECK(broker->look_up("id").order.updated_at == clock.now());
}

// --- settings -----------------------------------------------------------------------------------------

TEST_CASE("settings reach the capabilities") {
  FakeClock clock;
  const auto defaults = mock(make_zerodha_mock, clock)->capabilities();
  CHECK(defaults.name == "zerodha-mock");
  CHECK(defaults.broker_class == BrokerClass::kTagEcho);
  CHECK(defaults.orders_max == 100);
  CHECK(defaults.quiet_period == std::chrono::milliseconds(500));
  CHECK(defaults.settlement_days == 1);
  CHECK(defaults.utc_offset == std::chrono::minutes(330));
  CHECK(defaults.calendar == "NSE");
  const auto set = mock(make_alpaca_mock, clock,
                        R"({"orders_max": 7, "quiet_period_ms": 20, "settlement_days": 2, "calendar": "X"})")
                       ->capabilities();
  CHECK(set.name == "alpaca-mock");
  CHECK(set.broker_class == BrokerClass::kEnforced);
  CHECK(set.orders_max == 7);
  CHECK(set.quiet_period == std::chrono::milliseconds(20));
  CHECK(set.settlement_days == 2);
  CHECK(set.utc_offset == std::chrono::minutes(-300));
  CHECK(set.calendar == "X");
}

TEST_CASE("a bad setting is refused by name") {
  const std::vector<std::pair<const char*, const char*>> bad = {
      {R"({"fill_modle": "none"})", "fill_modle"},
      {R"({"fill_model": "sometimes"})", "fill_model"},
      {R"({"seed": 1.5})", "seed"},
      {R"({"slippage_bps": 10000})", "slippage_bps"},
      {R"({"slippage_bps": -1})", "slippage_bps"},
      {R"({"market_price": 0})", "market_price"},
      {R"({"market_price": "1e2"})", "market_price"},
      {R"({"fee_per_order": -1})", "fee_per_order"},
      {R"({"fee_rate": 1.01})", "fee_rate"},
      {R"({"fee_rate": "-0.1"})", "fee_rate"},
      {R"({"quiet_period_ms": -1})", "quiet_period_ms"},
      {R"({"settlement_days": -1})", "settlement_days"},
      {R"({"calendar": ""})", "calendar"},
      {R"({"orders_max": 0})", "orders_max"},
      {"[]", "zerodha-mock"},
      {"", "zerodha-mock"},
  };
  FakeClock clock;
  for (const auto& row : bad) {
    const std::string config = row.first;
    const std::string named = row.second;
    CAPTURE(config);
    try {
      static_cast<void>(mock(make_zerodha_mock, clock, config));
      FAIL_CHECK("was taken");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kConfiguration);
      CHECK(std::string(error.what()).find(named) != std::string::npos);
    }
  }
}

TEST_CASE("a ledger name that is no file name is refused") {
  FakeClock clock;
  for (const char* name : {"", ":memory:"}) {
    try {
      static_cast<void>(make_alpaca_mock({.ledger = name}, clock));
      FAIL_CHECK("was taken");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kConfiguration);
    }
  }
}

#ifndef ORCHESTRATOR_HAS_SQLITE
TEST_CASE("a ledger file is refused where SQLite is not built in") {
  FakeClock clock;
  try {
    static_cast<void>(make_alpaca_mock({.ledger = "brokers"}, clock));
    FAIL_CHECK("was taken");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kUnsupported);
  }
}
#endif
