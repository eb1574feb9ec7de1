#include "engine/workers.hpp"

#include "engine/dispatch.hpp"
#include "engine/ingest.hpp"
#include "engine/publish.hpp"
#include "engine/recover.hpp"
#include "engine/requests.hpp"
#include "engine/resync.hpp"

namespace orchestrator::engine {

void Workers::start() {
  for (const auto& [name, connector] : context_.brokers) {
    add([this, broker = name] { send_round(broker); }, accepted_);
    add([this, broker = name] { listen_round(broker); }, resumed_);
  }
  add(chores_, accepted_);
  add([this] { publish(context_, stop_.get_token()); }, accepted_);
  context_.store->wake_by([this] { accepted(); });
}

void Workers::add(std::function<void()> round, const std::uint64_t& calls) {
  const std::scoped_lock lock(mutex_);
  std::string& error = errors_.emplace_back();
  threads_.emplace_back([this, round = std::move(round), &error, &calls] { run(round, error, calls); });
}

void Workers::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stop_.request_stop();
  }
  wake_.notify_all();
  context_.store->wake_by({});
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Workers::accepted() {
  {
    const std::scoped_lock lock(mutex_);
    ++accepted_;
  }
  wake_.notify_all();
}

void Workers::resumed() {
  {
    const std::scoped_lock lock(mutex_);
    ++accepted_;
    ++resumed_;
  }
  wake_.notify_all();
}

std::string Workers::last_error() const {
  const std::scoped_lock lock(mutex_);
  std::string failures;
  for (const std::string& error : errors_) {
    if (!error.empty()) failures += (failures.empty() ? "" : "; ") + error;
  }
  return failures;
}

// A step that fails is tried again in the next round: every step may be.
void Workers::run(const std::function<void()>& round, std::string& error, const std::uint64_t& calls) {
  std::uint64_t seen = 0;
  for (;;) {
    {
      const std::scoped_lock lock(mutex_);
      if (stop_.stop_requested()) return;
      seen = calls;
    }
    std::string failed;
    try {
      context_.latch.watch(round);
    } catch (const std::exception& failure) {
      failed = failure.what();
      if (failed.empty()) failed = "a step failed and did not say why";
    } catch (...) {
      failed = "a step failed with an unknown exception";
    }
    std::unique_lock lock(mutex_);
    error = std::move(failed);
    wake_.wait_for(lock, context_.options.poll_interval,
                   [&] { return stop_.stop_requested() || calls != seen; });
  }
}

void Workers::send_round(const std::string& broker) { dispatch(context_, std::nullopt, broker); }

void Workers::listen_round(const std::string& broker) {
  FirstFailure failure(context_.latch);
  failure.run([&] { poll(context_, context_.require_broker(broker)); });
  failure.run([&] { drain_inbox(context_, broker); });
  failure.run([&] { resync_if_due(context_, context_.require_broker(broker)); });
  failure.run([&] { mark_abandoned(context_, broker); });
  RecoveryReport report;
  failure.run([&] { resolve_some_unknown(context_, broker, report); });
  failure.run([&] { resolve_requests(context_, broker); });
  failure.rethrow();
}

}  // namespace orchestrator::engine
