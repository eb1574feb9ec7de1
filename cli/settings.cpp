// The table of settings and the order in which their sources are asked.
#include "cli/settings.hpp"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "cli/input.hpp"

namespace orchestrator::cli {
namespace {

constexpr std::int64_t kMsMax = 24LL * 60 * 60 * 1000;

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::kConfiguration, why); }

bool parse_switch(std::string_view text) {
  if (text == "1" || text == "true" || text == "yes" || text == "on") return true;
  if (text == "0" || text == "false" || text == "no" || text == "off") return false;
  refuse("must be 1, true, yes, on, or 0, false, no, off");
}

std::int64_t parse_count(std::string_view text, std::int64_t low, std::int64_t high) {
  const auto number = parse_integer(text);
  if (!number || *number < low || *number > high) {
    refuse("must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return *number;
}

template <class Value>
Value parse_exact(std::string_view text) {
  const auto parsed = Value::parse(text);
  if (!parsed.ok()) refuse(std::string(describe(parsed.error, Value::kDecimals)));
  if (!parsed.value.is_positive()) refuse("must be above zero");
  return parsed.value;
}

DuplicatePolicy parse_duplicates(std::string_view text) {
  if (text == "allow") return DuplicatePolicy::kAllow;
  if (text == "warn") return DuplicatePolicy::kWarn;
  if (text == "refuse") return DuplicatePolicy::kRefuse;
  refuse("must be allow, warn or refuse");
}

constexpr std::array kSettings{
    Setting{
        "--database-url", "DATABASE_URL", "URL",
        "sqlite:///relative.db, sqlite:////absolute/path.db, postgresql://user@host:port/database or memory: "
        "[sqlite:///orchestrator.db]",
        [](Settings& to, std::string_view text) { to.database_url = text; }},
    Setting{"--auto-migrate", "ORCHESTRATOR_AUTO_MIGRATE", "",
            "bring an older database up to date when it is opened [on]",
            [](Settings& to, std::string_view text) { to.auto_migrate = parse_switch(text); }},
    Setting{"--busy-timeout-ms", "ORCHESTRATOR_BUSY_TIMEOUT_MS", "MS",
            "longest wait for another process that writes [5000]",
            [](Settings& to, std::string_view text) {
              to.busy_timeout = std::chrono::milliseconds(parse_count(text, 0, kMsMax));
            }},
    Setting{"--redis-url", "REDIS_URL", "URL",
            "redis://host:port/database (user:password@ in the variable alone), to share idempotency keys "
            "between processes [none]",
            [](Settings& to, std::string_view text) { to.redis_url = text; }},
    Setting{"--mock-ledger", "ORCHESTRATOR_MOCK_LEDGER", "FILE",
            "what the mock brokers remember, or memory: [<database>.brokers]",
            [](Settings& to, std::string_view text) { to.mock_ledger = text; }},
    Setting{"--events-file", "ORCHESTRATOR_EVENTS_FILE", "FILE",
            "append events to this JSON-lines file [they stay in the outbox]",
            [](Settings& to, std::string_view text) { to.events_file = text; }},
    Setting{"--kafka-bootstrap-servers", "KAFKA_BOOTSTRAP_SERVERS", "HOST:PORT,...",
            "publish events to Kafka through these brokers [they stay in the outbox]",
            [](Settings& to, std::string_view text) { to.kafka.bootstrap_servers = text; }},
    Setting{"--kafka-topic", "KAFKA_TOPIC", "NAME", "the events' topic [orders.events]",
            [](Settings& to, std::string_view text) { to.kafka.topic = text; }},
    Setting{"--kafka-security-protocol", "KAFKA_SECURITY_PROTOCOL", "WORD",
            "plaintext, ssl, sasl_plaintext or sasl_ssl [plaintext]",
            [](Settings& to, std::string_view text) { to.kafka.properties["security.protocol"] = text; }},
    Setting{"--kafka-sasl-mechanism", "KAFKA_SASL_MECHANISM", "WORD",
            "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, ... [GSSAPI]",
            [](Settings& to, std::string_view text) { to.kafka.properties["sasl.mechanism"] = text; }},
    Setting{"--kafka-sasl-username", "KAFKA_SASL_USERNAME", "NAME",
            "the password is read from KAFKA_SASL_PASSWORD alone",
            [](Settings& to, std::string_view text) { to.kafka.properties["sasl.username"] = text; }},
    Setting{"", "KAFKA_SASL_PASSWORD", "PASSWORD", "",
            [](Settings& to, std::string_view text) { to.kafka.properties["sasl.password"] = text; }},
    Setting{"--kafka-ssl-ca-location", "KAFKA_SSL_CA_LOCATION", "FILE",
            "certificates to trust [the system's]",
            [](Settings& to, std::string_view text) { to.kafka.properties["ssl.ca.location"] = text; }},
    Setting{
        "--kafka-ssl-certificate-location", "KAFKA_SSL_CERTIFICATE_LOCATION", "FILE",
        "our certificate [none]",
        [](Settings& to, std::string_view text) { to.kafka.properties["ssl.certificate.location"] = text; }},
    Setting{"--kafka-ssl-key-location", "KAFKA_SSL_KEY_LOCATION", "FILE",
            "its key; the key's password is read from KAFKA_SSL_KEY_PASSWORD alone",
            [](Settings& to, std::string_view text) { to.kafka.properties["ssl.key.location"] = text; }},
    Setting{"", "KAFKA_SSL_KEY_PASSWORD", "PASSWORD", "",
            [](Settings& to, std::string_view text) { to.kafka.properties["ssl.key.password"] = text; }},
    Setting{"--event-source", "ORCHESTRATOR_EVENT_SOURCE", "TEXT",
            "the events' CloudEvents source [/orchestrator]",
            [](Settings& to, std::string_view text) { to.engine.event_source = text; }},
    Setting{"--tenant", "ORCHESTRATOR_TENANT", "NAME",
            "place for, and show only, this tenant [place for `default`, show all]",
            [](Settings& to, std::string_view text) { to.tenant = text; }},
    Setting{"--operator", "ORCHESTRATOR_OPERATOR", "NAME",
            "who the audit trail names for what this command changes [the login name]",
            [](Settings& to, std::string_view text) { to.engine.operator_name = text; }},
    Setting{"--deployment", "ORCHESTRATOR_DEPLOYMENT", "CC",
            "two characters that begin every client order id [oo]",
            [](Settings& to, std::string_view text) { to.engine.deployment = text; }},
    Setting{"--strict", "ORCHESTRATOR_STRICT", "",
            "refuse orders for instruments that were not imported [off]",
            [](Settings& to, std::string_view text) { to.engine.validation.strict = parse_switch(text); }},
    Setting{"--price-collar", "ORCHESTRATOR_PRICE_COLLAR", "RATE",
            "largest distance of a limit price from the last price, 0.2 = 20 % [none]",
            [](Settings& to, std::string_view text) {
              to.engine.validation.price_collar = parse_exact<Rate>(text);
            }},
    Setting{"--max-quantity", "ORCHESTRATOR_MAX_QUANTITY", "QTY", "largest quantity of an order [none]",
            [](Settings& to, std::string_view text) {
              to.engine.validation.max_quantity = parse_exact<Quantity>(text);
            }},
    Setting{"--max-orders", "ORCHESTRATOR_MAX_ORDERS", "N", "most orders in one batch [10000]",
            [](Settings& to, std::string_view text) {
              to.limits.orders_max = static_cast<std::size_t>(parse_count(text, 1, 32'768));
              to.engine.validation.orders_max = to.limits.orders_max;
            }},
    Setting{"--max-bytes", "ORCHESTRATOR_MAX_BYTES", "N", "largest input file, in bytes [16777216]",
            [](Settings& to, std::string_view text) {
              to.limits.bytes_max = static_cast<std::size_t>(parse_count(text, 1, 1'073'741'824));
            }},
    Setting{"--max-depth", "ORCHESTRATOR_MAX_DEPTH", "N", "deepest nesting of a JSON body [16]",
            [](Settings& to, std::string_view text) {
              to.limits.depth_max = static_cast<std::size_t>(parse_count(text, 3, 256));
            }},
    Setting{"--duplicates", "ORCHESTRATOR_DUPLICATES", "WORD",
            "equal orders within the window: allow, warn or refuse [warn]",
            [](Settings& to, std::string_view text) {
              to.engine.validation.duplicates = parse_duplicates(text);
            }},
    Setting{"--duplicate-window-s", "ORCHESTRATOR_DUPLICATE_WINDOW_S", "S",
            "how far back equal orders are looked for; 0: in the batch only [0]",
            [](Settings& to, std::string_view text) {
              to.engine.validation.duplicate_window = std::chrono::seconds(parse_count(text, 0, 604'800));
            }},
    Setting{"--lease-ms", "ORCHESTRATOR_LEASE_MS", "MS",
            "how long a sender may take before others look its orders up [30000]",
            [](Settings& to, std::string_view text) {
              to.engine.lease = std::chrono::milliseconds(parse_count(text, 1, kMsMax));
            }},
    Setting{"--idempotency-ttl-s", "ORCHESTRATOR_IDEMPOTENCY_TTL_S", "S",
            "how long a key's response can be replayed [86400]",
            [](Settings& to, std::string_view text) {
              to.engine.idempotency_ttl = std::chrono::seconds(parse_count(text, 1, 31'622'400));
            }},
    Setting{"--settlement-days", "ORCHESTRATOR_SETTLEMENT_DAYS", "N",
            "T+n trading days, for brokers that do not say [1]",
            [](Settings& to, std::string_view text) {
              to.engine.settlement_days = static_cast<std::int32_t>(parse_count(text, 0, 30));
            }},
};

std::string login_name() {
  const passwd* user = ::getpwuid(::geteuid());
  return user == nullptr ? "uid " + std::to_string(::geteuid()) : std::string(user->pw_name);
}

}  // namespace

std::span<const Setting> all_settings() { return kSettings; }

std::optional<SettingText> find_setting(std::string_view option, std::string_view variable,
                                        const OptionTexts& options, const EnvironmentFile& file) {
  const std::string name(variable);
  const char* environment = std::getenv(name.c_str());
  if (const auto given = options.find(option); given != options.end()) {
    return SettingText{given->second, std::string(option)};
  }
  if (environment != nullptr && *environment != '\0') {
    return SettingText{environment, "environment variable " + name};
  }
  if (const auto line = file.find(variable); line != file.end() && !line->second.value.empty()) {
    return SettingText{line->second.value, ".env line " + std::to_string(line->second.line) + ", " + name};
  }
  return std::nullopt;
}

Settings resolve_settings(const OptionTexts& options, const EnvironmentFile& file) {
  Settings settings;
  settings.engine.operator_name = login_name();
  for (const auto& setting : kSettings) {
    const auto given = find_setting(setting.option, setting.variable, options, file);
    if (!given) continue;
    try {
      setting.set(settings, given->text);
    } catch (const Error& error) {
      refuse(given->where + ": " + error.what());
    }
  }
  return settings;
}

OpenOptions open_options(const Settings& settings) {
  OpenOptions options;
  options.database_url = settings.database_url;
  options.migrate = settings.auto_migrate;
  options.redis_url = settings.redis_url;
  options.mock_ledger = settings.mock_ledger;
  options.events_file = settings.events_file;
  options.kafka = settings.kafka;
  options.busy_timeout = settings.busy_timeout;
  options.engine = settings.engine;
  return options;
}

}  // namespace orchestrator::cli
