// TLS for a connection to Redis. Only tls.cpp knows OpenSSL; it is empty in builds without hiredis_ssl.
#pragma once

#include <functional>

#include "adapters/redis/url.hpp"

struct redisContext;

namespace orchestrator::redis {

// Encrypts from here on all that goes over the connection, once the server has proved to be place.host by a
// certificate of an authority that the system trusts (or those in SSL_CERT_FILE or SSL_CERT_DIR). `wait`
// returns when the socket has any of these poll() events, and throws when it took too long. Throws Failure.
void start_tls(redisContext& context, const Place& place, const std::function<void(short events)>& wait);

}  // namespace orchestrator::redis
