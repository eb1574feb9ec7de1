// Validation: each rule alone, and all of them at once.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/slicer.hpp"
#include "orchestrator/error.hpp"
#include "orchestrator/validator.hpp"

using namespace orchestrator;

namespace {

const Timestamp kNow = *parse_timestamp("2026-01-05T09:15:00Z");

Quantity qty(const char* text) { return Quantity::from_string(text); }
Price price(const char* text) { return Price::from_string(text); }
Money money(const char* text) { return Money::from_string(text); }

OrderRequest limit_order(InstrumentId instrument, const char* quantity, const char* limit,
                         Side side = Side::kBuy) {
  OrderRequest order;
  order.instrument_id = instrument;
  order.qty = qty(quantity);
  order.side = side;
  order.price_limit = price(limit);
  return order;
}

OrderRequest market_order(InstrumentId instrument, const char* quantity) {
  OrderRequest order;
  order.instrument_id = instrument;
  order.qty = qty(quantity);
  order.order_type = OrderType::kMarket;
  return order;
}

// Instrument 7: lots of 50, ticks of 0.05, band 90 to 110, freeze 1800. Instrument 8: the defaults.
ValidationSnapshot sample_snapshot() {
  ValidationSnapshot snapshot;
  Instrument instrument;
  instrument.id = 7;
  instrument.symbol = "NIFTY";
  instrument.lot_size = qty("50");
  instrument.tick_size = price("0.05");
  instrument.price_band_low = price("90");
  instrument.price_band_high = price("110");
  instrument.last_price = price("100");
  instrument.freeze_quantity = qty("1810");
  snapshot.instruments[7] = instrument;
  snapshot.instruments[8].id = 8;
  snapshot.brokers = {"alpaca-mock", "zerodha-mock"};
  snapshot.now = kNow;
  return snapshot;
}

struct Checked {
  ValidationResult result;

  // "0 qty.off_lot, 1 price.required (warning)"
  [[nodiscard]] std::string codes() const {
    std::string text;
    for (const Violation& violation : result.violations) {
      if (!text.empty()) text += ", ";
      text +=
          violation.order_index == Violation::kWholeBatch ? "batch" : std::to_string(violation.order_index);
      text += " " + violation.code;
      if (violation.severity == Severity::kWarning) text += " (warning)";
    }
    return text;
  }
  [[nodiscard]] std::string message() const {
    return result.violations.empty() ? "" : result.violations.front().message;
  }
};

Checked check(std::vector<OrderRequest> orders, const ValidationSnapshot& snapshot = sample_snapshot(),
              const ValidationOptions& options = {}) {
  BatchRequest request;
  request.portfolio_id = 1;
  request.orders = std::move(orders);
  return {make_validator(options)->validate(request, snapshot)};
}

}  // namespace

TEST_CASE("a clean batch has no violations and says what it takes") {
  const Checked checked = check({limit_order(7, "100", "100.05"), limit_order(8, "3", "0.000000001")});
  CHECK(checked.codes() == "");
  CHECK_FALSE(checked.result.has_errors());
  CHECK(checked.result.notionals == std::vector{money("10005"), money("0.000000003")});
  CHECK(checked.result.margins == checked.result.notionals);
}

TEST_CASE("quantity rules give the value, the rule and the nearest lawful values") {
  const auto broken = [](const char* quantity) {
    const Checked checked = check({limit_order(7, quantity, "100")});
    return checked.codes() + " | " + checked.message();
  };
  CHECK(broken("105") == "0 qty.off_lot | qty 105 is not a multiple of the lot size 50; nearest: 100 or 150");
  CHECK(broken("20") == "0 qty.below_lot | qty 20 is below the lot size 50; nearest: 50");
  CHECK(broken("0") == "0 qty.not_positive | qty 0 is not positive; nearest: 50");
  CHECK(broken("-50") == "0 qty.not_positive | qty -50 is not positive; nearest: 50");
  CHECK(broken("1850") ==
        "0 qty.above_freeze | qty 1850 is above the freeze quantity 1810 of one order, and slice is not "
        "set; nearest: 1800");
  CHECK(broken("1801") == "0 qty.off_lot | qty 1801 is not a multiple of the lot size 50; nearest: 1800");
  CHECK(broken("1800") == " | ");
}

