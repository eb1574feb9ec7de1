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

}  // namespace

RateWindow RateWindow::parse(std::string_view text) {
  RateWindow window;
  bool good = next_number(text, window.newest_);
  for (std::uint64_t& count : window.counts_) good = good && next_number(text, count);
  if (!good || !text.empty()) {
    throw Error(ErrorCode::kStorageCorrupt, "a stored rate window does not read as one");
  }
  return window;
}

std::string RateWindow::to_string() const {
  std::string text = std::to_string(newest_);
  for (const std::uint64_t count : counts_) text += " " + std::to_string(count);
  return text;
}

void RateWindow::move_to(std::int64_t slot) {
  if (slot < newest_) {
    // All that was counted may have been sent just now.
    const std::uint64_t all = std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
    counts_ = {all};
    newest_ = slot;
    return;
  }
  const auto steps = static_cast<std::size_t>(std::min<std::int64_t>(slot - newest_, kSlots));
  std::shift_right(counts_.begin(), counts_.end(), static_cast<std::ptrdiff_t>(steps));
  std::fill_n(counts_.begin(), steps, 0U);
  newest_ = slot;
}

std::size_t RateWindow::take(const RateLimit& limit, bool cancels, std::size_t wanted, Timestamp now) {
  if (limit.requests_max == 0) return wanted;
  const std::int64_t slot_us = std::max<std::int64_t>(limit.per.count() / kSlotsOfWindow, 1);
  move_to(now.time_since_epoch().count() / slot_us);
  const std::size_t reserved = cancels ? 0 : std::min(limit.reserved_for_cancels, limit.requests_max);
  const std::size_t usable = limit.requests_max - reserved;
  const std::size_t used = std::accumulate(counts_.begin(), counts_.end(), std::size_t{0});
  const std::size_t granted = used >= usable ? 0 : std::min(wanted, usable - used);
  counts_[0] += granted;
  return granted;
}

}  // namespace orchestrator
