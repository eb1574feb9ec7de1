#include "core/rate_window.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "orchestrator/error.hpp"

namespace orchestrator {
namespace {

constexpr std::int64_t kSlotsOfWindow = 10;

// Reads the next number; false at the end or at anything else.
template <class Number>
bool next_number(std::string_view& text, Number& number) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

// How many requests of this use the window may hold beside those of other uses.
std::size_t share_of(const RateLimit& limit, RateUse use) {
  if (use == RateUse::kCancel) return limit.requests_max;
  const std::size_t rest = limit.requests_max - std::min(limit.reserved_for_cancels, limit.requests_max);
  if (rest <= 1) return rest;
  if (use == RateUse::kOther) return rest / 2;
  return rest - std::min(std::max<std::size_t>(limit.requests_max / 10, 1), rest - 1);
}

// How many requests of all uses the window may hold for one of this use to leave.
std::size_t room_for(const RateLimit& limit, RateUse use) {
  const std::size_t reserved = use == RateUse::kCancel ? 0 : limit.reserved_for_cancels;
  return limit.requests_max - std::min(reserved, limit.requests_max);
}

std::size_t left_of(std::size_t room, std::size_t used) { return room - std::min(used, room); }

}  // namespace

RateWindow RateWindow::parse(std::string_view text) {
  RateWindow window;
  bool good = true;
  do {
    Slots& slots = window.slots_.emplace_back();
    good = next_number(text, slots.length_us) && slots.length_us > 0 && next_number(text, slots.newest);
    for (Counts& counts : slots.counts) {
      for (std::uint64_t& count : counts) good = good && next_number(text, count);
    }
  } while (good && !text.empty());
  if (good) return window;
  throw Error(ErrorCode::kStorageCorrupt, "a stored rate window does not read as one");
}

std::string RateWindow::to_string() const {
  std::string text;
  for (const Slots& slots : slots_) {
    if (!text.empty()) text += ' ';
    text += std::to_string(slots.length_us) + " " + std::to_string(slots.newest);
    for (const Counts& counts : slots.counts) {
      for (const std::uint64_t count : counts) text += " " + std::to_string(count);
    }
  }
  return text;
}

RateWindow::Counts RateWindow::Slots::sum() const {
  Counts sum = {};
  for (const Counts& slot : counts) {
    for (std::size_t use = 0; use < sum.size(); ++use) sum[use] += slot[use];
  }
  return sum;
}

void RateWindow::Slots::move_to(Timestamp now) {
  const std::int64_t slot_us = std::max<std::int64_t>(length_us / kSlotsOfWindow, 1);
  const std::int64_t slot = now.time_since_epoch().count() / slot_us;
  if (slot < newest) {
    counts = {sum()};  // all that was counted may have been sent just now
  } else {
    const auto all = static_cast<std::int64_t>(counts.size());
    const auto steps = static_cast<std::ptrdiff_t>(std::min(slot - newest, all));
    std::shift_right(counts.begin(), counts.end(), steps);
    std::fill_n(counts.begin(), steps, Counts{});
  }
  newest = slot;
}

RateWindow::Slots& RateWindow::slots_of(std::chrono::microseconds length) {
  const auto at = std::ranges::find(slots_, length.count(), &Slots::length_us);
  if (at != slots_.end()) return *at;
  slots_.push_back({length.count(), 0, {}});
  return slots_.back();
}

std::size_t RateWindow::take(const RateLimit& limit, RateUse use, std::size_t wanted, Timestamp now) {
  if (limit.requests_max == 0) return wanted;
  Slots& own = slots_of(limit.per);
  for (Slots& slots : slots_) slots.move_to(now);
  const Counts used = own.sum();
  const auto all = std::accumulate(used.begin(), used.end(), std::size_t{0});
  const auto index = static_cast<std::size_t>(use);
  const std::size_t granted =
      std::min({wanted, left_of(room_for(limit, use), all), left_of(share_of(limit, use), used[index])});
  for (Slots& slots : slots_) slots.counts[0][index] += granted;
  return granted;
}

}  // namespace orchestrator
