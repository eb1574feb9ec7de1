#include "examples/http_server/parameters.hpp"

#include <algorithm>
#include <limits>

#include "orchestrator/error.hpp"

namespace orchestrator::http {
namespace {

constexpr std::size_t kParametersMax = 32;
constexpr std::size_t kTextBytesMax = 1000;

[[noreturn]] void refuse_parameter(std::string_view name, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "query parameter " + quote(name) + " " + why);
}

// A word of the client in a message: short, so that a message stays one.
std::string shown(std::string_view word) { return quote(word.substr(0, 40)); }

}  // namespace

Query::Query(const Request& request) : left_(request.query) {
  if (left_.size() > kParametersMax) {
    throw Error(ErrorCode::kInvalidArgument,
                "a query has at most " + std::to_string(kParametersMax) + " parameters");
  }
  for (std::size_t i = 0; i < left_.size(); ++i) {
    for (std::size_t j = i + 1; j < left_.size(); ++j) {
      if (left_[i].first == left_[j].first) {
        throw Error(ErrorCode::kInvalidArgument,
                    "query parameter " + shown(left_[i].first) + " is given twice");
      }
    }
  }
}

std::optional<std::string> Query::text(std::string_view name) {
  const auto found =
      std::find_if(left_.begin(), left_.end(), [&](const auto& entry) { return entry.first == name; });
  if (found == left_.end()) return std::nullopt;
  auto value = std::move(found->second);
  left_.erase(found);
  if (value.empty()) refuse_parameter(name, "must not be empty");
  return value;
}

std::optional<std::int64_t> Query::integer(std::string_view name, std::int64_t low, std::int64_t high) {
  const auto given = text(name);
  if (!given) return std::nullopt;
  const auto number = cli::parse_integer(*given);
  if (!number || *number < low || *number > high) {
    refuse_parameter(name,
                     "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return number;
}

std::optional<std::int64_t> Query::id(std::string_view name) {
  return integer(name, 1, std::numeric_limits<std::int64_t>::max());
}

bool Query::flag(std::string_view name) {
  const auto given = text(name);
  if (!given || *given == "false" || *given == "0") return false;
  if (*given == "true" || *given == "1") return true;
  refuse_parameter(name, "must be true or false");
}

void Query::finish() const {
  if (left_.empty()) return;
  throw Error(ErrorCode::kInvalidArgument,
              "there is no query parameter " + shown(left_.front().first) + " here");
}

std::int64_t path_id(const Request& request, std::string_view what) {
  const auto& given = request.captured.at(0);
  const auto number = cli::parse_integer(given);
  if (number && *number > 0 && given.front() != '0') return *number;
  throw Error(ErrorCode::kNotFound, "there is no " + std::string(what) + " " + shown(given));
}

std::optional<std::string> idempotency_key(const Request& request) {
  std::optional<std::string> key;
  for (const auto& [name, value] : request.headers) {
    if (name != "idempotency-key") continue;
    if (key) throw Error(ErrorCode::kInvalidArgument, "the Idempotency-Key header is given twice");
    key = value;
  }
  if (!key) return key;
  if (key->size() >= 2 && key->starts_with('"') && key->ends_with('"'))
    *key = key->substr(1, key->size() - 2);
  if (key->empty()) throw Error(ErrorCode::kInvalidArgument, "the Idempotency-Key header is empty");
  return key;
}

Members::Members(const Json& object, std::string what) : what_(std::move(what)) {
  if (object.kind != Json::Kind::kObject) {
    throw Error(ErrorCode::kInvalidJson, (what_.empty() ? "the body" : what_) + " must be a JSON object");
  }
  if (!what_.empty()) what_ += ".";
  for (const auto& [name, value] : object.members) left_.emplace_back(name, &value);
}

const Json* Members::take(std::string_view name) {
  const auto found =
      std::find_if(left_.begin(), left_.end(), [&](const auto& entry) { return entry.first == name; });
  if (found == left_.end()) return nullptr;
  const Json* value = found->second;
  left_.erase(found);
  return value->kind == Json::Kind::kNull ? nullptr : value;
}

std::optional<std::string> Members::text(std::string_view name) {
  const Json* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (value->kind != Json::Kind::kString) refuse(name, "must be a string");
  if (value->text.size() > kTextBytesMax)
    refuse(name, "must be at most " + std::to_string(kTextBytesMax) + " bytes");
  // PostgreSQL keeps no text with one.
  if (value->text.find('\0') != std::string::npos) refuse(name, "must not hold a NUL character");
  return value->text;
}

std::string Members::required_text(std::string_view name) {
  auto value = text(name);
  if (!value || value->empty()) refuse(name, "is required");
  return *value;
}

std::optional<std::int64_t> Members::id(std::string_view name) {
  const Json* value = take(name);
  if (value == nullptr) return std::nullopt;
  const auto number = value->kind == Json::Kind::kNumber ? cli::parse_integer(value->text) : std::nullopt;
  if (!number || *number < 1) refuse(name, "must be a whole number above zero");
  return number;
}

void Members::finish() const {
  if (left_.empty()) return;
  throw Error(ErrorCode::kInvalidArgument,
              "there is no field " + shown(what_ + std::string(left_[0].first)) + " here");
}

void Members::refuse(std::string_view name, std::string_view why) const {
  throw Error(ErrorCode::kInvalidArgument, what_ + std::string(name) + " " + std::string(why));
}

void check_no_fields(const Request& request, const ReadLimits& limits) {
  if (request.body.empty()) return;
  const auto body = parse_json(request.body, limits);
  Members(body, "").finish();
}

Page::Page(Query& query) {
  limit = static_cast<std::size_t>(query.integer("limit", 1, 1000).value_or(100));
  cursor = query.integer("cursor", 0, std::numeric_limits<std::int64_t>::max()).value_or(0);
  newest_first = query.flag("newest_first");
}

}  // namespace orchestrator::http
