#include <doctest/doctest.h>

#include <algorithm>
#include <clocale>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/json.hpp"
#include "support/refusal.hpp"

namespace {

using namespace orchestrator;
using namespace orchestrator::testing;

constexpr std::string_view kSpecificationBody = R"({
    "portfolio_id": 1,
    "orders": [
      {
        "instrument_id": 1,
        "qty": 100,
        "side": "BUY",
        "price_limit": 2500.0
      },
      {
        "instrument_id": 2,
        "qty": 50,
        "side": "SELL",
        "price_limit": 2600.0
      }
    ]
  })";

std::string body_with(std::string_view order) {
  return R"({"portfolio_id": 1, "orders": [)" + std::string(order) + "]}";
}

// One order whose field `name` holds `json`; the other required fields are sound.
std::string order_with(std::string_view name, std::string_view json) {
  std::string order = "{";
  const auto add = [&order](std::string_view key, std::string_view value) {
    order.append(order.size() > 1 ? "," : "").append("\"").append(key).append("\":").append(value);
  };
  if (name != "instrument_id") add("instrument_id", "1");
  if (name != "qty") add("qty", "100");
  if (name != "side") add("side", "\"BUY\"");
  add(name, json);
  return order + "}";
}

}  // namespace

TEST_CASE("the specification's body is read unchanged") {
  const BatchRequest request = parse_batch_json(kSpecificationBody);
  CHECK(request.portfolio_id == 1);
  CHECK(request.idempotency_key.empty());
  CHECK(request.user_id == 0);
  CHECK(request.policy == BatchPolicy::kAll);
  CHECK(request.tenant == "default");
  REQUIRE(request.orders.size() == 2);
  const OrderRequest& buy = request.orders[0];
  CHECK(buy.instrument_id == 1);
  CHECK(buy.qty == Quantity::from_int(100));
  CHECK(buy.side == Side::kBuy);
  CHECK(buy.price_limit == Price::from_int(2500));
  CHECK(buy.order_type == OrderType::kLimit);
  CHECK(buy.time_in_force == TimeInForce::kDay);
  CHECK(buy.broker.empty());
  CHECK_FALSE(buy.slice);
  CHECK_FALSE(buy.stop_price);
  CHECK(request.orders[1].side == Side::kSell);
}

TEST_CASE("every field of a body is read") {
  const BatchRequest request = parse_batch_json(R"({
    "idempotency_key": "desk-7/2026", "user_id": 9007199254740993, "policy": "each", "portfolio_id": 9223372036854775807,
    "orders": [{"slice": true, "broker": "zerodha-mock", "time_in_force": "ioc", "order_type": "stop_limit",
                "stop_price": "99.95", "price_limit": "100.000000001", "side": "SELL", "qty": 0.5,
                "instrument_id": 9007199254740993}]})");
  CHECK(request.idempotency_key == "desk-7/2026");
  CHECK(request.user_id == 9007199254740993);
  CHECK(request.portfolio_id == 9223372036854775807);
  CHECK(request.policy == BatchPolicy::kEach);
  REQUIRE(request.orders.size() == 1);
  const OrderRequest& order = request.orders[0];
  CHECK(order.slice);
  CHECK(order.broker == "zerodha-mock");
  CHECK(order.time_in_force == TimeInForce::kIoc);
  CHECK(order.order_type == OrderType::kStopLimit);
  CHECK(order.stop_price == Price::from_string("99.95"));
  CHECK(order.price_limit == Price::from_string("100.000000001"));
  CHECK(order.qty == Quantity::from_string("0.5"));
  CHECK(order.instrument_id == 9007199254740993);
}

TEST_CASE("a decimal keeps every digit, as a number and as a string") {
  for (const std::string_view digits : {"9223372036.854775807", "0.000000001", "0.1", "2500.05", "1.10",
                                        "100.000000000000", "9007199254.740993"}) {
    for (const std::string_view quotes : {"", "\""}) {
      const std::string json = std::string(quotes).append(digits).append(quotes);
      CAPTURE(json);
      const auto request = parse_batch_json(body_with(order_with("price_limit", json)));
      CHECK(request.orders.at(0).price_limit == Price::from_string(digits));
    }
  }
}

