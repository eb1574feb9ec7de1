// The test program's operator new. In a file of its own: a compiler that sees through new and delete at once
// takes malloc and free for a mismatch.
#include "support/failing_memory.hpp"

#include <cstdlib>
#include <new>

namespace orchestrator::testing {

constinit thread_local FailingMemory cpp_memory;

}  // namespace orchestrator::testing

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return orchestrator::testing::cpp_memory.fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
void* operator new(std::size_t size) {
  void* const memory = operator new(size, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
