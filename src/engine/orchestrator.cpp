// The facade: gives the steps their order in each mode, and nothing else.
#include "orchestrator/orchestrator.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "codec/event_log.hpp"
#include "core/forks.hpp"
#include "core/request_identity.hpp"
#include "engine/accept.hpp"
#include "engine/audit.hpp"
#include "engine/broker_calls.hpp"
#include "engine/dispatch.hpp"
#include "engine/health.hpp"
#include "engine/ingest.hpp"
#include "engine/manage.hpp"
#include "engine/micro_batches.hpp"
#include "engine/observation.hpp"
#include "engine/publish.hpp"
#include "engine/recover.hpp"
#include "engine/requests.hpp"
#include "engine/resync.hpp"
#include "engine/workers.hpp"

namespace orchestrator {

using namespace engine;

namespace {

// Between two rounds of asking, while something is awaited.
constexpr std::chrono::milliseconds kPause{20};

std::vector<OrderId> ids_of(const std::vector<Order>& orders) {
  std::vector<OrderId> ids;
  ids.reserve(orders.size());
  for (const Order& order : orders) ids.push_back(order.id);
  return ids;
}

void require_positive(std::chrono::microseconds value, const std::string& name) {
  if (value.count() > 0) return;
  throw Error(ErrorCode::kConfiguration, "EngineOptions::" + name + " is " + std::to_string(value.count()) +
                                             " us; it has to be longer than 0");
}

void check_options(const EngineOptions& options) {
  check_deployment(options.deployment);
  require_positive(options.lease, "lease");
  require_positive(options.idempotency_ttl, "idempotency_ttl");
  require_positive(options.poll_interval, "poll_interval");
  if (options.settlement_days < 0 || options.settlement_days > 365) {
    throw Error(ErrorCode::kConfiguration, "EngineOptions::settlement_days is " +
                                               std::to_string(options.settlement_days) +
                                               "; it has to be from 0 to 365");
  }
}

void check_rate_limit(const BrokerCapabilities& capabilities) {
  const RateLimit& limit = capabilities.rate_limit;
  if (limit.requests_max == 0) return;
  const bool room = limit.requests_max >= 2 && limit.requests_max - 2 >= limit.reserved_for_cancels;
  if (room && limit.per.count() > 0) return;
  throw Error(
      ErrorCode::kConfiguration,
      capabilities.name +
          ": rate_limit leaves no room for an order and a read; requests_max has to be at least 2 above "
          "reserved_for_cancels (one request a second is two in two seconds), and per longer than 0");
}

}  // namespace

class Orchestrator::Impl {
 public:
  Impl(EngineOptions options, Parts parts) : micro_batches(context) {
    if (!parts.store) throw Error(ErrorCode::kConfiguration, "an orchestrator needs a store");
    check_options(options);
    context.options = std::move(options);
    context.observer = std::move(parts.observer);
    context.store = std::move(parts.store);
    context.idempotency = std::move(parts.idempotency);
    context.publisher = std::move(parts.publisher);
    context.validator =
        parts.validator ? std::move(parts.validator) : make_validator(context.options.validation);
    context.router = parts.router ? std::move(parts.router) : make_router();
    context.batcher = parts.batcher ? std::move(parts.batcher) : make_order_batcher();
    context.reconciler = parts.reconciler ? std::move(parts.reconciler) : make_reconciler();
    context.clock = parts.clock ? std::move(parts.clock) : make_system_clock();
    context.check_broker_config = std::move(parts.check_broker_config);
    for (auto& broker : parts.brokers) {
      const std::string name = broker->capabilities().name;
      check_rate_limit(broker->capabilities());
      context.breakers.try_emplace(name);
      context.brokers[name] = std::move(broker);
    }
    context.store->attribute_to(context.options.operator_name, *context.clock);
    context.store->observed_by(context.observer.get());
    if (background()) {
      workers = std::make_unique<Workers>(context, [this] { chores(); });
      workers->start();  // only now: the threads use `workers`
    }
  }

  ~Impl() {
    if (fork_count() != forks) {
      // A forked child: the threads and the orders that wait are the parent's. Here even to destroy what the
      // threads had waited on would wait for ever.
      static_cast<void>(workers.release());
      return;
    }
    if (workers) workers->stop();  // what the rest accepts stays placed, for the next process to send
    try {
      micro_batches.place_all([this](const BatchRequest& request) { return place(request); });
    } catch (...) {  // each caller has had its error
    }
  }

  // Here and not in the store alone: a lock in front of it may be held for ever by a thread that the child
  // does not have.
  void refuse_after_fork() const {
    if (fork_count() == forks) return;
    throw Error(ErrorCode::kClosed,
                "the orchestrator was opened before this process was forked; open it again here");
  }

