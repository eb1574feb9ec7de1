#include <doctest/doctest.h>

#include <chrono>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json_events.hpp"
#include "codec/json_writer.hpp"
#include "codec/receipt_json.hpp"
#include "orchestrator/json.hpp"

namespace {

using namespace orchestrator;
using codec::JsonWriter;
using namespace std::chrono_literals;

constexpr Timestamp kOpen = std::chrono::sys_days(std::chrono::year(2026) / 1 / 5) + 9h + 15min;

// The same JSON on one line; throws when `json` is not valid.
std::string checked(const std::string& json) {
  CHECK(json.find('\n') == std::string::npos);
  CHECK(codec::compact_json(json) == json);
  return json;
}

Order filled_order() {
  Order order;
  order.id = 17;
  order.batch_id = 4;
  order.leg = 1;
  order.tenant = "default";
  order.portfolio_id = 1;
  order.broker = "zerodha-mock";
  order.client_order_id = "oo0123456789abcdefgh";
  order.ext_order_id = "260105000000017";
  order.instrument_id = 738561;
  order.symbol = "RELIANCE";
  order.qty = Quantity::from_int(100);
  order.price_limit = Price::from_string("2500.05");
  order.status = OrderStatus::kFilled;
  order.fill_qty = Quantity::from_int(100);
  order.fill_notional = Money::from_int(250000);
  order.fees = Money::from_string("20.5");
  order.attempt = 1;
  order.lease_owner = 99;
  order.lease_epoch = 3;
  order.lease_until = kOpen + 30s;
  order.created_at = kOpen;
  order.submitted_at = kOpen + 1us;
  order.acked_at = kOpen + 2ms;
  order.executed_at = kOpen + 1s;
  order.ended_at = kOpen + 1s;
  order.version = 5;
  return order;
}

Receipt sample_receipt() {
  Receipt receipt;
  receipt.batch_id = 4;
  receipt.portfolio_id = 1;
  receipt.idempotency_key = "desk-7";
  receipt.created_at = kOpen;
  Receipt::Leg placed;
  placed.index = 0;
  placed.id = 17;
  placed.client_order_id = "oo0123456789abcdefgh";
  placed.instrument_id = 738561;
  placed.qty = Quantity::from_int(100);
  placed.price_limit = Price::from_string("2500.05");
  placed.broker = "zerodha-mock";
  placed.routing_reason = "rule 3";
  placed.violations = {{0, "qty", "duplicate.in_batch", "equal to order 1", Severity::kWarning}};
  Receipt::Leg rejected;
  rejected.index = 1;
  rejected.instrument_id = 2;
  rejected.side = Side::kSell;
  rejected.qty = Quantity::from_string("0.5");
  rejected.violations = {{1, "qty", "qty.off_lot", "0.5 is no multiple of 1", Severity::kError}};
  Receipt::Leg sliced = placed;
  sliced.id = 18;
  sliced.violations.clear();
  sliced.price_limit.reset();
  sliced.broker = "alpaca-mock";
  receipt.orders = {placed, rejected, sliced};
  receipt.warnings = {
      {Violation::kWholeBatch, "orders", "duplicate.recent", "seen \"before\"", Severity::kWarning}};
  return receipt;
}

}  // namespace

