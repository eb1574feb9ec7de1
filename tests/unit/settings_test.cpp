#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include "codec/json_value.hpp"

namespace {

using namespace orchestrator;
using codec::Settings;

template <class Read>
std::string refusal_of(Read read) {
  try {
    (void)read();
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kConfiguration);
    return error.what();
  }
  return "nothing refused";
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("settings give each value as the type asked for") {
  const auto settings = Settings::parse(
      R"({"seed": -7, "big": 9223372036854775807, "price": 100.05, "rate": "0.0003", "name": "NSE\n", "on": true,
          "nothing": null})",
      "zerodha-mock");
  CHECK(settings.integer("seed") == -7);
  CHECK(settings.integer("big") == 9223372036854775807);
  CHECK(settings.integer("seed", -7, 0) == -7);
  CHECK(settings.decimal<Price>("price") == Price::from_string("100.05"));
  CHECK(settings.decimal<Rate>("rate") == Rate::from_string("0.0003"));
  CHECK(settings.text("name") == "NSE\n");
  CHECK(settings.boolean("on") == true);
  CHECK_FALSE(settings.integer("absent"));
  CHECK_FALSE(settings.decimal<Money>("absent"));
  CHECK_FALSE(settings.text("nothing"));
  CHECK_NOTHROW(settings.refuse_unknown({"seed", "big", "price", "rate", "name", "on", "nothing"}));
  CHECK_NOTHROW(Settings::parse(" {} ", "x").refuse_unknown({}));
}

TEST_CASE("a setting of another type is refused, naming the object and the field") {
  const auto settings = Settings::parse(
      R"({"text": "5", "point": 1.5, "huge": 9223372036854775808, "flag": false, "exponent": 1e5, "seed": 11})",
      "alpaca-mock");
  for (const std::string_view key : {"text", "point", "huge", "flag", "exponent"}) {
    const std::string message = refusal_of([&] { return settings.integer(key); });
    CHECK(contains(message, "alpaca-mock: " + std::string(key)));
  }
  CHECK(contains(refusal_of([&] { return settings.integer("seed", 1, 10); }), "1 to 10, not 11"));
  CHECK(contains(refusal_of([&] { return settings.decimal<Price>("exponent"); }), "exponent"));
  CHECK(contains(refusal_of([&] { return settings.decimal<Price>("flag"); }), "a boolean"));
  CHECK(contains(refusal_of([&] { return settings.text("seed"); }), "must be a string"));
  CHECK(contains(refusal_of([&] { return settings.boolean("seed"); }), "true or false"));
  CHECK(contains(refusal_of([&] { return settings.boolean("text"); }), "true or false"));
}

TEST_CASE("unknown settings are refused with the known ones, even when null") {
  for (const std::string_view json : {R"({"seed": 1, "sead": 2})", R"({"sead": null})"}) {
    const std::string message = refusal_of([&] {
      Settings::parse(json, "zerodha-mock").refuse_unknown({"seed", "fill_model"});
      return 0;
    });
    CHECK(contains(message, "zerodha-mock: sead"));
    CHECK(contains(message, "seed, fill_model"));
  }
}

TEST_CASE("settings that are no flat object are refused") {
  for (const std::string_view json :
       {"", "5", "null", "\"x\"", "[]", "{", "{\"a\": {}}", "{\"a\": [1]}", "{\"a\": 1, \"a\": 2}",
        "{\"a\": null, \"a\": 2}", "{\"a\": 1} x", "{\"a\": NaN}", "{\"a\": \"\xFF\"}"}) {
    CAPTURE(json);
    CHECK(contains(refusal_of([&] { return Settings::parse(json, "zerodha-mock"); }), "zerodha-mock: "));
  }
}

TEST_CASE("a text is put in the place of what a field held, and the other fields stay") {
  const auto settings =
      Settings::parse(R"({"seed": -7, "rate": 0.10, "on": true, "gone": null, "a": "x\"y"})", "it");
  CHECK(settings.with_text("b", "one\ntwo") ==
        R"({"a":"x\"y","on":true,"rate":0.10,"seed":-7,"b":"one\ntwo"})");
  CHECK(settings.with_text("a", "") == R"({"on":true,"rate":0.10,"seed":-7,"a":""})");
  CHECK(Settings::parse(settings.with_text("a", "\x01\\"), "it").text("a") == "\x01\\");
}
