// Texts meant for other programs, through every text that a caller or a broker can give: kept as they came,
// but for bytes of a broker's that are no text, found by exactly themselves, and never more than a value.

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "adapters/sqlite/connection.hpp"
#include "codec/json_events.hpp"
#include "engine/broker_texts.hpp"
#include "orchestrator/json.hpp"
#include "support/book_audit.hpp"
#include "support/desk.hpp"
#include "support/sqlite_desk.hpp"
#include "support/temporary_folder.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

const std::vector<std::string>& hostile_texts() {
  static const std::vector<std::string> kTexts = {
      "'; DROP TABLE orders; --",
      "\"; DELETE FROM orders; --",
      "x' OR '1'='1",
      "%",
      "_",
      "%s%n%99999999d",
      "a\r\nb: c",
      "order.filled 1 1 {}\norder.filled 1 2 {}",
      "../../../../etc/passwd",
      "$(touch pwned)",
      "\\",
      "\"",
      "\\u0000",
      "\x1b[2J",
      "\xE2\x80\xAEgnirts",
      "\xF0\x9F\x92\xA3",
      std::string("a\0b", 3),
      std::string("\0", 1),
      "\xff\xfe",
      "\xc0\xaf",
      "\xed\xa0\x80",
      std::string(kTenantMax, 'x'),
  };
  return kTexts;
}

