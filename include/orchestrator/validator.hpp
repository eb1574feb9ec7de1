// Validator: every violation of every order at once. Pure: it sees a snapshot and nothing else.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/order.hpp"

namespace orchestrator {

enum class DuplicatePolicy : std::uint8_t { kAllow, kWarn, kRefuse };

// Limits that hold for every portfolio.
struct ValidationOptions {
  std::size_t orders_max = 10'000;  // of one batch, after slicing; the hard limit is 32,768
  bool strict = false;              // true: an instrument without a row is a violation
  // Largest distance of price_limit from the instrument's last price, as a fraction of it (0.2 = 20 %).
  // Not checked when absent or when the instrument has no last price.
  std::optional<Rate> price_collar = {};
  std::optional<Quantity> max_quantity = {};  // per order; a portfolio's own limit may be tighter
  // An order equal in portfolio, instrument, side, quantity and prices to one accepted within the window
  // (unless that has ended without executing anything), or to an earlier one of the same batch. A window of
  // zero looks at the same batch only.
  DuplicatePolicy duplicates = DuplicatePolicy::kWarn;
  std::chrono::seconds duplicate_window{0};
};

// Instruments by id, side by side in memory: a request has one for each order, and looks them up more than
// once.
class InstrumentTable {
 public:
  void reserve(std::size_t count) {
    ids_.reserve(count);
    rows_.reserve(count);
  }
  // nullptr: there is no such row. Valid until another one is added.
  [[nodiscard]] const Instrument* find(InstrumentId id) const {
    const std::size_t at = place_of(id);
    return at == ids_.size() || ids_[at] != id ? nullptr : &rows_[at];
  }
  // Added with the defaults of an instrument if it is not there. Quick for ascending ids.
  Instrument& operator[](InstrumentId id) {
    const std::size_t at = place_of(id);
    if (at < ids_.size() && ids_[at] == id) return rows_[at];
    ids_.insert(ids_.begin() + static_cast<std::ptrdiff_t>(at), id);
    return *rows_.emplace(rows_.begin() + static_cast<std::ptrdiff_t>(at));
  }

 private:
  // Of the first id that is not below this one.
  [[nodiscard]] std::size_t place_of(InstrumentId id) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(ids_, id) - ids_.begin());
  }

  std::vector<InstrumentId> ids_;  // ascending
  std::vector<Instrument> rows_;   // [i] is that of ids_[i]
};

// What the validator may look at.
struct ValidationSnapshot {
  InstrumentTable instruments;  // those of the request that have a row
  PortfolioLimits limits;       // the portfolio's, or the defaults
  PortfolioUsage usage;
  std::vector<Order> recent_orders;  // candidates for duplicates inside the window
  std::vector<std::string> brokers;  // names that `broker` may take
  Timestamp now;
};

struct ValidationResult {
  // Those of the whole batch first, then by order: the fields as OrderRequest lists them, what concerns
  // the order as a whole last. Warnings are among them.
  std::vector<Violation> violations;
  // Per order of the request: the margin to reserve and the notional, zero for an order in violation.
  std::vector<Money> margins;
  std::vector<Money> notionals;

  [[nodiscard]] bool has_errors() const;
  [[nodiscard]] bool order_has_errors(std::size_t index) const;
};

// Codes (stable): side.invalid, order_type.invalid, time_in_force.invalid, qty.not_positive, qty.below_lot,
// qty.off_lot, qty.above_freeze, qty.above_limit, price.required, price.not_allowed, price.not_positive,
// price.off_tick, price.outside_band, price.outside_collar, stop_price.required, stop_price.not_allowed,
// stop_price.not_positive, stop_price.off_tick, notional.order_limit, notional.batch_limit,
// notional.day_limit, notional.unpriced (a limit needs a price and there is none), notional.too_large (more
// than can be booked), margin.insufficient, instrument.unknown, instrument.invalid (its row is at fault, not
// the order), broker.unknown, broker.unavailable (found when routing), portfolio.invalid, batch.empty,
// batch.too_large, duplicate.in_batch, duplicate.recent. A violation of the whole batch has the field
// "orders" or "portfolio_id" and order_index Violation::kWholeBatch; the orders of an empty or too large
// batch are not looked at.
//
// An order is priced at its price_limit, a stop order at its stop_price and a market order at the
// instrument's last price. Margin and the limits of the batch and the day are filled order by order: the
// first order that no longer fits and every one after it are in violation. An order that breaks a rule of
// its own takes nothing of them.
//
// validate() does not throw, whatever the request. Called from any thread.
class Validator {
 public:
  virtual ~Validator() = default;
  [[nodiscard]] virtual ValidationResult validate(const BatchRequest& request,
                                                  const ValidationSnapshot& snapshot) const = 0;
};

// Throws Error(configuration) for options that no order can satisfy.
[[nodiscard]] std::unique_ptr<Validator> make_validator(const ValidationOptions& options = {});

}  // namespace orchestrator
