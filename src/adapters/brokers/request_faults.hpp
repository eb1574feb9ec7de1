// What goes wrong with a mock's requests: counts them and asks the fault script.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/brokers/fault_script.hpp"
#include "orchestrator/broker_connector.hpp"
#include "orchestrator/clock.hpp"

namespace orchestrator::brokers {

// Called from any thread. The counters, and a broker that is down for some time, live here: they begin anew
// with the connector.
class RequestFaults {
 public:
  // `utc_offset` is the broker's, for the end of its day.
  RequestFaults(const FaultScript& script, Clock& clock, std::chrono::minutes utc_offset)
      : script_(script), clock_(clock), utc_offset_(utc_offset) {}

  // Counts one request; what goes wrong with it.
  [[nodiscard]] std::optional<Fault> next(Moment moment, std::string_view symbol = {});

  // The answer to a request that the broker does not carry out because of the fault; nullopt: it does.
  [[nodiscard]] static std::optional<SendResult> refusal(const Fault& fault);
  // What becomes of the answer to a request that was carried out; sleeps as long as the request hangs.
  void spoil(const Fault& fault, SendResult& result);
  // Why there is no answer to a question; sleeps as long as it hangs. nullopt: there is one.
  [[nodiscard]] std::optional<std::string> silence(const Fault& fault);

 private:
  [[nodiscard]] std::optional<Fault> draw(Moment moment, std::string_view symbol);

  const FaultScript& script_;
  Clock& clock_;
  const std::chrono::minutes utc_offset_;
  std::mutex mutex_;
  std::array<std::int64_t, kMomentCount> requests_{};
  std::optional<Timestamp> down_until_;
};

}  // namespace orchestrator::brokers
