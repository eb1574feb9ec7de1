// Operations on an orchestrator over the memory store, against the model.
#include "fuzz/desk_model.hpp"
#include "orchestrator/backends/memory.hpp"
#include "support/moving_store.hpp"

namespace orchestrator::fuzz {
namespace {

void run(std::string_view bytes) {
  const std::shared_ptr<Store> store = make_memory_store();
  DeskModel(bytes, [&] { return std::make_unique<testing::MovingStore>(store); }).run();
}

const Registration kRegistered({"engine_memory", run});

}  // namespace
}  // namespace orchestrator::fuzz
