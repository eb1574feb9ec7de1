// Runs the scenario files through the library, over every order store. README.md has the language.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "orchestrator/json.hpp"
#include "orchestrator/open.hpp"
#include "support/fake_clock.hpp"
#include "support/temporary_folder.hpp"
#ifdef ORCHESTRATOR_HAS_POSTGRES
#include "support/postgres_schema.hpp"
#endif

using namespace orchestrator;
namespace fs = std::filesystem;

namespace {

struct Step {
  int line = 0;
  std::vector<std::string> words;
  std::string body;
  std::vector<std::pair<std::string, std::string>> expected;  // path, text
};

std::vector<std::string> split(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

void add_expectations(Step& step, const std::string& text) {
  for (const std::string& word : split(text)) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) {
      step.expected.back().second += " " + word;
    } else {
      step.expected.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }
}

std::vector<Step> read_steps(const fs::path& path) {
  std::ifstream file(path);
  std::vector<Step> steps;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    if (line.starts_with("  ")) {
      steps.back().body += line.substr(2) + "\n";
    } else if (line.starts_with("->")) {
      add_expectations(steps.back(), line.substr(2));
    } else {
      steps.push_back({number, split(line), {}, {}});
    }
  }
  return steps;
}

class Desk {
 public:
  explicit Desk(const std::string& database_url)
      : oms_(open({.database_url = database_url,
                   .mock_ledger = "memory:",
                   .clock = std::make_unique<testing::FakeClock>()})) {}

  std::string run(const Step& step) {
    try {
      return perform(step);
    } catch (const Error& error) {
      return to_json(error);
    }
  }

