// Finds the breaks between our book and the broker's. It reports and repairs nothing.
//
// Invariants: broker orders are matched by client order id only, that of a change standing for its order,
// never by look-alike; the same rows give the same breaks in the same order, however they are sorted.

#include "core/book_comparison.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

#include "core/request_identity.hpp"
#include "orchestrator/lifecycle.hpp"

namespace orchestrator {

namespace {

constexpr std::string_view kNone = "none";

template <class Number>
bool differs(Number a, Number b, Number tolerance) {
  // Compared without a subtraction that could overflow between two extreme figures.
  const Number& low = std::min(a, b);
  const Number& high = std::max(a, b);
  if (low.is_negative() && high > Number::max() + low) return true;
  return high - low > tolerance;
}

std::string text_of(const std::optional<Price>& price) {
  return price ? price->to_string() : std::string(kNone);
}

std::string words_of(const Execution& execution) {
  return std::string(to_string(execution.kind)) + " " + execution.qty.to_string() + " @ " +
         execution.price.to_string();
}

std::string words_of(const BrokerOrder& order) {
  return std::string(to_string(order.status)) + " " + std::string(to_string(order.side)) + " " +
         order.qty.to_string() + " " + order.symbol + ", executed " + order.fill_qty.to_string();
}

}  // namespace

// One order of ours against what the broker shows of it.
class OrderComparison {
 public:
  using Executions = BookComparison::Executions;

  OrderComparison(const BookComparison& book, std::vector<Break>& breaks)
      : tolerance_(book.tolerance_), book_from_(book.from_), book_(book), breaks_(breaks) {}

  void compare_order(const Order& order, const Executions& ours) {
    const auto found = book_.rows_.find(order.client_order_id);
    if (found == book_.rows_.end() || order.client_order_id.empty()) {
      if (expected_at_broker(order)) {
        report(BreakType::kMissingThere, order, "order", std::string(to_string(order.status)),
               std::string(kNone));
      }
      return;
    }
    const BrokerOrder& row = main_row(order, found->second);
    report_duplicates(order, found->second, row);
    if (!acknowledged(order)) {
      compare_unacknowledged(order, row);
      return;
    }
    compare_identity(order, row);
    compare_status(order, row);
    compare_terms(order, row);
    compare_fills(order, row);
    compare_executions(order, ours, executions_of(found->second));
  }

 private:
  [[nodiscard]] Executions executions_of(const BookComparison::Rows& rows) const {
    Executions all;
    for (const BrokerOrder* row : rows) {
      const auto found = book_.executions_.find(row->ext_order_id);
      if (found != book_.executions_.end()) all.insert(found->second.begin(), found->second.end());
    }
    return all;
  }

  void report(BreakType type, const Order& order, std::string_view field, std::string ours,
              std::string theirs, const std::string& execution_id = {}) {
    breaks_.push_back({type, order.id, order.client_order_id, order.ext_order_id, execution_id,
                       std::string(field), std::move(ours), std::move(theirs)});
  }

  // Whether the broker ever told us that it has this order.
  static bool acknowledged(const Order& order) {
    switch (order.status) {
      case OrderStatus::kPlaced:
      case OrderStatus::kSubmitting:
      case OrderStatus::kUnknown:
        return false;
      default:
        return order.acked_at.has_value();
    }
  }

  // An order that has ended and settled, or that ended before the book begins, need not be there any more.
  bool expected_at_broker(const Order& order) const {
    if (!acknowledged(order) || order.status == OrderStatus::kSettled) return false;
    const bool before_book = book_from_ && order.submitted_at && *order.submitted_at < *book_from_;
    return !(before_book && is_terminal(order.status));
  }

  static bool refused(const BrokerOrder* row) { return row->status == OrderStatus::kRejected; }

  // The row to compare with: the one we know by the broker's id, else the first that it holds.
  static const BrokerOrder& main_row(const Order& order, const BookComparison::Rows& rows) {
    const auto known = std::ranges::find(rows, order.ext_order_id, &BrokerOrder::ext_order_id);
    if (known != rows.end()) return **known;
    const auto held = std::ranges::find_if_not(rows, refused);
    return held != rows.end() ? **held : *rows.front();
  }

