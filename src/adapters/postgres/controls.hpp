// Rows that several kinds of units share: stop switches, portfolio usage, the audit trail, the version of the
// reference data.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "adapters/postgres/rows.hpp"
#include "adapters/postgres/transaction.hpp"

namespace orchestrator::postgres {

inline const std::string kSelectHalts = "SELECT " + names_of(kHalt) + " FROM halts ORDER BY scope, target";
inline const std::string kSelectAudit = "SELECT " + names_of(kAudit) + " FROM audit_trail";

std::vector<Halt> read_halts(const Result& result);
std::vector<AuditEntry> read_audit(const Result& result);

inline const std::string kReferenceChange =
    std::string("UPDATE reference_state SET version = ") + kFreshNumber;
// Gives the entries their places in the chain.
void append_audit(Transaction& transaction, std::span<AuditEntry> entries);

// The record that a statement with this text and these parameters finds. It expires when the database's clock
// says so, which is told in the time of the caller's: `wall` is what that shows, if it has any.
inline const std::string kSelectKey =
    "SELECT " + names_of(kKey) + ", " + lease_shift("$4") +
    " FROM idempotency_keys WHERE key = $1 AND tenant = $2 AND operation = $3";
Parameters key_parameters(const IdempotencyScope& scope, std::optional<Timestamp> wall);
std::optional<IdempotencyRecord> read_key(const Result& result);

// --- usage ----------------------------------------------------------------------------------------

using UsageMap = std::map<PortfolioId, PortfolioUsage>;

// Locks the rows of these portfolios, in the order of their ids, and makes those that are missing.
UsageMap lock_usage(Transaction& transaction, std::span<const PortfolioId> portfolios);
void make_usage_rows(Transaction& transaction, std::span<const PortfolioId> portfolios);
// "UPDATE portfolio_usage ... FROM unnest($first, ...)" and its rows.
std::string update_usage(std::size_t first);
void add_usage(RowArrays& rows, const UsageMap& usage);

}  // namespace orchestrator::postgres
