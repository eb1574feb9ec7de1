// The audit trail, and the audit of everything that is stored.
//
// The trail says who changed what, when and why: stop switches, limits, brokers, routing, reference data,
// decisions about orders in doubt, what was asked of orders under a name, stops that the library makes by
// itself. An entry is written in the commit of what it describes and carries a hash over itself and the one
// before it, so that none can be changed, removed or slipped in without breaking the chain. A chain that was
// cut at its end looks whole: keep the head's hash elsewhere, and compare.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "orchestrator/types.hpp"

namespace orchestrator {

struct AuditEntry {
  std::int64_t id = 0;  // 1, 2, 3, ...; given by the store
  Timestamp at = {};
  std::string by = {};       // who: a person, a program, or "orchestrator" itself
  std::string action = {};   // "halt", "resume", "order.cancel", "limits.set", ...
  std::string subject = {};  // "all", "portfolio/3", "broker/alpaca-mock", "order/17", ...
  std::string detail = {};   // one JSON object
  std::string hash = {};     // SHA-256 in hex, of the hash before and this entry; given by the store

  friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

// The hash that `entry` (its own hash aside) has after an entry with hash `previous` ("" before the first).
[[nodiscard]] std::string audit_hash(const std::string& previous, const AuditEntry& entry);

// Something that does not add up.
struct AuditFinding {
  std::string check = {};    // "trail.hash", "events.gap", "order.fold", "executions.sum", ...
  std::string subject = {};  // "order/17", "batch/4", "portfolio/1", "entry/12"
  std::string detail = {};   // what is there and what was expected
};

struct AuditReport {
  std::size_t orders = 0;  // how many of each were checked
  std::size_t batches = 0;
  std::size_t executions = 0;
  std::size_t events = 0;
  std::size_t broker_orders = 0;
  std::size_t trail_entries = 0;
  std::string trail_head = {};              // hash of the last entry; "" without any
  std::vector<AuditFinding> findings = {};  // at most kFindingsMax
  std::size_t findings_total = 0;
  static constexpr std::size_t kFindingsMax = 1000;

  [[nodiscard]] bool clean() const { return findings_total == 0; }
};

}  // namespace orchestrator
