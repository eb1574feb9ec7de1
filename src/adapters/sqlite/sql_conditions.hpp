// WHERE clauses of fixed fragments with bound values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapters/sqlite/connection.hpp"

namespace orchestrator::sqlite {

// Texts are not copied: they must live until the query has run.
class Conditions {
 public:
  void add(std::string_view fragment) {
    if (!sql_.empty()) sql_ += " AND ";
    sql_ += fragment;
  }
  void add(std::string_view fragment, std::int64_t value) {
    add(fragment);
    values_.emplace_back(value);
  }
  void add(std::string_view fragment, const std::string& value) {
    add(fragment);
    values_.emplace_back(std::string_view(value));
  }
  template <class Value>
  void add_any_of(std::string_view column, const std::vector<Value>& values) {
    std::string fragment(column);
    for (std::size_t i = 0; i < values.size(); ++i) fragment += i == 0 ? " IN (?" : ", ?";
    add(fragment + ")");
    for (const Value& value : values) push(value);
  }
  // Orders of this batch, by their ids.
  void add_batch(std::int64_t batch_id) {
    add("id BETWEEN (SELECT first_order_id FROM order_batches WHERE id = ?) AND "
        "(SELECT last_order_id FROM order_batches WHERE id = ?)",
        batch_id);
    values_.emplace_back(batch_id);
  }

  // "1" without any condition.
  [[nodiscard]] std::string sql() const { return sql_.empty() ? "1" : sql_; }

  void bind(Query& query) const {
    for (const auto& value : values_) {
      std::visit([&query](const auto& bound) { query.bind(bound); }, value);
    }
  }

 private:
  void push(const std::string& text) { values_.emplace_back(std::string_view(text)); }
  template <class Number>
  void push(Number number) {
    values_.emplace_back(static_cast<std::int64_t>(number));
  }

  std::string sql_;
  std::vector<std::variant<std::int64_t, std::string_view>> values_;
};

}  // namespace orchestrator::sqlite
