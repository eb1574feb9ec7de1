// hiredis_ssl carries the session that is made here. Its own way to make one does not compare the name in the
// certificate with the host's.

#include "adapters/redis/tls.hpp"

#ifdef ORCHESTRATOR_HAS_REDIS_TLS

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <memory>

#include "adapters/redis/connection.hpp"

namespace orchestrator::redis {
namespace {

template <auto kFree>
struct Free {
  template <class Object>
  void operator()(Object* object) const {
    kFree(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Free<SSL_free>>;

[[noreturn]] void fail(const Place& place, const std::string& why) {
  throw Failure("no TLS with Redis at " + place.shown() + ": " + why);
}

bool is_address(const std::string& host) {
  in6_addr address;
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// Refuses every server but one that proves to be place.host.
Session make_session(const Place& place) {
  const Context context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    fail(place, "OpenSSL cannot be set up");
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  Session session(SSL_new(context.get()));
  std::string host = place.host;
  const bool named =
      session &&
      (is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session.get()), host.c_str()) == 1
                        : SSL_set1_host(session.get(), host.c_str()) == 1 &&
                              // What SSL_set_tlsext_host_name() is short for, with a cast of C.
                              SSL_ctrl(session.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                       host.data()) == 1);
  if (!named) fail(place, "OpenSSL cannot be set up");
  return session;
}

}  // namespace

void start_tls(redisContext& context, const Place& place, const std::function<void(short events)>& wait) {
  Session owned = make_session(place);
  SSL* const session = owned.get();
  if (redisInitiateSSL(&context, session) != REDIS_OK) fail(place, "the server does not speak it");
  static_cast<void>(owned.release());  // the connection's now
  for (;;) {
    ERR_clear_error();
    const int done = SSL_do_handshake(session);
    if (done == 1) return;
    switch (SSL_get_error(session, done)) {
      case SSL_ERROR_WANT_READ:
        wait(POLLIN);
        break;
      case SSL_ERROR_WANT_WRITE:
        wait(POLLOUT);
        break;
      case SSL_ERROR_SYSCALL:
        throw Failure("the connection was lost");
      default:
        if (const long flaw = SSL_get_verify_result(session); flaw != X509_V_OK) {
          fail(place, std::string("its certificate does not count (") + X509_verify_cert_error_string(flaw) +
                          "); name the authority that signed it in SSL_CERT_FILE");
        }
        fail(place, "the server does not speak it");
    }
  }
}

}  // namespace orchestrator::redis

#endif
