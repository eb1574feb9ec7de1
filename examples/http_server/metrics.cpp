#include "examples/http_server/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <tuple>
#include <utility>

#include "examples/http_server/state_families.hpp"
#include "orchestrator/version.hpp"

namespace orchestrator::http {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using prometheus::Labels;

// From what memory takes to what nobody waits for; between two neighbours a p99 is known within a factor
// of 2.5.
const Histogram::BucketBoundaries kSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                              0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
const Histogram::BucketBoundaries kGroupSizes = {1, 2, 4, 8, 16, 32, 64, 128, 256};

double seconds(std::chrono::microseconds time) { return std::chrono::duration<double>(time).count(); }

std::string known_method(std::string_view method) {
  constexpr std::array<std::string_view, 7> kKnown = {"GET",    "POST", "PUT",    "PATCH",
                                                      "DELETE", "HEAD", "OPTIONS"};
  return std::ranges::find(kKnown, method) == kKnown.end() ? "other" : std::string(method);
}

// The metrics of one family by what their labels say: to find one again costs no label text.
template <class Metric, class Key>
class Labelled {
 public:
  template <class Make>
  Metric& at(const Key& key, Make&& make) {
    {
      const std::shared_lock lock(mutex_);
      const auto found = metrics_.find(key);
      if (found != metrics_.end()) return *found->second;
    }
    const std::lock_guard lock(mutex_);
    return *metrics_.try_emplace(key, &make()).first->second;
  }

 private:
  std::shared_mutex mutex_;
  std::map<Key, Metric*> metrics_;
};

}  // namespace

class Metrics::Registry {
 public:
  Registry() {
    for (const auto outcome :
         {PlacementOutcome::kAccepted, PlacementOutcome::kReplayed, PlacementOutcome::kConflict,
          PlacementOutcome::kExpired, PlacementOutcome::kInvalid, PlacementOutcome::kHalted,
          PlacementOutcome::kFailed}) {
      const Labels labels = {{"outcome", std::string(to_string(outcome))}};
      placements_[static_cast<std::size_t>(outcome)] = &placement_family_.Add(labels);
      accept_seconds_[static_cast<std::size_t>(outcome)] = &accept_family_.Add(labels, kSeconds);
    }
    prometheus::BuildGauge()
        .Name("orchestrator_build_info")
        .Help("1; the label is the library's version.")
        .Register(registry_)
        .Add({{"version", std::string(kVersion)}})
        .Set(1);
  }

  void placement_ended(const Placement& placement) {
    const auto outcome = static_cast<std::size_t>(placement.outcome);
    placements_[outcome]->Increment();
    accept_seconds_[outcome]->Observe(seconds(placement.latency));
    if (placement.outcome == PlacementOutcome::kAccepted) {
      placed_orders_.Increment(static_cast<double>(placement.orders));
    }
  }

  void broker_called(const BrokerCall& call) {
    const std::string broker(call.broker);
    const std::string operation(to_string(call.operation));
    calls_
        .at({broker, call.operation, call.answer},
            [&]() -> Counter& {
              return call_family_.Add({{"broker", broker},
                                       {"operation", operation},
                                       {"answer", std::string(to_string(call.answer))}});
            })
        .Increment();
    call_seconds_
        .at({broker, call.operation},
            [&]() -> Histogram& {
              return call_seconds_family_.Add({{"broker", broker}, {"operation", operation}}, kSeconds);
            })
        .Observe(seconds(call.latency));
  }

  void orders_entered(std::string_view broker, OrderStatus status, std::size_t orders) {
    const std::string name(broker);
    transitions_
        .at({name, status},
            [&]() -> Counter& {
              return transition_family_.Add({{"broker", name}, {"status", std::string(to_string(status))}});
            })
        .Increment(static_cast<double>(orders));
  }

  void events_published(std::size_t events) { published_.Increment(static_cast<double>(events)); }
  void units_committed(std::size_t units) { commit_units_.Observe(static_cast<double>(units)); }

