// The trail's entries are numbered 1, 2, 3, ... and every hash follows from the one before; an entry whose
// hash somebody noted is still there; and what the trail says is stopped is what is stopped.
#include <algorithm>
#include <charconv>

#include "codec/audit_json.hpp"
#include "codec/flat_json.hpp"
#include "engine/audit_checks.hpp"

namespace orchestrator::engine {
namespace {

constexpr std::string_view kOrder = "order/";

std::optional<OrderId> order_in(std::string_view subject) {
  if (!subject.starts_with(kOrder)) return std::nullopt;
  subject.remove_prefix(kOrder.size());
  OrderId id = 0;
  const auto read = std::from_chars(subject.data(), subject.data() + subject.size(), id);
  if (read.ec != std::errc() || read.ptr != subject.data() + subject.size()) return std::nullopt;
  return id;
}

}  // namespace

void TrailCheck::read_on(AuditReport& report) {
  whole_ = false;
  Findings findings;
  for (;;) {
    const auto page = context_.store->audit_trail(last_, kPageSize);
    for (const AuditEntry& entry : page) {
      check_entry(entry, report, findings);
      report.trail_head = entry.hash;
      last_ = entry.id;
      ++report.trail_entries;
      head_found_ = head_found_ || entry.hash == expected_head_;
      learn(entry);
    }
    findings.move_to(report);
    if (page.size() < kPageSize) break;
  }
  whole_ = true;
}

void TrailCheck::check_entry(const AuditEntry& entry, const AuditReport& report, Findings& findings) const {
  const std::string subject = "entry/" + std::to_string(entry.id);
  if (entry.id != last_ + 1) findings.add("trail.gap", subject, "follows entry " + std::to_string(last_));
  if (entry.hash != audit_hash(report.trail_head, entry)) {
    findings.add("trail.hash", subject,
                 "does not follow from the entry before: one of the two was changed, or one was taken away");
  }
}

// A detail that cannot be read is not what was written, and its hash has said so.
void TrailCheck::learn(const AuditEntry& entry) try {
  if (parse_halt_mode(entry.action)) {
    const codec::FlatJson detail(entry.detail);
    stops_[entry.subject] = {entry.action, std::string(detail["reason"]), entry.by};
  } else if (entry.action == "resume") {
    stops_.erase(entry.subject);
  } else if (const auto order = order_in(entry.subject); order && entry.action == "incident") {
    incidents_.insert(*order);
    const codec::FlatJson detail(entry.detail);
    // It stops the broker, unless that is stopped already.
    stops_.try_emplace(
        "broker/" + std::string(detail["broker"]),
        Stop{std::string(to_string(HaltMode::kCancelOnly)),
             "order " + std::to_string(*order) + ": " + std::string(detail["reason"]), entry.by});
  } else if (order && entry.action.starts_with("order.resolve")) {
    decided_.insert(*order);
  }
} catch (const Error&) {
  return;
}

void TrailCheck::check_head(AuditReport& report) const {
  if (!whole_ || head_found_ || expected_head_.empty()) return;
  Findings findings;
  findings.add(
      "trail.head", "trail",
      "no entry has the hash " + expected_head_ + ": its end was cut off, or this is another database");
  findings.move_to(report);
}

Findings TrailCheck::compare_halts() const {
  Findings findings;
  auto told = stops_;
  for (const Halt& halt : context_.store->halts()) {
    const AuditEntry entry = codec::halted(halt);
    const auto stop = told.find(entry.subject);
    if (stop == told.end()) {
      findings.add("halt.trail", entry.subject,
                   "is stopped (" + entry.action + ", " + halt.reason + "), and the trail does not say so");
      continue;
    }
    const Stop& says = stop->second;
    const codec::FlatJson detail(entry.detail);  // a text as it comes back from JSON
    if (says.mode != entry.action || says.reason != detail["reason"] ||
        (!halt.by.empty() && says.by != halt.by)) {
      findings.add("halt.trail", entry.subject,
                   "is stopped (" + entry.action + ", " + halt.reason + ", by " + halt.by +
                       "), and the trail says: " + says.mode + ", " + says.reason + ", by " + says.by);
    }
    told.erase(stop);
  }
  for (const auto& [subject, stop] : told) {
    findings.add("halt.trail", subject,
                 "is not stopped, and the trail says that it is: " + stop.mode + ", " + stop.reason);
  }
  return findings;
}

void TrailCheck::check_halts(AuditReport& report) {
  for (int reading = 1; whole_; ++reading) {
    Findings findings = compare_halts();
    if (findings.empty() || reading == kReadingsMax) return findings.move_to(report);
    read_on(report);
  }
}

}  // namespace orchestrator::engine
