// The parts of the audit, one per subject, and what they share. They read and report; audit.cpp gives them
// their order.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/context.hpp"

namespace orchestrator::engine {

// The book may move while it is read: what does not add up is read again, so often in all.
inline constexpr int kReadingsMax = 3;

class Findings {
 public:
  void add(std::string check, std::string subject, std::string detail) {
    all_.push_back({std::move(check), std::move(subject), std::move(detail)});
  }
  [[nodiscard]] const std::vector<AuditFinding>& all() const { return all_; }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  void move_to(AuditReport& report) {
    report.findings_total += all_.size();
    for (AuditFinding& finding : all_) {
      if (report.findings.size() < AuditReport::kFindingsMax) report.findings.push_back(std::move(finding));
    }
    all_.clear();
  }

 private:
  std::vector<AuditFinding> all_;
};

// Runs a part; what it cannot read is a finding, and keeps no other part from being checked.
template <class Part>
void check_part(const std::string& check, const std::string& subject, AuditReport& report, Part&& part) {
  try {
    part();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kClosed) throw;  // nothing at all can be read here
    Findings unreadable;
    unreadable.add(check, subject, error.what());
    unreadable.move_to(report);
  }
}

// --- audit_trail.cpp ---

class TrailCheck {
 public:
  TrailCheck(const Context& context, std::string expected_head)
      : context_(context), expected_head_(std::move(expected_head)) {}

  // Checks the entries that were added since the last call.
  void read_on(AuditReport& report);
  // False: it could not be read to its end, and what it does not say means nothing.
  [[nodiscard]] bool whole() const { return whole_; }
  // The entry whose hash somebody noted is there.
  void check_head(AuditReport& report) const;
  // The stops that are on are those that the trail says are on.
  void check_halts(AuditReport& report);
  // Whether an entry says that a person decided about this order, or that it stopped its account; true as
  // well of a trail that is not whole.
  [[nodiscard]] bool tells_decision(OrderId id) const { return !whole_ || decided_.contains(id); }
  [[nodiscard]] bool tells_incident(OrderId id) const { return !whole_ || incidents_.contains(id); }

 private:
  struct Stop {
    std::string mode;
    std::string reason;
    std::string by;
  };

  void check_entry(const AuditEntry& entry, const AuditReport& report, Findings& findings) const;
  void learn(const AuditEntry& entry);
  [[nodiscard]] Findings compare_halts() const;

  const Context& context_;
  std::string expected_head_;
  bool head_found_ = false;
  bool whole_ = false;
  std::int64_t last_ = 0;
  std::map<std::string, Stop> stops_;  // by subject
  std::set<OrderId> decided_;
  std::set<OrderId> incidents_;
};

// --- audit_order.cpp ---

// One order against its events, its executions and its batch.
void check_order(const Order& order, const OrderBatch& batch, const std::vector<const Event*>& events,
                 const std::vector<Execution>& executions, const TrailCheck& trail, Findings& findings);

// --- audit_batch.cpp ---

// One batch, its key and its orders.
void check_batch(const Context& context, BatchId id, const TrailCheck& trail, AuditReport& counts,
                 Findings& findings);

// --- audit_brokers.cpp ---

// A broker's book against our orders.
void check_broker(const Context& context, const std::string& name, BrokerConnector& broker,
                  AuditReport& report);

}  // namespace orchestrator::engine
