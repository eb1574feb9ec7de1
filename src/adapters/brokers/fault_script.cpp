// Pure: text to rules, and which rule holds when.
//
// Invariant: a script that parses has nothing in it that could never work: every fault stands at a moment at
// which it can happen, with the arguments that it takes and no others.

#include "adapters/brokers/fault_script.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "codec/json_events.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::brokers {

namespace {

constexpr std::array<std::string_view, kMomentCount> kMoments = {"place", "cancel", "replace", "look_up",
                                                                 "book",  "poll",   "any",     "order"};

// At which moments a fault can happen.
enum class Place : std::uint8_t { kRequest, kChange, kLookUp, kOrder };

struct FaultWord {
  std::string_view name;
  FaultKind kind;
  Place place;
  std::string_view arguments;  // in the order of the documentation, each followed by a blank
  std::string_view required;   // one of these must be given; empty: none
};

constexpr std::array kFaults = {
    FaultWord{"lose_request", FaultKind::kLoseRequest, Place::kRequest, "", ""},
    FaultWord{"refuse_connection", FaultKind::kRefuseConnection, Place::kRequest, "", ""},
    FaultWord{"throttle", FaultKind::kThrottle, Place::kRequest, "", ""},
    FaultWord{"down", FaultKind::kDown, Place::kRequest, "for ", ""},
    FaultWord{"lose_answer", FaultKind::kLoseAnswer, Place::kRequest, "", ""},
    FaultWord{"server_error", FaultKind::kServerError, Place::kRequest, "status ", ""},
    FaultWord{"garbage", FaultKind::kGarbage, Place::kRequest, "", ""},
    FaultWord{"hang", FaultKind::kHang, Place::kRequest, "for ", ""},
    FaultWord{"reject", FaultKind::kReject, Place::kChange, "", ""},
    FaultWord{"lag", FaultKind::kLag, Place::kLookUp, "for ", "for "},
    FaultWord{"overfill", FaultKind::kOverfill, Place::kOrder, "qty ", "qty "},
    FaultWord{"fill_after_cancel", FaultKind::kFillAfterCancel, Place::kOrder, "qty ", ""},
    FaultWord{"bust", FaultKind::kBust, Place::kOrder, "", ""},
    FaultWord{"correct", FaultKind::kCorrect, Place::kOrder, "qty price ", "qty price "},
    FaultWord{"late_ack", FaultKind::kLateAck, Place::kOrder, "polls for ", "polls for "},
    FaultWord{"duplicate_ack", FaultKind::kDuplicateAck, Place::kOrder, "", ""},
    FaultWord{"second_id", FaultKind::kSecondId, Place::kOrder, "", ""},
    FaultWord{"fill_before_ack", FaultKind::kFillBeforeAck, Place::kOrder, "", ""},
    FaultWord{"out_of_order_fills", FaultKind::kOutOfOrderFills, Place::kOrder, "", ""},
    FaultWord{"duplicate_fills", FaultKind::kDuplicateFills, Place::kOrder, "", ""},
    FaultWord{"cumulative_fills", FaultKind::kCumulativeFills, Place::kOrder, "", ""},
    FaultWord{"bust_unknown", FaultKind::kBustUnknown, Place::kOrder, "", ""},
    FaultWord{"drop_reports", FaultKind::kDropReports, Place::kOrder, "what ", ""},
    FaultWord{"stray_fill", FaultKind::kStrayFill, Place::kOrder, "", ""},
    FaultWord{"crossed_fills", FaultKind::kCrossedFills, Place::kOrder, "", ""},
    FaultWord{"wrong_price", FaultKind::kWrongPrice, Place::kOrder, "factor ", "factor "},
    FaultWord{"wrong_side", FaultKind::kWrongSide, Place::kOrder, "", ""},
};

bool fits(Place place, Moment moment) {
  switch (place) {
    case Place::kRequest:
      return moment != Moment::kOrder;
    case Place::kChange:
      return moment == Moment::kPlace || moment == Moment::kCancel || moment == Moment::kReplace;
    case Place::kLookUp:
      return moment == Moment::kLookUp;
    case Place::kOrder:
      return moment == Moment::kOrder;
  }
  return false;
}

// "a, b or c" of the names whose `wanted` holds.
template <class Words, class Wanted>
std::string listed(const Words& words, Wanted wanted) {
  std::vector<std::string_view> names;
  for (const auto& word : words) {
    if (const std::string_view name = wanted(word); !name.empty()) names.push_back(name);
  }
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text.append(i + 1 == names.size() ? " or " : ", ");
    text.append(names[i]);
  }
  return text;
}

