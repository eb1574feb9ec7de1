// Reading the memory store. Each query walks the narrowest index that its conditions offer and tests the
// rest.

#include <algorithm>
#include <set>
#include <tuple>

#include "adapters/memory/memory_store.hpp"
#include "orchestrator/lifecycle.hpp"

namespace orchestrator::memory {
namespace {

// Every record with this text, and perhaps others.
std::vector<std::int64_t> candidates(const TextIndex& index, const std::string& text) {
  std::vector<std::int64_t> ids;
  index.find(text, [&ids](std::int64_t id) {
    ids.push_back(id);
    return false;
  });
  return ids;
}

}  // namespace

// Takes matching orders in the order of the answer until the limit.
class MemoryStore::Collector {
 public:
  Collector(const MemoryStore& store, const OrderQuery& query) : store_(store), query_(query) {}

  [[nodiscard]] bool newest_first() const { return query_.newest_first; }
  [[nodiscard]] bool full() const { return found_.size() >= query_.limit; }
  // The ids that the cursor leaves, both exclusive.
  [[nodiscard]] OrderId above() const {
    return newest_first() ? 0 : std::clamp<OrderId>(query_.after_id, 0, store_.orders_.last_id());
  }
  [[nodiscard]] OrderId below() const {
    const OrderId end = store_.orders_.last_id() + 1;
    return newest_first() && query_.before_id != 0 ? std::clamp<OrderId>(query_.before_id, 0, end) : end;
  }
  [[nodiscard]] const OrderQuery& query() const { return query_; }

  void take(OrderId id) {
    const Order& order = store_.orders_[id];
    if (id > above() && id < below() && store_.matches(order, query_)) found_.push_back(order);
  }
  std::vector<Order> found() { return std::move(found_); }

