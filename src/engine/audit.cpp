// What must hold, whatever crashed when:
//
// - the store finds nothing wrong with its own file;
// - the trail's entries are numbered 1, 2, 3, ... and every hash follows from the one before;
// - an order has events 1..n without a hole, only lawful changes of status, and no execution before it was
//   acknowledged; its last event says what its row says, and its executions add up to it, to the last unit;
// - a batch's counts are those of its orders; its key leads to it, and the stored response to its orders;
// - a portfolio's reserved margin is the sum of what its orders hold;
// - when asked: every order of ours that a broker holds is here, once, and has executed as much.
//
// The book may move while it is read: a batch in which something does not add up is read again before it is
// reported, and so are the margins.
#include "engine/audit.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "codec/event_log.hpp"
#include "codec/json_writer.hpp"
#include "codec/receipt_json.hpp"
#include "core/executions.hpp"
#include "orchestrator/lifecycle.hpp"

namespace orchestrator::engine {
namespace {

constexpr int kReadingsMax = 3;

class Findings {
 public:
  void add(std::string check, std::string subject, std::string detail) {
    all_.push_back({std::move(check), std::move(subject), std::move(detail)});
  }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  void move_to(AuditReport& report) {
    report.findings_total += all_.size();
    for (AuditFinding& finding : all_) {
      if (report.findings.size() < AuditReport::kFindingsMax) report.findings.push_back(std::move(finding));
    }
  }

