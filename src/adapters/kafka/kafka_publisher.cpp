// Events to a Kafka topic.
//
// Of each subject one event is on its way at a time; the next follows its delivery report. Whatever happens
// to a message in between (a batch refused whole, a producer that ended, a request that was answered after
// its time), no later event of the subject can be in the log before it. The subjects share the producer's
// batches, so this costs a round trip per event of one order, not per event.
//
// What comes with the numbers of a held event and other content comes from a store that lost the held one: a
// standby that lagged was promoted, or a backup restored. Then the held one and what follows it of that
// subject give way, and the report about the one that is on its way is told to nobody: it would confirm the
// other.
//
// Brokers refuse batches, not messages: an event in a batch that does not fit goes again through a producer
// whose batches hold one message, and only what is refused there is parked.
#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/kafka/producer.hpp"

namespace orchestrator {
namespace {

using kafka::Producer;
using kafka::Report;
using std::chrono::milliseconds;

// A parked event is tried again once in so many calls of send(): a minute, at the pace of background mode.
constexpr std::size_t kSendsBetweenTrials = 300;
constexpr milliseconds kPollSlice{10};
// Nobody is there: no reason to keep the caller waiting for long.
constexpr milliseconds kPatienceWhenDown{100};
constexpr milliseconds kHealthTimeout{2000};

// The undelivered events of one subject that were taken.
struct Chain {
  std::string key;
  std::map<std::int32_t, Event> events;  // by seq
  std::int32_t on_its_way = 0;           // the seq of that event; 0: none
  bool outdated = false;                 // that event gave way to another one, which holds its place
  bool alone = false;                    // the first event was in a batch that did not fit
  bool parked = false;                   // the first event does not fit alone
};

class KafkaEventPublisher final : public EventPublisher {
 public:
  explicit KafkaEventPublisher(const KafkaOptions& options)
      : options_(options), producer_(std::make_shared<Producer>(options, false)) {}

  std::size_t send(std::span<const Event> events) override {
    if (is_fatal()) make_producer_anew();
    try_again();
    std::size_t taken = 0;
    for (const Event& event : events) {
      if (!take(event)) break;
      ++taken;
    }
    produce_ready();
    tell();
    return taken;
  }

  std::vector<DeliveryReport> collect(milliseconds timeout) override {
    for (milliseconds left = timeout;; left -= kPollSlice) {
      hear(*producer_, left > kPollSlice || alone_ ? kPollSlice : std::max(left, milliseconds(0)));
      if (alone_) hear(*alone_, milliseconds(0));
      produce_ready();
      if (producer_->condition().down) left = std::min(left, kPatienceWhenDown);
      if (!reports_.empty() || on_their_way_ == 0 || left <= milliseconds(0) || is_fatal()) break;
    }
    if (alone_ && alone_on_their_way_ == 0) alone_.reset();
    tell();
    return std::exchange(reports_, {});
  }

  [[nodiscard]] Dependency dependency() const override {
    const Told told = [&] {
      const std::scoped_lock lock(mutex_);
      return told_;
    }();
    Dependency kafka{.name = "kafka",
                     .version = "librdkafka " + kafka::library_version(),
                     .location = told.producer->location()};
    kafka.detail = told.problem;
    if (told.problem.empty()) {
      const auto asked = std::chrono::steady_clock::now();
      kafka.detail = told.producer->ask_broker(kHealthTimeout);
      kafka.latency =
          std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - asked);
    }
    if (!kafka.detail.empty()) {
      kafka.state = DependencyState::kDown;
      kafka.latency.reset();
    } else if (!told.parked.empty()) {
      kafka.state = DependencyState::kDegraded;
      kafka.detail = told.parked;
    }
    return kafka;
  }

 private:
  [[nodiscard]] bool is_fatal() const {
    return producer_->condition().fatal || (alone_ && alone_->condition().fatal);
  }

  // What other threads may know.
  struct Told {
    std::shared_ptr<const Producer> producer;
    std::string problem;  // while events wait
    std::string parked;
  };

  void tell() {
    std::string parked;
    if (!parked_.empty()) {
      const Event& event = parked_.front()->events.begin()->second;
      parked = std::to_string(parked_.size()) + " parked: event " + std::to_string(event.seq) + " of " +
               event.subject() + " is too large for the topic, and what follows it waits";
    }
    const std::scoped_lock lock(mutex_);
    told_ = {producer_, held_ > 0 ? producer_->condition().problem : std::string(), std::move(parked)};
  }

  // What was on its way may be in the log or not: it goes again, and with it order is as it was.
  void make_producer_anew() {
    producer_ = std::make_shared<Producer>(options_, false);
    alone_.reset();
    on_their_way_ = alone_on_their_way_ = 0;
    for (auto& [key, chain] : chains_) {
      if (std::exchange(chain.on_its_way, 0) != 0) ready_.push_back(&chain);
      if (std::exchange(chain.outdated, false)) chain.alone = false;
    }
  }

