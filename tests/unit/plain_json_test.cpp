#include "codec/plain_json.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "codec/json_writer.hpp"
#include "orchestrator/error.hpp"

using namespace orchestrator;
using namespace orchestrator::codec;

namespace {

// What a handler is told, as text.
class Trace : public JsonHandler {
 public:
  void scalar(JsonKind kind, std::string_view value) override {
    text += std::to_string(static_cast<int>(kind)) + "=" + std::string(value) + ";";
  }
  void key(std::string_view name) override { text += std::string(name) + ":"; }
  void begin_object() override { text += "{"; }
  void end_object() override { text += "}"; }
  void begin_array() override { text += "["; }
  void end_array() override { text += "]"; }
  std::string text;
};

constexpr std::string_view kDocument =
    R"({"batch_id":17,"key":"k-1 #","none":null,"yes":true,"no":false,"legs":[{"qty":100.25,"price":-1.05},[],{}],)"
    R"("deep":[[["x"]]],"last":9223372036854775807})";

}  // namespace

TEST_CASE("the quick reader takes what the writer makes") {
  Trace quick;
  CHECK(read_plain_json(R"({"a":1,"b":[true,null,"x"],"c":{}})", quick));
  CHECK(quick.text == "{a:2=1;b:[1=true;0=null;3=x;]c:{}}");
}

TEST_CASE("the quick reader gives up on what it does not know") {
  for (const std::string_view text : {"",
                                      "{",
                                      "{}x",
                                      "{ }",
                                      "[1,]",
                                      "[1 ,2]",
                                      R"(["\n"])",
                                      "[\"\xE2\x82\xB9\"]",
                                      "[1e5]",
                                      "[-0]",
                                      "[01]",
                                      "[1.]",
                                      "[.5]",
                                      "[+1]",
                                      "[nul]",
                                      "[12345678901234567890123456789012345678901234567890123456789012345]",
                                      R"({"a"})",
                                      R"({"a":})",
                                      R"({a:1})",
                                      R"({"a":1,})",
                                      R"([1})",
                                      R"({"a":1])",
                                      "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"}) {
    CAPTURE(text);
    Trace quick;
    CHECK_FALSE(read_plain_json(text, quick));
  }
}

TEST_CASE("what the quick reader takes, the strict one reads the same (property)") {
  constexpr std::uint64_t kSeed = 20260114;
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  constexpr std::string_view kBytes = "{}[]:,\"\\0123456789-.eE+ntfax \n\xC3\x01";
  int taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text(kDocument);
    for (std::uint64_t change = random() % 3; change > 0; --change) {
      const std::size_t at = random() % text.size();
      const char byte = kBytes[random() % kBytes.size()];
      random() % 2 == 0 ? text.replace(at, 1, 1, byte) : text.insert(at, 1, byte);
    }
    Trace quick;
    if (!read_plain_json(text, quick)) continue;
    ++taken;
    CAPTURE(text);
    Trace strict;
    REQUIRE_NOTHROW(read_json(text, strict));
    REQUIRE(quick.text == strict.text);
  }
  CHECK(taken > 1000);
}

TEST_CASE("a text is plain when none of its bytes needs an escape or is part of a longer sequence") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
    for (std::size_t size = 1; size < 20; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(byte);
        REQUIRE(is_plain(text) == plain);
      }
    }
  }
  CHECK(is_plain(""));
}
