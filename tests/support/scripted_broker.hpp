// A broker whose every answer the test decides, with a ledger of what it really accepted.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "orchestrator/broker_connector.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::testing {

class ScriptedBroker final : public BrokerConnector {
 public:
  // What happens to the next order of a place() call; without a script every order is accepted.
  enum class Fate { kAccept, kReject, kNotSent, kLostAfterAccept, kLostBeforeAccept, kThrow, kNoId };

  explicit ScriptedBroker(BrokerClass broker_class, std::string name = "scripted") {
    capabilities_.name = std::move(name);
    capabilities_.account = "A1";
    capabilities_.broker_class = broker_class;
    capabilities_.orders_max = 10;
    capabilities_.replaces = true;
    capabilities_.quiet_period = std::chrono::seconds(5);
    capabilities_.duplicate_window = std::chrono::hours(8);
  }

  const BrokerCapabilities& capabilities() const override { return capabilities_; }
  // Set before the orchestrator is made.
  BrokerCapabilities& settings() { return capabilities_; }

  std::vector<SendResult> place(std::span<const Order> orders) override {
    const std::scoped_lock lock(mutex_);
    std::vector<SendResult> results;
    for (const Order& order : orders) {
      ++sends[order.client_order_id];
      const Fate fate = next_fate();
      if (during_place) std::exchange(during_place, nullptr)(order);
      results.push_back(answer(order, fate));
    }
    return results;
  }

  SendResult cancel(const Order& order) override {
    const std::scoped_lock lock(mutex_);
    ++cancels;
    return cancel_answer ? *cancel_answer : SendResult{SendOutcome::kAccepted, order.ext_order_id, ""};
  }

  SendResult replace(const Order& order, const ReplaceRequest& request) override {
    const std::scoped_lock lock(mutex_);
    replaces.push_back(request);
    return replace_answer ? *replace_answer : SendResult{SendOutcome::kAccepted, order.ext_order_id, ""};
  }

  LookUp look_up(const std::string& client_order_id) override {
    const std::scoped_lock lock(mutex_);
    ++look_ups;
    if (during_look_up) std::exchange(during_look_up, nullptr)();
    if (silent) return {LookUp::Kind::kNoAnswer, {}, "no answer"};
    const auto at = held.find(client_order_id);
    if (at == held.end()) return {LookUp::Kind::kNotFound, {}, "not found"};
    return {LookUp::Kind::kFound, at->second, ""};
  }

  Book book() override {
    const std::scoped_lock lock(mutex_);
    if (silent) throw Error(ErrorCode::kBrokerInDoubt, "no answer");
    Book book;
    for (const auto& [id, order] : held) book.orders.push_back(order);
    for (const auto& [ext_order_id, execution] : executed) {
      book.ext_order_ids.push_back(ext_order_id);
      book.executions.push_back(execution);
    }
    book.from = book_from;
    ++books;
    if (during_book) std::exchange(during_book, nullptr)();
    return book;
  }

  ReportPage poll(const std::string& cursor) override {
    const std::scoped_lock lock(mutex_);
    if (silent) throw Error(ErrorCode::kBrokerInDoubt, "no answer");
    const std::size_t from = cursor.empty() ? 0 : std::stoul(cursor);
    ReportPage page;
    page.reports.assign(news.begin() + static_cast<std::ptrdiff_t>(std::min(from, news.size())), news.end());
    page.cursor = news.empty() ? cursor : std::to_string(news.size()) + cursor_tail;
    return page;
  }

  // A report about the order held under this client order id.
  [[nodiscard]] BrokerReport report(BrokerReport::Kind kind, const std::string& client_order_id) const {
    BrokerReport made;
    made.kind = kind;
    made.broker = capabilities_.name;
    made.account = capabilities_.account;
    made.client_order_id = client_order_id;
    made.ext_order_id = ext_id(client_order_id);
    made.at = Timestamp(std::chrono::hours(480'000));
    return made;
  }
  [[nodiscard]] BrokerReport trade(const std::string& client_order_id, const std::string& execution_id,
                                   Quantity qty, Price price) const {
    BrokerReport made = report(BrokerReport::Kind::kExecution, client_order_id);
    made.execution.execution_id = execution_id;
    made.execution.qty = qty;
    made.execution.price = price;
    made.execution.executed_at = made.at;
    return made;
  }
  // The broker's book refuses a known id when its class says so.
  bool take(const Order& order) {
    const bool known = held.contains(order.client_order_id);
    if (known && capabilities_.broker_class == BrokerClass::kEnforced) return false;
    ++accepts[order.client_order_id];
    BrokerOrder& mine = held[order.client_order_id];
    mine.client_order_id = order.client_order_id;
    mine.ext_order_id = ext_id(order.client_order_id) + id_tail;
    mine.symbol = order.symbol;
    mine.instrument_id = order.instrument_id;
    mine.side = order.side;
    mine.qty = order.qty;
    mine.price_limit = order.price_limit;
    mine.status = OrderStatus::kAcked;
    return true;
  }

  static std::string ext_id(const std::string& client_order_id) { return "X" + client_order_id; }

  std::deque<Fate> fates;
  std::string id_tail;                             // of the ids that place() gives
  std::string cursor_tail;                         // of the cursors that poll() gives
  std::string refusal = "price too far away";      // of kReject
  std::string thrown = "socket closed";            // of kThrow
  std::function<void(const Order&)> during_place;  // called once, inside the next place()
  std::function<void()> during_look_up;            // called once, inside the next look_up()
  std::function<void()> during_book;   // called once, inside the next book(), when that is made up
  std::optional<Timestamp> book_from;  // of book()
  std::map<std::string, int> sends;    // attempts on the wire per client order id
  std::map<std::string, int> accepts;  // what the broker's book really took
  std::map<std::string, BrokerOrder> held;
  std::vector<std::pair<std::string, Execution>> executed;  // by the broker's order id; for book()
  std::vector<BrokerReport> news;
  std::vector<ReplaceRequest> replaces;
  std::optional<SendResult> cancel_answer;
  std::optional<SendResult> replace_answer;
  bool silent = false;
  int cancels = 0;
  int look_ups = 0;
  int books = 0;

 private:
  Fate next_fate() {
    if (fates.empty()) return Fate::kAccept;
    const Fate fate = fates.front();
    fates.pop_front();
    return fate;
  }

  SendResult answer(const Order& order, Fate fate) {
    switch (fate) {
      case Fate::kAccept:
        take(order);
        return {SendOutcome::kAccepted, ext_id(order.client_order_id) + id_tail, ""};
      case Fate::kReject:
        return {SendOutcome::kRejected, "", refusal};
      case Fate::kNotSent:
        return {SendOutcome::kNotSent, "", "429 too many requests"};
      case Fate::kLostAfterAccept:
        take(order);
        return {SendOutcome::kInDoubt, "", "timeout"};
      case Fate::kLostBeforeAccept:
        return {SendOutcome::kInDoubt, "", "timeout"};
      case Fate::kThrow:
        take(order);
        throw std::runtime_error(thrown);
      case Fate::kNoId:
        take(order);
        return {SendOutcome::kAccepted, "", ""};
    }
    return {};
  }

  BrokerCapabilities capabilities_;
  std::recursive_mutex mutex_;  // during_place may come back
};

}  // namespace orchestrator::testing
