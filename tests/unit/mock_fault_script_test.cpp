#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/brokers/fault_script.hpp"
#include "orchestrator/error.hpp"

using namespace orchestrator;           // NOLINT(google-build-using-namespace): a test of one module
using namespace orchestrator::brokers;  // NOLINT(google-build-using-namespace)

namespace {

FaultScript parse(std::string_view text, std::uint64_t seed = 1) {
  return FaultScript::parse(text, seed, "a-mock: fault_script");
}

std::string refusal(std::string_view text) {
  try {
    static_cast<void>(parse(text));
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kConfiguration);
    return error.what();
  }
  return "";
}

// The numbers, from 1 to `to`, of the placements that go wrong.
std::vector<int> hit(const FaultScript& script, int to, std::string_view symbol = "SBIN") {
  std::vector<int> numbers;
  for (int i = 1; i <= to; ++i) {
    if (script.of_request(Moment::kPlace, i, i, symbol) != nullptr) numbers.push_back(i);
  }
  return numbers;
}

using Numbers = std::vector<int>;

}  // namespace

TEST_CASE("a script of blank lines and comments has no rules") {
  CHECK(parse("").empty());
  CHECK(parse("\n  \n# place always: hang\n\t# and so on").empty());
}

TEST_CASE("a rule holds for the requests that all its selectors name") {
  CHECK(hit(parse("place nth=3: lose_answer"), 9) == Numbers{3});
  CHECK(hit(parse("place every=4: lose_answer"), 9) == Numbers{4, 8});
  CHECK(hit(parse("place from=5 to=7: lose_answer"), 9) == Numbers{5, 6, 7});
  CHECK(hit(parse("place from=8: lose_answer"), 9) == Numbers{8, 9});
  CHECK(hit(parse("place to=2: lose_answer"), 9) == Numbers{1, 2});
  CHECK(hit(parse("place always: lose_answer"), 3) == Numbers{1, 2, 3});
  CHECK(hit(parse("place every=2 from=3 to=6: lose_answer"), 9) == Numbers{4, 6});
  CHECK(hit(parse("place nth=3 symbol=SBIN: lose_answer"), 9) == Numbers{3});
  CHECK(hit(parse("place nth=3 symbol=INFY: lose_answer"), 9).empty());
  CHECK(hit(parse("cancel nth=3: lose_answer"), 9).empty());
  CHECK(hit(parse("place chance=1/1: lose_answer"), 3) == Numbers{1, 2, 3});
}

TEST_CASE("chance hits about so often, the same requests for the same seed, others for another") {
  const std::string_view text = "place chance=1/4: lose_answer";
  const Numbers first = hit(parse(text, 1), 4000);
  CHECK(first.size() > 850);
  CHECK(first.size() < 1150);
  CHECK(first == hit(parse(text, 1), 4000));
  CHECK(first != hit(parse(text, 2), 4000));
  CHECK(first != hit(parse("\n" + std::string(text), 1), 4000));  // each line draws for itself
}

TEST_CASE("of several rules that hold the first decides") {
  const FaultScript script = parse("place nth=2: hang for=1s\nany always: throttle # the rest\n");
  CHECK(script.of_request(Moment::kPlace, 2, 7, "")->kind == FaultKind::kHang);
  CHECK(script.of_request(Moment::kPlace, 2, 7, "")->duration == std::chrono::seconds(1));
  CHECK(script.of_request(Moment::kPlace, 3, 8, "")->kind == FaultKind::kThrottle);
  CHECK(script.of_request(Moment::kPoll, 1, 9, "")->kind == FaultKind::kThrottle);
}

TEST_CASE("an order has every fault whose rule holds for its number") {
  const FaultScript script = parse("order every=2: duplicate_ack\norder symbol=SBIN: overfill qty=2.5\n");
  CHECK(script.about_orders());
  CHECK(script.of_order(FaultKind::kDuplicateAck, 4, "SBIN") != nullptr);
  CHECK(script.of_order(FaultKind::kOverfill, 4, "SBIN")->qty == Quantity::from_string("2.5"));
  CHECK(script.of_order(FaultKind::kOverfill, 4, "INFY") == nullptr);
  CHECK(script.of_order(FaultKind::kDuplicateAck, 3, "SBIN") == nullptr);
  CHECK(script.of_request(Moment::kPlace, 4, 4, "SBIN") == nullptr);
  CHECK_FALSE(parse("place always: reject").about_orders());
}

