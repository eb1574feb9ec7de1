#include "cli/activity.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>

namespace orchestrator::cli {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr std::size_t kTicksBeforeShown = 3;  // short work draws nothing
constexpr std::size_t kWidth = 24;

}  // namespace

Activity::Activity(std::string label, std::function<Progress()> progress)
    : label_(std::move(label)), progress_(std::move(progress)) {
  if (isatty(STDERR_FILENO) != 0) thread_ = std::thread([this] { run(); });
}

Activity::~Activity() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  end_.notify_all();
  thread_.join();
  std::fputs("\r\x1b[K", stderr);
}

void Activity::run() {
  std::unique_lock lock(mutex_);
  for (std::size_t tick = 0; !end_.wait_for(lock, kTick, [this] { return ended_; }); ++tick) {
    if (tick < kTicksBeforeShown) continue;
    lock.unlock();
    draw(tick);
    lock.lock();
  }
}

void Activity::draw(std::size_t tick) {
  std::string bar(kWidth, ' ');
  std::string figures;
  Progress progress;
  try {
    if (progress_) progress = progress_();
  } catch (const std::exception&) {
    // The work itself will say what is wrong.
  }
  if (progress.total > 0) {
    const auto done = std::min(progress.done, progress.total);
    std::fill_n(bar.begin(), kWidth * done / progress.total, '=');
    figures = " " + std::to_string(done) + "/" + std::to_string(progress.total);
  } else {
    bar[tick % kWidth] = '=';
  }
  const auto seconds = std::to_string(tick / 10);
  std::fputs(("\r\x1b[K" + label_ + " [" + bar + "]" + figures + " " + seconds + " s").c_str(), stderr);
}

}  // namespace orchestrator::cli
