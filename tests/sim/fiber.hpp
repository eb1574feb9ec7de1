// A call stack of its own inside one thread: the work of one simulated process, which gives way in the middle
// of a port call while others run.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace orchestrator::sim {

class Fiber {
 public:
  // `body` must not throw. It begins with the first resume().
  explicit Fiber(std::function<void()> body);
  ~Fiber();  // only before it began, or when it is done
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // From outside: runs the body until it gives way or ends.
  void resume();
  // From inside: back to whoever resumed it.
  void give_way();

 private:
  struct Handling;
  struct Stack;
  static Handling exchange_handling(const Handling& next);
  static void enter(unsigned high, unsigned low);

  std::function<void()> body_;
  std::unique_ptr<Stack> stack_;
};

}  // namespace orchestrator::sim
