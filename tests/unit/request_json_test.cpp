#include "codec/request_json.hpp"

#include <doctest/doctest.h>

#include <string>

#include "codec/json_events.hpp"
#include "orchestrator/json.hpp"

namespace {

using namespace orchestrator;

}  // namespace

TEST_CASE("orders as asked are written without what is absent, and read back the same") {
  BatchRequest request = parse_batch_json(R"({"portfolio_id": 1, "orders": [
      {"instrument_id": 1, "qty": 100, "side": "BUY", "price_limit": 2500.0},
      {"price_limit": "2600.00", "side": "SELL", "qty": 50.0, "instrument_id": 2}]})");
  CHECK(codec::orders_json(request) == R"([{"instrument_id":1,"qty":100,"side":"BUY","price_limit":2500},)"
                                       R"({"instrument_id":2,"qty":50,"side":"SELL","price_limit":2600}])");
  OrderRequest full;
  full.instrument_id = 738561;
  full.qty = Quantity::from_string("0.000000001");
  full.side = Side::kSell;
  full.price_limit = Price::from_string("99.95");
  full.stop_price = Price::from_string("100.05");
  full.order_type = OrderType::kStopLimit;
  full.time_in_force = TimeInForce::kFok;
  full.broker = "alpaca-mock";
  full.slice = true;
  request.orders.push_back(full);
  const auto again =
      parse_batch_json(R"({"portfolio_id": 1, "orders": )" + codec::orders_json(request) + "}");
  CHECK(again == request);
  CHECK(codec::orders_json(BatchRequest()) == "[]");
}

TEST_CASE("compact JSON is the same document on one line") {
  CHECK(codec::compact_json(
            "{ \"a\" : [ 1 , -0, 2.50, 1e5, true, null ],\n \"b\\n\" : \"x\\u0041\\\"\" , \"c\": {} }") ==
        R"({"a":[1,-0,2.50,1e5,true,null],"b\n":"xA\"","c":{}})");
  CHECK_THROWS_AS((void)codec::compact_json("{\"a\": }"), Error);
}
