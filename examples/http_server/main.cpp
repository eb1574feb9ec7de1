// The order orchestrator over HTTP: opens the orchestrator and puts the parts of the server together.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>

#include "examples/http_server/driver.hpp"
#include "examples/http_server/forced_end.hpp"
#include "examples/http_server/routes.hpp"
#include "examples/http_server/server.hpp"
#include "examples/http_server/settings.hpp"
#include "orchestrator/open.hpp"

namespace orchestrator::http {
namespace {

constexpr std::chrono::seconds kPatienceAtTheEnd{5};

bool is_loopback(const std::string& address) { return address == "::1" || address.starts_with("127."); }

int serve(const Invocation& asked) {
  const auto& http = asked.http;
  if (http.keys_file.empty() && !is_loopback(http.bind)) {
    throw Error(
        ErrorCode::kConfiguration,
        "without a keys file (--keys-file) the server listens on loopback only: everybody who reaches it may "
        "do everything");
  }
  Log log(http.log_format, http.log_level);
  ForcedEnd forced_end(http.log_format);
  Metrics metrics;
  OpenOptions options = cli::open_options(asked.engine);
  options.observer = metrics.observer();
  // Before the database is opened, and migrated: a server that cannot start leaves it alone.
  Access access(http.keys_file.empty() ? std::vector<ApiKey>() : read_keys_file(http.keys_file),
                http.requests_per_second);
  TakenAddress address(http.bind, http.port);
  const auto oms = open(std::move(options));
  StateReader state(state_of(*oms));
  Feed feed(*oms, asked.engine.engine.event_source);
  Driver driver(*oms, feed, log, asked.engine.engine.poll_interval);
  ServerLimits limits;
  limits.connections_max = std::min(http.connections_max, connections_possible());
  if (limits.connections_max < http.connections_max) {
    log.warn("at most " + std::to_string(limits.connections_max) +
             " connections at once: this process may not open more files (ulimit -n)");
  }
  const auto stays_max = limits.connections_max - limits.connections_max / 4;
  Service service{*oms, access, metrics, state, log, feed, driver, Stays(stays_max)};
  service.limits = asked.engine.limits;
  service.event_source = asked.engine.engine.event_source;
  service.tenant = asked.engine.tenant.value_or("default");
  service.writers_max = http.threads - 8;
  service.store_users_max = http.threads - 4;
  Server server(service, limits, address);
  log.info("listening on " + http.bind + " port " + std::to_string(server.port()));
  server.run(http.threads);
  forced_end.begin(kPatienceAtTheEnd);
  server.join();
  feed.stop();  // it holds connections
  driver.stop();
  log.info("stopped");
  return 0;
}

int make_key(const Invocation& asked) {
  const auto& path = asked.http.keys_file;
  if (path.empty())
    throw Error(ErrorCode::kConfiguration, "--keys-file must name the file to add the key to");
  const std::string key = add_key(path, *asked.new_key);
  std::fprintf(stderr, "added to %s; the key is shown this once\n", path.c_str());
  std::puts(key.c_str());
  return 0;
}

int run(int argc, char** argv) {
  int status = 0;
  const auto asked = read_invocation(argc, argv, status);
  if (!asked) return status;
  if (asked->new_key) return make_key(*asked);
  if (!asked->print_routes) return serve(*asked);
  std::puts(routes_json().c_str());
  return 0;
}

}  // namespace
}  // namespace orchestrator::http

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a client that has gone is an error of its connection
  try {
    return orchestrator::http::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
