#include "codec/request_json.hpp"

#include "codec/json_block.hpp"

namespace orchestrator::codec {

std::string orders_json(const BatchRequest& request) {
  constexpr std::size_t kTypicalSize = 72;
  JsonBlock json(2 + kTypicalSize * request.orders.size());
  json.begin_array();
  for (const OrderRequest& order : request.orders) {
    json.begin_object();
    json.member("instrument_id", order.instrument_id).member("qty", order.qty).member("side", order.side);
    if (order.price_limit) json.member("price_limit", *order.price_limit);
    if (order.stop_price) json.member("stop_price", *order.stop_price);
    if (order.order_type != OrderType::kLimit) json.member("order_type", order.order_type);
    if (order.time_in_force != TimeInForce::kDay) json.member("time_in_force", order.time_in_force);
    if (!order.broker.empty()) json.member("broker", order.broker);
    if (order.slice) json.key("slice").raw("true");
    json.end_object();
  }
  json.end_array();
  return std::string(json.text());
}

}  // namespace orchestrator::codec
