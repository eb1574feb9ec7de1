// Orders: parse, call, print. No rule of the business lives here.
#include <exception>

#include "examples/http_server/driver.hpp"
#include "examples/http_server/parameters.hpp"
#include "examples/http_server/problem.hpp"
#include "examples/http_server/routes.hpp"

namespace orchestrator::http {
namespace {

// Without a key of the client's we make it here, so that an answer in doubt can name what to look for.
BatchRequest read_batch(const Service& service, Request& request) {
  auto batch = parse_batch_json(request.body, service.limits);
  if (auto key = idempotency_key(request)) {
    if (!batch.idempotency_key.empty() && batch.idempotency_key != *key) {
      throw Error(ErrorCode::kInvalidArgument,
                  "the Idempotency-Key header and the body's idempotency_key differ; send one of them");
    }
    batch.idempotency_key = std::move(*key);
  }
  if (batch.idempotency_key.empty()) batch.idempotency_key = fresh_idempotency_key();
  request.idempotency_key = batch.idempotency_key;
  batch.tenant = request.caller.tenant.value_or(service.tenant);
  return batch;
}

Response order_answer(const Order& order) { return {.body = to_json(order)}; }

struct Fill {
  Price price;
  Quantity qty;
};

std::vector<Fill> read_fills(const Service& service, const Request& request, OrderId id) {
  const auto body = parse_json(request.body, service.limits);
  Members members(body, "");
  const Json* list = members.take("fills");
  members.finish();
  if (list == nullptr || list->kind != Json::Kind::kArray || list->items.empty()) {
    members.refuse("fills", "must be an array of at least one fill");
  }
  if (list->items.size() > service.limits.orders_max) members.refuse("fills", "are too many at once");
  std::vector<Fill> fills;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    Members fill(list->items[i], "fills[" + std::to_string(i) + "]");
    if (const auto named = fill.id("order_id"); named && *named != id) {
      fill.refuse("order_id", "is another order than the path's");
    }
    fills.push_back({fill.required<Price>("fill_price"), fill.required<Quantity>("fill_qty")});
    fill.finish();
  }
  return fills;
}

// Before the first is applied: together they must fit, or a client would see half of them done.
void check_fills(const Order& order, const std::vector<Fill>& fills) {
  const std::string name = "order " + std::to_string(order.id);
  if (order.ext_order_id.empty() || is_terminal(order.status)) {
    throw Error(ErrorCode::kInvalidState,
                name + " is " + std::string(orchestrator::to_string(order.status)) + " and cannot be filled");
  }
  auto left = order.remaining_qty();
  for (const auto& fill : fills) {
    if (fill.qty > left) {
      throw Error(ErrorCode::kLimitExceeded, "the fills are more than the remaining quantity " +
                                                 order.remaining_qty().to_string() + " of " + name);
    }
    left -= fill.qty;
  }
  try {
    auto worth = order.fill_notional;
    for (const auto& fill : fills) worth += fill.price * fill.qty;
    static_cast<void>(worth.whole());
  } catch (const Error&) {
    throw Error(ErrorCode::kLimitExceeded,
                "the fills are worth more than can be booked; none of them was applied");
  }
}

// A mock broker executes at any price it is told, and an execution far from the limit stops the broker for
// everybody: not at the word of one tenant.
void check_prices(const Caller& caller, const Order& order, const std::vector<Fill>& fills) {
  if (caller.role >= Role::kOperate || !order.price_limit) return;
  for (const auto& fill : fills) {
    if (order.side == Side::kBuy ? fill.price <= *order.price_limit : fill.price >= *order.price_limit)
      continue;
    throw Error(ErrorCode::kLimitExceeded, "fill_price " + fill.price.to_string() +
                                               " is worse than the limit " + order.price_limit->to_string() +
                                               " of order " + std::to_string(order.id));
  }
}

// What was applied stays so: a failure behind it must not read as if nothing had happened.
Error after_some(const std::exception& failed, std::size_t applied, std::size_t count) {
  const auto* error = dynamic_cast<const Error*>(&failed);
  return {error == nullptr ? ErrorCode::kInternal : error->code(),
          std::to_string(applied) + " of " + std::to_string(count) + " fills were applied, and then: " +
              failed.what() + "; look at the order, do not send them again",
          NextStep::kRecover};
}

}  // namespace

