// The rules of a single order. A message gives the value, the rule and the nearest values that obey all
// rules of that field.
//
// Invariants: no rule throws, whatever the order and the instrument's row; values are compared as integers
// of their smallest units, in 128 bits where a product or a sum could leave 64.

#include "core/order_rules.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "core/slicer.hpp"

namespace orchestrator {

namespace {

constexpr int128 kUnitsMax = std::numeric_limits<std::int64_t>::max();

// The values of a field that obey its rules: multiples of `step` from `low` to `high`, in units.
struct Lawful {
  int128 step = 1;
  int128 low = 1;
  int128 high = kUnitsMax;

  // Moves the ends onto the grid.
  void align() {
    low = std::max(low, step);
    const int128 off = low % step;
    if (off != 0) low += step - off;
    high = std::min(high, kUnitsMax);
    high -= high % step;
  }
};

template <class Value>
std::string text_of(int128 units) {
  return Value::from_units(static_cast<std::int64_t>(units)).to_string();
}

// "; nearest: 100 or 150"
template <class Value>
std::string nearest(Value value, Lawful lawful) {
  lawful.align();
  if (lawful.low > lawful.high) return "; no value obeys this instrument's rules and limits";
  const int128 units = value.units();
  if (units <= lawful.low) return "; nearest: " + text_of<Value>(lawful.low);
  if (units >= lawful.high) return "; nearest: " + text_of<Value>(lawful.high);
  const int128 below = units - units % lawful.step;
  return "; nearest: " + text_of<Value>(below) + " or " + text_of<Value>(below + lawful.step);
}

// "price_limit 2500.03": how every message about a field begins.
template <class Value>
std::string named(std::string_view field, Value value) {
  std::string text(field);
  text += ' ';
  value.append_to(text);
  return text;
}

// --- instrument -----------------------------------------------------------------------------------

// Whether the instrument's row can be checked against; a faulty row must not let an order through.
bool check_instrument(const OrderUnderCheck& check) {
  const Instrument& instrument = check.instrument;
  const std::string_view field = "instrument_id";
  if (check.order.instrument_id <= 0) {
    check.report(field, "instrument.unknown",
                 "instrument_id " + std::to_string(check.order.instrument_id) +
                     " is not a positive number, so no instrument has it");
  } else if (check.options.strict && check.snapshot.instruments.find(check.order.instrument_id) == nullptr) {
    check.report(field, "instrument.unknown",
                 "instrument_id " + std::to_string(check.order.instrument_id) +
                     " is not in the instrument table; import it first");
  }
  const char* fault = nullptr;
  if (!instrument.lot_size.is_positive()) fault = "lot_size must be positive";
  if (!instrument.tick_size.is_positive()) fault = "tick_size must be positive";
  if (instrument.multiplier < 1) fault = "multiplier must be at least 1";
  if (fault == nullptr) return true;
  check.report(
      field, "instrument.invalid",
      "the row of instrument " + std::to_string(instrument.id) + " is wrong: " + fault + "; correct it");
  return false;
}

// --- quantity -------------------------------------------------------------------------------------

std::optional<Quantity> quantity_limit(const OrderUnderCheck& check) {
  const std::optional<Quantity>& all = check.options.max_quantity;
  const std::optional<Quantity>& own = check.snapshot.limits.max_quantity;
  if (all && own) return std::min(*all, *own);
  return all ? all : own;
}

// Whether the freeze quantity bounds the order itself rather than its pieces.
bool freeze_applies(const OrderUnderCheck& check) {
  return check.instrument.freeze_quantity &&
         (!check.order.slice || piece_quantity(check.order, check.instrument).is_zero());
}

Lawful lawful_quantities(const OrderUnderCheck& check) {
  Lawful lawful{check.instrument.lot_size.units(), check.instrument.lot_size.units(), kUnitsMax};
  if (freeze_applies(check)) {
    lawful.high = std::min<int128>(lawful.high, check.instrument.freeze_quantity->units());
  }
  if (const auto limit = quantity_limit(check)) lawful.high = std::min<int128>(lawful.high, limit->units());
  return lawful;
}

void check_quantity(const OrderUnderCheck& check) {
  const Quantity qty = check.order.qty;
  const Quantity lot = check.instrument.lot_size;
  const auto broken = [&](std::string_view code, const std::string& rule) {
    check.report("qty", code, named("qty", qty) + rule + nearest(qty, lawful_quantities(check)));
  };
  if (!qty.is_positive()) {
    broken("qty.not_positive", " is not positive");
    return;
  }
  if (qty < lot) {
    broken("qty.below_lot", " is below the lot size " + lot.to_string());
  } else if (!is_multiple_of(qty, lot)) {
    broken("qty.off_lot", " is not a multiple of the lot size " + lot.to_string());
  }
  if (freeze_applies(check) && qty > *check.instrument.freeze_quantity) {
    broken("qty.above_freeze", " is above the freeze quantity " +
                                   check.instrument.freeze_quantity->to_string() +
                                   (check.order.slice ? "" : " of one order, and slice is not set"));
  }
  const auto limit = quantity_limit(check);
  if (limit && qty > *limit) {
    broken("qty.above_limit", " is above the limit of " + limit->to_string() + " per order");
  }
}

// --- prices ---------------------------------------------------------------------------------------

struct PriceRange {
  int128 low = 1;
  int128 high = kUnitsMax;
  [[nodiscard]] bool holds(Price price) const { return price.units() >= low && price.units() <= high; }
};

PriceRange band_of(const Instrument& instrument) {
  PriceRange band;
  if (instrument.price_band_low) band.low = instrument.price_band_low->units();
  if (instrument.price_band_high) band.high = instrument.price_band_high->units();
  return band;
}

// The whole units within `collar` of the last price; rounding the distance down loses no price, because
// prices are whole units themselves.
PriceRange collar_of(const OrderUnderCheck& check) {
  const auto& last = check.instrument.last_price;
  if (!check.options.price_collar || !last || !last->is_positive()) return {};
  const int128 distance =
      static_cast<int128>(last->units()) * check.options.price_collar->units() / Rate::kUnitsPerOne;
  return {std::max<int128>(last->units() - distance, 1), std::min(last->units() + distance, kUnitsMax)};
}

Lawful lawful_prices(const OrderUnderCheck& check) {
  const PriceRange band = band_of(check.instrument);
  const PriceRange collar = collar_of(check);
  return {check.instrument.tick_size.units(), std::max(band.low, collar.low),
          std::min(band.high, collar.high)};
}

// What both prices must obey. False: the price is so wrong that further rules say nothing.
bool check_price_grid(const OrderUnderCheck& check, std::string_view field, const std::string& prefix,
                      Price price, const Lawful& lawful) {
  if (!price.is_positive()) {
    check.report(field, prefix + "not_positive",
                 named(field, price) + " is not positive" + nearest(price, lawful));
    return false;
  }
  if (!is_multiple_of(price, check.instrument.tick_size)) {
    check.report(field, prefix + "off_tick",
                 named(field, price) + " is not a multiple of the tick size " +
                     check.instrument.tick_size.to_string() + nearest(price, lawful));
  }
  return true;
}

// "90 to 110", "at least 90" or "at most 110".
std::string describe(const PriceRange& range) {
  if (range.high == kUnitsMax) return "at least " + text_of<Price>(range.low);
  if (range.low <= 1) return "at most " + text_of<Price>(range.high);
  return text_of<Price>(range.low) + " to " + text_of<Price>(range.high);
}

void check_price_limit(const OrderUnderCheck& check) {
  const std::string_view field = "price_limit";
  const OrderType type = check.order.order_type;
  const bool wanted = type == OrderType::kLimit || type == OrderType::kStopLimit;
  const std::optional<Price>& price = check.order.price_limit;
  if (!price) {
    if (!wanted) return;
    check.report(field, "price.required", "a " + std::string(to_string(type)) + " order needs a price_limit");
    return;
  }
  if (!wanted) {
    check.report(field, "price.not_allowed",
                 named(field, *price) + ": a " + std::string(to_string(type)) +
                     " order has no price_limit; leave it out or use order_type limit");
    return;
  }
  const Lawful lawful = lawful_prices(check);
  if (!check_price_grid(check, field, "price.", *price, lawful)) return;
  const PriceRange band = band_of(check.instrument);
  if (!band.holds(*price)) {
    check.report(
        field, "price.outside_band",
        named(field, *price) + " is outside the price band, " + describe(band) + nearest(*price, lawful));
  }
  const PriceRange collar = collar_of(check);
  if (!collar.holds(*price)) {
    check.report(field, "price.outside_collar",
                 named(field, *price) + " is further than " + check.options.price_collar->to_string() +
                     " of the last price " + check.instrument.last_price->to_string() +
                     " away from it; allowed: " + describe(collar) + nearest(*price, lawful));
  }
}

void check_stop_price(const OrderUnderCheck& check) {
  const std::string_view field = "stop_price";
  const OrderType type = check.order.order_type;
  const bool wanted = type == OrderType::kStop || type == OrderType::kStopLimit;
  const std::optional<Price>& price = check.order.stop_price;
  if (!price) {
    if (!wanted) return;
    check.report(field, "stop_price.required",
                 "a " + std::string(to_string(type)) + " order needs a stop_price");
    return;
  }
  if (!wanted) {
    check.report(field, "stop_price.not_allowed",
                 named(field, *price) + ": a " + std::string(to_string(type)) +
                     " order has no stop_price; leave it out or use order_type stop or stop_limit");
    return;
  }
  check_price_grid(check, field, "stop_price.", *price, {check.instrument.tick_size.units(), 1, kUnitsMax});
}

// --- words ----------------------------------------------------------------------------------------

// Values outside the enumerations come from a cast in the caller's code; a parser refuses the word.
void check_side(const OrderUnderCheck& check) {
  if (check.order.side == Side::kBuy || check.order.side == Side::kSell) return;
  check.report("side", "side.invalid", "side must be BUY or SELL");
}

bool order_type_exists(const OrderUnderCheck& check) {
  return check.order.order_type <= OrderType::kStopLimit;
}

void check_order_type(const OrderUnderCheck& check) {
  if (order_type_exists(check)) return;
  check.report("order_type", "order_type.invalid", "order_type must be market, limit, stop or stop_limit");
}

void check_time_in_force(const OrderUnderCheck& check) {
  if (check.order.time_in_force <= TimeInForce::kFok) return;
  check.report("time_in_force", "time_in_force.invalid", "time_in_force must be day, gtc, ioc or fok");
}

// Somebody else's text inside ours: cut, and with nothing in it that a terminal could act on.
std::string in_quotes(std::string_view text) {
  constexpr std::size_t kQuotedMax = 40;
  std::string out = "\"";
  for (const char c : text.substr(0, kQuotedMax)) out += c >= ' ' && c <= '~' ? c : '?';
  out += text.size() > kQuotedMax ? "...\"" : "\"";
  return out;
}

void check_broker(const OrderUnderCheck& check) {
  const std::vector<std::string>& brokers = check.snapshot.brokers;
  const std::string& name = check.order.broker;
  if (name.empty() || std::find(brokers.begin(), brokers.end(), name) != brokers.end()) return;
  std::string known;
  for (const std::string& broker : brokers) known += (known.empty() ? "" : ", ") + broker;
  check.report("broker", "broker.unknown",
               "there is no broker " + in_quotes(name) + "; " +
                   (known.empty() ? "none is configured" : "leave it out or use one of: " + known));
}

}  // namespace

void OrderUnderCheck::report(std::string_view field, std::string_view code, std::string message,
                             Severity severity) const {
  violations.push_back({index, std::string(field), std::string(code), std::move(message), severity});
}

void check_order_rules(const OrderUnderCheck& check) {
  const bool instrument_ok = check_instrument(check);
  if (instrument_ok) check_quantity(check);
  check_side(check);
  if (instrument_ok && order_type_exists(check)) {
    check_price_limit(check);
    check_stop_price(check);
  }
  check_order_type(check);
  check_time_in_force(check);
  check_broker(check);
}

}  // namespace orchestrator
