#include "sim/choices.hpp"

#include <charconv>

namespace orchestrator::sim {
namespace {

using enum Deviation;

constexpr std::array<std::string_view, kDeviationCount> kDeviationNames = {
    "none",        "crash",
    "twin",        "rival",
    "peer",        "zombie",
    "halt",        "day_ahead",
    "day_back",    "busy",
    "unsure_done", "unsure_undone",
    "conflict",    "lost_after",
    "lost_before", "not_sent",
    "reject",      "garbage",
    "throw",       "lag",
    "fill_first",  "fill_first_lost",
    "silence",     "twice",
    "reversed",    "flush",
    "refused",     "unconfirmed",
    "partly",      "late",
};

constexpr std::array<std::string_view, 16> kCallNames = {
    "store.read",   "store.write",          "store.accept",   "store.claim",
    "store.commit", "store.mark_published", "cache.find",     "cache.remember",
    "broker.place", "broker.cancel",        "broker.replace", "broker.look_up",
    "broker.poll",  "broker.book",          "bus.send",       "return",
};

constexpr std::array<std::string_view, kPrograms.size()> kProgramNames = {
    "place", "fill", "cancel", "replace", "bust", "change", "resend"};

constexpr std::string_view kClassLetters = "EWTN";

// Whatever can come between any two calls.
constexpr Options kBetween = options_of(kTwin, kRival, kPeer, kZombie, kHalt, kDayAhead, kDayBack);
constexpr Options kWrite = kBetween | options_of(kCrash, kBusy);

std::optional<int> take_number(std::string_view& text) {
  int number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  return number;
}

// The text up to the next dot, taken off `text`.
std::string_view take_part(std::string_view& text) {
  const std::size_t dot = text.find('.');
  const std::string_view part = text.substr(0, dot);
  text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  return part;
}

template <std::size_t Size>
std::optional<std::size_t> index_of(const std::array<std::string_view, Size>& names, std::string_view name) {
  for (std::size_t i = 0; i < Size; ++i) {
    if (names[i] == name) return i;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Deviation> parse_deviation(std::string_view name) {
  const auto deviation = index_of(kDeviationNames, name);
  if (!deviation) return std::nullopt;
  return static_cast<Deviation>(*deviation);
}

namespace {

std::optional<Choice> parse_choice(std::string_view part) {
  const auto position = take_number(part);
  if (!position || part.empty() || part.front() != '-') return std::nullopt;
  const auto deviation = parse_deviation(part.substr(1));
  if (!deviation) return std::nullopt;
  return Choice{*position, *deviation};
}

}  // namespace

std::string_view to_string(Deviation deviation) {
  return kDeviationNames[static_cast<std::size_t>(deviation)];
}
std::string_view to_string(Call call) { return kCallNames[static_cast<std::size_t>(call)]; }
std::string_view to_string(Program program) { return kProgramNames[static_cast<std::size_t>(program)]; }

// A crash between two reads leaves what a crash before the next effect leaves: only effects are offered one.
Options options_of(Call call) {
  switch (call) {
    case Call::kStoreRead:
      return kBetween | options_of(kBusy);
    case Call::kStoreWrite:
      return kWrite;
    case Call::kAccept:
    case Call::kClaim:
    case Call::kMarkPublished:
      return kWrite | options_of(kUnsureDone, kUnsureUndone);
    case Call::kCommit:
      return kWrite | options_of(kUnsureDone, kUnsureUndone, kConflict);
    case Call::kCacheFind:
      return options_of(kFlush);
    case Call::kCacheRemember:
      return options_of(kFlush, kCrash);
    case Call::kBrokerPlace:
      return kBetween | options_of(kCrash, kLostAfter, kLostBefore, kNotSent, kReject, kGarbage, kThrow, kLag,
                                   kFillFirst, kFillFirstLost, kLate);
    case Call::kBrokerCancel:
    case Call::kBrokerReplace:
      return kBetween | options_of(kCrash, kLostAfter, kLostBefore, kNotSent, kReject);
    case Call::kBrokerLookUp:
      return kBetween | options_of(kSilence);
    case Call::kBrokerPoll:
      return kBetween | options_of(kSilence, kTwice, kReversed);
    case Call::kBrokerBook:
      return options_of(kSilence);
    case Call::kBusSend:
      return kBetween | options_of(kCrash, kThrow, kRefused, kUnconfirmed, kTwice, kPartly);
    case Call::kReturn:
      return options_of(kCrash);
  }
  return 0;
}

std::string to_string(const Case& which) {
  std::string text(1, kClassLetters[static_cast<std::size_t>(which.scenario.broker_class)]);
  text += std::to_string(which.scenario.orders) + "." + std::string(to_string(which.scenario.program)) + "." +
          std::to_string(which.scenario.permutation);
  for (const Choice& choice : which.choices) {
    text += "." + std::to_string(choice.position) + "-" + std::string(to_string(choice.deviation));
  }
  return text;
}

std::optional<Case> parse_case(std::string_view text) {
  Case which;
  const std::string_view world = take_part(text);
  const auto program = index_of(kProgramNames, take_part(text));
  const auto letter = world.size() == 2 ? kClassLetters.find(world[0]) : std::string_view::npos;
  if (letter == std::string_view::npos || (world[1] != '1' && world[1] != '2') || !program)
    return std::nullopt;
  which.scenario = {static_cast<BrokerClass>(letter), world[1] - '0', static_cast<Program>(*program), 0};
  std::string_view permutation = take_part(text);
  const auto number = take_number(permutation);
  if (!number || !permutation.empty()) return std::nullopt;
  which.scenario.permutation = *number;
  while (!text.empty()) {
    const auto choice = parse_choice(take_part(text));
    if (!choice) return std::nullopt;
    which.choices.push_back(*choice);
  }
  return which;
}

}  // namespace orchestrator::sim
