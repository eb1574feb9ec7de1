# Finds Google Benchmark and defines benchmark::benchmark where the distribution ships no package file.
set(OrchestratorBenchmark_MISSING "Google Benchmark was not found (Debian: libbenchmark-dev)")
find_package(benchmark QUIET CONFIG)
if(NOT TARGET benchmark::benchmark)
  find_path(BENCHMARK_INCLUDE_DIR benchmark/benchmark.h)
  find_library(BENCHMARK_LIBRARY benchmark)
  mark_as_advanced(BENCHMARK_INCLUDE_DIR BENCHMARK_LIBRARY)
  if(BENCHMARK_INCLUDE_DIR AND BENCHMARK_LIBRARY)
    add_library(benchmark::benchmark UNKNOWN IMPORTED)
    set_target_properties(benchmark::benchmark PROPERTIES
      IMPORTED_LOCATION "${BENCHMARK_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${BENCHMARK_INCLUDE_DIR}"
      INTERFACE_LINK_LIBRARIES Threads::Threads)
  endif()
endif()
set(OrchestratorBenchmark_FOUND FALSE)
if(TARGET benchmark::benchmark)
  set(OrchestratorBenchmark_FOUND TRUE)
endif()
