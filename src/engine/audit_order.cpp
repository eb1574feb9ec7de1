// An order has events 1..n without a hole, only lawful changes of status, and no execution before it was
// acknowledged. Its row is the fold of its events and executions: what it was placed with, what its last
// event says, what each event adds, and every execution once, to the last unit. Facts that no event carries
// are compared with what the status says of them.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "codec/flat_json.hpp"
#include "codec/json_writer.hpp"
#include "core/executions.hpp"
#include "core/order_life.hpp"
#include "engine/audit_checks.hpp"
#include "orchestrator/lifecycle.hpp"

namespace orchestrator::engine {
namespace {

using codec::FlatJson;

// A text as it comes back from JSON, which has no bytes that are not UTF-8.
std::string told_text(const std::string& text) {
  const auto plain = [](char c) { return c >= ' ' && c <= '~'; };
  if (std::ranges::all_of(text, plain)) return text;
  std::string json;
  codec::JsonWriter(json).begin_object().member("text", text).end_object();
  return std::string(FlatJson(json)["text"]);
}

// How an event writes these.
template <class Value>
std::string text_of(const Value& value) {
  if constexpr (std::is_integral_v<Value>) {
    return std::to_string(value);
  } else if constexpr (std::is_enum_v<Value> || std::is_same_v<Value, Timestamp>) {
    return std::string(to_string(value));
  } else if constexpr (std::is_convertible_v<Value, std::string>) {
    return told_text(value);
  } else {
    return value.to_string();
  }
}
std::string text_of(const std::optional<Price>& price) { return price ? price->to_string() : ""; }

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

ExecutionKind kind_told_by(EventType type) {
  if (type == EventType::kOrderBusted) return ExecutionKind::kBust;
  return type == EventType::kOrderCorrected ? ExecutionKind::kCorrect : ExecutionKind::kTrade;
}

// What these tell leaves the reason as it was.
bool keeps_reason(EventType type) {
  return is_execution(type) || type == EventType::kOrderBusted || type == EventType::kOrderCorrected ||
         type == EventType::kOrderSettled || type == EventType::kOrderReplaced ||
         type == EventType::kOrderCancelPending || type == EventType::kOrderReplacePending;
}

class OrderCheck {
 public:
  OrderCheck(const Order& order, const OrderBatch& batch, const std::vector<Execution>& executions,
             const TrailCheck& trail, Findings& findings)
      : order_(order),
        batch_(batch),
        executions_(executions),
        trail_(trail),
        findings_(findings),
        subject_("order/" + std::to_string(order.id)) {
    for (const Execution& execution : executions)
      by_id_.emplace(told_text(execution.execution_id), &execution);
  }

  void run(const std::vector<const Event*>& events) {
    for (const Event* event : events) check_event(*event);
    if (seq_ != order_.event_seq || seq_ == 0) {
      found("events.missing",
            std::to_string(seq_) + " events, the order has counted " + std::to_string(order_.event_seq));
    }
    check_executions();
    check_facts();
    if (!events.empty()) check_against_events();
  }

 private:
  void found(std::string check, std::string detail) {
    findings_.add(std::move(check), subject_, std::move(detail));
  }

  template <class Value>
  void expect(const char* check, const std::string& where, const FlatJson& data, const char* name,
              const Value& value) {
    const std::string wanted = text_of(value);
    if (data[name] == wanted) return;
    found(check, where + " says " + name + " '" + std::string(data[name]) + "', not '" + wanted + "'");
  }

  // The row does not say what its events add up to.
  template <class Value>
  void expect_row(const char* name, const Value& row, const Value& told) {
    if (row == told) return;
    found("order.fold",
          std::string("the row's ") + name + " is not what its events, executions and status say");
  }

  // --- events ---

