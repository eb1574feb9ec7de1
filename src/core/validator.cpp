// Validation of a batch: the rules of each order by itself, then what the batch takes of its portfolio.
//
// Invariants: the result is a function of request, options and snapshot alone; nothing is thrown for any
// request; amounts that could not be booked are violations before they are added to anything. A clean order
// costs no allocation.

#include "orchestrator/validator.hpp"

#include <algorithm>
#include <limits>

#include "core/duplicates.hpp"
#include "core/exposure.hpp"
#include "core/order_rules.hpp"
#include "core/request_identity.hpp"
#include "core/slicer.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator {

namespace {

// Differences and sums with figures of the snapshot, which may be anything: the nearest representable
// amount is as good as the true one, because it is only compared.
Money saturated(int128 units, bool overflowed, bool towards_minus) {
  if (!overflowed) return Money::from_units(units);
  return towards_minus ? Money::min() : Money::max();
}

Money add_saturated(Money left, Money right) {
  int128 units = 0;
  const bool overflowed = __builtin_add_overflow(left.units(), right.units(), &units);
  return saturated(units, overflowed, right.is_negative());
}

Money subtract_saturated(Money left, Money right) {
  int128 units = 0;
  const bool overflowed = __builtin_sub_overflow(left.units(), right.units(), &units);
  return saturated(units, overflowed, right.is_positive());
}

// "; at this price at most qty 120 fits": how much of an order a limit would let through.
std::string largest_fitting(const OrderRequest& order, const Instrument& instrument, Money limit) {
  const std::optional<Price> price = reference_price(order, instrument);
  const int128 per_unit = static_cast<int128>(price->units()) * instrument.multiplier;
  if (limit.units() < per_unit) return "";
  const int128 qty = std::min<int128>(limit.units() / per_unit, Quantity::max().units());
  const auto lots = static_cast<std::int64_t>(qty) / instrument.lot_size.units();
  if (lots == 0) return "";
  const Quantity fitting = Quantity::from_units(lots * instrument.lot_size.units());
  return "; at this price at most qty " + fitting.to_string() + " fits";
}

// What the orders of the batch take of their portfolio, filled in request order.
class BatchExposure {
 public:
  explicit BatchExposure(const ValidationSnapshot& snapshot)
      : limits_(snapshot.limits), reserved_(snapshot.usage.margin_reserved) {
    const auto today = std::chrono::floor<std::chrono::days>(snapshot.now);
    if (snapshot.usage.day == today) day_notional_ = snapshot.usage.day_notional;
    needs_price_ = limits_.margin_available || limits_.max_notional_order || limits_.max_notional_batch ||
                   limits_.max_notional_day;
  }

  // Reports what the order breaks, and takes its share unless it breaks a rule of its own. `notional` and
  // `margin` are what it takes.
  void add(const OrderUnderCheck& check, Money& notional, Money& margin) {
    const std::optional<Price> price = reference_price(check.order, check.instrument);
    if (!price) {
      if (needs_price_) report_unpriced(check);
      return;
    }
    const auto own_notional = notional_of(*price, check.order.qty, check.instrument.multiplier);
    const auto own_margin = own_notional ? margin_of(*own_notional, limits_.margin_rate) : std::nullopt;
    // Both totals must stay bookable too, on top of what the portfolio uses already.
    if (!own_margin || !fits(notional_, *own_notional, day_notional_) ||
        !fits(margin_, *own_margin, reserved_)) {
      report_too_large(check, *price);
      return;
    }
    if (limits_.max_notional_order && *own_notional > *limits_.max_notional_order) {
      report_order_limit(check, *own_notional);
      return;
    }
    notional = *own_notional;
    margin = *own_margin;
    notional_ += notional;
    margin_ += margin;
    check_totals(check);
  }

 private:
  // The first condition keeps the totals small enough to be added to, whatever `used` is.
  static bool fits(Money total, Money more, Money used) {
    return total + more <= kBookableMax && add_saturated(total + more, used) <= kBookableMax;
  }

