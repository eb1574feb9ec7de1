#include "engine/workers.hpp"

#include "engine/dispatch.hpp"
#include "engine/ingest.hpp"
#include "engine/publish.hpp"
#include "engine/recover.hpp"
#include "engine/requests.hpp"

namespace orchestrator::engine {

void Workers::start() {
  for (const auto& [name, connector] : context_.brokers) {
    threads_.emplace_back([this, broker = name] { run([this, &broker] { send_round(broker); }); });
    threads_.emplace_back([this, broker = name] { run([this, &broker] { listen_round(broker); }); });
  }
  threads_.emplace_back([this] {
    run([this] {
      chores_();
      publish(context_);
    });
  });
}

Workers::~Workers() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::wake() {
  {
    const std::scoped_lock lock(mutex_);
    ++wakes_;
  }
  wake_.notify_all();
}

std::string Workers::last_error() const {
  const std::scoped_lock lock(mutex_);
  return last_error_;
}

// A step that fails is tried again in the next round: every step may be.
void Workers::run(const std::function<void()>& round) {
  std::uint64_t seen = 0;
  for (;;) {
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_) return;
      seen = wakes_;
    }
    std::string error;
    try {
      round();
    } catch (const std::exception& failure) {
      error = failure.what();
    }
    std::unique_lock lock(mutex_);
    if (!error.empty()) last_error_ = error;
    wake_.wait_for(lock, context_.options.poll_interval, [&] { return stopping_ || wakes_ != seen; });
  }
}

void Workers::send_round(const std::string& broker) { dispatch(context_, std::nullopt, broker); }

void Workers::listen_round(const std::string& broker) {
  poll(context_, context_.require_broker(broker));
  drain_inbox(context_, broker);
  mark_abandoned(context_, broker);
  RecoveryReport report;
  resolve_unknown(context_, {.broker = broker}, report);
  resolve_requests(context_, broker);
}

}  // namespace orchestrator::engine
