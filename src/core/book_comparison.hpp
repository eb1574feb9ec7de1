// Our orders against the broker's own book; what counts as a break is defined in orchestrator/reconciler.hpp.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/reconciler.hpp"

namespace orchestrator {

// A broker's book, put in order once for any number of comparisons.
class BookComparison {
 public:
  // `book` must outlive the comparison.
  explicit BookComparison(const BrokerConnector::Book& book, const Tolerance& tolerance = {});

  // Orders of one broker, with all their executions.
  [[nodiscard]] std::vector<Break> compare(std::span<const Order> orders,
                                           std::span<const Execution> executions) const;

 private:
  friend class OrderComparison;
  using Rows = std::vector<const BrokerOrder*>;
  using Executions = std::map<std::string_view, const Execution*>;

  std::optional<Timestamp> from_;
  Tolerance tolerance_;
  std::map<std::string, Rows> rows_;                   // by client order id as placed, each by ext_order_id
  std::map<std::string_view, Executions> executions_;  // by ext_order_id and execution id
};

[[nodiscard]] std::vector<Break> compare_books(std::span<const Order> orders,
                                               std::span<const Execution> executions,
                                               const BrokerConnector::Book& book, const Tolerance& tolerance);

}  // namespace orchestrator
