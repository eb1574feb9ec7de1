// libpqxx's connection, and libpq's below it, which alone can send several statements with parameters at
// once. For connection.cpp alone: the generations of libpqxx differ in names.
#pragma once

#include <libpq-fe.h>

#include <pqxx/pqxx>
#include <string>

namespace orchestrator::postgres {

#if PQXX_VERSION_MAJOR < 7
class Link : public pqxx::connection_base {
 public:
  explicit Link(const std::string& connection_string) : connection_base(policy_), policy_(connection_string) {
    init();
  }
  ~Link() { close(); }
  [[nodiscard]] PGconn* raw() const { return policy_.raw; }

 private:
  struct Policy : pqxx::connect_direct {
    using pqxx::connect_direct::connect_direct;
    handle do_startconnect(handle before) override { return raw = connect_direct::do_startconnect(before); }
    handle raw = nullptr;
  };
  Policy policy_;
};
#elif PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR < 8
class Link : public pqxx::connection {
 public:
  using pqxx::connection::connection;
  [[nodiscard]] PGconn* raw() const { return nullptr; }
};
#else
inline PGconn* connect(const std::string& connection_string) {
  PGconn* const raw = PQconnectdb(connection_string.c_str());
  if (PQstatus(raw) == CONNECTION_OK) return raw;
  const std::string words = PQerrorMessage(raw);
  PQfinish(raw);
  throw pqxx::broken_connection(words);
}

class Link : public pqxx::connection {
 public:
  explicit Link(const std::string& connection_string) : Link(connect(connection_string)) {}
  [[nodiscard]] PGconn* raw() const { return raw_; }

 private:
  explicit Link(PGconn* raw) : pqxx::connection(pqxx::connection::seize_raw_connection(raw)), raw_(raw) {}
  PGconn* raw_;
};
#endif

}  // namespace orchestrator::postgres
