// The identity of requests and orders. The pinned values were computed by an independent implementation of
// the grammar; they are stored in databases and at brokers, so a change here is a break.
#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/request_identity.hpp"
#include "core/sha256.hpp"
#include "orchestrator/error.hpp"

using namespace orchestrator;

namespace {

BatchRequest sample_request() {
  BatchRequest request;
  request.portfolio_id = 1;
  request.orders.push_back({.instrument_id = 1,
                            .qty = Quantity::from_int(100),
                            .side = Side::kBuy,
                            .price_limit = Price::from_int(2500),
                            .stop_price = {},
                            .broker = {}});
  request.orders.push_back({.instrument_id = 2,
                            .qty = Quantity::from_int(50),
                            .side = Side::kSell,
                            .price_limit = Price::from_int(2600),
                            .stop_price = {},
                            .broker = {}});
  return request;
}

ErrorCode code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  FAIL("nothing was thrown");
  return ErrorCode::kInternal;
}

}  // namespace

TEST_CASE("the fingerprint of a request is the same in every release") {
  CHECK(to_hex(fingerprint(sample_request())) ==
        "9b3597b2719af26d45f8dcba56cdac9e2fa6382a079e2d7ff8a65ff1c452cee2");
  BatchRequest request;
  request.portfolio_id = 7;
  request.user_id = 9;
  request.policy = BatchPolicy::kEach;
  request.orders.push_back({.instrument_id = 3,
                            .qty = Quantity::from_units(1),
                            .side = Side::kSell,
                            .price_limit = Price::from_units(5),
                            .stop_price = Price::from_units(6),
                            .order_type = OrderType::kStopLimit,
                            .time_in_force = TimeInForce::kIoc,
                            .broker = "alpaca-mock",
                            .slice = true});
  CHECK(to_hex(fingerprint(request)) == "45e29eefeded345811b66771bcf67be32df5398e5dc558b3b4aaf2777a8b9327");
}

TEST_CASE("key and tenant are the scope of a fingerprint, not part of it") {
  BatchRequest request = sample_request();
  request.idempotency_key = "test-key-123";
  request.tenant = "desk-7";
  CHECK(fingerprint(request) == fingerprint(sample_request()));
}

TEST_CASE("a change of any field changes the fingerprint") {
  const std::vector<std::function<void(BatchRequest&)>> changes{
      [](BatchRequest& r) { r.portfolio_id = 2; },
      [](BatchRequest& r) { r.user_id = 1; },
      [](BatchRequest& r) { r.policy = BatchPolicy::kEach; },
      [](BatchRequest& r) { r.orders.pop_back(); },
      [](BatchRequest& r) { std::swap(r.orders[0], r.orders[1]); },
      [](BatchRequest& r) { r.orders.push_back(r.orders[0]); },
      [](BatchRequest& r) { r.orders[0].instrument_id = 3; },
      [](BatchRequest& r) { r.orders[0].qty += Quantity::from_units(1); },
      [](BatchRequest& r) { r.orders[0].side = Side::kSell; },
      [](BatchRequest& r) { r.orders[0].price_limit = Price::from_int(2501); },
      [](BatchRequest& r) { r.orders[0].price_limit.reset(); },
      [](BatchRequest& r) { r.orders[0].price_limit = Price(); },
      [](BatchRequest& r) { r.orders[0].stop_price = Price::from_int(2500); },
      [](BatchRequest& r) { std::swap(r.orders[0].price_limit, r.orders[0].stop_price); },
      [](BatchRequest& r) { r.orders[0].order_type = OrderType::kMarket; },
      [](BatchRequest& r) { r.orders[0].time_in_force = TimeInForce::kGtc; },
      [](BatchRequest& r) { r.orders[0].broker = "zerodha-mock"; },
      [](BatchRequest& r) { r.orders[1].broker = "zerodha-mock"; },
      [](BatchRequest& r) { r.orders[0].slice = true; },
  };
  std::set<std::string> seen{canonical_form(sample_request())};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    BatchRequest request = sample_request();
    changes[i](request);
    INFO("change " << i);
    CHECK(seen.insert(canonical_form(request)).second);
    CHECK(fingerprint(request) != fingerprint(sample_request()));
  }
}

