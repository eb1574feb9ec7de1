// One run of the program: its settings, the orchestrator it opened, and where words go.
//
// The rule that scripts rely on: with --json standard output receives exactly one JSON document (a stream
// of lines for `event follow`), an error included; everything else goes to standard error.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/exit_codes.hpp"
#include "cli/settings.hpp"
#include "cli/table.hpp"

namespace orchestrator::cli {

class Session {
 public:
  Session(Settings settings, bool json);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] bool json() const { return json_; }
  [[nodiscard]] bool colour() const;  // of standard output
  // Opened on the first call: `completion` and `--help` touch no database.
  [[nodiscard]] Orchestrator& orchestrator();

  // The order or batch, if it exists and is our tenant's; throws Error(not_found).
  [[nodiscard]] Order order(OrderId id);
  [[nodiscard]] OrderBatch batch(BatchId id);
  // All orders of a batch, in leg order.
  [[nodiscard]] std::vector<Order> orders_of(BatchId id);

  // The one document of this run. Call it once, last.
  void print(std::string_view document);
  // The document with --json, else the text.
  template <class Json, class Text>
  void print(Json json, Text text) {
    print(json_ ? json() + "\n" : text());
  }
  // A line on standard error.
  void note(std::string_view sentence) const;
  void warn(std::string_view sentence) const;

  // Housekeeping after a change that is durable already: news from the brokers, publishing. What fails here
  // is a warning and is made up for by the next run.
  void catch_up();

 private:
  Settings settings_;
  bool json_;
  std::unique_ptr<Orchestrator> orchestrator_;
};

// `[a,b,c]` from documents.
[[nodiscard]] std::string json_array(const std::vector<std::string>& documents);
template <class Rows>
[[nodiscard]] std::string json_array_of(const Rows& rows) {
  std::vector<std::string> documents;
  documents.reserve(rows.size());
  for (const auto& row : rows) documents.push_back(to_json(row));
  return json_array(documents);
}
// `{"a":1,"b":[]}` from names and documents.
[[nodiscard]] std::string json_object(const std::vector<std::pair<std::string, std::string>>& members);

// "orders[3].qty: must be a multiple of 75 (qty.off_lot)"
[[nodiscard]] std::string sentence_of(const Violation& violation);

// Reports a failed run and returns its exit status.
int report(const Error& error, bool json);

}  // namespace orchestrator::cli
