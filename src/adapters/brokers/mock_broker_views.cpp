// What a mock broker tells: look-ups, its book, its reports, in our terms.

#include <charconv>
#include <utility>

#include "adapters/brokers/mock_broker.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::brokers {

namespace {

constexpr std::size_t kReportsPerPage = 1000;

std::int64_t parse_cursor(const std::string& cursor, std::int64_t last_report) {
  if (cursor.empty()) return 0;
  std::int64_t sequence = 0;
  const char* const end = cursor.data() + cursor.size();
  const auto [stop, error] = std::from_chars(cursor.data(), end, sequence);
  if (error != std::errc() || stop != end || sequence < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "cursor \"" + cursor + "\" is not one that poll() returned; begin again with an empty one");
  }
  // From another ledger: what this one holds would be skipped.
  return sequence > last_report ? 0 : sequence;
}

}  // namespace

LookUp MockBroker::look_up(const std::string& client_order_id) {
  LookUp answer;
  try {
    const auto from = personality_->book_from(clock_.now());
    std::vector<LedgerOrder> found;
    ledger_->read([&](LedgerReader& ledger) { found = ledger.find_by_client_order_id(client_order_id); });
    std::erase_if(found, [&](const LedgerOrder& order) { return from && order.placed_at < *from; });
    if (found.empty()) {
      answer.kind = LookUp::Kind::kNotFound;
      return answer;
    }
    answer.kind = LookUp::Kind::kFound;
    answer.order = to_broker_order(found.front());
    if (found.size() > 1) {
      answer.reason =
          std::to_string(found.size()) + " orders carry " + client_order_id + "; the oldest is shown";
    }
  } catch (const Error& error) {
    answer.reason = error.what();
  }
  return answer;
}

BrokerConnector::Book MockBroker::book() {
  Book book;
  std::vector<LedgerOrder> orders;
  std::vector<LedgerExecution> executions;
  try {
    ledger_->read([&](LedgerReader& ledger) {
      orders = ledger.orders();
      executions = ledger.executions();
    });
  } catch (const Error& error) {
    throw Error(ErrorCode::kBrokerInDoubt, capabilities_.name + " did not answer: " + error.what());
  }
  book.from = personality_->book_from(clock_.now());
  auto execution = executions.begin();  // both lists are in order of the order numbers
  for (const LedgerOrder& order : orders) {
    const bool listed = !book.from || order.placed_at >= *book.from;
    if (listed) book.orders.push_back(to_broker_order(order));
    for (; execution != executions.end() && execution->order_number == order.number; ++execution) {
      if (!listed) continue;
      book.executions.push_back(to_execution(*execution));
      book.ext_order_ids.push_back(order.ext_order_id);
    }
  }
  return book;
}

ReportPage MockBroker::poll(const std::string& cursor) {
  execute_due();
  ReportPage page;
  ledger_->read([&](LedgerReader& ledger) {
    const std::int64_t after = parse_cursor(cursor, ledger.last_report());
    const std::vector<LedgerNews> news = ledger.news(after, kReportsPerPage);
    page.reports.reserve(news.size());
    for (const LedgerNews& item : news) page.reports.push_back(to_report(item));
    page.cursor = std::to_string(news.empty() ? after : news.back().sequence);
    page.more = news.size() == kReportsPerPage;
  });
  return page;
}

BrokerOrder MockBroker::to_broker_order(const LedgerOrder& order) const {
  BrokerOrder shown;
  shown.ext_order_id = order.ext_order_id;
  shown.client_order_id = order.client_order_id;
  shown.symbol = order.symbol;
  shown.instrument_id = order.instrument_id;
  shown.side = order.side;
  shown.qty = order.state.qty;
  shown.price_limit = order.state.price_limit;
  shown.status = personality_->status_of(order);
  shown.fill_qty = order.state.fill_qty;
  shown.fill_notional = order.state.fill_notional;
  shown.reason = order.state.reason;
  shown.updated_at = order.state.updated_at;
  return shown;
}

Execution MockBroker::to_execution(const LedgerExecution& execution) const {
  Execution shown;
  shown.broker = capabilities_.name;
  shown.account = capabilities_.account;
  shown.execution_id = execution.execution_id;
  shown.qty = execution.qty;
  shown.price = execution.price;
  shown.fees = execution.fees;
  shown.executed_at = execution.executed_at;
  return shown;
}

BrokerReport MockBroker::to_report(const LedgerNews& news) const {
  BrokerReport report;
  report.kind = news.report.kind;
  report.broker = capabilities_.name;
  report.account = capabilities_.account;
  report.ext_order_id = news.ext_order_id;
  report.client_order_id = news.client_order_id;
  if (report.kind == BrokerReport::Kind::kExecution) report.execution = to_execution(news.execution);
  if (report.kind == BrokerReport::Kind::kReject) report.reason = news.reason;
  report.qty = news.report.qty;
  report.price_limit = news.report.price_limit;
  report.at = news.report.at;
  return report;
}

}  // namespace orchestrator::brokers
