// Children of this process that place on one database: the program itself, run with `--child`.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace orchestrator::bench {

struct ChildWork {
  std::string url;
  std::size_t first_caller = 0;
  std::size_t callers = 1;
  std::size_t batch = 1;
  std::size_t each = 1;  // batches of each caller, whenever it is started
  std::int64_t portfolios = 8;
};

class ChildDesk {
 public:
  // Returns when it has opened the database.
  explicit ChildDesk(const ChildWork& work);
  ~ChildDesk();
  ChildDesk(const ChildDesk&) = delete;
  ChildDesk& operator=(const ChildDesk&) = delete;
  void start() const;
  void wait() const;

 private:
  pid_t process_ = 0;
  int to_child_ = -1;
  int from_child_ = -1;
};

}  // namespace orchestrator::bench
