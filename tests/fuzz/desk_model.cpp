#include "fuzz/desk_model.hpp"

#include <array>

#include "support/borrowed_broker.hpp"

namespace orchestrator::fuzz {
namespace {

constexpr int kOperationsMax = 150;
constexpr int kKeys = 12;
constexpr std::array kClasses = {BrokerClass::kEnforced, BrokerClass::kWindowed, BrokerClass::kTagEcho,
                                 BrokerClass::kNone};

// What a call may refuse. A broken invariant (internal) or damage (storage_corrupt) is never among it.
template <class Call>
bool allowed(std::initializer_list<ErrorCode> refusals, Call&& call) {
  return accepted(refusals,
                  [&] {
                    call();
                    return true;
                  })
      .has_value();
}

}  // namespace

DeskModel::DeskModel(std::string_view bytes, std::function<std::unique_ptr<Store>()> open_store)
    : input_(bytes),
      open_store_(std::move(open_store)),
      broker_(kClasses[static_cast<std::size_t>(input_.below(4))]) {
  start();
  PortfolioLimits limits;
  limits.margin_available = Money::from_int(1'000'000);
  store_->put_limits(limits);
}

void DeskModel::start() {
  oms_.reset();
  Parts parts;
  parts.store = open_store_();
  store_ = parts.store.get();
  parts.clock = std::make_unique<BorrowedClock>(clock_);
  parts.brokers.push_back(std::make_unique<testing::BorrowedBroker>(broker_));
  // Once: until the orchestrator is there, the store would ask the clock of the one before.
  if (!known_) store_->put_broker({0, "scripted", "{}", true, clock_.now(), clock_.now()});
  known_ = true;
  oms_ = std::make_unique<Orchestrator>(EngineOptions{}, std::move(parts));
}

void DeskModel::run() {
  for (int i = 0; i < kOperationsMax && !input_.used_up(); ++i) {
    const auto sends = broker_.sends;
    const bool stopped = stopped_;
    operate();
    require(!stopped || !stopped_ || sends == broker_.sends, "nothing is sent while everything is stopped");
    check_sends();
    if (all_delivered_) {
      for (const OrderModel& order : orders_) check_order(order);
    }
  }
  rest();
  check_end();
}

void DeskModel::operate() {
  switch (input_.below(18)) {
    case 0:
    case 1:
      return place();
    case 2:
      return place_again();
    case 3:
    case 4:
    case 5:
      return report_trade();
    case 6:
      return report_change_of_trade(ExecutionKind::kBust);
    case 7:
      return report_change_of_trade(ExecutionKind::kCorrect);
    case 8:
      return report_word();
    case 9:
      return repeat_report();
    case 10:
      return cancel();
    case 11:
      return replace();
    case 12:
      return resolve();
    case 13:
      return settle();
    case 14:
      return stop_or_resume();
    case 15:
      return set_fates();
    case 16:
      return step();
    default:
      return input_.below(2) == 0 ? start() : recover();
  }
}

BatchRequest DeskModel::request(const std::string& key) {
  BatchRequest made{.portfolio_id = 1, .idempotency_key = key};
  const int count = 1 + input_.below(3);
  for (int i = 0; i < count; ++i) {
    made.orders.push_back({.instrument_id = 1 + input_.below(3),
                           .qty = Quantity::from_int(1 + input_.below(100)),
                           .side = input_.below(2) == 0 ? Side::kBuy : Side::kSell,
                           .price_limit = Price::from_units(std::int64_t{1} + input_.number<std::uint32_t>()),
                           .broker = "scripted"});
  }
  return made;
}

void DeskModel::place() {
  const std::string key = "k" + std::to_string(input_.below(kKeys));
  const BatchRequest wanted = request(key);
  const auto before = accepted_.find(key);
  std::string refusal;
  const auto receipt =
      accepted({ErrorCode::kHalted, ErrorCode::kValidationFailed, ErrorCode::kIdempotencyConflict}, [&] {
        try {
          return oms_->place(wanted);
        } catch (const Error& error) {
          refusal = error.what();
          throw;
        }
      });
  if (before != accepted_.end()) {
    const bool same = before->second.request == wanted;
    require(receipt.has_value() == same, "a key brings back its request, and no other");
    if (same) require(receipt->replayed && receipt->json == before->second.receipt.json, "the same bytes");
    return;
  }
  if (!receipt) {
    const Health health = oms_->health();
    require(!health.halts.empty() || health.brokers.front().circuit != CircuitState::kClosed,
            "a fresh request is refused by a stop, or by a broker that does not answer: " + refusal);
    return;
  }
  require(!receipt->replayed && !stopped_ && receipt->orders.size() == wanted.orders.size(),
          "a fresh receipt");
  accepted_[key] = {wanted, *receipt};
  for (const Receipt::Leg& leg : receipt->orders) {
    orders_.push_back({leg.id, leg.client_order_id, *leg.price_limit, {}});
  }
}

void DeskModel::place_again() {
  if (accepted_.empty()) return;
  const auto& [key, before] = *std::next(accepted_.begin(), input_.below(static_cast<int>(accepted_.size())));
  const Receipt receipt = oms_->place(before.request);
  require(receipt.replayed && receipt.json == before.receipt.json, "a repeated request gets the same bytes");
}

DeskModel::OrderModel* DeskModel::any_order() {
  return orders_.empty() ? nullptr : &orders_[static_cast<std::size_t>(input_.byte()) % orders_.size()];
}

// The broker's own view follows what it reports.
void DeskModel::book_at_broker(const OrderModel& order, const BrokerReport& report) {
  BrokerOrder& held = broker_.held.at(order.client_order_id);
  if (report.kind == BrokerReport::Kind::kExecution) {
    broker_.executed.emplace_back(held.ext_order_id, report.execution);
    Quantity qty;
    Money notional;
    for (const Traded& trade : order.trades) {
      if (trade.busted) continue;
      qty += trade.qty;
      notional += trade.price * trade.qty;
    }
    held.fill_qty = qty;
    held.fill_notional = notional;
  }
  if (report.kind == BrokerReport::Kind::kCancelled) held.status = OrderStatus::kCancelled;
  if (report.kind == BrokerReport::Kind::kExpired) held.status = OrderStatus::kExpired;
  const bool ended = held.status == OrderStatus::kCancelled || held.status == OrderStatus::kExpired;
  if (ended) return;
  held.status = held.fill_qty.is_zero()    ? OrderStatus::kAcked
                : held.fill_qty < held.qty ? OrderStatus::kPartiallyFilled
                                           : OrderStatus::kFilled;
}

// At once, or with the next poll.
void DeskModel::deliver(const BrokerReport& report) {
  broker_.news.push_back(report);
  reports_.push_back(report);
  if (input_.below(4) == 0) {
    all_delivered_ = false;
  } else {
    oms_->apply(report);
  }
}

void DeskModel::report_trade() {
  OrderModel* order = any_order();
  if (order == nullptr || !broker_.held.contains(order->client_order_id)) return;
  const std::string id = "e" + std::to_string(++executions_);
  const Quantity qty = Quantity::from_int(1 + input_.below(40));
  const bool at_limit = input_.below(16) != 0;
  const Price price = at_limit ? order->price_limit : Price::from_int(1 + input_.below(9));
  order->trades.push_back({id, qty, price});
  const BrokerReport report = broker_.trade(order->client_order_id, id, qty, price);
  book_at_broker(*order, report);
  deliver(report);
}

void DeskModel::report_change_of_trade(ExecutionKind kind) {
  OrderModel* order = any_order();
  if (order == nullptr || order->trades.empty()) return;
  Traded& trade = order->trades[static_cast<std::size_t>(input_.byte()) % order->trades.size()];
  if (trade.busted) return;
  const std::string id = "e" + std::to_string(++executions_);
  BrokerReport report =
      broker_.trade(order->client_order_id, id, Quantity::from_int(1 + input_.below(40)), trade.price);
  report.execution.kind = kind;
  report.execution.ref_execution_id = trade.standing;
  if (kind == ExecutionKind::kBust) {
    trade.busted = true;
  } else {
    trade.standing = id;
    trade.qty = report.execution.qty;
  }
  book_at_broker(*order, report);
  deliver(report);
}

void DeskModel::report_word() {
  constexpr std::array kKinds = {BrokerReport::Kind::kAck, BrokerReport::Kind::kCancelled,
                                 BrokerReport::Kind::kCancelRefused, BrokerReport::Kind::kExpired,
                                 BrokerReport::Kind::kReplaceRefused};
  OrderModel* order = any_order();
  if (order == nullptr || !broker_.held.contains(order->client_order_id)) return;
  const auto kind = kKinds[static_cast<std::size_t>(input_.below(static_cast<int>(kKinds.size())))];
  const BrokerReport report = broker_.report(kind, order->client_order_id);
  book_at_broker(*order, report);
  deliver(report);
}

void DeskModel::repeat_report() {
  if (reports_.empty()) return;
  oms_->apply(BrokerReport(reports_[static_cast<std::size_t>(input_.byte()) % reports_.size()]));
}

void DeskModel::cancel() {
  OrderModel* order = any_order();
  if (order == nullptr) return;
  constexpr std::array kAnswers = {SendOutcome::kAccepted, SendOutcome::kRejected, SendOutcome::kNotSent,
                                   SendOutcome::kInDoubt};
  broker_.cancel_answer = SendResult{kAnswers[static_cast<std::size_t>(input_.below(4))], "", "as it likes"};
  allowed({ErrorCode::kInvalidState, ErrorCode::kHalted, ErrorCode::kBrokerInactive,
           ErrorCode::kBrokerRefused, ErrorCode::kBrokerInDoubt},
          [&] { return oms_->cancel(order->id); });
  broker_.cancel_answer.reset();
}

// A change that the broker never makes: it refuses it at once, or asks for patience and never answers.
void DeskModel::replace() {
  OrderModel* order = any_order();
  if (order == nullptr) return;
  broker_.replace_answer =
      SendResult{input_.below(2) == 0 ? SendOutcome::kRejected : SendOutcome::kNotSent, "", "no"};
  const Quantity qty = Quantity::from_int(1 + input_.below(100));
  allowed({ErrorCode::kInvalidState, ErrorCode::kHalted, ErrorCode::kBrokerInactive,
           ErrorCode::kBrokerRefused, ErrorCode::kBrokerInDoubt, ErrorCode::kValidationFailed},
          [&] { return oms_->replace(order->id, qty, std::nullopt); });
  broker_.replace_answer.reset();
}

// A person looks at the broker's screen and decides accordingly.
void DeskModel::resolve() {
  OrderModel* order = any_order();
  if (order == nullptr) return;
  const auto held = broker_.held.find(order->client_order_id);
  Resolution decision{.by = "meera", .reason = "seen on the screen"};
  decision.kind = held != broker_.held.end() ? Resolution::Kind::kAccepted : Resolution::Kind::kNotPlaced;
  if (held != broker_.held.end()) decision.ext_order_id = held->second.ext_order_id;
  allowed({ErrorCode::kInvalidState}, [&] { return oms_->resolve(order->id, decision); });
}

void DeskModel::settle() {
  const auto day = std::chrono::floor<std::chrono::days>(clock_.now()) + std::chrono::days(input_.below(8));
  const SettleResult result = oms_->settle(day);
  for (const OrderId id : result.settled) {
    const Order order = oms_->get_order(id);
    require(order.status == OrderStatus::kSettled && order.fill_qty.is_positive(),
            "what executed is settled");
  }
}

void DeskModel::stop_or_resume() {
  if (input_.below(2) == 0) {
    oms_->halt(ControlScope::kAll, "", "asked to");
    stopped_ = true;
    return;
  }
  resume_all();
}

void DeskModel::resume_all() {
  const Health health = oms_->health();
  for (const Halt& halt : health.halts) oms_->resume(halt.scope, halt.target);
  stopped_ = false;
}

void DeskModel::set_fates() {
  broker_.fates.clear();
  for (int i = 1 + input_.below(4); i > 0; --i) {
    broker_.fates.push_back(static_cast<testing::ScriptedBroker::Fate>(input_.below(7)));
  }
}

void DeskModel::step() {
  clock_.advance(std::chrono::seconds(input_.byte()));
  allowed({ErrorCode::kBrokerInDoubt, ErrorCode::kBrokerInactive}, [&] { return oms_->step(); });
}

void DeskModel::recover() {
  clock_.advance(std::chrono::minutes(1 + input_.below(5)));
  oms_->recover();
}

void DeskModel::check_sends() const {
  for (const auto& [client_order_id, times] : broker_.accepts) {
    require(times <= 1, "the broker accepted " + client_order_id + " more than once");
  }
}

void DeskModel::check_order(const OrderModel& order) const {
  Quantity qty;
  Money notional;
  for (const Traded& trade : order.trades) {
    if (trade.busted) continue;
    qty += trade.qty;
    notional += trade.price * trade.qty;
  }
  const Order stored = oms_->get_order(order.id);
  require(stored.client_order_id == order.client_order_id, "an order keeps its id");
  require(stored.fill_qty == qty, "order " + std::to_string(order.id) + " has executed " + qty.to_string() +
                                      ", stored is " + stored.fill_qty.to_string());
  require(stored.fill_notional == notional, "the amount is that of the executions");
}

// Faults end, stops are lifted, quiet periods pass.
void DeskModel::rest() {
  broker_.fates.clear();
  for (int round = 0; round < 4; ++round) {
    resume_all();
    clock_.advance(std::chrono::minutes(5));
    oms_->recover();
    allowed({ErrorCode::kBrokerInactive}, [&] { return oms_->step(); });
  }
  start();
}

void DeskModel::check_end() const {
  check_sends();
  for (const OrderModel& order : orders_) check_order(order);
  for (const auto& [key, before] : accepted_) {
    const Receipt receipt = oms_->place(before.request);
    require(receipt.replayed && receipt.json == before.receipt.json, "what was acknowledged is still there");
    require(oms_->get_batch(before.receipt.batch_id).total_orders ==
                static_cast<int>(before.request.orders.size()),
            "a batch has its orders");
  }
  for (const Order& order : oms_->orders({.limit = 10'000})) {
    require(order.status != OrderStatus::kSubmitting && order.status != OrderStatus::kPlaced,
            "everything was sent, and no claim is left");
    require(order.status != OrderStatus::kUnknown || order.parked, "a doubt is settled or parked");
  }
  const testing::BookAudit audit(*store_);
  require(audit.breaches().empty(), audit.breaches());
  const AuditReport report = oms_->audit();
  for (const AuditFinding& finding : report.findings) {
    require(false, finding.check + " " + finding.subject + ": " + finding.detail);
  }
}

}  // namespace orchestrator::fuzz
