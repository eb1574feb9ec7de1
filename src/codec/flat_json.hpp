// What JsonWriter made of one flat object, read back by name: an event's data, the detail of an audit entry.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orchestrator::codec {

// Members of an object inside the object are named "outer.inner"; a null counts as left out.
class FlatJson {
 public:
  // Throws Error(storage_corrupt) for what is not one JSON object.
  explicit FlatJson(std::string_view json);

  // A string's content, a number as written; "" for what is not there.
  [[nodiscard]] std::string_view operator[](std::string_view name) const;
  // 0 for what is no number, or is not there.
  [[nodiscard]] std::int32_t number(std::string_view name) const;

 private:
  class Reader;

  std::vector<std::pair<std::string, std::string>> members_;
};

}  // namespace orchestrator::codec
