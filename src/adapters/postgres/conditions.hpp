// A WHERE clause put together from fixed fragments; the values are bound.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "adapters/postgres/values.hpp"

namespace orchestrator::postgres {

inline std::int64_t sql_limit(std::size_t limit) {
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit, kMax));
}

class Conditions {
 public:
  // The one ? in the text stands for the value.
  template <class Value>
  void add(std::string_view text, const Value& value) {
    append(text, bind(value));
  }
  // The same for an array.
  template <class Range>
  void add_any_of(std::string_view text, const Range& values) {
    parameters_.add_array(values);
    append(text, last());
  }
  void add_fixed(std::string_view text) { append(text, {}); }

  // A further value; returns what stands for it in the statement.
  template <class Value>
  [[nodiscard]] std::string bind(const Value& value) {
    parameters_.add(value);
    return last();
  }

  // "true" without any condition.
  [[nodiscard]] std::string sql() const { return sql_.empty() ? "true" : sql_; }
  [[nodiscard]] const Parameters& parameters() const { return parameters_; }

 private:
  [[nodiscard]] std::string last() const { return "$" + std::to_string(parameters_.texts().size()); }
  void append(std::string_view text, const std::string& placeholder) {
    if (!sql_.empty()) sql_ += " AND ";
    const std::size_t mark = placeholder.empty() ? std::string_view::npos : text.find('?');
    sql_ += text.substr(0, mark);
    if (mark == std::string_view::npos) return;
    sql_ += placeholder;
    sql_ += text.substr(mark + 1);
  }

  std::string sql_;
  Parameters parameters_;
};

}  // namespace orchestrator::postgres
