#include "core/planted_bugs.hpp"

#ifdef ORCHESTRATOR_PLANTED_BUGS

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace orchestrator {
namespace {

constexpr std::array<std::string_view, 19> kNames = {
    "send_before_store",   "check_then_act", "rounded_money",       "fill_overwrites",
    "events_apart",        "any_body",       "timeout_is_reject",   "blind_resend",
    "not_found_is_reject", "resend_decides", "abandoned_is_placed", "lease_ignored",
    "version_ignored",     "watermark",      "freed_when_sent",     "cursor_first",
    "no_implied_ack",      "margin_kept",    "halt_ignored",
};

int read_environment() {
  const char* text = std::getenv("ORCHESTRATOR_PLANTED_BUG");
  if (text == nullptr) return -1;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == text) return static_cast<int>(i);
  }
  throw std::invalid_argument("ORCHESTRATOR_PLANTED_BUG names no planted bug: " + std::string(text));
}

}  // namespace

std::span<const std::string_view> planted_bug_names() { return kNames; }

bool planted(Bug bug) {
  static const int on = read_environment();
  return on == static_cast<int>(bug);
}

CommitStatus commit_events_apart(OrderStore& store, ChangeUnit& unit) {
  ChangeUnit events;
  events.events = std::exchange(unit.events, {});
  const CommitStatus status = store.commit(unit);
  if (status == CommitStatus::kCommitted && !events.events.empty()) store.commit(events);
  return status;
}

std::vector<EventRowKey> rows_up_to(const std::vector<EventRow>& rows,
                                    const std::vector<EventRowKey>& confirmed) {
  std::vector<EventRowKey> freed;
  for (const EventRow& row : rows) {
    if (!confirmed.empty() && row.id <= confirmed.back().id) freed.push_back(key_of(row));
  }
  return freed;
}

Money to_53_bits(Money amount) {
  auto units = amount.units();
  int shift = 0;
  for (auto rest = units < 0 ? -units : units; (rest >> 53) != 0; rest >>= 1) ++shift;
  return Money::from_units((units >> shift) << shift);
}

}  // namespace orchestrator

#endif
