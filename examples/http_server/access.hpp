// Who may ask. Without keys the server is one person's on one machine: every caller may do everything, and
// what a browser could be tricked into sending (a foreign Origin, a Host that is not this machine) is
// refused.
#pragma once

#include "examples/http_server/http.hpp"

namespace orchestrator::http {

class Access {
 public:
  // Who sent this; role kNone when it does not say. Throws Refusal: 401 for credentials that are wrong, 403
  // for a request that may come from a page of somebody else.
  [[nodiscard]] Caller authenticate(const Request& request) const;
};

}  // namespace orchestrator::http
