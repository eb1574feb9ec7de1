// The way in for libFuzzer: a program has this and one target.
#include "fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orchestrator::fuzz::targets().front().run({reinterpret_cast<const char*>(data), size});
  return 0;
}
