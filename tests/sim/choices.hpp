// What may go wrong at a point of a run, and a run's choices as data.
//
// Every call through a port asks for one choice: a small number, 0 = nothing special. A case is a scenario
// and the few choices that are not 0, by position, so that it can be repeated, shortened and written down:
//
//   case     := scenario ('.' position '-' deviation)*
//   scenario := broker class (E, W, T, N) orders (1, 2) '.' program '.' order of its steps
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/router.hpp"

namespace orchestrator::sim {

enum class Deviation : std::uint8_t {
  kNone,
  kCrash,  // the process dies before the call takes effect
  // Another process runs in between: places the same request, places another request under the same key, does
  // one round of everything, recovers after this one's lease is over, pulls the stop switch.
  kTwin,
  kRival,
  kPeer,
  kZombie,
  kHalt,
  // This machine's wall clock jumps.
  kDayAhead,
  kDayBack,
  // The store: not now; done, but the answer is lost; not done, and no answer; somebody was faster.
  kBusy,
  kUnsureDone,
  kUnsureUndone,
  kConflict,
  // The broker's answer is lost after it acted, or the request before it; and so on.
  kLostAfter,
  kLostBefore,
  kNotSent,
  kReject,
  kGarbage,
  kThrow,
  kLag,  // acted, the answer is lost, and look-ups do not show it at once
  kFillFirst,
  kFillFirstLost,
  kSilence,
  kTwice,
  kReversed,
  // The cache forgets; the event bus takes nothing, confirms nothing, or loses a part.
  kFlush,
  kRefused,
  kUnconfirmed,
  kPartly,
  kLate,  // no answer, and the request arrives when its sender has long given it up
};
inline constexpr int kDeviationCount = 30;

[[nodiscard]] std::string_view to_string(Deviation deviation);
[[nodiscard]] std::optional<Deviation> parse_deviation(std::string_view name);

// A set of deviations.
using Options = std::uint32_t;
template <class... Each>
[[nodiscard]] constexpr Options options_of(Each... each) {
  return (Options{0} | ... | (Options{1} << static_cast<unsigned>(each)));
}
[[nodiscard]] constexpr bool holds(Options options, Deviation deviation) {
  return (options & options_of(deviation)) != 0;
}

// What a process can call through its ports.
enum class Call : std::uint8_t {
  kStoreRead,
  kStoreWrite,  // reference data, expiry, outbox: no outcome to be unsure of that matters
  kAccept,
  kClaim,
  kCommit,
  kMarkPublished,
  kCacheFind,
  kCacheRemember,
  kBrokerPlace,
  kBrokerCancel,
  kBrokerReplace,
  kBrokerLookUp,
  kBrokerPoll,
  kBrokerBook,
  kBusSend,
  kReturn,  // the answer to the client
};
[[nodiscard]] std::string_view to_string(Call call);
[[nodiscard]] Options options_of(Call call);

enum class Program : std::uint8_t { kPlace, kFill, kCancel, kReplace, kBust, kChange, kResend };
inline constexpr std::array kPrograms = {Program::kPlace,   Program::kFill, Program::kCancel,
                                         Program::kReplace, Program::kBust, Program::kChange,
                                         Program::kResend};
[[nodiscard]] std::string_view to_string(Program program);

struct Scenario {
  BrokerClass broker_class = BrokerClass::kEnforced;
  int orders = 1;
  Program program = Program::kPlace;
  int permutation = 0;  // which order of the program's steps
};

struct Choice {
  int position = 0;
  Deviation deviation = Deviation::kNone;
};

// A point at which a choice was asked for, and what it could have been.
struct Offer {
  int position = 0;
  Options options = 0;
};

struct Case {
  Scenario scenario;
  std::vector<Choice> choices;  // by position; every other choice is 0
};

[[nodiscard]] std::string to_string(const Case& which);
[[nodiscard]] std::optional<Case> parse_case(std::string_view text);

}  // namespace orchestrator::sim