  [[nodiscard]] bool background() const { return context.options.mode == Mode::kBackground; }

  Receipt place(const BatchRequest& request) {
    refuse_after_fork();
    Accepted accepted = context.latch.watch([&] { return accept_observed(context, request, !background()); });
    if (!background()) send(accepted);
    if (workers) workers->accepted();
    return std::move(accepted.receipt);
  }

  // The batch is accepted whatever becomes of the sending: an outcome that could not be recorded is in doubt
  // and recovery asks the broker, so the caller gets its receipt and not an error.
  void send(Accepted& accepted) {
    try {
      context.latch.watch([&] {
        if (!accepted.claimed.empty())
          send_claimed(context, std::move(accepted.claimed), OrderStatus::kPlaced);
        if (accepted.rest_placed) engine::dispatch(context, accepted.receipt.batch_id, std::nullopt);
      });
    } catch (const std::exception& failure) {
      const std::scoped_lock lock(mutex);
      last_error = failure.what();
    } catch (...) {
      const std::scoped_lock lock(mutex);
      last_error = "sending failed with an unknown exception";
    }
  }

  [[nodiscard]] std::string last_failure() {
    if (workers) return workers->last_error();
    const std::scoped_lock lock(mutex);
    return last_error;
  }

  void place_due() {
    micro_batches.place_due([this](const BatchRequest& request) { return place(request); });
  }

  void chores() {
    FirstFailure failure(context.latch);
    failure.run([&] { place_due(); });
    failure.run([&] { context.store->expire_idempotency(context.clock->now()); });
    failure.rethrow();
  }

  // Every call that changes or drives something: a broken invariant closes the engine for new orders,
  // wherever it shows.
  template <class Call>
  auto watched(Call&& call) {
    return context.latch.watch([&] { return call(context); });
  }

  std::size_t resync_all(FirstFailure& failure) {
    std::size_t reports = 0;
    for (const auto& entry : context.brokers) {
      failure.run([&] { reports += engine::resync(context, *entry.second); });
    }
    return reports;
  }

  std::size_t poll_all(FirstFailure& failure) {
    std::size_t reports = 0;
    // Not a structured binding: clang 14 does not let a lambda refer to one.
    for (const auto& entry : context.brokers) {
      failure.run([&] { reports += engine::poll(context, *entry.second); });
      failure.run([&] { reports += drain_inbox(context, entry.first); });
      failure.run([&] { reports += resync_if_due(context, *entry.second); });
    }
    return reports;
  }

  const unsigned forks = fork_count();
  Context context;
  MicroBatches micro_batches;
  std::mutex mutex;
  std::string last_error;            // of a send in inline mode
  std::unique_ptr<Workers> workers;  // the last: its threads use all of the above
};

Orchestrator::Orchestrator(EngineOptions options, Parts parts)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(parts))) {}
Orchestrator::~Orchestrator() = default;

// --- placing ---

Receipt Orchestrator::place(const BatchRequest& request) { return impl_->place(request); }

Receipt Orchestrator::preview(const BatchRequest& request) const {
  return engine::preview(impl_->context, request);
}

void Orchestrator::enqueue(const std::string& tenant, UserId user_id, PortfolioId portfolio_id,
                           OrderRequest order, EnqueueCallback done) {
  impl_->refuse_after_fork();
  impl_->micro_batches.add(tenant, user_id, portfolio_id, std::move(order), std::move(done));
  if (impl_->workers) {
    impl_->workers->accepted();
  } else {
    impl_->place_due();
  }
}

// --- changing ---

Order Orchestrator::cancel(OrderId id, const std::string& by) {
  return impl_->watched([&](Context& context) { return engine::cancel(context, id, by); });
}

std::vector<Order> Orchestrator::cancel_batch(BatchId id, const std::string& by) {
  return impl_->watched([&](Context& context) { return engine::cancel_batch(context, id, by); });
}

Order Orchestrator::replace(OrderId id, std::optional<Quantity> qty, std::optional<Price> price_limit,
                            const std::string& by) {
  return impl_->watched([&](Context& context) { return engine::replace(context, id, qty, price_limit, by); });
}

void Orchestrator::apply(const BrokerReport& report) {
  impl_->context.require_broker(report.broker);
  if (report.ext_order_id.empty() && report.client_order_id.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "a broker report names its order by ext_order_id or client_order_id");
  }
  impl_->watched([&](Context& context) { apply_reports(context, std::span(&report, 1)); });
}

FillResult Orchestrator::simulate_fill(OrderId id, Price price, Quantity qty) {
  return impl_->watched([&](Context& context) { return engine::simulate_fill(context, id, price, qty); });
}