  void check_event(const Event& event) {
    if (event.seq != ++seq_) {
      found("events.gap", "event " + std::to_string(event.seq) + " stands at " + std::to_string(seq_));
    }
    const std::string where = "event " + std::to_string(seq_);
    std::optional<FlatJson> read;
    try {
      read.emplace(event.data);
    } catch (const Error& error) {
      return found("events.data", where + ": " + error.what());
    }
    const FlatJson& data = *read;
    check_status(event, data, where);
    expect("events.data", where, data, "order_id", order_.id);
    expect("events.data", where, data, "batch_id", order_.batch_id);
    expect("events.data", where, data, "client_order_id", order_.client_order_id);
    expect("events.data", where, data, "broker", order_.broker);
    if ((event.type == EventType::kOrderPlaced) != (seq_ == 1)) {
      found("events.data", where + " is " + std::string(to_string(event.type)));
    } else if (seq_ == 1) {
      check_placed(event, data);
    } else {
      check_step(event, data, where);
    }
    learn(event, data);
  }

  void check_status(const Event& event, const FlatJson& data, const std::string& where) {
    const auto status = parse_order_status(data["status"]);
    if (!status) {
      found("events.status", where + " has no status");
    } else if (status_ && !lawful(*status_, *status)) {
      found("events.transition",
            where + ": " + std::string(to_string(*status_)) + " became " + std::string(to_string(*status)));
    }
    status_before_ = std::exchange(status_, status);
    acked_ = acked_ || event.type == EventType::kOrderAcked;
    if (is_execution(event.type) && !acked_) {
      found("events.unacked", where + " executes what was not acked");
    }
  }

  // What acceptance fixed.
  void check_placed(const Event& event, const FlatJson& data) {
    const auto fixed = [&](const char* name, const auto& value) {
      expect("order.placed", "order.placed", data, name, value);
    };
    fixed("tenant", order_.tenant);
    fixed("portfolio_id", order_.portfolio_id);
    fixed("leg", order_.leg);
    fixed("instrument_id", order_.instrument_id);
    fixed("symbol", order_.symbol);
    fixed("side", order_.side);
    fixed("order_type", order_.order_type);
    fixed("time_in_force", order_.time_in_force);
    fixed("stop_price", order_.stop_price);
    fixed("multiplier", order_.multiplier);
    if (event.at != order_.created_at) found("order.placed", "order.placed has another time than the order");
  }

  // What an event may change of what the one before it says.
  void check_step(const Event& event, const FlatJson& data, const std::string& where) {
    const auto same = [&](const char* name, const std::string& before) {
      if (data[name] == before) return;
      found("events.data",
            where + " says " + name + " '" + std::string(data[name]) + "' after '" + before + "'");
    };
    if (event.type != EventType::kOrderReplaced) {
      same("qty", qty_);
      same("price_limit", price_limit_);
    }
    if (keeps_reason(event.type)) same("reason", reason_);
    if (!ext_order_id_.empty()) same("ext_order_id", ext_order_id_);
    const std::int32_t attempt = data.number("attempt");
    if (attempt < attempt_ + (needs_claim(event.type) ? 1 : 0) || attempt > order_.attempt ||
        (attempt != attempt_ && !claimable())) {
      found("events.data", where + " is of attempt " + std::string(data["attempt"]));
    }
    attempt_ = attempt;
    if (!data["execution.execution_id"].empty()) check_told(event, data, where);
    if (order_.busted) return;  // what counts of a family of corrections is in the sum alone
    expect("events.fill", where, data, "fill_qty", told_.qty);
    expect("events.fill", where, data, "fill_notional", told_.notional);
  }

  // Whether a claim may lie between this event and the one before, and whether one must.
  [[nodiscard]] bool claimable() const {
    return status_before_ == OrderStatus::kPlaced || status_before_ == OrderStatus::kSubmitting ||
           status_before_ == OrderStatus::kUnknown;
  }
  [[nodiscard]] bool needs_claim(EventType type) const {
    return status_before_ == OrderStatus::kPlaced &&
           (type == EventType::kOrderReleased || type == EventType::kOrderUnknown);
  }