  void answered(std::string_view method, std::string_view route, int status,
                std::chrono::microseconds latency) {
    const std::string known = known_method(method);
    const std::string pattern(route.empty() ? "other" : route);
    requests_
        .at({known, pattern, status},
            [&]() -> Counter& {
              return request_family_.Add(
                  {{"method", known}, {"route", pattern}, {"status", std::to_string(status)}});
            })
        .Increment();
    request_seconds_
        .at({known, pattern},
            [&]() -> Histogram& {
              return request_seconds_family_.Add({{"method", known}, {"route", pattern}}, kSeconds);
            })
        .Observe(seconds(latency));
  }

  [[nodiscard]] std::vector<prometheus::MetricFamily> collect() const { return registry_.Collect(); }

 private:
  static constexpr std::size_t kOutcomes = 7;

  Family<Counter>& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
  }
  Family<Histogram>& histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
  }

  prometheus::Registry registry_;
  Family<Counter>& placement_family_ =
      counters("orchestrator_placements_total",
               "Placements by what became of them, the idempotency key's results included.");
  Family<Histogram>& accept_family_ =
      histograms("orchestrator_accept_seconds", "Until a placement's answer was certain; accepted: durable.");
  Counter& placed_orders_ =
      counters("orchestrator_placed_orders_total", "Orders of the batches that were accepted.").Add({});
  Family<Counter>& call_family_ =
      counters("orchestrator_broker_calls_total", "Calls of brokers by their answer.");
  Family<Histogram>& call_seconds_family_ =
      histograms("orchestrator_broker_call_seconds", "Latency of calls of brokers.");
  Family<Counter>& transition_family_ = counters("orchestrator_order_transitions_total",
                                                 "Orders that came into a status through this process.");
  Counter& published_ =
      counters("orchestrator_events_published_total", "Events whose publication was confirmed.").Add({});
  Histogram& commit_units_ =
      histograms("orchestrator_commit_group_units", "Units of work that shared one commit.")
          .Add({}, kGroupSizes);
  Family<Counter>& request_family_ =
      counters("orchestrator_http_requests_total", "Requests that were answered.");
  Family<Histogram>& request_seconds_family_ =
      histograms("orchestrator_http_request_seconds", "From a request's last byte to its answer's.");

  std::array<Counter*, kOutcomes> placements_{};
  std::array<Histogram*, kOutcomes> accept_seconds_{};
  Labelled<Counter, std::tuple<std::string, BrokerOperation, BrokerAnswer>> calls_;
  Labelled<Histogram, std::pair<std::string, BrokerOperation>> call_seconds_;
  Labelled<Counter, std::pair<std::string, OrderStatus>> transitions_;
  Labelled<Counter, std::tuple<std::string, std::string, int>> requests_;
  Labelled<Histogram, std::pair<std::string, std::string>> request_seconds_;
};

namespace {

// A figure is not worth a failed order: what cannot be counted for want of memory is not.
template <class Count>
void count_if_possible(Count&& count) noexcept {
  try {
    count();
  } catch (...) {
  }
}

template <class Registry>
class RegistryObserver final : public Observer {
 public:
  explicit RegistryObserver(Registry& registry) : registry_(registry) {}
  void placement_ended(const Placement& placement) noexcept override {
    count_if_possible([&] { registry_.placement_ended(placement); });
  }
  void broker_called(const BrokerCall& call) noexcept override {
    count_if_possible([&] { registry_.broker_called(call); });
  }
  void orders_entered(std::string_view broker, OrderStatus status, std::size_t orders) noexcept override {
    count_if_possible([&] { registry_.orders_entered(broker, status, orders); });
  }
  void events_published(std::size_t events) noexcept override {
    count_if_possible([&] { registry_.events_published(events); });
  }
  void units_committed(std::size_t units) noexcept override {
    count_if_possible([&] { registry_.units_committed(units); });
  }

 private:
  Registry& registry_;
};

}  // namespace

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {}
Metrics::~Metrics() = default;

std::unique_ptr<Observer> Metrics::observer() {
  return std::make_unique<RegistryObserver<Registry>>(*registry_);
}

void Metrics::answered(std::string_view method, std::string_view route, int status,
                       std::chrono::microseconds latency) noexcept {
  count_if_possible([&] { registry_->answered(method, route, status, latency); });
}

std::string Metrics::text(const StateReader::Latest& state) const {
  auto families = registry_->collect();
  append_state_families(state, families);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace orchestrator::http