  void check_totals(const OrderUnderCheck& check) const {
    if (limits_.max_notional_batch && notional_ > *limits_.max_notional_batch) {
      check.report("", "notional.batch_limit",
                   "the batch's notional up to this order is " + notional_.to_string() + ", its limit " +
                       limits_.max_notional_batch->to_string() + "; drop or reduce orders by " +
                       subtract_saturated(notional_, *limits_.max_notional_batch).to_string());
    }
    const Money day = add_saturated(day_notional_, notional_);
    if (limits_.max_notional_day && day > *limits_.max_notional_day) {
      check.report("", "notional.day_limit",
                   "the portfolio's notional of the day up to this order is " + day.to_string() + " (" +
                       day_notional_.to_string() + " before this batch), its limit " +
                       limits_.max_notional_day->to_string());
    }
    if (!limits_.margin_available) return;
    const Money free = subtract_saturated(*limits_.margin_available, reserved_);
    if (margin_ <= free) return;
    check.report("", "margin.insufficient",
                 "the batch up to this order needs a margin of " + margin_.to_string() + ", and " +
                     free.to_string() + " is free (" + limits_.margin_available->to_string() +
                     " available, " + reserved_.to_string() +
                     " reserved); missing: " + subtract_saturated(margin_, free).to_string());
  }

  static void report_unpriced(const OrderUnderCheck& check) {
    check.report("", "notional.unpriced",
                 "a notional or margin limit is set, and a " +
                     std::string(to_string(check.order.order_type)) +
                     " order of an instrument without a last price cannot be valued; give the instrument a "
                     "last_price or use a limit order");
  }

  static void report_too_large(const OrderUnderCheck& check, Price price) {
    check.report("", "notional.too_large",
                 check.order.qty.to_string() + " x " + price.to_string() + " x multiplier " +
                     std::to_string(check.instrument.multiplier) +
                     ", or its margin, with the orders before it and what the portfolio uses already, is "
                     "more than " +
                     kBookableMax.to_string() + ", the largest amount that can be booked");
  }

  void report_order_limit(const OrderUnderCheck& check, Money notional) const {
    const Money limit = *limits_.max_notional_order;
    check.report("", "notional.order_limit",
                 "the order's notional " + notional.to_string() + " is above the limit of " +
                     limit.to_string() + " per order" +
                     largest_fitting(check.order, check.instrument, limit));
  }

  const PortfolioLimits& limits_;
  Money reserved_;
  Money day_notional_;
  bool needs_price_ = false;
  Money notional_;
  Money margin_;
};

class RuleValidator final : public Validator {
 public:
  explicit RuleValidator(const ValidationOptions& options) : options_(options) {
    if (options_.orders_max == 0) {
      throw Error(ErrorCode::kConfiguration, "orders_max must be at least 1: no batch would be accepted");
    }
    if (options_.price_collar && options_.price_collar->is_negative()) {
      throw Error(ErrorCode::kConfiguration, "price_collar must not be negative; 0.2 allows 20 %");
    }
    if (options_.max_quantity && !options_.max_quantity->is_positive()) {
      throw Error(ErrorCode::kConfiguration, "max_quantity must be positive; leave it out for no limit");
    }
    options_.orders_max = std::min(options_.orders_max, kClientOrderIndexMax + 1);
  }

  [[nodiscard]] ValidationResult validate(const BatchRequest& request,
                                          const ValidationSnapshot& snapshot) const override {
    ValidationResult result;
    result.margins.resize(request.orders.size());
    result.notionals.resize(request.orders.size());
    if (check_batch(request, snapshot, result.violations)) check_orders(request, snapshot, result);
    return result;
  }

