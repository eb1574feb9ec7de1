// Every order of ours that a broker holds is here, once, and stands here as it does there; every order that a
// broker acknowledged is there, as far as its book goes back. The rule is the comparison that `reconcile
// --broker` uses; an order in doubt is left to recovery, which asks the same broker.
//
// An order may move while the book is fetched, or its news may be on the way: a difference counts when every
// reading shows it with the same figures, a poll apart. A broker with a rate limit that may not be asked at
// once is asked as soon as there is room, and waited for no longer than one of its windows; what could not be
// read again is reported beside its silence. A broker of one sender is asked by no other: what its book says
// is for that process to find out, and this one says so.
#include <algorithm>
#include <optional>
#include <tuple>

#include "core/book_comparison.hpp"
#include "core/request_identity.hpp"
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
      if (theirs.status != OrderStatus::kRejected)
        strangers_[placed_as(theirs.client_order_id)].push_back(&theirs);
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
                      "carries our client order id " + theirs->client_order_id + ", which no order here has");
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
  std::map<std::string, std::vector<const BrokerOrder*>> strangers_;  // until an order here has the id
  std::size_t ours_there_ = 0;
  Findings findings_;
};

// Those of `now` that an earlier reading has shown as well, with the same figures: an order that trades
// differs otherwise each time.
Findings shown_again(const Findings& before, const Findings& now) {
  std::set<std::tuple<std::string, std::string, std::string>> known;
  for (const AuditFinding& finding : before.all())
    known.emplace(finding.check, finding.subject, finding.detail);
  Findings again;
  for (const AuditFinding& finding : now.all()) {
    if (known.contains({finding.check, finding.subject, finding.detail}))
      again.add(finding.check, finding.subject, finding.detail);
  }
  return again;
}

// However long a broker's rate limit looks back, its room is not waited for longer than in one of this
// length.
constexpr std::chrono::microseconds kRoomWaitMax = std::chrono::minutes(1);

// Throws Error like require_book().
BrokerConnector::Book book_when_asked(const Context& context, BrokerConnector& broker) {
  const RateLimit& limit = broker.capabilities().rate_limit;
  const auto pause = context.options.poll_interval;
  // A window and the tenth of it that a burst takes up longer (rate_window.hpp).
  auto left = std::min(limit.per, kRoomWaitMax) * 11 / 10;
  if (limit.requests_max == 0) left = {};
  for (;; left -= pause) {
    try {
      return require_book(context, broker);
    } catch (const Error& error) {
      if (!error.retryable() || left <= std::chrono::microseconds(0)) throw;
    }
    context.clock->sleep_for(std::min(pause, left));
  }
}

// What an earlier reading has found, when there is no other: it may have been on the way.
Findings not_read_again(const Findings& before) {
  Findings findings;
  for (const AuditFinding& finding : before.all())
    findings.add(finding.check, finding.subject, finding.detail + " (it could not be read again)");
  return findings;
}

// nullopt: `findings` say why it is not to be had.
std::optional<BrokerConnector::Book> book_or_finding(const Context& context, const std::string& name,
                                                     BrokerConnector& broker, Findings& findings) {
  const std::string elsewhere = why_not_sender(context, broker.capabilities());
  if (!elsewhere.empty()) {
    findings = not_read_again(findings);
    findings.add("broker.elsewhere", "broker/" + name,
                 "its book was not compared: " + elsewhere + "; audit there, or when that has ended");
    return std::nullopt;
  }
  try {
    return book_when_asked(context, broker);
  } catch (const Error& error) {
    findings = not_read_again(findings);
    findings.add("broker.silent", "broker/" + name, error.what());
    return std::nullopt;
  }
}

}  // namespace

void check_broker(const Context& context, const std::string& name, BrokerConnector& broker,
                  AuditReport& report) {
  Findings findings;
  std::size_t ours_there = 0;
  for (int number = 1; number <= kReadingsMax; ++number) {
    if (number > 1) context.clock->sleep_for(context.options.poll_interval);
    const auto book = book_or_finding(context, name, broker, findings);
    if (!book) break;
    BrokerReading reading(context, name, *book);
    Findings now = reading.run();
    ours_there = reading.ours_there();
    findings = number == 1 ? std::move(now) : shown_again(findings, now);
    if (findings.empty()) break;
  }
  report.broker_orders += ours_there;
  findings.move_to(report);
}

}  // namespace orchestrator::engine