TEST_CASE("a decimal is read the same under a locale with a decimal comma") {
  const std::string restore = std::setlocale(LC_ALL, nullptr);
  bool found = false;
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "nl_NL.UTF-8", "pt_BR.UTF-8"}) {
    found = found || std::setlocale(LC_ALL, name) != nullptr;
  }
  if (!found) MESSAGE("no locale with a decimal comma is installed: only the present one was tried");
  const auto request = parse_batch_json(body_with(order_with("price_limit", "2500.05")));
  std::setlocale(LC_ALL, restore.c_str());
  CHECK(request.orders.at(0).price_limit == Price::from_string("2500.05"));
}

TEST_CASE("null counts as left out, for optional fields only") {
  const auto request = parse_batch_json(
      R"({"portfolio_id": 1, "idempotency_key": null, "user_id": null, "policy": null, "orders": [{"instrument_id": 1,
          "qty": 1, "side": "BUY", "price_limit": null, "stop_price": null, "order_type": null,
          "time_in_force": null, "broker": null, "slice": null}]})");
  OrderRequest plain;
  plain.instrument_id = 1;
  plain.qty = Quantity::from_int(1);
  CHECK(request.orders.at(0) == plain);
  CHECK(refusal_of(body_with(order_with("qty", "null"))));
  CHECK(refusal_of(body_with(order_with("side", "null"))));
  CHECK(refusal_of(R"({"portfolio_id": null, "orders": []})"));
}

TEST_CASE("a value that cannot be read is a violation with field and code") {
  struct Case {
    std::string_view field, json, code, says;
  };
  const std::vector<Case> cases = {
      {"qty", "1e5", "qty.invalid_decimal", "exponent"},
      {"qty", "1E5", "qty.invalid_decimal", "exponent"},
      {"qty", "1.5e-3", "qty.invalid_decimal", "exponent"},
      {"qty", "-0", "qty.invalid_decimal", "negative zero"},
      {"qty", "-0.0", "qty.invalid_decimal", "negative zero"},
      {"qty", "\"-0\"", "qty.invalid_decimal", "negative zero"},
      {"qty", "1234567890123456789012345678901234567890", "qty.invalid_decimal", "out of range"},
      {"qty", "-1234567890123456789012345678901234567890", "qty.invalid_decimal", "out of range"},
      {"qty", "9223372036854775808", "qty.invalid_decimal", "out of range"},
      {"qty", "18446744073709551615", "qty.invalid_decimal", "out of range"},
      {"qty", "18446744073709551616", "qty.invalid_decimal", "out of range"},
      {"qty", "0.0000000001", "qty.invalid_decimal", "9 decimals"},
      {"qty", "\"NaN\"", "qty.invalid_decimal", "not a decimal"},
      {"qty", "\"Infinity\"", "qty.invalid_decimal", "not a decimal"},
      {"qty", "\"100 \"", "qty.invalid_decimal", "blanks"},
      {"qty", "\"1,000\"", "qty.invalid_decimal", "commas"},
      {"qty", "\"\"", "qty.invalid_decimal", "empty"},
      {"qty", "\"+1\"", "qty.invalid_decimal", "plus"},
      {"qty", "true", "qty.invalid_decimal", "a boolean"},
      {"qty", "null", "qty.invalid_decimal", "null"},
      {"qty", "[1]", "qty.invalid_decimal", "an array"},
      {"qty", "{\"value\": [1, {}]}", "qty.invalid_decimal", "an object"},
      {"price_limit", "1e5", "price.invalid_decimal", "exponent"},
      {"price_limit", "-0", "price.invalid_decimal", "negative zero"},
      {"stop_price", "\"x\"", "stop_price.invalid_decimal", "not a decimal"},
      {"side", "\"buy\"", "side.invalid", "BUY or SELL"},
      {"side", "\"HOLD\"", "side.invalid", "\"HOLD\""},
      {"side", "1", "side.invalid", "a number"},
      {"order_type", "\"LIMIT\"", "order_type.invalid", "stop_limit"},
      {"time_in_force", "\"DAY\"", "time_in_force.invalid", "gtc"},
      {"broker", "\"\"", "broker.invalid", "empty"},
      {"broker", "7", "broker.invalid", "a number"},
      {"slice", "\"true\"", "slice.invalid", "a string"},
      {"slice", "1", "slice.invalid", "a number"},
      {"instrument_id", "\"1\"", "instrument.invalid", "a string"},
      {"instrument_id", "1.0", "instrument.invalid", "integer"},
      {"instrument_id", "1e3", "instrument.invalid", "integer"},
      {"instrument_id", "0", "instrument.invalid", "positive"},
      {"instrument_id", "-1", "instrument.invalid", "positive"},
      {"instrument_id", "-0", "instrument.invalid", "positive"},
      {"instrument_id", "9223372036854775808", "instrument.invalid", "64-bit"},
      {"instrument_id", "99999999999999999999999", "instrument.invalid", "64-bit"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.field);
    CAPTURE(c.json);
    const auto error = refusal_of(body_with(order_with(c.field, c.json)));
    REQUIRE(error);
    CHECK(error->code() == ErrorCode::kValidationFailed);
    REQUIRE(error->violations().size() == 1);
    const Violation& violation = error->violations()[0];
    CHECK(violation.order_index == 0);
    CHECK(violation.field == c.field);
    CHECK(violation.code == c.code);
    CHECK(violation.severity == Severity::kError);
    CHECK_MESSAGE(violation.message.find(c.says) != std::string::npos, violation.message);
  }
}

