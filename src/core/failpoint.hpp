// Named points at which a test makes the process die, stop or fail. Nothing in a normal build.
//
// With ORCHESTRATOR_FAILPOINTS the environment variable ORCHESTRATOR_FAILPOINT = "name:nth:action" arms
// one point: on its nth passage (from 1) the action is taken: kill (SIGKILL), stop (SIGSTOP), throw
// (std::runtime_error).
#pragma once

#ifdef ORCHESTRATOR_FAILPOINTS
namespace orchestrator {
void failpoint(const char* name);
}
#define ORCHESTRATOR_FAILPOINT(name) ::orchestrator::failpoint(name)
#else
#define ORCHESTRATOR_FAILPOINT(name) static_cast<void>(0)
#endif
