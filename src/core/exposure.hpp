// What an order weighs: its notional and the margin that the mock margin model asks for it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "orchestrator/order.hpp"

namespace orchestrator {

// The largest amount that fits the two columns it is stored in (see Money::whole).
inline constexpr Money kBookableMax =
    Money::from_parts(std::numeric_limits<std::int64_t>::max(), 999'999'999'999'999'999);

// What the order is valued at before it executes: its limit price, its stop price, or the instrument's last
// price; nullopt when it has none of them.
[[nodiscard]] std::optional<Price> reference_price(const OrderRequest& order, const Instrument& instrument);

// price x qty x multiplier, all three positive; nullopt: more than can be booked.
[[nodiscard]] std::optional<Money> notional_of(Price price, Quantity qty, std::int64_t multiplier);

// The margin for that much notional: notional x margin_rate, rounded up; nullopt: more than can be booked.
// The rate is not negative.
[[nodiscard]] std::optional<Money> margin_of(Money notional, Rate margin_rate);

}  // namespace orchestrator
