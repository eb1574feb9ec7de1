// The audit trail: entries are made in the transaction of what they describe. And what SQLite finds wrong
// with its own file.

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
  const auto connection = read();
  std::vector<std::string> findings;
  Query row = connection->query("PRAGMA integrity_check");
  std::string text;
  while (row.next()) {
    row.read(text);
    if (text != "ok") findings.push_back(text);
  }
  Query orphan =
      connection->query("SELECT \"table\", coalesce(rowid, 0), parent FROM pragma_foreign_key_check");
  while (orphan.next()) {
    std::int64_t id = 0;
    std::string parent;
    orphan.read(text, id, parent);
    findings.push_back("row " + std::to_string(id) + " of " + text + " points at no row of " + parent);
  }
  // A broker's report would not find such an order.
  Query astray =
      connection->query("SELECT id FROM orders WHERE ext_key IS NOT NULL AND ext_key IS NOT ext_order_id");
  while (astray.next()) {
    std::int64_t id = 0;
    astray.read(id);
    findings.push_back("order " + std::to_string(id) + " is indexed under another broker id than its own");
  }
  // The orders of a batch are found by the first and the last of their ids.
  Query range = connection->query(
      "SELECT id FROM order_batches AS batch WHERE last_order_id - first_order_id + 1 <> total_orders OR NOT "
      "EXISTS "
      "(SELECT 1 FROM orders WHERE orders.id = first_order_id AND orders.batch_id = batch.id)");
  while (range.next()) {
    std::int64_t id = 0;
    range.read(id);
    findings.push_back("batch " + std::to_string(id) + " does not say rightly which orders are its own");
  }
  return findings;
}

}  // namespace orchestrator::sqlite
