#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/csv_rows.hpp"
#include "orchestrator/json.hpp"
#include "support/refusal.hpp"

namespace {

using namespace orchestrator;
using namespace orchestrator::testing;
using namespace std::string_literals;

constexpr std::string_view kBasket =
    "instrument_id,side,qty,price_limit\n"
    "1,BUY,100,2500.0\n"
    "2,SELL,50,2600\n";

template <class Read>
std::optional<Error> refusal_of(Read read) {
  try {
    (void)read();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

std::optional<Error> refusal(std::string_view text, const ReadLimits& limits = {}) {
  return refusal_of([&] { return parse_batch_csv(text, 1, limits); });
}

std::optional<Error> instrument_refusal(std::string_view text, const ReadLimits& limits = {}) {
  return refusal_of([&] { return parse_instruments_csv(text, limits); });
}

std::vector<std::vector<std::string>> rows_of(std::string_view text) {
  codec::CsvRows rows(text);
  std::vector<std::vector<std::string>> all;
  while (rows.next()) {
    if (!rows.fault().empty()) {
      all.push_back({"FAULT"});
      continue;
    }
    all.emplace_back(rows.fields().begin(), rows.fields().end());
  }
  return all;
}

}  // namespace

TEST_CASE("rows are parted as RFC 4180 says") {
  using Rows = std::vector<std::vector<std::string>>;
  const std::vector<std::pair<std::string, Rows>> cases = {
      {"", {}},
      {"\n\r\n\n", {}},
      {"a\n", {{"a"}}},
      {"a", {{"FAULT"}}},
      {"a,b\nc,d\n", {{"a", "b"}, {"c", "d"}}},
      {"a,b\nc,d", {{"a", "b"}, {"FAULT"}}},
      {"a,b\r\nc,d\r\n", {{"a", "b"}, {"c", "d"}}},
      {"a,b\n\n\nc,d\n\n", {{"a", "b"}, {"c", "d"}}},
      {",\n,,\n", {{"", ""}, {"", "", ""}}},
      {"a,\n", {{"a", ""}}},
      {"\"a,b\",c\n", {{"a,b", "c"}}},
      {"\"a\nb\",c\nd,e\n", {{"a\nb", "c"}, {"d", "e"}}},
      {"\"a\r\nb\"\r\nc\n", {{"a\r\nb"}, {"c"}}},
      {"\"\"\n", {{""}}},
      {"\"\"", {{"FAULT"}}},
      {"\"\",\"\"\"\"\n", {{"", "\""}}},
      {"\"say \"\"hi\"\" now\",\"\"\"x\"\"\"\n", {{"say \"hi\" now", "\"x\""}}},
      {" a , b \n", {{" a ", " b "}}},
      {"\xEF\xBB\xBF\"a\",b\n", {{"a", "b"}}},
      {"a\"b,c\nd,e\n", {{"FAULT"}, {"d", "e"}}},
      {"\"a\"b,c\nd,e\n", {{"FAULT"}, {"d", "e"}}},
      {"a\rb,c\nd,e\n", {{"FAULT"}, {"d", "e"}}},
      {"a,b\r", {{"FAULT"}}},
      {"a,\"b\"\r", {{"FAULT"}}},
      {"a,b\"", {{"FAULT"}}},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    CHECK(rows_of(text) == expected);
  }
}

TEST_CASE("a row knows the line it begins on") {
  codec::CsvRows rows("\na\n\"x\ny\nz\",b\n\nc\"d\ne\n");
  std::vector<std::size_t> lines;
  while (rows.next()) lines.push_back(rows.line());
  CHECK(lines == std::vector<std::size_t>{2, 3, 7, 8});
}

TEST_CASE("a quote that is never closed is refused with the line it begins on") {
  for (const std::string_view text :
       {"a\nb,\"c", "a\nb,\"c\nd\ne", "a\n\"", "a\nb,\"c\"\"", "a\nb,\"c\"\"\n"}) {
    CAPTURE(text);
    const auto error = refusal_of([&] { return rows_of(text); });
    REQUIRE(error);
    CHECK(error->code() == ErrorCode::kInvalidCsv);
    CHECK(mentions(*error, "line 2"));
    CHECK(mentions(*error, "cut off"));
  }
}

TEST_CASE("a basket is the batch that its rows describe") {
  const BatchRequest request = parse_batch_csv(kBasket, 7);
  CHECK(request.portfolio_id == 7);
  const BatchRequest same = parse_batch_json(R"({"portfolio_id": 7, "orders": [
      {"instrument_id": 1, "side": "BUY", "qty": 100, "price_limit": 2500},
      {"instrument_id": 2, "side": "SELL", "qty": 50, "price_limit": 2600}]})");
  CHECK(request == same);
}

