// T1. The order of effects:
//   look the key up (cache, then row)      a replay is answered before anything is validated; the row only
//                                          when replays are likely, for accept() answers it too
//   validate and route on a snapshot       refusals leave no trace: the key stays unused
//   accept()                               key, batch, orders, margin and events in one commit; the unique
//                                          key and the checks inside the transaction decide every race
//   remember in the cache                  only what is durable
// The receipt is composed inside the transaction from what is then fixed, and holds no broker result.
#include "engine/accept.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "codec/event_log.hpp"
#include "codec/request_json.hpp"
#include "core/exact_ratio.hpp"
#include "core/failpoint.hpp"
#include "core/planted_bugs.hpp"
#include "core/request_identity.hpp"
#include "core/slicer.hpp"
#include "core/store_rules.hpp"
#include "engine/broker_calls.hpp"
#include "engine/change_set.hpp"
#include "engine/observation.hpp"
#include "engine/snapshot.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator::engine {
namespace {

constexpr std::string_view kOperation = "place";
constexpr std::size_t kBatchLineTypical = 256;
constexpr std::size_t kPlacedLineTypical = 448;

// A request that passed: its orders as they will be stored, and what the receipt says of each leg.
struct Plan {
  Receipt receipt;
  std::vector<Order> orders;
  std::int64_t reference_version = 0;
  PortfolioLimits limits;
  Money margin;
  Money notional;
};

void check_key(const std::string& key) {
  const bool visible = std::ranges::all_of(key, [](char c) { return c > ' ' && c < 127; });
  if (key.size() > 255 || !visible) {
    throw Error(ErrorCode::kInvalidArgument,
                "idempotency_key must be 1 to 255 visible ASCII characters without blanks");
  }
}

void check_scope(const BatchRequest& request) {
  check_key(request.idempotency_key);
  if (request.tenant.size() <= kTenantMax) return;
  throw Error(ErrorCode::kInvalidArgument, "tenant must be at most " + std::to_string(kTenantMax) +
                                               " bytes, this one has " +
                                               std::to_string(request.tenant.size()));
}

// The first 64 bits of a client order id's text: the same order always spreads the same way.
std::uint64_t spread_of(std::string_view client_order_id) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  for (const char c : client_order_id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

Order& append_order(std::vector<Order>& orders, const BatchRequest& request, const OrderRequest& wanted,
                    const Instrument& instrument, Timestamp now) {
  Order& order = orders.emplace_back();
  order.tenant = request.tenant;
  order.portfolio_id = request.portfolio_id;
  order.instrument_id = wanted.instrument_id;
  order.symbol = instrument.symbol.empty() ? "#" + std::to_string(wanted.instrument_id) : instrument.symbol;
  order.side = wanted.side;
  order.order_type = wanted.order_type;
  order.time_in_force = wanted.time_in_force;
  order.qty = wanted.qty;
  order.price_limit = wanted.price_limit;
  order.stop_price = wanted.stop_price;
  order.multiplier = instrument.multiplier;
  order.created_at = now;
  order.version = 1;
  return order;
}

Receipt::Leg& append_leg(std::vector<Receipt::Leg>& legs, std::size_t index, const OrderRequest& wanted,
                         RoutingDecision route) {
  Receipt::Leg& leg = legs.emplace_back();
  leg.index = index;
  leg.instrument_id = wanted.instrument_id;
  leg.side = wanted.side;
  leg.qty = wanted.qty;
  leg.price_limit = wanted.price_limit;
  leg.broker = std::move(route.broker);
  leg.routing_reason = std::move(route.reason);
  return leg;
}

// Of each of the request's orders; `snapshot` keeps them.
std::vector<const Instrument*> instruments_of(const BatchRequest& request,
                                              const ValidationSnapshot& snapshot) {
  std::vector<const Instrument*> instruments;
  instruments.reserve(request.orders.size());
  for (const OrderRequest& order : request.orders) {
    instruments.push_back(&instrument_or_default(snapshot, order.instrument_id));
  }
  return instruments;
}

// Routes every order; one that validated and finds no broker gains a violation. All pieces of a sliced
// order go the same way.
std::vector<RoutingDecision> route_orders(const Context& context, const BatchRequest& request,
                                          std::int64_t reference_version,
                                          std::span<const Instrument* const> instruments,
                                          const ClientOrderIds& ids, ValidationResult& validation) {
  const auto reference = context.reference.reference(*context.store, reference_version);
  const auto states = broker_states(context, *reference);
  std::vector<RoutingDecision> routes(request.orders.size());
  std::string client_order_id;
  for (std::size_t i = 0; i < request.orders.size(); ++i) {
    const OrderRequest& order = request.orders[i];
    ids.write(i, 0, client_order_id);
    routes[i] = context.router->route(order, request.portfolio_id, *instruments[i], reference->rules, states,
                                      spread_of(client_order_id));
    if (routes[i].broker.empty() && !validation.order_has_errors(i)) {
      validation.violations.push_back({i, "broker", "broker.unavailable", routes[i].reason});
    }
  }
  return routes;
}

void refuse_if_invalid(const BatchRequest& request, const ValidationResult& validation) {
  if (!validation.has_errors()) return;
  const bool whole = std::ranges::any_of(validation.violations, [](const Violation& violation) {
    return violation.severity == Severity::kError && violation.order_index == Violation::kWholeBatch;
  });
  bool any_good = false;
  for (std::size_t i = 0; i < request.orders.size() && !any_good; ++i)
    any_good = !validation.order_has_errors(i);
  if (request.policy == BatchPolicy::kAll || whole || !any_good) {
    throw Error::validation_failed(validation.violations);
  }
}

// The orders that this one of a request becomes: itself, or its slices, which `slices` keeps.
std::span<const OrderRequest> pieces_of(const OrderRequest& order, const ValidationSnapshot& snapshot,
                                        std::vector<OrderRequest>& slices) {
  if (!order.slice) return {&order, 1};
  BatchRequest alone;
  alone.orders.push_back(order);
  slices = slice(alone, snapshot);
  return slices;
}

// Adds the legs and orders of request order `index`. Its margin is shared out by quantity, to the last unit.
void add_order(Plan& plan, const BatchRequest& request, std::size_t index, const Instrument& instrument,
               const ValidationSnapshot& snapshot, const ClientOrderIds& ids, RoutingDecision route,
               Money margin) {
  const OrderRequest& wanted = request.orders[index];
  std::vector<OrderRequest> slices;
  const auto pieces = pieces_of(wanted, snapshot, slices);
  Money left = margin;
  for (std::size_t k = 0; k < pieces.size(); ++k) {
    const bool last = k + 1 == pieces.size();
    const std::size_t position = plan.receipt.orders.size();
    Order& order = append_order(plan.orders, request, pieces[k], instrument, plan.receipt.created_at);
    order.leg = static_cast<std::int32_t>(position);
    ids.write(position, 0, order.client_order_id);
    order.broker = route.broker;
    order.margin_reserved = last ? left : multiply_divide(margin, pieces[k].qty, wanted.qty, Rounding::kDown);
    left -= order.margin_reserved;
    Receipt::Leg& leg =
        append_leg(plan.receipt.orders, index, pieces[k], last ? std::exchange(route, {}) : route);
    leg.client_order_id = order.client_order_id;
  }
}

// Hands each violation to its leg, or to the warnings.
void add_violations(Receipt& receipt, std::vector<Violation> violations) {
  for (Violation& violation : violations) {
    const auto leg = std::ranges::find(receipt.orders, violation.order_index, &Receipt::Leg::index);
    const bool of_leg = leg != receipt.orders.end() && violation.severity == Severity::kError;
    (of_leg ? leg->violations : receipt.warnings).push_back(std::move(violation));
  }
}

// A batch whose quantities do not add up to one that can be reported is refused while that is still possible.
void check_total(const BatchRequest& request, const ValidationResult& validation) {
  Quantity total;
  for (std::size_t i = 0; i < request.orders.size(); ++i) {
    if (validation.order_has_errors(i)) continue;
    if (request.orders[i].qty > Quantity::max() - total) {
      throw Error::validation_failed({{i, "qty", "qty.batch_too_large",
                                       "the batch's quantities add up to more than " +
                                           Quantity::max().to_string() + "; split the batch"}});
    }
    total += request.orders[i].qty;
  }
}

// Validates and routes; throws validation_failed when nothing of the batch may be placed.
Plan make_plan(const Context& context, const BatchRequest& request, const std::string& key, Timestamp now,
               Figures figures) {
  const auto again = [&] { return make_plan(context, request, key, now, Figures::kStored); };
  const bool remembered = figures == Figures::kRemembered;
  const std::int64_t version = version_of(context, figures);
  const ValidationSnapshot snapshot = take_snapshot(context, request, now, figures, version);
  ValidationResult validation = context.validator->validate(request, snapshot);
  if (remembered && validation.has_errors()) return again();
  if (request.orders.size() > kOrdersOfBatchMax) throw Error::validation_failed(validation.violations);
  const ClientOrderIds ids(context.options.deployment, request.tenant,
                           ORCHESTRATOR_PLANTED(kCheckThenAct) ? to_string(now) : key);
  const auto instruments = instruments_of(request, snapshot);
  auto routes = route_orders(context, request, version, instruments, ids, validation);
  if (remembered && validation.has_errors()) return again();
  refuse_if_invalid(request, validation);

  check_total(request, validation);
  Plan plan;
  plan.orders.reserve(request.orders.size());
  plan.receipt.orders.reserve(request.orders.size());
  plan.reference_version = version;
  plan.limits = snapshot.limits;
  plan.receipt.portfolio_id = request.portfolio_id;
  plan.receipt.idempotency_key = key;
  plan.receipt.created_at = now;
  for (std::size_t i = 0; i < request.orders.size(); ++i) {
    if (validation.order_has_errors(i)) {
      append_leg(plan.receipt.orders, i, request.orders[i], {});
      continue;
    }
    add_order(plan, request, i, *instruments[i], snapshot, ids, std::move(routes[i]), validation.margins[i]);
    plan.margin += validation.margins[i];
    plan.notional += validation.notionals[i];
  }
  add_violations(plan.receipt, std::move(validation.violations));
  return plan;
}

// How many orders of a new batch this broker is sent at once.
std::size_t room_for_claims(Context& context, const std::string& broker) {
  const BrokerCapabilities& capabilities = context.require_broker(broker).capabilities();
  const bool at_once = capabilities.rate_limit.requests_max == 0 && may_send(context, broker) &&
                       is_sender(context, capabilities);
  return at_once ? capabilities.orders_max : 0;
}

// Claims one request per broker; the rest of a large batch is claimed request by request when it is sent, so
// that a crash leaves no more in doubt than may have been on the wire.
// A broker with a rate limit gets its orders by claims of their own, which count them.
void claim_for_sending(Context& context, std::vector<Order>& orders, Timestamp now) {
  const std::int64_t owner = context.store->owner();
  const Timestamp lease_until = context.clock->monotonic() + context.options.lease;
  std::map<std::string, std::size_t> room;  // for how many more, by broker
  for (Order& order : orders) {
    const auto [left, first] = room.try_emplace(order.broker);
    if (first) left->second = room_for_claims(context, order.broker);
    if (left->second == 0) continue;
    --left->second;
    order.status = OrderStatus::kSubmitting;
    order.attempt = 1;
    order.lease_epoch = 1;
    order.lease_owner = owner;
    order.lease_until = lease_until;
    order.submitted_at = now;
  }
}

AcceptUnit make_unit(const Context& context, const BatchRequest& request, const IdempotencyScope& scope,
                     const Fingerprint& print, Plan& plan, Timestamp now) {
  AcceptUnit unit;
  unit.idempotency.scope = scope;
  unit.idempotency.fingerprint = print;
  unit.idempotency.created_at = now;
  unit.idempotency.expires_at = now + context.options.idempotency_ttl;
  unit.batch.tenant = request.tenant;
  unit.batch.user_id = request.user_id;
  unit.batch.portfolio_id = request.portfolio_id;
  unit.batch.idempotency_key = scope.key;
  unit.batch.orders_json = codec::orders_json(request);
  unit.batch.created_at = now;
  unit.batch.total_orders = static_cast<std::int32_t>(plan.orders.size());
  unit.batch.open_orders = unit.batch.total_orders;
  unit.batch.version = 1;
  unit.orders = std::move(plan.orders);
  unit.reference_version = plan.reference_version;
  unit.limits = plan.limits;
  unit.margin = plan.margin;
  unit.notional = plan.notional;
  unit.day = std::chrono::floor<std::chrono::days>(now);
  return unit;
}

// Runs inside the transaction, with every id assigned.
void compose(AcceptUnit& unit, Receipt& receipt) {
  receipt.batch_id = unit.batch.id;
  for (const Order& order : unit.orders) receipt.orders[static_cast<std::size_t>(order.leg)].id = order.id;
  unit.idempotency.batch_id = unit.batch.id;
  unit.idempotency.response = to_json(receipt);

  EventRow row;
  row.batch_id = unit.batch.id;
  row.at = unit.batch.created_at;
  row.lines.reserve(kBatchLineTypical + unit.orders.size() * kPlacedLineTypical);
  codec::append_event(row.lines, EventType::kBatchPlaced, 0, ++unit.batch.event_seq,
                      batch_event_data(unit.batch));
  codec::JsonBlock data(kEventDataTypical);
  for (Order& order : unit.orders) {
    data.clear();
    write_placed_event_data(data, order);
    codec::append_event(row.lines, EventType::kOrderPlaced, order.id, ++order.event_seq, data.text());
  }
  unit.events.clear();
  unit.events.push_back(std::move(row));
}

Accepted claimed_part(Receipt receipt, std::vector<Order> orders) {
  const std::size_t rest =
      std::erase_if(orders, [](const Order& order) { return order.status == OrderStatus::kPlaced; });
  return {std::move(receipt), std::move(orders), rest > 0};
}

// The answer to a key that was used before.
Receipt replay(Context& context, const IdempotencyRecord& record, const Fingerprint& print, Timestamp now) {
  if (record.fingerprint != print && !ORCHESTRATOR_PLANTED(kAnyBody)) {
    throw Error(ErrorCode::kIdempotencyConflict, "idempotency key '" + record.scope.key +
                                                     "' was used with another request (batch " +
                                                     std::to_string(record.batch_id) + "); use a new key");
  }
  if (record.response.empty() || record.expires_at <= now) {
    throw Error(ErrorCode::kIdempotencyExpired,
                "idempotency key '" + record.scope.key + "' placed batch " + std::to_string(record.batch_id) +
                    " and its stored receipt has expired; read the batch instead, or use a new key");
  }
  Receipt receipt = *context.receipts.parse(record.batch_id, record.response);
  receipt.replayed = true;
  return receipt;
}

std::optional<IdempotencyRecord> find_stored(Context& context, const IdempotencyScope& scope, Timestamp now) {
  auto stored = context.store->idempotency(scope);
  if (!stored) return std::nullopt;
  context.replays.was_replay();
  if (context.idempotency && stored->expires_at > now) context.idempotency->remember(*stored);
  return stored;
}

std::optional<IdempotencyRecord> find_record(Context& context, const IdempotencyScope& scope, Timestamp now) {
  if (context.idempotency) {
    if (auto cached = context.idempotency->find(scope, now)) return cached;
  }
  if (!context.replays.expected()) return std::nullopt;
  return find_stored(context, scope, now);
}

// The claimed orders of the batch, or the answer to a key that was used before.
Accepted accept_new(Context& context, const BatchRequest& request, const IdempotencyScope& scope,
                    const Fingerprint& print, Timestamp now, bool claim) {
  // Margin taken and reference data changed by others between the snapshot and the commit make the store
  // refuse: decide again on what holds now, where validation says what is wrong in the caller's terms.
  for (int i = 0; i < kConflictRetriesMax; ++i) {
    Plan plan = make_plan(context, request, scope.key, now, i == 0 ? Figures::kRemembered : Figures::kStored);
    if (claim) claim_for_sending(context, plan.orders, now);
    AcceptUnit unit = make_unit(context, request, scope, print, plan, now);
    ORCHESTRATOR_PLANT(kSendBeforeStore, context.brokers.begin()->second->place(unit.orders));
    unit.compose = [&plan](AcceptUnit& with_ids) { compose(with_ids, plan.receipt); };
    ORCHESTRATOR_FAILPOINT("accept.before_unit");
    AcceptResult result = context.store->accept(unit);
    switch (result.status) {
      case AcceptResult::Status::kAccepted:
        context.replays.was_new();
        context.reference.remember(result.usage);
        if (context.idempotency) context.idempotency->remember(unit.idempotency);
        plan.receipt.json = std::move(unit.idempotency.response);
        tell_accepted(context, unit.orders);
        return claimed_part(std::move(plan.receipt), std::move(unit.orders));
      case AcceptResult::Status::kKeyExists:
        context.replays.was_replay();
        return {replay(context, *result.existing, print, now), {}, false};
      case AcceptResult::Status::kHalted:
        throw Error(ErrorCode::kHalted, "new orders are stopped: " + result.detail);
      case AcceptResult::Status::kLimit:
      case AcceptResult::Status::kReferenceChanged:
        continue;
      case AcceptResult::Status::kDuplicateOrderId:
        throw Error(ErrorCode::kConflict, "a client order id of this batch exists already (" + result.detail +
                                              "); use another idempotency key");
    }
  }
  throw Error(ErrorCode::kConflict, "the portfolio's margin or the reference data kept changing; call again");
}

// Something is wrong with the request, and nothing has been written.
bool about_the_request(ErrorCode code) {
  return code == ErrorCode::kValidationFailed || code == ErrorCode::kInvalidArgument ||
         code == ErrorCode::kLimitExceeded || code == ErrorCode::kNumberOverflow;
}

}  // namespace

Accepted accept(Context& context, const BatchRequest& request, bool claim) {
  check_scope(request);
  const Timestamp now = context.clock->now();
  const bool fresh_key = request.idempotency_key.empty();
  const IdempotencyScope scope{request.tenant, std::string(kOperation),
                               fresh_key ? make_random_key() : request.idempotency_key};
  const Fingerprint print = fingerprint(request);
  if (!fresh_key) {
    if (const auto record = find_record(context, scope, now))
      return {replay(context, *record, print, now), {}, false};
  }
  if (context.latch.closed()) {
    if (const auto record = find_stored(context, scope, now)) {
      return {replay(context, *record, print, now), {}, false};
    }
    throw Error(ErrorCode::kHalted, "no new orders are taken: something stored or decided cannot be (" +
                                        context.latch.why() + "); run an audit, then start the process anew");
  }
  try {
    return accept_new(context, request, scope, print, now, claim);
  } catch (const Error& refused) {
    // What a known key was accepted with counts, whatever the rules say today, and whether or not the store
    // takes a new batch now.
    if (fresh_key || !(about_the_request(refused.code()) || refused.retryable())) throw;
    const auto record = find_stored(context, scope, now);
    if (!record) throw;
    return {replay(context, *record, print, now), {}, false};
  }
}

namespace {

// What place() would run into now and validation does not see: a stop switch, a key that was used.
void warn_of_obstacles(const Context& context, const BatchRequest& request, Plan& plan) {
  const auto warn = [&](const char* field, const char* code, std::string message) {
    plan.receipt.warnings.push_back(
        {Violation::kWholeBatch, field, code, std::move(message), Severity::kWarning});
  };
  const auto halts = context.store->halts();
  if (const Halt* halt = covering_halt(halts, plan.orders)) {
    warn("", "halted", "it would be refused now: " + describe(*halt));
  }
  if (request.idempotency_key.empty()) return;
  const auto used =
      context.store->idempotency({request.tenant, std::string(kOperation), request.idempotency_key});
  if (!used) return;
  const std::string batch = std::to_string(used->batch_id);
  warn("idempotency_key", "idempotency_key.used",
       used->fingerprint == fingerprint(request)
           ? "this key has placed this request as batch " + batch + ": placing it again places nothing"
           : "this key has placed another request, batch " + batch + ": it would be refused");
}

}  // namespace

Receipt preview(const Context& context, const BatchRequest& request) {
  check_scope(request);
  const std::string key = request.idempotency_key.empty() ? "preview" : request.idempotency_key;
  Plan plan = make_plan(context, request, key, context.clock->now(), Figures::kStored);
  plan.receipt.idempotency_key = request.idempotency_key;
  warn_of_obstacles(context, request, plan);
  for (Receipt::Leg& leg : plan.receipt.orders) leg.client_order_id.clear();
  plan.receipt.json = to_json(plan.receipt);
  return std::move(plan.receipt);
}

}  // namespace orchestrator::engine
