// Pure: settings text to values, and the figures that follow from them.

#include "adapters/brokers/mock_settings.hpp"

#include <algorithm>
#include <optional>

#include "codec/json_value.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::brokers {

namespace {

constexpr int kFeeDecimals = 2;
constexpr std::int64_t kBasisPoints = 10'000;

FillModel read_fill_model(const codec::Settings& settings) {
  const std::string word = settings.text("fill_model").value_or("none");
  if (word == "none") return FillModel::kNone;
  if (word == "immediate") return FillModel::kImmediate;
  if (word == "partial") return FillModel::kPartial;
  if (word == "at_limit") return FillModel::kAtLimit;
  if (word == "slippage") return FillModel::kSlippage;
  settings.refuse("fill_model", "is " + codec::quote_for_message(word) +
                                    "; use none, immediate, partial, at_limit or slippage");
}

void read_capabilities(const codec::Settings& settings, BrokerCapabilities& capabilities) {
  constexpr std::int64_t kDayMs = 86'400'000;
  capabilities.quiet_period =
      std::chrono::milliseconds(settings.integer("quiet_period_ms", 0, kDayMs).value_or(500));
  capabilities.settlement_days =
      static_cast<std::int32_t>(settings.integer("settlement_days", 0, 30).value_or(1));
  capabilities.orders_max = static_cast<std::size_t>(settings.integer("orders_max", 1, 10'000).value_or(100));
  if (const auto calendar = settings.text("calendar")) {
    if (calendar->empty()) settings.refuse("calendar", "is empty; name a holiday calendar");
    capabilities.calendar = *calendar;
  }
}

}  // namespace

MockSettings read_mock_settings(const std::string& config_json, BrokerCapabilities& capabilities) {
  const codec::Settings settings = codec::Settings::parse(config_json, capabilities.name);
  settings.refuse_unknown({"seed", "fill_model", "slippage_bps", "market_price", "fee_per_order", "fee_rate",
                           "quiet_period_ms", "settlement_days", "calendar", "orders_max", "fault_script"});
  read_capabilities(settings, capabilities);
  MockSettings read;
  read.seed = static_cast<std::uint64_t>(settings.integer("seed").value_or(1));
  read.faults = FaultScript::parse(settings.text("fault_script").value_or(""), read.seed,
                                   capabilities.name + ": fault_script");
  read.fill_model = read_fill_model(settings);
  read.slippage_bps = settings.integer("slippage_bps", 0, kBasisPoints - 1).value_or(read.slippage_bps);
  read.market_price = settings.decimal<Price>("market_price").value_or(read.market_price);
  if (!read.market_price.is_positive()) settings.refuse("market_price", "must be above 0");
  read.fee_per_order = settings.decimal<Money>("fee_per_order").value_or(read.fee_per_order);
  if (read.fee_per_order.is_negative()) settings.refuse("fee_per_order", "must not be negative");
  read.fee_rate = settings.decimal<Rate>("fee_rate").value_or(read.fee_rate);
  if (read.fee_rate.is_negative() || read.fee_rate > Rate::from_int(1)) {
    settings.refuse("fee_rate", "must be from 0 to 1 (0.001 is a tenth of a percent)");
  }
  return read;
}

Money execution_fees(const MockSettings& settings, Price price, Quantity qty, std::int64_t multiplier,
                     bool first_of_order) {
  Money fees;
  if (!settings.fee_rate.is_zero()) {
    const Money notional = scale(price * qty, Rate::from_int(multiplier), Rounding::kDown);
    // Cutting first and rounding a tie up afterwards gives the same digits as rounding the exact product.
    const Money exact = scale(notional, settings.fee_rate, Rounding::kDown);
    fees = Money::from_string(exact.format_fixed(kFeeDecimals, Rounding::kHalfUp));
  }
  if (first_of_order) fees += settings.fee_per_order;
  return fees;
}

Price model_price(const MockSettings& settings, Side side, const std::optional<Price>& price_limit) {
  const Price base = price_limit.value_or(settings.market_price);
  if (settings.fill_model != FillModel::kSlippage) return base;
  // Against the order and never in its favour: a buy rounds up, a sale down. Clamped to what a price can be.
  const int128 share =
      side == Side::kBuy ? kBasisPoints + settings.slippage_bps : kBasisPoints - settings.slippage_bps;
  const int128 product = int128{base.units()} * share;
  const int128 units = (product + (side == Side::kBuy ? kBasisPoints - 1 : 0)) / kBasisPoints;
  return Price::from_units(std::clamp<int128>(units, 1, Price::max().units()));
}

Quantity first_part(Quantity qty) {
  const Quantity one = Quantity::from_int(1);
  const std::int64_t whole_units = qty.units() / 2 / Quantity::kUnitsPerOne;
  if (whole_units == 0 && qty > one) return one;
  return Quantity::from_int(whole_units);
}

}  // namespace orchestrator::brokers
