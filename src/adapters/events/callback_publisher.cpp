// Events to a function of the embedding program. Returning is the delivery report; throwing stops the
// page there, so that a later event never overtakes the one that was refused.
#include <utility>

#include "orchestrator/event_publisher.hpp"
#include "orchestrator/version.hpp"

namespace orchestrator {
namespace {

class CallbackEventPublisher final : public EventPublisher {
 public:
  explicit CallbackEventPublisher(std::function<void(const Event&)> sink) : sink_(std::move(sink)) {}

  std::size_t send(std::span<const Event> events) override {
    std::size_t taken = 0;
    try {
      for (const Event& event : events) {
        sink_(event);
        delivered_.push_back({event.log_id, event.order_id, event.seq});
        ++taken;
      }
    } catch (const std::exception&) {  // comes again with the next publish
    }
    return taken;
  }

  std::vector<DeliveryReport> collect(std::chrono::milliseconds) override {
    return std::exchange(delivered_, {});
  }

  [[nodiscard]] Dependency dependency() const override {
    return {.name = "callback", .version = std::string(kVersion)};
  }

 private:
  std::function<void(const Event&)> sink_;
  std::vector<DeliveryReport> delivered_;
};

}  // namespace

std::unique_ptr<EventPublisher> make_callback_publisher(std::function<void(const Event&)> sink) {
  return std::make_unique<CallbackEventPublisher>(std::move(sink));
}

}  // namespace orchestrator
