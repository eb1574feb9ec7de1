// Instruments, brokers, limits, routing rules, stop switches, holidays.

#include "adapters/postgres/controls.hpp"
#include "adapters/postgres/postgres_store.hpp"
#include "codec/audit_json.hpp"

namespace orchestrator::postgres {
namespace {

constexpr std::string_view kInstrument =
    "id bigint, symbol text, exchange text, currency text, lot_size numeric, tick_size numeric, "
    "price_band_low numeric, price_band_high numeric, last_price numeric, freeze_quantity numeric, "
    "multiplier bigint";
constexpr std::string_view kLimits =
    "portfolio_id bigint, margin_available numeric, margin_rate numeric, max_quantity numeric, "
    "max_notional_order numeric, max_notional_batch numeric, max_notional_day numeric";

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

// Inserts rows, or makes those that are there like them.
std::string put_from_arrays(const char* table, const char* key, std::string_view declaration) {
  return insert_from_arrays(table, declaration) + " ON CONFLICT (" + key + ") DO UPDATE SET " +
         ColumnList(declaration).assignments("excluded");
}

std::vector<PortfolioLimits> read_limits(const Result& result) {
  std::vector<PortfolioLimits> limits;
  Cursor row(result);
  while (row.next()) limit_fields(limits.emplace_back(), reader(row));
  return limits;
}

}  // namespace

std::int64_t PostgresStore::reference_version() const {
  // Before every request to a broker.
  const Result result = read("SELECT version FROM reference_state", {}, Planned::kOnce);
  std::int64_t version = 0;
  Cursor row(result);
  if (row.next()) row.read(version);
  return version;
}

// --- instruments ----------------------------------------------------------------------------------

std::vector<Instrument> PostgresStore::instruments(std::span<const InstrumentId> ids) const {
  static const std::string kSelect = "SELECT " + names_of(kInstrument) + " FROM instruments";
  Parameters parameters;
  const Result result =
      ids.empty() ? read(kSelect + " ORDER BY id")
                  : read(kSelect + " WHERE id = ANY($1::bigint[]) ORDER BY array_position($1::bigint[], id)",
                         parameters.add_array(ids));
  std::vector<Instrument> found;
  Cursor row(result);
  while (row.next()) instrument_fields(found.emplace_back(), reader(row));
  return found;
}

void PostgresStore::put_instruments(std::span<const Instrument> instruments) {
  static const std::string kSql = put_from_arrays("instruments", "id", kInstrument);
  change_reference([&](Transaction& transaction) {
    // The last of those that share an id counts; one statement may not touch a row twice.
    std::map<InstrumentId, const Instrument*> last;
    for (const Instrument& instrument : instruments) last[instrument.id] = &instrument;
    RowArrays rows;
    for (const auto& [id, instrument] : last) {
      rows.begin_row();
      instrument_fields(*instrument, writer(rows));
    }
    Parameters parameters;
    rows.move_to(parameters, ColumnList(kInstrument).size());
    transaction.run(kSql, parameters);
    return codec::instruments_set(instruments);
  });
}

// --- brokers --------------------------------------------------------------------------------------

std::vector<BrokerConnectorConfig> PostgresStore::brokers() const {
  const Result result = read(
      "SELECT id, broker_name, config_json, active, created_at, updated_at FROM broker_connector_configs "
      "ORDER BY id");
  std::vector<BrokerConnectorConfig> brokers;
  Cursor row(result);
  while (row.next()) {
    BrokerConnectorConfig& config = brokers.emplace_back();
    row.read(config.id, config.broker_name, config.config_json, config.active, config.created_at,
             config.updated_at);
  }
  return brokers;
}

void PostgresStore::put_broker(const BrokerConnectorConfig& config) {
  change_reference([&](Transaction& transaction) {
    Parameters parameters;
    parameters.add(config.broker_name, config.config_json, config.active, config.created_at,
                   config.updated_at);
    transaction.run(
        "INSERT INTO broker_connector_configs (broker_name, config_json, active, created_at, updated_at) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (broker_name) DO UPDATE SET config_json = "
        "excluded.config_json, active = excluded.active, updated_at = excluded.updated_at",
        parameters);
    return codec::broker_set(config);
  });
}

// --- limits ---------------------------------------------------------------------------------------

std::vector<PortfolioLimits> PostgresStore::limits() const {
  static const std::string kSql =
      "SELECT " + names_of(kLimits) + " FROM portfolio_limits ORDER BY portfolio_id";
  return read_limits(read(kSql));
}

PortfolioLimits PostgresStore::limits_of(PortfolioId portfolio_id) const {
  static const std::string kSql =
      "SELECT " + names_of(kLimits) +
      " FROM portfolio_limits WHERE portfolio_id IN ($1, 0) ORDER BY portfolio_id = 0 LIMIT 1";
  Parameters parameters;
  const auto found = read_limits(read(kSql, parameters.add(portfolio_id)));
  return found.empty() ? PortfolioLimits{} : found.front();
}

void PostgresStore::put_limits(const PortfolioLimits& limits) {
  static const std::string kSql = put_from_arrays("portfolio_limits", "portfolio_id", kLimits);
  change_reference([&](Transaction& transaction) {
    RowArrays rows;
    limit_fields(limits, writer(rows));
    Parameters parameters;
    rows.move_to(parameters, ColumnList(kLimits).size());
    transaction.run(kSql, parameters);
    return codec::limits_set(limits);
  });
}

PortfolioUsage PostgresStore::usage_of(PortfolioId portfolio_id) const {
  static const std::string kSql =
      "SELECT " + names_of(kUsage) + ", " + day_shift("$2") + " FROM portfolio_usage WHERE portfolio_id = $1";
  Parameters parameters;
  const Result result = read(kSql, parameters.add(portfolio_id, wall()));
  PortfolioUsage usage{.portfolio_id = portfolio_id};
  Cursor row(result);
  if (!row.next()) return usage;
  usage_fields(usage, reader(row));
  std::int64_t shift = 0;
  row.read(shift);
  usage.day -= std::chrono::days(shift);
  return usage;
}

// --- routing rules --------------------------------------------------------------------------------

std::vector<RoutingRule> PostgresStore::routing_rules() const {
  const Result result = read(
      "SELECT id, priority, instrument_id, exchange, portfolio_id, broker, weight FROM routing_rules LEFT "
      "JOIN "
      "routing_targets ON rule_id = id ORDER BY priority, id, position");
  std::vector<RoutingRule> rules;
  Cursor row(result);
  while (row.next()) {
    RoutingRule rule;
    std::optional<std::string> broker;
    std::optional<std::int32_t> weight;
    row.read(rule.id, rule.priority, rule.instrument_id, rule.exchange, rule.portfolio_id, broker, weight);
    if (rules.empty() || rules.back().id != rule.id) rules.push_back(std::move(rule));
    if (broker) rules.back().targets.push_back({std::move(*broker), weight.value_or(1)});
  }
  return rules;
}

std::int64_t PostgresStore::add_routing_rule(const RoutingRule& rule) {
  std::int64_t id = 0;
  change_reference([&](Transaction& transaction) {
    Parameters parameters;
    parameters.add(rule.priority, rule.instrument_id, rule.exchange, rule.portfolio_id);
    const Result result = transaction.query(
        "INSERT INTO routing_rules (priority, instrument_id, exchange, portfolio_id) VALUES ($1, $2, $3, $4) "
        "RETURNING id",
        parameters);
    Cursor row(result);
    if (row.next()) row.read(id);
    std::int32_t position = 0;
    for (const RoutingRule::Target& target : rule.targets) {
      Parameters values;
      values.add(id, position++, target.broker, target.weight);
      transaction.run(
          "INSERT INTO routing_targets (rule_id, position, broker, weight) VALUES ($1, $2, $3, $4)", values);
    }
    return codec::rule_added(id, rule);
  });
  return id;
}

bool PostgresStore::remove_routing_rule(std::int64_t id) {
  bool removed = false;
  change_reference([&](Transaction& transaction) -> std::optional<AuditEntry> {
    Parameters parameters;
    removed = transaction.query("DELETE FROM routing_rules WHERE id = $1", parameters.add(id)).affected() > 0;
    if (!removed) return std::nullopt;
    return codec::rule_removed(id);
  });
  return removed;
}

// --- stop switches --------------------------------------------------------------------------------

std::vector<Halt> PostgresStore::halts() const { return read_halts(read(kSelectHalts)); }

void PostgresStore::put_halt(const Halt& halt) {
  static const std::string kSql = put_from_arrays("halts", "scope, target", kHalt);
  const auto put = [&](Transaction& transaction) {
    RowArrays rows;
    halt_fields(halt, writer(rows));
    Parameters parameters;
    rows.move_to(parameters, ColumnList(kHalt).size());
    transaction.run(kSql, parameters);
    return codec::halted(halt);
  };
  change_reference(put, ControlLock::kExclusive);
}

bool PostgresStore::remove_halt(ControlScope scope, const std::string& target, const std::string& by) {
  bool removed = false;
  const auto remove = [&](Transaction& transaction) -> std::optional<AuditEntry> {
    Parameters parameters;
    parameters.add(scope, target);
    removed =
        transaction.query("DELETE FROM halts WHERE scope = $1 AND target = $2", parameters).affected() > 0;
    if (!removed) return std::nullopt;
    return codec::resumed(scope, target, by);
  };
  change_reference(remove, ControlLock::kExclusive);
  return removed;
}

// --- holidays -------------------------------------------------------------------------------------

std::vector<Date> PostgresStore::holidays(const std::string& calendar) const {
  Parameters parameters;
  const Result result =
      read("SELECT day FROM holidays WHERE calendar = $1 ORDER BY day", parameters.add(calendar));
  std::vector<Date> days;
  Cursor row(result);
  while (row.next()) row.read(days.emplace_back());
  return days;
}

void PostgresStore::put_holidays(const std::string& calendar, std::span<const Date> days) {
  change_reference([&](Transaction& transaction) {
    Parameters parameters;
    parameters.add(calendar).add_array(days);
    transaction.run(
        "INSERT INTO holidays (calendar, day) SELECT $1, day FROM unnest($2::integer[]) AS day "
        "ON CONFLICT DO NOTHING",
        parameters);
    return codec::holidays_added(calendar, days);
  });
}

}  // namespace orchestrator::postgres
