// The one file that knows librdkafka. Callbacks run inside poll(), on its thread; nothing is logged. A text
// of librdkafka's passes without_secrets() before it gets out.
#include "adapters/kafka/producer.hpp"

#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <mutex>
#include <utility>

#include "orchestrator/error.hpp"

namespace orchestrator::kafka {
namespace {

using Verdict = Report::Verdict;

constexpr std::size_t kTopicSizeMax = 249;  // Kafka's
constexpr const char* kNobodyAnswers = "no broker answers; check the address and the security protocol";
constexpr std::array<std::string_view, 4> kProtocols{"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
constexpr std::string_view kContentTypeName = "content-type";
constexpr std::string_view kContentType = "application/cloudevents+json; charset=UTF-8";

// What the promise rests on: not to be set by a user.
constexpr std::array<std::string_view, 17> kOwnProperties{"bootstrap.servers",
                                                          "metadata.broker.list",
                                                          "enable.idempotence",
                                                          "acks",
                                                          "request.required.acks",
                                                          "message.timeout.ms",
                                                          "delivery.timeout.ms",
                                                          "retries",
                                                          "message.send.max.retries",
                                                          "batch.num.messages",
                                                          "transactional.id",
                                                          "max.in.flight.requests.per.connection",
                                                          "max.in.flight",
                                                          "enable.gapless.guarantee",
                                                          "delivery.report.only.error",
                                                          "partitioner",
                                                          "enabled_events"};

// Ours where the user says nothing.
const std::map<std::string, std::string>& defaults() {
  static const std::map<std::string, std::string> properties{
      {"client.id", "orchestrator"},
      {"linger.ms", "2"},
      {"partitioner", "murmur2_random"},  // as Java's producer does it: readers may join by key
      {"queue.buffering.max.kbytes", "65536"},
      {"reconnect.backoff.max.ms", "1000"},
      {"socket.keepalive.enable", "true"},
      // With messages that wait for ever a missing topic shows only by this.
      {"topic.metadata.propagation.max.ms", "1000"},
  };
  return properties;
}

bool is_secret(std::string_view name) {
  return name.find("password") != std::string_view::npos || name.find("secret") != std::string_view::npos ||
         name.find(".pem") != std::string_view::npos || name == "sasl.jaas.config" ||
         name == "sasl.oauthbearer.config";
}

std::string without_secrets(std::string text, const std::map<std::string, std::string>& properties) {
  for (const auto& [name, value] : properties) {
    if (!is_secret(name) || value.empty()) continue;
    for (auto at = text.find(value); at != std::string::npos; at = text.find(value, at + 3)) {
      text.replace(at, value.size(), "***");
    }
  }
  return text;
}

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::kConfiguration, "Kafka: " + why); }

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// host, host:port or [IPv6 address]:port
bool reads_as_server(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const auto closing = bracketed ? text.find(']') : 0;
  if (closing == std::string_view::npos) return false;
  const std::string_view host = text.substr(0, text.find(':', closing));
  const bool lawful = std::ranges::all_of(host, [bracketed](char c) {
    return is_letter_or_digit(c) || std::string_view("._-").find(c) != std::string_view::npos ||
           (bracketed && std::string_view("[]:%").find(c) != std::string_view::npos);
  });
  if (host.empty() || !lawful || host.size() == text.size()) return !host.empty() && lawful;
  int port = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + host.size() + 1, end, port);
  return read.ec == std::errc() && read.ptr == end && port > 0 && port < 65536;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// librdkafka would leave out, and say nothing, a server whose scheme is not its protocol.
std::string_view without_scheme(std::string_view server, const std::string& protocol) {
  const auto end = server.find("://");
  if (end == std::string_view::npos) return server;
  std::string scheme(server.substr(0, end));
  for (char& c : scheme) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (scheme == protocol) return server.substr(end + 3);
  if (std::ranges::find(kProtocols, scheme) == kProtocols.end()) return server;
  refuse("a broker's scheme is " + scheme + " and security.protocol is " + protocol +
         "; leave the scheme out, or make them the same");
}

}  // namespace

