#include "engine/change_set.hpp"

#include <algorithm>

#include "codec/event_log.hpp"
#include "codec/json_block.hpp"
#include "core/planted_bugs.hpp"
#include "engine/observation.hpp"

namespace orchestrator::engine {
namespace {

// The count that an order stands in.
std::int32_t& count_of(OrderBatch& batch, OrderStatus status, Quantity fill_qty, Quantity qty) {
  if (is_open(status)) return batch.open_orders;
  if (status == OrderStatus::kRejected) return batch.rejected_orders;
  if (fill_qty >= qty) return batch.filled_orders;
  return fill_qty.is_zero() ? batch.cancelled_orders : batch.executed_orders;
}

EventType ending_of(BatchStatus status) {
  switch (status) {
    case BatchStatus::kCompleted:
      return EventType::kBatchCompleted;
    case BatchStatus::kPartiallyCompleted:
      return EventType::kBatchPartiallyCompleted;
    case BatchStatus::kFailed:
      return EventType::kBatchFailed;
    default:
      return EventType::kBatchCancelled;
  }
}

}  // namespace

ChangeSet::Entry* ChangeSet::find(OrderId id) {
  const auto at = std::ranges::lower_bound(by_id_, id, {}, &std::pair<OrderId, Entry*>::first);
  return at == by_id_.end() || at->first != id ? nullptr : at->second;
}

Order& ChangeSet::take(Order&& order) {
  if (Entry* entry = find(order.id)) return entry->order;
  if (entries_.empty() || entries_.back().size() == chunk_) entries_.emplace_back().reserve(chunk_);
  Entry& added = entries_.back().emplace_back(std::move(order));
  const OrderId id = added.order.id;
  by_id_.insert(std::ranges::upper_bound(by_id_, id, {}, &std::pair<OrderId, Entry*>::first), {id, &added});
  return added.order;
}

Verdict ChangeSet::apply(Order& order, const Signal& signal) {
  const Verdict decided = apply_signal(order, signal, *this);
  if (decided == Verdict::kApply || decided == Verdict::kFlag) find(order.id)->touched = true;
  return decided;
}

void ChangeSet::emit(EventType type, Order& order, const Execution* execution) {
  EventRow& row = rows_[order.batch_id];
  if (row.lines.empty()) {
    row.batch_id = order.batch_id;
    row.order_id = order.id;
    row.at = now_;
    row.lines.reserve(chunk_ * kEventLineTypical);
  } else if (row.order_id != order.id) {
    row.order_id = 0;
  }
  event_data_.clear();
  write_order_event_data(event_data_, order, execution);
  codec::append_event(row.lines, type, order.id, ++order.event_seq, event_data_.text());
}

bool ChangeSet::empty() const {
  const bool untouched =
      std::ranges::none_of(by_id_, [](const auto& entry) { return entry.second->touched; });
  return untouched && unit_.executions.empty() && unit_.inbox_add.empty() && unit_.inbox_remove.empty() &&
         !unit_.cursor;
}

void ChangeSet::add_batches() {
  std::map<BatchId, std::vector<const Entry*>> moved;
  OrderBatch probe;
  for (const auto& [id, entry] : by_id_) {
    if (!entry->touched) continue;
    const std::int32_t* before =
        &count_of(probe, entry->status_before, entry->fill_before, entry->qty_before);
    const std::int32_t* after =
        &count_of(probe, entry->order.status, entry->order.fill_qty, entry->order.qty);
    if (before != after) moved[entry->order.batch_id].push_back(entry);
  }
  for (const auto& [id, entries] : moved) add_batch(id, entries);
}

void ChangeSet::add_batch(BatchId id, const std::vector<const Entry*>& entries) {
  auto found = store_.batches({.ids = {id}});
  if (found.empty())
    throw Error(ErrorCode::kInternal, "batch " + std::to_string(id) + " has orders but no row");
  OrderBatch& batch = found.front();
  const bool ended_before = batch.open_orders == 0;
  for (const Entry* entry : entries) {
    --count_of(batch, entry->status_before, entry->fill_before, entry->qty_before);
    ++count_of(batch, entry->order.status, entry->order.fill_qty, entry->order.qty);
  }
  const BatchStatus before = batch.status;
  batch.status = derive_batch_status(batch, true);
  const bool ended = batch.open_orders == 0;
  ++batch.version;
  if (ended != ended_before || (ended && batch.status != before)) {
    const EventType type = ended ? ending_of(batch.status) : EventType::kBatchReopened;
    EventRow& row = rows_[id];
    row.batch_id = id;
    row.order_id = 0;
    row.at = now_;
    codec::append_event(row.lines, type, 0, ++batch.event_seq, batch_event_data(batch));
  }
  unit_.batches.push_back(std::move(batch));
}

CommitStatus ChangeSet::commit(const Context& context) {
  add_batches();
  EnteredOrders entered;
  unit_.index_ext_order_ids = false;
  unit_.orders.reserve(by_id_.size());
  for (const auto& [id, entry] : by_id_) {
    if (!entry->touched) continue;
    const Money delta = entry->order.margin_reserved - entry->margin_before;
    if (delta.is_negative()) unit_.margins.push_back({entry->order.portfolio_id, delta, std::nullopt});
    entry->order.version = entry->version_before + 1;
    if (context.observer && entry->order.status != entry->status_before) {
      entered.add(entry->order.broker, entry->order.status);
    }
    if (unit_.orders.empty() || unit_.orders.back().broker != entry->order.broker) {
      const BrokerConnector* broker = context.broker(entry->order.broker);
      if (broker == nullptr || !broker->capabilities().reports_name_our_id) unit_.index_ext_order_ids = true;
    }
    unit_.orders.push_back(std::move(entry->order));
  }
  for (auto& [id, row] : rows_) unit_.events.push_back(std::move(row));
  ORCHESTRATOR_PLANT(kEventsApart, return commit_events_apart(*context.store, unit_));
  const CommitStatus status = context.store->commit(unit_);
  if (status == CommitStatus::kCommitted && context.observer) entered.tell(context);
  return status;
}

void write_order_event_data(codec::JsonBlock& json, const Order& order, const Execution* execution) {
  json.begin_object()
      .member("order_id", order.id)
      .member("batch_id", order.batch_id)
      .member("client_order_id", order.client_order_id)
      .member("status", order.status)
      .member("broker", order.broker)
      .member("ext_order_id", order.ext_order_id)
      .member("qty", order.qty)
      .member("price_limit", order.price_limit)
      .member("fill_qty", order.fill_qty)
      .member("fill_notional", order.fill_notional)
      .member("attempt", order.attempt);
  if (!order.reason.empty()) json.member("reason", order.reason);
  if (execution != nullptr) {
    json.key("execution").begin_object().member("execution_id", execution->execution_id);
    if (!execution->ref_execution_id.empty()) json.member("ref_execution_id", execution->ref_execution_id);
    json.member("qty", execution->qty)
        .member("price", execution->price)
        .member("fees", execution->fees)
        .member("executed_at", execution->executed_at)
        .end_object();
  }
  json.end_object();
}

void write_placed_event_data(codec::JsonBlock& json, const Order& order) {
  json.begin_object()
      .member("order_id", order.id)
      .member("batch_id", order.batch_id)
      .member("client_order_id", order.client_order_id)
      .member("status", OrderStatus::kPlaced)
      .member("tenant", order.tenant)
      .member("portfolio_id", order.portfolio_id)
      .member("leg", order.leg)
      .member("broker", order.broker)
      .member("instrument_id", order.instrument_id)
      .member("symbol", order.symbol)
      .member("side", order.side)
      .member("order_type", order.order_type)
      .member("time_in_force", order.time_in_force)
      .member("qty", order.qty)
      .member("price_limit", order.price_limit)
      .member("stop_price", order.stop_price)
      .member("multiplier", order.multiplier)
      .member("margin_reserved", order.margin_reserved)
      .end_object();
}

std::string batch_event_data(const OrderBatch& batch) {
  codec::JsonBlock json(kEventDataTypical);
  json.begin_object()
      .member("batch_id", batch.id)
      .member("portfolio_id", batch.portfolio_id)
      .member("idempotency_key", batch.idempotency_key)
      .member("status", batch.status)
      .member("total_orders", batch.total_orders)
      .member("open_orders", batch.open_orders)
      .member("filled_orders", batch.filled_orders)
      .member("executed_orders", batch.executed_orders)
      .member("cancelled_orders", batch.cancelled_orders)
      .member("rejected_orders", batch.rejected_orders)
      .end_object();
  return std::string(json.text());
}

}  // namespace orchestrator::engine
