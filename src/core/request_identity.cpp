// The canonical form of a request:
//
//   request := version:u8 (= 1) portfolio_id:i64 user_id:i64 policy:u8 count:u64 order*
//   order   := instrument_id:i64 side:u8 qty:i64 price_limit:price? stop_price:price? order_type:u8
//              time_in_force:u8 broker:text slice:u8
//   price?  := 0x00 | 0x01 units:i64
//   text    := size:u64 byte*
//
// Integers are big-endian, quantities and prices their scaled units, enumerations their number in
// declaration order. Every field has a fixed size or says its own, so no two requests share their bytes.
//
// The hash behind client order ids is the SHA-256 of tenant:text operation:text key:text.
//
// Invariant: fingerprints and client order ids are stored and compared across releases. A change to any of
// this needs a new version byte, and the ids must never change at all: the tests pin both.

#include "core/request_identity.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <exception>
#include <random>

#include "core/sha256.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kPlaceOperation = "place";
constexpr std::size_t kRequestHeadSize = 26;  // of what stands before the orders
constexpr std::size_t kOrderSizeMax = 46;     // the broker's name apart
constexpr std::size_t kDeploymentSize = 2;
constexpr int kHashCharacters = 14;
constexpr int kIndexCharacters = 3;

// These write where `out` points, and move it on.
void put_u8(char*& out, std::uint8_t value) { *out++ = static_cast<char>(value); }

void put_bytes(char*& out, std::string_view bytes) {
  std::memcpy(out, bytes.data(), bytes.size());
  out += bytes.size();
}

void put_u64(char*& out, std::uint64_t value) {
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  std::memcpy(out, &value, sizeof value);
  out += sizeof value;
}

void put_i64(char*& out, std::int64_t value) { put_u64(out, static_cast<std::uint64_t>(value)); }

void put_price(char*& out, const std::optional<Price>& price) {
  put_u8(out, price ? 1 : 0);
  if (price) put_i64(out, price->units());
}

void put_text(char*& out, std::string_view text) {
  put_u64(out, text.size());
  put_bytes(out, text);
}

void put_order(char*& out, const OrderRequest& order) {
  put_i64(out, order.instrument_id);
  put_u8(out, static_cast<std::uint8_t>(order.side));
  put_i64(out, order.qty.units());
  put_price(out, order.price_limit);
  put_price(out, order.stop_price);
  put_u8(out, static_cast<std::uint8_t>(order.order_type));
  put_u8(out, static_cast<std::uint8_t>(order.time_in_force));
  put_text(out, order.broker);
  put_u8(out, order.slice ? 1 : 0);
}

// What `put(out)` writes, which is at most `size_max`.
template <class Put>
std::string bytes_of(std::size_t size_max, Put&& put) {
  std::string bytes(size_max, '\0');
  char* end = bytes.data();
  put(end);
  bytes.resize(static_cast<std::size_t>(end - bytes.data()));
  return bytes;
}

char generation_character(int generation) {
  if (generation < 0) {
    throw Error(ErrorCode::kInvalidArgument, "the generation of a client order id cannot be negative");
  }
  if (generation > kReplaceGenerationMax) {
    throw Error(ErrorCode::kLimitExceeded, "an order can be replaced at most " +
                                               std::to_string(kReplaceGenerationMax) +
                                               " times; cancel it and place a new one");
  }
  return kBase32Digits[static_cast<std::size_t>(generation)];
}

}  // namespace

std::string canonical_form(const BatchRequest& request) {
  std::size_t size_max = kRequestHeadSize;
  for (const OrderRequest& order : request.orders) size_max += kOrderSizeMax + order.broker.size();
  return bytes_of(size_max, [&](char*& out) {
    put_u8(out, kVersion);
    put_i64(out, request.portfolio_id);
    put_i64(out, request.user_id);
    put_u8(out, static_cast<std::uint8_t>(request.policy));
    put_u64(out, request.orders.size());
    for (const OrderRequest& order : request.orders) put_order(out, order);
  });
}

Fingerprint fingerprint(const BatchRequest& request) { return sha256(canonical_form(request)); }

void check_deployment(std::string_view deployment) {
  bool ok = deployment.size() == kDeploymentSize;
  for (const char c : deployment) ok = ok && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'));
  if (ok) return;
  throw Error(ErrorCode::kConfiguration,
              "the deployment prefix must be two characters of 0-9 and a-z, such as \"oo\"; it begins every "
              "client order id");
}

ClientOrderIds::ClientOrderIds(std::string_view deployment, std::string_view tenant, std::string_view key) {
  check_deployment(deployment);
  const std::size_t sizes = 3 * sizeof(std::uint64_t);
  const auto scope = bytes_of(sizes + tenant.size() + kPlaceOperation.size() + key.size(), [&](char*& out) {
    put_text(out, tenant);
    put_text(out, kPlaceOperation);
    put_text(out, key);
  });
  stem_ = std::string(deployment) + base32(sha256(scope), kHashCharacters);
}

std::string ClientOrderIds::make(std::size_t index, int generation) const {
  std::string id;
  write(index, generation, id);
  return id;
}

void ClientOrderIds::write(std::size_t index, int generation, std::string& id) const {
  if (index > kClientOrderIndexMax) {
    throw Error(ErrorCode::kLimitExceeded,
                "a batch can have at most " + std::to_string(kClientOrderIndexMax + 1) + " orders; split it");
  }
  // 15 bits, five for a character. The digits ascend, so ids sort by index.
  const std::array<char, kIndexCharacters + 1> end = {
      kBase32Digits[index >> 10], kBase32Digits[index >> 5 & 31], kBase32Digits[index & 31],
      generation_character(generation)};
  id.reserve(kClientOrderIdSize);
  id.assign(stem_).append(end.data(), end.size());
}

std::string replace_generation(std::string_view client_order_id, int generation) {
  if (client_order_id.size() != kClientOrderIdSize) {
    throw Error(ErrorCode::kInvalidArgument, "a client order id has " + std::to_string(kClientOrderIdSize) +
                                                 " characters, not " +
                                                 std::to_string(client_order_id.size()));
  }
  std::string id(client_order_id);
  id.back() = generation_character(generation);
  return id;
}

std::string placed_as(std::string_view client_order_id) {
  if (client_order_id.size() != kClientOrderIdSize) return std::string(client_order_id);
  return replace_generation(client_order_id, 0);
}

std::string make_random_key() {
  std::array<std::byte, 17> bytes{};
  try {
    std::random_device device;
    std::uniform_int_distribution<unsigned> byte_value(0, 255);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(byte_value(device));
  } catch (const std::exception&) {
    throw Error(ErrorCode::kUnsupported,
                "the system gives no random numbers to make an idempotency key of; pass a key with the "
                "request");
  }
  return "auto-" + base32(bytes, 26);
}

}  // namespace orchestrator
