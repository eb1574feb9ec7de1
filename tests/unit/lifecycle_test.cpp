// The transition table, enumerated, and the property that makes it worth having: the same executions and
// reports in any order, any number of times, end in the same state.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "core/order_life.hpp"

using namespace orchestrator;

namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'700'000'000'000'000)};

struct Recorder final : EventSink {
  std::vector<EventType> types;
  void emit(EventType type, Order& order, const Execution*) override {
    ++order.event_seq;
    types.push_back(type);
  }
};

OrderStatus status_at(int i) { return static_cast<OrderStatus>(i); }
OrderSignal signal_at(int i) { return static_cast<OrderSignal>(i); }

Order make_order(OrderStatus status) {
  Order order;
  order.id = 1;
  order.qty = Quantity::from_int(100);
  order.price_limit = Price::from_int(10);
  order.margin_reserved = Money::from_int(1000);
  order.status = status;
  order.created_at = kNow;
  const bool at_broker = status != OrderStatus::kPlaced && status != OrderStatus::kSubmitting &&
                         status != OrderStatus::kUnknown && status != OrderStatus::kRejected;
  if (at_broker) {
    order.acked_at = kNow;
    order.ext_order_id = "X1";
  }
  if (status == OrderStatus::kPartiallyFilled) order.fill_qty = Quantity::from_int(40);
  if (status == OrderStatus::kFilled || status == OrderStatus::kSettled) order.fill_qty = order.qty;
  if (status == OrderStatus::kSettled) order.settled_at = kNow;
  if (status == OrderStatus::kCancelPending) order.cancel_requested = true;
  if (status == OrderStatus::kReplacePending) order.pending_price_limit = Price::from_int(11);
  if (status == OrderStatus::kCancelled || status == OrderStatus::kRejected ||
      status == OrderStatus::kExpired) {
    order.ended_as = status;
  }
  return order;
}

ExecutionTotals totals_of(Quantity qty) {
  ExecutionTotals totals;
  totals.qty = qty;
  totals.notional = Price::from_int(10) * qty;
  totals.last = kNow;
  return totals;
}

Signal make_signal(OrderSignal kind, const Order& order, const Execution* execution) {
  Signal signal;
  signal.kind = kind;
  signal.at = kNow;
  signal.ext_order_id = "X1";
  signal.reason = "because";
  signal.execution = execution;
  const Quantity ten = Quantity::from_int(10);
  if (kind == OrderSignal::kTrade) signal.totals = totals_of(order.fill_qty + ten);
  if (kind == OrderSignal::kBust || kind == OrderSignal::kCorrect) {
    signal.totals = totals_of(order.fill_qty > ten ? order.fill_qty - ten : Quantity());
  }
  if (kind == OrderSignal::kReplaceRequest || kind == OrderSignal::kReplace) {
    signal.price_limit = Price::from_int(11);
  }
  return signal;
}

// claim and resend are made by the store and leave this function nothing to do.
bool made_by_store(OrderSignal kind) { return kind == OrderSignal::kClaim || kind == OrderSignal::kResend; }

}  // namespace

TEST_CASE("every pair of status and signal does what its verdict says and moves along the table only") {
  const Execution execution;
  for (int s = 0; s < kOrderStatusCount; ++s) {
    for (int k = 0; k < kOrderSignalCount; ++k) {
      const OrderStatus before = status_at(s);
      const OrderSignal kind = signal_at(k);
      CAPTURE(to_string(before));
      CAPTURE(to_string(kind));
      Order order = make_order(before);
      const bool answer = kind == OrderSignal::kReplace || kind == OrderSignal::kReplaceRefused;
      if (answer && order.acked_at) order.pending_price_limit = Price::from_int(11);
      const Order untouched = order;
      Recorder recorder;
      const Verdict decided = apply_signal(order, make_signal(kind, order, &execution), recorder);
      CHECK(decided == verdict(before, kind));
      CAPTURE(to_string(order.status));
      if (decided == Verdict::kIgnore || decided == Verdict::kRefuse) {
        CHECK(recorder.types.empty());
        CHECK(order.status == before);
        CHECK(order.event_seq == untouched.event_seq);
        continue;
      }
      if (made_by_store(kind)) continue;
      CHECK_FALSE(recorder.types.empty());
      CHECK(order.event_seq == static_cast<std::int32_t>(recorder.types.size()));
      // A first report of the broker passes through the implied ack.
      const bool acked_first =
          recorder.types.front() == EventType::kOrderAcked && order.status != OrderStatus::kAcked;
      const bool sent_first = before == OrderStatus::kPlaced && order.acked_at.has_value();
      const OrderStatus from = acked_first  ? OrderStatus::kAcked
                               : sent_first ? OrderStatus::kSubmitting
                                            : before;
      const bool stays = from == order.status;
      CHECK((stays || transition_allowed(from, order.status, decided == Verdict::kFlag)));
    }
  }
}

