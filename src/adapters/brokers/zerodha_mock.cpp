// zerodha-mock: what is Kite's own about a mock broker.
//
// Order ids are the Indian date (YYMMDD) and a counter of nine digits that the ledger keeps. Our id is only
// a tag: the same tag twice makes two orders, and the list it is found in ends with the Indian day. There is
// no word for a partial execution, and an instrument refused by the risk desk leaves a REJECTED order behind.

#include <algorithm>
#include <array>
#include <charconv>

#include "adapters/brokers/mock_broker.hpp"

namespace orchestrator {

namespace {

using brokers::LedgerOrder;

constexpr std::size_t kTagSizeMax = 20;
constexpr std::chrono::minutes kIndia{330};

Date day_in_india(Timestamp at) { return std::chrono::floor<std::chrono::days>(at + kIndia); }

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

class Zerodha final : public brokers::Personality {
 public:
  [[nodiscard]] BrokerCapabilities capabilities() const override {
    BrokerCapabilities capabilities;
    capabilities.name = "zerodha-mock";
    capabilities.account = "mock";
    capabilities.broker_class = BrokerClass::kTagEcho;
    capabilities.replaces = true;
    capabilities.reports_name_our_id = true;
    capabilities.utc_offset = kIndia;
    capabilities.calendar = "NSE";
    return capabilities;
  }

  [[nodiscard]] brokers::StatusWords words() const override {
    return {.working = "OPEN",
            .partially_filled = "OPEN",
            .filled = "COMPLETE",
            .cancelled = "CANCELLED",
            .rejected = "REJECTED"};
  }

  [[nodiscard]] OrderStatus status_of(const LedgerOrder& order) const override {
    const std::string& word = order.state.status;
    if (word == "COMPLETE") return OrderStatus::kFilled;
    if (word == "CANCELLED") return OrderStatus::kCancelled;
    if (word == "REJECTED") return OrderStatus::kRejected;
    return order.state.fill_qty.is_zero() ? OrderStatus::kAcked : OrderStatus::kPartiallyFilled;
  }

  [[nodiscard]] std::string client_order_id_error(const std::string& tag) const override {
    if (!tag.empty() && tag.size() <= kTagSizeMax && std::ranges::all_of(tag, is_alphanumeric)) return {};
    return "tag must be 1 to 20 letters and digits";
  }

  [[nodiscard]] std::string ext_order_id(std::int64_t number, const std::string& /*tag*/,
                                         std::uint64_t /*seed*/, Timestamp now) const override {
    const std::chrono::year_month_day day(day_in_india(now));
    std::string id;
    append_padded(id, static_cast<int>(day.year()) % 100, 2);
    append_padded(id, static_cast<unsigned>(day.month()), 2);
    append_padded(id, static_cast<unsigned>(day.day()), 2);
    append_padded(id, number, 9);
    return id;
  }

  // An exchange's trade number is unique for a day only; with the order's id before it, for ever.
  [[nodiscard]] std::string execution_id(const std::string& ext_order_id, std::int32_t number,
                                         std::uint64_t /*seed*/) const override {
    return ext_order_id + "-" + std::to_string(number);
  }

  [[nodiscard]] std::optional<Timestamp> book_from(Timestamp now) const override {
    return Timestamp(day_in_india(now)) - kIndia;
  }
  [[nodiscard]] bool keeps_refused() const override { return true; }
  [[nodiscard]] bool names_changes() const override { return false; }

 private:
  template <class Number>
  static void append_padded(std::string& text, Number number, std::size_t width) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    const auto size = static_cast<std::size_t>(end - digits.data());
    text.append(size < width ? width - size : 0, '0').append(digits.data(), size);
  }
};

}  // namespace

std::unique_ptr<BrokerConnector> make_zerodha_mock(const MockBrokerOptions& options, Clock& clock) {
  return std::make_unique<brokers::MockBroker>(std::make_unique<Zerodha>(), options, clock);
}

}  // namespace orchestrator
