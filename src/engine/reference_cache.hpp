// What every placement looks at and hardly anybody changes: kept as long as the store says that it stands.
//
// Invariant: what is answered for a version was present at some time while that version, or a later one, was.
// So a decision is right when the version it was made on still holds: whoever asks for the present version
// first knows; whoever takes the remembered one, to save the question, accepts orders under the condition
// that it holds (AcceptUnit::reference_version), and asks before refusing any. The margin and day figures of
// a portfolio change with every batch; they are only remembered, and whoever would refuse an order because of
// them reads them first.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "orchestrator/order_store.hpp"
#include "orchestrator/validator.hpp"

namespace orchestrator::engine {

struct Reference {
  std::vector<Halt> halts;
  std::vector<RoutingRule> rules;
  std::vector<BrokerConnectorConfig> brokers;
};

class ReferenceCache {
 public:
  [[nodiscard]] std::int64_t present_version(const ReferenceStore& store);
  // The latest that this process has heard of.
  [[nodiscard]] std::int64_t remembered_version(const ReferenceStore& store);

  [[nodiscard]] std::shared_ptr<const Reference> reference(const ReferenceStore& store, std::int64_t version);
  // Adds those of these instruments that have a row.
  void instruments(const ReferenceStore& store, std::int64_t version, std::vector<InstrumentId> ids,
                   InstrumentTable& found);
  [[nodiscard]] PortfolioLimits limits_of(const ReferenceStore& store, std::int64_t version,
                                          PortfolioId portfolio_id);

  void remember(const PortfolioUsage& usage);
  [[nodiscard]] std::optional<PortfolioUsage> remembered(PortfolioId portfolio_id);

 private:
  using Instruments = std::unordered_map<InstrumentId, std::optional<Instrument>>;  // nullopt: no row

  std::atomic<std::int64_t> heard_ = 0;  // 0: of none

  std::mutex mutex_;
  std::int64_t version_ = 0;  // 0: nothing kept
  std::shared_ptr<const Reference> reference_;

  // Forgets what was kept of another version. The caller holds rows_mutex_.
  void begin_rows(std::int64_t version);

  std::shared_mutex rows_mutex_;
  std::int64_t rows_version_ = 0;
  Instruments instruments_;
  std::unordered_map<PortfolioId, PortfolioLimits> limits_;

  std::mutex usage_mutex_;
  std::unordered_map<PortfolioId, PortfolioUsage> usage_;
};

}  // namespace orchestrator::engine