TEST_CASE("the lawful transitions are exactly these") {
  using enum OrderStatus;
  const std::set<std::pair<OrderStatus, OrderStatus>> lawful = {
      {kPlaced, kSubmitting},
      {kPlaced, kRejected},
      {kPlaced, kCancelled},
      {kSubmitting, kAcked},
      {kSubmitting, kRejected},
      {kSubmitting, kUnknown},
      {kSubmitting, kPlaced},
      {kUnknown, kAcked},
      {kUnknown, kRejected},
      {kUnknown, kSubmitting},
      {kAcked, kPartiallyFilled},
      {kAcked, kFilled},
      {kAcked, kCancelPending},
      {kAcked, kReplacePending},
      {kAcked, kCancelled},
      {kAcked, kRejected},
      {kAcked, kExpired},
      {kPartiallyFilled, kPartiallyFilled},
      {kPartiallyFilled, kFilled},
      {kPartiallyFilled, kCancelPending},
      {kPartiallyFilled, kReplacePending},
      {kPartiallyFilled, kCancelled},
      {kPartiallyFilled, kRejected},
      {kPartiallyFilled, kExpired},
      {kCancelPending, kAcked},
      {kCancelPending, kPartiallyFilled},
      {kCancelPending, kReplacePending},
      {kCancelPending, kFilled},
      {kCancelPending, kCancelled},
      {kCancelPending, kRejected},
      {kCancelPending, kExpired},
      {kReplacePending, kAcked},
      {kReplacePending, kPartiallyFilled},
      {kReplacePending, kCancelPending},
      {kReplacePending, kFilled},
      {kReplacePending, kCancelled},
      {kReplacePending, kRejected},
      {kReplacePending, kExpired},
      {kFilled, kSettled},
      {kCancelled, kSettled},
      {kExpired, kSettled},
      {kUnknown, kPlaced},
  };
  for (int from = 0; from < kOrderStatusCount; ++from) {
    for (int to = 0; to < kOrderStatusCount; ++to) {
      CAPTURE(to_string(status_at(from)));
      CAPTURE(to_string(status_at(to)));
      CHECK(transition_allowed(status_at(from), status_at(to), false) ==
            lawful.contains({status_at(from), status_at(to)}));
    }
  }
}

TEST_CASE("an order that was acknowledged never returns to placed, submitting or unknown") {
  const Execution execution;
  for (int s = 0; s < kOrderStatusCount; ++s) {
    const Order start = make_order(status_at(s));
    if (!start.acked_at) continue;
    for (int k = 0; k < kOrderSignalCount; ++k) {
      Order order = start;
      Recorder recorder;
      apply_signal(order, make_signal(signal_at(k), order, &execution), recorder);
      CAPTURE(to_string(status_at(s)));
      CAPTURE(to_string(signal_at(k)));
      CHECK(order.status != OrderStatus::kPlaced);
      CHECK(order.status != OrderStatus::kSubmitting);
      CHECK(order.status != OrderStatus::kUnknown);
    }
  }
}

TEST_CASE("a fill before the ack inserts the implied ack") {
  for (const OrderStatus status :
       {OrderStatus::kPlaced, OrderStatus::kSubmitting, OrderStatus::kUnknown, OrderStatus::kRejected}) {
    CAPTURE(to_string(status));
    Order order = make_order(status);
    const Execution execution;
    Recorder recorder;
    apply_signal(order, make_signal(OrderSignal::kTrade, order, &execution), recorder);
    REQUIRE(recorder.types.size() >= 2);
    CHECK(recorder.types.front() == EventType::kOrderAcked);
    CHECK(order.acked_at.has_value());
    CHECK(order.fill_qty == Quantity::from_int(10));
  }
}

