// One key, one request in every spelling: what means the same is replayed, what means something else is
// refused and writes nothing.

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "orchestrator/json.hpp"
#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

constexpr std::uint64_t kSeed = 47;

using Random = std::mt19937_64;

std::string one_of(Random& random, std::vector<std::string> spellings) {
  return spellings[random() % spellings.size()];
}

// A field as `"name": value`, by its value's text; an empty value leaves it out.
struct Field {
  std::string name;
  std::string value;
};

std::string object_of(Random& random, std::vector<Field> fields) {
  std::erase_if(fields, [](const Field& field) { return field.value.empty(); });
  std::shuffle(fields.begin(), fields.end(), random);
  std::string text = "{";
  for (const Field& field : fields) {
    const std::string blank = one_of(random, {"", " ", "\n\t"});
    if (text != "{") text += "," + blank;
    text += '"' + field.name + "\":" + blank + field.value;
  }
  return text + one_of(random, {"", " "}) + "}";
}

// Values that are written down; the spelling is drawn anew each time.
struct Meaning {
  std::string qty = "100";
  std::string price = "2500.5";
  std::string side = "BUY";
  std::string instrument = "1";
  std::string order_type;  // empty: the default, limit
  std::string portfolio = "1";
  std::string user;
  bool second_first = false;
};

std::string decimal(Random& random, const std::string& value) {
  std::string text = value;
  if (random() % 2 == 0) {
    if (text.find('.') == std::string::npos) text += '.';
    text.append(1 + random() % 3, '0');
  }
  return random() % 2 == 0 ? text : '"' + text + '"';
}

std::string body_of(Random& random, const Meaning& meaning) {
  const std::string type =
      meaning.order_type.empty() ? one_of(random, {"", "\"limit\"", "null"}) : '"' + meaning.order_type + '"';
  const std::string first = object_of(
      random, {{"instrument_id", meaning.instrument},
               {"qty", decimal(random, meaning.qty)},
               {"side", '"' + meaning.side + '"'},
               {"price_limit", meaning.order_type == "market" ? "" : decimal(random, meaning.price)},
               {"order_type", type},
               {"time_in_force", one_of(random, {"", "\"day\"", "null"})},
               {"stop_price", one_of(random, {"", "null"})},
               {"slice", one_of(random, {"", "false", "null"})},
               {"broker", "\"scripted\""}});
  const std::string second = object_of(random, {{"instrument_id", "2"},
                                                {"qty", decimal(random, "7")},
                                                {"side", "\"SELL\""},
                                                {"price_limit", decimal(random, "0.05")},
                                                {"broker", "\"scr\\u0069pted\""}});
  return object_of(random, {{"portfolio_id", meaning.portfolio},
                            {"orders", meaning.second_first ? "[" + second + "," + first + "]"
                                                            : "[ " + first + ",\n" + second + "]"},
                            {"idempotency_key", "\"k\""},
                            {"policy", one_of(random, {"", "\"all\"", "null"})},
                            {"user_id", meaning.user.empty() ? one_of(random, {"", "null"}) : meaning.user}});
}

}  // namespace

TEST_CASE("every spelling of one request is the same request (I8)") {
  INFO("seed ", kSeed);
  Random random(kSeed);
  Desk desk;
  const Receipt first = desk.oms->place(parse_batch_json(body_of(random, {})));
  for (int round = 0; round < 500; ++round) {
    const std::string body = body_of(random, {});
    INFO(body);
    const Receipt again = desk.oms->place(parse_batch_json(body));
    CHECK(again.replayed);
    CHECK(again.json == first.json);
  }
  CHECK(desk.oms->batches({}).size() == 1);
  for (const auto& [id, accepts] : desk.broker->accepts) CHECK(accepts == 1);
}

TEST_CASE("every other meaning under the key is refused, in whatever spelling (I9)") {
  INFO("seed ", kSeed);
  Random random(kSeed);
  Desk desk;
  desk.oms->place(parse_batch_json(body_of(random, {})));
  const std::vector<Meaning> others = {{.qty = "101"},       {.qty = "100.000000001"}, {.qty = "10"},
                                       {.price = "2500.05"}, {.price = "25005"},       {.side = "SELL"},
                                       {.instrument = "2"},  {.order_type = "market"}, {.portfolio = "2"},
                                       {.user = "9"},        {.second_first = true}};
  for (int round = 0; round < 30; ++round) {
    for (const Meaning& other : others) {
      const std::string body = body_of(random, other);
      INFO(body);
      CHECK(code_of([&] { desk.oms->place(parse_batch_json(body)); }) == ErrorCode::kIdempotencyConflict);
    }
  }
  CHECK(desk.oms->batches({}).size() == 1);
  CHECK(desk.oms->orders({}).size() == 2);
}
