// Faults of requests: what the connector answers, and what the broker's ledger holds all the same.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "codec/json_writer.hpp"
#include "orchestrator/backends/mock_brokers.hpp"
#include "orchestrator/error.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/mock_orders.hpp"

using namespace orchestrator;           // NOLINT(google-build-using-namespace): a test of one module
using namespace orchestrator::testing;  // NOLINT(google-build-using-namespace)

namespace {

struct FaultyBroker {
  explicit FaultyBroker(const std::string& script, Maker make = make_alpaca_mock) {
    std::string config;
    codec::JsonWriter(config).begin_object().member("fault_script", script).end_object();
    broker = make({.config_json = config}, clock);
  }

  SendResult place(const std::string& id) { return place_one(*broker, mock_order(id)); }
  [[nodiscard]] bool holds(const std::string& id) const {
    return broker->look_up(id).kind == LookUp::Kind::kFound;
  }
  // The code of what a question throws; nullopt: it was answered.
  template <class Question>
  [[nodiscard]] std::optional<ErrorCode> failure(Question question) {
    try {
      question(*broker);
      return std::nullopt;
    } catch (const Error& error) {
      return error.code();
    }
  }
  [[nodiscard]] std::optional<ErrorCode> poll_failure() {
    return failure([](BrokerConnector& b) { static_cast<void>(b.poll("")); });
  }
  [[nodiscard]] std::optional<ErrorCode> book_failure() {
    return failure([](BrokerConnector& b) { static_cast<void>(b.book()); });
  }

  FakeClock clock;
  std::unique_ptr<BrokerConnector> broker;
};

const std::vector<Maker> kBoth = {make_zerodha_mock, make_alpaca_mock};

}  // namespace

TEST_CASE("an answer lost after the order was accepted is in doubt, and the broker has the order") {
  for (const char* fault : {"lose_answer", "server_error status=502", "garbage", "hang for=5s"}) {
    for (const Maker make : kBoth) {
      CAPTURE(fault);
      FaultyBroker mock("place nth=2: " + std::string(fault), make);
      const Timestamp begin = mock.clock.now();
      CHECK(mock.place("a").outcome == SendOutcome::kAccepted);
      const SendResult result = mock.place("b");
      CHECK(result.outcome == SendOutcome::kInDoubt);
      CHECK_FALSE(result.reason.empty());
      CHECK(result.ext_order_id.empty());
      CHECK(mock.holds("b"));
      CHECK(mock.place("c").outcome == SendOutcome::kAccepted);
      const bool hangs = std::string(fault).starts_with("hang");
      CHECK(mock.clock.now() - begin == std::chrono::seconds(hangs ? 5 : 0));
    }
  }
}

TEST_CASE("the reason of a doubt names what came instead of an answer") {
  CHECK(FaultyBroker("place always: server_error status=502").place("a").reason.find("502") == 0);
  CHECK(FaultyBroker("place always: garbage").place("a").reason.find("does not parse") != std::string::npos);
  CHECK(FaultyBroker("place always: hang").place("a").reason == "no answer within 30000 ms");
}

TEST_CASE("a request lost on its way is in doubt, and the broker has no order") {
  FaultyBroker mock("place nth=1: lose_request");
  CHECK(mock.place("a").outcome == SendOutcome::kInDoubt);
  CHECK_FALSE(mock.holds("a"));
  CHECK(mock.place("a").outcome == SendOutcome::kAccepted);
}

TEST_CASE("a refused connection and a throttled request are not sent") {
  FaultyBroker mock("place nth=1: refuse_connection\nplace from=2 to=4: throttle");
  CHECK(mock.place("a").outcome == SendOutcome::kNotSent);
  for (int i = 0; i < 3; ++i) {
    const SendResult result = mock.place("a");
    CHECK(result.outcome == SendOutcome::kNotSent);
    CHECK(result.reason.starts_with("429"));
  }
  CHECK_FALSE(mock.holds("a"));
  CHECK(mock.place("a").outcome == SendOutcome::kAccepted);
}

