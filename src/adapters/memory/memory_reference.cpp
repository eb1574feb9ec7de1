// Reference data and switches in memory.

#include <algorithm>

#include "adapters/memory/memory_store.hpp"
#include "codec/audit_json.hpp"
#include "core/audit_chain.hpp"

namespace orchestrator::memory {

// A new store knows the mock brokers, like a newly migrated database.
MemoryStore::MemoryStore() {
  brokers_.push_back({.id = 1, .broker_name = "zerodha-mock"});
  brokers_.push_back({.id = 2, .broker_name = "alpaca-mock"});
}

// --- audit trail ----------------------------------------------------------------------------------

void MemoryStore::attribute_to(std::string by, const Clock& clock) {
  const std::lock_guard lock(mutex_);
  by_ = std::move(by);
  clock_ = &clock;
}

std::vector<AuditEntry> MemoryStore::audit_trail(std::int64_t after_id, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<AuditEntry> entries;
  for (auto id = static_cast<std::size_t>(after_id); id < trail_.size() && entries.size() < limit; ++id) {
    entries.push_back(trail_[id]);
  }
  return entries;
}

void MemoryStore::enter(AuditEntry entry) {
  if (entry.by.empty()) entry.by = by_;
  if (clock_ != nullptr) entry.at = clock_->now();
  append(entry);
}

void MemoryStore::append(AuditEntry& entry) {
  append_to_chain(trail_.empty() ? std::nullopt : std::optional(trail_.back()), entry);
  trail_.push_back(entry);
}

// --- reference data -------------------------------------------------------------------------------

std::int64_t MemoryStore::reference_version() const { return reference_version_; }

std::vector<Instrument> MemoryStore::instruments(std::span<const InstrumentId> ids) const {
  const std::lock_guard lock(mutex_);
  std::vector<Instrument> found;
  if (ids.empty()) {
    for (const auto& [id, instrument] : instruments_) found.push_back(instrument);
    return found;
  }
  for (const InstrumentId id : ids) {
    const auto instrument = instruments_.find(id);
    if (instrument != instruments_.end()) found.push_back(instrument->second);
  }
  return found;
}

void MemoryStore::put_instruments(std::span<const Instrument> instruments) {
  const std::lock_guard lock(mutex_);
  ++reference_version_;
  for (const Instrument& instrument : instruments) instruments_.insert_or_assign(instrument.id, instrument);
  enter(codec::instruments_set(instruments));
}

std::vector<BrokerConnectorConfig> MemoryStore::brokers() const {
  const std::lock_guard lock(mutex_);
  return brokers_;
}

void MemoryStore::put_broker(const BrokerConnectorConfig& config) {
  const std::lock_guard lock(mutex_);
  ++reference_version_;
  enter(codec::broker_set(config));
  const auto found = std::find_if(brokers_.begin(), brokers_.end(), [&](const BrokerConnectorConfig& row) {
    return row.broker_name == config.broker_name;
  });
  if (found == brokers_.end()) {
    brokers_.push_back(config);
    brokers_.back().id = static_cast<std::int64_t>(brokers_.size());
    return;
  }
  found->config_json = config.config_json;
  found->active = config.active;
  found->updated_at = config.updated_at;
}

std::vector<PortfolioLimits> MemoryStore::limits() const {
  const std::lock_guard lock(mutex_);
  std::vector<PortfolioLimits> all;
  for (const auto& [id, limits] : limits_) all.push_back(limits);
  return all;
}

PortfolioLimits MemoryStore::limits_of(PortfolioId portfolio_id) const {
  const std::lock_guard lock(mutex_);
  for (const PortfolioId id : {portfolio_id, PortfolioId{0}}) {
    const auto found = limits_.find(id);
    if (found != limits_.end()) return found->second;
  }
  return {};
}

void MemoryStore::put_limits(const PortfolioLimits& limits) {
  const std::lock_guard lock(mutex_);
  ++reference_version_;
  limits_.insert_or_assign(limits.portfolio_id, limits);
  enter(codec::limits_set(limits));
}

PortfolioUsage MemoryStore::usage_of(PortfolioId portfolio_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = portfolios_.find(portfolio_id);
  if (found != portfolios_.end()) return found->second.usage;
  return {.portfolio_id = portfolio_id};
}

std::vector<RoutingRule> MemoryStore::routing_rules() const {
  const std::lock_guard lock(mutex_);
  std::vector<RoutingRule> rules = rules_;
  // They are kept in the order of their ids.
  std::stable_sort(rules.begin(), rules.end(),
                   [](const RoutingRule& a, const RoutingRule& b) { return a.priority < b.priority; });
  return rules;
}

std::int64_t MemoryStore::add_routing_rule(const RoutingRule& rule) {
  const std::lock_guard lock(mutex_);
  ++reference_version_;
  rules_.push_back(rule);
  rules_.back().id = ++last_rule_id_;
  enter(codec::rule_added(last_rule_id_, rule));
  return last_rule_id_;
}

bool MemoryStore::remove_routing_rule(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  ++reference_version_;
  const bool removed = std::erase_if(rules_, [id](const RoutingRule& rule) { return rule.id == id; }) > 0;
  if (removed) enter(codec::rule_removed(id));
  return removed;
}

std::vector<Halt> MemoryStore::halts() const {
  const std::lock_guard lock(mutex_);
  return halts_;
}

void MemoryStore::put_halt(const Halt& halt) {
  const std::lock_guard lock(mutex_);
  ++reference_version_;
  set_halt(halt);
  enter(codec::halted(halt));
}

void MemoryStore::set_halt(const Halt& halt) {
  const auto key = [](const Halt& row) { return std::pair(row.scope, row.target); };
  const auto at = std::lower_bound(halts_.begin(), halts_.end(), halt,
                                   [&](const Halt& a, const Halt& b) { return key(a) < key(b); });
  if (at != halts_.end() && key(*at) == key(halt)) {
    *at = halt;
  } else {
    halts_.insert(at, halt);
  }
}

bool MemoryStore::remove_halt(ControlScope scope, const std::string& target, const std::string& by) {
  const std::lock_guard lock(mutex_);
  ++reference_version_;
  const auto same = [&](const Halt& halt) { return halt.scope == scope && halt.target == target; };
  const bool removed = std::erase_if(halts_, same) > 0;
  if (removed) enter(codec::resumed(scope, target, by));
  return removed;
}

std::vector<Date> MemoryStore::holidays(const std::string& calendar) const {
  const std::lock_guard lock(mutex_);
  const auto found = holidays_.find(calendar);
  return found == holidays_.end() ? std::vector<Date>() : found->second;
}

void MemoryStore::put_holidays(const std::string& calendar, std::span<const Date> days) {
  const std::lock_guard lock(mutex_);
  ++reference_version_;
  std::vector<Date>& all = holidays_[calendar];
  all.insert(all.end(), days.begin(), days.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  enter(codec::holidays_added(calendar, days));
}

}  // namespace orchestrator::memory

namespace orchestrator {

std::unique_ptr<Store> make_memory_store() { return std::make_unique<memory::MemoryStore>(); }

}  // namespace orchestrator