// librdkafka takes anything, and looks for a server of that name for ever.
std::string read_servers(std::string_view text, const std::string& protocol) {
  std::string servers;
  for (std::string_view rest = text;;) {
    const auto comma = rest.find(',');
    if (const std::string_view item = trimmed(rest.substr(0, comma)); !item.empty()) {
      const std::string_view server = without_scheme(item, protocol);
      if (!reads_as_server(server)) {
        servers.clear();
        break;
      }
      servers.append(servers.empty() ? "" : ",").append(server);
    }
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (!servers.empty()) return servers;
  refuse(
      "the brokers do not read as host:port,host:port; they have no scheme but that of security.protocol, "
      "and "
      "users and passwords are settings of their own");
}

namespace {

void check_topic(std::string_view topic) {
  const bool lawful = std::ranges::all_of(topic, [](char c) {
    return is_letter_or_digit(c) || std::string_view("._-").find(c) != std::string_view::npos;
  });
  if (topic.empty() || topic.size() > kTopicSizeMax || !lawful || topic == "." || topic == "..") {
    refuse("a topic's name has 1 to " + std::to_string(kTopicSizeMax) + " letters, digits, '.', '_' and '-'");
  }
}

// librdkafka names the property and not what to do about it.
std::string remedy_of(const std::string& reason) {
  if (reason.find("kerberos") != std::string::npos) {
    return "; sasl.mechanism is GSSAPI when it is not set: set PLAIN, SCRAM-SHA-256, ...";
  }
  if (!reason.starts_with("ssl.")) return "";
  const std::string_view name = std::string_view(reason).substr(0, reason.find_first_of(" :"));
  const bool is_pem_file =
      name == "ssl.ca.location" || name == "ssl.certificate.location" || name == "ssl.key.location";
  std::string remedy = is_pem_file ? "; it has to name a PEM file that can be read and fits the others" : "";
  if (name.starts_with("ssl.key.")) remedy += ", and its password has to be right";
  return remedy;
}

void set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, 512> reason{};
  switch (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size())) {
    case RD_KAFKA_CONF_OK:
      return;
    case RD_KAFKA_CONF_UNKNOWN:
      refuse("property '" + name + "' is not known to this build of librdkafka");
    default:  // the reason would repeat the value
      refuse("property '" + name + "' does not take the value it is given");
  }
}

Verdict verdict_of(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return Verdict::kDelivered;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return Verdict::kUnfit;
    default:
      return Verdict::kFailed;
  }
}

}  // namespace

struct Producer::Handle {
  explicit Handle(const KafkaOptions& options) : topic(options.topic), properties(options.properties) {}
  ~Handle() {
    // A child of a fork has none of the threads that would be waited for.
    if (producer == nullptr || ::getpid() != process) return;
    rd_kafka_purge(producer,
                   RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    rd_kafka_destroy(producer);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  static Handle& of(void* opaque) { return *static_cast<Handle*>(opaque); }

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    Handle& handle = of(opaque);
    const Verdict verdict = verdict_of(message->err);
    handle.reports.push_back({message->_private, verdict, rd_kafka_err2str(message->err)});
    handle.condition.down = false;
    if (verdict == Verdict::kDelivered) {
      handle.condition.problem.clear();
    } else if (verdict == Verdict::kFailed && message->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
               message->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {  // which follow a fatal error
      handle.condition.problem = handle.about_topic(message->err);
    }
  }

  static void on_error(rd_kafka_t*, int code, const char* reason, void* opaque) {
    Handle& handle = of(opaque);
    const auto error = static_cast<rd_kafka_resp_err_t>(code);
    if (error == RD_KAFKA_RESP_ERR__FATAL) {
      handle.become_fatal();
    } else if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
      handle.condition.down = true;
      if (handle.condition.problem.empty()) handle.condition.problem = kNobodyAnswers;
    } else {
      handle.condition.problem = without_secrets(reason, handle.properties);
    }
  }

  // From librdkafka's own threads. It tells failures here even when nobody polls.
  static void on_log(const rd_kafka_t* producer, int, const char* what, const char* text) {
    if (std::string_view(what) != "FAIL") return;
    Handle& handle = of(rd_kafka_opaque(producer));
    std::string failure = without_secrets(text, handle.properties);
    if (const auto thread = failure.find("]: "); thread != std::string::npos) failure.erase(0, thread + 3);
    const std::scoped_lock lock(handle.mutex);
    handle.failure = std::move(failure);
  }

  [[nodiscard]] std::string connection_failure() {
    const std::scoped_lock lock(mutex);
    return failure.empty() ? kNobodyAnswers : failure;
  }

  [[nodiscard]] std::string about_topic(rd_kafka_resp_err_t error) const {
    const bool forbidden = error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
                           error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    return "topic '" + topic + "': " + rd_kafka_err2str(error) +
           (forbidden ? "; give the user the right to write to it" : "");
  }

  void become_fatal() {
    std::array<char, 512> reason{};
    const auto error = rd_kafka_fatal_error(producer, reason.data(), reason.size());
    condition.fatal = true;
    // Who may write to no topic at all is refused before it names one.
    condition.problem = error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED
                            ? about_topic(error)
                            : without_secrets(reason.data(), properties);
  }

  const pid_t process = ::getpid();
  const std::string topic;
  const std::map<std::string, std::string> properties;
  rd_kafka_t* producer = nullptr;
  std::vector<Report> reports;
  Condition condition;
  std::mutex mutex;
  std::string failure;  // the last one of a connection; under the mutex
};

namespace {

using Conf = std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)>;

// With its defaults, and in its spelling.
std::string value_of(const rd_kafka_conf_t* conf, const char* name) {
  std::size_t size = 0;
  if (rd_kafka_conf_get(conf, name, nullptr, &size) != RD_KAFKA_CONF_OK || size == 0) return "";
  std::string value(size, '\0');
  rd_kafka_conf_get(conf, name, value.data(), &size);
  value.pop_back();
  return value;
}

void set_own(rd_kafka_conf_t* conf, const std::string& servers, bool alone) {
  set(conf, "bootstrap.servers", servers);
  set(conf, "enable.idempotence", "true");
  set(conf, "acks", "all");
  set(conf, "message.timeout.ms", "0");
  if (alone) set(conf, "batch.num.messages", "1");
}

Conf make_conf(const KafkaOptions& options, bool alone) {
  check_topic(options.topic);
  Conf conf(rd_kafka_conf_new(), &rd_kafka_conf_destroy);
  for (const auto& [name, value] : defaults()) set(conf.get(), name, value);
  for (const auto& [name, value] : options.properties) {
    if (std::ranges::find(kOwnProperties, name) != kOwnProperties.end()) {
      refuse("property '" + name + "' is the publisher's own; leave it out");
    }
    set(conf.get(), name, value);
  }
  set_own(conf.get(), read_servers(options.bootstrap_servers, value_of(conf.get(), "security.protocol")),
          alone);
  return conf;
}

}  // namespace