TEST_CASE("a value of the body that cannot be read is a violation of the whole batch") {
  struct Case {
    std::string_view body, field, code;
  };
  const std::string long_key =
      R"({"portfolio_id": 1, "orders": [], "idempotency_key": ")" + std::string(256, 'k') + "\"}";
  const std::vector<Case> cases = {
      {R"({"portfolio_id": "1", "orders": []})", "portfolio_id", "portfolio.invalid"},
      {R"({"portfolio_id": 1.5, "orders": []})", "portfolio_id", "portfolio.invalid"},
      {R"({"portfolio_id": 0, "orders": []})", "portfolio_id", "portfolio.invalid"},
      {R"({"portfolio_id": -1, "orders": []})", "portfolio_id", "portfolio.invalid"},
      {R"({"portfolio_id": null, "orders": []})", "portfolio_id", "portfolio.invalid"},
      {R"({"portfolio_id": 1, "orders": [], "user_id": "x"})", "user_id", "user.invalid"},
      {R"({"portfolio_id": 1, "orders": [], "policy": "some"})", "policy", "policy.invalid"},
      {R"({"portfolio_id": 1, "orders": [], "policy": 1})", "policy", "policy.invalid"},
      {R"({"portfolio_id": 1, "orders": [], "idempotency_key": ""})", "idempotency_key",
       "idempotency_key.invalid"},
      {R"({"portfolio_id": 1, "orders": [], "idempotency_key": "a b"})", "idempotency_key",
       "idempotency_key.invalid"},
      {R"({"portfolio_id": 1, "orders": [], "idempotency_key": "\u007f"})", "idempotency_key",
       "idempotency_key.invalid"},
      {R"({"portfolio_id": 1, "orders": [], "idempotency_key": "clé"})", "idempotency_key",
       "idempotency_key.invalid"},
      {R"({"portfolio_id": 1, "orders": [], "idempotency_key": 5})", "idempotency_key",
       "idempotency_key.invalid"},
      {long_key, "idempotency_key", "idempotency_key.invalid"},
      {R"({"portfolio_id": 1, "orders": [], "tenant": "other"})", "tenant", "field.unknown"},
      {R"({"portfolio_id": 1, "orders": [], "x": {"orders": [{"qty": "bad"}]}})", "x", "field.unknown"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.body);
    const auto error = refusal_of(c.body);
    REQUIRE(error);
    CHECK(error->code() == ErrorCode::kValidationFailed);
    REQUIRE(error->violations().size() == 1);
    CHECK(error->violations()[0].order_index == Violation::kWholeBatch);
    CHECK(error->violations()[0].field == c.field);
    CHECK(error->violations()[0].code == c.code);
  }
}

TEST_CASE("an idempotency key may have 1 to 255 visible ASCII characters") {
  for (const std::string& key : {std::string("!"), std::string("~"), std::string(255, 'k')}) {
    const auto request =
        parse_batch_json(R"({"portfolio_id": 1, "orders": [], "idempotency_key": ")" + key + "\"}");
    CHECK(request.idempotency_key == key);
  }
}

TEST_CASE("all bad values of all orders are reported at once, in request order") {
  const auto error = refusal_of(R"({"portfolio_id": 1, "orders": [
      {"instrument_id": 1, "qty": "NaN", "side": "LONG", "prize_limit": 5},
      {"instrument_id": 1, "qty": 1, "side": "BUY"},
      {"qty": 1e9}], "policy": "none"})");
  REQUIRE(error);
  CHECK(error->code() == ErrorCode::kValidationFailed);
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const Violation& violation : error->violations())
    found.emplace_back(violation.order_index, violation.code);
  const std::vector<std::pair<std::size_t, std::string>> expected = {
      {0, "qty.invalid_decimal"},
      {0, "side.invalid"},
      {0, "field.unknown"},
      {2, "qty.invalid_decimal"},
      {2, "instrument.required"},
      {2, "side.required"},
      {Violation::kWholeBatch, "policy.invalid"}};
  CHECK(found == expected);
}

