// The Reconciler: the batch report and the comparison with the broker, each in a file of its own.

#include "orchestrator/reconciler.hpp"

#include "core/batch_report.hpp"
#include "core/book_comparison.hpp"

namespace orchestrator {

namespace {

class BookReconciler final : public Reconciler {
 public:
  [[nodiscard]] BatchReport report(const OrderBatch& batch, std::span<const Order> orders,
                                   std::span<const Execution> executions) const override {
    return make_batch_report(batch, orders, executions);
  }

  [[nodiscard]] std::vector<Break> compare(std::span<const Order> orders,
                                           std::span<const Execution> executions,
                                           const BrokerConnector::Book& book,
                                           const Tolerance& tolerance) const override {
    return compare_books(orders, executions, book, tolerance);
  }
};

}  // namespace

std::string_view to_string(BreakType type) {
  switch (type) {
    case BreakType::kMissingHere:
      return "missing_here";
    case BreakType::kMissingThere:
      return "missing_there";
    case BreakType::kQuantity:
      return "quantity";
    case BreakType::kPrice:
      return "price";
    case BreakType::kStatus:
      return "status";
    case BreakType::kDuplicate:
      return "duplicate";
    case BreakType::kFee:
      return "fee";
  }
  return "invalid";
}

std::unique_ptr<Reconciler> make_reconciler() { return std::make_unique<BookReconciler>(); }

}  // namespace orchestrator
