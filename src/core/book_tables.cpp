// The list of tables; see the header.

#include "core/book_tables.hpp"

#include <array>

namespace orchestrator {
namespace {

using Kind = ColumnKind;

constexpr std::array kBatches{
    BookColumn{"id", Kind::kInteger},
    BookColumn{"tenant", Kind::kText},
    BookColumn{"user_id", Kind::kInteger},
    BookColumn{"portfolio_id", Kind::kInteger},
    BookColumn{"idempotency_key", Kind::kText},
    BookColumn{"orders_json", Kind::kText},
    BookColumn{"created_at", Kind::kInteger},
    BookColumn{"total_orders", Kind::kInteger},
    BookColumn{"open_orders", Kind::kInteger},
    BookColumn{"filled_orders", Kind::kInteger},
    BookColumn{"executed_orders", Kind::kInteger},
    BookColumn{"cancelled_orders", Kind::kInteger},
    BookColumn{"rejected_orders", Kind::kInteger},
    BookColumn{"version", Kind::kInteger},
    BookColumn{"event_seq", Kind::kInteger},
};

constexpr std::array kOrders{
    BookColumn{"id", Kind::kInteger},
    BookColumn{"batch_id", Kind::kInteger},
    BookColumn{"leg", Kind::kInteger},
    BookColumn{"tenant", Kind::kText},
    BookColumn{"portfolio_id", Kind::kInteger},
    BookColumn{"broker", Kind::kText},
    BookColumn{"client_order_id", Kind::kText},
    BookColumn{"instrument_id", Kind::kInteger},
    BookColumn{"symbol", Kind::kText},
    BookColumn{"side", Kind::kInteger},
    BookColumn{"order_type", Kind::kInteger},
    BookColumn{"time_in_force", Kind::kInteger},
    BookColumn{"multiplier", Kind::kInteger},
    BookColumn{"created_at", Kind::kInteger},
    BookColumn{"ext_order_id", Kind::kOptional},
    BookColumn{"status", Kind::kInteger},
    BookColumn{"qty", Kind::kDecimal},
    BookColumn{"price_limit", Kind::kDecimal},
    BookColumn{"stop_price", Kind::kDecimal},
    BookColumn{"fill_qty", Kind::kDecimal},
    BookColumn{"fill_notional", Kind::kMoney},
    BookColumn{"fees", Kind::kMoney},
    BookColumn{"margin_reserved", Kind::kMoney},
    BookColumn{"reason", Kind::kText},
    BookColumn{"ended_as", Kind::kInteger},
    BookColumn{"cancel_requested", Kind::kBoolean},
    BookColumn{"pending_qty", Kind::kDecimal},
    BookColumn{"pending_price_limit", Kind::kDecimal},
    BookColumn{"replace_count", Kind::kInteger},
    BookColumn{"overfilled", Kind::kBoolean},
    BookColumn{"late_fill", Kind::kBoolean},
    BookColumn{"busted", Kind::kBoolean},
    BookColumn{"parked", Kind::kBoolean},
    BookColumn{"incident", Kind::kBoolean},
    BookColumn{"attempt", Kind::kInteger},
    BookColumn{"lease_epoch", Kind::kInteger},
    BookColumn{"lease_owner", Kind::kInteger},
    BookColumn{"lease_until", Kind::kInteger},
    BookColumn{"submitted_at", Kind::kInteger},
    BookColumn{"acked_at", Kind::kInteger},
    BookColumn{"executed_at", Kind::kInteger},
    BookColumn{"ended_at", Kind::kInteger},
    BookColumn{"settled_at", Kind::kInteger},
    BookColumn{"version", Kind::kInteger},
    BookColumn{"event_seq", Kind::kInteger},
};

constexpr std::array kExecutions{
    BookColumn{"id", Kind::kInteger},
    BookColumn{"broker", Kind::kText},
    BookColumn{"account", Kind::kText},
    BookColumn{"execution_id", Kind::kText},
    BookColumn{"order_id", Kind::kInteger},
    BookColumn{"kind", Kind::kInteger},
    BookColumn{"ref_execution_id", Kind::kText},
    BookColumn{"qty", Kind::kDecimal},
    BookColumn{"price", Kind::kDecimal},
    BookColumn{"fees", Kind::kMoney},
    BookColumn{"executed_at", Kind::kInteger},
    BookColumn{"recorded_at", Kind::kInteger},
};

constexpr std::array kKeys{
    BookColumn{"batch_id", Kind::kInteger},   BookColumn{"tenant", Kind::kText},
    BookColumn{"operation", Kind::kText},     BookColumn{"key", Kind::kText},
    BookColumn{"fingerprint", Kind::kBytes},  BookColumn{"response", Kind::kOptional},
    BookColumn{"created_at", Kind::kInteger}, BookColumn{"expires_at", Kind::kInteger},
};

constexpr std::array kEvents{
    BookColumn{"id", Kind::kInteger},       BookColumn{"batch_id", Kind::kInteger},
    BookColumn{"order_id", Kind::kInteger}, BookColumn{"at", Kind::kInteger},
    BookColumn{"lines", Kind::kText},
};

constexpr std::array kOutbox{BookColumn{"event_id", Kind::kInteger}};

constexpr std::array kInbox{
    BookColumn{"id", Kind::kInteger},
    BookColumn{"kind", Kind::kInteger},
    BookColumn{"broker", Kind::kText},
    BookColumn{"account", Kind::kText},
    BookColumn{"ext_order_id", Kind::kText},
    BookColumn{"client_order_id", Kind::kText},
    BookColumn{"execution_id", Kind::kText},
    BookColumn{"execution_kind", Kind::kInteger},
    BookColumn{"ref_execution_id", Kind::kText},
    BookColumn{"execution_qty", Kind::kDecimal},
    BookColumn{"execution_price", Kind::kDecimal},
    BookColumn{"execution_fees", Kind::kMoney},
    BookColumn{"executed_at", Kind::kInteger},
    BookColumn{"qty", Kind::kDecimal},
    BookColumn{"price_limit", Kind::kDecimal},
    BookColumn{"reason", Kind::kText},
    BookColumn{"at", Kind::kInteger},
    BookColumn{"received_at", Kind::kInteger},
};

constexpr std::array kCursors{
    BookColumn{"broker", Kind::kText},
    BookColumn{"account", Kind::kText},
    BookColumn{"cursor", Kind::kText},
};

constexpr std::array kBrokers{
    BookColumn{"id", Kind::kInteger},         BookColumn{"broker_name", Kind::kText},
    BookColumn{"config_json", Kind::kText},   BookColumn{"active", Kind::kBoolean},
    BookColumn{"created_at", Kind::kInteger}, BookColumn{"updated_at", Kind::kInteger},
};

constexpr std::array kInstruments{
    BookColumn{"id", Kind::kInteger},
    BookColumn{"symbol", Kind::kText},
    BookColumn{"exchange", Kind::kText},
    BookColumn{"currency", Kind::kText},
    BookColumn{"lot_size", Kind::kDecimal},
    BookColumn{"tick_size", Kind::kDecimal},
    BookColumn{"price_band_low", Kind::kDecimal},
    BookColumn{"price_band_high", Kind::kDecimal},
    BookColumn{"last_price", Kind::kDecimal},
    BookColumn{"freeze_quantity", Kind::kDecimal},
    BookColumn{"multiplier", Kind::kInteger},
};

constexpr std::array kLimits{
    BookColumn{"portfolio_id", Kind::kInteger},     BookColumn{"margin_available", Kind::kMoney},
    BookColumn{"margin_rate", Kind::kDecimal},      BookColumn{"max_quantity", Kind::kDecimal},
    BookColumn{"max_notional_order", Kind::kMoney}, BookColumn{"max_notional_batch", Kind::kMoney},
    BookColumn{"max_notional_day", Kind::kMoney},
};

constexpr std::array kUsage{
    BookColumn{"portfolio_id", Kind::kInteger},
    BookColumn{"margin_reserved", Kind::kMoney},
    BookColumn{"day", Kind::kInteger},
    BookColumn{"day_notional", Kind::kMoney},
};

constexpr std::array kRules{
    BookColumn{"id", Kind::kInteger},
    BookColumn{"priority", Kind::kInteger},
    BookColumn{"instrument_id", Kind::kInteger},
    BookColumn{"exchange", Kind::kText},
    BookColumn{"portfolio_id", Kind::kInteger},
};

constexpr std::array kTargets{
    BookColumn{"rule_id", Kind::kInteger},
    BookColumn{"position", Kind::kInteger},
    BookColumn{"broker", Kind::kText},
    BookColumn{"weight", Kind::kInteger},
};

constexpr std::array kHalts{
    BookColumn{"scope", Kind::kInteger}, BookColumn{"target", Kind::kText},
    BookColumn{"reason", Kind::kText},   BookColumn{"since", Kind::kInteger},
    BookColumn{"mode", Kind::kInteger},  BookColumn{"by", Kind::kText},
};

constexpr std::array kHolidays{BookColumn{"calendar", Kind::kText}, BookColumn{"day", Kind::kInteger}};

constexpr std::array kRateWindows{
    BookColumn{"broker", Kind::kText},
    BookColumn{"account", Kind::kText},
    BookColumn{"counts", Kind::kText},
};

constexpr std::array kTrail{
    BookColumn{"id", Kind::kInteger},  BookColumn{"at", Kind::kInteger},   BookColumn{"by", Kind::kText},
    BookColumn{"action", Kind::kText}, BookColumn{"subject", Kind::kText}, BookColumn{"detail", Kind::kText},
    BookColumn{"hash", Kind::kText},
};

constexpr std::array kTables{
    BookTable{"broker_connector_configs", kBrokers, 1},
    BookTable{"instruments", kInstruments, 1},
    BookTable{"portfolio_limits", kLimits, 1},
    BookTable{"portfolio_usage", kUsage, 1},
    BookTable{"routing_rules", kRules, 1},
    BookTable{"routing_targets", kTargets, 2},
    BookTable{"halts", kHalts, 2},
    BookTable{"holidays", kHolidays, 2},
    BookTable{"order_batches", kBatches, 1},
    BookTable{"orders", kOrders, 1},
    BookTable{"executions", kExecutions, 1},
    BookTable{"idempotency_keys", kKeys, 1},
    BookTable{"events", kEvents, 1},
    BookTable{"outbox", kOutbox, 1},
    BookTable{"inbox", kInbox, 1},
    BookTable{"broker_cursors", kCursors, 2},
    BookTable{"rate_windows", kRateWindows, 2},
    BookTable{"audit_trail", kTrail, 1},
};

}  // namespace

std::span<const BookTable> book_tables() { return kTables; }

BookRow key_of(const BookTable& table, const BookRow& row) {
  return {row.begin(), row.begin() + static_cast<std::ptrdiff_t>(table.keys)};
}

}  // namespace orchestrator