TEST_CASE("an unknown field is refused with the list of the known ones") {
  const auto error = refusal_of(body_with(order_with("prize_limit", "5")));
  REQUIRE(error);
  CHECK(error->violations().at(0).field == "prize_limit");
  for (const std::string_view known : {"instrument_id", "qty", "side", "price_limit", "stop_price",
                                       "order_type", "time_in_force", "broker", "slice"}) {
    CHECK(error->violations().at(0).message.find(known) != std::string::npos);
  }
}

TEST_CASE("at most a thousand violations are kept") {
  std::string order = order_with("qty", "1");
  order.pop_back();
  for (int i = 0; i < 5000; ++i) order += ",\"unknown\":1";
  const auto error = refusal_of(body_with(order + "}"));
  REQUIRE(error);
  CHECK(error->violations().size() == 1000);
}

TEST_CASE("a key given twice is refused, naming the key and where") {
  const auto in_order = refusal_of(body_with(R"({"instrument_id": 1, "qty": 1, "side": "BUY"},
                                              {"instrument_id": 1, "qty": 1, "side": "BUY", "qty": 2})"));
  REQUIRE(in_order);
  CHECK(in_order->code() == ErrorCode::kInvalidJson);
  CHECK(mentions(*in_order, "\"qty\""));
  CHECK(mentions(*in_order, "orders[1]"));

  const auto escaped =
      refusal_of(body_with(R"({"instrument_id": 1, "qty": 1, "side": "BUY", "\u0071ty": 2})"));
  REQUIRE(escaped);
  CHECK(escaped->code() == ErrorCode::kInvalidJson);

  const auto null_first = refusal_of(body_with(order_with("price_limit", "null, \"price_limit\": 5")));
  REQUIRE(null_first);
  CHECK(null_first->code() == ErrorCode::kInvalidJson);

  const auto in_body = refusal_of(R"({"portfolio_id": 1, "orders": [], "orders": []})");
  REQUIRE(in_body);
  CHECK(in_body->code() == ErrorCode::kInvalidJson);
  CHECK(mentions(*in_body, "\"orders\""));
  CHECK(mentions(*in_body, "body"));
}

TEST_CASE("a body of another shape is refused") {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"5", "a number"},
      {"\"text\"", "a string"},
      {"null", "null"},
      {"[]", "an array"},
      {"{}", "portfolio_id is missing"},
      {R"({"orders": []})", "portfolio_id is missing"},
      {R"({"portfolio_id": 1})", "orders is missing"},
      {R"({"portfolio_id": 1, "orders": {}})", "orders is an object"},
      {R"({"portfolio_id": 1, "orders": "x"})", "orders is a string"},
      {R"({"portfolio_id": 1, "orders": null})", "orders is null"},
      {R"({"portfolio_id": 1, "orders": [1]})", "orders[0] is a number"},
      {R"({"portfolio_id": 1, "orders": [[]]})", "orders[0] is an array"},
      {R"({"portfolio_id": 1, "orders": [{"instrument_id":1,"qty":1,"side":"BUY"}, null]})",
       "orders[1] is null"},
      {R"({"portfolio_id": [1], "orders": []})", "portfolio_id is an array"},
      {R"({"portfolio_id": 1, "orders": [], "policy": {}})", "policy is an object"},
  };
  for (const auto& [body, says] : cases) {
    CAPTURE(body);
    const auto error = refusal_of(body);
    REQUIRE(error);
    CHECK(error->code() == ErrorCode::kInvalidJson);
    CHECK_MESSAGE(mentions(*error, says), error->what());
  }
}

