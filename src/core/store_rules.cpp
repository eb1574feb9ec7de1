// Decisions common to all order stores.

#include "core/store_rules.hpp"

#include <algorithm>
#include <utility>

namespace orchestrator {
namespace {

bool covers(const Halt& halt, const Order& order) {
  switch (halt.scope) {
    case ControlScope::kAll:
      return true;
    case ControlScope::kPortfolio:
      return halt.target == std::to_string(order.portfolio_id);
    case ControlScope::kBroker:
      return halt.target == order.broker;
  }
  return true;  // a switch of an unknown scope stops everything
}

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::kInternal, "unit of work: " + what);
}

}  // namespace

bool is_untouched(const Order& order) {
  return order.fill_qty.is_zero() && order.fill_notional.is_zero() && order.fees.is_zero() &&
         !order.ended_as && !order.cancel_requested && !order.pending_qty && !order.pending_price_limit &&
         order.replace_count == 0 && !order.overfilled && !order.late_fill && !order.busted &&
         !order.parked && !order.incident && !order.executed_at && !order.ended_at && !order.settled_at;
}

void check_consistent(const AcceptUnit& unit) {
  const OrderBatch& batch = unit.batch;
  if (unit.orders.empty()) refuse("a batch without orders");
  if (unit.idempotency.scope.tenant != batch.tenant || unit.idempotency.scope.key != batch.idempotency_key) {
    refuse("the batch and its idempotency record differ in tenant or key");
  }
  for (const Order& order : unit.orders) {
    if (order.tenant != batch.tenant || order.portfolio_id != batch.portfolio_id ||
        order.created_at != batch.created_at) {
      refuse("order " + order.client_order_id +
             " differs from its batch in tenant, portfolio_id or created_at");
    }
    if (order.status != OrderStatus::kPlaced && order.status != OrderStatus::kSubmitting) {
      refuse("order " + order.client_order_id + " is neither placed nor submitting");
    }
    if (!is_untouched(order)) refuse("order " + order.client_order_id + " is new and has a history");
  }
}

void check_composed(const AcceptUnit& unit) {
  const auto foreign = [&unit](const EventRow& event) { return event.batch_id != unit.batch.id; };
  if (unit.idempotency.batch_id != unit.batch.id ||
      std::any_of(unit.events.begin(), unit.events.end(), foreign)) {
    refuse("the key or the events belong to another batch than " + std::to_string(unit.batch.id));
  }
}

const Halt* covering_halt(std::span<const Halt> halts, std::span<const Order> orders, HaltMode at_least) {
  for (const Halt& halt : halts) {
    const auto covered = [&halt](const Order& order) { return covers(halt, order); };
    if (halt.mode >= at_least && std::any_of(orders.begin(), orders.end(), covered)) return &halt;
  }
  return nullptr;
}

const Halt* forbidding_halt(std::span<const Halt> halts, const ChangeUnit& unit) {
  return unit.unless_stopped ? covering_halt(halts, unit.orders, *unit.unless_stopped) : nullptr;
}

const Halt* find_halt(std::span<const Halt> halts, ControlScope scope, const std::string& target) {
  const auto found = std::find_if(halts.begin(), halts.end(), [&](const Halt& halt) {
    return halt.scope == scope && halt.target == target;
  });
  return found == halts.end() ? nullptr : &*found;
}

std::string describe(const Halt& halt) {
  std::string text = halt.mode == HaltMode::kHalt ? "trading is halted" : "only cancels are let through";
  if (halt.scope == ControlScope::kPortfolio) text += " for portfolio " + halt.target;
  if (halt.scope == ControlScope::kBroker) text += " for broker " + halt.target;
  return halt.reason.empty() ? text : text + ": " + halt.reason;
}

PortfolioUsage usage_with(const PortfolioUsage& usage, const AcceptUnit& unit) {
  PortfolioUsage after = usage;
  after.portfolio_id = unit.batch.portfolio_id;
  after.margin_reserved += unit.margin;
  if (unit.day > after.day) {  // a clock that steps back does not open the day anew
    after.day_notional = Money();
    after.day = unit.day;
  }
  after.day_notional += unit.notional;
  return after;
}

std::optional<std::string> broken_limit(const PortfolioLimits& limits, const PortfolioUsage& usage) {
  if (limits.margin_available && usage.margin_reserved > *limits.margin_available) {
    return "margin: " + usage.margin_reserved.to_string() + " would be reserved, " +
           limits.margin_available->to_string() + " is available";
  }
  if (limits.max_notional_day && usage.day_notional > *limits.max_notional_day) {
    return "day's notional: " + usage.day_notional.to_string() + " would be accepted, at most " +
           limits.max_notional_day->to_string() + " is allowed";
  }
  return std::nullopt;
}

Money margin_after(const PortfolioUsage& usage, const ChangeUnit::MarginChange& change) {
  const Money after = usage.margin_reserved + change.delta;
  if (after.is_negative()) {
    refuse("portfolio " + std::to_string(usage.portfolio_id) + " shall give back margin " +
           (-change.delta).to_string() + " and has " + usage.margin_reserved.to_string() + " reserved");
  }
  return after;
}

bool exceeds_available(const PortfolioUsage& usage, const ChangeUnit::MarginChange& change) {
  return change.delta.is_positive() && change.available && usage.margin_reserved > *change.available;
}

void assign_live_fields(Order& stored, Order&& changed) {
  stored.ext_order_id = std::move(changed.ext_order_id);
  stored.status = changed.status;
  stored.qty = changed.qty;
  stored.price_limit = changed.price_limit;
  stored.stop_price = changed.stop_price;
  stored.fill_qty = changed.fill_qty;
  stored.fill_notional = changed.fill_notional;
  stored.fees = changed.fees;
  stored.margin_reserved = changed.margin_reserved;
  stored.reason = std::move(changed.reason);
  stored.ended_as = changed.ended_as;
  stored.cancel_requested = changed.cancel_requested;
  stored.pending_qty = changed.pending_qty;
  stored.pending_price_limit = changed.pending_price_limit;
  stored.replace_count = changed.replace_count;
  stored.overfilled = changed.overfilled;
  stored.late_fill = changed.late_fill;
  stored.busted = changed.busted;
  stored.parked = changed.parked;
  stored.incident = changed.incident;
  stored.attempt = changed.attempt;
  stored.lease_epoch = changed.lease_epoch;
  stored.lease_owner = changed.lease_owner;
  stored.lease_until = changed.lease_until;
  stored.submitted_at = changed.submitted_at;
  stored.acked_at = changed.acked_at;
  stored.executed_at = changed.executed_at;
  stored.ended_at = changed.ended_at;
  stored.settled_at = changed.settled_at;
  stored.version = changed.version;
  stored.event_seq = changed.event_seq;
}

void assign_live_fields(OrderBatch& stored, const OrderBatch& changed) {
  stored.status = changed.status;
  stored.total_orders = changed.total_orders;
  stored.open_orders = changed.open_orders;
  stored.filled_orders = changed.filled_orders;
  stored.executed_orders = changed.executed_orders;
  stored.cancelled_orders = changed.cancelled_orders;
  stored.rejected_orders = changed.rejected_orders;
  stored.version = changed.version;
  stored.event_seq = changed.event_seq;
}

}  // namespace orchestrator