TEST_CASE("commas stand between values and nowhere else") {
  std::string out = "before ";
  JsonWriter json(out);
  json.begin_object()
      .key("a")
      .begin_array()
      .value(1)
      .value("two")
      .null()
      .begin_array()
      .end_array()
      .begin_object()
      .end_object()
      .value(true)
      .end_array()
      .key("b")
      .begin_object()
      .member("c", -1)
      .member_null("d")
      .member_raw("e", "{\"f\":[]}")
      .member_raw("g", "")
      .end_object()
      .member("h", "ends in [")
      .member("i", "")
      .end_object();
  CHECK(
      out ==
      R"(before {"a":[1,"two",null,[],{},true],"b":{"c":-1,"d":null,"e":{"f":[]},"g":null},"h":"ends in [","i":""})");
}

TEST_CASE("each type is written as the API shows it") {
  std::string out;
  JsonWriter json(out);
  const std::optional<Price> none;
  json.begin_array()
      .value(std::numeric_limits<std::int64_t>::min())
      .value(std::numeric_limits<std::uint64_t>::max())
      .value(std::int32_t{-5})
      .value(std::size_t{5})
      .value(Price::from_string("2500.050"))
      .value(Quantity::from_units(1))
      .value(Money::from_string("-170141183460469231731.687303715884105727"))
      .value(Rate::from_string("0.2"))
      .value(none)
      .value(std::optional<std::string>("x"))
      .value(kOpen)
      .value(Date(std::chrono::year(2026) / 1 / 5))
      .value(Side::kSell)
      .value(OrderStatus::kPartiallyFilled)
      .value(false)
      .end_array();
  CHECK(out ==
        "[-9223372036854775808,18446744073709551615,-5,5,2500.05,0.000000001,"
        "-170141183460469231731.687303715884105727,0.2,null,\"x\",\"2026-01-05T09:15:00.000000Z\",\"2026-01-"
        "05\","
        "\"SELL\",\"partially_filled\",false]");
}

TEST_CASE("a string is escaped as far as JSON asks for and no further") {
  CHECK(quote("") == "\"\"");
  CHECK(quote("a/b 'c' <d> \x7F") == "\"a/b 'c' <d> \x7F\"");
  CHECK(quote("\"\\\b\f\n\r\t") == R"("\"\\\b\f\n\r\t")");
  CHECK(quote(std::string_view("\0\x01\x1F", 3)) == R"("\u0000\u0001\u001f")");
  CHECK(quote("é€😀") == "\"é€😀\"");
}

TEST_CASE("every single byte and every pair of bytes is written as valid JSON") {
  for (int first = 0; first < 256; ++first) {
    for (int second = -1; second < 256; ++second) {
      std::string text(1, static_cast<char>(first));
      if (second >= 0) text.push_back(static_cast<char>(second));
      CAPTURE(first);
      CAPTURE(second);
      REQUIRE_NOTHROW((void)codec::compact_json(quote(text)));
    }
  }
}

TEST_CASE("bytes that are not UTF-8 become replacement characters, and their neighbours stay") {
  const std::string mark = "\xEF\xBF\xBD";
  CHECK(quote("a\xFF"
              "b") == "\"a" + mark + "b\"");
  CHECK(quote("\xC0\x80") == "\"" + mark + mark + "\"");                        // overlong NUL
  CHECK(quote("\xED\xA0\x80") == "\"" + mark + mark + mark + "\"");             // surrogate
  CHECK(quote("\xF4\x90\x80\x80") == "\"" + mark + mark + mark + mark + "\"");  // above U+10FFFF
  CHECK(quote("\xE2\x82") == "\"" + mark + mark + "\"");                        // cut off
  CHECK(quote("\xE2\x82\"") == "\"" + mark + mark + "\\\"\"");                  // cut off before a quote
  CHECK(quote("\xF4\x8F\xBF\xBF\xEF\xBF\xBF\xC2\x80") == "\"\xF4\x8F\xBF\xBF\xEF\xBF\xBF\xC2\x80\"");
}

TEST_CASE("an order shows every field under the specification's names") {
  CHECK(
      checked(to_json(filled_order())) ==
      R"({"id":17,"batch_id":4,"portfolio_id":1,"broker":"zerodha-mock","instrument_id":738561,)"
      R"("symbol":"RELIANCE","qty":100,"price_limit":2500.05,"stop_price":null,"side":"BUY",)"
      R"("order_type":"limit","time_in_force":"day","status":"filled",)"
      R"("client_order_id":"oo0123456789abcdefgh","ext_order_id":"260105000000017","fill_price":2500,)"
      R"("fill_qty":100,"fill_notional":250000,"remaining_qty":0,"fees":20.5,"reason":null,)"
      R"("pending_qty":null,"pending_price_limit":null,"overfilled":false,"late_fill":false,)"
      R"("busted":false,"parked":false,"incident":false,"leg":1,"multiplier":1,"margin_reserved":0,"attempt":1,)"
      R"("replace_count":0,"created_at":"2026-01-05T09:15:00.000000Z",)"
      R"("submitted_at":"2026-01-05T09:15:00.000001Z","acked_at":"2026-01-05T09:15:00.002000Z",)"
      R"("executed_at":"2026-01-05T09:15:01.000000Z","ended_at":"2026-01-05T09:15:01.000000Z",)"
      R"("settled_at":null,"version":5})");
}

TEST_CASE("an order without a broker id or a fill shows null for them") {
  const std::string json = checked(to_json(Order()));
  for (const std::string_view field : {"ext_order_id", "client_order_id", "fill_price", "price_limit",
                                       "reason", "submitted_at", "executed_at"}) {
    CHECK(json.find("\"" + std::string(field) + "\":null") != std::string::npos);
  }
  CHECK(json.find("lease") == std::string::npos);
}

TEST_CASE("an order with its executions is the order and one field more") {
  Execution execution;
  execution.broker = "zerodha-mock";
  execution.account = "A1";
  execution.execution_id = "E1";
  execution.order_id = 17;
  execution.qty = Quantity::from_int(100);
  execution.price = Price::from_int(2500);
  execution.executed_at = kOpen;
  execution.recorded_at = kOpen;
  const std::string plain = to_json(filled_order());
  const std::string one =
      R"({"execution_id":"E1","broker":"zerodha-mock","account":"A1","order_id":17,"kind":"trade",)"
      R"("ref_execution_id":null,"qty":100,"price":2500,"fees":0,)"
      R"("executed_at":"2026-01-05T09:15:00.000000Z","recorded_at":"2026-01-05T09:15:00.000000Z"})";
  CHECK(checked(to_json(execution)) == one);
  const std::vector<Execution> executions = {execution, execution};
  CHECK(checked(to_json(filled_order(), executions)) ==
        plain.substr(0, plain.size() - 1) + ",\"executions\":[" + one + "," + one + "]}");
  CHECK(checked(to_json(filled_order(), {})) == plain.substr(0, plain.size() - 1) + ",\"executions\":[]}");
}

TEST_CASE("a batch shows its counts and the orders as asked") {
  OrderBatch batch;
  batch.id = 4;
  batch.portfolio_id = 1;
  batch.idempotency_key = "k";
  batch.orders_json = R"([{"instrument_id":1,"qty":1,"side":"BUY"}])";
  batch.created_at = kOpen;
  batch.total_orders = 1;
  CHECK(
      checked(to_json(batch)) ==
      R"({"id":4,"user_id":null,"portfolio_id":1,"idempotency_key":"k","status":"pending","total_orders":1,)"
      R"("open_orders":0,"filled_orders":0,"executed_orders":0,"cancelled_orders":0,"rejected_orders":0,)"
      R"("created_at":"2026-01-05T09:15:00.000000Z","version":0,)"
      R"("orders":[{"instrument_id":1,"qty":1,"side":"BUY"}]})");
}

TEST_CASE("a receipt shows legs, routing and warnings, and nothing about replays") {
  Receipt receipt = sample_receipt();
  const std::string json = checked(to_json(receipt));
  CHECK(json ==
        R"({"batch_id":4,"portfolio_id":1,"idempotency_key":"desk-7","status":"pending",)"
        R"("created_at":"2026-01-05T09:15:00.000000Z","orders":[)"
        R"({"index":0,"id":17,"client_order_id":"oo0123456789abcdefgh","instrument_id":738561,"side":"BUY",)"
        R"("qty":100,"price_limit":2500.05,"status":"placed","violations":[{"order_index":0,"field":"qty",)"
        R"("code":"duplicate.in_batch","message":"equal to order 1","severity":"warning"}]},)"
        R"({"index":1,"id":null,"client_order_id":null,"instrument_id":2,"side":"SELL","qty":0.5,)"
        R"("price_limit":null,"status":"rejected","violations":[{"order_index":1,"field":"qty",)"
        R"("code":"qty.off_lot","message":"0.5 is no multiple of 1","severity":"error"}]},)"
        R"({"index":0,"id":18,"client_order_id":"oo0123456789abcdefgh","instrument_id":738561,"side":"BUY",)"
        R"("qty":100,"price_limit":null,"status":"placed","violations":[]}],)"
        R"("proposed_routing":[{"order_id":17,"index":0,"broker":"zerodha-mock","reason":"rule 3"},)"
        R"({"order_id":18,"index":0,"broker":"alpaca-mock","reason":"rule 3"}],)"
        R"("warnings":[{"order_index":null,"field":"orders","code":"duplicate.recent",)"
        R"("message":"seen \"before\"","severity":"warning"}]})");
  receipt.replayed = true;
  CHECK(to_json(receipt) == json);
}

