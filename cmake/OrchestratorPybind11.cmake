# Finds Python (3.11 or later) and pybind11 (2.10 or later). Sets OrchestratorPybind11_FOUND, or
# OrchestratorPybind11_MISSING to a sentence. -DPython_EXECUTABLE= names another interpreter than the first on the PATH.
set(OrchestratorPybind11_FOUND FALSE)
set(OrchestratorPybind11_MISSING
  "Python 3.11 with its headers, or pybind11 2.10, was not found (Debian: python3-dev pybind11-dev)")

set(PYBIND11_FINDPYTHON ON)
set(Python_FIND_STRATEGY LOCATION)
find_package(Python 3.11 QUIET COMPONENTS Interpreter Development.Module)
if(Python_FOUND)
  find_package(pybind11 2.10 QUIET CONFIG)
  if(pybind11_FOUND)
    set(OrchestratorPybind11_FOUND TRUE)
  endif()
endif()