  // The execution that an event tells of.
  void check_told(const Event& event, const FlatJson& data, const std::string& where) {
    const std::string id(data["execution.execution_id"]);
    const auto found_at = by_id_.find(id);
    if (found_at == by_id_.end()) {
      return found("executions.event", where + " tells of execution " + id + ", which is not booked");
    }
    const Execution* row = found_at->second;
    const auto told = [&](const char* name, const auto& value) {
      expect("executions.event", where, data, name, value);
    };
    told("execution.ref_execution_id", row->ref_execution_id);
    told("execution.qty", row->qty);
    told("execution.price", row->price);
    told("execution.fees", row->fees);
    told("execution.executed_at", row->executed_at);
    if (row->kind != kind_told_by(event.type) || row->recorded_at != event.at) {
      found("executions.event", where + " tells of another kind or time of execution " + row->execution_id);
    }
    if (!booked_.insert(row).second) return;
    told_.qty += row->qty;
    told_.notional += row->price * row->qty;
  }

  void learn(const Event& event, const FlatJson& data) {
    qty_ = data["qty"];
    price_limit_ = data["price_limit"];
    ext_order_id_ = data["ext_order_id"];
    fill_qty_ = data["fill_qty"];
    fill_notional_ = data["fill_notional"];
    reason_ = data["reason"];
    switch (event.type) {
      case EventType::kOrderUnknown:
        ++doubts_;
        return;
      case EventType::kOrderParked:
        parked_ = true;
        return;
      case EventType::kOrderAcked:
      case EventType::kOrderReleased:
        parked_ = false;
        return;
      case EventType::kOrderResolved:
        parked_ = false;
        if (!trail_.tells_decision(order_.id))
          found("trail.decision", "no entry of the trail tells who decided");
        return;
      case EventType::kOrderIncident:
        incident_ = true;
        if (!trail_.tells_incident(order_.id)) found("trail.incident", "no entry of the trail tells of it");
        return;
      case EventType::kOrderCancelled:
        return learn_end(OrderStatus::kCancelled);
      case EventType::kOrderExpired:
        return learn_end(OrderStatus::kExpired);
      case EventType::kOrderRejected:
        return learn_end(OrderStatus::kRejected);
      case EventType::kOrderReplacePending:
        ++replaces_;
        return;
      case EventType::kOrderLateFill:
        late_fill_ = true;
        return;
      case EventType::kOrderBusted:
      case EventType::kOrderCorrected:
        busted_ = true;
        return;
      default:
        return;
    }
  }

  void learn_end(OrderStatus as) {
    ended_as_ = as;
    parked_ = false;
  }

  // --- the row ---

  void check_executions() {
    const ExecutionTotals totals = fold(executions_);
    if (totals.qty != order_.fill_qty || totals.notional != order_.fill_notional ||
        totals.fees != order_.fees) {
      found("executions.sum", "executions add up to " + totals.qty.to_string() + " worth " +
                                  totals.notional.to_string() + ", fees " + totals.fees.to_string() +
                                  "; the order has " + order_.fill_qty.to_string() + ", " +
                                  order_.fill_notional.to_string() + ", " + order_.fees.to_string());
    }
    expect_row("executed_at", order_.executed_at, totals.last);
    if (order_.overfilled != (order_.fill_qty > order_.qty)) {
      found("order.overfilled", "the flag and the quantities disagree");
    }
    for (const Execution& execution : executions_) {
      if (execution.broker != order_.broker) {
        found("executions.event", "execution " + execution.execution_id + " is of " + execution.broker);
      }
      // A trade that had been taken back before it came changed nothing.
      const bool silent = order_.busted && execution.kind == ExecutionKind::kTrade;
      if (!silent && !booked_.contains(&execution)) {
        found("executions.event", "no event tells of execution " + execution.execution_id);
      }
    }
  }

