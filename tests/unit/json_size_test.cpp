// A body whose parts are longer than any sound one: refused before a parser keeps or quotes them.

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/json.hpp"

namespace {

using namespace orchestrator;

std::optional<Error> refusal_of(std::string_view text) {
  try {
    (void)parse_batch_json(text);
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

bool mentions(const Error& error, std::string_view text) {
  return std::string_view(error.what()).find(text) != std::string_view::npos;
}

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
