#include "codec/json_block.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <limits>
#include <optional>
#include <string>

namespace {

using namespace orchestrator;
using codec::JsonBlock;
using codec::JsonWriter;

// One call sequence for both, whose texts must not differ.
template <class Json>
void write_sample(Json& json, const std::string& text) {
  const std::optional<Price> absent;
  json.begin_object()
      .member("text", text)
      .member("smallest", std::numeric_limits<std::int64_t>::min())
      .member("index", std::numeric_limits<std::size_t>::max())
      .member("price", Price::from_units(-1))
      .member("money", Money::min())
      .member("absent", absent)
      .member("present", std::optional<Price>(Price::from_int(7)))
      .member("side", Side::kSell)
      .member("at", Timestamp(std::chrono::microseconds(1)));
  json.key("empty").begin_array().end_array();
  json.key("list").begin_array().value(text).value(1).begin_object().end_object().null();
  json.raw("[1]").end_array().end_object();
}

}  // namespace

TEST_CASE("a block holds the text that the writer would have written") {
  for (const char* text :
       {"", "BUY", "twenty characters ...", "a \"quote\"", "line\nend", "caf\xC3\xA9", "\xFF"}) {
    std::string expected;
    JsonWriter writer(expected);
    write_sample(writer, text);
    JsonBlock block(1024);
    write_sample(block, text);
    CHECK(block.text() == expected);
  }
}

TEST_CASE("a block grows with what is written, from any size") {
  const std::string text(300, 'x');
  std::string expected;
  JsonWriter writer(expected);
  write_sample(writer, text);
  for (std::size_t size = 0; size < expected.size() + 2; ++size) {
    JsonBlock block(size);
    write_sample(block, text);
    REQUIRE(block.text() == expected);
  }
}

TEST_CASE("a cleared block begins anew") {
  JsonBlock block(16);
  block.begin_array().value(1).end_array();
  block.clear();
  CHECK(block.text().empty());
  block.begin_array().value(2).end_array();
  CHECK(block.text() == "[2]");
}
