// Few members, asked for by name: a list is searched faster than a map is built.
#include "codec/flat_json.hpp"

#include <charconv>

#include "codec/json_events.hpp"
#include "codec/plain_json.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::codec {

class FlatJson::Reader : public JsonHandler {
 public:
  using Members = std::vector<std::pair<std::string, std::string>>;
  explicit Reader(Members& members) : members_(members) { members_.clear(); }

  void scalar(JsonKind kind, std::string_view text) override {
    if (depth_ == 0) throw Error(ErrorCode::kStorageCorrupt, "stored JSON is no object");
    if (arrays_ == 0 && kind != JsonKind::kNull) members_.emplace_back(outer_ + key_, text);
  }
  void key(std::string_view name) override { key_ = name; }
  void begin_object() override {
    if (depth_++ > 0) outer_ = key_ + ".";
  }
  void end_object() override {
    --depth_;
    outer_.clear();
  }
  void begin_array() override {
    if (depth_ == 0) throw Error(ErrorCode::kStorageCorrupt, "stored JSON is no object");
    ++arrays_;
  }
  void end_array() override { --arrays_; }

 private:
  Members& members_;
  std::string key_;
  std::string outer_;
  int depth_ = 0;
  int arrays_ = 0;
};

FlatJson::FlatJson(std::string_view json) {
  members_.reserve(20);
  Reader quick(members_);
  if (read_plain_json(json, quick)) return;
  Reader reader(members_);
  try {
    read_json(json, reader);
  } catch (const Error& error) {
    throw Error(ErrorCode::kStorageCorrupt, std::string("stored JSON cannot be read: ") + error.what());
  }
}

std::string_view FlatJson::operator[](std::string_view name) const {
  for (const auto& [member, text] : members_) {
    if (member == name) return text;
  }
  return {};
}

std::int32_t FlatJson::number(std::string_view name) const {
  const std::string_view digits = (*this)[name];
  std::int32_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

}  // namespace orchestrator::codec