Response place_orders(Service& service, Request& request) {
  auto receipt = service.oms.place(read_batch(service, request));
  if (!receipt.replayed) service.feed.wake();
  Response response{.body = std::move(receipt.json), .subject = "batch/" + std::to_string(receipt.batch_id)};
  if (receipt.replayed) response.headers.emplace_back("Idempotent-Replayed", "true");
  return response;
}

Response list_orders(Service& service, Request& request) {
  Query given(request);
  OrderQuery query;
  query.tenant = request.caller.tenant;
  query.portfolio_id = given.id("portfolio_id");
  query.batch_id = given.id("batch_id");
  query.instrument_id = given.id("instrument_id");
  query.broker = given.text("broker");
  query.client_order_id = given.text("client_order_id");
  if (const auto word = given.text("status")) {
    const auto status = parse_order_status(*word);
    if (!status)
      throw Error(ErrorCode::kInvalidArgument, "query parameter \"status\" is no status of an order");
    query.statuses.push_back(*status);
  }
  const Page page(given);
  given.finish();
  page.apply(query);
  return {.body = page.json("orders", service.oms.orders(query))};
}

Response get_order(Service& service, Request& request) {
  const auto order = order_of(service.oms, request.caller, path_id(request, "order"));
  return {.body = to_json(order, service.oms.executions(order.id))};
}

Response simulate_fill(Service& service, Request& request) {
  const auto order = order_of(service.oms, request.caller, path_id(request, "order"));
  const auto fills = read_fills(service, request, order.id);
  for (const auto& broker : service.oms.brokers()) {
    if (broker.config.broker_name != order.broker || broker.simulated) continue;
    throw Error(ErrorCode::kNotSimulated, "order " + std::to_string(order.id) + " is at a real broker");
  }
  check_fills(order, fills);
  check_prices(request.caller, order, fills);
  std::string executions;
  std::string after;
  std::size_t applied = 0;
  try {
    for (const auto& fill : fills) {
      const auto result = service.oms.simulate_fill(order.id, fill.price, fill.qty);
      ++applied;
      if (!executions.empty()) executions += ',';
      executions += to_json(result.execution);
      after = to_json(result.order);
    }
  } catch (const std::exception& failed) {
    if (applied == 0) throw;
    service.feed.wake();
    throw after_some(failed, applied, fills.size());
  }
  service.feed.wake();
  return {.body = "{\"fills\":[" + executions + "],\"order\":" + after + "}"};
}

Response cancel_order(Service& service, Request& request) {
  check_no_fields(request, service.limits);
  const auto order = order_of(service.oms, request.caller, path_id(request, "order"));
  const auto after = service.oms.cancel(order.id, name_of(service, request.caller));
  service.driver.wake();
  return order_answer(after);
}

Response replace_order(Service& service, Request& request) {
  const auto order = order_of(service.oms, request.caller, path_id(request, "order"));
  const auto body = parse_json(request.body, service.limits);
  Members members(body, "");
  const auto qty = members.positive<Quantity>("qty");
  const auto price_limit = members.positive<Price>("price_limit");
  members.finish();
  if (!qty && !price_limit) throw Error(ErrorCode::kInvalidArgument, "send qty, price_limit or both");
  const auto after = service.oms.replace(order.id, qty, price_limit, name_of(service, request.caller));
  service.driver.wake();
  return order_answer(after);
}

Response resolve_order(Service& service, Request& request) {
  const auto order = order_of(service.oms, request.caller, path_id(request, "order"));
  const auto body = parse_json(request.body, service.limits);
  Members members(body, "");
  Resolution resolution;
  const auto kind = members.required_text("kind");
  if (kind == "not_placed") {
    resolution.kind = Resolution::Kind::kNotPlaced;
  } else if (kind == "rejected") {
    resolution.kind = Resolution::Kind::kRejected;
  } else if (kind != "accepted") {
    members.refuse("kind", "must be accepted, not_placed or rejected");
  }
  resolution.ext_order_id = members.text("ext_order_id").value_or("");
  // With keys the trail names the key that was used, whatever its holder may call himself.
  const bool known = service.access.needs_key();
  resolution.by = known ? members.text("by").value_or(request.caller.name) : members.required_text("by");
  if (known && resolution.by != request.caller.name) {
    members.refuse("by", "must be the name of the key, or be left out");
  }
  resolution.reason = members.required_text("reason");
  members.finish();
  const auto after = service.oms.resolve(order.id, resolution);
  service.driver.wake();
  return order_answer(after);
}

}  // namespace orchestrator::http