TEST_CASE("a fill after the end is recorded and flagged") {
  for (const OrderStatus status :
       {OrderStatus::kCancelled, OrderStatus::kExpired, OrderStatus::kRejected, OrderStatus::kSettled}) {
    CAPTURE(to_string(status));
    Order order = make_order(status);
    const Execution execution;
    Recorder recorder;
    CHECK(apply_signal(order, make_signal(OrderSignal::kTrade, order, &execution), recorder) ==
          Verdict::kFlag);
    CHECK(order.late_fill);
    CHECK(std::ranges::count(recorder.types, EventType::kOrderLateFill) == 1);
  }
}

TEST_CASE("executing more than ordered is recorded and flagged") {
  Order order = make_order(OrderStatus::kFilled);
  const Execution execution;
  Recorder recorder;
  CHECK(apply_signal(order, make_signal(OrderSignal::kTrade, order, &execution), recorder) == Verdict::kFlag);
  CHECK(order.overfilled);
  CHECK(order.fill_qty == Quantity::from_int(110));
  CHECK(recorder.types == std::vector{EventType::kOrderOverfilled});
}

TEST_CASE("a bust reopens a filled order, and settles what it had settled again") {
  Order order = make_order(OrderStatus::kSettled);
  const Execution execution;
  Recorder recorder;
  CHECK(apply_signal(order, make_signal(OrderSignal::kBust, order, &execution), recorder) == Verdict::kFlag);
  CHECK(order.status == OrderStatus::kPartiallyFilled);
  CHECK(order.busted);
  CHECK_FALSE(order.settled_at);
  CHECK_FALSE(order.ended_at);
}

TEST_CASE("a refused cancel gives the order back as it was") {
  for (const OrderStatus status : {OrderStatus::kAcked, OrderStatus::kPartiallyFilled}) {
    Order order = make_order(status);
    Recorder recorder;
    apply_signal(order, make_signal(OrderSignal::kCancelRequest, order, nullptr), recorder);
    CHECK(order.status == OrderStatus::kCancelPending);
    apply_signal(order, make_signal(OrderSignal::kCancelRefused, order, nullptr), recorder);
    CHECK(order.status == status);
  }
}

TEST_CASE("an order that ends gives back the margin of what did not execute, settlement the rest") {
  Order order = make_order(OrderStatus::kPartiallyFilled);
  Recorder recorder;
  apply_signal(order, make_signal(OrderSignal::kCancel, order, nullptr), recorder);
  CHECK(order.margin_reserved == Money::from_int(400));
  apply_signal(order, make_signal(OrderSignal::kSettle, order, nullptr), recorder);
  CHECK(order.margin_reserved.is_zero());

  Order rejected = make_order(OrderStatus::kSubmitting);
  apply_signal(rejected, make_signal(OrderSignal::kReject, rejected, nullptr), recorder);
  CHECK(rejected.margin_reserved.is_zero());
}

TEST_CASE("a sender that is declared gone is fenced by the epoch") {
  Order order = make_order(OrderStatus::kSubmitting);
  order.lease_epoch = 4;
  Recorder recorder;
  apply_signal(order, make_signal(OrderSignal::kInDoubt, order, nullptr), recorder);
  CHECK(order.lease_epoch == 5);
  CHECK(order.status == OrderStatus::kUnknown);
}

TEST_CASE("the same executions and cancel end alike in every order and however often they are repeated") {
  const unsigned seed = 20'260'105;
  std::mt19937_64 random(seed);
  INFO("seed " << seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<Execution> executions;
    const int count = 1 + static_cast<int>(random() % 5);
    for (int i = 0; i < count; ++i) {
      Execution execution;
      execution.execution_id = std::to_string(i);
      execution.qty = Quantity::from_int(static_cast<int>(random() % 40) + 1);
      execution.price = Price::from_int(static_cast<int>(random() % 5) + 1);
      execution.executed_at = kNow + std::chrono::seconds(i);
      if (i > 0 && random() % 4 == 0) {
        execution.kind = random() % 2 == 0 ? ExecutionKind::kBust : ExecutionKind::kCorrect;
        execution.ref_execution_id = std::to_string(random() % static_cast<std::uint64_t>(i));
      }
      executions.push_back(execution);
    }
    std::vector<int> script;
    for (int i = 0; i < count; ++i) script.insert(script.end(), {i, i});
    constexpr int kCancelStep = -1;
    if (random() % 2 == 0) script.insert(script.end(), {kCancelStep, kCancelStep});

    std::optional<Order> expected;
    for (int permutation = 0; permutation < 8; ++permutation) {
      std::ranges::shuffle(script, random);
      Order order = make_order(OrderStatus::kSubmitting);
      Recorder recorder;
      std::vector<Execution> applied;
      for (const int i : script) {
        if (i == kCancelStep) {
          apply_signal(order, make_signal(OrderSignal::kCancel, order, nullptr), recorder);
          continue;
        }
        const Execution& execution = executions[static_cast<std::size_t>(i)];
        const auto same = [&](const Execution& other) {
          return other.execution_id == execution.execution_id;
        };
        if (std::ranges::any_of(applied, same)) continue;  // the key decides
        applied.push_back(execution);
        Signal signal;
        signal.kind = execution.kind == ExecutionKind::kTrade  ? OrderSignal::kTrade
                      : execution.kind == ExecutionKind::kBust ? OrderSignal::kBust
                                                               : OrderSignal::kCorrect;
        signal.at = kNow;
        signal.ext_order_id = "X1";
        signal.execution = &execution;
        signal.totals = fold(applied);
        apply_signal(order, signal, recorder);
      }
      if (!expected) {
        expected = order;
        continue;
      }
      CHECK(order.status == expected->status);
      CHECK(order.fill_qty == expected->fill_qty);
      CHECK(order.fill_notional == expected->fill_notional);
      CHECK(order.overfilled == expected->overfilled);
    }
  }
}

