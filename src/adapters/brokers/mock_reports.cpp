// What a mock broker reports, and how the fault script garbles it.
//
// Invariants: the ledger's log of reports is never changed, only told wrongly; what is held back is named in
// the cursor, so it comes in time whoever polls next; and what is told depends on the ledger, the script and
// the cursor alone.

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "adapters/brokers/mock_broker.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::brokers {

namespace {

constexpr std::size_t kReportsPerPage = 1000;
constexpr std::int64_t kSecondIdDistance = 500'000'000;  // from the numbers of real orders

// Reads a number that ends at `stop` or with the text, and takes both off it; negative: there is none.
std::int64_t take_number(std::string_view& text, char stop) {
  const std::size_t size = std::min(text.find(stop), text.size());
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + size, number);
  const bool whole = error == std::errc() && end == text.data() + size;
  text.remove_prefix(std::min(size + 1, text.size()));
  return whole ? number : -1;
}

PollCursor parse_cursor(const std::string& cursor, std::int64_t last_report) {
  if (cursor.empty()) return {};
  PollCursor at;
  std::string_view rest = cursor;
  at.sequence = take_number(rest, '+');
  bool valid = at.sequence >= 0 && !cursor.ends_with('+');
  while (valid && !rest.empty()) {
    PollCursor::Held held;
    held.sequence = take_number(rest, '*');
    held.polls = take_number(rest, '+');
    valid = held.sequence > 0 && held.polls >= 0;
    at.held.push_back(held);
  }
  if (!valid) {
    throw Error(ErrorCode::kInvalidArgument,
                "cursor \"" + cursor + "\" is not one that poll() returned; begin again with an empty one");
  }
  // From another ledger: what this one holds would be skipped.
  if (at.sequence > last_report) return {};
  return at;
}

std::string to_text(const PollCursor& cursor) {
  std::string text = std::to_string(cursor.sequence);
  for (const PollCursor::Held& held : cursor.held) {
    text.append("+").append(std::to_string(held.sequence)).append("*").append(std::to_string(held.polls));
  }
  return text;
}

bool is_trade(const LedgerNews& item) {
  return item.report.kind == BrokerReport::Kind::kExecution && item.execution.kind == ExecutionKind::kTrade;
}

// A trade of the same order after the `number`th.
bool shows_later_trade(const std::vector<LedgerNews>& page, const LedgerNews& item, std::int32_t number) {
  return std::ranges::any_of(page, [&](const LedgerNews& other) {
    return is_trade(other) && other.report.order_number == item.report.order_number &&
           other.execution.number > number;
  });
}

Price times(Price price, std::int64_t factor) {
  const int128 units = int128{price.units()} * factor;
  return Price::from_units(std::min<int128>(units, Price::max().units()));
}

}  // namespace

ReportPage MockBroker::poll(const std::string& cursor) {
  ask(Moment::kPoll);
  execute_due();
  ReportPage page;
  ledger_->read([&](LedgerReader& ledger) {
    PollCursor at = parse_cursor(cursor, ledger.last_report());
    const std::vector<LedgerNews> news = ledger.news(at.sequence, kReportsPerPage);
    page.more = news.size() == kReportsPerPage;
    if (!news.empty()) at.sequence = news.back().sequence;
    if (settings_.faults.about_orders() || !at.held.empty()) {
      add_faulty_reports(ledger, at, news, page.more, page.reports);
    } else {
      page.reports.reserve(news.size());
      for (const LedgerNews& item : news) page.reports.push_back(to_report(item));
    }
    page.cursor = to_text(at);
  });
  return page;
}

// Held back: told when its time has come, after everything else of the page.
void MockBroker::add_faulty_reports(LedgerReader& ledger, PollCursor& cursor,
                                    const std::vector<LedgerNews>& news, bool more,
                                    std::vector<BrokerReport>& reports) const {
  std::vector<LedgerNews> late;
  std::vector<PollCursor::Held> still_held;
  for (const PollCursor::Held& held : cursor.held) {
    const std::vector<LedgerNews> item = ledger.news(held.sequence - 1, 1);
    if (item.empty() || item.front().sequence != held.sequence) continue;
    const std::int64_t polls = std::max<std::int64_t>(held.polls - 1, 0);
    if (is_held(ledger, item.front(), polls, news, more)) {
      still_held.push_back({held.sequence, polls});
    } else {
      late.push_back(item.front());
    }
  }
  for (const LedgerNews& item : news) {
    if (!may_be_held(ledger, item)) {
      tell(ledger, item, reports);
      continue;
    }
    const Fault* late_ack = fault_of(FaultKind::kLateAck, *ledger.find_by_number(item.report.order_number));
    const std::int64_t polls = late_ack != nullptr ? late_ack->polls : 0;
    if (is_held(ledger, item, polls, news, more)) {
      still_held.push_back({item.sequence, polls});
    } else {
      late.push_back(item);
    }
  }
  for (const LedgerNews& item : late) tell(ledger, item, reports);
  cursor.held = std::move(still_held);
}