  void try_again() {
    ready_.insert(ready_.end(), failed_.begin(), failed_.end());
    failed_.clear();
    if (++sends_ % kSendsBetweenTrials != 0) return;
    for (Chain* chain : parked_) {
      chain->parked = false;
      ready_.push_back(chain);
    }
    parked_.clear();
  }

  // False: there is no room.
  bool take(const Event& event) {
    std::string key = event.order_id != 0 ? std::to_string(event.order_id) : event.subject();
    const auto [at, is_new] = chains_.try_emplace(std::move(key));
    Chain& chain = at->second;
    if (const auto held = chain.events.find(event.seq); held != chain.events.end()) {
      if (held->second != event) {
        give_way(chain, event);
      } else if (chain.parked && held == chain.events.begin()) {
        report(event, true);
      }
      return true;
    }
    if (held_ >= options_.held_max) {
      if (is_new) chains_.erase(at);
      return false;
    }
    ++held_;
    chain.events.emplace(event.seq, event);
    if (is_new) {
      chain.key = at->first;
      ready_.push_back(&chain);
    }
    return true;
  }

  // The later events will be handed over again, those of them that the store still knows.
  void give_way(Chain& chain, const Event& event) {
    const auto held = chain.events.find(event.seq);
    const auto later = std::next(held);
    held_ -= static_cast<std::size_t>(std::distance(later, chain.events.end()));
    chain.events.erase(later, chain.events.end());
    const bool is_first = held == chain.events.begin();
    held->second = event;
    if (chain.on_its_way != 0) {
      chain.outdated = chain.outdated || chain.on_its_way >= event.seq;
    } else if (is_first) {
      chain.alone = false;
      if (std::exchange(chain.parked, false)) {
        std::erase(parked_, &chain);
        ready_.push_back(&chain);
      }
    }
  }

  void produce_ready() {
    while (!ready_.empty() && !is_fatal()) {
      Chain& chain = *ready_.front();
      if (chain.alone && !alone_) alone_ = std::make_unique<Producer>(options_, true);
      const Event& event = chain.events.begin()->second;
      Producer& producer = chain.alone ? *alone_ : *producer_;
      switch (producer.produce(chain.key, to_cloud_event(event, options_.source), &chain)) {
        case Producer::Taken::kYes:
          chain.on_its_way = event.seq;
          ++on_their_way_;
          if (chain.alone) ++alone_on_their_way_;
          break;
        case Producer::Taken::kQueueFull:
          return;
        case Producer::Taken::kUnfit:
          park(chain);
          break;
        case Producer::Taken::kFailed:
          failed_.push_back(&chain);
          break;
      }
      ready_.pop_front();
    }
  }

  void hear(Producer& producer, milliseconds timeout) {
    for (const Report& news : producer.poll(timeout)) {
      Chain& chain = *static_cast<Chain*>(news.message);
      --on_their_way_;
      if (chain.alone) --alone_on_their_way_;
      const std::int32_t seq = std::exchange(chain.on_its_way, 0);
      if (std::exchange(chain.outdated, false)) {
        chain.alone = false;
        ready_.push_back(&chain);
        continue;
      }
      switch (news.verdict) {
        case Report::Verdict::kDelivered:
          delivered(chain, seq);
          break;
        case Report::Verdict::kUnfit:
          unfit(chain);
          break;
        case Report::Verdict::kFailed:
          failed_.push_back(&chain);
          break;
      }
    }
  }

  void delivered(Chain& chain, std::int32_t seq) {
    const auto event = chain.events.find(seq);
    report(event->second, false);
    chain.events.erase(event);
    --held_;
    chain.alone = false;
    if (!chain.events.empty()) {
      ready_.push_back(&chain);
    } else {
      chains_.erase(std::string(chain.key));
    }
  }

  void unfit(Chain& chain) {
    if (std::exchange(chain.alone, true)) {
      park(chain);
    } else {
      ready_.push_back(&chain);
    }
  }

  void park(Chain& chain) {
    chain.alone = true;
    chain.parked = true;
    parked_.push_back(&chain);
    report(chain.events.begin()->second, true);
  }

  void report(const Event& event, bool parked) {
    reports_.push_back({event.log_id, event.order_id, event.seq, parked});
  }

  const KafkaOptions options_;
  std::unordered_map<std::string, Chain> chains_;  // by key; what has an address stays where it is
  // A chain that is not on its way is in exactly one of these.
  std::deque<Chain*> ready_;
  std::vector<Chain*> failed_;  // for the next send()
  std::vector<Chain*> parked_;
  std::size_t held_ = 0;
  std::size_t on_their_way_ = 0;
  std::size_t alone_on_their_way_ = 0;
  std::size_t sends_ = 0;
  std::vector<DeliveryReport> reports_;
  // The last: its messages point at chains.
  std::shared_ptr<Producer> producer_;
  std::unique_ptr<Producer> alone_;  // while there is something for it
  mutable std::mutex mutex_;
  Told told_{producer_, {}, {}};  // under the mutex
};

}  // namespace

std::unique_ptr<EventPublisher> make_kafka_publisher(const KafkaOptions& options) {
  return std::make_unique<KafkaEventPublisher>(options);
}

}  // namespace orchestrator
