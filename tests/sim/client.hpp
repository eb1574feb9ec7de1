// The client of a case: places one batch under one key, and retries as the errors' next steps say.
#pragma once

#include <functional>
#include <string>

#include "sim/key_history.hpp"

namespace orchestrator::sim {

class Client {
 public:
  Client(World& world, int orders);

  // Until there is an answer or the patience is over.
  void place(const std::string& process, bool rival);
  // One attempt. True: it was answered.
  bool ask(const std::string& process, bool rival);

  void check_answers(Orchestrator& oms) { history_.check_answers(oms); }

  // Runs a call of a process and survives its failure; a process that died is opened again and recovers.
  void guarded(const std::string& process, const std::function<void(Orchestrator&)>& call);

 private:
  World& world_;
  KeyHistory history_;
};

}  // namespace orchestrator::sim
