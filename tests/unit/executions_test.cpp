// Which executions count.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/executions.hpp"

using namespace orchestrator;

namespace {

constexpr std::uint64_t kSeed = 4711;

Execution make_execution(ExecutionKind kind, std::string id, std::string ref, int qty, int price,
                         int seconds = 0) {
  Execution execution;
  execution.broker = "mock";
  execution.account = "A";
  execution.execution_id = std::move(id);
  execution.order_id = 1;
  execution.kind = kind;
  execution.ref_execution_id = std::move(ref);
  execution.qty = Quantity::from_int(qty);
  execution.price = Price::from_int(price);
  execution.fees = Money::from_int(1);
  execution.executed_at = Timestamp(std::chrono::seconds(seconds));
  return execution;
}

Execution trade(std::string id, int qty, int price, int seconds = 0) {
  return make_execution(ExecutionKind::kTrade, std::move(id), "", qty, price, seconds);
}
Execution bust(std::string id, std::string ref) {
  return make_execution(ExecutionKind::kBust, std::move(id), std::move(ref), 0, 0);
}
Execution correct(std::string id, std::string ref, int qty, int price, int seconds = 0) {
  return make_execution(ExecutionKind::kCorrect, std::move(id), std::move(ref), qty, price, seconds);
}

// "qty notional fees", the same for every order of the executions and any repetitions; else "differs".
std::string totals_of(std::vector<Execution> executions) {
  const auto by_id = [](const Execution& a, const Execution& b) { return a.execution_id < b.execution_id; };
  std::sort(executions.begin(), executions.end(), by_id);
  std::string result;
  do {
    for (const bool repeated : {false, true}) {
      std::vector<Execution> rows = executions;
      if (repeated) rows.insert(rows.end(), executions.begin(), executions.end());
      const ExecutionTotals totals = fold(rows);
      const std::string text =
          totals.qty.to_string() + " " + totals.notional.to_string() + " " + totals.fees.to_string();
      if (!result.empty() && result != text) return "differs";
      result = text;
    }
  } while (std::next_permutation(executions.begin(), executions.end(), by_id));
  return result;
}

}  // namespace

TEST_CASE("trades add up") {
  CHECK(totals_of({}) == "0 0 0");
  CHECK(totals_of({trade("1", 10, 100)}) == "10 1000 1");
  CHECK(totals_of({trade("1", 10, 100), trade("2", 5, 101), trade("3", 1, 99)}) == "16 1604 3");
}

TEST_CASE("a bust takes its trade back, before or after it") {
  CHECK(totals_of({trade("1", 10, 100), trade("2", 5, 101), bust("3", "1")}) == "5 505 1");
  CHECK(totals_of({trade("1", 10, 100), bust("2", "unseen")}) == "10 1000 1");
}

TEST_CASE("a correction stands in the place of its trade, before or after it") {
  CHECK(totals_of({trade("1", 10, 100), correct("2", "1", 8, 101)}) == "8 808 1");
  CHECK(totals_of({correct("2", "unseen", 8, 101)}) == "8 808 1");
}

TEST_CASE("a correction can be corrected") {
  CHECK(totals_of({trade("1", 10, 100), correct("2", "1", 8, 101), correct("3", "2", 9, 102)}) == "9 918 1");
  // The middle of the chain may be the one that comes last, or wear the smallest id.
  CHECK(totals_of({trade("9", 10, 100), correct("1", "9", 8, 101), correct("5", "1", 9, 102)}) == "9 918 1");
}

TEST_CASE("busting a correction restores nothing") {
  CHECK(totals_of({trade("1", 10, 100), correct("2", "1", 8, 101), bust("3", "2")}) == "0 0 0");
}

TEST_CASE("busting the original takes its corrections back too") {
  CHECK(totals_of({trade("1", 10, 100), correct("2", "1", 8, 101), bust("3", "1")}) == "0 0 0");
}

TEST_CASE("of two corrections of the same execution the later one stands alone") {
  CHECK(totals_of({trade("1", 10, 100), correct("2", "1", 8, 101, 7), correct("3", "1", 9, 102, 5)}) ==
        "8 808 1");
  CHECK(totals_of({trade("1", 10, 100), correct("2", "1", 8, 101), correct("3", "1", 9, 102)}) == "9 918 1");
  CHECK(totals_of({correct("2", "unseen", 8, 101), correct("3", "unseen", 9, 102)}) == "9 918 1");
}

TEST_CASE("references that make no sense count nothing twice") {
  CHECK(totals_of({correct("1", "1", 8, 101)}) == "0 0 0");
  CHECK(totals_of({correct("1", "2", 8, 101), correct("2", "1", 9, 102)}) == "0 0 0");
  CHECK(totals_of({trade("1", 10, 100), bust("2", "")}) == "10 1000 1");
  CHECK(totals_of({trade("1", 10, 100), correct("2", "", 8, 101)}) == "18 1808 2");
}

TEST_CASE("executions of another account are others, whatever their ids") {
  Execution other = bust("2", "1");
  other.account = "B";
  CHECK(totals_of({trade("1", 10, 100), other}) == "10 1000 1");
  Execution same_id = trade("1", 5, 100);
  same_id.account = "B";
  CHECK(fold(std::vector{trade("1", 10, 100), same_id}).qty == Quantity::from_int(15));
}

TEST_CASE("the last execution is the last one that counts") {
  CHECK_FALSE(fold({}).last);
  CHECK(fold(std::vector{trade("1", 1, 1, 5), trade("2", 1, 1, 3)}).last ==
        Timestamp(std::chrono::seconds(5)));
  CHECK(fold(std::vector{trade("1", 1, 1, 5), trade("2", 1, 1, 3), bust("3", "1")}).last ==
        Timestamp(std::chrono::seconds(3)));
  CHECK_FALSE(fold(std::vector{trade("1", 1, 1, 5), bust("3", "1")}).last);
}

TEST_CASE("a bust or correction is told, known to us or not") {
  CHECK_FALSE(fold(std::vector{trade("1", 1, 1)}).any_bust);
  CHECK(fold(std::vector{trade("1", 1, 1), bust("2", "1")}).any_bust);
  CHECK(fold(std::vector{trade("1", 1, 1), correct("2", "1", 1, 1)}).any_bust);
  CHECK(fold(std::vector{bust("2", "unseen")}).any_bust);
}

TEST_CASE("any set of executions folds to the sum of what stands in each chain") {
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 500; ++round) {
    std::vector<Execution> executions;
    Quantity expected;
    int id = 0;
    for (std::uint64_t family = random() % 6; family > 0; --family) {
      int qty = static_cast<int>(random() % 100) + 1;
      std::string last = std::to_string(++id);
      executions.push_back(trade(last, qty, 10));
      for (std::uint64_t links = random() % 4; links > 0; --links) {
        qty = static_cast<int>(random() % 100) + 1;
        std::string next = std::to_string(++id);
        executions.push_back(correct(next, last, qty, 10));
        last = next;
      }
      if (random() % 3 == 0) {
        executions.push_back(bust(std::to_string(++id), last));
        qty = 0;
      }
      expected += Quantity::from_int(qty);
    }
    for (std::uint64_t more = random() % 4; more > 0 && !executions.empty(); --more) {
      executions.push_back(executions[random() % executions.size()]);
    }
    std::shuffle(executions.begin(), executions.end(), random);
    const ExecutionTotals totals = fold(executions);
    INFO("round " << round);
    REQUIRE(totals.qty == expected);
    REQUIRE(totals.notional == Price::from_int(10) * expected);
  }
}
