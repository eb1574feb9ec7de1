// The one reader of the event log. Every client that follows events or waits for a batch is woken by it, so
// that a thousand of them cost one query and no thread each.
//
// A client that is behind (it resumed from an old place, or reads slowly) is fed from the log at its own
// pace, a page whenever it has taken the one before. A page is written out once for all who get the same of
// it, and what waits in memory for those behind is bounded together.
//
// Streams that have much to take must not keep a waiter waiting: whatever there is to read, a look ends soon.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "examples/http_server/http.hpp"
#include "examples/http_server/ownership.hpp"
#include "orchestrator/orchestrator.hpp"

namespace orchestrator::http {

class Feed {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Follower {
    std::shared_ptr<Stream> to;
    EventQuery query = {};  // after_id: where it goes on; order_id only with its batch_id
    bool from_now = false;  // instead of after_id
    std::optional<std::string> tenant = {};
    std::shared_ptr<void> stay = {};  // its place, see Stays
    Time heard_at = {};               // last bytes sent
  };
  struct Waiter {
    BatchId batch_id = 0;
    Time until = {};
    std::function<void(bool settled)> done = {};         // must not throw
    std::shared_ptr<const std::atomic<bool>> gone = {};  // set: as if the time were over
    bool looked_at = false;
  };

  Feed(const Orchestrator& oms, std::string event_source);
  ~Feed() { stop(); }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  void follow(Follower follower);
  void wait(Waiter waiter);
  void wake();  // something was written
  // Ends every stream and answers every waiter; those who come later are ended at once.
  void stop_soon();
  void stop();  // and waits for what the store is being asked
  [[nodiscard]] EventOwners& owners() { return owners_; }

 private:
  // What a follower gets of a page: those with the same tenant, batch and order get the same.
  using Filter = std::tuple<std::optional<std::string>, std::optional<BatchId>, std::optional<OrderId>>;
  using Text = std::shared_ptr<const std::string>;  // null: nothing of it is for them
  struct Page {
    Text text;
    std::int64_t end = 0;
  };
  using Pages = std::map<std::tuple<Filter, std::int64_t>, Page>;  // by where they begin

  void run();
  [[nodiscard]] Time next_look() const;
  void admit(std::list<Follower> followers, std::list<Waiter> waiters);
  [[nodiscard]] bool look();
  [[nodiscard]] bool read_news();
  void hand_out(const std::vector<Event>& events, std::int64_t from);
  [[nodiscard]] bool catch_up_in_turns();
  bool catch_up(Follower& follower, Pages& read, Time until);  // false: the time is over
  [[nodiscard]] Page page_behind(const Follower& follower);
  [[nodiscard]] static Filter filter_of(const Follower& follower);
  [[nodiscard]] Text text_for(const Filter& filter, std::vector<Event> events);
  void send(Follower& follower, const Text& text);
  void keep_alive();
  void answer_waiters(const std::vector<Event>& events);
  void answer_overdue();
  [[nodiscard]] static bool is_over(const Waiter& waiter, Time now);
  [[nodiscard]] bool settled(BatchId id) const;
  [[nodiscard]] std::int64_t last_position() const;

  const Orchestrator& oms_;
  const std::string event_source_;
  EventOwners owners_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> stopped_{false};
  bool woken_ = false;
  std::list<Follower> new_followers_;
  std::list<Waiter> new_waiters_;
  // Of pages for those behind, written out and not yet taken by all who get them. Their texts hold it too.
  const std::shared_ptr<std::atomic<std::size_t>> pages_bytes_ =
      std::make_shared<std::atomic<std::size_t>>(0);
  // Of the thread alone.
  std::int64_t head_ = -1;  // everything up to here was handed out; -1: nobody is there to read for
  std::list<Follower> followers_;
  std::list<Waiter> waiters_;
  std::thread thread_;
};

// `id:` stands behind the last event of its log row only: who resumes there has seen the whole row.
[[nodiscard]] std::string server_sent_events(const std::vector<Event>& events, std::string_view source);

}  // namespace orchestrator::http
