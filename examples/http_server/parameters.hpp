// Reading what a client sent: query parameters, path ids and JSON bodies. Whatever is not understood is
// refused by name: a filter that is silently left out shows, or cancels, more than was asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/input.hpp"
#include "examples/http_server/http.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator::http {

// The query parameters of a request, each at most once; finish() refuses those that nobody asked for.
class Query {
 public:
  explicit Query(const Request& request);
  [[nodiscard]] std::optional<std::string> text(std::string_view name);
  // From `low` to `high`.
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name, std::int64_t low,
                                                    std::int64_t high);
  [[nodiscard]] std::optional<std::int64_t> id(std::string_view name);
  [[nodiscard]] bool flag(std::string_view name);
  void finish() const;

 private:
  std::vector<std::pair<std::string, std::string>> left_;
};

// A path's {id}; what is none names nothing: not_found.
[[nodiscard]] std::int64_t path_id(const Request& request, std::string_view what);

// The key of the Idempotency-Key header, bare or quoted; nullopt without the header.
[[nodiscard]] std::optional<std::string> idempotency_key(const Request& request);

// One JSON value; numbers are kept as their text.
struct Json {
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  std::string text = {};  // of a string or number; "true" or "false"
  std::vector<Json> items = {};
  std::vector<std::pair<std::string, Json>> members = {};
};

// Throws Error(invalid_json).
[[nodiscard]] Json parse_json(std::string_view text, const ReadLimits& limits);

// The members of an object, taken one by one like Query's; null counts as left out.
class Members {
 public:
  Members(const Json& object, std::string what);  // throws Error(invalid_json) when it is none
  [[nodiscard]] const Json* take(std::string_view name);
  // At most 1000 bytes: what is stored here is shown on every list.
  [[nodiscard]] std::optional<std::string> text(std::string_view name);
  [[nodiscard]] std::string required_text(std::string_view name);
  [[nodiscard]] std::optional<std::int64_t> id(std::string_view name);
  // Price or Quantity above zero, from a number or a string.
  template <class Value>
  [[nodiscard]] std::optional<Value> positive(std::string_view name) {
    const Json* value = take(name);
    if (value == nullptr) return std::nullopt;
    if (value->kind != Json::Kind::kNumber && value->kind != Json::Kind::kString)
      refuse(name, "must be a decimal");
    const auto result = cli::parse_decimal<Value>(value->text, what_ + std::string(name));
    if (!result.is_positive()) refuse(name, "must be above zero");
    return result;
  }
  template <class Value>
  [[nodiscard]] Value required(std::string_view name) {
    auto value = positive<Value>(name);
    if (!value) refuse(name, "is required");
    return *value;
  }
  void finish() const;
  [[noreturn]] void refuse(std::string_view name, std::string_view why) const;

 private:
  std::vector<std::pair<std::string_view, const Json*>> left_;
  std::string what_;
};

// Of a request that takes none: the body is empty or {}.
void check_no_fields(const Request& request, const ReadLimits& limits);

// `[a,b]` of documents, `{"orders":[...],"next_cursor":...}` of a page.
template <class Rows>
[[nodiscard]] std::string json_array(const Rows& rows) {
  std::string text = "[";
  for (const auto& row : rows) {
    if (text.size() > 1) text += ',';
    text += to_json(row);
  }
  return text + "]";
}

// limit, cursor and newest_first of a list.
struct Page {
  std::size_t limit = 100;
  std::int64_t cursor = 0;
  bool newest_first = false;

  explicit Page(Query& query);
  template <class StoreQuery>
  void apply(StoreQuery& query) const {
    query.newest_first = newest_first;
    (newest_first ? query.before_id : query.after_id) = cursor;
    query.limit = limit + 1;  // one more, to know whether there is a next page
  }
  template <class Rows>
  [[nodiscard]] std::string json(std::string_view name, Rows rows) const {
    std::string next = "null";
    if (rows.size() > limit) {
      rows.resize(limit);
      next = std::to_string(rows.back().id);
    }
    return "{" + quote(name) + ":" + json_array(rows) + ",\"next_cursor\":" + next + "}";
  }
};

}  // namespace orchestrator::http
