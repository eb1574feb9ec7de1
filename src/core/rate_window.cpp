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

// Of the limit, what this request must leave to others.
std::size_t kept_from(const RateLimit& limit, RateUse use) {
  if (use == RateUse::kCancel) return 0;
  const std::size_t for_cancels = std::min(limit.reserved_for_cancels, limit.requests_max);
  const std::size_t rest = limit.requests_max - for_cancels;
  if (use == RateUse::kOther || rest <= 1) return for_cancels;
  return for_cancels + std::min(std::max<std::size_t>(limit.requests_max / 10, 1), rest - 1);
}

}  // namespace

RateWindow RateWindow::parse(std::string_view text) {
  RateWindow window;
  bool good = true;
  do {
    Slots& slots = window.slots_.emplace_back();
    good = next_number(text, slots.length_us) && slots.length_us > 0 && next_number(text, slots.newest);
    for (std::uint64_t& count : slots.counts) good = good && next_number(text, count);
  } while (good && !text.empty());
  if (good) return window;
  throw Error(ErrorCode::kStorageCorrupt, "a stored rate window does not read as one");
}

std::string RateWindow::to_string() const {
  std::string text;
  for (const Slots& slots : slots_) {
    if (!text.empty()) text += ' ';
    text += std::to_string(slots.length_us) + " " + std::to_string(slots.newest);
    for (const std::uint64_t count : slots.counts) text += " " + std::to_string(count);
  }
  return text;
}

std::size_t RateWindow::Slots::total() const {
  return std::accumulate(counts.begin(), counts.end(), std::size_t{0});
}

void RateWindow::Slots::move_to(Timestamp now) {
  const std::int64_t slot_us = std::max<std::int64_t>(length_us / kSlotsOfWindow, 1);
  const std::int64_t slot = now.time_since_epoch().count() / slot_us;
  if (slot < newest) {
    counts = {total()};  // all that was counted may have been sent just now
  } else {
    const auto all = static_cast<std::int64_t>(counts.size());
    const auto steps = static_cast<std::ptrdiff_t>(std::min(slot - newest, all));
    std::shift_right(counts.begin(), counts.end(), steps);
    std::fill_n(counts.begin(), steps, 0U);
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
  const std::size_t usable = limit.requests_max - kept_from(limit, use);
  const std::size_t used = own.total();
  const std::size_t granted = used >= usable ? 0 : std::min(wanted, usable - used);
  for (Slots& slots : slots_) slots.counts[0] += granted;
  return granted;
}

}  // namespace orchestrator
