#include "sim/draws.hpp"

#include <bit>
#include <charconv>
#include <string_view>

namespace orchestrator::sim {
namespace {

constexpr std::string_view kKindLetters = "scpme";

std::uint64_t key_of(const Place& place) {
  return (std::uint64_t{static_cast<std::uint8_t>(place.kind)} << 60) | (std::uint64_t{place.actor} << 52) |
         (std::uint64_t{place.activity & 0xFFF'FFFFU} << 24) | (place.index & 0xFF'FFFFU);
}

// A number below `bound`, from the upper half of `random`.
std::uint32_t scaled(std::uint64_t random, std::uint32_t bound) {
  return static_cast<std::uint32_t>(((random >> 32) * bound) >> 32);
}

}  // namespace

std::string to_string(const Place& place) {
  return kKindLetters[static_cast<std::size_t>(place.kind)] + std::to_string(place.actor) + "." +
         std::to_string(place.activity) + "." + std::to_string(place.index);
}

std::optional<Place> parse_place(std::string_view text) {
  const std::size_t kind = text.empty() ? std::string_view::npos : kKindLetters.find(text.front());
  if (kind == std::string_view::npos) return std::nullopt;
  text.remove_prefix(1);
  constexpr std::array<std::uint32_t, 3> kMax = {0xFF, 0xFFF'FFFF, 0xFF'FFFF};
  std::array<std::uint32_t, 3> numbers = {};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (read.ec != std::errc() || numbers[i] > kMax[i]) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    if (i + 1 == numbers.size()) break;
    if (text.empty() || text.front() != '.') return std::nullopt;
    text.remove_prefix(1);
  }
  if (!text.empty()) return std::nullopt;
  return Place{static_cast<ActorKind>(kind), static_cast<std::uint8_t>(numbers[0]), numbers[1], numbers[2]};
}

// The finaliser of SplitMix64.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9E37'79B9'7F4A'7C15U;
  value = (value ^ (value >> 30)) * 0xBF58'476D'1CE4'E5B9U;
  value = (value ^ (value >> 27)) * 0x94D0'49BB'1331'11EBU;
  return value ^ (value >> 31);
}

Draws::Draws(const std::vector<Draw>& given) : repeats_(true) {
  given_.reserve(given.size());
  for (const Draw& draw : given) given_[key_of(draw.place)] = draw.value;
}

std::uint32_t Draws::below(Activity& activity, std::uint32_t bound) {
  const Place place = activity.place_;
  ++activity.place_.index;
  if (bound < 2) return 0;
  return keep(place, repeats_ ? given(place, bound) : scaled(number(place), bound), false);
}

std::uint32_t Draws::rarely(Activity& activity, std::uint32_t per_mille, std::uint32_t bound) {
  const Place place = activity.place_;
  ++activity.place_.index;
  if (repeats_) return keep(place, given(place, bound), false);
  const std::uint64_t random = number(place);
  if (scaled(random, 1000) >= per_mille) return 0;
  return keep(place, 1 + scaled(mix(random), bound - 1), false);
}

std::uint32_t Draws::odds(Activity& activity, std::uint32_t bound) {
  const Place place = activity.place_;
  ++activity.place_.index;
  return repeats_ ? 0 : scaled(number(place), bound);
}

Deviation Draws::deviation(Activity& activity, Options options, const Rates& rates) {
  const Place place = activity.place_;
  ++activity.place_.index;
  std::uint32_t chosen = 0;
  if (repeats_) {
    chosen = given(place, kDeviationCount);
    if (!holds(options, static_cast<Deviation>(chosen))) chosen = 0;
  } else {
    std::uint64_t random = number(place) >> 32;
    for (Options rest = options; rest != 0; rest &= rest - 1) {
      const auto candidate = static_cast<std::uint32_t>(std::countr_zero(rest));
      if (random < rates[candidate]) {
        chosen = candidate;
        break;
      }
      random -= rates[candidate];
    }
  }
  return static_cast<Deviation>(keep(place, chosen, true));
}

std::uint32_t Draws::given(const Place& place, std::uint32_t bound) const {
  const auto at = given_.find(key_of(place));
  return at == given_.end() || at->second >= bound ? 0 : at->second;
}

std::uint64_t Draws::number(const Place& place) const { return mix(seed_ ^ mix(key_of(place))); }

std::uint32_t Draws::keep(const Place& place, std::uint32_t value, bool deviation) {
  if (value != 0) drawn_.push_back({place, value, deviation});
  return value;
}

}  // namespace orchestrator::sim