 private:
  std::vector<AuditFinding> all_;
};

// --- trail ----------------------------------------------------------------------------------------

void check_trail(const Context& context, AuditReport& report) {
  Findings findings;
  std::int64_t last = 0;
  for (;;) {
    const auto page = context.store->audit_trail(last, kPageSize);
    for (const AuditEntry& entry : page) {
      const std::string subject = "entry/" + std::to_string(entry.id);
      if (entry.id != last + 1) findings.add("trail.gap", subject, "follows entry " + std::to_string(last));
      if (entry.hash != audit_hash(report.trail_head, entry)) {
        findings.add("trail.hash", subject,
                     "does not follow from the entry before: one of the two was changed");
      }
      report.trail_head = entry.hash;
      last = entry.id;
      ++report.trail_entries;
    }
    if (page.size() < kPageSize) break;
  }
  findings.move_to(report);
}

// --- one order --------------------------------------------------------------------------------------

// Whether the event's data has this member with this value. A quote inside a string is escaped, so the text
// of a member can be nowhere else.
template <class Value>
bool says(const Event& event, const char* name, const Value& value) {
  std::string member;
  codec::JsonWriter json(member);
  json.begin_object().member(name, value).end_object();
  return event.data.find(member.substr(1, member.size() - 2)) != std::string::npos;
}

std::optional<OrderStatus> status_in(const Event& event) {
  for (int i = 0; i < kOrderStatusCount; ++i) {
    const auto status = static_cast<OrderStatus>(i);
    if (says(event, "status", status)) return status;
  }
  return std::nullopt;
}

// A claim makes no event: an order that was claimed and answered goes through `submitting` unseen.
bool lawful(OrderStatus from, OrderStatus to) {
  if (from == to || transition_allowed(from, to, true)) return true;
  const bool claimable = from == OrderStatus::kPlaced || from == OrderStatus::kUnknown;
  return claimable &&
         (to == OrderStatus::kSubmitting || transition_allowed(OrderStatus::kSubmitting, to, true) ||
          // the first news of it may be its execution or its end
          transition_allowed(OrderStatus::kAcked, to, true));
}

bool is_execution(EventType type) {
  return type == EventType::kOrderPartiallyFilled || type == EventType::kOrderFilled ||
         type == EventType::kOrderLateFill || type == EventType::kOrderOverfilled;
}

void check_history(const Order& order, const std::vector<const Event*>& events, Findings& findings) {
  const std::string subject = "order/" + std::to_string(order.id);
  std::optional<OrderStatus> before;
  bool acked = false;
  std::int32_t seq = 0;
  for (const Event* event : events) {
    if (event->seq != ++seq) {
      findings.add("events.gap", subject,
                   "event " + std::to_string(event->seq) + " stands at " + std::to_string(seq));
    }
    const auto status = status_in(*event);
    if (!status) {
      findings.add("events.status", subject, "event " + std::to_string(seq) + " has no status");
    } else if (before && !lawful(*before, *status)) {
      findings.add("events.transition", subject,
                   "event " + std::to_string(seq) + ": " + std::string(to_string(*before)) + " became " +
                       std::string(to_string(*status)));
    }
    before = status;
    acked = acked || event->type == EventType::kOrderAcked;
    if (is_execution(event->type) && !acked) {
      findings.add("events.unacked", subject,
                   "event " + std::to_string(seq) + " executes what was not acked");
    }
  }
  if (seq != order.event_seq || seq == 0) {
    findings.add("events.missing", subject,
                 std::to_string(seq) + " events, the order has counted " + std::to_string(order.event_seq));
  }
}

void check_last_event(const Order& order, const Event& last, Findings& findings) {
  const std::string subject = "order/" + std::to_string(order.id);
  const bool placed = last.type == EventType::kOrderPlaced;
  bool same = says(last, "client_order_id", order.client_order_id) && says(last, "qty", order.qty);
  // A claim is no event; what it came from is.
  const auto status = status_in(last);
  const bool claimed = order.status == OrderStatus::kSubmitting && status &&
                       (*status == OrderStatus::kPlaced || *status == OrderStatus::kUnknown);
  same = same && (status == order.status || claimed);
  if (placed) {
    same = same && order.fill_qty.is_zero();
  } else {
    same = same && says(last, "fill_qty", order.fill_qty) &&
           says(last, "fill_notional", order.fill_notional) && says(last, "ext_order_id", order.ext_order_id);
  }
  if (!same) {
    findings.add(
        "order.fold", subject,
        "the row does not say what its last event (" + std::to_string(last.seq) + ") says: " + last.data);
  }
}

void check_executions(const Order& order, const std::vector<Execution>& executions, Findings& findings) {
  const std::string subject = "order/" + std::to_string(order.id);
  const ExecutionTotals totals = fold(executions);
  if (totals.qty != order.fill_qty || totals.notional != order.fill_notional || totals.fees != order.fees) {
    findings.add("executions.sum", subject,
                 "executions add up to " + totals.qty.to_string() + " worth " + totals.notional.to_string() +
                     ", fees " + totals.fees.to_string() + "; the order has " + order.fill_qty.to_string() +
                     ", " + order.fill_notional.to_string() + ", " + order.fees.to_string());
  }
  if (order.overfilled != (order.fill_qty > order.qty)) {
    findings.add("order.overfilled", subject, "the flag and the quantities disagree");
  }
}

// --- one batch --------------------------------------------------------------------------------------

std::vector<Event> events_of(const Context& context, BatchId id) {
  std::vector<Event> events;
  EventQuery query{.batch_id = id, .limit = kPageSize};
  for (;;) {
    const auto rows = context.store->events(query);
    for (const EventRow& row : rows) {
      auto expanded = codec::expand(row);
      std::move(expanded.begin(), expanded.end(), std::back_inserter(events));
    }
    if (rows.size() < kPageSize) return events;
    query.after_id = rows.back().id;
  }
}

void check_counts(const OrderBatch& batch, const std::vector<Order>& orders, Findings& findings) {
  OrderBatch counted;
  for (const Order& order : orders) {
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
  const auto counts = [](const OrderBatch& of) {
    return std::array{of.total_orders,    of.open_orders,      of.filled_orders,
                      of.executed_orders, of.cancelled_orders, of.rejected_orders};
  };
  if (counts(batch) != counts(counted)) {
    findings.add("batch.counts", "batch/" + std::to_string(batch.id),
                 std::to_string(counted.total_orders) + " orders, " + std::to_string(counted.open_orders) +
                     " open, do not agree with the batch's counts");
  }
}

void check_key(const Context& context, const OrderBatch& batch, const std::vector<Order>& orders,
               Findings& findings) {
  const std::string subject = "batch/" + std::to_string(batch.id);
  const auto record = context.store->idempotency({batch.tenant, "place", batch.idempotency_key});
  if (!record || record->batch_id != batch.id) {
    return findings.add("key.batch", subject, "its idempotency key does not lead to it");
  }
  if (record->response.empty()) return;  // expired
  const Receipt receipt = codec::parse_receipt(record->response);
  std::set<std::pair<OrderId, std::string>> told;
  for (const Receipt::Leg& leg : receipt.orders) {
    if (leg.id != 0) told.emplace(leg.id, leg.client_order_id);
  }
  std::set<std::pair<OrderId, std::string>> stored;
  for (const Order& order : orders) stored.emplace(order.id, order.client_order_id);
  if (receipt.batch_id != batch.id || told != stored) {
    findings.add("key.receipt", subject, "the receipt that its client has names other orders");
  }
}

void check_batch(const Context& context, BatchId id, AuditReport& counts, Findings& findings) {
  const OrderBatch batch = context.require_batch(id);
  const auto orders = context.store->orders({.batch_id = id, .limit = kOrdersOfBatchMax});
  const auto events = events_of(context, id);
  std::map<OrderId, std::vector<const Event*>> history;
  for (const Event& event : events) history[event.order_id].push_back(&event);
  std::vector<OrderId> ids;
  for (const Order& order : orders) ids.push_back(order.id);
  std::map<OrderId, std::vector<Execution>> executions;
  for (Execution& execution : context.store->executions(ids)) {
    ++counts.executions;
    executions[execution.order_id].push_back(std::move(execution));
  }
  for (const Order& order : orders) {
    const auto& its_events = history[order.id];
    check_history(order, its_events, findings);
    if (!its_events.empty()) check_last_event(order, *its_events.back(), findings);
    check_executions(order, executions[order.id], findings);
  }
  check_counts(batch, orders, findings);
  check_key(context, batch, orders, findings);
  counts.orders += orders.size();
  counts.events += events.size();
  ++counts.batches;
}

// What cannot even be read is a finding, too.
void read_batch(const Context& context, BatchId id, AuditReport& report) {
  for (int reading = 1;; ++reading) {
    Findings findings;
    AuditReport counts;
    try {
      check_batch(context, id, counts, findings);
    } catch (const Error& error) {
      findings.add("batch.unreadable", "batch/" + std::to_string(id), error.what());
    }
    if (!findings.empty() && reading < kReadingsMax) continue;
    report.orders += counts.orders;
    report.batches += counts.batches;
    report.executions += counts.executions;
    report.events += counts.events;
    return findings.move_to(report);
  }
}

// --- portfolios -------------------------------------------------------------------------------------

Money margin_of(const Context& context, PortfolioId portfolio_id) {
  Money sum;
  for_each_order(context, {.portfolio_id = portfolio_id},
                 [&](const Order& order) { sum += order.margin_reserved; });
  return sum;
}

void check_margin(const Context& context, PortfolioId portfolio_id, AuditReport& report) {
  Findings findings;
  for (int reading = 1; reading <= kReadingsMax; ++reading) {
    const Money reserved = context.store->usage_of(portfolio_id).margin_reserved;
    const Money held = margin_of(context, portfolio_id);
    // A desk that trades moves it while the orders are read: such a sum says nothing.
    const bool moved = context.store->usage_of(portfolio_id).margin_reserved != reserved;
    if (reserved == held || (moved && reading == kReadingsMax)) return;
    if (reading < kReadingsMax) continue;
    findings.add("portfolio.margin", "portfolio/" + std::to_string(portfolio_id),
                 reserved.to_string() + " is reserved, its orders hold " + held.to_string());
  }
  findings.move_to(report);
}

// --- brokers ----------------------------------------------------------------------------------------

// Ours by its id: what the broker holds of our making.
void check_theirs(const Context& context, const std::string& broker, const BrokerOrder& theirs,
                  Findings& findings) {
  const std::string subject = "broker/" + broker + "/" + theirs.ext_order_id;
  const auto found =
      context.store->orders({.broker = broker, .client_order_id = theirs.client_order_id, .limit = 1});
  if (found.empty()) {
    return findings.add(
        "broker.orphan", subject,
        "carries our client order id " + theirs.client_order_id + ", which no order here has");
  }
  const Order& order = found.front();
  if (!order.ext_order_id.empty() && order.ext_order_id != theirs.ext_order_id) {
    findings.add(
        "broker.duplicate", subject,
        "is a second order of order/" + std::to_string(order.id) + ", which is " + order.ext_order_id);
  } else if (order.status == OrderStatus::kPlaced) {
    findings.add("broker.unsent", subject,
                 "is there, and order/" + std::to_string(order.id) + " counts as not sent");
  } else if (order.fill_qty != theirs.fill_qty) {
    findings.add("broker.fill", subject,
                 "executed " + theirs.fill_qty.to_string() + ", order/" + std::to_string(order.id) + " has " +
                     order.fill_qty.to_string());
  }
}

void check_broker(const Context& context, const std::string& name, BrokerConnector& broker,
                  AuditReport& report) {
  Findings findings;
  try {
    const BrokerConnector::Book book = broker.book();
    std::set<std::string> ids;
    for (const BrokerOrder& theirs : book.orders) {
      if (!theirs.client_order_id.starts_with(context.options.deployment)) continue;
      ++report.broker_orders;
      if (!ids.insert(theirs.client_order_id).second && theirs.status != OrderStatus::kRejected) {
        findings.add("broker.twice", "broker/" + name + "/" + theirs.ext_order_id,
                     "is not the only order with client order id " + theirs.client_order_id);
      }
      if (theirs.status != OrderStatus::kRejected) check_theirs(context, name, theirs, findings);
    }
  } catch (const std::exception& error) {
    findings.add("broker.silent", "broker/" + name, error.what());
  }
  findings.move_to(report);
}

}  // namespace

AuditReport audit(const Context& context, const AuditOptions& options) {
  AuditReport report;
  Findings storage;
  for (std::string& what : context.store->verify()) storage.add("storage", "store", std::move(what));
  storage.move_to(report);
  check_trail(context, report);
  std::set<PortfolioId> portfolios;
  const auto newest = context.store->batches({.newest_first = true, .limit = 1});
  const auto total = newest.empty() ? std::size_t{0} : static_cast<std::size_t>(newest.front().id);
  BatchQuery query{.limit = kPageSize};
  for (;;) {
    const auto page = context.store->batches(query);
    for (const OrderBatch& batch : page) {
      portfolios.insert(batch.portfolio_id);
      read_batch(context, batch.id, report);
      if (options.progress) options.progress(static_cast<std::size_t>(batch.id), total);
    }
    if (page.size() < kPageSize) break;
    query.after_id = page.back().id;
  }
  for (const PortfolioId id : portfolios) check_margin(context, id, report);
  if (options.brokers) {
    for (const auto& [name, broker] : context.brokers) check_broker(context, name, *broker, report);
  }
  return report;
}

}  // namespace orchestrator::engine