 private:
  const MemoryStore& store_;
  const OrderQuery& query_;
  std::vector<Order> found_;
};

bool MemoryStore::matches(const Order& order, const OrderQuery& query) const {
  const auto any_of = [](const auto& values, const auto& value) {
    return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
  };
  const auto equals = [](const auto& wanted, const auto& value) { return !wanted || *wanted == value; };
  if (!any_of(query.statuses, order.status)) return false;
  if (!equals(query.tenant, order.tenant) || !equals(query.batch_id, order.batch_id)) return false;
  if (!equals(query.portfolio_id, order.portfolio_id)) return false;
  if (!equals(query.instrument_id, order.instrument_id) || !equals(query.broker, order.broker)) return false;
  if (!equals(query.client_order_id, order.client_order_id)) return false;
  if (!any_of(query.client_order_ids, order.client_order_id)) return false;
  if (!equals(query.ext_order_id, order.ext_order_id)) return false;
  if (query.created_from && order.created_at < *query.created_from) return false;
  if (!query.abandoned_at) return true;
  // The only sender of this store is this process, and it lives.
  return order.status == OrderStatus::kSubmitting && order.lease_until &&
         *order.lease_until < *query.abandoned_at;
}

void MemoryStore::visit_ids(std::vector<OrderId> ids, Collector& collector) const {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (collector.newest_first()) std::reverse(ids.begin(), ids.end());
  for (const OrderId id : ids) {
    if (collector.full()) return;
    if (orders_.contains(id)) collector.take(id);
  }
}

void MemoryStore::visit_range(OrderId first, OrderId last, Collector& collector) const {
  first = std::max(first, collector.above() + 1);
  last = std::min(last, collector.below() - 1);
  if (collector.newest_first()) {
    for (OrderId id = last; id >= first && !collector.full(); --id) collector.take(id);
  } else {
    for (OrderId id = first; id <= last && !collector.full(); ++id) collector.take(id);
  }
}

void MemoryStore::visit_statuses(const std::vector<OrderStatus>& statuses, Collector& collector) const {
  const auto next = [&](OrderId id) {
    OrderId best = 0;
    for (const OrderStatus status : statuses) {
      const IdSet& set = by_status_[static_cast<std::size_t>(status)];
      const OrderId candidate = collector.newest_first() ? set.below(id) : set.above(id);
      if (candidate == 0) continue;
      if (best == 0) best = candidate;
      best = collector.newest_first() ? std::max(best, candidate) : std::min(best, candidate);
    }
    return best;
  };
  OrderId id = next(collector.newest_first() ? collector.below() : collector.above());
  for (; id != 0 && !collector.full(); id = next(id)) collector.take(id);
}

void MemoryStore::visit_portfolio(const Portfolio& portfolio, Collector& collector) const {
  std::size_t begin = 0;
  if (const auto from = collector.query().created_from) {
    // Nothing before this batch was created at or after `from`, wherever the clock jumped.
    begin = static_cast<std::size_t>(
        std::lower_bound(portfolio.newest.begin(), portfolio.newest.end(), *from) - portfolio.newest.begin());
  }
  const auto visit = [&](BatchId id) {
    visit_range(batches_[id].first_order_id, batches_[id].last_order_id, collector);
  };
  if (collector.newest_first()) {
    for (std::size_t i = portfolio.batches.size(); i > begin && !collector.full(); --i)
      visit(portfolio.batches[i - 1]);
  } else {
    for (std::size_t i = begin; i < portfolio.batches.size() && !collector.full(); ++i)
      visit(portfolio.batches[i]);
  }
}

std::vector<Order> MemoryStore::orders(const OrderQuery& query) const {
  const std::lock_guard lock(mutex_);
  if (query.client_order_ids.empty() || !query.ids.empty()) return find_orders(query);
  OrderQuery by_id = query;
  by_id.client_order_ids.clear();
  for (const std::string& id : query.client_order_ids) by_id.ids.push_back(find_client_order_id(id));
  return find_orders(by_id);
}

std::vector<Order> MemoryStore::find_orders(const OrderQuery& query) const {
  Collector collector(*this, query);
  const auto is_lasting = [](OrderStatus status) { return is_terminal(status); };
  const bool statuses_pass =
      !query.statuses.empty() && std::none_of(query.statuses.begin(), query.statuses.end(), is_lasting);
  if (!query.ids.empty()) {
    visit_ids(query.ids, collector);
  } else if (query.client_order_id) {
    visit_ids({find_client_order_id(*query.client_order_id)}, collector);
  } else if (query.ext_order_id && !query.ext_order_id->empty()) {
    visit_ids(candidates(by_ext_order_id_, *query.ext_order_id), collector);
  } else if (query.batch_id) {
    if (!batches_.contains(*query.batch_id)) return {};
    const Batch& batch = batches_[*query.batch_id];
    visit_range(batch.first_order_id, batch.last_order_id, collector);
  } else if (query.abandoned_at) {
    visit_statuses({OrderStatus::kSubmitting}, collector);
  } else if (query.portfolio_id && !statuses_pass) {
    const auto portfolio = portfolios_.find(*query.portfolio_id);
    if (portfolio != portfolios_.end()) visit_portfolio(portfolio->second, collector);
  } else if (!query.statuses.empty()) {
    visit_statuses(query.statuses, collector);
  } else {
    visit_range(1, orders_.last_id(), collector);
  }
  return collector.found();
}

std::vector<OrderCount> MemoryStore::count_orders(std::span<const OrderStatus> statuses) const {
  std::map<std::tuple<std::string, OrderStatus, bool>, OrderCount> counts;
  const std::set<OrderStatus> wanted(statuses.begin(), statuses.end());
  const std::lock_guard lock(mutex_);
  for (const OrderStatus status : wanted) {
    const IdSet& ids = by_status_[static_cast<std::size_t>(status)];
    for (OrderId id = ids.above(0); id != 0; id = ids.above(id)) {
      const Order& order = orders_[id];
      const Timestamp since = order.submitted_at.value_or(order.created_at);
      OrderCount& count = counts[{order.broker, status, order.parked}];
      if (count.orders == 0) count = {order.broker, status, order.parked, 0, since};
      ++count.orders;
      count.oldest = std::min(count.oldest, since);
    }
  }
  std::vector<OrderCount> list;
  for (auto& [group, count] : counts) list.push_back(std::move(count));
  return list;
}

OrderBatch MemoryStore::read_batch(const Batch& batch) const {
  OrderBatch row = batch.row;
  bool any_sent = false;
  for (OrderId id = batch.first_order_id; row.open_orders > 0 && id <= batch.last_order_id && !any_sent;
       ++id) {
    any_sent = orders_[id].status != OrderStatus::kPlaced;
  }
  row.status = derive_batch_status(row, any_sent);
  return row;
}

std::vector<OrderBatch> MemoryStore::batches(const BatchQuery& query) const {
  const std::lock_guard lock(mutex_);
  std::vector<OrderBatch> found;
  const auto take = [&](BatchId id) {
    if (!batches_.contains(id)) return;
    if (query.newest_first ? query.before_id != 0 && id >= query.before_id : id <= query.after_id) return;
    const OrderBatch& row = batches_[id].row;
    if (query.tenant && row.tenant != *query.tenant) return;
    if (query.portfolio_id && row.portfolio_id != *query.portfolio_id) return;
    if (query.idempotency_key && row.idempotency_key != *query.idempotency_key) return;
    OrderBatch batch = read_batch(batches_[id]);
    if (!query.status || batch.status == *query.status) found.push_back(std::move(batch));
  };
  const auto take_all = [&](std::vector<BatchId> ids) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    if (query.newest_first) std::reverse(ids.begin(), ids.end());
    for (auto at = ids.begin(); at != ids.end() && found.size() < query.limit; ++at) take(*at);
  };
  if (!query.ids.empty()) {
    take_all(query.ids);
  } else if (query.idempotency_key) {
    take_all(candidates(by_key_, *query.idempotency_key));
  } else if (query.portfolio_id) {
    const auto portfolio = portfolios_.find(*query.portfolio_id);
    if (portfolio != portfolios_.end()) take_all(portfolio->second.batches);
  } else if (query.newest_first) {
    BatchId id = query.before_id == 0 ? batches_.last_id() : std::min(query.before_id, batches_.last_id());
    for (; id > 0 && found.size() < query.limit; --id) take(id);
  } else {
    const BatchId after = std::clamp<BatchId>(query.after_id, 0, batches_.last_id());
    for (BatchId id = after + 1; id <= batches_.last_id() && found.size() < query.limit; ++id) take(id);
  }
  return found;
}

