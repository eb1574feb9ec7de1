// What is to happen when, in virtual time. Of two events of the same time the one that was planned first
// comes first: nothing is left to chance or to the order of addresses.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "orchestrator/types.hpp"

namespace orchestrator::sim {

enum class EventKind : std::uint8_t { kResume, kRound, kRestart, kClient, kMarket, kEnvironment };

struct ScheduledEvent {
  Timestamp at;
  std::uint64_t number = 0;
  EventKind kind = EventKind::kResume;
  std::uint32_t actor = 0;
  std::uint64_t generation = 0;  // of the actor; another one: it has been called off
};

class Schedule {
 public:
  void plan(Timestamp at, EventKind kind, std::uint32_t actor, std::uint64_t generation) {
    heap_.push_back({at, ++last_number_, kind, actor, generation});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] const ScheduledEvent& first() const { return heap_.front(); }
  ScheduledEvent take() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const ScheduledEvent event = heap_.back();
    heap_.pop_back();
    return event;
  }

 private:
  static bool later(const ScheduledEvent& a, const ScheduledEvent& b) {
    return a.at != b.at ? a.at > b.at : a.number > b.number;
  }

  std::vector<ScheduledEvent> heap_;
  std::uint64_t last_number_ = 0;
};

}  // namespace orchestrator::sim
