#include "engine/receipt_cache.hpp"

#include "codec/receipt_json.hpp"

namespace orchestrator::engine {
namespace {

// Of stored bytes; what is read of them takes about as much again. Beyond it all are forgotten.
constexpr std::size_t kBytesMax = std::size_t{8} * 1024 * 1024;

}  // namespace

std::shared_ptr<const Receipt> ReceiptCache::parse(BatchId batch_id, const std::string& json) {
  {
    const std::scoped_lock lock(mutex_);
    const auto kept = receipts_.find(batch_id);
    if (kept != receipts_.end() && kept->second->json == json) return kept->second;
  }
  auto receipt = std::make_shared<const Receipt>(codec::parse_receipt(json));
  const std::scoped_lock lock(mutex_);
  if (bytes_ + json.size() > kBytesMax) {
    receipts_.clear();
    bytes_ = 0;
  }
  if (receipts_.insert_or_assign(batch_id, receipt).second) bytes_ += json.size();
  return receipt;
}

}  // namespace orchestrator::engine
