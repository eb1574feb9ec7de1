// The one test binary's entry point. Options are doctest's own: --help lists them.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
