// What must hold, whatever crashed when:
//
// - the store finds nothing wrong with its own file;
// - the audit trail is whole, and the stops that are on are those that it says are on (audit_trail.cpp);
// - every batch agrees with its key, its orders, and they with their events and executions (audit_batch.cpp,
//   audit_order.cpp);
// - a portfolio's reserved margin is the sum of what its orders hold;
// - when asked: the brokers' books and ours agree (audit_brokers.cpp).
//
// Each part is checked whatever became of the others. The book may move while it is read: what does not add
// up is read again before it is reported.
#include "engine/audit.hpp"

#include <set>

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

// What cannot even be read is a finding, too.
void read_batch(const Context& context, BatchId id, TrailCheck& trail, AuditReport& report) {
  for (int reading = 1;; ++reading) {
    Findings findings;
    AuditReport counts;
    try {
      check_batch(context, id, trail, counts, findings);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kClosed) throw;
      findings.add("batch.unreadable", "batch/" + std::to_string(id), error.what());
    }
    if (!findings.empty() && reading < kReadingsMax) {
      // It may have to tell of what the batch has seen meanwhile.
      if (trail.whole()) read_trail(trail, report);
      continue;
    }
    report.orders += counts.orders;
    report.batches += counts.batches;
    report.executions += counts.executions;
    report.events += counts.events;
    return findings.move_to(report);
  }
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
