// The ledger that lives and dies with its connector.
//
// It stands in front of benchmarks, so an order costs no more than its two ids' text and two slots of an
// index: node-based maps would spend most of the time waiting for memory.

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <utility>

#include "adapters/brokers/ledger.hpp"
#include "core/text_hash.hpp"

namespace orchestrator::brokers {

namespace {

// From ids to order numbers by open addressing. It keeps hashes, not ids: the caller compares what it is
// shown.
class IdIndex {
 public:
  void add(std::string_view id, std::int64_t number) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    insert({text_hash(id), number});
    ++size_;
  }

  // The same a little later, together with others: their slots are all over the table, and waited for at
  // the same time.
  void add_later(std::string_view id, std::int64_t number) {
    if (2 * (size_ + kWaitingMax) > slots_.size()) grow();
    waiting_.push_back({text_hash(id), number});
    fetch(waiting_.back().hash);
    if (waiting_.size() == kWaitingMax) add_waiting();
  }

  // each() with this id is about to come.
  void prefetch(std::string_view id) const {
    if (!slots_.empty()) fetch(text_hash(id));
  }

  // Shows the numbers of all ids with the same hash, some of which may be other ids.
  template <class Visit>
  void each(std::string_view id, Visit visit) {
    add_waiting();
    if (slots_.empty()) return;
    const std::size_t hash = text_hash(id);
    for (std::size_t i = hash & mask(); slots_[i].number != 0; i = (i + 1) & mask()) {
      if (slots_[i].hash == hash) visit(slots_[i].number);
    }
  }

 private:
  static constexpr std::size_t kSlotsMin = 1024;  // a power of two, as every size is
  static constexpr std::size_t kWaitingMax = 32;

  struct Slot {
    std::size_t hash = 0;
    std::int64_t number = 0;  // 0: free
  };

  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }

  void fetch(std::size_t hash) const { __builtin_prefetch(&slots_[hash & mask()], 1); }

  void add_waiting() {
    for (const Slot& slot : waiting_) insert(slot);
    size_ += waiting_.size();
    waiting_.clear();
  }

  void insert(Slot slot) {
    std::size_t i = slot.hash & mask();
    while (slots_[i].number != 0) i = (i + 1) & mask();
    slots_[i] = slot;
  }

  void grow() {
    std::vector<Slot> old(std::max(kSlotsMin, 2 * slots_.size()));
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.number != 0) insert(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;       // of those in slots_
  std::vector<Slot> waiting_;  // to be added
};

// A growing row of values that never move, in pieces small enough for the allocator to keep at hand.
template <class Value>
class Pile {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  Value& operator[](std::size_t i) { return pieces_[i / kPieceSize][i % kPieceSize]; }

  template <class... Parts>
  Value& add(Parts&&... parts) {
    if (size_ % kPieceSize == 0) pieces_.emplace_back().reserve(kPieceSize);
    ++size_;
    return pieces_.back().emplace_back(std::forward<Parts>(parts)...);
  }

 private:
  static constexpr std::size_t kPieceSize = 256;
  std::vector<std::vector<Value>> pieces_;
  std::size_t size_ = 0;
};

class MemoryLedger final : public Ledger, private LedgerTransaction {
 public:
  explicit MemoryLedger(Timestamp created_at) : reports_before_(created_at.time_since_epoch().count()) {}

  void read(const std::function<void(LedgerReader&)>& work) override {
    const std::lock_guard lock(mutex_);
    work(*this);
  }

  void write(const std::function<void(LedgerTransaction&)>& work) override {
    const std::lock_guard lock(mutex_);
    work(*this);
  }

 private:
  struct Entry {
    explicit Entry(LedgerOrder&& placed) : order(std::move(placed)) {}

    LedgerOrder order;
    std::vector<LedgerExecution> executions;  // [i] is number i + 1
  };

  void expect(std::span<const Order> orders) override {
    for (const Order& order : orders) by_client_order_id_.prefetch(order.client_order_id);
  }

  std::vector<LedgerOrder> find_by_client_order_id(const std::string& client_order_id) override {
    std::vector<LedgerOrder> found;
    by_client_order_id_.each(client_order_id, [&](std::int64_t number) {
      const LedgerOrder& order = entry(number).order;
      if (order.client_order_id == client_order_id) found.push_back(order);
    });
    const auto [begin, end] = aliases_.equal_range(client_order_id);
    for (auto it = begin; it != end; ++it) found.push_back(entry(it->second).order);
    std::ranges::sort(found, {}, &LedgerOrder::number);
    return found;
  }

