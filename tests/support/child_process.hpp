// A forked process that runs a function, and a byte channel each way to keep step with it without sleeping.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <stdexcept>

namespace orchestrator::testing {

// The end of a channel. A byte that cannot be had (the other side is gone) is 0.
class Channel {
 public:
  Channel(int in, int out) : in_(in), out_(out) {}
  [[nodiscard]] char receive() const {
    char byte = 0;
    return ::read(in_, &byte, 1) == 1 ? byte : '\0';
  }
  void send(char byte) const {
    if (::write(out_, &byte, 1) != 1) throw std::runtime_error("the other process is gone");
  }

 private:
  int in_;
  int out_;
};

class ChildProcess {
 public:
  // The child exits with what `run` returns, or with 99 after an exception; it never runs the tests on.
  explicit ChildProcess(const std::function<int(const Channel&)>& run) {
    int down[2];
    int up[2];
    if (::pipe(down) != 0 || ::pipe(up) != 0) throw std::runtime_error("cannot make a pipe");
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ == 0) {
      ::close(down[1]);
      ::close(up[0]);
      int code = 99;
      try {
        code = run(Channel(down[0], up[1]));
      } catch (const std::exception& error) {
        std::fprintf(stderr, "child: %s\n", error.what());
      }
      ::_exit(code);
    }
    ::close(down[0]);
    ::close(up[1]);
    in_ = up[0];
    out_ = down[1];
  }
  ~ChildProcess() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      static_cast<void>(wait());
    }
    ::close(in_);
    ::close(out_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] Channel channel() const { return {in_, out_}; }
  void kill() const { ::kill(pid_, SIGKILL); }
  // The exit code, or minus the signal that ended it.
  [[nodiscard]] int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
};

}  // namespace orchestrator::testing