TEST_CASE("the tighter of the two quantity limits holds") {
  ValidationSnapshot snapshot = sample_snapshot();
  ValidationOptions options;
  options.max_quantity = qty("1000");
  CHECK(check({limit_order(7, "1050", "100")}, snapshot, options).codes() == "0 qty.above_limit");
  CHECK(check({limit_order(7, "1000", "100")}, snapshot, options).codes() == "");
  snapshot.limits.max_quantity = qty("120");
  CHECK(check({limit_order(7, "150", "100")}, snapshot, options).message() ==
        "qty 150 is above the limit of 120 per order; nearest: 100");
  snapshot.limits.max_quantity = qty("20");
  CHECK(check({limit_order(7, "50", "100")}, snapshot, options).message() ==
        "qty 50 is above the limit of 20 per order; no value obeys this instrument's rules and limits");
}

TEST_CASE("price rules give the value, the rule and the nearest lawful values") {
  const auto broken = [](const char* limit) {
    const Checked checked = check({limit_order(7, "50", limit)});
    return checked.codes() + " | " + checked.message();
  };
  CHECK(broken("100.03") ==
        "0 price.off_tick | price_limit 100.03 is not a multiple of the tick size 0.05; nearest: 100 or "
        "100.05");
  CHECK(broken("120") ==
        "0 price.outside_band | price_limit 120 is outside the price band, 90 to 110; nearest: 110");
  CHECK(broken("89.95") ==
        "0 price.outside_band | price_limit 89.95 is outside the price band, 90 to 110; nearest: 90");
  CHECK(broken("0") == "0 price.not_positive | price_limit 0 is not positive; nearest: 90");
  CHECK(broken("-1") == "0 price.not_positive | price_limit -1 is not positive; nearest: 90");
  CHECK(broken("120.01") ==
        "0 price.off_tick, 0 price.outside_band | price_limit 120.01 is not a multiple of the tick size "
        "0.05; nearest: 110");
  CHECK(broken("90") == " | ");
  CHECK(broken("110") == " | ");
}

TEST_CASE("the collar is measured from the last price, to the last unit") {
  ValidationOptions options;
  options.price_collar = Rate::from_string("0.05");
  const auto codes = [&options](const char* limit, const char* last) {
    ValidationSnapshot snapshot = sample_snapshot();
    snapshot.instruments[8].last_price = price(last);
    return check({limit_order(8, "1", limit)}, snapshot, options).codes();
  };
  CHECK(codes("105", "100") == "");
  CHECK(codes("95", "100") == "");
  CHECK(codes("105.000000001", "100") == "0 price.outside_collar");
  CHECK(codes("94.999999999", "100") == "0 price.outside_collar");
  CHECK(codes("0.000000001", "0.000000001") == "");
  CHECK(codes("0.000000002", "0.000000001") == "0 price.outside_collar");
  CHECK(codes("1", "9223372036.854775807") == "0 price.outside_collar");
  CHECK(codes("9223372036.854775807", "9223372036.854775807") == "");
  CHECK(check({limit_order(7, "50", "106")}, sample_snapshot(), options).message() ==
        "price_limit 106 is further than 0.05 of the last price 100 away from it; allowed: 95 to 105; "
        "nearest: 105");
  CHECK(check({limit_order(9, "1", "106")}, sample_snapshot(), options).codes() == "");
}