TEST_CASE("what is not JSON is refused with line and column") {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, std::string_view>> cases = {
      {"", "line 1, column 1"},
      {"   ", "line 1"},
      {"{", "line 1, column 2"},
      {"{\n  \"portfolio_id\": 1,\n  \"orders\": [}", "line 3, column 14"},
      {R"({"portfolio_id": 1, "orders": []} x)", "line 1, column 35"},
      {R"({"portfolio_id": 1, "orders": []}{})", "line 1, column 34"},
      {R"({"portfolio_id": 1, "orders": [],})", "line 1"},
      {R"({'portfolio_id': 1})", "line 1, column 2"},
      {R"({"portfolio_id": NaN, "orders": []})", "line 1"},
      {R"({"portfolio_id": Infinity, "orders": []})", "line 1"},
      {R"({"portfolio_id": -Infinity, "orders": []})", "line 1"},
      {R"({"portfolio_id": 01, "orders": []})", "line 1"},
      {R"({"portfolio_id": +1, "orders": []})", "line 1"},
      {R"({"portfolio_id": .5, "orders": []})", "line 1"},
      {R"({"portfolio_id": 1., "orders": []})", "line 1"},
      {R"({"portfolio_id": 0x1F, "orders": []})", "line 1"},
      {R"({"portfolio_id": 1 /* one */, "orders": []})", "line 1"},
      {"{\"portfolio_id\": 1, \"orders\": [], \"policy\": \"a\nb\"}", "line 1"},
      {"{\"portfolio_id\": 1, \"orders\": [], \"policy\": \"\xFF\"}", "UTF-8"},
      {"{\"portfolio_id\": 1, \"orders\": [], \"policy\": \"\xC0\x80\"}", "UTF-8"},
      {"{\"portfolio_id\": 1, \"orders\": [], \"policy\": \"\xED\xA0\x80\"}", "UTF-8"},
      {R"({"portfolio_id": 1, "orders": [], "policy": "\ud800"})", "line 1"},
      {"{\"portfolio_id\": 1, \"orders\": []}\0"s, "NUL"},
      {"{\"portfolio_id\": 1, \"orders\": []}\0garbage"s, "line 1, column 34"},
      {"{\"portfolio_id\": 1,\n \"orders\": [\0]}"s, "line 2, column 13"},
      {R"({"portfolio_id": 1, "orders": [{"qty": 1e999}]})", "out of range"},
      {"{\"portfolio_id\": " + std::string(400, '9') + "}", "out of range"},
  };
  for (const auto& [body, says] : cases) {
    CAPTURE(body);
    const auto error = refusal_of(body);
    REQUIRE(error);
    CHECK(error->code() == ErrorCode::kInvalidJson);
    CHECK_MESSAGE(mentions(*error, says), error->what());
    CHECK_MESSAGE(mentions(*error, "line "), error->what());
    CHECK_FALSE(mentions(*error, "json.exception"));
  }
}

TEST_CASE("a body cut off anywhere is refused") {
  for (std::size_t size = 0; size < kSpecificationBody.size(); ++size) {
    CAPTURE(size);
    const auto error = refusal_of(kSpecificationBody.substr(0, size));
    REQUIRE(error);
    CHECK(error->code() == ErrorCode::kInvalidJson);
  }
}

TEST_CASE("a body with any one byte replaced is read or refused with a code of its own") {
  const std::vector<ErrorCode> lawful = {ErrorCode::kInvalidJson, ErrorCode::kValidationFailed};
  std::size_t refused = 0;
  for (std::size_t at = 0; at < kSpecificationBody.size(); ++at) {
    for (const char byte :
         {'\0', '\x01', '"', '\\', '{', '}', '[', ']', ',', ':', '0', '-', 'e', '\n', '\x80', '\xFF'}) {
      std::string body(kSpecificationBody);
      body[at] = byte;
      const auto error = refusal_of(body);
      if (!error) continue;
      ++refused;
      CHECK(std::find(lawful.begin(), lawful.end(), error->code()) != lawful.end());
    }
  }
  CHECK(refused > kSpecificationBody.size());
}

TEST_CASE("a byte-order mark before the body is skipped") {
  CHECK(parse_batch_json("\xEF\xBB\xBF" + std::string(kSpecificationBody)).orders.size() == 2);
}

TEST_CASE("an empty list of orders can be read") {
  CHECK(parse_batch_json(R"({"portfolio_id": 1, "orders": []})").orders.empty());
}

TEST_CASE("hostile text in a message is shortened and masked") {
  const auto error =
      refusal_of(body_with(order_with("side", "\"\\u0000\\u001b[31m" + std::string(1000, 'x') + "\"")));
  REQUIRE(error);
  const std::string& message = error->violations().at(0).message;
  CHECK(message.size() < 150);
  CHECK(std::none_of(message.begin(), message.end(), [](char c) { return c >= 0 && c < 0x20; }));
}