std::string library_version() { return rd_kafka_version_str(); }

Producer::Producer(const KafkaOptions& options, bool alone) : handle_(std::make_unique<Handle>(options)) {
  Conf conf = make_conf(options, alone);
  rd_kafka_conf_set_opaque(conf.get(), handle_.get());
  rd_kafka_conf_set_dr_msg_cb(conf.get(), &Handle::on_delivery);
  rd_kafka_conf_set_error_cb(conf.get(), &Handle::on_error);
  rd_kafka_conf_set_log_cb(conf.get(), &Handle::on_log);
  std::array<char, 512> reason{};
  handle_->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), reason.data(), reason.size());
  if (handle_->producer == nullptr) {
    const std::string why = without_secrets(reason.data(), options.properties);
    refuse(why + remedy_of(why));
  }
  static_cast<void>(conf.release());  // the producer's now
}

Producer::~Producer() = default;

Producer::Taken Producer::produce(std::string_view key, std::string_view value, void* message) {
  std::array<rd_kafka_vu_t, 6> parts{};
  parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  parts[0].u.cstr = handle_->topic.c_str();
  parts[1].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[1].u.i = RD_KAFKA_MSG_F_COPY;
  parts[2].vtype = RD_KAFKA_VTYPE_KEY;
  parts[2].u.mem = {const_cast<char*>(key.data()), key.size()};
  parts[3].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[3].u.mem = {const_cast<char*>(value.data()), value.size()};
  // Made here and not by librdkafka, which up to 2.0 at least frees those of a message for an unknown topic
  // twice.
  rd_kafka_headers_t* headers = rd_kafka_headers_new(1);
  rd_kafka_header_add(headers, kContentTypeName.data(), static_cast<ssize_t>(kContentTypeName.size()),
                      kContentType.data(), static_cast<ssize_t>(kContentType.size()));
  parts[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  parts[4].u.headers = headers;
  parts[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[5].u.ptr = message;
  rd_kafka_error_t* failure = rd_kafka_produceva(handle_->producer, parts.data(), parts.size());
  if (failure == nullptr) return Taken::kYes;
  rd_kafka_headers_destroy(headers);  // still ours
  const rd_kafka_resp_err_t error = rd_kafka_error_code(failure);
  rd_kafka_error_destroy(failure);
  if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) return Taken::kQueueFull;
  if (error == RD_KAFKA_RESP_ERR__FATAL) handle_->become_fatal();
  if (verdict_of(error) == Verdict::kUnfit) return Taken::kUnfit;
  if (!handle_->condition.fatal) {
    handle_->condition.problem = handle_->about_topic(error);
  }
  return Taken::kFailed;
}

std::vector<Report> Producer::poll(std::chrono::milliseconds timeout) {
  rd_kafka_poll(handle_->producer, static_cast<int>(timeout.count()));
  return std::exchange(handle_->reports, {});
}

std::string Producer::location() const {
  return value_of(rd_kafka_conf(handle_->producer), "bootstrap.servers") + "/" + handle_->topic;
}

const Condition& Producer::condition() const { return handle_->condition; }

std::string Producer::ask_broker(std::chrono::milliseconds timeout) const {
  using Topic = std::unique_ptr<rd_kafka_topic_t, decltype(&rd_kafka_topic_destroy)>;
  const Topic topic(rd_kafka_topic_new(handle_->producer, handle_->topic.c_str(), nullptr),
                    &rd_kafka_topic_destroy);
  const rd_kafka_metadata_t* answer = nullptr;
  const auto error =
      rd_kafka_metadata(handle_->producer, 0, topic.get(), &answer, static_cast<int>(timeout.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return handle_->connection_failure();
  std::string problem;
  for (int i = 0; i < answer->topic_cnt; ++i) {
    if (answer->topics[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
      problem = handle_->about_topic(answer->topics[i].err);
  }
  rd_kafka_metadata_destroy(answer);
  return problem;
}

}  // namespace orchestrator::kafka
