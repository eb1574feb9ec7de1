// Accepting: idempotency, refusals that leave no trace, margin, halts.
#include <doctest/doctest.h>

#include <thread>

#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

std::size_t batch_count(const Desk& desk) { return desk.oms->batches({.limit = 1000}).size(); }

}  // namespace

TEST_CASE("a batch is placed, sent and acknowledged in one call in inline mode") {
  Desk desk;
  const Receipt receipt = desk.oms->place(Desk::batch({Desk::buy(), Desk::buy(50, 20, 2)}, "k1"));
  REQUIRE(receipt.orders.size() == 2);
  CHECK(receipt.orders[0].client_order_id.size() == 20);
  CHECK_FALSE(receipt.replayed);
  for (const Receipt::Leg& leg : receipt.orders) {
    const Order order = desk.at(leg.id);
    CHECK(order.status == OrderStatus::kAcked);
    CHECK(order.ext_order_id == ScriptedBroker::ext_id(order.client_order_id));
    CHECK(order.attempt == 1);
    CHECK(desk.event_words(leg.id) == Words{"order.placed", "order.acked"});
  }
}

TEST_CASE("the receipt holds no broker result and is replayed byte for byte (I8)") {
  Desk desk;
  desk.broker->fates = {Fate::kReject};
  const BatchRequest request = Desk::batch({Desk::buy()}, "k1");
  const Receipt first = desk.oms->place(request);
  CHECK(first.json.find("price too far away") == std::string::npos);
  const Receipt again = desk.oms->place(request);
  CHECK(again.replayed);
  CHECK(again.json == first.json);
  CHECK(again.batch_id == first.batch_id);
  REQUIRE(again.orders.size() == 1);
  CHECK(again.orders[0].id == first.orders[0].id);
  CHECK(batch_count(desk) == 1);
  CHECK(desk.broker->sends.size() == 1);
}

TEST_CASE("a key with another request is refused and nothing is written (I9)") {
  Desk desk;
  desk.oms->place(Desk::batch({Desk::buy()}, "k1"));
  CHECK(code_of([&] { desk.oms->place(Desk::batch({Desk::buy(101)}, "k1")); }) ==
        ErrorCode::kIdempotencyConflict);
  CHECK(batch_count(desk) == 1);
  CHECK(desk.broker->sends.size() == 1);
}

TEST_CASE("keys of different tenants never meet (I28)") {
  Desk desk;
  BatchRequest mine = Desk::batch({Desk::buy()}, "k1");
  BatchRequest theirs = mine;
  theirs.tenant = "other";
  CHECK(desk.oms->place(mine).batch_id != desk.oms->place(theirs).batch_id);
}

TEST_CASE("without a key two equal requests are two batches, and the made key is returned") {
  Desk desk;
  const Receipt a = desk.oms->place(Desk::batch({Desk::buy()}));
  const Receipt b = desk.oms->place(Desk::batch({Desk::buy()}));
  CHECK(a.batch_id != b.batch_id);
  CHECK_FALSE(a.idempotency_key.empty());
  CHECK(desk.oms->place(Desk::batch({Desk::buy()}, a.idempotency_key)).batch_id == a.batch_id);
}

TEST_CASE("reuse of a key after its time to live never places a second batch (I12)") {
  Desk desk;
  const BatchRequest request = Desk::batch({Desk::buy()}, "k1");
  desk.oms->place(request);
  desk.clock->advance(std::chrono::hours(25));
  CHECK(code_of([&] { desk.oms->place(request); }) == ErrorCode::kIdempotencyExpired);
  desk.store->expire_idempotency(desk.clock->now());
  CHECK(code_of([&] { desk.oms->place(request); }) == ErrorCode::kIdempotencyExpired);
  CHECK(code_of([&] { desk.oms->place(Desk::batch({Desk::buy(7)}, "k1")); }) ==
        ErrorCode::kIdempotencyConflict);
  CHECK(batch_count(desk) == 1);
}

TEST_CASE("racing callers of one key get one batch and the same bytes (I10)") {
  Desk desk;
  const BatchRequest request = Desk::batch({Desk::buy(), Desk::buy(5, 5, 2)}, "race");
  std::vector<std::string> answers(8);
  std::vector<std::thread> threads;
  for (std::string& answer : answers) threads.emplace_back([&] { answer = desk.oms->place(request).json; });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& answer : answers) CHECK(answer == answers.front());
  CHECK(batch_count(desk) == 1);
  CHECK(desk.broker->accepts.size() == 2);
  for (const auto& [id, accepts] : desk.broker->accepts) CHECK(accepts == 1);
}

