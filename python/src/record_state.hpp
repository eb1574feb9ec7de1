// What a pickle holds of a record: its members one after another, in the order of kMembers.
//
//   state          = text record; the text is the library's version: a record of another may look otherwise
//   record         = value ...
//   text           = count byte ...
//   integer        = 8 bytes, the low one first; so are booleans, enumerators, counts, times, durations
//   money          = 16 bytes, the low one first
//   optional       = 0 | 1 value, of one byte
//   list           = count value ...
//
// Nothing in it is trusted when it is read: it may come from anywhere.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "orchestrator/migration.hpp"
#include "orchestrator/orchestrator.hpp"
#include "python/src/values.hpp"

namespace orchestrator::python {

template <class Record>
inline constexpr auto kMembers = std::tuple{};

template <>
inline constexpr auto kMembers<Violation> = std::tuple{
    &Violation::order_index, &Violation::field, &Violation::code, &Violation::message, &Violation::severity};

template <>
inline constexpr auto kMembers<OrderRequest> =
    std::tuple{&OrderRequest::instrument_id, &OrderRequest::qty,        &OrderRequest::side,
               &OrderRequest::price_limit,   &OrderRequest::stop_price, &OrderRequest::order_type,
               &OrderRequest::time_in_force, &OrderRequest::broker,     &OrderRequest::slice};

template <>
inline constexpr auto kMembers<BatchRequest> =
    std::tuple{&BatchRequest::portfolio_id, &BatchRequest::orders, &BatchRequest::idempotency_key,
               &BatchRequest::user_id,      &BatchRequest::policy, &BatchRequest::tenant};

template <>
inline constexpr auto kMembers<BrokerState> = std::tuple{&BrokerState::name, &BrokerState::broker_class,
                                                         &BrokerState::available, &BrokerState::why_not};

template <>
inline constexpr auto kMembers<Order> = std::tuple{&Order::id,
                                                   &Order::batch_id,
                                                   &Order::leg,
                                                   &Order::tenant,
                                                   &Order::portfolio_id,
                                                   &Order::broker,
                                                   &Order::client_order_id,
                                                   &Order::ext_order_id,
                                                   &Order::instrument_id,
                                                   &Order::symbol,
                                                   &Order::side,
                                                   &Order::order_type,
                                                   &Order::time_in_force,
                                                   &Order::qty,
                                                   &Order::price_limit,
                                                   &Order::stop_price,
                                                   &Order::multiplier,
                                                   &Order::status,
                                                   &Order::fill_qty,
                                                   &Order::fill_notional,
                                                   &Order::fees,
                                                   &Order::margin_reserved,
                                                   &Order::reason,
                                                   &Order::ended_as,
                                                   &Order::cancel_requested,
                                                   &Order::pending_qty,
                                                   &Order::pending_price_limit,
                                                   &Order::replace_count,
                                                   &Order::overfilled,
                                                   &Order::late_fill,
                                                   &Order::busted,
                                                   &Order::parked,
                                                   &Order::incident,
                                                   &Order::attempt,
                                                   &Order::lease_epoch,
                                                   &Order::lease_owner,
                                                   &Order::lease_until,
                                                   &Order::created_at,
                                                   &Order::submitted_at,
                                                   &Order::acked_at,
                                                   &Order::executed_at,
                                                   &Order::ended_at,
                                                   &Order::settled_at,
                                                   &Order::version,
                                                   &Order::event_seq};

template <>
inline constexpr auto kMembers<OrderBatch> = std::tuple{&OrderBatch::id,
                                                        &OrderBatch::tenant,
                                                        &OrderBatch::user_id,
                                                        &OrderBatch::portfolio_id,
                                                        &OrderBatch::idempotency_key,
                                                        &OrderBatch::orders_json,
                                                        &OrderBatch::status,
                                                        &OrderBatch::created_at,
                                                        &OrderBatch::total_orders,
                                                        &OrderBatch::open_orders,
                                                        &OrderBatch::filled_orders,
                                                        &OrderBatch::executed_orders,
                                                        &OrderBatch::cancelled_orders,
                                                        &OrderBatch::rejected_orders,
                                                        &OrderBatch::version,
                                                        &OrderBatch::event_seq};

template <>
inline constexpr auto kMembers<Execution> = std::tuple{
    &Execution::broker, &Execution::account,          &Execution::execution_id, &Execution::order_id,
    &Execution::kind,   &Execution::ref_execution_id, &Execution::qty,          &Execution::price,
    &Execution::fees,   &Execution::executed_at,      &Execution::recorded_at};

template <>
inline constexpr auto kMembers<FillResult> = std::tuple{&FillResult::execution, &FillResult::order};

template <>
inline constexpr auto kMembers<Receipt::Leg> =
    std::tuple{&Receipt::Leg::index,         &Receipt::Leg::id,     &Receipt::Leg::client_order_id,
               &Receipt::Leg::instrument_id, &Receipt::Leg::side,   &Receipt::Leg::qty,
               &Receipt::Leg::price_limit,   &Receipt::Leg::broker, &Receipt::Leg::routing_reason,
               &Receipt::Leg::violations};

template <>
inline constexpr auto kMembers<Receipt> =
    std::tuple{&Receipt::batch_id, &Receipt::portfolio_id, &Receipt::idempotency_key, &Receipt::created_at,
               &Receipt::orders,   &Receipt::warnings,     &Receipt::replayed,        &Receipt::json};

template <>
inline constexpr auto kMembers<InstrumentReport> = std::tuple{&InstrumentReport::instrument_id,
                                                              &InstrumentReport::symbol,
                                                              &InstrumentReport::bought_qty,
                                                              &InstrumentReport::sold_qty,
                                                              &InstrumentReport::vwap_buy,
                                                              &InstrumentReport::vwap_sell,
                                                              &InstrumentReport::net_position_change,
                                                              &InstrumentReport::cash_flow,
                                                              &InstrumentReport::matched_pnl,
                                                              &InstrumentReport::slippage,
                                                              &InstrumentReport::fees};

template <>
inline constexpr auto kMembers<BatchReport> =
    std::tuple{&BatchReport::batch_id,        &BatchReport::status,         &BatchReport::total_orders,
               &BatchReport::filled_orders,   &BatchReport::pending_orders, &BatchReport::cancelled_orders,
               &BatchReport::rejected_orders, &BatchReport::total_qty,      &BatchReport::filled_qty,
               &BatchReport::total_value,     &BatchReport::filled_value,   &BatchReport::expected_pnl,
               &BatchReport::actual_pnl,      &BatchReport::fees,           &BatchReport::instruments,
               &BatchReport::orders};

template <>
inline constexpr auto kMembers<Break> = std::tuple{
    &Break::type,  &Break::order_id, &Break::client_order_id, &Break::ext_order_id, &Break::execution_id,
    &Break::field, &Break::ours,     &Break::theirs};

template <>
inline constexpr auto kMembers<StepResult> =
    std::tuple{&StepResult::sent, &StepResult::reports, &StepResult::resolved, &StepResult::published};

template <>
inline constexpr auto kMembers<RecoveryReport> = std::tuple{
    &RecoveryReport::abandoned, &RecoveryReport::adopted, &RecoveryReport::resent, &RecoveryReport::parked,
    &RecoveryReport::waiting,   &RecoveryReport::sent,    &RecoveryReport::reports};

template <>
inline constexpr auto kMembers<SettleResult> = std::tuple{&SettleResult::settled, &SettleResult::not_due};

template <>
inline constexpr auto kMembers<Event> = std::tuple{
    &Event::log_id, &Event::type, &Event::order_id, &Event::batch_id, &Event::seq, &Event::at, &Event::data};

template <>
inline constexpr auto kMembers<Dependency> =
    std::tuple{&Dependency::role,    &Dependency::name,  &Dependency::version, &Dependency::location,
               &Dependency::latency, &Dependency::state, &Dependency::detail};

template <>
inline constexpr auto kMembers<Halt> =
    std::tuple{&Halt::scope, &Halt::target, &Halt::reason, &Halt::since, &Halt::mode, &Halt::by};

template <>
inline constexpr auto kMembers<OutboxStatus> = std::tuple{&OutboxStatus::rows, &OutboxStatus::oldest};

template <>
inline constexpr auto kMembers<BrokerHealth> =
    std::tuple{&BrokerHealth::broker, &BrokerHealth::circuit, &BrokerHealth::failures,
               &BrokerHealth::retry_in, &BrokerHealth::reason};

template <>
inline constexpr auto kMembers<Health> =
    std::tuple{&Health::ok,      &Health::dependencies,   &Health::halts,
               &Health::outbox,  &Health::unknown_orders, &Health::parked_orders,
               &Health::brokers, &Health::detail};

template <>
inline constexpr auto kMembers<BrokerConnectorConfig> = std::tuple{
    &BrokerConnectorConfig::id,     &BrokerConnectorConfig::broker_name, &BrokerConnectorConfig::config_json,
    &BrokerConnectorConfig::active, &BrokerConnectorConfig::created_at,  &BrokerConnectorConfig::updated_at};

template <>
inline constexpr auto kMembers<RateLimit> =
    std::tuple{&RateLimit::requests_max, &RateLimit::per, &RateLimit::reserved_for_cancels};

template <>
inline constexpr auto kMembers<BrokerCapabilities> = std::tuple{&BrokerCapabilities::name,
                                                                &BrokerCapabilities::account,
                                                                &BrokerCapabilities::broker_class,
                                                                &BrokerCapabilities::orders_max,
                                                                &BrokerCapabilities::rate_limit,
                                                                &BrokerCapabilities::replaces,
                                                                &BrokerCapabilities::reports_name_our_id,
                                                                &BrokerCapabilities::ids_restart_daily,
                                                                &BrokerCapabilities::one_sender,
                                                                &BrokerCapabilities::quiet_period,
                                                                &BrokerCapabilities::duplicate_window,
                                                                &BrokerCapabilities::settlement_days,
                                                                &BrokerCapabilities::utc_offset,
                                                                &BrokerCapabilities::calendar};

template <>
inline constexpr auto kMembers<BrokerInfo> =
    std::tuple{&BrokerInfo::config, &BrokerInfo::capabilities, &BrokerInfo::simulated};

template <>
inline constexpr auto kMembers<AuditFinding> =
    std::tuple{&AuditFinding::check, &AuditFinding::subject, &AuditFinding::detail};

template <>
inline constexpr auto kMembers<AuditReport> =
    std::tuple{&AuditReport::orders,     &AuditReport::batches,       &AuditReport::executions,
               &AuditReport::events,     &AuditReport::broker_orders, &AuditReport::trail_entries,
               &AuditReport::trail_head, &AuditReport::findings,      &AuditReport::findings_total};

template <>
inline constexpr auto kMembers<AuditEntry> =
    std::tuple{&AuditEntry::id,      &AuditEntry::at,     &AuditEntry::by,  &AuditEntry::action,
               &AuditEntry::subject, &AuditEntry::detail, &AuditEntry::hash};

template <>
inline constexpr auto kMembers<MigrationStatus::Step> = std::tuple{
    &MigrationStatus::Step::version, &MigrationStatus::Step::name, &MigrationStatus::Step::applied};

template <>
inline constexpr auto kMembers<MigrationStatus> =
    std::tuple{&MigrationStatus::version, &MigrationStatus::latest, &MigrationStatus::steps};

template <>
inline constexpr auto kMembers<Instrument> = std::tuple{&Instrument::id,
                                                        &Instrument::symbol,
                                                        &Instrument::exchange,
                                                        &Instrument::currency,
                                                        &Instrument::lot_size,
                                                        &Instrument::tick_size,
                                                        &Instrument::price_band_low,
                                                        &Instrument::price_band_high,
                                                        &Instrument::last_price,
                                                        &Instrument::freeze_quantity,
                                                        &Instrument::multiplier};

template <>
inline constexpr auto kMembers<PortfolioLimits> =
    std::tuple{&PortfolioLimits::portfolio_id,       &PortfolioLimits::margin_available,
               &PortfolioLimits::margin_rate,        &PortfolioLimits::max_quantity,
               &PortfolioLimits::max_notional_order, &PortfolioLimits::max_notional_batch,
               &PortfolioLimits::max_notional_day};

template <>
inline constexpr auto kMembers<PortfolioUsage> =
    std::tuple{&PortfolioUsage::portfolio_id, &PortfolioUsage::margin_reserved, &PortfolioUsage::day,
               &PortfolioUsage::day_notional};

template <>
inline constexpr auto kMembers<RoutingRule::Target> =
    std::tuple{&RoutingRule::Target::broker, &RoutingRule::Target::weight};

template <>
inline constexpr auto kMembers<RoutingRule> =
    std::tuple{&RoutingRule::id,       &RoutingRule::priority,     &RoutingRule::instrument_id,
               &RoutingRule::exchange, &RoutingRule::portfolio_id, &RoutingRule::targets};

// --- writing --------------------------------------------------------------------------------------

class StateWriter {
 public:
  StateWriter() { write(std::string(ORCHESTRATOR_VERSION)); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

  template <class Value>
  void write(const Value& value) {
    if constexpr (std::is_integral_v<Value> || std::is_enum_v<Value>) {
      put(static_cast<std::uint64_t>(value));
    } else if constexpr (std::tuple_size_v<decltype(kMembers<Value>)> > 0) {
      std::apply([&](auto... member) { (write(value.*member), ...); }, kMembers<Value>);
    } else {
      write_as(value);
    }
  }

 private:
  template <class Number>
  void put(Number number) {
    for (std::size_t i = 0; i < sizeof number; ++i) {
      bytes_.push_back(static_cast<char>(static_cast<unsigned char>(number)));
      number >>= 8;
    }
  }
  template <class Tag, class Rep, int kDecimals>
  void write_as(FixedPoint<Tag, Rep, kDecimals> value) {
    put(static_cast<typename detail::UnsignedOf<Rep>::type>(value.units()));
  }
  template <class Rep, class Period>
  void write_as(std::chrono::duration<Rep, Period> value) {
    write(static_cast<std::int64_t>(value.count()));
  }
  template <class Duration>
  void write_as(std::chrono::sys_time<Duration> value) {
    write_as(value.time_since_epoch());
  }
  void write_as(const std::string& text) {
    write(text.size());
    bytes_ += text;
  }
  template <class Value>
  void write_as(const std::optional<Value>& value) {
    bytes_.push_back(value ? 1 : 0);
    if (value) write(*value);
  }
  template <class Value>
  void write_as(const std::vector<Value>& values) {
    write(values.size());
    for (const Value& value : values) write(value);
  }

  std::string bytes_;
};

// --- reading --------------------------------------------------------------------------------------

// Throws Error(invalid_argument) for what no writer of this version has written.
class StateReader {
 public:
  StateReader(std::string_view bytes, const char* record) : bytes_(bytes), record_(record) {
    std::string version;
    read(version);
    if (version != ORCHESTRATOR_VERSION) refuse("it was pickled by another version of orchestrator");
  }
  void finish() const {
    if (!bytes_.empty()) refuse("the pickle is damaged");
  }