// One line that every JSON reader takes.
bool is_json_line(const std::string& text) {
  try {
    static_cast<void>(codec::compact_json(text));
  } catch (const Error&) {
    return false;
  }
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

std::string lines_of(SqliteDesk& desk, OrderId id) {
  std::string wrong;
  for (const Event& event : desk.oms->events({.order_id = id, .limit = 100'000})) {
    const std::string line = to_cloud_event(event, "/test");
    if (!is_json_line(line)) wrong += line + "\n";
  }
  return wrong;
}

}  // namespace

TEST_CASE("whatever a caller or a broker writes is kept as it came and stays a value") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  ScriptedBroker broker(BrokerClass::kEnforced);
  SqliteDesk desk(path, broker);
  sqlite::Connection look(path, SQLITE_OPEN_READWRITE, std::chrono::milliseconds(20'000));
  const std::string tables = look.text("SELECT group_concat(name || sql) FROM sqlite_master");
  std::size_t orders = 0;
  for (const std::string& text : hostile_texts()) {
    INFO("text: ", text.substr(0, 50));
    BatchRequest request = SqliteDesk::batch("k", 2);
    request.tenant = text;
    const Receipt receipt = desk.oms->place(request);
    orders += 2;
    CHECK(is_json_line(receipt.json));
    CHECK(desk.oms->place(request).json == receipt.json);
    CHECK(desk.oms->orders({.tenant = text}).size() == 2);
    CHECK(desk.oms->batches({.tenant = text}).size() == 1);

    // In the broker's words.
    const auto& one = receipt.orders[0];
    const auto& two = receipt.orders[1];
    BrokerReport fill = broker.trade(one.client_order_id, text, Quantity::from_int(1), Price::from_int(10));
    if (engine::is_text(text)) {
      desk.oms->apply(fill);
      desk.oms->apply(fill);
      CHECK(desk.oms->get_order(one.id).fill_qty == Quantity::from_int(1));
      CHECK(desk.oms->executions(one.id).at(0).execution_id == text);
    } else {
      CHECK(code_of([&] { desk.oms->apply(fill); }) == ErrorCode::kInvalidArgument);
    }
    BrokerReport end = broker.report(BrokerReport::Kind::kExpired, two.client_order_id);
    end.reason = text;
    desk.oms->apply(end);
    CHECK(desk.oms->get_order(two.id).status == OrderStatus::kExpired);
    CHECK(desk.oms->get_order(two.id).reason == engine::bounded_reason(text));
    CHECK(lines_of(desk, one.id) == "");
    CHECK(lines_of(desk, two.id) == "");
    CHECK(is_json_line(to_json(desk.oms->get_order(two.id))));

    CHECK(desk.oms->orders({.broker = text}).empty());
    CHECK(desk.oms->orders({.client_order_id = text}).empty());
    CHECK(desk.oms->orders({.ext_order_id = text}).empty());

    desk.oms->halt(ControlScope::kPortfolio, text, text);
    CHECK(desk.store->halts().at(0).target == text);
    CHECK(is_json_line(to_json(desk.oms->health())));
    CHECK(desk.oms->resume(ControlScope::kPortfolio, text));
    Instrument instrument;
    instrument.id = static_cast<InstrumentId>(1000 + orders);
    instrument.symbol = text;
    instrument.exchange = text;
    desk.store->put_instruments(std::vector{instrument});
    CHECK(desk.store->instruments(std::vector{instrument.id}).at(0).symbol == text);
    desk.store->put_holidays(text, std::vector{Date(std::chrono::days(20'000))});
    CHECK(desk.store->holidays(text).size() == 1);
  }
  CHECK(desk.oms->orders({.limit = 1'000'000}).size() == orders);
  CHECK(look.text("SELECT group_concat(name || sql) FROM sqlite_master") == tables);
  CHECK(look.text("PRAGMA integrity_check") == "ok");
  const AuditReport audit = desk.oms->audit();
  INFO("audit: ", audit.clean() ? "" : audit.findings.front().check + " " + audit.findings.front().detail);
  CHECK(audit.clean());
  CHECK(BookAudit(*desk.store).breaches() == "");
}

TEST_CASE("an acknowledgement under any id of the broker's finds its order by exactly that id") {
  const TemporaryFolder folder;
  ScriptedBroker broker(BrokerClass::kEnforced);
  SqliteDesk desk(folder.file("book.db"), broker);
  int number = 0;
  for (const std::string& text : hostile_texts()) {
    INFO("text: ", text.substr(0, 50));
    desk.clock->advance(std::chrono::minutes(1));
    desk.oms->poll();  // closes the circuit that so many lost answers have opened
    broker.fates = {ScriptedBroker::Fate::kLostAfterAccept};
    const auto leg = desk.oms->place(SqliteDesk::batch("k" + std::to_string(++number))).orders.front();
    BrokerReport ack = broker.report(BrokerReport::Kind::kAck, leg.client_order_id);
    ack.ext_order_id = text;
    if (!engine::is_text(text)) {
      CHECK(code_of([&] { desk.oms->apply(ack); }) == ErrorCode::kInvalidArgument);
      continue;
    }
    broker.held[leg.client_order_id].ext_order_id = text;
    desk.oms->apply(ack);
    const auto found = desk.oms->orders({.ext_order_id = text});
    REQUIRE(found.size() == 1);
    CHECK(found.front().id == leg.id);
    CHECK(lines_of(desk, leg.id) == "");
  }
  CHECK(BookAudit(*desk.store).breaches() == "");
}

TEST_CASE("figures at the ends of their types are refused or exact, and never wrap") {
  const TemporaryFolder folder;
  ScriptedBroker broker(BrokerClass::kEnforced);
  SqliteDesk desk(folder.file("book.db"), broker);
  const std::vector<Quantity> quantities = {Quantity::max(), Quantity::min(), Quantity::from_units(1),
                                            Quantity::from_units(-1), Quantity()};
  const std::vector<Price> prices = {Price::max(), Price::min(), Price::from_units(1), Price::from_units(-1),
                                     Price()};
  int number = 0;
  for (const Quantity qty : quantities) {
    for (const Price price : prices) {
      for (const int orders : {1, 3}) {
        BatchRequest request = SqliteDesk::batch("k" + std::to_string(++number), orders);
        for (OrderRequest& order : request.orders) {
          order.qty = qty;
          order.price_limit = price;
        }
        INFO(qty.to_string(), " at ", price.to_string());
        try {
          const Receipt receipt = desk.oms->place(request);
          for (const auto& leg : receipt.orders) {
            const Order order = desk.oms->get_order(leg.id);
            CHECK(order.qty == qty);
            CHECK(order.price_limit == price);
          }
          CHECK(qty.is_positive());
          CHECK(price.is_positive());
        } catch (const Error& error) {
          const bool lawful =
              error.code() == ErrorCode::kValidationFailed || error.code() == ErrorCode::kNumberOverflow;
          CHECK_MESSAGE(lawful, std::string(error.what()));
        }
      }
    }
  }
  CHECK(BookAudit(*desk.store).breaches() == "");
}
