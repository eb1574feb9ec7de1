// The client: places one batch under one key, retries as the errors' next steps say, and remembers every
// answer.
#pragma once

#include <string>
#include <vector>

#include "sim/world.hpp"

namespace orchestrator::sim {

class Client {
 public:
  explicit Client(World& world) : world_(world) {}

  // Until there is an answer or the patience is over.
  void place(const std::string& process, bool rival);
  // One attempt. True: it was answered.
  bool ask(const std::string& process, bool rival);

  // At the end, when faults have stopped: every request is answered, the same as ever, and what was answered
  // is there.
  void check_answers(Orchestrator& oms);

  // Runs a call of a process and survives its failure; a process that died is opened again and recovers.
  void guarded(const std::string& process, const std::function<void(Orchestrator&)>& call);

 private:
  // What the error asks the caller to do before the next attempt.
  enum class Next { kAnswered, kAgain, kRecover, kReopen };
  Next attempt(const std::string& process, bool rival);
  Next refused(const Error& error, bool rival);
  void answered(const Receipt& receipt, bool rival);

  struct Answer {
    bool rival = false;
    Receipt receipt;
  };
  World& world_;
  std::vector<Answer> answers_;
};

}  // namespace orchestrator::sim
