// Notional and margin of an order. Invariant: an amount that cannot be booked is an answer, never an
// exception and never a wrapped number.

#include "core/exposure.hpp"

#include "orchestrator/error.hpp"

namespace orchestrator {

std::optional<Price> reference_price(const OrderRequest& order, const Instrument& instrument) {
  if (order.price_limit) return order.price_limit;
  if (order.stop_price) return order.stop_price;
  if (instrument.last_price && instrument.last_price->is_positive()) return instrument.last_price;
  return std::nullopt;
}

std::optional<Money> notional_of(Price price, Quantity qty, std::int64_t multiplier) {
  int128 units = (price * qty).units();
  if (multiplier != 1 && __builtin_mul_overflow(units, static_cast<int128>(multiplier), &units)) {
    return std::nullopt;
  }
  const Money notional = Money::from_units(units);
  if (notional > kBookableMax) return std::nullopt;
  return notional;
}

std::optional<Money> margin_of(Money notional, Rate margin_rate) {
  constexpr Rate kOne = Rate::from_int(1);
  if (margin_rate == kOne) return notional;  // the default model, without a division
  try {
    const Money margin = scale(notional, margin_rate, Rounding::kUp);
    if (margin > kBookableMax) return std::nullopt;
    return margin;
  } catch (const Error&) {
    return std::nullopt;  // past 128 bits, which only a rate far above one can reach
  }
}

}  // namespace orchestrator