TEST_CASE("every fault parses with its arguments") {
  for (const char* text : {"any always: lose_request",
                           "any always: refuse_connection",
                           "any always: throttle",
                           "any always: down",
                           "place nth=1: down for=10m",
                           "any nth=1: down for=day",
                           "poll always: lose_answer",
                           "book always: server_error",
                           "cancel always: server_error status=503",
                           "replace always: garbage",
                           "look_up always: hang for=500ms",
                           "place always: reject",
                           "look_up always: lag for=2s",
                           "order always: overfill qty=1",
                           "order always: fill_after_cancel",
                           "order always: fill_after_cancel qty=1",
                           "order always: bust",
                           "order always: correct price=1.5",
                           "order always: correct qty=3 price=2",
                           "order always: late_ack polls=3",
                           "order always: late_ack for=1h",
                           "order always: duplicate_ack",
                           "order always: second_id",
                           "order always: fill_before_ack",
                           "order always: out_of_order_fills",
                           "order always: duplicate_fills",
                           "order always: cumulative_fills",
                           "order always: bust_unknown",
                           "order always: drop_reports",
                           "order always: drop_reports what=acks",
                           "order always: stray_fill",
                           "order always: crossed_fills",
                           "order always: wrong_price factor=100",
                           "order always: wrong_side"}) {
    CAPTURE(text);
    CHECK(refusal(text).empty());
    CHECK(refusal(std::string("  ") + text + "\t # why\r\n").empty());
  }
}

TEST_CASE("a rule that does not parse names its line, what is wrong and what is allowed") {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"plaice nth=1: hang",
       R"("plaice" is no moment; use place, cancel, replace, look_up, book, poll, any or order)"},
      {"place: hang", "which one is not said; use nth=, every=, from=, to=, chance=, symbol= or always"},
      {"place nht=1: hang", R"("nht=1" is no selector; use nth=)"},
      {"place nth=0: hang", R"(nth= must be a whole number from 1 to 1000000000, not "0")"},
      {"place nth=-1: hang", R"(nth= must be a whole number)"},
      {"place nth=1x: hang", R"(not "1x")"},
      {"place nth: hang", R"(nth= must be a whole number)"},
      {"place every=99999999999999999999: hang", "every= must be"},
      {"place from=5 to=4: hang", "to= is below from="},
      {"place chance=5: hang", "chance= must be a fraction, such as 1/20"},
      {"place chance=2/1: hang", "chance= must not be above 1/1"},
      {"place chance=1/0: hang", "chance= must be a whole number"},
      {"poll symbol=SBIN: hang", "symbol= works at place, cancel, replace or order"},
      {"any symbol=SBIN: hang", "symbol= works at"},
      {"place symbol=: hang", "symbol= is empty"},
      {"place always", "a rule reads \"moment selectors: fault arguments\""},
      {": hang", "a rule reads"},
      {"place always:", "no fault after the colon; use lose_request, refuse_connection"},
      {"place always: hnag",
       R"("hnag" is no fault; use lose_request, refuse_connection, throttle, down, lose_answer, server_error, garbage, hang or reject)"},
      {"place always: overfill qty=1", "overfill cannot happen at place; use lose_request"},
      {"order always: hang", "hang cannot happen at order; use overfill, fill_after_cancel"},
      {"poll always: reject", "reject cannot happen at poll"},
      {"any always: lag for=1s", "lag cannot happen at any"},
      {"place always: garbage for=1s", R"("for=1s" is no argument of garbage; use none)"},
      {"order always: late_ack", "late_ack needs polls= or for="},
      {"order always: late_ack qty=1", R"("qty=1" is no argument of late_ack; use polls= or for=)"},
      {"order always: correct", "correct needs qty= or price="},
      {"order always: overfill", "overfill needs qty="},
      {"order always: overfill qty=0", "qty= must be a decimal above 0"},
      {"order always: overfill qty=1e3", "qty= must be a decimal above 0"},
      {"place always: hang for=5", "for= must be a number and ms, s, m or h, such as 500ms"},
      {"place always: hang for=day", "for= must be a number and ms, s, m or h"},
      {"place always: down for=week", "or day (the rest of the broker's day)"},
      {"place always: server_error status=404", "status= must be 500 to 599"},
      {"order always: drop_reports what=some", "what= must be acks, fills or all"},
      {"look_up always: lag", "lag needs for="},
  };
  for (const auto& row : cases) {
    const std::string text = row.first;
    const std::string message = row.second;
    CAPTURE(text);
    const std::string shown = refusal("# first\n\n" + text + "\nplace always: hang");
    CHECK_MESSAGE(shown.starts_with("a-mock: fault_script line 3: "), shown);
    CHECK_MESSAGE(shown.find(message) != std::string::npos, shown);
  }
}

TEST_CASE("a message masks what cannot be printed") {
  const std::string shown = refusal("place always: ha\x01ng");
  CHECK(shown.find('\x01') == std::string::npos);
}