TEST_CASE("prices are present or absent as the order type demands") {
  const auto codes = [](OrderType type, bool limit, bool stop) {
    OrderRequest order = limit_order(7, "50", "100");
    order.order_type = type;
    if (!limit) order.price_limit.reset();
    if (stop) order.stop_price = price("99");
    return check({order}).codes();
  };
  CHECK(codes(OrderType::kMarket, false, false) == "");
  CHECK(codes(OrderType::kMarket, true, true) == "0 price.not_allowed, 0 stop_price.not_allowed");
  CHECK(codes(OrderType::kLimit, true, false) == "");
  CHECK(codes(OrderType::kLimit, false, true) == "0 price.required, 0 stop_price.not_allowed");
  CHECK(codes(OrderType::kStop, false, true) == "");
  CHECK(codes(OrderType::kStop, true, false) == "0 price.not_allowed, 0 stop_price.required");
  CHECK(codes(OrderType::kStopLimit, true, true) == "");
  CHECK(codes(OrderType::kStopLimit, false, false) == "0 price.required, 0 stop_price.required");
}

TEST_CASE("a stop price is positive and on tick, and the band does not bind it") {
  const auto codes = [](const char* stop) {
    OrderRequest order = limit_order(7, "50", "100");
    order.order_type = OrderType::kStopLimit;
    order.stop_price = price(stop);
    return check({order}).codes();
  };
  CHECK(codes("500") == "");
  CHECK(codes("99.99") == "0 stop_price.off_tick");
  CHECK(codes("0") == "0 stop_price.not_positive");
}

TEST_CASE("words that a cast has made are violations") {
  OrderRequest order = limit_order(7, "50", "100");
  order.side = static_cast<Side>(9);
  order.order_type = static_cast<OrderType>(9);
  order.time_in_force = static_cast<TimeInForce>(9);
  CHECK(check({order}).codes() == "0 side.invalid, 0 order_type.invalid, 0 time_in_force.invalid");
}

TEST_CASE("an unknown instrument has the documented defaults unless the validator is strict") {
  CHECK(check({limit_order(99, "3", "0.123456789")}).codes() == "");
  CHECK(check({limit_order(99, "0.5", "1")}).codes() == "0 qty.below_lot");
  ValidationOptions strict;
  strict.strict = true;
  CHECK(check({limit_order(99, "3", "1"), limit_order(8, "3", "1")}, sample_snapshot(), strict).codes() ==
        "0 instrument.unknown");
  CHECK(check({limit_order(0, "3", "1"), limit_order(-5, "3", "1")}).codes() ==
        "0 instrument.unknown, 1 instrument.unknown");
}

TEST_CASE("a faulty instrument row lets no order through") {
  const std::vector<std::function<void(Instrument&)>> faults{
      [](Instrument& instrument) { instrument.lot_size = Quantity(); },
      [](Instrument& instrument) { instrument.tick_size = -price("0.05"); },
      [](Instrument& instrument) { instrument.multiplier = 0; }};
  for (const auto& fault : faults) {
    ValidationSnapshot snapshot = sample_snapshot();
    fault(snapshot.instruments[7]);
    CHECK(check({limit_order(7, "50", "100")}, snapshot).codes() == "0 instrument.invalid");
  }
}

TEST_CASE("an explicit broker must exist") {
  OrderRequest order = limit_order(7, "50", "100");
  order.broker = "alpaca-mock";
  CHECK(check({order}).codes() == "");
  order.broker = "alpaca\x1b[31m";
  const Checked checked = check({order});
  CHECK(checked.codes() == "0 broker.unknown");
  CHECK(checked.message() ==
        "there is no broker \"alpaca?[31m\"; leave it out or use one of: alpaca-mock, zerodha-mock");
}

TEST_CASE("every violation of every order is reported, fields in the request's order") {
  OrderRequest bad = limit_order(7, "5005", "120.01");
  bad.side = static_cast<Side>(9);
  bad.stop_price = price("1");
  bad.broker = "nobody";
  const Checked checked = check({bad, limit_order(7, "50", "100"), bad});
  const std::string all =
      " qty.off_lot, # qty.above_freeze, # side.invalid, # price.off_tick, # price.outside_band, "
      "# stop_price.not_allowed, # broker.unknown";
  const auto of_order = [&all](char index) {
    std::string text = "#" + all;
    std::replace(text.begin(), text.end(), '#', index);
    return text;
  };
  CHECK(checked.codes() == of_order('0') + ", " + of_order('2') + ", 2 duplicate.in_batch (warning)");
  CHECK(checked.result.order_has_errors(0));
  CHECK_FALSE(checked.result.order_has_errors(1));
  CHECK(checked.result.notionals == std::vector{Money(), money("5000"), Money()});
}