  std::optional<LedgerOrder> find_by_ext_order_id(const std::string& ext_order_id) override {
    std::optional<LedgerOrder> found;
    by_ext_order_id_.each(ext_order_id, [&](std::int64_t number) {
      const LedgerOrder& order = entry(number).order;
      if (order.ext_order_id == ext_order_id) found = order;
    });
    return found;
  }

  std::vector<LedgerOrder> orders() override {
    std::vector<LedgerOrder> all;
    all.reserve(entries_.size());
    for (std::size_t i = 0; i < entries_.size(); ++i) all.push_back(entries_[i].order);
    return all;
  }

  std::vector<LedgerExecution> executions() override {
    std::vector<LedgerExecution> all;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      all.insert(all.end(), entries_[i].executions.begin(), entries_[i].executions.end());
    }
    return all;
  }

  std::optional<LedgerOrder> find_by_number(std::int64_t number) override {
    if (number < 1 || number >= next_order_number()) return std::nullopt;
    return entry(number).order;
  }

  std::vector<LedgerExecution> executions_of(std::int64_t order_number) override {
    return entry(order_number).executions;
  }

  std::vector<LedgerOrder> due_orders(std::size_t limit) override {
    std::vector<LedgerOrder> due;
    for (auto it = due_.begin(); it != due_.end() && due.size() < limit; ++it)
      due.push_back(entry(*it).order);
    return due;
  }

  std::int64_t last_report() override { return reports_before_ + static_cast<std::int64_t>(reports_.size()); }

  std::vector<LedgerNews> news(std::int64_t after, std::size_t limit) override {
    std::vector<LedgerNews> page;
    const auto begin = static_cast<std::size_t>(std::max<std::int64_t>(after - reports_before_, 0));
    for (std::size_t i = begin; i < reports_.size() && page.size() < limit; ++i) {
      const LedgerReport& report = reports_[i];
      const Entry& about = entry(report.order_number);
      LedgerNews& item = page.emplace_back();
      item.sequence = reports_before_ + static_cast<std::int64_t>(i) + 1;
      item.report = report;
      item.ext_order_id = about.order.ext_order_id;
      item.client_order_id = about.order.client_order_id;
      item.reason = about.order.state.reason;
      if (report.execution_number > 0) {
        item.execution = about.executions[static_cast<std::size_t>(report.execution_number) - 1];
      }
    }
    return page;
  }

  std::int64_t next_order_number() override { return static_cast<std::int64_t>(entries_.size()) + 1; }

  void add_order(LedgerOrder&& order) override {
    const LedgerOrder& kept = entries_.add(std::move(order)).order;
    by_ext_order_id_.add_later(kept.ext_order_id, kept.number);
    by_client_order_id_.add(kept.client_order_id, kept.number);
    note_due(kept);
  }

  void update_order(std::int64_t number, const LedgerOrderState& state) override {
    LedgerOrder& order = entry(number).order;
    order.state = state;
    note_due(order);
  }

  void add_alias(std::int64_t number, const std::string& client_order_id) override {
    aliases_.emplace(client_order_id, number);
  }

  void add_execution(LedgerExecution execution) override {
    entry(execution.order_number).executions.push_back(std::move(execution));
  }

  void add_report(const LedgerReport& report) override { reports_.add(report); }

  Entry& entry(std::int64_t number) { return entries_[static_cast<std::size_t>(number) - 1]; }

  void note_due(const LedgerOrder& order) {
    if (order.state.due_price) {
      due_.insert(order.number);
    } else if (!due_.empty()) {
      due_.erase(order.number);
    }
  }

  std::mutex mutex_;
  Pile<Entry> entries_;  // [i] is order number i + 1
  IdIndex by_ext_order_id_;
  IdIndex by_client_order_id_;
  std::multimap<std::string, std::int64_t> aliases_;
  std::set<std::int64_t> due_;
  Pile<LedgerReport> reports_;
  const std::int64_t reports_before_;
};

}  // namespace

std::unique_ptr<Ledger> make_memory_ledger(Timestamp created_at) {
  return std::make_unique<MemoryLedger>(created_at);
}

}  // namespace orchestrator::brokers