  // What the broker refused under our id it does not hold.
  void report_duplicates(const Order& order, const BookComparison::Rows& rows, const BrokerOrder& main) {
    for (const BrokerOrder* row : rows) {
      if (row == &main || refused(row)) continue;
      report(BreakType::kDuplicate, order, "ext_order_id", main.ext_order_id,
             row->ext_order_id + ": " + words_of(*row));
    }
  }

  void compare_unacknowledged(const Order& order, const BrokerOrder& row) {
    const bool both_rejected = order.status == OrderStatus::kRejected && row.status == OrderStatus::kRejected;
    if (order.status == OrderStatus::kSubmitting || both_rejected) return;
    report(BreakType::kStatus, order, "status", std::string(to_string(order.status)), words_of(row));
  }

  void compare_identity(const Order& order, const BrokerOrder& row) {
    if (order.ext_order_id != row.ext_order_id) {
      report(BreakType::kStatus, order, "ext_order_id", order.ext_order_id, row.ext_order_id);
    }
    if (order.side != row.side) {
      report(BreakType::kStatus, order, "side", std::string(to_string(order.side)),
             std::string(to_string(row.side)));
    }
    if (row.instrument_id != 0 ? order.instrument_id != row.instrument_id : order.symbol != row.symbol) {
      report(BreakType::kStatus, order, "instrument_id", instrument_of(order.instrument_id, order.symbol),
             instrument_of(row.instrument_id, row.symbol));
    }
  }

  static std::string instrument_of(InstrumentId id, const std::string& symbol) {
    return std::to_string(id) + " (" + symbol + ")";
  }

  // Brokers differ in their words for a working order, and our own pending requests are none of theirs; so
  // all of these are one. What has executed is compared as a quantity.
  static OrderStatus phase(OrderStatus status) {
    switch (status) {
      case OrderStatus::kPartiallyFilled:
      case OrderStatus::kCancelPending:
      case OrderStatus::kReplacePending:
        return OrderStatus::kAcked;
      default:
        return status;
    }
  }

  void compare_status(const Order& order, const BrokerOrder& row) {
    const bool settled = order.status == OrderStatus::kSettled;
    // What had executed when the broker ended it stands, whatever the broker calls the order.
    if (order.ended_as == row.status) return;
    const bool agrees =
        settled ? phase(row.status) != OrderStatus::kAcked : phase(order.status) == phase(row.status);
    if (agrees) return;
    report(BreakType::kStatus, order, "status", std::string(to_string(order.status)),
           std::string(to_string(row.status)));
  }

  // While a change is pending the broker may have made it already: both terms agree with ours.
  void compare_terms(const Order& order, const BrokerOrder& row) {
    const bool qty_changed = order.pending_qty && !differs(*order.pending_qty, row.qty, tolerance_.qty);
    if (!qty_changed && differs(order.qty, row.qty, tolerance_.qty)) {
      report(BreakType::kQuantity, order, "qty", order.qty.to_string(), row.qty.to_string());
    }
    const bool price_changed =
        order.pending_price_limit && !prices_differ(order.pending_price_limit, row.price_limit);
    if (!price_changed && prices_differ(order.price_limit, row.price_limit)) {
      report(BreakType::kPrice, order, "price_limit", text_of(order.price_limit), text_of(row.price_limit));
    }
  }

  [[nodiscard]] bool prices_differ(const std::optional<Price>& a, const std::optional<Price>& b) const {
    if (a.has_value() != b.has_value()) return true;
    return a && differs(*a, *b, tolerance_.price);
  }

