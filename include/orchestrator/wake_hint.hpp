// WakeHint: what an OrderStore may be as well, when several processes share it: somebody who says that
// another process has left something to do.
#pragma once

#include <functional>

namespace orchestrator {

// A hint and nothing more. Whoever is woken looks as it would have looked at its next poll; a hint may come
// late, for nothing, or never, and no answer depends on one.
class WakeHint {
 public:
  virtual ~WakeHint() = default;
  // From now on `wake` is called, by a thread of the store, soon after another process that was told to wake
  // somebody as well has accepted orders or written events. It must return at once, and not throw. An empty
  // one ends it: when that has returned, no call is under way. Not called from several threads.
  virtual void wake_by(std::function<void()> wake) = 0;
};

}  // namespace orchestrator
