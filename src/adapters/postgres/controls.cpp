#include "adapters/postgres/controls.hpp"

#include "core/audit_chain.hpp"

namespace orchestrator::postgres {

std::vector<Halt> read_halts(const Result& result) {
  std::vector<Halt> halts;
  Cursor row(result);
  while (row.next()) halt_fields(halts.emplace_back(), reader(row));
  return halts;
}

std::vector<AuditEntry> read_audit(const Result& result) {
  std::vector<AuditEntry> entries;
  Cursor row(result);
  while (row.next()) audit_fields(entries.emplace_back(), reader(row));
  return entries;
}

void append_audit(Transaction& transaction, std::span<AuditEntry> entries) {
  static const std::string kInsert = insert_from_arrays("audit_trail", kAudit);
  if (entries.empty()) return;
  transaction.lock_audit_trail();
  auto last = read_audit(transaction.query(kSelectAudit + " ORDER BY id DESC LIMIT 1"));
  std::optional<AuditEntry> before;
  if (!last.empty()) before = std::move(last.front());
  RowArrays rows;
  for (AuditEntry& entry : entries) {
    append_to_chain(before, entry);
    before = entry;
    rows.begin_row();
    audit_fields(entry, writer(rows));
  }
  Parameters parameters;
  rows.move_to(parameters, ColumnList(kAudit).size());
  transaction.run(kInsert, parameters);
}

Parameters key_parameters(const IdempotencyScope& scope, std::optional<Timestamp> wall) {
  Parameters parameters;
  return parameters.add(scope.key, scope.tenant, scope.operation, wall);
}

std::optional<IdempotencyRecord> read_key(const Result& result) {
  Cursor row(result);
  if (!row.next()) return std::nullopt;
  IdempotencyRecord record;
  key_fields(record, reader(row));
  std::int64_t shift = 0;
  row.read(shift);
  record.expires_at -= std::chrono::microseconds(shift);
  return record;
}

// --- usage ----------------------------------------------------------------------------------------

UsageMap lock_usage(Transaction& transaction, std::span<const PortfolioId> portfolios) {
  static const std::string kSelect = "SELECT " + names_of(kUsage) +
                                     " FROM portfolio_usage WHERE portfolio_id = ANY($1::bigint[]) ORDER BY "
                                     "portfolio_id FOR UPDATE";
  Parameters parameters;
  parameters.add_array(portfolios);
  const auto lock = [&] {
    UsageMap usage;
    const Result result = transaction.query(kSelect, parameters);
    Cursor row(result);
    while (row.next()) {
      PortfolioUsage one;
      usage_fields(one, reader(row));
      usage.emplace(one.portfolio_id, one);
    }
    return usage;
  };
  UsageMap usage = lock();
  for (const PortfolioId id : portfolios) {
    if (usage.contains(id)) continue;
    make_usage_rows(transaction, portfolios);
    return lock();
  }
  return usage;
}

void make_usage_rows(Transaction& transaction, std::span<const PortfolioId> portfolios) {
  Parameters parameters;
  parameters.add_array(portfolios);
  transaction.run(
      "INSERT INTO portfolio_usage (portfolio_id, margin_reserved, day, day_notional) SELECT id, 0, 0, 0 "
      "FROM "
      "unnest($1::bigint[]) AS id GROUP BY id ORDER BY id ON CONFLICT DO NOTHING",
      parameters);
}

std::string update_usage(std::size_t first) {
  const ColumnList columns(kUsage);
  return "UPDATE portfolio_usage AS u SET margin_reserved = n.margin_reserved, day = n.day, day_notional = "
         "n.day_notional FROM " +
         columns.unnest(first) + " AS n (" + columns.names() + ") WHERE u.portfolio_id = n.portfolio_id";
}

void add_usage(RowArrays& rows, const UsageMap& usage) {
  for (const auto& [id, one] : usage) {
    rows.begin_row();
    usage_fields(one, writer(rows));
  }
}

}  // namespace orchestrator::postgres
