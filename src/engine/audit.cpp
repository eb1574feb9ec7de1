// What must hold, whatever crashed when:
//
// - the store finds nothing wrong with its own file;
// - the audit trail is whole, and the stops that are on are those that it says are on (audit_trail.cpp);
// - every batch agrees with its key, its orders, and they with their events and executions (audit_batch.cpp,
//   audit_order.cpp);
// - a portfolio's reserved margin is the sum of what its orders hold;
// - when asked: the brokers' books and ours agree (audit_brokers.cpp).
//
// Each part is checked whatever became of the others. The book may move while it is read, and a batch is read
// in several reads: what does not add up is read again, between two looks at the versions of the batch and
// its orders, and is reported of what stood still meanwhile. What moves in every reading is left to the next
// audit.
#include "engine/audit.hpp"

#include <map>
#include <set>
#include <string_view>
#include <tuple>

#include "engine/audit_checks.hpp"

namespace orchestrator::engine {
namespace {

void check_storage(const Context& context, AuditReport& report) {
  Findings findings;
  for (std::string& what : context.store->verify()) findings.add("storage", "store", std::move(what));
  findings.move_to(report);
}

void read_trail(TrailCheck& trail, AuditReport& report) {
  check_part("trail.unreadable", "trail", report, [&] { trail.read_on(report); });
}

void check_trail(TrailCheck& trail, AuditReport& report) {
  read_trail(trail, report);
  trail.check_head(report);
  check_part("halt.unreadable", "halts", report, [&] { trail.check_halts(report); });
}

constexpr std::string_view kBatchUnreadable = "batch.unreadable";

// What cannot even be read is a finding, too.
Findings read_once(const Context& context, BatchId id, const TrailCheck& trail, AuditReport& counts) {
  Findings findings;
  counts = {};
  try {
    check_batch(context, id, trail, counts, findings);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kClosed) throw;
    findings.add(std::string(kBatchUnreadable), "batch/" + std::to_string(id), error.what());
  }
  return findings;
}

// The versions of a batch and of its orders, by the subjects of findings about them.
using Versions = std::map<std::string, std::int64_t>;

// None where they cannot be read; the reading says so itself.
Versions versions_of(const Context& context, BatchId id) {
  Versions versions;
  try {
    for (const OrderBatch& batch : context.store->batches({.ids = {id}}))
      versions.emplace("batch/" + std::to_string(batch.id), batch.version);
    for (const Order& order : context.store->orders({.batch_id = id, .limit = kOrdersOfBatchMax}))
      versions.emplace("order/" + std::to_string(order.id), order.version);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kClosed) throw;
  }
  return versions;
}

bool stood_still(const std::string& subject, const Versions& before, const Versions& after) {
  const auto was = before.find(subject);
  const auto is = after.find(subject);
  return was != before.end() && is != after.end() && was->second == is->second;
}

// What several readings of a batch have found, each finding once.
class SureFindings {
 public:
  void add(const AuditFinding& finding) {
    if (!known_.emplace(finding.check, finding.subject, finding.detail).second) return;
    findings_.add(finding.check, finding.subject, finding.detail);
  }
  void move_to(AuditReport& report) { findings_.move_to(report); }

 private:
  std::set<std::tuple<std::string, std::string, std::string>> known_;
  Findings findings_;
};

void read_batch(const Context& context, BatchId id, TrailCheck& trail, AuditReport& report) {
  AuditReport counts;
  SureFindings sure;
  bool unsure = !read_once(context, id, trail, counts).empty();
  for (int reading = 2; unsure && reading <= kReadingsMax; ++reading) {
    const Versions before = versions_of(context, id);
    // It may have to tell of what the batch has seen meanwhile.
    if (trail.whole()) read_trail(trail, report);
    const Findings found = read_once(context, id, trail, counts);
    const Versions after = versions_of(context, id);
    unsure = false;
    for (const AuditFinding& finding : found.all()) {
      const bool counts_now = finding.check == kBatchUnreadable ? reading == kReadingsMax
                                                                : stood_still(finding.subject, before, after);
      if (counts_now) sure.add(finding);
      unsure = unsure || !counts_now;
    }
  }
  report.orders += counts.orders;
  report.batches += counts.batches;
  report.executions += counts.executions;
  report.events += counts.events;
  sure.move_to(report);
}

void check_batches(const Context& context, const AuditOptions& options, TrailCheck& trail,
                   std::set<PortfolioId>& portfolios, AuditReport& report) {
  const auto newest = context.store->batches({.newest_first = true, .limit = 1});
  const auto total = newest.empty() ? std::size_t{0} : static_cast<std::size_t>(newest.front().id);
  BatchQuery query{.limit = kPageSize};
  for (;;) {
    const auto page = context.store->batches(query);
    for (const OrderBatch& batch : page) {
      portfolios.insert(batch.portfolio_id);
      read_batch(context, batch.id, trail, report);
      if (options.progress) options.progress(static_cast<std::size_t>(batch.id), total);
    }
    if (page.size() < kPageSize) return;
    query.after_id = page.back().id;
  }
}

Money margin_of(const Context& context, PortfolioId portfolio_id) {
  Money sum;
  for_each_order(context, {.portfolio_id = portfolio_id},
                 [&](const Order& order) { sum += order.margin_reserved; });
  return sum;
}

void check_margin(const Context& context, PortfolioId portfolio_id, AuditReport& report) {
  Findings findings;
  for (int reading = 1; reading <= kReadingsMax; ++reading) {
    const Money reserved = context.store->usage_of(portfolio_id).margin_reserved;
    const Money held = margin_of(context, portfolio_id);
    // A desk that trades moves it while the orders are read: such a sum says nothing.
    const bool moved = context.store->usage_of(portfolio_id).margin_reserved != reserved;
    if (reserved == held || (moved && reading == kReadingsMax)) return;
    if (reading < kReadingsMax) continue;
    findings.add("portfolio.margin", "portfolio/" + std::to_string(portfolio_id),
                 reserved.to_string() + " is reserved, its orders hold " + held.to_string());
  }
  findings.move_to(report);
}

}  // namespace

AuditReport audit(const Context& context, const AuditOptions& options) {
  AuditReport report;
  check_part("storage", "store", report, [&] { check_storage(context, report); });
  TrailCheck trail(context, options.expected_head);
  check_trail(trail, report);
  std::set<PortfolioId> portfolios;
  check_part("batch.unreadable", "batches", report,
             [&] { check_batches(context, options, trail, portfolios, report); });
  for (const PortfolioId id : portfolios) {
    check_part("portfolio.unreadable", "portfolio/" + std::to_string(id), report,
               [&] { check_margin(context, id, report); });
  }
  if (options.brokers) {
    // Not structured bindings: clang 14 does not let a lambda refer to one.
    for (const auto& entry : context.brokers) {
      check_part("broker.unreadable", "broker/" + entry.first, report,
                 [&] { check_broker(context, entry.first, *entry.second, report); });
    }
  }
  return report;
}

}  // namespace orchestrator::engine
