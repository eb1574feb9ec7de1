// The figures of state as Prometheus' families. Made anew for each scrape, so that a broker or a status that
// is gone leaves no figure behind.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "examples/http_server/state_reader.hpp"

namespace orchestrator::http {

// Nothing of the orders and the outbox while the store is down: nobody knows them then.
void append_state_families(const StateReader::Latest& latest,
                           std::vector<prometheus::MetricFamily>& families);

}  // namespace orchestrator::http