TEST_CASE("a change that is confirmed after the old quantity has executed reopens the order") {
  Order order = make_order(OrderStatus::kFilled);
  order.pending_qty = Quantity::from_int(150);  // asked for before the rest executed
  Recorder recorder;
  Signal replaced = make_signal(OrderSignal::kReplace, order, nullptr);
  replaced.price_limit.reset();
  replaced.qty = Quantity::from_int(150);
  CHECK(apply_signal(order, replaced, recorder) == Verdict::kFlag);
  CHECK(order.status == OrderStatus::kPartiallyFilled);
  CHECK(order.remaining_qty() == Quantity::from_int(50));
  CHECK(apply_signal(order, replaced, recorder) == Verdict::kIgnore);
}

TEST_CASE("an ended order ignores the report of its end when it comes again") {
  for (const OrderStatus status : {OrderStatus::kCancelled, OrderStatus::kExpired, OrderStatus::kRejected}) {
    Order order = make_order(status);
    Recorder recorder;
    for (const OrderSignal end : {OrderSignal::kCancel, OrderSignal::kExpire, OrderSignal::kReject}) {
      CHECK(apply_signal(order, make_signal(end, order, nullptr), recorder) == Verdict::kIgnore);
    }
    CHECK(recorder.types.empty());
  }
}

TEST_CASE("a confirmation of an earlier change that comes again does not turn the terms back") {
  Order order = make_order(OrderStatus::kAcked);
  Recorder recorder;
  Signal first = make_signal(OrderSignal::kReplace, order, nullptr);
  first.price_limit.reset();
  for (const int qty : {200, 300}) {
    Signal request = make_signal(OrderSignal::kReplaceRequest, order, nullptr);
    request.price_limit.reset();
    request.qty = Quantity::from_int(qty);
    apply_signal(order, request, recorder);
    Signal confirmed = first;
    confirmed.qty = request.qty;
    CHECK(apply_signal(order, confirmed, recorder) == Verdict::kApply);
  }
  first.qty = Quantity::from_int(200);
  CHECK(apply_signal(order, first, recorder) == Verdict::kIgnore);
  CHECK(order.qty == Quantity::from_int(300));
}

TEST_CASE("an execution taken back after the end gives the rest of the margin back") {
  Order order = make_order(OrderStatus::kPartiallyFilled);
  Recorder recorder;
  apply_signal(order, make_signal(OrderSignal::kCancel, order, nullptr), recorder);
  const Execution execution;
  Signal bust = make_signal(OrderSignal::kBust, order, &execution);
  bust.totals = {};
  apply_signal(order, bust, recorder);
  CHECK(order.margin_reserved.is_zero());
}

TEST_CASE("a change down to what has executed fills the order, and says so") {
  Order order = make_order(OrderStatus::kPartiallyFilled);
  order.pending_qty = order.fill_qty;
  Recorder recorder;
  Signal replaced = make_signal(OrderSignal::kReplace, order, nullptr);
  replaced.price_limit.reset();
  replaced.qty = order.fill_qty;
  apply_signal(order, replaced, recorder);
  CHECK(recorder.types == std::vector{EventType::kOrderReplaced, EventType::kOrderFilled});
}