std::vector<Execution> MemoryStore::executions(std::span<const OrderId> orders) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::int64_t> ids;
  for (const OrderId order : orders) {
    const auto found = executions_of_.find(order);
    if (found != executions_of_.end()) ids.insert(ids.end(), found->second.begin(), found->second.end());
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<Execution> executions;
  executions.reserve(ids.size());
  for (const std::int64_t id : ids) executions.push_back(executions_[id]);
  return executions;
}

std::optional<Execution> MemoryStore::execution(const std::string& broker, const std::string& account,
                                                const std::string& execution_id) const {
  const std::lock_guard lock(mutex_);
  const Execution* found = find_execution(broker, account, execution_id);
  if (found == nullptr) return std::nullopt;
  return *found;
}

// --- keys, events, inbox --------------------------------------------------------------------------

std::optional<IdempotencyRecord> MemoryStore::idempotency(const IdempotencyScope& scope) const {
  const std::lock_guard lock(mutex_);
  const IdempotencyRecord* found = find_key(scope);
  if (found == nullptr) return std::nullopt;
  return *found;
}

std::size_t MemoryStore::expire_idempotency(Timestamp now) {
  const std::lock_guard lock(mutex_);
  std::size_t emptied = 0;
  bool gone_so_far = true;
  for (BatchId id = expired_up_to_ + 1; id <= batches_.last_id(); ++id) {
    IdempotencyRecord& record = batches_[id].idempotency;
    if (record.expires_at <= now && !record.response.empty()) {
      record.response = std::string();
      ++emptied;
    }
    gone_so_far = gone_so_far && record.response.empty();
    if (gone_so_far) expired_up_to_ = id;
  }
  return emptied;
}

std::vector<EventRow> MemoryStore::events(const EventQuery& query) const {
  const std::lock_guard lock(mutex_);
  std::vector<EventRow> found;
  if (query.order_id && !orders_.contains(*query.order_id)) return found;
  const BatchId of_order = query.order_id ? orders_[*query.order_id].batch_id : 0;
  const auto take = [&](std::int64_t id) {
    const EventRow& event = events_[id];
    if (id <= query.after_id || (query.unpublished && !outbox_.contains(id))) return;
    if (query.batch_id && event.batch_id != *query.batch_id) return;
    if (query.order_id && event.batch_id != of_order) return;
    if (query.order_id && event.order_id != 0 && event.order_id != *query.order_id) return;
    found.push_back(event);
  };
  const BatchId batch = query.batch_id.value_or(of_order);
  if (batch != 0) {
    if (!batches_.contains(batch)) return found;
    for (const std::int64_t id : batches_[batch].events) {
      if (found.size() >= query.limit) break;
      take(id);
    }
  } else if (query.unpublished) {
    for (auto id = outbox_.above(query.after_id); id != 0 && found.size() < query.limit;
         id = outbox_.above(id))
      take(id);
  } else {
    const auto after = std::clamp<std::int64_t>(query.after_id, 0, events_.last_id());
    for (auto id = after + 1; id <= events_.last_id() && found.size() < query.limit; ++id) take(id);
  }
  return found;
}

void MemoryStore::mark_published(std::span<const EventRowKey> rows) {
  const std::lock_guard lock(mutex_);
  for (const EventRowKey& row : rows) {
    if (events_.contains(row.id) && key_of(events_[row.id]) == row) outbox_.erase(row.id);
  }
}

OutboxStatus MemoryStore::outbox() const {
  const std::lock_guard lock(mutex_);
  OutboxStatus status{outbox_.size(), std::nullopt};
  if (status.rows > 0) status.oldest = events_[outbox_.above(0)].at;
  return status;
}

std::vector<InboxReport> MemoryStore::inbox(const std::string& broker) const {
  const std::lock_guard lock(mutex_);
  std::vector<InboxReport> reports;
  for (const auto& [id, report] : inbox_) {
    if (report.report.broker == broker) reports.push_back(report);
  }
  return reports;
}

std::string MemoryStore::cursor(const std::string& broker, const std::string& account) const {
  const std::lock_guard lock(mutex_);
  const auto found = cursors_.find({broker, account});
  return found == cursors_.end() ? std::string() : found->second;
}

std::int64_t MemoryStore::owner() { return 1; }

}  // namespace orchestrator::memory