SettleResult Orchestrator::settle(Date as_of, const std::string& by) {
  return impl_->watched([&](Context& context) { return engine::settle(context, as_of, by); });
}

Order Orchestrator::resolve(OrderId id, const Resolution& resolution) {
  return impl_->watched([&](Context& context) { return engine::resolve(context, id, resolution); });
}

// --- reading ---

Order Orchestrator::get_order(OrderId id) const { return impl_->context.require_order(id); }

OrderBatch Orchestrator::get_batch(BatchId id) const { return impl_->context.require_batch(id); }

std::vector<Order> Orchestrator::orders(const OrderQuery& query) const {
  return impl_->context.store->orders(query);
}

std::vector<OrderBatch> Orchestrator::batches(const BatchQuery& query) const {
  return impl_->context.store->batches(query);
}

std::vector<Execution> Orchestrator::executions(OrderId id) const {
  return impl_->context.store->executions(std::span(&id, 1));
}

std::vector<Event> Orchestrator::events(const EventQuery& query) const {
  EventQuery page = query;
  for (;;) {
    std::vector<Event> events;
    const auto rows = impl_->context.store->events(page);
    for (const EventRow& row : rows) {
      for (Event& event : codec::expand(row)) {
        if (!query.order_id || event.order_id == *query.order_id) events.push_back(std::move(event));
      }
    }
    // Nothing in a full page of rows about one order is not the end of the log.
    if (!events.empty() || rows.size() < page.limit) return events;
    page.after_id = rows.back().id;
  }
}

EventPage Orchestrator::event_page(const EventQuery& query) const {
  // Read first: what comes between the two readings is shown, and not gone past.
  EventQuery without_gaps = query;
  without_gaps.without_gaps = true;
  const auto settled = events(without_gaps);
  return {events(query), settled.empty() ? query.after_id : settled.back().log_id};
}

BatchReport Orchestrator::reconcile(BatchId id) const {
  const Context& context = impl_->context;
  const OrderBatch batch = context.require_batch(id);
  const auto orders = context.store->orders({.batch_id = id, .limit = kOrdersOfBatchMax});
  return context.reconciler->report(batch, orders, context.store->executions(ids_of(orders)));
}

std::vector<Break> Orchestrator::compare_with_broker(BatchId id, const Tolerance& tolerance) const {
  const Context& context = impl_->context;
  const OrderBatch batch = context.require_batch(id);
  std::map<std::string, std::vector<Order>> by_broker;
  for (Order& order : context.store->orders({.batch_id = batch.id, .limit = kOrdersOfBatchMax})) {
    by_broker[order.broker].push_back(std::move(order));
  }
  std::vector<Break> breaks;
  for (const auto& [name, orders] : by_broker) {
    const auto found =
        context.reconciler->compare(orders, context.store->executions(ids_of(orders)),
                                    require_book(context, context.require_broker(name)), tolerance);
    breaks.insert(breaks.end(), found.begin(), found.end());
  }
  return breaks;
}

Health Orchestrator::health() const {
  impl_->refuse_after_fork();
  return engine::health(impl_->context, impl_->last_failure());
}

std::vector<OrderCount> Orchestrator::open_orders() const {
  static const std::vector<OrderStatus> kOpen = [] {
    std::vector<OrderStatus> open;
    for (int i = 0; i < kOrderStatusCount; ++i) {
      if (is_open(static_cast<OrderStatus>(i))) open.push_back(static_cast<OrderStatus>(i));
    }
    return open;
  }();
  impl_->refuse_after_fork();
  return impl_->context.store->count_orders(kOpen);
}

// --- driving ---

StepResult Orchestrator::dispatch(std::optional<BatchId> batch) {
  return impl_->watched(
      [&](Context& context) { return StepResult{.sent = engine::dispatch(context, batch, std::nullopt)}; });
}

StepResult Orchestrator::poll() {
  FirstFailure failure(impl_->context.latch);
  const StepResult result = {.reports = impl_->poll_all(failure)};
  failure.rethrow();
  return result;
}

StepResult Orchestrator::publish() {
  impl_->refuse_after_fork();
  return impl_->watched([](Context& context) { return StepResult{.published = engine::publish(context)}; });
}

StepResult Orchestrator::step() {
  Context& context = impl_->context;
  FirstFailure failure(context.latch);
  failure.run([&] { impl_->chores(); });
  StepResult result;
  // Before the orders, which leave little of a rate limit; and again for what became of them at once.
  result.reports = impl_->poll_all(failure);
  failure.run([&] { result.sent = engine::dispatch(context, std::nullopt, std::nullopt); });
  if (result.sent > 0) result.reports += impl_->poll_all(failure);
  failure.run([&] { mark_abandoned(context, std::nullopt); });
  RecoveryReport report;
  for (const auto& entry : context.brokers) {
    failure.run([&] { resolve_some_unknown(context, entry.first, report); });
  }
  failure.run([&] { resolve_requests(context, std::nullopt); });
  result.resolved = report.adopted + report.resent + report.parked;
  failure.run([&] { result.published = engine::publish(context); });
  failure.rethrow();
  return result;
}

