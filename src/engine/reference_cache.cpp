#include "engine/reference_cache.hpp"

#include <algorithm>
#include <utility>

namespace orchestrator::engine {
namespace {

// Beyond it all is forgotten: a day's instruments and portfolios are fewer.
constexpr std::size_t kKeptMax = 200'000;

std::shared_ptr<const Reference> read(const ReferenceStore& store) {
  auto reference = std::make_shared<Reference>();
  reference->halts = store.halts();
  reference->rules = store.routing_rules();
  reference->brokers = store.brokers();
  return reference;
}

}  // namespace

std::int64_t ReferenceCache::present_version(const ReferenceStore& store) {
  const std::int64_t version = store.reference_version();
  heard_ = version;
  return version;
}

std::int64_t ReferenceCache::remembered_version(const ReferenceStore& store) {
  const std::int64_t heard = heard_;
  return heard == 0 ? present_version(store) : heard;
}

std::shared_ptr<const Reference> ReferenceCache::reference(const ReferenceStore& store,
                                                           std::int64_t version) {
  {
    const std::scoped_lock lock(mutex_);
    if (version != 0 && version == version_) return reference_;
  }
  auto reference = read(store);
  // Changed while it was read: the next caller reads again.
  if (version != 0 && store.reference_version() == version) {
    const std::scoped_lock lock(mutex_);
    version_ = version;
    reference_ = reference;
  }
  return reference;
}

void ReferenceCache::instruments(const ReferenceStore& store, std::int64_t version,
                                 std::vector<InstrumentId> ids, InstrumentTable& found) {
  found.reserve(ids.size());
  {
    const std::shared_lock lock(rows_mutex_);
    if (version != 0 && version == rows_version_) {
      std::erase_if(ids, [&](InstrumentId id) {
        const auto kept = instruments_.find(id);
        if (kept == instruments_.end()) return false;
        if (kept->second) found[id] = *kept->second;
        return true;
      });
    }
  }
  if (ids.empty()) return;  // asking the store for none means all
  Instruments read;
  for (const InstrumentId id : ids) read.try_emplace(id);
  for (Instrument& instrument : store.instruments(ids)) {
    read[instrument.id] = instrument;
    found[instrument.id] = std::move(instrument);
  }
  if (version == 0 || store.reference_version() != version) return;
  const std::unique_lock lock(rows_mutex_);
  begin_rows(version);
  instruments_.merge(read);
}

PortfolioLimits ReferenceCache::limits_of(const ReferenceStore& store, std::int64_t version,
                                          PortfolioId portfolio_id) {
  {
    const std::shared_lock lock(rows_mutex_);
    const auto kept = limits_.find(portfolio_id);
    if (version != 0 && version == rows_version_ && kept != limits_.end()) return kept->second;
  }
  const PortfolioLimits limits = store.limits_of(portfolio_id);
  if (version != 0 && store.reference_version() == version) {
    const std::unique_lock lock(rows_mutex_);
    begin_rows(version);
    limits_[portfolio_id] = limits;
  }
  return limits;
}

void ReferenceCache::begin_rows(std::int64_t version) {
  if (rows_version_ == version && instruments_.size() + limits_.size() < kKeptMax) return;
  instruments_.clear();
  limits_.clear();
  rows_version_ = version;
}

void ReferenceCache::remember(const PortfolioUsage& usage) {
  const std::scoped_lock lock(usage_mutex_);
  if (usage_.size() >= kKeptMax) usage_.clear();
  usage_[usage.portfolio_id] = usage;
}

std::optional<PortfolioUsage> ReferenceCache::remembered(PortfolioId portfolio_id) {
  const std::scoped_lock lock(usage_mutex_);
  const auto kept = usage_.find(portfolio_id);
  if (kept == usage_.end()) return std::nullopt;
  return kept->second;
}

}  // namespace orchestrator::engine
