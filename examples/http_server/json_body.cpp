// Reads a JSON body into a tree whose numbers are the text that came: no floating point in between.
#include <nlohmann/json.hpp>

#include "examples/http_server/parameters.hpp"

namespace orchestrator::http {
namespace {

class Reader {
 public:
  explicit Reader(std::size_t depth_max) : depth_max_(depth_max) {}

  bool null() { return add({Json::Kind::kNull}); }
  bool boolean(bool value) { return add({Json::Kind::kBool, value ? "true" : "false"}); }
  bool number_integer(std::int64_t value) { return add({Json::Kind::kNumber, std::to_string(value)}); }
  bool number_unsigned(std::uint64_t value) { return add({Json::Kind::kNumber, std::to_string(value)}); }
  bool number_float(nlohmann::json::number_float_t, const std::string& text) {
    return add({Json::Kind::kNumber, text});
  }
  bool string(std::string& text) { return add({Json::Kind::kString, std::move(text)}); }
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open({Json::Kind::kObject}); }
  bool start_array(std::size_t) { return open({Json::Kind::kArray}); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    for (const auto& [other, value] : open_.back()->members) {
      if (other == name)
        throw Error(ErrorCode::kInvalidJson, "a key is given twice: " + quote(name.substr(0, 40)));
    }
    // Looking for a twin takes time with the square of their number.
    if (open_.back()->members.size() >= 64)
      throw Error(ErrorCode::kInvalidJson, "an object has more than 64 keys");
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    throw Error(ErrorCode::kInvalidJson, "the body is not JSON, at byte " + std::to_string(position));
  }

  [[nodiscard]] Json take() { return std::move(root_); }

 private:
  Json& place(Json value) {
    if (open_.empty()) return root_ = std::move(value);
    auto& parent = *open_.back();
    if (parent.kind == Json::Kind::kArray) return parent.items.emplace_back(std::move(value));
    return parent.members.emplace_back(std::move(key_), std::move(value)).second;
  }
  bool add(Json value) {
    place(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (open_.size() >= depth_max_) {
      throw Error(ErrorCode::kInvalidJson, "the body is nested deeper than " + std::to_string(depth_max_));
    }
    open_.push_back(&place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::size_t depth_max_;
  Json root_;
  std::vector<Json*> open_;  // a parent does not grow while a child of it is open
  std::string key_;
};

}  // namespace

Json parse_json(std::string_view text, const ReadLimits& limits) {
  // The parser would take a NUL byte for the end, and accept anything behind it.
  const auto nul = text.find('\0');
  if (nul != std::string_view::npos) {
    throw Error(ErrorCode::kInvalidJson,
                "the body is not JSON, at byte " + std::to_string(nul + 1) + ": a NUL byte");
  }
  Reader reader(limits.depth_max);
  if (!nlohmann::json::sax_parse(text, &reader)) throw Error(ErrorCode::kInvalidJson, "the body is not JSON");
  return reader.take();
}

}  // namespace orchestrator::http
