// Whether this is still the process that made an object: threads, locks and connections stay with the parent
// of a fork.
#pragma once

namespace orchestrator {

// How many forks lie between the start of the program and this process. A child has another count than its
// parent; asking costs no call of the system, which the process id does.
[[nodiscard]] unsigned fork_count();

}  // namespace orchestrator