TEST_CASE("a stored receipt is read back whole") {
  const Receipt receipt = sample_receipt();
  const std::string json = to_json(receipt);
  const Receipt again = codec::parse_receipt(json);
  CHECK(to_json(again) == json);
  CHECK(again.json == json);
  CHECK_FALSE(again.replayed);
  REQUIRE(again.orders.size() == 3);
  CHECK(again.orders[0].broker == "zerodha-mock");
  CHECK(again.orders[1].broker.empty());
  CHECK(again.orders[2].broker == "alpaca-mock");
  CHECK(again.orders[2].routing_reason == "rule 3");
  CHECK(again.orders[0].violations == receipt.orders[0].violations);
  CHECK(again.warnings == receipt.warnings);
  CHECK(again.created_at == receipt.created_at);
}

TEST_CASE("a stored receipt with fields of another release is read, ignoring them") {
  std::string json = to_json(sample_receipt());
  json.insert(1, R"("later":{"orders":[{"id":1}],"x":[[1]]},)");
  json.insert(json.find("{\"index\":0") + 1, R"("later":[{"violations":[]}],)");
  const Receipt again = codec::parse_receipt(json);
  CHECK(to_json(again) == to_json(sample_receipt()));
}

TEST_CASE("a damaged stored receipt is refused as such") {
  const std::string json = to_json(sample_receipt());
  const auto with = [&json](std::string_view from, std::string_view to) {
    std::string damaged = json;
    damaged.replace(damaged.find(from), from.size(), to);
    return damaged;
  };
  const std::vector<std::string> cases = {
      "",
      "5",
      "[]",
      "{}",
      json.substr(0, json.size() / 2),
      with("\"batch_id\":4", "\"batch_id\":\"4\""),
      with("\"batch_id\":4", "\"batch_id\":null"),
      with("\"BUY\"", "\"LONG\""),
      with("\"qty\":100", "\"qty\":1e2"),
      with("\"qty\":100", "\"qty\":\"100\""),
      with("2026-01-05T", "2026-13-05T"),
      with("\"warning\"", "\"advice\""),
      with("\"orders\":[", "\"orders\":[7,"),
      with("\"proposed_routing\":[", "\"proposed_routing\":[{\"broker\":\"x\"},"),
      with("\"proposed_routing\":[",
           "\"proposed_routing\":[{\"order_id\":1},"
           "{\"order_id\":2},{\"order_id\":3},")};
  for (const std::string& damaged : cases) {
    CAPTURE(damaged);
    try {
      (void)codec::parse_receipt(damaged);
      FAIL_CHECK("read");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kStorageCorrupt);
    }
  }
}