  template <class Value>
  void read(Value& value) {
    if constexpr (std::is_same_v<Value, bool>) {
      value = get<std::uint64_t>() != 0;
    } else if constexpr (std::is_integral_v<Value>) {
      value = static_cast<Value>(get<std::uint64_t>());
    } else if constexpr (std::is_enum_v<Value>) {
      read_word(value);
    } else if constexpr (std::tuple_size_v<decltype(kMembers<Value>)> > 0) {
      std::apply([&](auto... member) { (read(value.*member), ...); }, kMembers<Value>);
    } else {
      read_as(value);
    }
  }

 private:
  [[noreturn]] void refuse(const char* why) const {
    refuse_argument(record_, std::string(why) + "; read the record from the book again");
  }
  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) refuse("the pickle is damaged");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  template <class Number>
  Number get() {
    const std::string_view bytes = take(sizeof(Number));
    Number number = 0;
    for (std::size_t i = sizeof(Number); i-- > 0;) {
      number = static_cast<Number>(number << 8) | static_cast<unsigned char>(bytes[i]);
    }
    return number;
  }
  // One that has a member in the package, which out_of_range says otherwise.
  template <class Word>
  void read_word(Word& value) {
    const auto number = get<std::uint64_t>();
    if (number > 0xff) refuse("the pickle is damaged");
    value = static_cast<Word>(number);
    try {
      static_cast<void>(to_python(value));
    } catch (const std::out_of_range&) {
      refuse("the pickle is damaged");
    }
  }
  template <class Tag, class Rep, int kDecimals>
  void read_as(FixedPoint<Tag, Rep, kDecimals>& value) {
    using Fixed = FixedPoint<Tag, Rep, kDecimals>;
    value = Fixed::from_units(static_cast<Rep>(get<typename detail::UnsignedOf<Rep>::type>()));
  }
  template <class Rep, class Period>
  void read_as(std::chrono::duration<Rep, Period>& value) {
    value = std::chrono::duration<Rep, Period>(static_cast<Rep>(get<std::uint64_t>()));
  }
  template <class Duration>
  void read_as(std::chrono::sys_time<Duration>& value) {
    Duration since{};
    read_as(since);
    value = std::chrono::sys_time<Duration>(since);
  }
  void read_as(std::string& text) { text = take(get<std::uint64_t>()); }
  template <class Value>
  void read_as(std::optional<Value>& value) {
    if (take(1).front() != 0) read(value.emplace());
  }
  template <class Value>
  void read_as(std::vector<Value>& values) {
    for (auto count = get<std::uint64_t>(); count > 0; --count) read(values.emplace_back());
  }

  std::string_view bytes_;
  const char* const record_;
};

}  // namespace orchestrator::python
