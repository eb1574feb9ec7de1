// A trading desk at the fake broker, to be killed anywhere:
//
//   orchestrator_crash_desk --database URL --socket PATH --class CLASS [--quiet-ms N] [--orders-max N]
//                           [--lease-ms N] [--timeout-ms N] VERB ARGUMENTS
//
//   place FILE KEY     accepts and sends the batch; the same key again finishes what is left. The receipt
//   cancel ID          asks for a cancel
//   replace ID QTY     asks for another quantity
//   recover            settles what an earlier run left; the report, and how the orders stand
//   settle DATE        settles what is due
//   serve              works in the background, for whatever any desk has placed, until its input ends
//   orders             how the orders stand here
//   audit              everything, the broker's book included, in one JSON document
#include <charconv>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fake_broker/socket_connector.hpp"
#include "orchestrator/json.hpp"
#include "orchestrator/open.hpp"

namespace orchestrator::testing {
namespace {

constexpr std::chrono::milliseconds kPatience{500};
constexpr std::size_t kAll = 100'000;

struct CommandLine {
  std::map<std::string, std::string> options;
  std::vector<std::string> words;  // the verb and its arguments

  [[nodiscard]] std::string option(const std::string& name, const std::string& otherwise) const {
    const auto found = options.find(name);
    return found == options.end() ? otherwise : found->second;
  }
};

std::int64_t number_of(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  if (std::from_chars(text.data(), end, number).ptr != end) throw std::runtime_error("no number: " + text);
  return number;
}

BrokerClass class_of(const std::string& word) {
  for (const auto broker_class :
       {BrokerClass::kEnforced, BrokerClass::kWindowed, BrokerClass::kTagEcho, BrokerClass::kNone}) {
    if (to_string(broker_class) == word) return broker_class;
  }
  throw std::runtime_error("no broker class: " + word);
}

std::unique_ptr<Orchestrator> open_desk(const CommandLine& line, Mode mode) {
  OpenOptions options;
  options.engine.mode = mode;
  options.engine.poll_interval = std::chrono::milliseconds(20);
  options.database_url = line.options.at("--database");
  options.mock_ledger = "memory:";
  options.engine.lease = std::chrono::milliseconds(number_of(line.option("--lease-ms", "30000")));
  options.brokers.push_back(std::make_unique<SocketConnector>(SocketConnectorOptions{
      .socket = line.options.at("--socket"),
      .broker_class = class_of(line.options.at("--class")),
      .orders_max = static_cast<std::size_t>(number_of(line.option("--orders-max", "1"))),
      .quiet_period = std::chrono::milliseconds(number_of(line.option("--quiet-ms", "20"))),
      .timeout = std::chrono::milliseconds(number_of(line.option("--timeout-ms", "2000")))}));
  return open(std::move(options));
}

// Like the program's `place`: the receipt is printed when the batch is durable and driven as far as it goes.
std::string place(Orchestrator& desk, const std::string& file, const std::string& key) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  BatchRequest request = parse_batch_json(text.str());
  request.idempotency_key = key;
  const Receipt receipt = desk.place(request);
  if (receipt.replayed) {
    desk.dispatch(receipt.batch_id);
    desk.recover(kPatience);
  }
  desk.poll();
  return receipt.json;
}

template <class Rows>
std::string array_of(const Rows& rows) {
  std::string text = "[";
  for (const auto& row : rows) text.append(text.size() > 1 ? "," : "").append(to_json(row));
  return text + "]";
}

std::string orders_of(const Orchestrator& desk) { return array_of(desk.orders({.limit = kAll})); }

std::string events_of(const Orchestrator& desk) {
  std::string text = "[";
  for (const Event& event : desk.events({.limit = kAll})) {
    text.append(text.size() > 1 ? "," : "")
        .append("{\"order_id\":" + std::to_string(event.order_id))
        .append(",\"batch_id\":" + std::to_string(event.batch_id))
        .append(",\"seq\":" + std::to_string(event.seq))
        .append(",\"type\":" + quote(to_string(event.type)))
        .append(",\"data\":" + event.data + "}");
  }
  return text + "]";
}

std::string audit(const Orchestrator& desk) {
  const auto orders = desk.orders({.limit = kAll});
  std::vector<Execution> executions;
  std::vector<Break> breaks;
  for (const Order& order : orders) {
    for (const Execution& execution : desk.executions(order.id)) executions.push_back(execution);
  }
  const auto batches = desk.batches({.limit = kAll});
  for (const OrderBatch& batch : batches) {
    for (const Break& found : desk.compare_with_broker(batch.id)) breaks.push_back(found);
  }
  return "{\"batches\":" + array_of(batches) + ",\"orders\":" + array_of(orders) +
         ",\"executions\":" + array_of(executions) + ",\"events\":" + events_of(desk) +
         ",\"book\":" + array_of(desk.broker_book("fake").orders) + ",\"breaks\":" + array_of(breaks) + "}";
}

std::string run(const CommandLine& line) {
  const std::string& verb = line.words.at(0);
  const auto desk = open_desk(line, verb == "serve" ? Mode::kBackground : Mode::kInline);
  if (verb == "serve") {
    while (std::getchar() != EOF) {
    }
    return "{}";
  }
  if (verb == "place") return place(*desk, line.words.at(1), line.words.at(2));
  if (verb == "cancel") return to_json(desk->cancel(number_of(line.words.at(1))));
  if (verb == "replace") {
    const auto qty = Quantity::from_string(line.words.at(2));
    return to_json(desk->replace(number_of(line.words.at(1)), qty, std::nullopt));
  }
  if (verb == "recover") {
    const RecoveryReport report = desk->recover(kPatience);
    return "{\"report\":" + to_json(report) + ",\"orders\":" + orders_of(*desk) + "}";
  }
  if (verb == "settle") {
    return std::to_string(desk->settle(parse_date(line.words.at(1)).value()).settled.size());
  }
  if (verb == "orders") return orders_of(*desk);
  if (verb == "audit") return audit(*desk);
  throw std::runtime_error("no such verb: " + verb);
}

}  // namespace
}  // namespace orchestrator::testing

int main(int count, char** values) {
  orchestrator::testing::CommandLine line;
  for (int i = 1; i < count; ++i) {
    const std::string word = values[i];
    if (word.starts_with("--") && i + 1 < count) {
      line.options[word] = values[++i];
    } else {
      line.words.push_back(word);
    }
  }
  try {
    std::puts(orchestrator::testing::run(line).c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crash desk: %s\n", error.what());
    return 1;
  }
}
