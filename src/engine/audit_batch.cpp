// A batch's counts are those of its orders; it has events 1..n without a hole, and the last one says how it
// stands; its key leads to it; what was asked for has the fingerprint that its key keeps; and the response
// that its client was given names the orders as they were placed.
#include <algorithm>
#include <array>
#include <iterator>

#include "codec/event_log.hpp"
#include "codec/flat_json.hpp"
#include "codec/receipt_json.hpp"
#include "core/request_identity.hpp"
#include "engine/audit_checks.hpp"
#include "orchestrator/json.hpp"
#include "orchestrator/lifecycle.hpp"

namespace orchestrator::engine {
namespace {

// Everything that is stored of one batch.
struct Stored {
  OrderBatch batch;
  std::vector<Order> orders;
  std::vector<Event> events;
  std::map<OrderId, std::vector<const Event*>> history;  // 0: the batch's own
  std::map<OrderId, std::vector<Execution>> executions;
  std::size_t execution_count = 0;

  [[nodiscard]] std::string subject() const { return "batch/" + std::to_string(batch.id); }
};

// The one order that all of these are about; 0: several, or none.
OrderId order_of(const std::vector<Event>& events) {
  if (events.empty()) return 0;
  const OrderId first = events.front().order_id;
  const auto of_first = [&](const Event& event) { return event.order_id == first; };
  return std::ranges::all_of(events, of_first) ? first : 0;
}

void read_events(const Context& context, Stored& stored, Findings& findings) {
  EventQuery query{.batch_id = stored.batch.id, .limit = kPageSize};
  for (;;) {
    const auto rows = context.store->events(query);
    for (const EventRow& row : rows) {
      auto events = codec::expand(row);
      if (row.order_id != order_of(events)) {
        findings.add("events.row", stored.subject(),
                     "log row " + std::to_string(row.id) + " is said to be of order " +
                         std::to_string(row.order_id) + " and holds events of others");
      }
      std::move(events.begin(), events.end(), std::back_inserter(stored.events));
    }
    if (rows.size() < kPageSize) break;
    query.after_id = rows.back().id;
  }
  for (const Event& event : stored.events) stored.history[event.order_id].push_back(&event);
}

Stored read_all(const Context& context, BatchId id, Findings& findings) {
  Stored stored;
  stored.batch = context.require_batch(id);
  stored.orders = context.store->orders({.batch_id = id, .limit = kOrdersOfBatchMax});
  read_events(context, stored, findings);
  std::vector<OrderId> ids;
  for (const Order& order : stored.orders) ids.push_back(order.id);
  for (Execution& execution : context.store->executions(ids)) {
    ++stored.execution_count;
    stored.executions[execution.order_id].push_back(std::move(execution));
  }
  return stored;
}

std::array<std::int32_t, 6> counts_of(const OrderBatch& batch) {
  return {batch.total_orders,    batch.open_orders,      batch.filled_orders,
          batch.executed_orders, batch.cancelled_orders, batch.rejected_orders};
}

void check_counts(const Stored& stored, Findings& findings) {
  OrderBatch counted;
  for (const Order& order : stored.orders) {
    ++counted.total_orders;
    if (is_open(order.status)) {
      ++counted.open_orders;
    } else if (order.status == OrderStatus::kRejected) {
      ++counted.rejected_orders;
    } else if (order.fill_qty >= order.qty) {
      ++counted.filled_orders;
    } else {
      ++(order.fill_qty.is_zero() ? counted.cancelled_orders : counted.executed_orders);
    }
  }
  if (counts_of(stored.batch) != counts_of(counted)) {
    findings.add("batch.counts", stored.subject(),
                 std::to_string(counted.total_orders) + " orders, " + std::to_string(counted.open_orders) +
                     " open, do not agree with the batch's counts");
  }
}

std::set<OrderId> ids_of(const std::vector<Order>& orders) {
  std::set<OrderId> ids;
  for (const Order& order : orders) ids.insert(order.id);
  return ids;
}

// The batch's events are of its orders.
void check_strangers(const Stored& stored, Findings& findings) {
  const auto ids = ids_of(stored.orders);
  for (const auto& [id, events] : stored.history) {
    if (id == 0 || ids.contains(id)) continue;
    findings.add("events.stranger", stored.subject(),
                 std::to_string(events.size()) + " events of order " + std::to_string(id) +
                     ", which is not in the batch");
  }
}

// Whether the counts that an event tells are those of a batch of so many orders; all open in the first one.
bool adds_up(const codec::FlatJson& data, std::int32_t total, bool first) {
  std::int64_t sum = 0;
  for (const char* name :
       {"open_orders", "filled_orders", "executed_orders", "cancelled_orders", "rejected_orders"}) {
    const std::int32_t count = data.number(name);
    if (first && count != (name == std::string_view("open_orders") ? total : 0)) return false;
    sum += count;
  }
  return sum == total && (!first || data["status"] == to_string(BatchStatus::kPending));
}

void check_own_events(const Stored& stored, const std::vector<const Event*>& events, Findings& findings) {
  const OrderBatch& batch = stored.batch;
  std::int32_t seq = 0;
  for (const Event* event : events) {
    if (event->seq != ++seq) {
      findings.add("events.gap", stored.subject(),
                   "event " + std::to_string(event->seq) + " stands at " + std::to_string(seq));
    }
    const codec::FlatJson data(event->data);
    const auto says = [&](const char* name, const std::string& value) {
      if (data[name] == value) return;
      findings.add("events.data", stored.subject(),
                   "event " + std::to_string(seq) + " says " + name + " '" + std::string(data[name]) +
                       "', not '" + value + "'");
    };
    says("batch_id", std::to_string(batch.id));
    says("portfolio_id", std::to_string(batch.portfolio_id));
    says("idempotency_key", batch.idempotency_key);
    says("total_orders", std::to_string(batch.total_orders));
    if (!adds_up(data, batch.total_orders, seq == 1)) {
      findings.add("events.data", stored.subject(),
                   "the counts of event " + std::to_string(seq) + " do not add up to its orders");
    }
    if (seq == 1 && (event->type != EventType::kBatchPlaced || event->at != batch.created_at)) {
      findings.add("events.data", stored.subject(), "does not begin with batch.placed at its own time");
    }
    // Between its events a batch that has ended may still change its counts, and never how it ended.
    if (event == events.back() && batch.open_orders == 0)
      says("status", std::string(to_string(batch.status)));
    if (event == events.back() && (data["open_orders"] == "0") != (batch.open_orders == 0)) {
      findings.add("batch.fold", stored.subject(), "its last event disagrees on whether it has ended");
    }
  }
  if (seq != batch.event_seq || seq == 0) {
    findings.add("events.missing", stored.subject(),
                 std::to_string(seq) + " events, the batch has counted " + std::to_string(batch.event_seq));
  }
}

// The fingerprint covers what was asked for, and who asked.
void check_request(const OrderBatch& batch, const Fingerprint& stored, Findings& findings) {
  const std::string subject = "batch/" + std::to_string(batch.id);
  const ReadLimits limits{.bytes_max = batch.orders_json.size() + 1024, .orders_max = kOrdersOfBatchMax};
  BatchRequest request;
  try {
    request.orders =
        parse_batch_json("{\"portfolio_id\":1,\"orders\":" + batch.orders_json + "}", limits).orders;
  } catch (const Error& error) {
    return findings.add("batch.request", subject,
                        std::string("what was asked for cannot be read: ") + error.what());
  }
  request.portfolio_id = batch.portfolio_id;
  request.user_id = batch.user_id;
  for (const BatchPolicy policy : {BatchPolicy::kAll, BatchPolicy::kEach}) {
    request.policy = policy;
    if (fingerprint(request) == stored) return;
  }
  findings.add("batch.request", subject,
               "its portfolio, user and orders_json do not have the fingerprint that its key keeps");
}

void check_leg(const Receipt::Leg& leg, const Stored& stored, Findings& findings) {
  const auto events = stored.history.find(leg.id);
  if (events == stored.history.end()) return;  // the order's own check says so
  const codec::FlatJson placed(events->second.front()->data);
  const bool same = placed["client_order_id"] == leg.client_order_id &&
                    placed["instrument_id"] == std::to_string(leg.instrument_id) &&
                    placed["side"] == to_string(leg.side) && placed["qty"] == leg.qty.to_string() &&
                    placed["price_limit"] == (leg.price_limit ? leg.price_limit->to_string() : "") &&
                    placed["broker"] == leg.broker;
  if (!same) {
    findings.add("key.receipt", stored.subject(),
                 "the receipt that its client has says otherwise of order/" + std::to_string(leg.id) +
                     " than order.placed");
  }
}

void check_receipt(const Receipt& receipt, const Stored& stored, Findings& findings) {
  const OrderBatch& batch = stored.batch;
  if (receipt.batch_id != batch.id || receipt.portfolio_id != batch.portfolio_id ||
      receipt.idempotency_key != batch.idempotency_key || receipt.created_at != batch.created_at) {
    findings.add("key.receipt", stored.subject(), "the receipt that its client has is of another batch");
  }
  std::set<OrderId> told;
  for (const Receipt::Leg& leg : receipt.orders) {
    if (leg.id == 0) continue;
    told.insert(leg.id);
    check_leg(leg, stored, findings);
  }
  if (told != ids_of(stored.orders)) {
    findings.add("key.receipt", stored.subject(), "the receipt that its client has names other orders");
  }
}

void check_key(const Context& context, const Stored& stored, Findings& findings) {
  const OrderBatch& batch = stored.batch;
  const auto record = context.store->idempotency({batch.tenant, "place", batch.idempotency_key});
  if (!record || record->batch_id != batch.id) {
    return findings.add("key.batch", stored.subject(), "its idempotency key does not lead to it");
  }
  if (record->created_at != batch.created_at || record->expires_at <= record->created_at) {
    findings.add("key.batch", stored.subject(), "its idempotency key was made at another time");
  }
  check_request(batch, record->fingerprint, findings);
  if (record->response.empty()) return;  // expired
  check_receipt(codec::parse_receipt(record->response), stored, findings);
}

}  // namespace

void check_batch(const Context& context, BatchId id, const TrailCheck& trail, AuditReport& counts,
                 Findings& findings) {
  Stored stored = read_all(context, id, findings);
  counts.orders += stored.orders.size();
  counts.events += stored.events.size();
  counts.executions += stored.execution_count;
  ++counts.batches;
  for (const Order& order : stored.orders) {
    check_order(order, stored.batch, stored.history[order.id], stored.executions[order.id], trail, findings);
  }
  check_own_events(stored, stored.history[0], findings);
  check_strangers(stored, findings);
  check_counts(stored, findings);
  check_key(context, stored, findings);
}

}  // namespace orchestrator::engine