TEST_CASE("one bad order refuses the batch, leaves no trace and the key unused (I11)") {
  Desk desk;
  OrderRequest bad = Desk::buy(0);
  CHECK(code_of([&] {
          desk.oms->place(Desk::batch({Desk::buy(), bad}, "k1"));
        }) == ErrorCode::kValidationFailed);
  CHECK(batch_count(desk) == 0);
  CHECK(desk.broker->sends.empty());
  CHECK(desk.oms->events({}).empty());
  CHECK_FALSE(desk.oms->place(Desk::batch({Desk::buy()}, "k1")).replayed);
}

TEST_CASE("with policy each the good orders are placed and the bad ones reported in the receipt") {
  Desk desk;
  BatchRequest request = Desk::batch({Desk::buy(0), Desk::buy(10), Desk::buy(-1)}, "k1");
  request.policy = BatchPolicy::kEach;
  const Receipt receipt = desk.oms->place(request);
  REQUIRE(receipt.orders.size() == 3);
  CHECK(receipt.orders[0].id == 0);
  CHECK_FALSE(receipt.orders[0].violations.empty());
  CHECK(receipt.orders[1].id > 0);
  CHECK(receipt.orders[2].id == 0);
  const Receipt again = desk.oms->place(request);
  CHECK(again.json == receipt.json);
  CHECK(again.orders[0].violations.size() == receipt.orders[0].violations.size());
  CHECK(desk.oms->get_batch(receipt.batch_id).total_orders == 1);
}

TEST_CASE("preview validates and routes and writes nothing") {
  Desk desk;
  const Receipt preview = desk.oms->preview(Desk::batch({Desk::buy()}));
  REQUIRE(preview.orders.size() == 1);
  CHECK(preview.orders[0].broker == "scripted");
  CHECK(preview.orders[0].id == 0);
  CHECK(batch_count(desk) == 0);
  CHECK(code_of([&] { static_cast<void>(desk.oms->preview(Desk::batch({Desk::buy(0)}))); }) ==
        ErrorCode::kValidationFailed);
}

TEST_CASE("preview says what placing would run into: a stop switch, a key that was used") {
  Desk desk;
  const auto warned = [&](const BatchRequest& request) {
    Words codes;
    for (const Violation& warning : desk.oms->preview(request).warnings) codes.push_back(warning.code);
    return codes;
  };
  const BatchRequest request = Desk::batch({Desk::buy()}, "k1");
  CHECK(warned(request).empty());
  desk.oms->place(request);
  CHECK(warned(request) == Words{"idempotency_key.used"});
  CHECK(desk.oms->preview(request).warnings.front().message.find("places nothing") != std::string::npos);
  CHECK(desk.oms->preview(Desk::batch({Desk::buy(7)}, "k1")).warnings.front().message.find("refused") !=
        std::string::npos);
  desk.oms->halt(ControlScope::kPortfolio, "1", "limit breach");
  CHECK(warned(Desk::batch({Desk::buy()})) == Words{"halted"});
}

TEST_CASE("a slice becomes several orders that add up to it, margin to the last unit") {
  Desk desk;
  desk.store->put_instruments(std::vector<Instrument>{
      {.id = 1, .symbol = "INFY", .exchange = "NSE", .freeze_quantity = Quantity::from_int(30)}});
  desk.store->put_limits({.portfolio_id = 1, .margin_rate = Rate::from_string("0.333333333")});
  OrderRequest big = Desk::buy(100, 7);
  big.slice = true;
  const Receipt receipt = desk.oms->place(Desk::batch({big, Desk::buy(1)}));
  REQUIRE(receipt.orders.size() == 5);
  Quantity total;
  Money margin;
  for (std::size_t i = 0; i < 4; ++i) {
    const Order order = desk.at(receipt.orders[i].id);
    CHECK(receipt.orders[i].index == 0);
    CHECK(order.qty <= Quantity::from_int(30));
    CHECK(order.symbol == "INFY");
    total += order.qty;
    margin += order.margin_reserved;
  }
  CHECK(total == Quantity::from_int(100));
  CHECK(margin ==
        scale(Price::from_int(7) * Quantity::from_int(100), Rate::from_string("0.333333333"), Rounding::kUp));
  CHECK(receipt.orders[4].index == 1);
}

