// A deadline for every answer of the server, kept on this side: a server that stands still keeps none of its
// own time-outs, and neither libpq's calls nor libpqxx's take one.
//
// One thread looks after the sockets of a pool. It cuts the connection whose answer is overdue; whoever
// waits for that answer then reads the connection's end. The thread sleeps while nothing is asked.
//
// Invariants
//   * the socket is held by a descriptor of our own: libpq's may be closed meanwhile, and its number be
//     another's
//   * what was cut is never used again, even if its answer came at the last moment
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_set>

namespace orchestrator::postgres {

class AnswerWatch {
 public:
  AnswerWatch();
  ~AnswerWatch();
  AnswerWatch(const AnswerWatch&) = delete;
  AnswerWatch& operator=(const AnswerWatch&) = delete;

  // The socket of a connection; ends before the watch does. One thread at a time uses it.
  class Line {
   public:
    Line(AnswerWatch& watch, int socket);
    ~Line();
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;

    [[nodiscard]] bool cut() const;

   private:
    friend class AnswerWatch;
    using Clock = std::chrono::steady_clock;

    AnswerWatch& watch_;
    const int socket_;
    // The watch's mutex guards what follows.
    Clock::time_point overdue_at_ = Clock::time_point::max();
    bool cut_ = false;
  };

  // While an answer is waited for. Zero: for as long as it takes.
  class Wait {
   public:
    Wait(Line& line, std::chrono::milliseconds patience) : line_(line), patience_(patience) { renew(); }
    ~Wait();
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    // The next of several answers is waited for.
    void renew();

   private:
    Line& line_;
    const std::chrono::milliseconds patience_;
  };

 private:
  void look_after_lines();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_set<Line*> lines_;
  Line::Clock::time_point looks_at_ = Line::Clock::time_point::max();
  bool ends_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace orchestrator::postgres