bool MockBroker::may_be_held(LedgerReader& ledger, const LedgerNews& item) const {
  const auto order = ledger.find_by_number(item.report.order_number);
  if (item.report.kind == BrokerReport::Kind::kAck) {
    return fault_of(FaultKind::kLateAck, *order) != nullptr ||
           fault_of(FaultKind::kFillBeforeAck, *order) != nullptr;
  }
  return is_trade(item) && item.execution.number % 2 == 1 &&
         fault_of(FaultKind::kOutOfOrderFills, *order) != nullptr;
}

// `polls` are still to pass it over. What waits for a trade waits no longer when the order has ended and all
// that it did is told.
bool MockBroker::is_held(LedgerReader& ledger, const LedgerNews& item, std::int64_t polls,
                         const std::vector<LedgerNews>& page, bool more) const {
  const auto order = ledger.find_by_number(item.report.order_number);
  const bool over = !working(*order) && !more;
  if (is_trade(item)) return !over && !shows_later_trade(page, item, item.execution.number);
  if (const Fault* fault = fault_of(FaultKind::kLateAck, *order)) {
    const bool too_early = fault->duration && clock_.now() < item.report.at + *fault->duration;
    if (too_early || polls > 0) return true;
  }
  if (fault_of(FaultKind::kFillBeforeAck, *order) == nullptr) return false;
  return !over && !shows_later_trade(page, item, 0);
}

void MockBroker::tell(LedgerReader& ledger, const LedgerNews& item,
                      std::vector<BrokerReport>& reports) const {
  const auto order = ledger.find_by_number(item.report.order_number);
  if (const Fault* fault = fault_of(FaultKind::kDropReports, *order)) {
    if (fault->reports == Fault::Reports::kAll) return;
    if (fault->reports == Fault::Reports::kAcks && item.report.kind == BrokerReport::Kind::kAck) return;
    if (fault->reports == Fault::Reports::kFills && item.report.kind == BrokerReport::Kind::kExecution)
      return;
  }
  reports.push_back(to_report(item));
  if (item.report.kind == BrokerReport::Kind::kAck) tell_ack(*order, reports);
  if (item.report.kind != BrokerReport::Kind::kExecution) return;
  reports.back().execution = to_execution(ledger, *order, item.execution);
  if (is_trade(item)) tell_trade(ledger, *order, reports);
}

// The acknowledgement is the last report; adds what the faults make of it.
void MockBroker::tell_ack(const LedgerOrder& order, std::vector<BrokerReport>& reports) const {
  const BrokerReport ack = reports.back();
  if (fault_of(FaultKind::kDuplicateAck, order) != nullptr) reports.push_back(ack);
  if (fault_of(FaultKind::kSecondId, order) != nullptr) {
    BrokerReport second = ack;
    second.ext_order_id = personality_->ext_order_id(order.number + kSecondIdDistance, order.client_order_id,
                                                     settings_.seed + 1, order.placed_at);
    reports.push_back(second);
  }
  if (fault_of(FaultKind::kBustUnknown, order) != nullptr) {
    BrokerReport bust = ack;
    bust.kind = BrokerReport::Kind::kExecution;
    bust.execution.broker = capabilities_.name;
    bust.execution.account = capabilities_.account;
    bust.execution.execution_id = order.ext_order_id + "-bust";
    bust.execution.kind = ExecutionKind::kBust;
    bust.execution.ref_execution_id = order.ext_order_id + "-unknown";
    bust.execution.executed_at = ack.at;
    reports.push_back(bust);
  }
}

// The trade is the last report; garbles it and adds what the faults make of it.
void MockBroker::tell_trade(LedgerReader& ledger, const LedgerOrder& order,
                            std::vector<BrokerReport>& reports) const {
  if (const Fault* fault = fault_of(FaultKind::kWrongPrice, order)) {
    reports.back().execution.price = times(reports.back().execution.price, fault->factor);
  }
  const BrokerReport trade = reports.back();
  if (fault_of(FaultKind::kDuplicateFills, order) != nullptr) reports.push_back(trade);
  if (fault_of(FaultKind::kCrossedFills, order) != nullptr) {
    if (const auto other = ledger.find_by_number(order.number - 1)) {
      BrokerReport crossed = trade;
      crossed.ext_order_id = other->ext_order_id;
      crossed.client_order_id = other->client_order_id;
      reports.push_back(crossed);
    }
  }
  if (fault_of(FaultKind::kStrayFill, order) != nullptr) {
    BrokerReport stray = trade;
    stray.ext_order_id = "stray-" + order.ext_order_id;
    stray.client_order_id.clear();
    stray.execution.execution_id += "-stray";
    reports.push_back(stray);
  }
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
