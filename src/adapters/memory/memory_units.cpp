// Units of work on the memory store: decided first, then written.

#include <algorithm>

#include "adapters/memory/memory_store.hpp"
#include "core/planted_bugs.hpp"
#include "core/store_rules.hpp"

namespace orchestrator::memory {

// --- accept ---------------------------------------------------------------------------------------

AcceptResult MemoryStore::accept(AcceptUnit& unit) {
  check_consistent(unit);
  const std::lock_guard lock(mutex_);
  AcceptResult result;
  const auto refuse = [&result](AcceptResult::Status status, std::string detail) {
    result.status = status;
    result.detail = std::move(detail);
    return std::move(result);
  };
  if (const IdempotencyRecord* existing = find_key(unit.idempotency.scope);
      existing != nullptr && !ORCHESTRATOR_PLANTED(kCheckThenAct)) {
    result.existing = *existing;
    return refuse(AcceptResult::Status::kKeyExists, {});
  }
  if (unit.reference_version != 0 && unit.reference_version != reference_version_) {
    return refuse(AcceptResult::Status::kReferenceChanged, {});
  }
  if (const Halt* halt = covering_halt(halts_, unit.orders))
    return refuse(AcceptResult::Status::kHalted, describe(*halt));

  const auto portfolio = portfolios_.find(unit.batch.portfolio_id);
  const PortfolioUsage usage = portfolio == portfolios_.end()
                                   ? PortfolioUsage{.portfolio_id = unit.batch.portfolio_id}
                                   : portfolio->second.usage;
  result.usage = usage_with(usage, unit);
  if (auto limit = broken_limit(unit.limits, result.usage)) {
    result.usage = usage;
    return refuse(AcceptResult::Status::kLimit, std::move(*limit));
  }
  assign_ids(unit);
  if (unit.compose) unit.compose(unit);
  check_composed(unit);
  std::string duplicate;
  if (!index_client_order_ids(unit.orders, duplicate)) {
    return refuse(AcceptResult::Status::kDuplicateOrderId,
                  "client order id " + duplicate + " exists already");
  }
  insert(unit, result.usage);
  insert_events(unit.events);
  return result;
}

const IdempotencyRecord* MemoryStore::find_key(const IdempotencyScope& scope) const {
  const IdempotencyRecord* found = nullptr;
  by_key_.find(scope.key, [&](BatchId id) {
    const IdempotencyRecord& record = batches_[id].idempotency;
    if (record.scope == scope) found = &record;
    return found != nullptr;
  });
  return found;
}

OrderId MemoryStore::find_client_order_id(const std::string& client_order_id) const {
  OrderId found = 0;
  by_client_order_id_.find(client_order_id, [&](OrderId id) {
    if (orders_[id].client_order_id == client_order_id) found = id;
    return found != 0;
  });
  return found;
}

void MemoryStore::assign_ids(AcceptUnit& unit) const {
  unit.batch.id = batches_.last_id() + 1;
  unit.idempotency.batch_id = unit.batch.id;
  OrderId last = orders_.last_id();
  for (Order& order : unit.orders) {
    order.id = ++last;
    order.batch_id = unit.batch.id;
  }
}

// The whole unit or nothing; false: `duplicate` is in the store already, or twice in the unit.
bool MemoryStore::index_client_order_ids(const std::vector<Order>& orders, std::string& duplicate) {
  const OrderId first = orders.front().id;
  const auto text_of = [&](OrderId id) -> const std::string& {
    return id < first ? orders_[id].client_order_id
                      : orders[static_cast<std::size_t>(id - first)].client_order_id;
  };
  by_client_order_id_.reserve(orders.size());
  for (const Order& order : orders) by_client_order_id_.prefetch(order.client_order_id);
  for (const Order& order : orders) {
    const std::string& text = order.client_order_id;
    if (!by_client_order_id_.find(text, [&](OrderId id) { return text_of(id) == text; })) {
      by_client_order_id_.add(text, order.id);
      continue;
    }
    duplicate = text;
    for (const Order* added = orders.data(); added != &order; ++added) {
      by_client_order_id_.remove(added->client_order_id, added->id);
    }
    return false;
  }
  return true;
}

void MemoryStore::insert(const AcceptUnit& unit, const PortfolioUsage& usage) {
  Batch& batch =
      batches_.add(Batch{unit.batch, unit.idempotency, unit.orders.front().id, unit.orders.back().id, {}});
  by_key_.add(batch.idempotency.scope.key, batch.row.id);

  Portfolio& portfolio = portfolios_[unit.batch.portfolio_id];
  portfolio.usage = usage;
  portfolio.batches.push_back(batch.row.id);
  const Timestamp created = unit.batch.created_at;
  portfolio.newest.push_back(portfolio.newest.empty() ? created : std::max(portfolio.newest.back(), created));

  for (const Order& given : unit.orders) {
    const Order& order = orders_.add(given);
    by_status_[static_cast<std::size_t>(order.status)].insert(order.id);
    if (!order.ext_order_id.empty()) by_ext_order_id_.add(order.ext_order_id, order.id);
  }
}

void MemoryStore::insert_events(std::vector<EventRow>& events) {
  for (EventRow& event : events) {
    event.id = events_.last_id() + 1;
    batches_[event.batch_id].events.push_back(event.id);
    outbox_.insert(event.id);
    events_.add(std::move(event));
  }
}

// --- claim ----------------------------------------------------------------------------------------

bool MemoryStore::take_rate(const RateRequest& request) {
  const std::lock_guard lock(mutex_);
  return take_one(request);
}

bool MemoryStore::take_one(const RateRequest& request) {
  return rates_[{request.broker, request.account}].take(request.limit, request.use, 1, request.monotonic) ==
         1;
}

std::vector<Order> MemoryStore::claim(const ClaimRequest& request) {
  const std::lock_guard lock(mutex_);
  std::vector<Order> claimed;
  const auto wanted = [&](const Order& order) {
    if (order.parked) return false;
    if (request.batch_id && order.batch_id != *request.batch_id) return false;
    if (request.lease_epoch && order.lease_epoch != *request.lease_epoch) return false;
    const auto& brokers = request.brokers;
    if (!brokers.empty() && std::find(brokers.begin(), brokers.end(), order.broker) == brokers.end())
      return false;
    return ORCHESTRATOR_PLANTED(kHaltIgnored) || covering_halt(halts_, {&order, 1}) == nullptr;
  };
  OrderId first = request.after_id;
  OrderId last = orders_.last_id();
  if (request.batch_id) {
    if (!batches_.contains(*request.batch_id)) return claimed;
    first = std::max(first, batches_[*request.batch_id].first_order_id - 1);
    last = batches_[*request.batch_id].last_order_id;
  }
  if (request.order_id) {
    first = std::max(first, *request.order_id - 1);
    last = std::min(last, *request.order_id);
  }
  const IdSet& candidates = by_status_[static_cast<std::size_t>(request.from)];
  for (OrderId id = candidates.above(first); id != 0 && id <= last && claimed.size() < request.limit;
       id = candidates.above(id)) {
    Order& order = orders_[id];
    if (!wanted(order)) continue;
    if (request.rate && !take_one(*request.rate)) break;
    set_status(order, OrderStatus::kSubmitting);
    ++order.attempt;
    ++order.lease_epoch;
    order.lease_owner = request.owner;
    order.lease_until = request.lease_until;
    order.submitted_at = request.now;
    ++order.version;
    claimed.push_back(order);
  }
  return claimed;
}

// --- commit ---------------------------------------------------------------------------------------

CommitStatus MemoryStore::commit(ChangeUnit& unit) {
  const std::lock_guard lock(mutex_);
  if (forbidding_halt(halts_, unit) != nullptr) return CommitStatus::kHalted;
  if (conflicts(unit)) return CommitStatus::kConflict;
  check_references(unit);
  if (!change_margins(unit)) return CommitStatus::kLimit;

  by_ext_order_id_.reserve(unit.orders.size());
  for (const Order& order : unit.orders) by_ext_order_id_.prefetch(order.ext_order_id);
  for (Order& order : unit.orders) update(std::move(order));
  for (const OrderBatch& batch : unit.batches) assign_live_fields(batches_[batch.id].row, batch);
  insert_executions(unit.executions);
  insert_events(unit.events);
  for (AuditEntry& entry : unit.audit) append(entry);
  for (const Halt& halt : unit.halts) {
    if (find_halt(halts_, halt.scope, halt.target) != nullptr) continue;
    ++reference_version_;
    set_halt(halt);
  }
  for (InboxReport& report : unit.inbox_add) {
    report.id = ++last_inbox_id_;
    inbox_.emplace(report.id, report);
  }
  for (const std::int64_t id : unit.inbox_remove) inbox_.erase(id);
  unit.inbox_waiting = !inbox_.empty();
  if (unit.cursor) cursors_[{unit.cursor->broker, unit.cursor->account}] = unit.cursor->cursor;
  return CommitStatus::kCommitted;
}

bool MemoryStore::conflicts(const ChangeUnit& unit) const {
  for (const Order& order : unit.orders) {
    if (!orders_.contains(order.id)) return true;
    const Order& stored = orders_[order.id];
    if (ORCHESTRATOR_PLANTED(kVersionIgnored)) continue;
    if (order.version != stored.version + 1 || order.lease_epoch < stored.lease_epoch) return true;
  }
  for (const OrderBatch& batch : unit.batches) {
    if (!batches_.contains(batch.id) || batch.version != batches_[batch.id].row.version + 1) return true;
  }
  for (auto at = unit.executions.begin(); at != unit.executions.end(); ++at) {
    if (find_execution(at->broker, at->account, at->execution_id) != nullptr) return true;
    const bool twice = std::any_of(unit.executions.begin(), at, [&](const Execution& other) {
      return other.execution_id == at->execution_id && other.account == at->account &&
             other.broker == at->broker;
    });
    if (twice) return true;
  }
  return false;
}

void MemoryStore::check_references(const ChangeUnit& unit) const {
  for (const Execution& execution : unit.executions) {
    if (orders_.contains(execution.order_id)) continue;
    throw Error(ErrorCode::kInternal,
                "execution " + execution.execution_id + " of an order that does not exist");
  }
  for (const EventRow& event : unit.events) {
    if (batches_.contains(event.batch_id)) continue;
    throw Error(ErrorCode::kInternal, "events of a batch that does not exist");
  }
}

bool MemoryStore::change_margins(const ChangeUnit& unit) {
  std::map<PortfolioId, PortfolioUsage> changed;
  for (const auto& change : unit.margins) {
    const auto portfolio = portfolios_.find(change.portfolio_id);
    const PortfolioUsage before = portfolio == portfolios_.end()
                                      ? PortfolioUsage{.portfolio_id = change.portfolio_id}
                                      : portfolio->second.usage;
    PortfolioUsage& usage = changed.try_emplace(change.portfolio_id, before).first->second;
    usage.margin_reserved = margin_after(usage, change);
    if (exceeds_available(usage, change)) return false;
  }
  for (const auto& [id, usage] : changed) portfolios_[id].usage = usage;
  return true;
}

void MemoryStore::update(Order&& order) {
  Order& stored = orders_[order.id];
  set_status(stored, order.status);
  if (stored.ext_order_id == order.ext_order_id) return assign_live_fields(stored, std::move(order));

  if (!stored.ext_order_id.empty()) by_ext_order_id_.remove(stored.ext_order_id, stored.id);
  assign_live_fields(stored, std::move(order));
  if (!stored.ext_order_id.empty()) by_ext_order_id_.add(stored.ext_order_id, stored.id);
}

void MemoryStore::set_status(Order& order, OrderStatus status) {
  if (order.status == status) return;
  by_status_[static_cast<std::size_t>(order.status)].erase(order.id);
  by_status_[static_cast<std::size_t>(status)].insert(order.id);
  order.status = status;
}

void MemoryStore::insert_executions(const std::vector<Execution>& executions) {
  for (const Execution& given : executions) {
    const Execution& execution = executions_.add(given);
    by_execution_id_.add(execution.execution_id, executions_.last_id());
    executions_of_[execution.order_id].push_back(executions_.last_id());
  }
}

const Execution* MemoryStore::find_execution(std::string_view broker, std::string_view account,
                                             std::string_view execution_id) const {
  const Execution* found = nullptr;
  by_execution_id_.find(execution_id, [&](std::int64_t id) {
    const Execution& execution = executions_[id];
    const bool same =
        execution.execution_id == execution_id && execution.account == account && execution.broker == broker;
    if (same) found = &execution;
    return same;
  });
  return found;
}

}  // namespace orchestrator::memory