  // What the row's own fields say of one another, and of its batch.
  void check_facts() {
    const OrderStatus status = order_.status;
    const bool ended = is_terminal(status);
    expect_row("batch_id", order_.batch_id, batch_.id);
    expect_row("created_at", order_.created_at, batch_.created_at);
    if (order_.acked_at || order_.ended_as) {
      expect_row("status", status, status_of(order_));
    } else if (status != OrderStatus::kPlaced && status != OrderStatus::kSubmitting &&
               status != OrderStatus::kUnknown) {
      found("order.fold", "it is " + std::string(to_string(status)) + " and was never acknowledged");
    } else if (order_.cancel_requested || order_.pending_qty || order_.pending_price_limit) {
      found("order.fold", "it was never acknowledged and waits for a change");
    }
    expect_row("ended_at", order_.ended_at.has_value(), ended);
    expect_row("settled_at", order_.settled_at.has_value(), status == OrderStatus::kSettled);
    expect_row("submitted_at", order_.submitted_at.has_value(), order_.attempt > 0);
    expect_row("lease_until", order_.lease_until.has_value(), status == OrderStatus::kSubmitting);
    expect_row("lease_owner", order_.lease_owner != 0, status == OrderStatus::kSubmitting);
    if (ended && order_.cancel_requested) found("order.fold", "it has ended and waits for its cancel");
  }

  void check_against_events() {
    expect_row("acked_at", order_.acked_at.has_value(), acked_);
    expect_row("ended_as", order_.ended_as, ended_as_);
    expect_row("replace_count", order_.replace_count, replaces_);
    expect_row("late_fill", order_.late_fill, late_fill_);
    expect_row("busted", order_.busted, busted_);
    expect_row("incident", order_.incident, incident_);
    expect_row("parked", order_.parked, parked_);
    expect_row("lease_epoch", order_.lease_epoch, std::int64_t{order_.attempt} + doubts_);
    expect_row("qty", text_of(order_.qty), qty_);
    expect_row("price_limit", text_of(order_.price_limit), price_limit_);
    expect_row("ext_order_id", told_text(order_.ext_order_id), ext_order_id_);
    expect_row("reason", told_text(order_.reason), reason_);
    // A claim is no event; what it came from is.
    const bool claimed = order_.status == OrderStatus::kSubmitting &&
                         (status_ == OrderStatus::kPlaced || status_ == OrderStatus::kUnknown);
    if (!claimed) {
      expect_row("status", std::optional(order_.status), status_);
      expect_row("attempt", order_.attempt, attempt_);
    }
    const bool unsent = seq_ == 1;  // order.placed tells of no fill
    expect_row("fill_qty", text_of(order_.fill_qty), unsent ? std::string("0") : fill_qty_);
    expect_row("fill_notional", text_of(order_.fill_notional), unsent ? std::string("0") : fill_notional_);
  }

  const Order& order_;
  const OrderBatch& batch_;
  const std::vector<Execution>& executions_;
  const TrailCheck& trail_;
  Findings& findings_;
  const std::string subject_;
  std::unordered_map<std::string, const Execution*> by_id_;

  // What the events so far say.
  std::int32_t seq_ = 0;
  std::optional<OrderStatus> status_;
  std::optional<OrderStatus> status_before_;
  bool acked_ = false;
  std::optional<OrderStatus> ended_as_;
  std::int32_t replaces_ = 0;
  std::int64_t doubts_ = 0;
  bool late_fill_ = false;
  bool busted_ = false;
  bool parked_ = false;
  bool incident_ = false;
  std::int32_t attempt_ = 0;
  std::string qty_;
  std::string price_limit_;
  std::string ext_order_id_;
  std::string fill_qty_;
  std::string fill_notional_;
  std::string reason_;
  ExecutionTotals told_;
  std::set<const Execution*> booked_;
};

}  // namespace

void check_order(const Order& order, const OrderBatch& batch, const std::vector<const Event*>& events,
                 const std::vector<Execution>& executions, const TrailCheck& trail, Findings& findings) {
  OrderCheck(order, batch, executions, trail, findings).run(events);
}

}  // namespace orchestrator::engine
