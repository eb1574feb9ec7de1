// The audit trail: entries are made in the transaction of what they describe. And what SQLite finds wrong
// with its own file.

#include <array>

#include "adapters/sqlite/rows.hpp"
#include "adapters/sqlite/sqlite_store.hpp"

namespace orchestrator::sqlite {

void SqliteStore::attribute_to(std::string by, const Clock& clock) {
  by_ = std::move(by);
  clock_ = &clock;
}

void SqliteStore::enter(WriteTransaction& transaction, AuditEntry entry) const {
  if (entry.by.empty()) entry.by = by_;
  if (clock_ != nullptr) entry.at = clock_->now();
  insert_audit(transaction.connection(), entry);
}

std::vector<AuditEntry> SqliteStore::audit_trail(std::int64_t after_id, std::size_t limit) const {
  return read_audit(*read(), after_id, limit);
}

std::vector<std::string> SqliteStore::verify() const {
  constexpr std::array kQuestions = {
      "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
      "SELECT 'row ' || coalesce(rowid, 0) || ' of ' || \"table\" || ' points at no row of ' || parent "
      "FROM pragma_foreign_key_check",
      // A broker's report would not find such an order.
      "SELECT 'order ' || id || ' is indexed under another broker id than its own' "
      "FROM orders WHERE ext_key IS NOT NULL AND ext_key IS NOT ext_order_id",
      // The orders of a batch are found by the first and the last of their ids.
      "SELECT 'batch ' || id || ' does not say rightly which orders are its own' FROM order_batches AS batch "
      "WHERE last_order_id - first_order_id + 1 <> total_orders OR NOT EXISTS "
      "(SELECT 1 FROM orders WHERE orders.id = first_order_id AND orders.batch_id = batch.id)",
  };
  const auto connection = read();
  std::vector<std::string> findings;
  for (const char* question : kQuestions) {
    Query row = connection->query(question);
    while (row.next()) row.read(findings.emplace_back());
  }
  return findings;
}

}  // namespace orchestrator::sqlite
