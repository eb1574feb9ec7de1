// Receipts that were read lately, so that a caller who asks again and again is not made to wait for the same
// text to be read again and again.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "orchestrator/order.hpp"

namespace orchestrator::engine {

class ReceiptCache {
 public:
  // The receipt of that batch as `json` says it, read now or kept; only one with the same bytes counts.
  [[nodiscard]] std::shared_ptr<const Receipt> parse(BatchId batch_id, const std::string& json);

 private:
  std::mutex mutex_;
  std::unordered_map<BatchId, std::shared_ptr<const Receipt>> receipts_;
  std::size_t bytes_ = 0;
};

}  // namespace orchestrator::engine
