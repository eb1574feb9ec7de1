// Instruments, brokers, limits, routing rules, stop switches, holidays.

#include "adapters/sqlite/rows.hpp"
#include "adapters/sqlite/sqlite_store.hpp"
#include "codec/audit_json.hpp"

namespace orchestrator::sqlite {
namespace {

const std::string kInstrumentColumns =
    "id, symbol, exchange, currency, lot_size, tick_size, price_band_low, price_band_high, last_price, "
    "freeze_quantity, multiplier";
const std::string kLimitColumns =
    "portfolio_id, margin_available_whole, margin_available_fraction, margin_rate, max_quantity, "
    "max_notional_order_whole, max_notional_order_fraction, max_notional_batch_whole, "
    "max_notional_batch_fraction, "
    "max_notional_day_whole, max_notional_day_fraction";

template <class InstrumentRef, class Apply>
void instrument_fields(InstrumentRef& i, Apply&& apply) {
  apply(i.id, i.symbol, i.exchange, i.currency, i.lot_size, i.tick_size, i.price_band_low, i.price_band_high,
        i.last_price, i.freeze_quantity, i.multiplier);
}

template <class LimitsRef, class Apply>
void limit_fields(LimitsRef& l, Apply&& apply) {
  apply(l.portfolio_id, l.margin_available, l.margin_rate, l.max_quantity, l.max_notional_order,
        l.max_notional_batch, l.max_notional_day);
}

Instrument read_instrument(Query& row) {
  Instrument instrument;
  instrument_fields(instrument, [&row](auto&... fields) { row.read(fields...); });
  return instrument;
}

PortfolioLimits read_limits(Query& row) {
  PortfolioLimits limits;
  limit_fields(limits, [&row](auto&... fields) { row.read(fields...); });
  return limits;
}

std::vector<RoutingRule::Target> read_targets(Connection& connection, std::int64_t rule_id) {
  Query row =
      connection.query("SELECT broker, weight FROM routing_targets WHERE rule_id = ? ORDER BY position");
  row.bind(rule_id);
  std::vector<RoutingRule::Target> targets;
  while (row.next()) {
    RoutingRule::Target& target = targets.emplace_back();
    row.read(target.broker, target.weight);
  }
  return targets;
}

}  // namespace

std::int64_t SqliteStore::reference_version() const {
  refuse_after_fork();
  const std::int64_t changes = lock_file_->changes();
  return changes % 2 == 0 ? changes + 1 : 0;
}

void SqliteStore::change_reference(const CommitQueue::Unit& unit) {
  write([&unit](WriteTransaction& transaction) {
    transaction.change_reference();
    return unit(transaction);
  });
}

// --- instruments ----------------------------------------------------------------------------------

std::vector<Instrument> SqliteStore::instruments(std::span<const InstrumentId> ids) const {
  static const std::string kAll = "SELECT " + kInstrumentColumns + " FROM instruments ORDER BY id";
  static const std::string kOne = "SELECT " + kInstrumentColumns + " FROM instruments WHERE id = ?";
  const auto connection = read();
  std::vector<Instrument> found;
  if (ids.empty()) {
    Query row = connection->query(kAll.c_str());
    while (row.next()) found.push_back(read_instrument(row));
    return found;
  }
  const Snapshot snapshot(*connection);
  Query row = connection->query(kOne.c_str());
  for (const InstrumentId id : ids) {
    row.restart().bind(id);
    if (row.next()) found.push_back(read_instrument(row));
  }
  return found;
}

void SqliteStore::put_instruments(std::span<const Instrument> instruments) {
  static const std::string kSql =
      "INSERT OR REPLACE INTO instruments (" + kInstrumentColumns + ") VALUES (" + placeholders(11) + ")";
  change_reference([&](WriteTransaction& transaction) {
    Query put = transaction.query(kSql.c_str());
    for (const Instrument& instrument : instruments) {
      put.restart();
      instrument_fields(instrument, [&put](const auto&... fields) { put.bind(fields...); });
      put.run();
    }
    enter(transaction, codec::instruments_set(instruments));
    return true;
  });
}

// --- brokers --------------------------------------------------------------------------------------

std::vector<BrokerConnectorConfig> SqliteStore::brokers() const {
  const auto connection = read();
  Query row = connection->query(
      "SELECT id, broker_name, config_json, active, created_at, updated_at FROM broker_connector_configs "
      "ORDER BY id");
  std::vector<BrokerConnectorConfig> brokers;
  while (row.next()) {
    BrokerConnectorConfig& config = brokers.emplace_back();
    row.read(config.id, config.broker_name, config.config_json, config.active, config.created_at,
             config.updated_at);
  }
  return brokers;
}

void SqliteStore::put_broker(const BrokerConnectorConfig& config) {
  change_reference([&](WriteTransaction& transaction) {
    transaction
        .query(
            "INSERT INTO broker_connector_configs (broker_name, config_json, active, created_at, updated_at) "
            "VALUES (?, ?, ?, ?, ?) ON CONFLICT (broker_name) DO UPDATE SET config_json = "
            "excluded.config_json, "
            "active = excluded.active, updated_at = excluded.updated_at")
        .bind(config.broker_name, config.config_json, config.active, config.created_at, config.updated_at)
        .run();
    enter(transaction, codec::broker_set(config));
    return true;
  });
}

// --- limits ---------------------------------------------------------------------------------------

std::vector<PortfolioLimits> SqliteStore::limits() const {
  static const std::string kSql = "SELECT " + kLimitColumns + " FROM portfolio_limits ORDER BY portfolio_id";
  const auto connection = read();
  Query row = connection->query(kSql.c_str());
  std::vector<PortfolioLimits> limits;
  while (row.next()) limits.push_back(read_limits(row));
  return limits;
}

PortfolioLimits SqliteStore::limits_of(PortfolioId portfolio_id) const {
  static const std::string kSql =
      "SELECT " + kLimitColumns +
      " FROM portfolio_limits WHERE portfolio_id IN (?, 0) ORDER BY portfolio_id = 0 LIMIT 1";
  const auto connection = read();
  Query row = connection->query(kSql.c_str());
  row.bind(portfolio_id);
  return row.next() ? read_limits(row) : PortfolioLimits{};
}

void SqliteStore::put_limits(const PortfolioLimits& limits) {
  static const std::string kSql =
      "INSERT OR REPLACE INTO portfolio_limits (" + kLimitColumns + ") VALUES (" + placeholders(11) + ")";
  change_reference([&](WriteTransaction& transaction) {
    Query put = transaction.query(kSql.c_str());
    limit_fields(limits, [&put](const auto&... fields) { put.bind(fields...); });
    put.run();
    enter(transaction, codec::limits_set(limits));
    return true;
  });
}

PortfolioUsage SqliteStore::usage_of(PortfolioId portfolio_id) const {
  return read_usage(*read(), portfolio_id).value_or(PortfolioUsage{.portfolio_id = portfolio_id});
}

// --- routing rules --------------------------------------------------------------------------------

std::vector<RoutingRule> SqliteStore::routing_rules() const {
  const auto connection = read();
  const Snapshot snapshot(*connection);
  Query row = connection->query(
      "SELECT id, priority, instrument_id, exchange, portfolio_id FROM routing_rules ORDER BY priority, id");
  std::vector<RoutingRule> rules;
  while (row.next()) {
    RoutingRule& rule = rules.emplace_back();
    row.read(rule.id, rule.priority, rule.instrument_id, rule.exchange, rule.portfolio_id);
    rule.targets = read_targets(*connection, rule.id);
  }
  return rules;
}

std::int64_t SqliteStore::add_routing_rule(const RoutingRule& rule) {
  std::int64_t id = 0;
  change_reference([&](WriteTransaction& transaction) {
    id = ++transaction.sequences().routing_rule;
    transaction
        .query(
            "INSERT INTO routing_rules (id, priority, instrument_id, exchange, portfolio_id) VALUES (?, ?, "
            "?, ?, ?)")
        .bind(id, rule.priority, rule.instrument_id, rule.exchange, rule.portfolio_id)
        .run();
    std::int64_t position = 0;
    for (const RoutingRule::Target& target : rule.targets) {
      transaction.query("INSERT INTO routing_targets (rule_id, position, broker, weight) VALUES (?, ?, ?, ?)")
          .bind(id, position++, target.broker, target.weight)
          .run();
    }
    enter(transaction, codec::rule_added(id, rule));
    return true;
  });
  return id;
}

bool SqliteStore::remove_routing_rule(std::int64_t id) {
  bool removed = false;
  change_reference([&](WriteTransaction& transaction) {
    transaction.query("DELETE FROM routing_rules WHERE id = ?").bind(id).run();
    removed = transaction.connection().changes() > 0;
    if (removed) enter(transaction, codec::rule_removed(id));
    return removed;
  });
  return removed;
}

// --- stop switches --------------------------------------------------------------------------------

std::vector<Halt> SqliteStore::halts() const { return read_halts(*read()); }

void SqliteStore::put_halt(const Halt& halt) {
  change_reference([&](WriteTransaction& transaction) {
    put_halt_row(transaction.connection(), halt);
    transaction.halts_changed();
    enter(transaction, codec::halted(halt));
    return true;
  });
}

bool SqliteStore::remove_halt(ControlScope scope, const std::string& target, const std::string& by) {
  bool removed = false;
  change_reference([&](WriteTransaction& transaction) {
    transaction.query("DELETE FROM halts WHERE scope = ? AND target = ?").bind(scope, target).run();
    removed = transaction.connection().changes() > 0;
    transaction.halts_changed();
    if (removed) enter(transaction, codec::resumed(scope, target, by));
    return removed;
  });
  return removed;
}

// --- holidays -------------------------------------------------------------------------------------

std::vector<Date> SqliteStore::holidays(const std::string& calendar) const {
  const auto connection = read();
  Query row = connection->query("SELECT day FROM holidays WHERE calendar = ? ORDER BY day");
  row.bind(calendar);
  std::vector<Date> days;
  while (row.next()) row.read(days.emplace_back());
  return days;
}

void SqliteStore::put_holidays(const std::string& calendar, std::span<const Date> days) {
  change_reference([&](WriteTransaction& transaction) {
    Query put = transaction.query("INSERT OR IGNORE INTO holidays (calendar, day) VALUES (?, ?)");
    for (const Date day : days) put.restart().bind(calendar, day).run();
    enter(transaction, codec::holidays_added(calendar, days));
    return true;
  });
}

}  // namespace orchestrator::sqlite
