// The fold of executions; the rules are in the header.
//
// Almost every order has a few trades and nothing else, so families are built only when some execution
// names another.

#include "core/executions.hpp"
#include "core/planted_bugs.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <tuple>
#include <vector>

namespace orchestrator {

namespace {

using Key = std::tuple<std::string_view, std::string_view, std::string_view>;

Key key_of(const Execution& execution) {
  return {execution.broker, execution.account, execution.execution_id};
}

Key ref_of(const Execution& execution) {
  return {execution.broker, execution.account, execution.ref_execution_id};
}

// An execution without a reference is a family's beginning, whatever it calls itself.
bool names_another(const Execution& execution) {
  return execution.kind != ExecutionKind::kTrade && !execution.ref_execution_id.empty();
}

// Sorted by key, one per key. Repetitions are equal; should they differ, the choice between them must not
// depend on which came first.
std::vector<const Execution*> distinct(std::span<const Execution> executions) {
  std::vector<const Execution*> rows;
  rows.reserve(executions.size());
  for (const Execution& execution : executions) rows.push_back(&execution);
  const auto rank = [](const Execution* e) {
    return std::tuple(key_of(*e), e->kind, std::string_view(e->ref_execution_id), e->qty, e->price, e->fees,
                      e->executed_at);
  };
  std::sort(rows.begin(), rows.end(),
            [&rank](const Execution* a, const Execution* b) { return rank(a) < rank(b); });
  const auto same_key = [](const Execution* a, const Execution* b) { return key_of(*a) == key_of(*b); };
  rows.erase(std::unique(rows.begin(), rows.end(), same_key), rows.end());
  return rows;
}

void add(ExecutionTotals& totals, const Execution& execution) {
  ORCHESTRATOR_PLANT(kFillOverwrites, totals = ExecutionTotals());
  totals.qty += execution.qty;
  totals.notional += execution.price * execution.qty;
  ORCHESTRATOR_PLANT(kRoundedMoney, totals.notional = to_53_bits(totals.notional));
  totals.fees += execution.fees;
  if (!totals.last || *totals.last < execution.executed_at) totals.last = execution.executed_at;
}

// The families: disjoint sets over every key that is held or named.
class Families {
 public:
  explicit Families(const std::vector<const Execution*>& rows) {
    for (const Execution* row : rows) {
      keys_.push_back(key_of(*row));
      if (names_another(*row)) keys_.push_back(ref_of(*row));
    }
    std::sort(keys_.begin(), keys_.end());
    keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
    parents_.resize(keys_.size());
    std::iota(parents_.begin(), parents_.end(), std::size_t{0});
    for (const Execution* row : rows) {
      if (names_another(*row)) parents_[root(index(key_of(*row)))] = root(index(ref_of(*row)));
    }
  }

  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  [[nodiscard]] std::size_t index(const Key& key) const {
    return static_cast<std::size_t>(std::lower_bound(keys_.begin(), keys_.end(), key) - keys_.begin());
  }
  [[nodiscard]] std::size_t family_of(const Execution& execution) { return root(index(key_of(execution))); }

 private:
  std::size_t root(std::size_t i) {
    while (parents_[i] != i) {
      parents_[i] = parents_[parents_[i]];
      i = parents_[i];
    }
    return i;
  }

  std::vector<Key> keys_;
  std::vector<std::size_t> parents_;
};

struct Family {
  bool busted = false;
  const Execution* stands = nullptr;
};

// Which of two corrections of the same execution stands.
bool is_later(const Execution& a, const Execution& b) {
  return std::tie(a.executed_at, a.execution_id) > std::tie(b.executed_at, b.execution_id);
}

void add_families(ExecutionTotals& totals, const std::vector<const Execution*>& rows) {
  Families families(rows);
  std::vector<bool> named(families.size(), false);
  for (const Execution* row : rows) {
    if (names_another(*row)) named[families.index(ref_of(*row))] = true;
  }
  std::vector<Family> found(families.size());
  for (const Execution* row : rows) {
    Family& family = found[families.family_of(*row)];
    if (row->kind == ExecutionKind::kBust) {
      family.busted = true;
    } else if (!named[families.index(key_of(*row))]) {
      if (family.stands == nullptr || is_later(*row, *family.stands)) family.stands = row;
    }
  }
  for (const Family& family : found) {
    if (!family.busted && family.stands != nullptr) add(totals, *family.stands);
  }
}

}  // namespace

ExecutionTotals fold(std::span<const Execution> executions) {
  const std::vector<const Execution*> rows = distinct(executions);
  ExecutionTotals totals;
  for (const Execution* row : rows) totals.any_bust = totals.any_bust || row->kind != ExecutionKind::kTrade;
  if (totals.any_bust) {
    add_families(totals, rows);
  } else {
    for (const Execution* row : rows) add(totals, *row);
  }
  return totals;
}

}  // namespace orchestrator
