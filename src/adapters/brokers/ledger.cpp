// Which ledger a name stands for in this build.

#include "adapters/brokers/ledger.hpp"

#include "orchestrator/error.hpp"

namespace orchestrator::brokers {

std::unique_ptr<Ledger> open_ledger(const std::string& name, const std::string& broker,
                                    Timestamp created_at) {
  if (name == "memory:") return make_memory_ledger(created_at);
  if (name.empty() || name.front() == ':') {
    throw Error(ErrorCode::kConfiguration,
                broker + ": ledger \"" + name + "\" is not a file name; give a path, or \"memory:\"");
  }
#ifdef ORCHESTRATOR_HAS_SQLITE
  return open_sqlite_ledger(name, broker, created_at);
#else
  throw Error(ErrorCode::kUnsupported, broker + ": this build has no SQLite and cannot keep the ledger \"" +
                                           name +
                                           "\"; use \"memory:\", or build with ORCHESTRATOR_SQLITE=ON");
#endif
}

}  // namespace orchestrator::brokers