TEST_CASE("the batch report has the specification's fields and figures") {
  BatchReport report;
  report.batch_id = 123;
  report.status = BatchStatus::kCompleted;
  report.total_orders = 2;
  report.filled_orders = 2;
  report.total_qty = Quantity::from_int(150);
  report.filled_qty = Quantity::from_int(150);
  report.total_value = Money::from_int(380000);
  report.filled_value = Money::from_int(380000);
  report.expected_pnl = Money::from_int(5000);
  InstrumentReport instrument;
  instrument.instrument_id = 1;
  instrument.symbol = "#1";
  instrument.bought_qty = Quantity::from_int(100);
  instrument.vwap_buy = Price::from_int(2500);
  report.instruments = {instrument};
  report.orders = {filled_order()};
  CHECK(
      checked(to_json(report)) ==
      R"({"batch_id":123,"total_orders":2,"filled_orders":2,"pending_orders":0,"cancelled_orders":0,)"
      R"("total_qty":150,"filled_qty":150,"total_value":380000,"filled_value":380000,"expected_pnl":5000,)"
      R"("actual_pnl":null,"status":"completed","rejected_orders":0,"fees":0,"instruments":[{"instrument_id":1,)"
      R"("symbol":"#1","bought_qty":100,"sold_qty":0,"vwap_buy":2500,"vwap_sell":null,)"
      R"("net_position_change":0,"cash_flow":0,"matched_pnl":null,"slippage":0,"fees":0}],"orders":[)" +
          to_json(filled_order()) + "]}");
}

TEST_CASE("breaks, broker orders and rules show null for what is not there") {
  CHECK(checked(to_json(Break{BreakType::kQuantity, 17, "", "E5", "", "fill_qty", "100", "99"})) ==
        R"({"type":"quantity","order_id":17,"client_order_id":null,"ext_order_id":"E5","execution_id":null,)"
        R"("field":"fill_qty","ours":"100","theirs":"99"})");
  BrokerOrder order;
  order.ext_order_id = "E5";
  order.symbol = "INFY";
  order.qty = Quantity::from_int(5);
  order.updated_at = kOpen;
  CHECK(
      checked(to_json(order)) ==
      R"({"ext_order_id":"E5","client_order_id":null,"symbol":"INFY","instrument_id":null,"side":"BUY","qty":5,)"
      R"("price_limit":null,"status":"acked","fill_qty":0,"fill_notional":0,"reason":null,)"
      R"("updated_at":"2026-01-05T09:15:00.000000Z"})");
  RoutingRule rule;
  rule.id = 3;
  rule.exchange = "NSE";
  rule.targets = {{"a", 2}, {"b", 0}};
  CHECK(checked(to_json(rule)) ==
        R"({"id":3,"priority":100,"instrument_id":null,"exchange":"NSE","portfolio_id":null,)"
        R"("targets":[{"broker":"a","weight":2},{"broker":"b","weight":0}]})");
}