 private:
  // False: the orders are not worth looking at, or too many to.
  bool check_batch(const BatchRequest& request, const ValidationSnapshot& snapshot,
                   std::vector<Violation>& violations) const {
    const auto report = [&violations](const char* field, const char* code, const std::string& message) {
      violations.push_back({Violation::kWholeBatch, field, code, message, Severity::kError});
    };
    if (request.portfolio_id <= 0) {
      report("portfolio_id", "portfolio.invalid",
             "portfolio_id " + std::to_string(request.portfolio_id) + " is not a positive number");
    }
    const bool rate_ok = !snapshot.limits.margin_rate.is_negative();
    if (!rate_ok) {
      report("portfolio_id", "portfolio.invalid",
             "the margin_rate " + snapshot.limits.margin_rate.to_string() +
                 " of the portfolio's limits is negative; correct the limits");
    }
    if (request.orders.empty()) {
      report("orders", "batch.empty", "orders is empty; a batch needs at least one order");
      return false;
    }
    if (!within_orders_max(request, snapshot)) {
      report("orders", "batch.too_large",
             "the batch has more than " + std::to_string(options_.orders_max) +
                 " orders, counting the slices of large ones (" + std::to_string(request.orders.size()) +
                 " as written); split it");
      return false;
    }
    return rate_ok;
  }

  bool within_orders_max(const BatchRequest& request, const ValidationSnapshot& snapshot) const {
    if (request.orders.size() > options_.orders_max) return false;
    auto room = static_cast<std::int64_t>(options_.orders_max - request.orders.size());
    for (const OrderRequest& order : request.orders) {
      if (!order.slice) continue;
      room -=
          std::min(piece_count(order, instrument_or_default(snapshot, order.instrument_id)) - 1, room + 1);
      if (room < 0) return false;
    }
    return true;
  }

  void check_orders(const BatchRequest& request, const ValidationSnapshot& snapshot,
                    ValidationResult& result) const {
    BatchExposure exposure(snapshot);
    std::optional<DuplicateFinder> duplicates;
    if (options_.duplicates != DuplicatePolicy::kAllow) {
      duplicates.emplace(request, snapshot, options_.duplicate_window);
    }
    for (std::size_t i = 0; i < request.orders.size(); ++i) {
      const OrderRequest& order = request.orders[i];
      const Instrument& instrument = instrument_or_default(snapshot, order.instrument_id);
      const OrderUnderCheck check{i, order, instrument, options_, snapshot, result.violations};
      const std::size_t before = result.violations.size();
      check_order_rules(check);
      if (duplicates) check_duplicates(check, *duplicates);
      if (has_errors_since(result, before)) continue;
      exposure.add(check, result.notionals[i], result.margins[i]);
      if (has_errors_since(result, before)) result.notionals[i] = result.margins[i] = Money();
    }
  }

  static bool has_errors_since(const ValidationResult& result, std::size_t first) {
    return std::any_of(result.violations.begin() + static_cast<std::ptrdiff_t>(first),
                       result.violations.end(),
                       [](const Violation& violation) { return violation.severity == Severity::kError; });
  }

  void check_duplicates(const OrderUnderCheck& check, const DuplicateFinder& duplicates) const {
    const Severity severity =
        options_.duplicates == DuplicatePolicy::kRefuse ? Severity::kError : Severity::kWarning;
    if (const auto earlier = duplicates.earlier_in_batch(check.index, check.instrument)) {
      check.report("", "duplicate.in_batch",
                   "equal to order " + std::to_string(*earlier) +
                       " of this batch in instrument, side, quantity and price; drop one or merge them",
                   severity);
    }
    if (const Order* recent = duplicates.recent(check.index, check.instrument)) {
      check.report("", "duplicate.recent",
                   "equal in instrument, side, quantity and price to order " + std::to_string(recent->id) +
                       " of batch " + std::to_string(recent->batch_id) + ", which was accepted within " +
                       std::to_string(options_.duplicate_window.count()) + " s",
                   severity);
    }
  }

  ValidationOptions options_;
};

}  // namespace

bool ValidationResult::has_errors() const {
  return std::any_of(violations.begin(), violations.end(),
                     [](const Violation& violation) { return violation.severity == Severity::kError; });
}

bool ValidationResult::order_has_errors(std::size_t index) const {
  return std::any_of(violations.begin(), violations.end(), [index](const Violation& violation) {
    return violation.order_index == index && violation.severity == Severity::kError;
  });
}

std::unique_ptr<Validator> make_validator(const ValidationOptions& options) {
  return std::make_unique<RuleValidator>(options);
}

}  // namespace orchestrator
