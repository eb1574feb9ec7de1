#include "engine/broker_calls.hpp"

#include <algorithm>

#include "core/request_identity.hpp"
#include "engine/broker_texts.hpp"
#include "engine/observation.hpp"

namespace orchestrator::engine {
namespace {

using Call = Breaker::Call;

// What went wrong, in words; "" for an exception that says nothing.
template <class Try>
std::string failure_of(Try&& attempt) {
  try {
    attempt();
    return {};
  } catch (const std::exception& error) {
    return bounded_reason(std::string("the connector failed: ") + error.what());
  } catch (...) {
    return "the connector failed";
  }
}

RateRequest rate_request(const Context& context, const BrokerCapabilities& capabilities, RateUse use) {
  RateRequest request;
  request.broker = capabilities.name;
  request.account = capabilities.account;
  request.limit = capabilities.rate_limit;
  request.use = use;
  request.monotonic = context.clock->monotonic();
  return request;
}

bool take_rate(const Context& context, const BrokerCapabilities& capabilities, RateUse use) {
  if (capabilities.rate_limit.requests_max == 0) return true;
  return context.store->take_rate(rate_request(context, capabilities, use));
}

// Why the broker is not asked anything now; "" when it may be.
std::string why_not_read(const Context& context, const BrokerCapabilities& capabilities) {
  if (std::string elsewhere = why_not_sender(context, capabilities); !elsewhere.empty()) return elsewhere;
  if (!context.breaker(capabilities.name).allows_read(context.clock->monotonic())) {
    return "its circuit is open after failures";
  }
  return take_rate(context, capabilities, RateUse::kOther) ? std::string() : "its rate limit is used up";
}

bool may_read(const Context& context, const BrokerCapabilities& capabilities) {
  return why_not_read(context, capabilities).empty();
}

void learn(const Context& context, const std::string& broker, Call call, const std::string& failure) {
  Breaker& breaker = context.breaker(broker);
  if (failure.empty()) {
    breaker.succeeded(call);
  } else {
    breaker.failed(call, context.clock->monotonic(), failure);
  }
}

void tell(const Context& context, const Stopwatch& watch, BrokerCall call) {
  if (!context.observer) return;
  call.latency = watch.elapsed();
  context.observer->broker_called(call);
}

BrokerAnswer answer_to_read(bool answered) {
  return answered ? BrokerAnswer::kAnswered : BrokerAnswer::kNone;
}

bool answered(const SendResult& result) {
  return result.outcome == SendOutcome::kAccepted || result.outcome == SendOutcome::kRejected;
}

BrokerAnswer answer_to(std::span<const SendResult> results) {
  if (std::ranges::any_of(results, answered)) return BrokerAnswer::kAnswered;
  const auto not_sent = [](const SendResult& result) { return result.outcome == SendOutcome::kNotSent; };
  return std::ranges::all_of(results, not_sent) ? BrokerAnswer::kNotSent : BrokerAnswer::kNone;
}

std::string id_is_not_kept(const std::string& id) {
  return "the broker names the order by an id " + why_not_kept(id);
}

// An answer without an order id that can be kept is no acceptance, whatever it calls itself.
void check(SendResult& result) {
  result.reason = bounded_reason(result.reason);
  if (result.outcome != SendOutcome::kAccepted) return;
  if (result.ext_order_id.empty()) {
    result = {SendOutcome::kInDoubt, {}, "the broker answered without an order id"};
  } else if (!can_be_kept(result.ext_order_id)) {
    result = {SendOutcome::kInDoubt, {}, id_is_not_kept(result.ext_order_id)};
  }
}

void check(LookUp& answer) {
  answer.reason = bounded_reason(answer.reason);
  answer.order.reason = bounded_reason(answer.order.reason);
  if (can_be_kept(answer.order.ext_order_id)) return;
  answer = {LookUp::Kind::kNoAnswer, {}, id_is_not_kept(answer.order.ext_order_id)};
}

// Of another system on the same account, and under ids that cannot be kept. The id of an order of ours can.
bool foreign(const BrokerOrder& order, const std::string& deployment) {
  const std::string& id = order.client_order_id;
  if (id.empty() || (id.starts_with(deployment) && can_be_kept(id))) return false;
  return !can_be_kept(id) || !can_be_kept(order.ext_order_id);
}

// A book that lacked one of our orders would be evidence that the broker does not have it.
void check(BrokerConnector::Book& book, const std::string& deployment) {
  std::erase_if(book.orders, [&](const BrokerOrder& order) { return foreign(order, deployment); });
  for (BrokerOrder& order : book.orders) {
    order.reason = bounded_reason(order.reason);
    if (!can_be_kept(order.ext_order_id)) {
      throw Error(ErrorCode::kBrokerInDoubt, id_is_not_kept(order.ext_order_id));
    }
  }
}

// From a cursor that cannot be kept the next poll could not go on.
void check(const ReportPage& page) {
  if (page.cursor.size() <= kBrokerCursorMax && is_text(page.cursor)) return;
  throw Error(ErrorCode::kBrokerInDoubt, "its cursor has " + std::to_string(page.cursor.size()) + " bytes; " +
                                             std::to_string(kBrokerCursorMax) + " of UTF-8 text are taken");
}

std::string reason_or(const std::string& reason, const char* otherwise) {
  return reason.empty() ? otherwise : reason;
}

}  // namespace

bool may_send(const Context& context, const std::string& broker) {
  return context.breaker(broker).allows_sends();
}

bool is_sender(const Context& context, const BrokerCapabilities& capabilities) {
  return why_not_sender(context, capabilities).empty();
}

std::string why_not_sender(const Context& context, const BrokerCapabilities& capabilities) {
  if (!capabilities.one_sender) return {};
  return context.sender_leases.why_not(*context.store, *context.clock, capabilities.name,
                                       context.options.lease, context.options.poll_interval,
                                       !context.latch.closed() && may_send(context, capabilities.name));
}

std::optional<RateRequest> rate_of_orders(const Context& context, const BrokerCapabilities& capabilities) {
  if (capabilities.rate_limit.requests_max == 0) return std::nullopt;
  return rate_request(context, capabilities, RateUse::kOrder);
}

std::vector<SendResult> send_orders(Context& context, BrokerConnector& broker,
                                    std::span<const Order> orders) {
  std::vector<SendResult> results;
  const Stopwatch watch(context);
  const std::string thrown = failure_of([&] { results = broker.place(orders); });
  if (!thrown.empty()) results.clear();  // whatever went wrong may have gone wrong after sending
  results.resize(
      orders.size(),
      {SendOutcome::kInDoubt, {}, reason_or(thrown, "the connector gave no answer for this order")});
  for (SendResult& result : results) check(result);
  const BrokerAnswer answer = answer_to(results);
  const std::string& name = broker.capabilities().name;
  learn(context, name, Call::kSend,
        answer == BrokerAnswer::kAnswered ? std::string()
                                          : reason_or(results.front().reason, "no answer to an order"));
  tell(context, watch, {name, BrokerOperation::kPlace, answer, orders.size()});
  return results;
}

std::optional<SendResult> send_change(Context& context, BrokerConnector& broker, const Order& pending) {
  const bool cancel = pending.status == OrderStatus::kCancelPending;
  const RateUse use = cancel ? RateUse::kCancel : RateUse::kOther;
  if (!is_sender(context, broker.capabilities())) return std::nullopt;
  if (!take_rate(context, broker.capabilities(), use)) return std::nullopt;
  SendResult result;
  const Stopwatch watch(context);
  const std::string thrown = failure_of([&] {
    result =
        cancel ? broker.cancel(pending)
               : broker.replace(pending, {replace_generation(pending.client_order_id, pending.replace_count),
                                          pending.pending_qty, pending.pending_price_limit});
  });
  if (!thrown.empty()) result = {SendOutcome::kInDoubt, {}, thrown};
  result.reason = bounded_reason(result.reason);
  learn(context, broker.capabilities().name, Call::kSend,
        answered(result) ? std::string() : reason_or(result.reason, "no answer to a request"));
  tell(context, watch,
       {broker.capabilities().name, cancel ? BrokerOperation::kCancel : BrokerOperation::kReplace,
        answer_to(std::span(&result, 1)), 1});
  return result;
}

LookUp look_up(Context& context, BrokerConnector& broker, const std::string& client_order_id) {
  if (!may_read(context, broker.capabilities())) return {LookUp::Kind::kNoAnswer, {}, "not asked now"};
  LookUp answer;
  const Stopwatch watch(context);
  const std::string thrown = failure_of([&] { answer = broker.look_up(client_order_id); });
  if (!thrown.empty()) answer = {LookUp::Kind::kNoAnswer, {}, thrown};
  check(answer);
  const bool silent = answer.kind == LookUp::Kind::kNoAnswer;
  learn(context, broker.capabilities().name, Call::kRead,
        silent ? reason_or(answer.reason, "no answer to a look-up") : std::string());
  tell(context, watch, {broker.capabilities().name, BrokerOperation::kLookUp, answer_to_read(!silent), 1});
  return answer;
}

namespace {

// `thrown`: why there is no book, when the broker was asked.
std::optional<BrokerConnector::Book> ask_for_book(const Context& context, BrokerConnector& broker,
                                                  std::string& thrown) {
  std::optional<BrokerConnector::Book> book;
  const Stopwatch watch(context);
  thrown = failure_of([&] {
    BrokerConnector::Book given = broker.book();
    check(given, context.options.deployment);
    book = std::move(given);
  });
  learn(context, broker.capabilities().name, Call::kRead, thrown);
  tell(context, watch, {broker.capabilities().name, BrokerOperation::kBook, answer_to_read(thrown.empty())});
  return book;
}

}  // namespace

std::optional<BrokerConnector::Book> fetch_book(const Context& context, BrokerConnector& broker) {
  std::string thrown;
  if (!may_read(context, broker.capabilities())) return std::nullopt;
  return ask_for_book(context, broker, thrown);
}

BrokerConnector::Book require_book(const Context& context, BrokerConnector& broker) {
  const BrokerCapabilities& capabilities = broker.capabilities();
  const std::string why_not = why_not_read(context, capabilities);
  if (!why_not.empty()) {
    throw Error(
        ErrorCode::kBrokerInactive,
        capabilities.name + " is not asked for its book now: " + why_not + "; call again after a pause",
        NextStep::kCallAgain);
  }
  std::string thrown;
  auto book = ask_for_book(context, broker, thrown);
  if (book) return std::move(*book);
  throw Error(ErrorCode::kBrokerInDoubt, capabilities.name + " gave no book: " + thrown);
}

std::optional<ReportPage> fetch_news(Context& context, BrokerConnector& broker, const std::string& cursor) {
  if (!may_read(context, broker.capabilities())) return std::nullopt;
  std::optional<ReportPage> page;
  const Stopwatch watch(context);
  const std::string thrown = failure_of([&] {
    ReportPage given = broker.poll(cursor);
    check(given);
    page = std::move(given);
  });
  learn(context, broker.capabilities().name, Call::kRead, thrown);
  tell(context, watch, {broker.capabilities().name, BrokerOperation::kPoll, answer_to_read(thrown.empty())});
  return page;
}

}  // namespace orchestrator::engine