TEST_CASE("margin is reserved across batches and given back when orders end") {
  Desk desk;
  desk.store->put_limits({.portfolio_id = 1, .margin_available = Money::from_int(1500)});
  const Order first = desk.place_one(Desk::buy(100, 10));
  CHECK(desk.store->usage_of(1).margin_reserved == Money::from_int(1000));
  CHECK(code_of([&] { desk.place_one(Desk::buy(100, 10)); }) == ErrorCode::kValidationFailed);
  desk.oms->cancel(first.id);
  CHECK(desk.store->usage_of(1).margin_reserved == Money::from_int(1000));  // only asked for
  desk.oms->apply(desk.broker->report(BrokerReport::Kind::kCancelled, first.client_order_id));
  CHECK(desk.store->usage_of(1).margin_reserved.is_zero());
  desk.broker->fates = {Fate::kReject};
  desk.place_one(Desk::buy(150, 10));
  CHECK(desk.store->usage_of(1).margin_reserved.is_zero());
  CHECK(desk.place_one(Desk::buy(150, 10)).status == OrderStatus::kAcked);
}

TEST_CASE("a hot portfolio never exceeds its margin under racing callers") {
  Desk desk;
  desk.store->put_limits({.portfolio_id = 1, .margin_available = Money::from_int(1000)});
  std::atomic<int> placed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        try {
          desk.oms->place(Desk::batch({Desk::buy(3, 10)}));
          ++placed;
        } catch (const Error& error) {
          if (error.code() != ErrorCode::kValidationFailed) throw;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(placed == 33);
  CHECK(desk.store->usage_of(1).margin_reserved == Money::from_int(990));
}

TEST_CASE("a halt refuses new orders of its scope, leaves the key unused, and ends with resume (I6)") {
  Desk desk;
  desk.oms->halt(ControlScope::kPortfolio, "1", "end of day");
  CHECK(code_of([&] { desk.oms->place(Desk::batch({Desk::buy()}, "k1")); }) == ErrorCode::kHalted);
  BatchRequest other = Desk::batch({Desk::buy()});
  other.portfolio_id = 2;
  CHECK_NOTHROW(desk.oms->place(other));
  CHECK(desk.oms->resume(ControlScope::kPortfolio, "1"));
  CHECK_FALSE(desk.oms->place(Desk::batch({Desk::buy()}, "k1")).replayed);

  desk.oms->halt(ControlScope::kAll, "", "kill switch");
  CHECK(code_of([&] { desk.oms->place(other); }) == ErrorCode::kHalted);
  CHECK_FALSE(desk.oms->health().ok);
}

TEST_CASE("an explicit broker that is switched off is never replaced by another") {
  Desk desk;
  desk.oms->set_broker("scripted", "{}", false);
  try {
    desk.oms->place(Desk::batch({Desk::buy()}));
    FAIL("placed");
  } catch (const Error& error) {
    REQUIRE(error.violations().size() == 1);
    CHECK(error.violations()[0].code == "broker.unavailable");
  }
}

TEST_CASE("an idempotency key with blanks or control characters is refused") {
  Desk desk;
  for (const std::string& key :
       {std::string("a b"), std::string("a\nb"), std::string(256, 'x'), std::string("\xc3\xa9")}) {
    CHECK(code_of([&] { desk.oms->place(Desk::batch({Desk::buy()}, key)); }) == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("single orders travel in micro-batches and every caller hears of its own") {
  Desk desk;
  std::vector<OrderId> ids;
  int errors = 0;
  const auto done = [&](const Receipt* receipt, std::size_t leg, const Error* error) {
    if (error != nullptr || receipt->orders.at(leg).id == 0) {
      ++errors;
    } else {
      ids.push_back(receipt->orders.at(leg).id);
    }
  };
  for (int i = 0; i < 3; ++i) desk.oms->enqueue("default", 0, 1, Desk::buy(10 + i), done);
  desk.oms->enqueue("default", 0, 1, Desk::buy(0), done);
  CHECK(ids.empty());
  desk.clock->advance(std::chrono::milliseconds(10));
  desk.oms->step();
  CHECK(ids.size() == 3);
  CHECK(errors == 1);
  CHECK(batch_count(desk) == 1);
  CHECK(desk.at(ids[2]).qty == Quantity::from_int(12));
}
