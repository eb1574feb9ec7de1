// Faults of requests, as a connector would classify them.
//
// Invariant: what the broker may have carried out is in doubt, never refused and never "not sent".

#include "adapters/brokers/request_faults.hpp"

namespace orchestrator::brokers {

namespace {

constexpr std::chrono::microseconds kHang = std::chrono::seconds(30);

std::chrono::microseconds hang_of(const Fault& fault) { return fault.duration.value_or(kHang); }

// What the connector saw instead of an answer.
std::string words_of(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::kRefuseConnection:
      return "connection refused";
    case FaultKind::kThrottle:
      return "429 too many requests";
    case FaultKind::kDown:
      return "connection refused: the broker is down";
    case FaultKind::kReject:
      return "refused by the fault script";
    case FaultKind::kServerError:
      return std::to_string(fault.status) + " from the broker's server";
    case FaultKind::kGarbage:
      return "200 with an answer that does not parse";
    case FaultKind::kHang:
      return "no answer within " + std::to_string(hang_of(fault).count() / 1000) + " ms";
    default:
      return "the connection closed before the answer";
  }
}

}  // namespace

std::optional<Fault> RequestFaults::next(Moment moment, std::string_view symbol) {
  if (script_.empty()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return draw(moment, symbol);
}

std::optional<Fault> RequestFaults::draw(Moment moment, std::string_view symbol) {
  const std::int64_t nth = ++requests_.at(static_cast<std::size_t>(moment));
  const std::int64_t nth_of_any = ++requests_.at(static_cast<std::size_t>(Moment::kAny));
  const Timestamp now = clock_.now();
  if (down_until_ && now < *down_until_) return Fault{.kind = FaultKind::kDown};
  const Fault* fault = script_.of_request(moment, nth, nth_of_any, symbol);
  if (fault == nullptr) return std::nullopt;
  if (fault->kind == FaultKind::kDown) {
    if (fault->duration) down_until_ = now + *fault->duration;
    if (fault->rest_of_day) {
      const auto next_day = std::chrono::floor<std::chrono::days>(now + utc_offset_) + std::chrono::days(1);
      down_until_ = Timestamp(next_day) - utc_offset_;
    }
  }
  return *fault;
}

std::optional<SendResult> RequestFaults::refusal(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::kRefuseConnection:
    case FaultKind::kThrottle:
    case FaultKind::kDown:
      return SendResult{SendOutcome::kNotSent, {}, words_of(fault)};
    case FaultKind::kReject:
      return SendResult{SendOutcome::kRejected, {}, words_of(fault)};
    case FaultKind::kLoseRequest:
      return SendResult{SendOutcome::kInDoubt, {}, words_of(fault)};
    default:
      return std::nullopt;
  }
}

void RequestFaults::spoil(const Fault& fault, SendResult& result) {
  if (fault.kind == FaultKind::kHang) clock_.sleep_for(hang_of(fault));
  result = {SendOutcome::kInDoubt, {}, words_of(fault)};
}

std::optional<std::string> RequestFaults::silence(const Fault& fault) {
  if (fault.kind == FaultKind::kLag) return std::nullopt;
  if (fault.kind == FaultKind::kHang) clock_.sleep_for(hang_of(fault));
  return words_of(fault);
}

}  // namespace orchestrator::brokers
