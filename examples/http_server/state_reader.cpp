#include "examples/http_server/state_reader.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace orchestrator::http {
namespace {

constexpr int kRestFactor = 4;

}  // namespace

std::function<State()> state_of(const Orchestrator& orchestrator) {
  return [&orchestrator] {
    const auto began = std::chrono::steady_clock::now();
    State state;
    state.read_at = make_system_clock()->now();
    state.health = orchestrator.health();
    try {
      state.open_orders = orchestrator.open_orders();
    } catch (const std::exception&) {  // health says why
    }
    state.took =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
    return state;
  };
}

StateReader::StateReader(std::function<State()> read, std::chrono::milliseconds rest_min)
    : read_(std::move(read)), rest_min_(rest_min), thread_([this] { run(); }) {}

StateReader::~StateReader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool StateReader::is_fresh(SteadyClock::time_point now) const { return now < rest_until_; }

StateReader::Latest StateReader::latest() {
  std::unique_lock lock(mutex_);
  if (const auto now = SteadyClock::now(); !is_fresh(now)) {
    if (!std::exchange(wanted_, true)) wanted_at_ = now;
    wake_.notify_all();
    const std::size_t seen = attempts_;
    wake_.wait_until(lock, wanted_at_ + kPatience, [&] { return attempts_ != seen; });
  }
  if (!state_) return {};
  return {state_, std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - state_at_)};
}

void StateReader::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return wanted_ || stopping_; });
    if (stopping_) return;
    lock.unlock();
    const auto began = SteadyClock::now();
    std::shared_ptr<const State> read;
    try {
      read = std::make_shared<const State>(read_());
    } catch (const std::exception&) {  // the age of the last one tells
    }
    const auto ended = SteadyClock::now();
    lock.lock();
    if (read) {
      state_ = std::move(read);
      state_at_ = began;
    }
    wanted_ = false;
    ++attempts_;
    rest_until_ = ended + std::max<SteadyClock::duration>(rest_min_, kRestFactor * (ended - began));
    wake_.notify_all();
  }
}

}  // namespace orchestrator::http
