// A body that is longer or deeper than allowed, or whose parts are longer than any sound one: refused before
// a parser keeps or quotes them.

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/json.hpp"
#include "support/refusal.hpp"

namespace {

using namespace orchestrator;
using namespace orchestrator::testing;

constexpr std::string_view kOrder = R"({"instrument_id":1,"qty":100,"side":"BUY","price_limit":5})";
constexpr std::string_view kBody =
    R"({"portfolio_id":1,"orders":[{"instrument_id":1,"qty":100,"side":"BUY","price_limit":2500.0},)"
    R"({"instrument_id":2,"qty":50,"side":"SELL","price_limit":2600.0}]})";

}  // namespace

TEST_CASE("a part of a body that is longer than any sound one is refused where it begins") {
  constexpr std::size_t kStringMax = std::size_t{1024} * 1024;
  constexpr std::size_t kStretchMax = std::size_t{512} * 1024;
  const auto times = [](std::string_view text, std::size_t size) {
    std::string all;
    while (all.size() < size) all += text;
    return all;
  };
  const auto refused = [&](const std::string& part, std::size_t limit) {
    INFO(part.substr(0, 10));
    const auto error = refusal_of("{\"portfolio_id\": 1,\n\"orders\": " + part);
    REQUIRE(error);
    CHECK(error->code() == ErrorCode::kInvalidJson);
    CHECK(mentions(*error, std::to_string(limit)));
    CHECK(mentions(*error, "line 2, column "));
    CHECK(std::string_view(error->what()).size() < 200);
  };
  for (const std::string_view text : {"x", "\\\""})
    refused("\"" + times(text, kStringMax) + "\"", kStringMax);
  for (const std::string_view text : {"7", "1.e+", " ", "\n", "null,", "[],", "{} \t"}) {
    refused(times(text, kStretchMax + 1), kStretchMax);
  }
  const std::string blanks(kStretchMax - 100, ' ');
  CHECK_FALSE(refusal_of(blanks + "{\"portfolio_id\": 1" + blanks + ", \"orders\": []}" + blanks));
  const auto wide =
      refusal_of("{\"portfolio_id\": \"" + std::string(kStringMax - 1, ' ') + "\", \"orders\": []}");
  REQUIRE(wide);
  CHECK(wide->code() == ErrorCode::kValidationFailed);
}

TEST_CASE("deep nesting is refused, whatever it is made of, without recursing") {
  for (const std::string_view opener : {"[", "{\"a\":"}) {
    std::string body = R"({"portfolio_id": 1, "orders": [], "x": )";
    for (int i = 0; i < 10'000; ++i) body += opener;
    const auto error = refusal_of(body);
    REQUIRE(error);
    CHECK(error->code() == ErrorCode::kInvalidJson);
    CHECK(mentions(*error, "16 levels"));
  }
  const auto configured = refusal_of(kBody, {.depth_max = 2});
  REQUIRE(configured);
  CHECK(mentions(*configured, "2 levels"));
  CHECK_FALSE(refusal_of(kBody, {.depth_max = 3}));
}

TEST_CASE("more orders than the limit are refused, naming the limit, and what follows is not read") {
  std::string body = R"({"portfolio_id": 1, "orders": [)";
  for (int i = 0; i < 100'000; ++i) body += (i == 0 ? "" : ",") + std::string(kOrder);
  body += " and this is not JSON";
  const auto error = refusal_of(body);
  REQUIRE(error);
  CHECK(error->code() == ErrorCode::kLimitExceeded);
  CHECK(mentions(*error, "10000"));

  std::string bad_orders = R"({"portfolio_id": 1, "orders": [{})";
  for (int i = 1; i < 100'000; ++i) bad_orders += ",{}";
  const auto bad = refusal_of(bad_orders + "]}");
  REQUIRE(bad);
  CHECK(bad->code() == ErrorCode::kLimitExceeded);

  const auto configured = refusal_of(kBody, {.orders_max = 1});
  REQUIRE(configured);
  CHECK(configured->code() == ErrorCode::kLimitExceeded);
  CHECK(mentions(*configured, "more than 1 orders"));
  CHECK_FALSE(refusal_of(kBody, {.orders_max = 2}));
}

TEST_CASE("more bytes than the limit are refused, naming both numbers") {
  const ReadLimits limits{.bytes_max = kBody.size() - 1};
  const auto error = refusal_of(kBody, limits);
  REQUIRE(error);
  CHECK(error->code() == ErrorCode::kLimitExceeded);
  CHECK(mentions(*error, std::to_string(kBody.size())));
  CHECK(mentions(*error, std::to_string(limits.bytes_max)));
  CHECK_FALSE(refusal_of(kBody, {.bytes_max = kBody.size()}));
}