TEST_CASE("a basket may have every field of an order, in any order of columns, quoted or not") {
  const BatchRequest request = parse_batch_csv(
      "\xEF\xBB\xBFslice,broker,time_in_force,order_type,stop_price,price_limit,qty,side,instrument_id\r\n"
      "true,\"alpaca-mock\",gtc,stop_limit,99.95,\"100.000000001\",0.5,SELL,738561\r\n"
      ",,,,,,1,BUY,2\r\n\r\n",
      1);
  REQUIRE(request.orders.size() == 2);
  const OrderRequest& order = request.orders[0];
  CHECK(order.slice);
  CHECK(order.broker == "alpaca-mock");
  CHECK(order.time_in_force == TimeInForce::kGtc);
  CHECK(order.order_type == OrderType::kStopLimit);
  CHECK(order.stop_price == Price::from_string("99.95"));
  CHECK(order.price_limit == Price::from_string("100.000000001"));
  CHECK(order.qty == Quantity::from_string("0.5"));
  CHECK(order.instrument_id == 738561);
  OrderRequest plain;
  plain.instrument_id = 2;
  plain.qty = Quantity::from_int(1);
  CHECK(request.orders[1] == plain);
}

TEST_CASE("a basket of another shape is refused with the line") {
  const std::string header = "instrument_id,side,qty\n";
  const std::vector<std::pair<std::string, std::string_view>> cases = {
      {"", "line 1: the file is empty"},
      {"\n\n", "the file is empty"},
      {"1,BUY,100\n", "line 1: the column \"1\" is not known"},
      {"instrument_id;side;qty\n1;BUY;2\n", "\"instrument_id;side;qty\""},
      {"instrument_id,side,qty,prize\n", "\"prize\""},
      {"instrument_id,side,qty,qty\n", "\"qty\" is there twice"},
      {"instrument_id,qty\n1,2\n", "no column side"},
      {"side,qty\nBUY,2\n", "no column instrument_id"},
      {"instrument_id,side\n1,BUY\n", "no column qty"},
      {header + "1,BUY\n", "line 2: the row has 2 fields and the header line 3"},
      {header + "1,BUY,1\n2,SELL,1,5\n", "line 3: the row has 4 fields"},
      {header + "1,BUY,1,000\n", "line 2: the row has 4 fields"},
      {header + "1,BUY,1\n\n2,SE\n", "line 4: the row has 2 fields"},
      {header + "1,BUY,1\n2,BUY,10", "line 3: the last line has no line end"},
      {"instrument_id,side,qty", "line 1: the last line has no line end"},
      {header + "1,BUY,\"1\n", "line 2: a quoted field"},
      {header + "1,B\"UY,1\n", "line 2: a quote inside"},
      {header + "1,\"BUY\"x,1\n", "line 2: text behind"},
      {header + "1,BUY,1\r2,SELL,1\r", "line 2: a carriage return"},
      {header + "1,BUY,1\n2,\0,1\n"s, "line 3: a NUL"},
      {header + "1,B\xFFY,1\n", "line 2: not UTF-8"},
      {"\xFF\xFEi\0n\0"s, "line 1"},
  };
  for (const auto& [text, says] : cases) {
    CAPTURE(text);
    const auto error = refusal(text);
    REQUIRE(error);
    CHECK(error->code() == ErrorCode::kInvalidCsv);
    CHECK_MESSAGE(mentions(*error, says), error->what());
  }
}

TEST_CASE("all bad values of a basket are reported at once, with order and line") {
  const auto error = refusal(
      "instrument_id,side,qty,price_limit,slice\n"
      "1,BUY,100,2500,\n"
      "x,buy,1e5,\" 5\",yes\n"
      "\n"
      "2,,,-0,\n"
      "3,BUY,\"1,000\",,false\n");
  REQUIRE(error);
  CHECK(error->code() == ErrorCode::kValidationFailed);
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const Violation& violation : error->violations()) {
    found.emplace_back(violation.order_index, violation.code);
    const std::string_view line = violation.order_index == 1   ? "line 3"
                                  : violation.order_index == 2 ? "line 5"
                                                               : "line 6";
    CHECK_MESSAGE(violation.message.find(line) != std::string::npos, violation.message);
  }
  const std::vector<std::pair<std::size_t, std::string>> expected = {
      {1, "instrument.invalid"},    {1, "side.invalid"},  {1, "qty.invalid_decimal"},
      {1, "price.invalid_decimal"}, {1, "slice.invalid"}, {2, "price.invalid_decimal"},
      {2, "qty.required"},          {2, "side.required"}, {3, "qty.invalid_decimal"}};
  CHECK(found == expected);
}