  [[nodiscard]] std::string all_events() const {
    std::string lines;
    for (const Event& event : oms_->events({.limit = 100'000}))
      lines += to_cloud_event(event, "/desk") + "\n";
    return lines;
  }

 private:
  [[nodiscard]] OrderId id(const std::string& reference) const {
    const auto bracket = reference.find('[');
    const auto leg = std::stoul(reference.substr(bracket + 1));
    return receipts_.at(reference.substr(0, bracket)).orders.at(leg).id;
  }
  [[nodiscard]] BatchId batch(const std::string& key) const { return receipts_.at(key).batch_id; }

  std::string perform(const Step& step) {
    const auto& words = step.words;
    const std::string& verb = words.at(0);
    if (verb == "place") return place(words.at(1), step.body);
    if (verb == "order") return to_json(oms_->get_order(id(words.at(1))));
    if (verb == "cancel") return changed(oms_->cancel(id(words.at(1))));
    if (verb == "replace") return replace(words);
    if (verb == "fill") return fill(words);
    if (verb == "batch") return to_json(oms_->get_batch(batch(words.at(1))));
    if (verb == "reconcile") return to_json(oms_->reconcile(batch(words.at(1))));
    if (verb == "breaks") return breaks(batch(words.at(1)));
    if (verb == "settle") return settle(words.at(1));
    if (verb == "recover") return to_json(oms_->recover());
    if (verb == "events") return events(id(words.at(1)));
    return operate(step);
  }

  std::string operate(const Step& step) {
    const auto& words = step.words;
    const std::map<std::string, ControlScope> scopes = {{"all", ControlScope::kAll},
                                                        {"portfolio", ControlScope::kPortfolio},
                                                        {"broker", ControlScope::kBroker}};
    const std::string target = words.size() > 2 ? words[2] : "";
    if (words[0] == "halt") {
      oms_->halt(scopes.at(words.at(1)), target, "scenario");
    } else if (words[0] == "cancel_only") {
      oms_->halt(scopes.at(words.at(1)), target, "scenario", HaltMode::kCancelOnly);
    } else if (words[0] == "resume") {
      oms_->resume(scopes.at(words.at(1)), target);
    } else if (words[0] == "broker") {
      oms_->set_broker(words.at(1), step.body.empty() ? "{}" : step.body, words.at(2) == "on");
    } else if (words[0] == "instruments") {
      oms_->reference().put_instruments(parse_instruments_csv(step.body).instruments);
    } else if (words[0] == "limits") {
      put_limits(std::stol(words.at(1)), step.body);
    } else {
      FAIL("no such verb: " << words[0]);
    }
    return "{}";
  }

  std::string place(const std::string& key, const std::string& body) {
    BatchRequest request = parse_batch_json(body);
    request.idempotency_key = key;
    Receipt receipt = oms_->place(request);
    std::string json = receipt.json;
    receipts_[key] = std::move(receipt);
    return json;
  }

  std::string replace(const std::vector<std::string>& words) {
    std::optional<Quantity> qty;
    std::optional<Price> price;
    if (words.at(2) != "-") qty = Quantity::from_string(words.at(2));
    if (words.at(3) != "-") price = Price::from_string(words.at(3));
    return changed(oms_->replace(id(words.at(1)), qty, price));
  }

  // The mock brokers answer with the next poll.
  std::string changed(const Order& order) {
    oms_->poll();
    return to_json(oms_->get_order(order.id));
  }

  std::string fill(const std::vector<std::string>& words) {
    const FillResult result = oms_->simulate_fill(id(words.at(1)), Price::from_string(words.at(3)),
                                                  Quantity::from_string(words.at(2)));
    return "{\"execution\":" + to_json(result.execution) + ",\"order\":" + to_json(result.order) + "}";
  }

  std::string breaks(BatchId id) {
    std::string list;
    for (const Break& found : oms_->compare_with_broker(id))
      list += (list.empty() ? "" : ",") + to_json(found);
    return "{\"breaks\":[" + list + "]}";
  }

  std::string settle(const std::string& day) {
    std::string list;
    for (const OrderId id : oms_->settle(*parse_date(day)).settled) {
      list += (list.empty() ? "" : ",") + std::to_string(id);
    }
    return "{\"settled\":[" + list + "]}";
  }

  std::string events(OrderId id) {
    std::string types;
    for (const Event& event : oms_->events({.order_id = id})) {
      types += (types.empty() ? "" : " ") + std::string(to_string(event.type));
    }
    return "{\"types\":" + quote(types) + "}";
  }

  void put_limits(PortfolioId portfolio, const std::string& body) {
    PortfolioLimits limits{.portfolio_id = portfolio};
    const auto lines = split(body);
    for (std::size_t i = 0; i + 1 < lines.size(); i += 2) {
      const std::string& value = lines[i + 1];
      if (lines[i] == "margin_available") limits.margin_available = Money::from_string(value);
      if (lines[i] == "margin_rate") limits.margin_rate = Rate::from_string(value);
      if (lines[i] == "max_notional_order") limits.max_notional_order = Money::from_string(value);
    }
    oms_->reference().put_limits(limits);
  }

  std::unique_ptr<Orchestrator> oms_;
  std::map<std::string, Receipt> receipts_;
};

// The text at a dotted path; nullopt when it is absent or null.
std::optional<std::string> text_at(const nlohmann::json& document, std::string path) {
  std::ranges::replace(path, '.', '/');
  const nlohmann::json::json_pointer pointer("/" + path);
  if (!document.contains(pointer) || document.at(pointer).is_null()) return std::nullopt;
  const auto& value = document.at(pointer);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void check(const std::string& answer, const Step& step) {
  const auto document = nlohmann::json::parse(answer);
  const bool failure_expected = std::ranges::any_of(
      step.expected, [](const auto& expectation) { return expectation.first.starts_with("error."); });
  CHECK(document.contains("error") == failure_expected);
  for (const auto& [path, text] : step.expected) {
    CAPTURE(path);
    const auto found = text_at(document, path);
    if (text == "!") {
      CHECK_FALSE(found.has_value());
    } else if (text == "*") {
      CHECK(found.has_value());
    } else {
      CHECK(found.value_or("(absent)") == text);
    }
  }
}

// Every answer, and at the end of each file all events.
std::vector<std::string> run_scenarios(
    const std::function<std::string()>& database_url,
    const std::function<void(const std::string& url)>& after_step = [](const std::string&) {}) {
  std::vector<std::string> transcript;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(ORCHESTRATOR_SOURCE_DIR) / "tests/scenarios")) {
    if (entry.path().extension() == ".scn") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  REQUIRE_FALSE(files.empty());
  for (const fs::path& file : files) {
    const std::string url = database_url();
    Desk desk(url);
    for (const Step& step : read_steps(file)) {
      const std::string answer = desk.run(step);
      INFO(file.filename().string() << ":" << step.line << " " << answer);
      check(answer, step);
      after_step(url);
      transcript.push_back(file.filename().string() + ":" + std::to_string(step.line) + " " + answer);
    }
    transcript.push_back(file.filename().string() + ": events\n" + desk.all_events());
  }
  return transcript;
}

}  // namespace

TEST_CASE("scenarios over the memory store") {
  run_scenarios([] { return std::string("memory:"); });
}

#ifdef ORCHESTRATOR_HAS_SQLITE
namespace {

std::vector<std::string> run_over_sqlite() {
  const testing::TemporaryFolder folder;
  int number = 0;
  return run_scenarios([&] { return "sqlite:///" + folder.file(std::to_string(++number) + ".db"); });
}

}  // namespace

TEST_CASE("scenarios over SQLite") { run_over_sqlite(); }
#endif

#if defined(ORCHESTRATOR_HAS_SQLITE) && defined(ORCHESTRATOR_HAS_POSTGRES)
TEST_CASE("scenarios give the same receipts, reports and events over PostgreSQL as over SQLite") {
  const auto url = testing::postgres_url();
  if (!url) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_POSTGRES_URL names no server");
    return;
  }
  testing::PostgresSchemas schemas(*url);
  // A batch that the store refuses costs numbers, which PostgreSQL's sequences do not take back; here they
  // are put back, so that everything else can be compared as it is.
  const auto put_numbers_back = [](const std::string& book) {
    postgres::Connection connection({.url = book});
    for (const auto& [sequence, table] :
         {std::pair("batch_ids", "order_batches"), std::pair("order_ids", "orders"),
          std::pair("event_ids", "events")}) {
      connection.script("SELECT setval('" + std::string(sequence) +
                        "', greatest(max(id), 1), max(id) IS NOT NULL) FROM " + table);
    }
  };
  const auto there = run_scenarios([&] { return schemas.make(); }, put_numbers_back);
  const auto here = run_over_sqlite();
  REQUIRE(here.size() == there.size());
  for (std::size_t i = 0; i < here.size(); ++i) CHECK(there[i] == here[i]);
}
#endif