RecoveryReport Orchestrator::recover(std::chrono::microseconds patience, const Stop& stop) {
  Context& context = impl_->context;
  const Timestamp deadline = context.clock->monotonic() + patience;
  RecoveryReport report;
  FirstFailure chores(context.latch);
  chores.run([&] { impl_->chores(); });
  for (bool first = true;;) {
    FirstFailure failure(context.latch);  // of this round: the next one tries it all again
    failure.run([&] { report.abandoned += mark_abandoned(context, std::nullopt); });
    report.reports += impl_->poll_all(failure);
    if (first) report.reports += impl_->resync_all(failure);
    first = false;
    report.waiting = 0;
    failure.run([&] { resolve_unknown(context, report); });
    failure.run([&] { resolve_requests(context, std::nullopt); });
    failure.run([&] { report.sent += engine::dispatch(context, std::nullopt, std::nullopt); });
    report.reports += impl_->poll_all(failure);
    if (report.waiting == 0 || context.clock->monotonic() >= deadline || (stop && stop())) {
      chores.rethrow();
      failure.rethrow();
      return report;
    }
    context.clock->sleep_for(kPause);
  }
}

bool Orchestrator::wait(BatchId id, std::chrono::microseconds timeout, const Stop& stop) {
  Context& context = impl_->context;
  const Timestamp deadline = context.clock->monotonic() + timeout;
  const auto settled_down = [](const Order& order) {
    return order.parked ||
           (order.status != OrderStatus::kPlaced && order.status != OrderStatus::kSubmitting &&
            order.status != OrderStatus::kUnknown);
  };
  for (;;) {
    if (!impl_->background()) step();
    const auto orders = context.store->orders({.batch_id = id, .limit = kOrdersOfBatchMax});
    if (orders.empty()) throw Error(ErrorCode::kNotFound, "there is no batch " + std::to_string(id));
    if (std::ranges::all_of(orders, settled_down)) return true;
    if (context.clock->monotonic() >= deadline || (stop && stop())) return false;
    context.clock->sleep_for(kPause);
  }
}

// --- operating ---

void Orchestrator::halt(ControlScope scope, const std::string& target, const std::string& reason,
                        HaltMode mode, const std::string& by) {
  if ((scope == ControlScope::kAll) != target.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "a halt of a portfolio or a broker names it; a halt of all does not");
  }
  if (scope == ControlScope::kBroker) impl_->context.require_broker(target);
  impl_->watched([&](Context& context) {
    context.store->put_halt(
        {scope, target, reason, context.clock->now(), mode, by.empty() ? context.options.operator_name : by});
  });
}

bool Orchestrator::resume(ControlScope scope, const std::string& target, const std::string& by) {
  const bool was_halted =
      impl_->watched([&](Context& context) { return context.store->remove_halt(scope, target, by); });
  if (impl_->workers) impl_->workers->resumed();
  return was_halted;
}

AuditReport Orchestrator::audit(const AuditOptions& options) const {
  return engine::audit(impl_->context, options);
}

std::vector<AuditEntry> Orchestrator::audit_trail(std::int64_t after_id, std::size_t limit) const {
  return impl_->context.store->audit_trail(after_id, limit);
}

std::vector<BrokerInfo> Orchestrator::brokers() const {
  std::vector<BrokerInfo> infos;
  for (BrokerConnectorConfig& config : impl_->context.store->brokers()) {
    BrokerInfo info;
    if (BrokerConnector* connector = impl_->context.broker(config.broker_name)) {
      info.capabilities = connector->capabilities();
      info.simulated = connector->simulator() != nullptr;
    }
    info.config = std::move(config);
    infos.push_back(std::move(info));
  }
  return infos;
}

void Orchestrator::set_broker(const std::string& name, const std::string& config_json, bool active) {
  impl_->context.require_broker(name);
  if (impl_->context.check_broker_config) impl_->context.check_broker_config(name, config_json);
  impl_->watched([&](Context& context) {
    const Timestamp now = context.clock->now();
    context.store->put_broker({0, name, config_json, active, now, now});
  });
}

BrokerConnector::Book Orchestrator::broker_book(const std::string& name) const {
  return require_book(impl_->context, impl_->context.require_broker(name));
}

ReferenceStore& Orchestrator::reference() { return *impl_->context.store; }

}  // namespace orchestrator
