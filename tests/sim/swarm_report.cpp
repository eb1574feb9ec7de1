#include "sim/swarm_report.hpp"

#include <algorithm>

namespace orchestrator::sim {
namespace {

constexpr Options kOnlyInCases = options_of(Deviation::kNone, Deviation::kTwin, Deviation::kRival,
                                            Deviation::kPeer, Deviation::kZombie, Deviation::kHalt);

std::int64_t per_second(std::int64_t count, std::chrono::milliseconds took) {
  return count * 1000 / std::max<std::int64_t>(took.count(), 1);
}

std::string padded(std::string_view text, std::size_t width) {
  std::string cell(text);
  cell.resize(std::max(width, cell.size() + 1), ' ');
  return cell;
}

// Two pairs a line.
class Columns {
 public:
  void add(std::string_view name, std::int64_t count) {
    text_ += "  " + padded(name, 18) + padded(count == 0 ? "NEVER" : std::to_string(count), 14);
    if (++cells_ % 3 == 0) text_ += '\n';
  }
  [[nodiscard]] std::string text() const { return cells_ % 3 == 0 ? text_ : text_ + '\n'; }

 private:
  std::string text_;
  int cells_ = 0;
};

// Visits (name, count) of every fault kind that a swarm knows.
template <class Visit>
void visit_faults(const SwarmTotals& totals, const Visit& visit) {
  for (int i = 0; i < kDeviationCount; ++i) {
    const auto deviation = static_cast<Deviation>(i);
    if (holds(kOnlyInCases, deviation)) continue;
    visit(to_string(deviation), totals.coverage.deviations[static_cast<std::size_t>(i)]);
  }
  visit("slow", totals.slow_calls);
  visit("power_cut", totals.power_cuts);
  visit("store_outage", totals.outages);
}

template <class Visit>
void visit_transitions(const SwarmTotals& totals, const Visit& visit) {
  for (int i = 0; i < kTransitionCount; ++i) {
    visit(to_string(static_cast<Transition>(i)), totals.coverage.transitions[static_cast<std::size_t>(i)]);
  }
}

class JsonObject {
 public:
  void add(std::string_view name, std::int64_t value) { member(name, std::to_string(value)); }
  void add(std::string_view name, const std::string& value) { member(name, quoted(value)); }
  void member(std::string_view name, const std::string& json) {
    text_ += (text_.empty() ? "{" : ",") + quoted(name) + ":" + json;
  }
  [[nodiscard]] std::string text() const { return text_.empty() ? "{}" : text_ + "}"; }

 private:
  static std::string quoted(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
      } else if (byte < 0x20) {
        out += "\\u00";
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
      } else {
        out += c;
      }
    }
    return out + '"';
  }

  std::string text_;
};

}  // namespace

void SwarmTotals::add(std::uint64_t seed, const SwarmResult& result) {
  ++seeds;
  steps += result.steps;
  orders += result.orders;
  executions += result.executions;
  virtual_time += result.virtual_time;
  hash += mix(seed ^ result.hash);
  for (std::size_t i = 0; i < coverage.deviations.size(); ++i) {
    coverage.deviations[i] += result.coverage.deviations[i];
  }
  for (std::size_t i = 0; i < coverage.transitions.size(); ++i) {
    coverage.transitions[i] += result.coverage.transitions[i];
  }
  power_cuts += result.power_cuts;
  outages += result.outages;
  slow_calls += result.slow_calls;
}

int SwarmTotals::fault_kinds() const {
  int kinds = 0;
  visit_faults(*this, [&](std::string_view, std::int64_t count) { kinds += count > 0 ? 1 : 0; });
  return kinds;
}

int SwarmTotals::transition_kinds() const {
  int kinds = 0;
  visit_transitions(*this, [&](std::string_view, std::int64_t count) { kinds += count > 0 ? 1 : 0; });
  return kinds;
}

std::string hash_text(std::uint64_t hash) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(hash >> shift) & 15];
  return text;
}

std::string table_of(const SwarmTotals& totals, std::chrono::milliseconds took) {
  Columns faults;
  visit_faults(totals, [&](std::string_view name, std::int64_t count) { faults.add(name, count); });
  Columns transitions;
  visit_transitions(totals, [&](std::string_view name, std::int64_t count) { transitions.add(name, count); });
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(totals.virtual_time).count();
  return "faults injected\n" + faults.text() + "transitions\n" + transitions.text() +
         std::to_string(totals.steps) + " steps in " + std::to_string(took.count()) + " ms, " +
         std::to_string(per_second(totals.steps, took)) + " a second; " + std::to_string(totals.orders) +
         " orders, " + std::to_string(totals.executions) + " executions, " + std::to_string(hours) +
         " hours of virtual time; hash " + hash_text(totals.hash) + "\n" +
         "seeds: " + std::to_string(totals.seeds - static_cast<std::int64_t>(totals.failed.size())) +
         " passed, " + std::to_string(totals.failed.size()) + " failed\n";
}

std::string json_of(const SwarmTotals& totals, std::chrono::milliseconds took) {
  JsonObject faults;
  visit_faults(totals, [&](std::string_view name, std::int64_t count) { faults.add(name, count); });
  JsonObject transitions;
  visit_transitions(totals, [&](std::string_view name, std::int64_t count) { transitions.add(name, count); });
  std::string failures;
  for (const FailedSeed& failed : totals.failed) {
    JsonObject one;
    one.add("seed", std::to_string(failed.seed));
    one.add("invariant", failed.invariant);
    one.add("what", failed.what);
    one.add("trace", failed.trace_file);
    one.add("choices", static_cast<std::int64_t>(failed.choices));
    one.add("repeat", failed.repeat);
    failures += (failures.empty() ? "" : ",") + one.text();
  }
  JsonObject document;
  document.add("seeds", totals.seeds);
  document.add("failed", static_cast<std::int64_t>(totals.failed.size()));
  document.add("steps", totals.steps);
  document.add("milliseconds", took.count());
  document.add("steps_per_second", per_second(totals.steps, took));
  document.add("orders", totals.orders);
  document.add("executions", totals.executions);
  document.add("virtual_seconds",
               std::chrono::duration_cast<std::chrono::seconds>(totals.virtual_time).count());
  document.add("hash", hash_text(totals.hash));
  document.member("faults", faults.text());
  document.member("transitions", transitions.text());
  document.member("failures", "[" + failures + "]");
  return document.text() + "\n";
}

}  // namespace orchestrator::sim
