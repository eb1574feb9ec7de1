// Every order of ours that a broker holds is here, once, and stands here as it does there; every order that a
// broker acknowledged is there, as far as its book goes back. The rule is the comparison that `reconcile
// --broker` uses; an order in doubt is left to recovery, which asks the same broker.
//
// An order may move while the book is fetched, or its news may be on the way: a difference counts when every
// reading shows it, a poll apart.
#include <algorithm>

#include "core/book_comparison.hpp"
#include "engine/audit_checks.hpp"
#include "engine/broker_calls.hpp"

namespace orchestrator::engine {
namespace {

std::string check_of(const Break& difference) {
  if (difference.type == BreakType::kDuplicate) return "broker.duplicate";
  if (!difference.execution_id.empty()) return "broker.execution";
  if (difference.type == BreakType::kMissingThere) return "broker.missing";
  if (difference.field == "status") return "broker.status";
  if (difference.field == "fill_qty" || difference.field == "fill_notional") return "broker.fill";
  if (difference.field == "qty" || difference.field == "price_limit") return "broker.terms";
  return "broker.identity";
}

std::string words_of(const Break& difference, const std::string& broker) {
  const std::string execution =
      difference.execution_id.empty() ? "" : " of execution " + difference.execution_id;
  return difference.field + execution + " is " + difference.ours + " here and " + difference.theirs + " at " +
         broker;
}

class BrokerReading {
 public:
  BrokerReading(const Context& context, const std::string& broker, const BrokerConnector::Book& book)
      : context_(context), broker_(broker), comparison_(book) {
    for (const BrokerOrder& theirs : book.orders) {
      if (!theirs.client_order_id.starts_with(context.options.deployment)) continue;
      ++ours_there_;
      if (theirs.status != OrderStatus::kRejected) strangers_[theirs.client_order_id].push_back(&theirs);
    }
  }

  Findings run() {
    OrderQuery query{.broker = broker_, .limit = kPageSize};
    for (;;) {
      const auto page = context_.store->orders(query);
      compare(page);
      if (page.size() < kPageSize) break;
      query.after_id = page.back().id;
    }
    for (const auto& [id, rows] : strangers_) {
      for (const BrokerOrder* theirs : rows) {
        findings_.add("broker.orphan", "broker/" + broker_ + "/" + theirs->ext_order_id,
                      "carries our client order id " + std::string(id) + ", which no order here has");
      }
    }
    return std::move(findings_);
  }

  [[nodiscard]] std::size_t ours_there() const { return ours_there_; }

 private:
  void compare(const std::vector<Order>& page) {
    std::vector<OrderId> ids;
    std::set<OrderId> in_doubt;
    for (const Order& order : page) {
      ids.push_back(order.id);
      if (order.status == OrderStatus::kUnknown) in_doubt.insert(order.id);
      strangers_.erase(order.client_order_id);
    }
    for (const Break& difference : comparison_.compare(page, context_.store->executions(ids))) {
      if (difference.type != BreakType::kDuplicate && in_doubt.contains(difference.order_id)) continue;
      findings_.add(check_of(difference), "order/" + std::to_string(difference.order_id),
                    words_of(difference, broker_));
    }
  }

  const Context& context_;
  const std::string& broker_;
  BookComparison comparison_;
  std::map<std::string_view, std::vector<const BrokerOrder*>> strangers_;  // until an order here has the id
  std::size_t ours_there_ = 0;
  Findings findings_;
};

// Those of `now` whose check and subject an earlier reading has shown too.
Findings shown_again(const Findings& before, const Findings& now) {
  std::set<std::pair<std::string, std::string>> known;
  for (const AuditFinding& finding : before.all()) known.emplace(finding.check, finding.subject);
  Findings again;
  for (const AuditFinding& finding : now.all()) {
    if (known.contains({finding.check, finding.subject}))
      again.add(finding.check, finding.subject, finding.detail);
  }
  return again;
}

}  // namespace

void check_broker(const Context& context, const std::string& name, BrokerConnector& broker,
                  AuditReport& report) {
  Findings findings;
  std::size_t ours_there = 0;
  for (int number = 1; number <= kReadingsMax; ++number) {
    if (number > 1) context.clock->sleep_for(context.options.poll_interval);
    BrokerConnector::Book book;
    try {
      book = require_book(context, broker);
    } catch (const Error& error) {
      const std::string open =
          number == 1 ? "" : std::to_string(findings.all().size()) + " differences could not be read again: ";
      findings = {};
      findings.add("broker.silent", "broker/" + name, open + error.what());
      break;
    }
    BrokerReading reading(context, name, book);
    Findings now = reading.run();
    ours_there = reading.ours_there();
    findings = number == 1 ? std::move(now) : shown_again(findings, now);
    if (findings.empty()) break;
  }
  report.broker_orders += ours_there;
  findings.move_to(report);
}

}  // namespace orchestrator::engine
