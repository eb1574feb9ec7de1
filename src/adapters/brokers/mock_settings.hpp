// The settings of a mock broker, read from MockBrokerOptions::config_json.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "adapters/brokers/fault_script.hpp"
#include "orchestrator/broker_connector.hpp"

namespace orchestrator::brokers {

enum class FillModel : std::uint8_t { kNone, kImmediate, kPartial, kAtLimit, kSlippage };

struct MockSettings {
  std::uint64_t seed = 1;
  FillModel fill_model = FillModel::kNone;
  std::int64_t slippage_bps = 5;
  Price market_price = Price::from_int(100);
  Money fee_per_order;
  Rate fee_rate;
  FaultScript faults;
};

// Reads `config_json` over the defaults; what concerns capabilities goes there. Throws Error(configuration)
// naming the field.
[[nodiscard]] MockSettings read_mock_settings(const std::string& config_json,
                                              BrokerCapabilities& capabilities);

// What a mock charges for one execution of `qty` at `price`. Throws Error(number_overflow).
[[nodiscard]] Money execution_fees(const MockSettings& settings, Price price, Quantity qty,
                                   std::int64_t multiplier, bool first_of_order);

// The price at which a fill model executes an order.
[[nodiscard]] Price model_price(const MockSettings& settings, Side side,
                                const std::optional<Price>& price_limit);

// How much the model "partial" executes at once: half, rounded down to whole units, but at least one unit of
// more than one.
[[nodiscard]] Quantity first_part(Quantity qty);

}  // namespace orchestrator::brokers