std::vector<std::string_view> split(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string_view> words;
  while (true) {
    const auto begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(kBlanks), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

// "qty price " as "qty= or price=".
std::string shown_arguments(std::string_view arguments) {
  std::vector<std::string> names;
  for (const std::string_view name : split(arguments)) names.push_back(std::string(name) + "=");
  return listed(names, [](const std::string& name) { return std::string_view(name); });
}

bool contains_word(std::string_view words, std::string_view word) {
  return std::ranges::count(split(words), word) > 0;
}

// Every input bit moves about half of the output's.
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

}  // namespace

// Reads one line.
class FaultScript::Reader {
 public:
  Reader(const std::string& what, std::int64_t line) : what_(what) { rule_.line = line; }

  // nullopt: a line without a rule.
  std::optional<Rule> read(std::string_view line) {
    const std::string_view text = line.substr(0, std::min(line.find('#'), line.size()));
    const auto colon = text.find(':');
    const auto head = split(text.substr(0, std::min(colon, text.size())));
    if (head.empty() && colon == std::string_view::npos) return std::nullopt;
    if (colon == std::string_view::npos || head.empty()) {
      refuse("a rule reads \"moment selectors: fault arguments\", as in \"place nth=3: lose_answer\"");
    }
    read_moment(head.front());
    read_selectors(std::span(head).subspan(1));
    const auto tail = split(text.substr(colon + 1));
    if (tail.empty()) refuse("no fault after the colon; use " + faults_here());
    read_fault(tail.front());
    read_arguments(std::span(tail).subspan(1));
    return std::move(rule_);
  }

 private:
  [[noreturn]] void refuse(const std::string& message) const {
    throw Error(ErrorCode::kConfiguration, what_ + " line " + std::to_string(rule_.line) + ": " + message);
  }

  void read_moment(std::string_view word) {
    const auto found = std::ranges::find(kMoments, word);
    if (found == kMoments.end()) {
      refuse(codec::quote_for_message(word) + " is no moment; use " +
             listed(kMoments, [](std::string_view name) { return name; }));
    }
    rule_.moment = static_cast<Moment>(found - kMoments.begin());
  }

  void read_selectors(std::span<const std::string_view> words) {
    if (words.empty()) {
      refuse("which one is not said; use nth=, every=, from=, to=, chance=, symbol= or always");
    }
    for (const std::string_view word : words) {
      if (word == "always") continue;
      const auto [name, value] = name_and_value(word);
      if (name == "nth") {
        rule_.nth = number(name, value);
      } else if (name == "every") {
        rule_.every = number(name, value);
      } else if (name == "from") {
        rule_.from = number(name, value);
      } else if (name == "to") {
        rule_.to = number(name, value);
      } else if (name == "chance") {
        read_chance(value);
      } else if (name == "symbol") {
        read_symbol(value);
      } else {
        refuse(codec::quote_for_message(word) +
               " is no selector; use nth=, every=, from=, to=, chance=, symbol= or always");
      }
    }
    if (rule_.to != 0 && rule_.to < rule_.from) refuse("to= is below from=");
  }

  void read_chance(std::string_view value) {
    const auto slash = value.find('/');
    if (slash == std::string_view::npos) refuse("chance= must be a fraction, such as 1/20");
    rule_.chance = number("chance", value.substr(0, slash));
    rule_.chance_of = number("chance", value.substr(slash + 1));
    if (rule_.chance > rule_.chance_of) refuse("chance= must not be above 1/1");
  }

  void read_symbol(std::string_view value) {
    const bool named = rule_.moment == Moment::kPlace || rule_.moment == Moment::kCancel ||
                       rule_.moment == Moment::kReplace || rule_.moment == Moment::kOrder;
    if (!named) refuse("symbol= works at place, cancel, replace or order: other requests name no symbol");
    if (value.empty()) refuse("symbol= is empty");
    rule_.symbol = value;
  }

  [[nodiscard]] std::string faults_here() const {
    return listed(kFaults, [&](const FaultWord& fault) {
      return fits(fault.place, rule_.moment) ? fault.name : std::string_view();
    });
  }

  void read_fault(std::string_view word) {
    const auto found = std::ranges::find(kFaults, word, &FaultWord::name);
    if (found == kFaults.end()) {
      refuse(codec::quote_for_message(word) + " is no fault; use " + faults_here());
    }
    if (!fits(found->place, rule_.moment)) {
      refuse(std::string(word) + " cannot happen at " +
             std::string(kMoments.at(static_cast<std::size_t>(rule_.moment))) + "; use " + faults_here());
    }
    fault_ = &*found;
    rule_.fault.kind = found->kind;
  }

  void read_arguments(std::span<const std::string_view> words) {
    bool enough = fault_->required.empty();
    for (const std::string_view word : words) {
      const auto [name, value] = name_and_value(word);
      if (!contains_word(fault_->arguments, name)) {
        refuse(codec::quote_for_message(word) + " is no argument of " + std::string(fault_->name) + "; use " +
               (fault_->arguments.empty() ? "none" : shown_arguments(fault_->arguments)));
      }
      read_argument(name, value);
      enough = enough || contains_word(fault_->required, name);
    }
    if (!enough) refuse(std::string(fault_->name) + " needs " + shown_arguments(fault_->required));
  }

  void read_argument(std::string_view name, std::string_view value) {
    Fault& fault = rule_.fault;
    if (name == "for") {
      read_duration(value);
    } else if (name == "polls") {
      fault.polls = number(name, value);
    } else if (name == "factor") {
      fault.factor = number(name, value);
    } else if (name == "status") {
      fault.status = number(name, value);
      if (fault.status < 500 || fault.status > 599) refuse("status= must be 500 to 599");
    } else if (name == "qty") {
      fault.qty = decimal<Quantity>(name, value);
    } else if (name == "price") {
      fault.price = decimal<Price>(name, value);
    } else if (value == "acks" || value == "fills" || value == "all") {
      fault.reports = value == "acks"    ? Fault::Reports::kAcks
                      : value == "fills" ? Fault::Reports::kFills
                                         : Fault::Reports::kAll;
    } else {
      refuse("what= must be acks, fills or all");
    }
  }

  void read_duration(std::string_view value) {
    if (value == "day" && fault_->kind == FaultKind::kDown) {
      rule_.fault.rest_of_day = true;
      return;
    }
    const auto digits = std::min(value.find_first_not_of("0123456789"), value.size());
    const std::string_view unit = value.substr(digits);
    std::chrono::microseconds one{0};
    if (unit == "ms") one = std::chrono::milliseconds(1);
    if (unit == "s") one = std::chrono::seconds(1);
    if (unit == "m") one = std::chrono::minutes(1);
    if (unit == "h") one = std::chrono::hours(1);
    if (one.count() == 0 || digits == 0) {
      const char* day = fault_->kind == FaultKind::kDown ? ", or day (the rest of the broker's day)" : "";
      refuse("for= must be a number and ms, s, m or h, such as 500ms" + std::string(day));
    }
    rule_.fault.duration = one * number("for", value.substr(0, digits));
  }

  [[nodiscard]] std::pair<std::string_view, std::string_view> name_and_value(std::string_view word) const {
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) return {word, {}};
    return {word.substr(0, equals), word.substr(equals + 1)};
  }

  // Small enough that nothing computed from it overflows.
  [[nodiscard]] std::int64_t number(std::string_view name, std::string_view value) const {
    constexpr std::int64_t kMax = 1'000'000'000;
    std::int64_t read = 0;
    const char* const end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, read);
    if (error != std::errc() || stop != end || read < 1 || read > kMax) {
      refuse(std::string(name) + "= must be a whole number from 1 to " + std::to_string(kMax) + ", not " +
             codec::quote_for_message(value));
    }
    return read;
  }

  template <class Decimal>
  [[nodiscard]] Decimal decimal(std::string_view name, std::string_view value) const {
    const auto read = Decimal::parse(value);
    if (!read.ok() || !read.value.is_positive()) {
      refuse(std::string(name) + "= must be a decimal above 0, not " + codec::quote_for_message(value));
    }
    return read.value;
  }

  const std::string& what_;
  Rule rule_;
  const FaultWord* fault_ = nullptr;
};