  void compare_fills(const Order& order, const BrokerOrder& row) {
    if (differs(order.fill_qty, row.fill_qty, tolerance_.qty)) {
      report(BreakType::kQuantity, order, "fill_qty", order.fill_qty.to_string(), row.fill_qty.to_string());
      return;  // then the notional differs by nature
    }
    // As exact as the tolerance: averages would hide what their rounding cuts.
    if (order.fill_qty == row.fill_qty &&
        differs(order.fill_notional, row.fill_notional, tolerance_.price * order.fill_qty)) {
      report(BreakType::kPrice, order, "fill_notional", order.fill_notional.to_string(),
             row.fill_notional.to_string());
    }
  }

  void compare_executions(const Order& order, const Executions& ours, const Executions& theirs) {
    for (const auto& [id, execution] : ours) {
      const auto match = theirs.find(id);
      if (match != theirs.end()) {
        compare_execution(order, *execution, *match->second);
      } else {
        report(BreakType::kMissingThere, order, "execution", words_of(*execution), std::string(kNone),
               execution->execution_id);
      }
    }
    for (const auto& [id, execution] : theirs) {
      if (ours.contains(id)) continue;
      report(BreakType::kMissingHere, order, "execution", std::string(kNone), words_of(*execution),
             execution->execution_id);
    }
  }

  void compare_execution(const Order& order, const Execution& ours, const Execution& theirs) {
    const std::string& id = ours.execution_id;
    if (ours.kind != theirs.kind) {
      report(BreakType::kStatus, order, "kind", std::string(to_string(ours.kind)),
             std::string(to_string(theirs.kind)), id);
    }
    if (differs(ours.qty, theirs.qty, tolerance_.qty)) {
      report(BreakType::kQuantity, order, "qty", ours.qty.to_string(), theirs.qty.to_string(), id);
    }
    if (differs(ours.price, theirs.price, tolerance_.price)) {
      report(BreakType::kPrice, order, "price", ours.price.to_string(), theirs.price.to_string(), id);
    }
    if (differs(ours.fees, theirs.fees, tolerance_.fees)) {
      report(BreakType::kFee, order, "fees", ours.fees.to_string(), theirs.fees.to_string(), id);
    }
  }

  const Tolerance& tolerance_;
  const std::optional<Timestamp>& book_from_;
  const BookComparison& book_;
  std::vector<Break>& breaks_;
};

BookComparison::BookComparison(const BrokerConnector::Book& book, const Tolerance& tolerance)
    : from_(book.from), tolerance_(tolerance) {
  for (const BrokerOrder& row : book.orders) {
    if (!row.client_order_id.empty()) rows_[placed_as(row.client_order_id)].push_back(&row);
  }
  for (auto& [id, rows] : rows_) {
    std::ranges::sort(rows, [](const BrokerOrder* a, const BrokerOrder* b) {
      return std::tie(a->ext_order_id, a->status, a->qty, a->fill_qty, a->updated_at) <
             std::tie(b->ext_order_id, b->status, b->qty, b->fill_qty, b->updated_at);
    });
  }
  const std::size_t count = std::min(book.executions.size(), book.ext_order_ids.size());
  for (std::size_t i = 0; i < count; ++i) {
    executions_[book.ext_order_ids[i]].emplace(book.executions[i].execution_id, &book.executions[i]);
  }
}

std::vector<Break> BookComparison::compare(std::span<const Order> orders,
                                           std::span<const Execution> executions) const {
  std::vector<const Order*> ours;
  for (const Order& order : orders) ours.push_back(&order);
  std::ranges::sort(ours, {}, &Order::id);
  std::map<OrderId, Executions> executed;
  for (const Execution& execution : executions) {
    executed[execution.order_id].emplace(execution.execution_id, &execution);
  }
  std::vector<Break> breaks;
  OrderComparison comparison(*this, breaks);
  for (const Order* order : ours) comparison.compare_order(*order, executed[order->id]);
  return breaks;
}

std::vector<Break> compare_books(std::span<const Order> orders, std::span<const Execution> executions,
                                 const BrokerConnector::Book& book, const Tolerance& tolerance) {
  return BookComparison(book, tolerance).compare(orders, executions);
}

}  // namespace orchestrator
