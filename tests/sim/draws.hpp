// Every random decision of a swarm run is one draw: a small number, where 0 is the plainest (no fault,
// nothing to do). A draw has a place that does not depend on the draws of others: the actor, which of its
// activities, and which draw of that. So a run is given by its seed and, once it has been, by the draws that
// were not 0; leaving one of them out moves none of the others.
//
// Numbers come from a mixing function over seed and place, and ranges by multiplication: the same everywhere.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/choices.hpp"

namespace orchestrator::sim {

// setup s; client c; process p; the market m; the environment e.
enum class ActorKind : std::uint8_t { kSetup, kClient, kProcess, kMarket, kEnvironment };

struct Place {
  ActorKind kind = ActorKind::kSetup;
  std::uint8_t actor = 0;
  std::uint32_t activity = 0;
  std::uint32_t index = 0;
  auto operator<=>(const Place&) const = default;
};
[[nodiscard]] std::string to_string(const Place& place);  // p1.14.3
[[nodiscard]] std::optional<Place> parse_place(std::string_view text);

struct Draw {
  Place place;
  std::uint32_t value = 0;
  bool deviation = false;  // the value is one
  bool operator==(const Draw&) const = default;
};

[[nodiscard]] std::uint64_t mix(std::uint64_t value);

// What an actor does from one wake-up to the next.
class Activity {
 public:
  Activity(ActorKind kind, std::uint8_t actor) : place_{kind, actor, 0, 0} {}
  void next() { place_ = {place_.kind, place_.actor, place_.activity + 1, 0}; }
  [[nodiscard]] const Place& place() const { return place_; }

 private:
  friend class Draws;
  Place place_;
};

// How often each deviation strikes, of 2^32 calls that offer it.
using Rates = std::array<std::uint32_t, kDeviationCount>;

class Draws {
 public:
  explicit Draws(std::uint64_t seed) : seed_(seed) {}
  explicit Draws(const std::vector<Draw>& given);  // what is not among them is 0

  // 0 <= result < bound, each as likely as the others.
  std::uint32_t below(Activity& activity, std::uint32_t bound);
  // Not 0 with a chance of `per_mille`, and then below `bound`.
  std::uint32_t rarely(Activity& activity, std::uint32_t per_mille, std::uint32_t bound);
  // Like below(), for what only weighs other draws: 0 in a repetition, and not kept.
  std::uint32_t odds(Activity& activity, std::uint32_t bound);
  Deviation deviation(Activity& activity, Options options, const Rates& rates);

  // Those that were not 0, in the order they were drawn.
  [[nodiscard]] const std::vector<Draw>& drawn() const { return drawn_; }

 private:
  [[nodiscard]] std::uint32_t given(const Place& place, std::uint32_t bound) const;
  [[nodiscard]] std::uint64_t number(const Place& place) const;
  std::uint32_t keep(const Place& place, std::uint32_t value, bool deviation);

  const bool repeats_ = false;
  const std::uint64_t seed_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t> given_;  // by key of the place
  std::vector<Draw> drawn_;
};

}  // namespace orchestrator::sim
