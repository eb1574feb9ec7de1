// The C++ runtime keeps the exceptions being handled per thread. Fibers share one, so a switch in the middle
// of a handler has to carry them along; and the address sanitizer has to be told which stack is in use.
#include "sim/fiber.hpp"

#include <cxxabi.h>
#include <ucontext.h>

#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define ORCHESTRATOR_SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ORCHESTRATOR_SIM_ASAN 1
#endif
#endif
#ifdef ORCHESTRATOR_SIM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace orchestrator::sim {

#ifdef ORCHESTRATOR_SIM_ASAN
constexpr std::size_t kStackSize = 2'097'152;
#else
constexpr std::size_t kStackSize = 524'288;
#endif

// What the runtime keeps: the chain of exceptions being handled, and how many are under way.
struct Fiber::Handling {
  void* caught = nullptr;
  unsigned uncaught = 0;
};

Fiber::Handling Fiber::exchange_handling(const Handling& next) {
  auto* globals = reinterpret_cast<unsigned char*>(abi::__cxa_get_globals());
  Handling before;
  std::memcpy(&before.caught, globals, sizeof before.caught);
  std::memcpy(&before.uncaught, globals + sizeof before.caught, sizeof before.uncaught);
  std::memcpy(globals, &next.caught, sizeof next.caught);
  std::memcpy(globals + sizeof next.caught, &next.uncaught, sizeof next.uncaught);
  return before;
}

struct Fiber::Stack {
  std::unique_ptr<unsigned char[]> memory{new unsigned char[kStackSize]};
  ucontext_t inside = {};
  ucontext_t outside = {};
  Handling handling;  // of the side that does not run
  bool done = false;
  void* fake_stack = nullptr;  // of the side that does not run
  const void* outside_bottom = nullptr;
  std::size_t outside_size = 0;

  void leave([[maybe_unused]] const void* bottom, [[maybe_unused]] std::size_t size,
             [[maybe_unused]] bool for_ever) {
    handling = exchange_handling(handling);
#ifdef ORCHESTRATOR_SIM_ASAN
    __sanitizer_start_switch_fiber(for_ever ? nullptr : &fake_stack, bottom, size);
#endif
  }
  void arrive([[maybe_unused]] void* own_fake_stack, [[maybe_unused]] bool inside_now) {
#ifdef ORCHESTRATOR_SIM_ASAN
    __sanitizer_finish_switch_fiber(own_fake_stack, inside_now ? &outside_bottom : nullptr,
                                    inside_now ? &outside_size : nullptr);
#endif
  }
};

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)), stack_(std::make_unique<Stack>()) {
  ::getcontext(&stack_->inside);
  stack_->inside.uc_stack.ss_sp = stack_->memory.get();
  stack_->inside.uc_stack.ss_size = kStackSize;
  stack_->inside.uc_link = nullptr;
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  ::makecontext(&stack_->inside, reinterpret_cast<void (*)()>(&Fiber::enter), 2,
                static_cast<unsigned>(self >> 32), static_cast<unsigned>(self & 0xFFFF'FFFFU));
}

Fiber::~Fiber() = default;

void Fiber::enter(unsigned high, unsigned low) {
  auto* self = reinterpret_cast<Fiber*>((std::uintptr_t{high} << 32) | low);
  self->stack_->arrive(nullptr, true);
  self->body_();
  self->stack_->done = true;
  self->stack_->leave(self->stack_->outside_bottom, self->stack_->outside_size, true);
  ::setcontext(&self->stack_->outside);
}

void Fiber::resume() {
  if (stack_->done) return;
  void* own = nullptr;
  stack_->leave(stack_->memory.get(), kStackSize, false);
  std::swap(own, stack_->fake_stack);
  ::swapcontext(&stack_->outside, &stack_->inside);
  stack_->arrive(own, false);
}

void Fiber::give_way() {
  void* own = nullptr;
  stack_->leave(stack_->outside_bottom, stack_->outside_size, false);
  std::swap(own, stack_->fake_stack);
  ::swapcontext(&stack_->inside, &stack_->outside);
  stack_->arrive(own, true);
}

}  // namespace orchestrator::sim
