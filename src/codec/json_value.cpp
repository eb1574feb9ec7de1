// Settings: reads the object once into text values; types are judged when a field is asked for.

#include "codec/json_value.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "codec/json_writer.hpp"

namespace orchestrator::codec {

class Settings::Reader : public JsonHandler {
 public:
  explicit Reader(Settings& settings) : settings_(settings) {}

  void scalar(JsonKind kind, std::string_view text) override {
    if (!inside_) refuse_document();
    if (kind == JsonKind::kNull) return;
    settings_.entries_.at(key_) = Entry{kind, std::string(text)};
  }
  void begin_object() override {
    if (inside_) settings_.refuse(key_, "must be a single value, not an object");
    inside_ = true;
  }
  void key(std::string_view name) override {
    key_ = name;
    if (!settings_.entries_.emplace(key_, Entry{JsonKind::kNull, ""}).second) {
      settings_.refuse(key_, "is given twice; leave one out");
    }
  }
  void end_object() override {}
  void begin_array() override {
    if (!inside_) refuse_document();
    settings_.refuse(key_, "must be a single value, not an array");
  }
  void end_array() override {}

 private:
  [[noreturn]] void refuse_document() {
    throw Error(ErrorCode::kConfiguration,
                settings_.what_ + ": must be a JSON object, such as {\"seed\": 1}");
  }

  Settings& settings_;
  std::string key_;
  bool inside_ = false;
};

Settings Settings::parse(std::string_view json, std::string what) {
  Settings settings;
  settings.what_ = std::move(what);
  Reader reader(settings);
  try {
    read_json(json, reader);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kConfiguration) throw;
    throw Error(ErrorCode::kConfiguration, settings.what_ + ": " + error.what());
  }
  return settings;
}

std::optional<std::int64_t> Settings::integer(std::string_view key) const {
  const Entry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  std::int64_t value = 0;
  const char* end = entry->text.data() + entry->text.size();
  const auto read = std::from_chars(entry->text.data(), end, value);
  if (entry->kind != JsonKind::kNumber || read.ec != std::errc() || read.ptr != end) {
    refuse(key, "must be an integer, not " + quote_for_message(entry->text));
  }
  return value;
}

std::optional<std::int64_t> Settings::integer(std::string_view key, std::int64_t min,
                                              std::int64_t max) const {
  const auto value = integer(key);
  if (value && (*value < min || *value > max)) {
    refuse(key, "must be " + std::to_string(min) + " to " + std::to_string(max) + ", not " +
                    std::to_string(*value));
  }
  return value;
}

std::optional<std::string> Settings::text(std::string_view key) const {
  const Entry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  if (entry->kind != JsonKind::kString) refuse(key, "must be a string, not " + quote_for_message(entry->text));
  return entry->text;
}

std::optional<bool> Settings::boolean(std::string_view key) const {
  const Entry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  if (entry->kind != JsonKind::kBool)
    refuse(key, "must be true or false, not " + quote_for_message(entry->text));
  return entry->text == "true";
}

std::string Settings::with_text(std::string_view key, std::string_view text) const {
  std::string json;
  JsonWriter writer(json);
  writer.begin_object();
  for (const auto& [name, entry] : entries_) {
    if (name == key || entry.kind == JsonKind::kNull) continue;
    if (entry.kind == JsonKind::kString) {
      writer.member(name, entry.text);
    } else {
      writer.member_raw(name, entry.text);
    }
  }
  writer.member(key, text).end_object();
  return json;
}

void Settings::refuse_unknown(std::initializer_list<std::string_view> known) const {
  for (const auto& [key, entry] : entries_) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string list;
    for (const std::string_view name : known) list.append(list.empty() ? "" : ", ").append(name);
    refuse(key, "is not a known field; known: " + list);
  }
}

void Settings::refuse(std::string_view key, const std::string& message) const {
  throw Error(ErrorCode::kConfiguration, what_ + ": " + printable(key) + " " + message);
}

const Settings::Entry* Settings::find(std::string_view key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() || found->second.kind == JsonKind::kNull ? nullptr : &found->second;
}

}  // namespace orchestrator::codec