TEST_CASE("text cannot run over into the next field") {
  BatchRequest one = sample_request();
  BatchRequest other = sample_request();
  one.orders[0].broker = std::string("a\0", 2);
  other.orders[0].broker = "a";
  CHECK(canonical_form(one) != canonical_form(other));
  CHECK(ClientOrderIds("oo", "ab", "c").make(0, 0) != ClientOrderIds("oo", "a", "bc").make(0, 0));
}

TEST_CASE("a client order id is a function of scope, index and generation, the same in every release") {
  const ClientOrderIds ids("oo", "default", "test-key-123");
  CHECK(ids.make(0, 0) == "oo8z82vdqpekka4k0000");
  CHECK(ids.make(1, 0) == "oo8z82vdqpekka4k0010");
  CHECK(ids.make(31, 0) == "oo8z82vdqpekka4k00z0");
  CHECK(ids.make(32, 1) == "oo8z82vdqpekka4k0101");
  CHECK(ids.make(32'767, 31) == "oo8z82vdqpekka4kzzzz");
}

TEST_CASE("client order ids are unique, sorted by index and alphanumeric") {
  const ClientOrderIds ids("a1", "default", "k");
  std::string previous;
  for (std::size_t index = 0; index <= kClientOrderIndexMax; ++index) {
    const std::string id = ids.make(index, 0);
    if (id.size() != kClientOrderIdSize || id <= previous) FAIL(id);
    if (id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz") != std::string::npos) FAIL(id);
    previous = id;
  }
  CHECK(ids.make(0, 0) != ClientOrderIds("a1", "default", "l").make(0, 0));
  CHECK(ids.make(0, 0) != ClientOrderIds("a1", "desk-7", "k").make(0, 0));
}

TEST_CASE("a replace goes under the order's id with another last character") {
  const ClientOrderIds ids("oo", "default", "test-key-123");
  const std::string id = ids.make(5, 0);
  std::set<std::string> seen;
  for (int generation = 0; generation <= kReplaceGenerationMax; ++generation) {
    const std::string renamed = replace_generation(id, generation);
    CHECK(renamed == ids.make(5, generation));
    CHECK(replace_generation(renamed, 0) == id);
    CHECK(placed_as(renamed) == id);
    seen.insert(renamed);
  }
  CHECK(seen.size() == 32);
  CHECK(code_of([&] { (void)replace_generation(id, 32); }) == ErrorCode::kLimitExceeded);
  CHECK(code_of([&] { (void)replace_generation(id, -1); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([&] { (void)replace_generation("short", 1); }) == ErrorCode::kInvalidArgument);
  CHECK(placed_as("short") == "short");
  CHECK(code_of([&] { (void)ids.make(32'768, 0); }) == ErrorCode::kLimitExceeded);
}

TEST_CASE("a deployment prefix is two characters of 0-9 and a-z") {
  for (const char* good : {"oo", "00", "z9"}) CHECK_NOTHROW(check_deployment(good));
  for (const char* bad : {"", "o", "ooo", "OO", "o-", "o ", "\xc3\xb6"}) {
    INFO(bad);
    CHECK(code_of([&] { check_deployment(bad); }) == ErrorCode::kConfiguration);
    CHECK(code_of([&] { ClientOrderIds(bad, "default", "k"); }) == ErrorCode::kConfiguration);
  }
}

TEST_CASE("made keys are lawful, random and never the same") {
  std::set<std::string> keys;
  std::set<char> last_characters;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = make_random_key();
    CHECK(key.size() == 31);
    CHECK(key.starts_with("auto-"));
    CHECK(key.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz", 5) == std::string::npos);
    keys.insert(key);
    last_characters.insert(key.back());
  }
  CHECK(keys.size() == 1000);
  CHECK(last_characters.size() == 32);  // a stuck bit would leave half of them out
}
