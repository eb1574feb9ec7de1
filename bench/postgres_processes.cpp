// A byte to the child begins a slice, a byte from it ends one; it ends when nobody can write to it.
#include "postgres_processes.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <vector>

#include "callers.hpp"
#include "measure.hpp"
#include "orchestrator/backends/postgres.hpp"
#include "workload.hpp"

namespace orchestrator::bench {
namespace {

bool write_byte(int to) { return ::write(to, ".", 1) == 1; }
bool read_byte(int from) {
  char byte = 0;
  return ::read(from, &byte, 1) == 1;
}

void serve(const ChildWork& work) {
  Parts parts;
  parts.store = open_postgres_store({.url = work.url});
  const auto desk = open_desk({.orders_max = std::max<std::size_t>(work.batch, 100)}, std::move(parts));
  std::vector<Requests> requests;
  for (std::size_t i = 0; i < work.callers; ++i)
    requests.emplace_back(work.batch, work.first_caller + i, 0, work.portfolios);
  while (write_byte(STDOUT_FILENO) && read_byte(STDIN_FILENO)) {
    run_callers(work.callers, [&](std::size_t caller) {
      for (std::size_t i = 0; i < work.each; ++i)
        benchmark::DoNotOptimize(desk->place(requests[caller].next()));
    });
  }
}

}  // namespace

ChildDesk::ChildDesk(const ChildWork& work) {
  std::array<int, 2> down{};
  std::array<int, 2> up{};
  if (::pipe2(down.data(), O_CLOEXEC) != 0 || ::pipe2(up.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe to a child");
  }
  std::vector<std::string> words{"orchestrator_bench",
                                 "--child",
                                 std::to_string(work.first_caller),
                                 std::to_string(work.callers),
                                 std::to_string(work.batch),
                                 std::to_string(work.each),
                                 std::to_string(work.portfolios)};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  // The URL may hold a password, which has no place among the arguments.
  ::setenv("ORCHESTRATOR_BENCH_CHILD_URL", work.url.c_str(), 1);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, down[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, up[1], STDOUT_FILENO);
  const int result = ::posix_spawn(&process_, "/proc/self/exe", &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  ::unsetenv("ORCHESTRATOR_BENCH_CHILD_URL");
  ::close(down[0]);
  ::close(up[1]);
  to_child_ = down[1];
  from_child_ = up[0];
  if (result != 0) throw std::runtime_error("no child");
  wait();
}

ChildDesk::~ChildDesk() {
  ::close(to_child_);
  ::close(from_child_);
  ::waitpid(process_, nullptr, 0);
}

void ChildDesk::start() const {
  if (!write_byte(to_child_)) throw std::runtime_error("a child is gone");
}

void ChildDesk::wait() const {
  if (!read_byte(from_child_)) throw std::runtime_error("a child ended; it has said why");
}

int run_child(const std::vector<std::string>& arguments) {
  const char* const url = std::getenv("ORCHESTRATOR_BENCH_CHILD_URL");
  if (arguments.size() != 5 || url == nullptr) return 2;
  try {
    serve({.url = url,
           .first_caller = std::stoull(arguments[0]),
           .callers = std::stoull(arguments[1]),
           .batch = std::stoull(arguments[2]),
           .each = std::stoull(arguments[3]),
           .portfolios = std::stoll(arguments[4])});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child: %s\n", error.what());
    return 1;
  }
}

}  // namespace orchestrator::bench
