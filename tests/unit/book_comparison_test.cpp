// The comparison with the broker's book: every difference typed, nothing of others looked at.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "orchestrator/reconciler.hpp"

using namespace orchestrator;

namespace {

constexpr std::uint64_t kSeed = 380'000;
constexpr Timestamp kNow{std::chrono::microseconds(1'767'604'500'000'000)};

Order make_order(OrderId id, InstrumentId instrument, Side side, const char* qty, const char* limit,
                 OrderStatus status = OrderStatus::kAcked) {
  Order order;
  order.id = id;
  order.leg = static_cast<std::int32_t>(id) - 1;
  order.client_order_id = "oo-" + std::to_string(id);
  order.ext_order_id = "X" + std::to_string(id);
  order.instrument_id = instrument;
  order.symbol = "#" + std::to_string(instrument);
  order.side = side;
  order.qty = Quantity::from_string(qty);
  if (limit != nullptr) order.price_limit = Price::from_string(limit);
  order.status = status;
  order.acked_at = kNow;
  return order;
}

Execution make_execution(OrderId order_id, std::string id, const char* qty, const char* price,
                         const char* fees = "0") {
  Execution execution;
  execution.broker = "mock";
  execution.account = "A";
  execution.execution_id = std::move(id);
  execution.order_id = order_id;
  execution.qty = Quantity::from_string(qty);
  execution.price = Price::from_string(price);
  execution.fees = Money::from_string(fees);
  execution.executed_at = kNow;
  return execution;
}

// One acknowledged order with one execution, and the broker's book that agrees with it.
struct Books {
  std::vector<Order> orders;
  std::vector<Execution> executions;
  BrokerConnector::Book book;
  Tolerance tolerance;

  Books() {
    add(make_order(1, 7, Side::kBuy, "100", "2500", OrderStatus::kPartiallyFilled));
    execute(make_execution(1, "E1", "40", "2499.5", "1.25"));
  }

  void add(const Order& order) {
    orders.push_back(order);
    BrokerOrder row;
    row.ext_order_id = order.ext_order_id;
    row.client_order_id = order.client_order_id;
    row.symbol = order.symbol;
    row.instrument_id = order.instrument_id;
    row.side = order.side;
    row.qty = order.qty;
    row.price_limit = order.price_limit;
    row.status = order.status;
    book.orders.push_back(row);
  }

  void execute(const Execution& execution) {
    executions.push_back(execution);
    Order& order = orders.at(static_cast<std::size_t>(execution.order_id) - 1);
    BrokerOrder& row = book.orders.at(static_cast<std::size_t>(execution.order_id) - 1);
    order.fill_qty += execution.qty;
    order.fill_notional += execution.price * execution.qty;
    row.fill_qty = order.fill_qty;
    row.fill_notional = order.fill_notional;
    book.executions.push_back(execution);
    book.executions.back().order_id = 0;
    book.ext_order_ids.push_back(order.ext_order_id);
  }

  [[nodiscard]] std::vector<Break> compare() const {
    return make_reconciler()->compare(orders, executions, book, tolerance);
  }

  // "1 quantity qty: 100 / 90", one line each.
  [[nodiscard]] std::string breaks() const {
    std::string lines;
    for (const Break& difference : compare()) {
      if (!lines.empty()) lines += "\n";
      lines += std::to_string(difference.order_id) + " " + std::string(to_string(difference.type)) + " " +
               difference.field;
      if (!difference.execution_id.empty()) lines += " " + difference.execution_id;
      lines += ": " + difference.ours + " / " + difference.theirs;
    }
    return lines;
  }

  [[nodiscard]] static std::string after(const std::function<void(Books&)>& change) {
    Books books;
    change(books);
    return books.breaks();
  }
};

}  // namespace

TEST_CASE("books that agree have no breaks") { CHECK(Books().breaks() == ""); }

TEST_CASE("differences of an order's terms and fills are typed breaks") {
  CHECK(Books::after([](Books& b) { b.book.orders[0].qty = Quantity::from_int(90); }) ==
        "1 quantity qty: 100 / 90");
  CHECK(Books::after([](Books& b) { b.book.orders[0].price_limit = Price::from_int(2501); }) ==
        "1 price price_limit: 2500 / 2501");
  CHECK(Books::after([](Books& b) { b.book.orders[0].price_limit.reset(); }) ==
        "1 price price_limit: 2500 / none");
  CHECK(Books::after([](Books& b) { b.book.orders[0].fill_qty = Quantity::from_int(41); }) ==
        "1 quantity fill_qty: 40 / 41");
  CHECK(Books::after([](Books& b) { b.book.orders[0].fill_notional += Money::from_units(1); }) ==
        "1 price fill_notional: 99980 / 99980.000000000000000001");
  CHECK(Books::after([](Books& b) { b.book.orders[0].side = Side::kSell; }) == "1 status side: BUY / SELL");
  CHECK(Books::after([](Books& b) { b.book.orders[0].instrument_id = 8; }) ==
        "1 status instrument_id: 7 (#7) / 8 (#7)");
  CHECK(Books::after([](Books& b) {
          b.book.orders[0].instrument_id = 0;
          b.book.orders[0].symbol = "INFY";
        }) == "1 status instrument_id: 7 (#7) / 0 (INFY)");
  CHECK(Books::after([](Books& b) { b.book.orders[0].status = OrderStatus::kCancelled; }) ==
        "1 status status: partially_filled / cancelled");
  CHECK(Books::after([](Books& b) { b.orders[0].ext_order_id = "X9"; }) == "1 status ext_order_id: X9 / X1");
}

TEST_CASE("differences of executions are typed breaks with the execution's id") {
  CHECK(Books::after([](Books& b) { b.book.executions[0].qty = Quantity::from_int(39); }) ==
        "1 quantity qty E1: 40 / 39");
  CHECK(Books::after([](Books& b) { b.book.executions[0].price = Price::from_int(2499); }) ==
        "1 price price E1: 2499.5 / 2499");
  CHECK(Books::after([](Books& b) { b.book.executions[0].fees = Money::from_string("1.5"); }) ==
        "1 fee fees E1: 1.25 / 1.5");
  CHECK(Books::after([](Books& b) { b.book.executions[0].kind = ExecutionKind::kBust; }) ==
        "1 status kind E1: trade / bust");
  CHECK(Books::after([](Books& b) { b.executions.clear(); }) ==
        "1 missing_here execution E1: none / trade 40 @ 2499.5");
  CHECK(Books::after([](Books& b) { b.book.executions.clear(); }) ==
        "1 missing_there execution E1: trade 40 @ 2499.5 / none");
}

TEST_CASE("tolerances are inclusive") {
  const auto change = [](Books& b) {
    b.book.orders[0].qty = Quantity::from_int(99);
    b.book.orders[0].price_limit = Price::from_string("2500.5");
    b.book.orders[0].fill_notional += Money::from_int(20);
    b.book.executions[0].fees = Money::from_string("1.35");
  };
  CHECK(std::ranges::count(Books::after(change), '\n') == 3);
  CHECK(Books::after([&](Books& b) {
          change(b);
          b.tolerance = {Quantity::from_int(1), Price::from_string("0.5"), Money::from_string("0.1")};
        }) == "");
  CHECK(Books::after([&](Books& b) {
          change(b);
          b.tolerance = {Quantity::from_units(999'999'999), Price::from_units(499'999'999),
                         Money::from_string("0.099999999999999999")};
        }) ==
        "1 quantity qty: 100 / 99\n1 price price_limit: 2500 / 2500.5\n"
        "1 price fill_notional: 99980 / 100000\n1 fee fees E1: 1.25 / 1.35");
}

TEST_CASE("extreme figures of a broker are breaks and not overflows") {
  CHECK(Books::after([](Books& b) {
          b.orders[0].qty = Quantity::max();
          b.book.orders[0].qty = Quantity::min();
        }).starts_with("1 quantity qty: 9223372036.854775807 / -9223372036.854775808"));
}

TEST_CASE("two orders at the broker under one client order id are a duplicate") {
  const std::string breaks = Books::after([](Books& b) {
    BrokerOrder twin = b.book.orders[0];
    twin.ext_order_id = "A0";
    twin.fill_qty = Quantity();
    b.book.orders.insert(b.book.orders.begin(), twin);
  });
  CHECK(breaks == "1 duplicate ext_order_id: X1 / A0: partially_filled BUY 100 #7, executed 0");
}

TEST_CASE("the executions of a duplicate are missing here") {
  const std::string breaks = Books::after([](Books& b) {
    BrokerOrder twin = b.book.orders[0];
    twin.ext_order_id = "X2";
    b.book.orders.push_back(twin);
    b.book.executions.push_back(make_execution(0, "E9", "5", "2500"));
    b.book.ext_order_ids.push_back("X2");
  });
  CHECK(breaks.find("1 missing_here execution E9: none / trade 5 @ 2500") != std::string::npos);
}

TEST_CASE("an acknowledged order that the broker does not show is missing there") {
  const auto without_row = [](OrderStatus status, bool acked) {
    return Books::after([&](Books& b) {
      b.orders[0].status = status;
      if (!acked) b.orders[0].acked_at.reset();
      b.book = {};
    });
  };
  for (const OrderStatus status : {OrderStatus::kAcked, OrderStatus::kPartiallyFilled, OrderStatus::kFilled,
                                   OrderStatus::kCancelPending, OrderStatus::kReplacePending,
                                   OrderStatus::kCancelled, OrderStatus::kExpired, OrderStatus::kRejected}) {
    CHECK(without_row(status, true) ==
          "1 missing_there order: " + std::string(to_string(status)) + " / none");
  }
  CHECK(without_row(OrderStatus::kSettled, true) == "");
  for (const OrderStatus status : {OrderStatus::kPlaced, OrderStatus::kSubmitting, OrderStatus::kUnknown,
                                   OrderStatus::kRejected, OrderStatus::kCancelled}) {
    CHECK(without_row(status, false) == "");
  }
}

TEST_CASE("an order that the broker never acknowledged and yet shows is a status break") {
  const auto with_row = [](OrderStatus ours, OrderStatus theirs) {
    return Books::after([&](Books& b) {
      b.executions.clear();
      b.orders[0].status = ours;
      b.orders[0].acked_at.reset();
      b.orders[0].fill_qty = Quantity();
      b.book.orders[0].status = theirs;
    });
  };
  const std::string shown = " BUY 100 #7, executed 40";
  CHECK(with_row(OrderStatus::kPlaced, OrderStatus::kAcked) == "1 status status: placed / acked" + shown);
  CHECK(with_row(OrderStatus::kUnknown, OrderStatus::kFilled) == "1 status status: unknown / filled" + shown);
  CHECK(with_row(OrderStatus::kCancelled, OrderStatus::kAcked) ==
        "1 status status: cancelled / acked" + shown);
  CHECK(with_row(OrderStatus::kRejected, OrderStatus::kAcked) == "1 status status: rejected / acked" + shown);
  CHECK(with_row(OrderStatus::kRejected, OrderStatus::kRejected) == "");
  CHECK(with_row(OrderStatus::kSubmitting, OrderStatus::kAcked) == "");
}

TEST_CASE("pending requests of ours and the broker's word for a working order make no break") {
  for (const OrderStatus status : {OrderStatus::kAcked, OrderStatus::kPartiallyFilled,
                                   OrderStatus::kCancelPending, OrderStatus::kReplacePending}) {
    for (const OrderStatus theirs : {OrderStatus::kAcked, OrderStatus::kPartiallyFilled}) {
      CHECK(Books::after([&](Books& b) {
              b.orders[0].status = status;
              b.book.orders[0].status = theirs;
            }) == "");
    }
  }
  const auto pending = [](const char* qty, const char* price) {
    return Books::after([&](Books& b) {
      b.orders[0].status = OrderStatus::kReplacePending;
      b.orders[0].pending_qty = Quantity::from_int(120);
      b.orders[0].pending_price_limit = Price::from_int(2510);
      b.book.orders[0].qty = Quantity::from_string(qty);
      b.book.orders[0].price_limit = Price::from_string(price);
    });
  };
  CHECK(pending("100", "2500") == "");
  CHECK(pending("120", "2510") == "");
  CHECK(pending("110", "2505") == "1 quantity qty: 100 / 110\n1 price price_limit: 2500 / 2505");
}

TEST_CASE("a settled order agrees with any ended one") {
  CHECK(Books::after([](Books& b) {
          b.orders[0].status = OrderStatus::kSettled;
          b.book.orders[0].status = OrderStatus::kFilled;
        }) == "");
  CHECK(Books::after([](Books& b) {
          b.orders[0].status = OrderStatus::kSettled;
          b.book.orders[0].status = OrderStatus::kAcked;
        }) == "1 status status: settled / acked");
}

TEST_CASE("orders of others are not looked at") {
  CHECK(Books::after([](Books& b) {
          BrokerOrder other = b.book.orders[0];
          other.ext_order_id = "Y1";
          other.client_order_id = "somebody-else";
          b.book.orders.push_back(other);
          other.ext_order_id = "Y2";
          other.client_order_id.clear();
          b.book.orders.push_back(other);
          b.book.executions.push_back(make_execution(0, "F1", "5", "1"));
          b.book.ext_order_ids.push_back("Y1");
          b.book.executions.push_back(make_execution(0, "F2", "5", "1"));  // without its order's id
        }) == "");
}

TEST_CASE("breaks come in one order, whatever the order of the rows") {
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  Books books;
  for (OrderId id = 2; id <= 12; ++id) {
    books.add(make_order(id, 7, Side::kBuy, "100", "2500"));
    for (int i = 0; i < 3; ++i) {
      books.execute(make_execution(id, "E" + std::to_string(id) + std::to_string(i), "10", "2500"));
    }
  }
  for (std::size_t i = 0; i < books.book.orders.size(); i += 2) {
    books.book.orders[i].qty = Quantity::from_int(1);
    books.book.executions[i].fees = Money::from_int(9);
    books.book.orders.push_back(books.book.orders[i]);
    books.book.orders.back().ext_order_id += "-twin";
    if (i > 20) break;
  }
  books.executions.erase(books.executions.begin() + 4);
  const std::string expected = books.breaks();
  CHECK(std::ranges::count(expected, '\n') > 10);
  for (int round = 0; round < 50; ++round) {
    std::shuffle(books.orders.begin(), books.orders.end(), random);
    std::shuffle(books.executions.begin(), books.executions.end(), random);
    std::shuffle(books.book.orders.begin(), books.book.orders.end(), random);
    for (std::size_t i = books.book.executions.size(); i > 1; --i) {
      const std::size_t j = random() % i;
      std::swap(books.book.executions[i - 1], books.book.executions[j]);
      std::swap(books.book.ext_order_ids[i - 1], books.book.ext_order_ids[j]);
    }
    REQUIRE(books.breaks() == expected);
  }
}

TEST_CASE(
    "an order that ended before the broker's list of the day begins is not missed there, an open one is") {
  for (const OrderStatus status : {OrderStatus::kFilled, OrderStatus::kAcked}) {
    for (const bool today : {true, false}) {
      Order order = make_order(1, 7, Side::kBuy, "100", "2500", status);
      order.submitted_at = today ? kNow : kNow - std::chrono::hours(24);
      BrokerConnector::Book book;
      book.from = kNow - std::chrono::hours(6);
      const auto breaks = make_reconciler()->compare(std::span(&order, 1), {}, book, {});
      const bool missed = today || status == OrderStatus::kAcked;
      CHECK(breaks.size() == (missed ? 1U : 0U));
    }
  }
}

TEST_CASE("what the broker refused under our id is no duplicate, and never the row to compare with") {
  const std::string breaks = Books::after([](Books& b) {
    BrokerOrder refused = b.book.orders[0];
    refused.ext_order_id = "A0";
    refused.status = OrderStatus::kRejected;
    refused.fill_qty = Quantity();
    b.book.orders.push_back(refused);
    b.orders[0].ext_order_id.clear();
  });
  CHECK(breaks == "1 status ext_order_id:  / X1");
}

TEST_CASE("an end that both sides know of agrees, whatever had executed before it") {
  const auto breaks_of = [](OrderStatus ours, OrderStatus theirs) {
    return Books::after([&](Books& b) {
      b.orders[0].status = ours;
      b.orders[0].ended_as = theirs;
      b.book.orders[0].status = theirs;
    });
  };
  CHECK(breaks_of(OrderStatus::kFilled, OrderStatus::kCancelled) == "");
  CHECK(breaks_of(OrderStatus::kCancelled, OrderStatus::kRejected) == "");
}