TEST_CASE("a definite refusal leaves nothing at the broker") {
  FaultyBroker mock("place nth=1: reject\ncancel nth=1: reject\nreplace nth=1: reject", make_zerodha_mock);
  CHECK(mock.place("a").outcome == SendOutcome::kRejected);
  CHECK(mock.broker->book().orders.empty());
  const Order order = placed(*mock.broker, mock_order("b"));
  CHECK(mock.broker->replace(order, {"r", quantity("20"), {}}).outcome == SendOutcome::kRejected);
  CHECK(mock.broker->cancel(order).outcome == SendOutcome::kRejected);
  CHECK(mock.broker->look_up("b").order.status == OrderStatus::kAcked);
  CHECK(mock.broker->look_up("b").order.qty == quantity("10"));
}

TEST_CASE("each order of one request has a fate of its own") {
  FaultyBroker mock("place nth=2: lose_answer\nplace nth=3: throttle");
  const std::vector<Order> orders = {mock_order("a"), mock_order("b"), mock_order("c"), mock_order("d")};
  const auto results = mock.broker->place(orders);
  REQUIRE(results.size() == 4);
  CHECK(results[0].outcome == SendOutcome::kAccepted);
  CHECK(results[1].outcome == SendOutcome::kInDoubt);
  CHECK(results[2].outcome == SendOutcome::kNotSent);
  CHECK(results[3].outcome == SendOutcome::kAccepted);
  CHECK(mock.broker->book().orders.size() == 3);
  CHECK(mock.broker->place({}).empty());
}

TEST_CASE("a cancel and a replace whose answer is lost have happened, those lost on their way have not") {
  FaultyBroker mock(
      "cancel nth=1: lose_request\ncancel nth=2: lose_answer\n"
      "replace nth=1: lose_request\nreplace nth=2: garbage");
  const Order order = placed(*mock.broker, mock_order("a"));
  const ReplaceRequest request{"a-r1", quantity("20"), {}};
  CHECK(mock.broker->replace(order, request).outcome == SendOutcome::kInDoubt);
  CHECK(mock.broker->look_up("a").order.qty == quantity("10"));
  CHECK(mock.broker->replace(order, request).outcome == SendOutcome::kInDoubt);
  CHECK(mock.broker->look_up("a").order.qty == quantity("20"));
  CHECK(mock.broker->cancel(order).outcome == SendOutcome::kInDoubt);
  CHECK(mock.broker->look_up("a").order.status == OrderStatus::kAcked);
  CHECK(mock.broker->cancel(order).outcome == SendOutcome::kInDoubt);
  CHECK(mock.broker->look_up("a").order.status == OrderStatus::kCancelled);
}

TEST_CASE("a question without an answer tells nothing, and never that an order is not there") {
  for (const char* fault : {"lose_request", "lose_answer", "server_error", "garbage", "hang for=1s",
                            "refuse_connection", "throttle", "down"}) {
    CAPTURE(fault);
    const std::string words = fault;
    FaultyBroker mock("look_up nth=1: " + words + "\nbook nth=1: " + words + "\npoll nth=1: " + words);
    static_cast<void>(mock.place("a"));
    const LookUp answer = mock.broker->look_up("a");
    CHECK(answer.kind == LookUp::Kind::kNoAnswer);
    CHECK_FALSE(answer.reason.empty());
    CHECK(mock.book_failure() == ErrorCode::kBrokerInDoubt);
    CHECK(mock.poll_failure() == ErrorCode::kBrokerInDoubt);
    CHECK(mock.holds("a"));
    CHECK(mock.broker->book().orders.size() == 1);
    CHECK(mock.broker->poll("").reports.size() == 1);
  }
}

TEST_CASE("a look-up that lags finds no order younger than the lag") {
  FaultyBroker mock("look_up always: lag for=2s");
  static_cast<void>(mock.place("a"));
  CHECK(mock.broker->look_up("a").kind == LookUp::Kind::kNotFound);
  mock.clock.advance(std::chrono::milliseconds(1999));
  CHECK(mock.broker->look_up("a").kind == LookUp::Kind::kNotFound);
  CHECK(mock.broker->book().orders.size() == 1);
  mock.clock.advance(std::chrono::milliseconds(1));
  CHECK(mock.broker->look_up("a").kind == LookUp::Kind::kFound);
}