TEST_CASE("a batch needs orders, not too many of them, and a portfolio") {
  CHECK(check({}).codes() == "batch batch.empty");
  ValidationOptions options;
  options.orders_max = 2;
  const OrderRequest order = limit_order(8, "1", "1");
  CHECK(check({order, order, order}, sample_snapshot(), options).codes() == "batch batch.too_large");
  options.orders_max = 1'000'000;  // the hard limit of 32,768 stays
  CHECK(check(std::vector<OrderRequest>(32'769, order), sample_snapshot(), options).codes() ==
        "batch batch.too_large");

  BatchRequest request;
  const ValidationResult result = make_validator()->validate(request, sample_snapshot());
  REQUIRE(result.violations.size() == 2);
  CHECK(result.violations[0].code == "portfolio.invalid");
  CHECK(result.violations[0].field == "portfolio_id");
  CHECK(result.violations[1].field == "orders");
  CHECK(result.has_errors());
}

TEST_CASE("options that no order could satisfy are refused when the validator is made") {
  const std::vector<std::function<void(ValidationOptions&)>> faults{
      [](ValidationOptions& options) { options.orders_max = 0; },
      [](ValidationOptions& options) { options.price_collar = Rate::from_string("-0.1"); },
      [](ValidationOptions& options) { options.max_quantity = Quantity(); }};
  for (const auto& fault : faults) {
    ValidationOptions options;
    fault(options);
    CHECK_THROWS_AS((void)make_validator(options), Error);
  }
}

TEST_CASE("slices count towards the size of the batch, and free an order of the freeze quantity") {
  OrderRequest large = limit_order(7, "5400", "100");
  CHECK(check({large}).codes() == "0 qty.above_freeze");
  large.slice = true;
  CHECK(check({large}).codes() == "");
  ValidationOptions options;
  options.orders_max = 3;
  CHECK(check({large}, sample_snapshot(), options).codes() == "");
  CHECK(check({large, limit_order(7, "50", "100")}, sample_snapshot(), options).codes() ==
        "batch batch.too_large");
  ValidationSnapshot snapshot = sample_snapshot();
  snapshot.instruments[7].freeze_quantity = qty("40");
  CHECK(check({large}, snapshot).codes() == "0 qty.above_freeze");
}

TEST_CASE("margin is reserved across the batch, in request order, rounded up") {
  ValidationSnapshot snapshot = sample_snapshot();
  snapshot.limits.margin_rate = Rate::from_string("0.2");
  snapshot.limits.margin_available = money("3000");
  snapshot.usage.margin_reserved = money("1000");
  const OrderRequest order = limit_order(7, "50", "100");  // 5000, margin 1000
  const OrderRequest other = limit_order(7, "50", "100", Side::kSell);
  const OrderRequest small = limit_order(8, "1", "1");
  CHECK(check({order, other}, snapshot).codes() == "");
  const Checked checked = check({order, other, small}, snapshot);
  CHECK(checked.codes() == "2 margin.insufficient");
  CHECK(checked.message() ==
        "the batch up to this order needs a margin of 2000.2, and 2000 is free (3000 available, 1000 "
        "reserved); missing: 0.2");
  CHECK(checked.result.margins == std::vector{money("1000"), money("1000"), Money()});
  // From the first that no longer fits, every one: also those that would fit alone.
  snapshot.limits.margin_available = money("1900");
  CHECK(check({order, small}, snapshot).codes() == "0 margin.insufficient, 1 margin.insufficient");

  snapshot.usage.margin_reserved = Money();
  snapshot.limits.margin_rate = Rate::from_string("0.5");
  snapshot.instruments[8].lot_size = Quantity::from_units(1);
  const Checked tiny = check({limit_order(8, "0.000000001", "0.000000001")}, snapshot);
  CHECK(tiny.result.notionals == std::vector{Money::from_units(1)});
  CHECK(tiny.result.margins == std::vector{Money::from_units(1)});
}

TEST_CASE("an order that breaks a rule of its own takes no margin from its neighbours") {
  ValidationSnapshot snapshot = sample_snapshot();
  snapshot.limits.margin_available = money("5000");
  CHECK(check({limit_order(7, "55", "100"), limit_order(7, "50", "100")}, snapshot).codes() ==
        "0 qty.off_lot");
}

TEST_CASE("notional limits hold per order, batch and day, multiplier included") {
  ValidationSnapshot snapshot = sample_snapshot();
  snapshot.instruments[7].multiplier = 10;
  snapshot.limits.max_notional_order = money("100000");
  const OrderRequest order = limit_order(7, "100", "100");  // 100,000
  const OrderRequest other = limit_order(7, "100", "100", Side::kSell);
  CHECK(check({order, other}, snapshot).codes() == "");
  const Checked above = check({limit_order(7, "150", "100")}, snapshot);
  CHECK(above.codes() == "0 notional.order_limit");
  CHECK(above.message() ==
        "the order's notional 150000 is above the limit of 100000 per order; at this price at most qty 100 "
        "fits");
  snapshot.limits.max_notional_batch = money("199999.999999999999999999");
  CHECK(check({order, other}, snapshot).codes() == "1 notional.batch_limit");
  snapshot.limits.max_notional_batch.reset();
  snapshot.limits.max_notional_day = money("250000");
  snapshot.usage.day = std::chrono::floor<std::chrono::days>(kNow);
  snapshot.usage.day_notional = money("100000");
  CHECK(check({order, other}, snapshot).codes() == "1 notional.day_limit");
  snapshot.usage.day -= std::chrono::days(1);  // yesterday's figure counts as zero
  CHECK(check({order, other}, snapshot).codes() == "");
}

TEST_CASE("market orders are valued at the last price, stop orders at their stop price") {
  ValidationSnapshot snapshot = sample_snapshot();
  CHECK(check({market_order(7, "50")}, snapshot).result.notionals.front() == money("5000"));
  OrderRequest stop = market_order(7, "50");
  stop.order_type = OrderType::kStop;
  stop.stop_price = price("110");
  CHECK(check({stop}, snapshot).result.notionals.front() == money("5500"));
  CHECK(check({market_order(8, "1")}, snapshot).codes() == "");
  snapshot.limits.max_notional_day = money("1000");
  CHECK(check({market_order(8, "1")}, snapshot).codes() == "0 notional.unpriced");
}

TEST_CASE("amounts that cannot be booked are violations and never wrap") {
  ValidationSnapshot snapshot = sample_snapshot();
  const OrderRequest huge = limit_order(8, "9223372036", "9223372036.854775807");
  const OrderRequest half = limit_order(8, "4611686017", "1000000000");
  CHECK(check({huge}, snapshot).codes() == "0 notional.too_large");
  CHECK(check({half, half, limit_order(8, "1", "1")}, snapshot, {.duplicates = DuplicatePolicy::kAllow})
            .codes() == "");
  CHECK(check({half, half, half, limit_order(8, "1", "1")}, snapshot, {.duplicates = DuplicatePolicy::kAllow})
            .codes() == "2 notional.too_large");
  snapshot.instruments[8].multiplier = std::numeric_limits<std::int64_t>::max();
  CHECK(check({huge}, snapshot).codes() == "0 notional.too_large");
  snapshot.instruments[8].multiplier = 1;
  snapshot.limits.margin_rate = Rate::max();
  CHECK(check({half}, snapshot).codes() == "0 notional.too_large");
  snapshot.limits.margin_rate = Rate::from_int(1);
  snapshot.usage.margin_reserved = Money::max();
  CHECK(check({half}, snapshot).codes() == "0 notional.too_large");
}

TEST_CASE("duplicates inside a batch are warned of, refused or allowed") {
  const OrderRequest order = limit_order(7, "50", "100");
  const OrderRequest sell = limit_order(7, "50", "100", Side::kSell);
  const OrderRequest more = limit_order(7, "100", "100");
  const OrderRequest dearer = limit_order(7, "50", "100.05");
  CHECK(check({order, sell, more, dearer}).codes() == "");
  const Checked checked = check({order, sell, order, order});
  CHECK(checked.codes() == "2 duplicate.in_batch (warning), 3 duplicate.in_batch (warning)");
  CHECK(checked.message().starts_with("equal to order 0 of this batch"));
  CHECK_FALSE(checked.result.has_errors());
  CHECK(checked.result.notionals[2] == money("5000"));
  const ValidationSnapshot snapshot = sample_snapshot();
  const Checked refused = check({order, order}, snapshot, {.duplicates = DuplicatePolicy::kRefuse});
  CHECK(refused.codes() == "1 duplicate.in_batch");
  CHECK(refused.result.notionals[1] == Money());
  CHECK(check({order, order}, snapshot, {.duplicates = DuplicatePolicy::kAllow}).codes() == "");
}

TEST_CASE("duplicates of a recently accepted order are found inside the window") {
  const ValidationOptions options{.duplicates = DuplicatePolicy::kRefuse,
                                  .duplicate_window = std::chrono::seconds(60)};
  ValidationSnapshot snapshot = sample_snapshot();
  Order recent;
  recent.id = 17;
  recent.batch_id = 4;
  recent.tenant = "default";
  recent.portfolio_id = 1;
  recent.instrument_id = 7;
  recent.qty = qty("50");
  recent.price_limit = price("100");
  recent.created_at = kNow - std::chrono::seconds(60);
  snapshot.recent_orders = {recent};
  const OrderRequest order = limit_order(7, "50", "100");
  CHECK(check({order}, snapshot, options).codes() == "0 duplicate.recent");
  CHECK(check({order}, snapshot, options).message() ==
        "equal in instrument, side, quantity and price to order 17 of batch 4, which was accepted within 60 "
        "s");
  CHECK(check({limit_order(7, "50", "100", Side::kSell)}, snapshot, options).codes() == "");

  const std::vector<std::function<void(Order&)>> others{
      [](Order& o) { o.created_at -= std::chrono::seconds(1); },
      [](Order& o) { o.tenant = "desk-7"; },
      [](Order& o) { o.portfolio_id = 2; },
      [](Order& o) { o.qty = qty("100"); },
      [](Order& o) { o.stop_price = price("1"); },
      [](Order& o) { o.status = OrderStatus::kRejected; },
      [](Order& o) { o.status = OrderStatus::kCancelled; }};
  for (std::size_t i = 0; i < others.size(); ++i) {
    INFO("other " << i);
    snapshot.recent_orders = {recent};
    others[i](snapshot.recent_orders[0]);
    CHECK(check({order}, snapshot, options).codes() == "");
  }
  snapshot.recent_orders = {recent};
  snapshot.recent_orders[0].status = OrderStatus::kCancelled;
  snapshot.recent_orders[0].fill_qty = qty("1");
  CHECK(check({order}, snapshot, options).codes() == "0 duplicate.recent");
  CHECK(check({order}, snapshot, {.duplicates = DuplicatePolicy::kRefuse}).codes() == "");
}

TEST_CASE("slices of one order are no duplicates of one another, and are of those of an earlier one") {
  ValidationSnapshot snapshot = sample_snapshot();
  OrderRequest large = limit_order(7, "5400", "100");
  large.slice = true;
  BatchRequest request;
  request.portfolio_id = 1;
  request.orders = {large};
  const std::vector<OrderRequest> pieces = slice(request, snapshot);
  CHECK(check(pieces, snapshot).codes() == "");
  Order recent;
  recent.tenant = "default";
  recent.portfolio_id = 1;
  recent.instrument_id = 7;
  recent.qty = qty("1800");
  recent.price_limit = price("100");
  recent.created_at = kNow;
  snapshot.recent_orders = {recent};
  CHECK(check({large}, snapshot, {.duplicate_window = std::chrono::seconds(1)}).codes() ==
        "0 duplicate.recent (warning)");
}
