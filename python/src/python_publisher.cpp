// A publisher written in Python. Returning from publish() is the delivery report.
#include <mutex>
#include <utility>

#include "python/src/extend.hpp"
#include "python/src/records.hpp"

namespace orchestrator::python {
namespace {

class PythonPublisher final : public EventPublisher, public PythonObject {
 public:
  explicit PythonPublisher(py::object publisher) : PythonObject(std::move(publisher), "publisher") {
    require_method("publish");
  }

  // What it raises keeps all of them in the outbox: which of them had left is not known.
  std::size_t send(std::span<const Event> events) override {
    std::size_t taken = 0;
    const auto failure = attempt("publish", [&] {
      const py::object answer = object().attr("publish")(list_of(events));
      taken = answer.is_none() ? events.size() : to_count(answer, "publish()");
      if (taken > events.size()) {
        const auto given = std::to_string(taken);
        taken = 0;
        refuse_argument("publish()",
                        "gave " + given + ", and was given " + std::to_string(events.size()) + " events");
      }
    });
    for (const Event& event : events.first(taken)) {
      delivered_.push_back({event.log_id, event.order_id, event.seq});
    }
    const std::scoped_lock lock(mutex_);
    failure_ = failure ? failure->words : std::string();
    return taken;
  }

  std::vector<DeliveryReport> collect(std::chrono::milliseconds) override {
    return std::exchange(delivered_, {});
  }

  [[nodiscard]] Dependency dependency() const override {
    const std::scoped_lock lock(mutex_);
    return {.name = "python",
            .state = failure_.empty() ? DependencyState::kOk : DependencyState::kDown,
            .detail = failure_};
  }

 private:
  static py::list list_of(std::span<const Event> events) {
    py::list list;
    for (const Event& event : events) list.append(py::cast(event));
    return list;
  }

  std::vector<DeliveryReport> delivered_;
  mutable std::mutex mutex_;
  std::string failure_;
};

}  // namespace

std::unique_ptr<EventPublisher> to_publisher(py::handle value, const char*) {
  return std::make_unique<PythonPublisher>(py::reinterpret_borrow<py::object>(value));
}

}  // namespace orchestrator::python