FaultScript FaultScript::parse(std::string_view text, std::uint64_t seed, const std::string& what) {
  FaultScript script;
  script.seed_ = seed;
  for (std::int64_t line = 1; !text.empty(); ++line) {
    const auto end = std::min(text.find('\n'), text.size());
    if (auto rule = Reader(what, line).read(text.substr(0, end))) {
      script.about_orders_ = script.about_orders_ || rule->moment == Moment::kOrder;
      script.rules_.push_back(std::move(*rule));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return script;
}

bool FaultScript::holds(const Rule& rule, std::int64_t number, std::string_view symbol) const {
  if (rule.nth != 0 && number != rule.nth) return false;
  if (rule.every != 0 && number % rule.every != 0) return false;
  if (number < rule.from || (rule.to != 0 && number > rule.to)) return false;
  if (!rule.symbol.empty() && rule.symbol != symbol) return false;
  if (rule.chance == 0) return true;
  const std::uint64_t drawn =
      mix(mix(seed_ + static_cast<std::uint64_t>(rule.line)) + static_cast<std::uint64_t>(number));
  return drawn % static_cast<std::uint64_t>(rule.chance_of) < static_cast<std::uint64_t>(rule.chance);
}

const Fault* FaultScript::of_request(Moment moment, std::int64_t nth, std::int64_t nth_of_any,
                                     std::string_view symbol) const {
  for (const Rule& rule : rules_) {
    if (rule.moment == moment && holds(rule, nth, symbol)) return &rule.fault;
    if (rule.moment == Moment::kAny && holds(rule, nth_of_any, symbol)) return &rule.fault;
  }
  return nullptr;
}

const Fault* FaultScript::of_order(FaultKind kind, std::int64_t number, std::string_view symbol) const {
  for (const Rule& rule : rules_) {
    if (rule.moment == Moment::kOrder && rule.fault.kind == kind && holds(rule, number, symbol)) {
      return &rule.fault;
    }
  }
  return nullptr;
}

}  // namespace orchestrator::brokers
