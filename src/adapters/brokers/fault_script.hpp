// What goes wrong at a mock broker, and when: the parser and the matcher of MockBrokerOptions'
// "fault_script".
//
//   script   = line*
//   line     = [rule] ["#" comment]
//   rule     = moment selector+ ":" fault argument*
//   moment   = "place" | "cancel" | "replace" | "look_up" | "book" | "poll" | "any" | "order"
//   selector = "always" | "nth=" N | "every=" N | "from=" N | "to=" N | "chance=" N "/" N | "symbol=" text
//   argument = name "=" value
//
// All selectors of a rule must hold. Pure, and without state: who asks says which request it is, so the same
// seed, script and numbers give the same faults. What each fault does is told in docs/fault_scripts.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/decimal.hpp"

namespace orchestrator::brokers {

// kOrder is no request: such a rule is about the whole life of the order of that number.
enum class Moment : std::uint8_t { kPlace, kCancel, kReplace, kLookUp, kBook, kPoll, kAny, kOrder };
inline constexpr int kMomentCount = 8;

enum class FaultKind : std::uint8_t {
  // Of a request: the broker does not carry it out ...
  kLoseRequest,
  kRefuseConnection,
  kThrottle,
  kDown,
  kReject,
  // ... or does, and the answer is not one.
  kLoseAnswer,
  kServerError,
  kGarbage,
  kHang,
  kLag,  // of a look-up
  // Of an order: what the broker does with it ...
  kOverfill,
  kFillAfterCancel,
  kBust,
  kCorrect,
  // ... and how it tells.
  kLateAck,
  kDuplicateAck,
  kSecondId,
  kFillBeforeAck,
  kOutOfOrderFills,
  kDuplicateFills,
  kCumulativeFills,
  kBustUnknown,
  kDropReports,
  kStrayFill,
  kCrossedFills,
  kWrongPrice,
  kWrongSide,
};

struct Fault {
  enum class Reports : std::uint8_t { kAll, kAcks, kFills };

  FaultKind kind = FaultKind::kLoseAnswer;
  std::optional<std::chrono::microseconds> duration = {};  // for=
  bool rest_of_day = false;                                // for=day
  std::int64_t polls = 0;
  std::int64_t status = 500;
  std::int64_t factor = 1;
  std::optional<Quantity> qty = {};
  std::optional<Price> price = {};
  Reports reports = Reports::kAll;  // what=
};

class FaultScript {
 public:
  // Throws Error(configuration): "<what> line 3: ...", what is wrong and what is allowed.
  [[nodiscard]] static FaultScript parse(std::string_view text, std::uint64_t seed, const std::string& what);

  [[nodiscard]] bool empty() const { return rules_.empty(); }
  // Whether any rule is about orders.
  [[nodiscard]] bool about_orders() const { return about_orders_; }

  // What happens to the `nth` request of its moment, the `nth_of_any` of all, both from 1: the first rule
  // that holds; nullptr: nothing. `symbol` is empty for a request that names none.
  [[nodiscard]] const Fault* of_request(Moment moment, std::int64_t nth, std::int64_t nth_of_any,
                                        std::string_view symbol) const;
  // Whether this happens to the order of that number, from 1.
  [[nodiscard]] const Fault* of_order(FaultKind kind, std::int64_t number, std::string_view symbol) const;

 private:
  struct Rule {
    std::int64_t line = 0;
    Moment moment = Moment::kAny;
    std::int64_t nth = 0;  // 0: not given, as below
    std::int64_t every = 0;
    std::int64_t from = 0;
    std::int64_t to = 0;
    std::int64_t chance = 0;  // in `chance_of` cases
    std::int64_t chance_of = 0;
    std::string symbol;
    Fault fault;
  };
  class Reader;

  [[nodiscard]] bool holds(const Rule& rule, std::int64_t number, std::string_view symbol) const;

  std::vector<Rule> rules_;
  std::uint64_t seed_ = 0;
  bool about_orders_ = false;
};

}  // namespace orchestrator::brokers