TEST_CASE("a basket above the limits is refused, naming them") {
  std::string big = "instrument_id,side,qty\n";
  for (int i = 0; i < 100'000; ++i) big += "1,BUY,1\n";
  const auto orders = refusal(big + "not,read\n");
  REQUIRE(orders);
  CHECK(orders->code() == ErrorCode::kLimitExceeded);
  CHECK(mentions(*orders, "10000"));
  const auto bytes = refusal(kBasket, {.bytes_max = 10});
  REQUIRE(bytes);
  CHECK(bytes->code() == ErrorCode::kLimitExceeded);
  CHECK(mentions(*bytes, "the limit is 10"));
}

TEST_CASE("a header alone is a basket without orders") {
  CHECK(parse_batch_csv("instrument_id,side,qty\n", 1).orders.empty());
}

TEST_CASE("a basket cut off inside a line is refused") {
  for (std::size_t size = 0; size < kBasket.size(); ++size) {
    CAPTURE(size);
    if (size > 0 && kBasket[size - 1] == '\n') continue;
    const auto error = refusal(kBasket.substr(0, size));
    REQUIRE(error);
    CHECK(error->code() == ErrorCode::kInvalidCsv);
  }
}

TEST_CASE("Kite's instrument file is read by its header") {
  const InstrumentFile file = parse_instruments_csv(
      "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
      "instrument_type,segment,exchange\r\n"
      "408065,1594,INFY,\"INFOSYS, \"\"THE\"\" & CO\",1520.45,,0,0.05,1,EQ,NSE,NSE\r\n"
      "5720322,22345,NIFTY15DECFUT,NIFTY,0,2015-12-31,0.0,0.05,75,FUT,NFO-FUT,NFO\r\n"
      "5720578, 22346, NIFTY159500CE,,100.10000000000001,2015-12-31,9500,0.0025,75,CE,NFO-OPT, NFO\r\n"
      "264969,1035,INDIA VIX,INDIA VIX,0,,0,0,0,EQ,INDICES,NSE\r\n"
      "1,2,SHORT,ROW\r\n"
      "408065,1594,AGAIN,,1,,0,0.05,1,EQ,NSE,NSE\r\n"
      "7,1,BROKEN\"QUOTE,,1,,0,0.05,1,EQ,NSE,NSE\r\n"
      "8,1,TICK,,1,,0,0.05000000000000001,1,EQ,NSE,NSE\r\n"
      "9,1,,,1,,0,0.05,1,EQ,NSE,NSE\r\n"
      "10,1,EXPONENT,,1e5,,0,0.05,1,EQ,NSE,NSE\r\n"
      "11,1,LAST,,,,0,0.01,500000,EQ,BSE,BSE\r\n");
  REQUIRE(file.instruments.size() == 4);
  const Instrument& equity = file.instruments[0];
  CHECK(equity.id == 408065);
  CHECK(equity.symbol == "INFY");
  CHECK(equity.exchange == "NSE");
  CHECK(equity.currency == "INR");
  CHECK(equity.lot_size == Quantity::from_int(1));
  CHECK(equity.tick_size == Price::from_string("0.05"));
  CHECK(equity.last_price == Price::from_string("1520.45"));
  CHECK(equity.multiplier == 1);
  CHECK_FALSE(equity.price_band_low);
  CHECK_FALSE(equity.freeze_quantity);
  CHECK_FALSE(file.instruments[1].last_price);
  CHECK(file.instruments[1].lot_size == Quantity::from_int(75));
  CHECK(file.instruments[2].symbol == "NIFTY159500CE");
  CHECK(file.instruments[2].exchange == "NFO");
  CHECK(file.instruments[2].last_price == Price::from_string("100.1"));
  CHECK(file.instruments[2].tick_size == Price::from_string("0.0025"));
  CHECK_FALSE(file.instruments[3].last_price);
  CHECK(file.skipped == 7);
  CHECK(file.first_skipped.find("line 5: ") == 0);
  CHECK(file.first_skipped.find("\"0\" is not above zero") != std::string::npos);
}

TEST_CASE("a plain instrument file is read with what it leaves out at its defaults") {
  const InstrumentFile file = parse_instruments_csv(
      "instrument_id,symbol,exchange,currency,lot_size,tick_size,price_band_low,price_band_high,last_price,"
      "freeze_quantity,multiplier\n"
      "1,\"RELIANCE\",NSE,INR,1,0.05,2250,2750,2500.5,1800,1\n"
      "2,AAPL,NASDAQ,USD,0.000000001,0.01,,,,,100\n"
      "3,BARE,,,,,,,,,\n");
  REQUIRE(file.instruments.size() == 3);
  CHECK(file.skipped == 0);
  Instrument first;
  first.id = 1;
  first.symbol = "RELIANCE";
  first.exchange = "NSE";
  first.tick_size = Price::from_string("0.05");
  first.price_band_low = Price::from_int(2250);
  first.price_band_high = Price::from_int(2750);
  first.last_price = Price::from_string("2500.5");
  first.freeze_quantity = Quantity::from_int(1800);
  CHECK(file.instruments[0] == first);
  CHECK(file.instruments[1].currency == "USD");
  CHECK(file.instruments[1].lot_size == Quantity::from_units(1));
  CHECK(file.instruments[1].multiplier == 100);
  Instrument bare;
  bare.id = 3;
  bare.symbol = "BARE";
  CHECK(file.instruments[2] == bare);
  CHECK(parse_instruments_csv("symbol,instrument_id\nX,5\n").instruments.at(0).id == 5);
}

TEST_CASE("a bad row of a plain instrument file is refused with line and column") {
  const std::string header =
      "instrument_id,symbol,lot_size,tick_size,price_band_low,price_band_high,multiplier\n";
  const std::vector<std::pair<std::string, std::string_view>> cases = {
      {"", "the file is empty"},
      {"instrument_id,symbol,colour\n", "\"colour\" is not known"},
      {"instrument_id,symbol,symbol\n", "\"symbol\" is there twice"},
      {"instrument_id,exchange\n", "no column symbol"},
      {"symbol,exchange\n", "no column instrument_id"},
      {header + "0,X,1,1,,,\n", "line 2: instrument_id \"0\""},
      {header + "x,X,1,1,,,\n", "line 2: instrument_id \"x\""},
      {header + ",X,1,1,,,\n", "line 2: instrument_id is empty"},
      {header + "1,,1,1,,,\n", "line 2: symbol is empty"},
      {header + "1,X,0,1,,,\n", "line 2: lot_size \"0\" is not above zero"},
      {header + "1,X,-1,1,,,\n", "line 2: lot_size \"-1\" is not above zero"},
      {header + "1,X,1,0.0,,,\n", "line 2: tick_size"},
      {header + "1,X,1,1e-2,,,\n", "exponent"},
      {header + "1,X,1,1,20,10,\n", "price_band_low is above price_band_high"},
      {header + "1,X,1,1,,,0\n", "line 2: multiplier"},
      {header + "1,X,1,1,,,1.5\n", "line 2: multiplier"},
      {header + "1,X,1,1,,\n", "line 2: the row has 6 fields"},
      {header + "1,X,1,1,,,1", "line 2: the last line has no line end"},
      {header + "1,X,1,1,,,\n1,Y,1,1,,,\n", "line 3: instrument_id 1 is there twice"},
      {header + "1,\"X\n", "line 2: a quoted field"},
  };
  for (const auto& [text, says] : cases) {
    CAPTURE(text);
    const auto error = instrument_refusal(text);
    REQUIRE(error);
    CHECK(error->code() == ErrorCode::kInvalidCsv);
    CHECK_MESSAGE(mentions(*error, says), error->what());
  }
  const auto bytes = instrument_refusal(header, {.bytes_max = 10});
  REQUIRE(bytes);
  CHECK(bytes->code() == ErrorCode::kLimitExceeded);
}

TEST_CASE("a holiday file gives each day once, in order") {
  using namespace std::chrono;
  const auto days = parse_holidays(
      "\xEF\xBB\xBF# exchange holidays\r\n"
      "2026-03-03,\"Holi, second day\"\r\n"
      "\r\n"
      "2026-01-26,Republic Day # fixed\n"
      "  2026-03-03  \n"
      "2024-02-29");
  CHECK(days == std::vector<Date>{Date(2024y / 2 / 29), Date(2026y / 1 / 26), Date(2026y / 3 / 3)});
  CHECK(parse_holidays("").empty());
}

TEST_CASE("a line of a holiday file that is no day is refused with its number") {
  for (const std::string_view row : {"2026-02-30,None", "26-01-01", "2026/01/01", "Republic Day",
                                     ",2026-01-01", "\xFF\xFE", "2026-1-1", "2026-01-01x"}) {
    CAPTURE(row);
    const auto error =
        refusal_of([&] { return parse_holidays("# days\n2026-01-26\n" + std::string(row) + "\n"); });
    REQUIRE(error);
    CHECK(error->code() == ErrorCode::kInvalidCsv);
    CHECK(mentions(*error, "line 3"));
  }
}