TEST_CASE("a broker's settings are shown as the JSON they are") {
  BrokerInfo broker;
  broker.config.broker_name = "zerodha-mock";
  broker.config.config_json = "{ \"seed\" : 7,\n \"fee_rate\": 0.0003 }";
  broker.config.created_at = kOpen;
  broker.config.updated_at = kOpen;
  broker.simulated = true;
  CHECK(checked(to_json(broker)) ==
        R"({"id":null,"broker_name":"zerodha-mock","active":true,"simulated":true,)"
        R"("config_json":{"seed":7,"fee_rate":0.0003},"created_at":"2026-01-05T09:15:00.000000Z",)"
        R"("updated_at":"2026-01-05T09:15:00.000000Z","capabilities":null})");
  broker.config.config_json = "{broken";
  broker.capabilities.emplace();
  broker.capabilities->broker_class = BrokerClass::kEnforced;
  const std::string json = checked(to_json(broker));
  CHECK(json.find(R"("config_json":"{broken")") != std::string::npos);
  CHECK(json.find(R"("broker_class":"enforced")") != std::string::npos);
}

TEST_CASE("health, recovery, limits, instruments and halts are JSON objects") {
  Health health;
  health.ok = true;
  health.dependencies = {{.role = "order_store", .name = "memory"}};
  health.halts = {{ControlScope::kBroker, "alpaca-mock", "maintenance", kOpen},
                  {ControlScope::kAll, "", "r", kOpen, HaltMode::kCancelOnly, "asha"}};
  health.brokers = {{"alpaca-mock", CircuitState::kOpen, 5, std::chrono::milliseconds(250), "timeout"}};
  CHECK(
      checked(to_json(health)) ==
      R"({"ok":true,"dependencies":[{"role":"order_store","name":"memory","version":null,"location":null,)"
      R"("latency_us":null,"state":"ok","detail":null}],"halts":[{"scope":"broker","target":"alpaca-mock","mode":"halt",)"
      R"("reason":"maintenance","since":"2026-01-05T09:15:00.000000Z","by":null},)"
      R"({"scope":"all","target":null,"mode":"cancel_only","reason":"r",)"
      R"("since":"2026-01-05T09:15:00.000000Z","by":"asha"}],"outbox":{"rows":0,"oldest":null},"unknown_orders":0,)"
      R"("parked_orders":0,"brokers":[{"broker":"alpaca-mock","circuit":"open","failures":5,)"
      R"("retry_in_ms":250,"reason":"timeout"}],"detail":null})");
  RecoveryReport recovery;
  recovery.adopted = 2;
  CHECK(checked(to_json(recovery)).find("\"adopted\":2") != std::string::npos);
  PortfolioLimits limits;
  limits.portfolio_id = 1;
  limits.margin_available = Money::from_int(1000);
  CHECK(checked(to_json(limits, PortfolioUsage())) ==
        R"({"portfolio_id":1,"margin_available":1000,"margin_rate":1,"max_quantity":null,)"
        R"("max_notional_order":null,"max_notional_batch":null,"max_notional_day":null,)"
        R"("usage":{"margin_reserved":0,"day":"1970-01-01","day_notional":0}})");
  Instrument instrument;
  instrument.id = 1;
  instrument.symbol = "X";
  CHECK(checked(to_json(instrument)) ==
        R"({"id":1,"symbol":"X","exchange":null,"currency":"INR","lot_size":1,"tick_size":0.000000001,)"
        R"("price_band_low":null,"price_band_high":null,"last_price":null,"freeze_quantity":null,)"
        R"("multiplier":1})");
}

TEST_CASE("an error says code, next step and every violation") {
  CHECK(checked(to_json(Error(ErrorCode::kStorageBusy, "locked by \"x\""))) ==
        R"({"error":{"code":"storage_busy","message":"locked by \"x\"","retryable":true,"in_doubt":false,)"
        R"("violations":[]}})");
  const Violation violation{3, "qty", "qty.off_lot", "75 is no multiple of 50", Severity::kError};
  CHECK(checked(to_json(violation)) ==
        R"({"order_index":3,"field":"qty","code":"qty.off_lot","message":"75 is no multiple of 50",)"
        R"("severity":"error"})");
  const std::string json = checked(to_json(Error::validation_failed({violation, violation})));
  CHECK(json.find("\"violations\":[" + to_json(violation) + "," + to_json(violation) + "]") !=
        std::string::npos);
}