TEST_CASE("a broker that goes down answers nothing until its time is over") {
  FaultyBroker mock("place nth=2: down for=10m");
  const Order order = placed(*mock.broker, mock_order("a"));
  CHECK(mock.place("b").outcome == SendOutcome::kNotSent);
  for (const int minutes : {0, 9}) {
    mock.clock.advance(std::chrono::minutes(minutes));
    CHECK(mock.place("c").outcome == SendOutcome::kNotSent);
    CHECK(mock.broker->cancel(order).outcome == SendOutcome::kNotSent);
    CHECK(mock.broker->replace(order, {"r", quantity("20"), {}}).outcome == SendOutcome::kNotSent);
    CHECK(mock.broker->look_up("a").kind == LookUp::Kind::kNoAnswer);
    CHECK(mock.book_failure() == ErrorCode::kBrokerInDoubt);
    CHECK(mock.poll_failure() == ErrorCode::kBrokerInDoubt);
  }
  mock.clock.advance(std::chrono::minutes(1));
  CHECK(mock.place("c").outcome == SendOutcome::kAccepted);
  CHECK(mock.holds("a"));
  CHECK_FALSE(mock.holds("b"));
}

TEST_CASE("a broker that is down for the day is there again on its own next day") {
  FaultyBroker mock("place nth=1: down for=day", make_zerodha_mock);
  mock.clock.set(*parse_timestamp("2026-01-05T04:00:00Z"));
  CHECK(mock.place("a").outcome == SendOutcome::kNotSent);
  mock.clock.set(*parse_timestamp("2026-01-05T18:29:59.999999Z"));
  CHECK(mock.place("b").outcome == SendOutcome::kNotSent);
  mock.clock.set(*parse_timestamp("2026-01-05T18:30:00Z"));  // midnight in India
  CHECK(mock.place("c").outcome == SendOutcome::kAccepted);
}

TEST_CASE("a broker that is always down never answers") {
  FaultyBroker mock("any always: down");
  CHECK(mock.place("a").outcome == SendOutcome::kNotSent);
  mock.clock.advance(std::chrono::hours(24 * 365));
  CHECK(mock.broker->look_up("a").kind == LookUp::Kind::kNoAnswer);
}

TEST_CASE("the rules of any count all requests together") {
  FaultyBroker mock("any nth=3: throttle");
  CHECK(mock.place("a").outcome == SendOutcome::kAccepted);
  CHECK(mock.holds("a"));
  CHECK(mock.poll_failure() == ErrorCode::kBrokerInDoubt);
  CHECK(mock.place("b").outcome == SendOutcome::kAccepted);
}

TEST_CASE("the same seed, script and requests go wrong in the same way, and another seed in another") {
  const auto run = [](const std::string& seed) {
    FakeClock clock;
    const std::string script =
        R"(place chance=1/4: lose_answer\nplace chance=1/4: throttle\norder chance=1/3: duplicate_ack)";
    const auto broker = make_alpaca_mock(
        {.config_json = R"({"seed": )" + seed + R"(, "fault_script": ")" + script + "\"}"}, clock);
    std::string trace;
    for (int i = 0; i < 60; ++i) {
      const SendResult result = place_one(*broker, mock_order("id" + std::to_string(i)));
      trace += std::to_string(static_cast<int>(result.outcome)) + result.reason + ";";
    }
    for (const BrokerReport& report : all_reports(*broker)) trace += report.client_order_id + ",";
    return trace;
  };
  CHECK(run("7") == run("7"));
  CHECK(run("7") != run("8"));
}

TEST_CASE("a script that does not parse refuses the connector and names the line") {
  FakeClock clock;
  for (const Maker make : kBoth) {
    try {
      static_cast<void>(make({.config_json = R"({"fault_script": "# one\nplace nth=2: explode"})"}, clock));
      FAIL("no exception");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kConfiguration);
      CHECK(std::string(error.what()).find("fault_script line 2: \"explode\" is no fault") !=
            std::string::npos);
    }
    CHECK_THROWS_AS(static_cast<void>(make({.config_json = R"({"fault_script": 1})"}, clock)), Error);
  }
}
