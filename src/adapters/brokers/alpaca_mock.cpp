// alpaca-mock: what is Alpaca's own about a mock broker.
//
// Ids of orders and executions have the shape of a UUID version 4 and follow from the seed and the client
// order id, which is unique for good. A change carries a client order id of its own, which finds the order
// afterwards as well; unlike the real service, the mock keeps the order's id through a change.

#include <array>
#include <bit>
#include <cstring>

#include "adapters/brokers/mock_broker.hpp"

namespace orchestrator {

namespace {

using brokers::LedgerOrder;

constexpr std::size_t kClientOrderIdSizeMax = 48;
constexpr std::size_t kWordSize = sizeof(std::uint64_t);

// The finisher of splitmix64: a bijection in which every input bit moves about half of the output's.
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

// Up to eight bytes as a number, the first the lowest, so that every machine agrees.
std::uint64_t word_of(std::string_view piece) {
  std::uint64_t word = 0;
  std::memcpy(&word, piece.data(), piece.size());
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

// One of two independent 64-bit hashes.
std::uint64_t hash(std::uint64_t start, std::string_view text, std::uint64_t number) {
  std::uint64_t state = mix(start ^ text.size());
  const auto take = [&state](std::uint64_t word) { state = mix(state ^ word) + 0x9e3779b97f4a7c15U; };
  for (; text.size() >= kWordSize; text.remove_prefix(kWordSize)) take(word_of({text.data(), kWordSize}));
  if (!text.empty()) take(word_of(text));
  return mix(state ^ number);
}

std::string make_uuid(std::uint64_t seed, std::string_view text, std::uint64_t number) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  std::array<std::uint64_t, 2> bits = {hash(mix(seed + 1), text, number), hash(mix(~seed), text, number)};
  bits[0] = (bits[0] & ~std::uint64_t{0xf000}) | 0x4000;                           // version 4
  bits[1] = (bits[1] & ~(std::uint64_t{0xc} << 60)) | (std::uint64_t{0x8} << 60);  // variant 1
  std::string uuid(36, '-');
  char* at = uuid.data();
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) ++at;
    const std::uint64_t byte = bits[i < 8 ? 0 : 1] >> (56 - i % 8 * 8);
    *at++ = kHexDigits[byte >> 4 & 0xf];
    *at++ = kHexDigits[byte & 0xf];
  }
  return uuid;
}

class Alpaca final : public brokers::Personality {
 public:
  [[nodiscard]] BrokerCapabilities capabilities() const override {
    BrokerCapabilities capabilities;
    capabilities.name = "alpaca-mock";
    capabilities.account = "mock";
    capabilities.broker_class = BrokerClass::kEnforced;
    capabilities.replaces = true;
    capabilities.reports_name_our_id = true;
    capabilities.utc_offset = std::chrono::minutes{-300};
    capabilities.calendar = "NYSE";
    return capabilities;
  }

  [[nodiscard]] brokers::StatusWords words() const override {
    return {.working = "new",
            .partially_filled = "partially_filled",
            .filled = "filled",
            .cancelled = "canceled",
            .rejected = "rejected"};
  }

  [[nodiscard]] OrderStatus status_of(const LedgerOrder& order) const override {
    const std::string& word = order.state.status;
    if (word == "partially_filled") return OrderStatus::kPartiallyFilled;
    if (word == "filled") return OrderStatus::kFilled;
    if (word == "canceled") return OrderStatus::kCancelled;
    if (word == "expired") return OrderStatus::kExpired;
    if (word == "rejected") return OrderStatus::kRejected;
    return order.state.fill_qty.is_zero() ? OrderStatus::kAcked : OrderStatus::kPartiallyFilled;
  }

  [[nodiscard]] std::string client_order_id_error(const std::string& client_order_id) const override {
    if (!client_order_id.empty() && client_order_id.size() <= kClientOrderIdSizeMax) return {};
    return "client_order_id must have 1 to 48 characters";
  }

  [[nodiscard]] std::string ext_order_id(std::int64_t /*number*/, const std::string& client_order_id,
                                         std::uint64_t seed, Timestamp /*now*/) const override {
    return make_uuid(seed, client_order_id, 0);
  }

  [[nodiscard]] std::string execution_id(const std::string& ext_order_id, std::int32_t number,
                                         std::uint64_t seed) const override {
    return make_uuid(seed, ext_order_id, static_cast<std::uint64_t>(number));
  }

  [[nodiscard]] std::optional<Timestamp> book_from(Timestamp /*now*/) const override { return std::nullopt; }
  [[nodiscard]] bool keeps_refused() const override { return false; }
  [[nodiscard]] bool names_changes() const override { return true; }
};

}  // namespace

std::unique_ptr<BrokerConnector> make_alpaca_mock(const MockBrokerOptions& options, Clock& clock) {
  return std::make_unique<brokers::MockBroker>(std::make_unique<Alpaca>(), options, clock);
}

}  // namespace orchestrator
