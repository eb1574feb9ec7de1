# How a target of ours is made. Every room is an object library that links only the rooms it may know.

# Language level, warnings, sanitizers and feature macros: for our own targets only.
function(orchestrator_own_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
    -Woverloaded-virtual
    -Wno-missing-field-initializers  # {.database_url = "..."} is how our option structs are meant to be filled
    $<$<BOOL:${ORCHESTRATOR_WARNINGS_AS_ERRORS}>:-Werror>)
  # What the optimiser guesses differs by compiler version and level: shown, but no reason to stop a build.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:
    -Wno-error=array-bounds -Wno-error=maybe-uninitialized -Wno-error=restrict -Wno-error=stringop-overflow>)
  target_compile_definitions(${target} PRIVATE
    $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>
    $<$<BOOL:${ORCHESTRATOR_HAS_SQLITE}>:ORCHESTRATOR_HAS_SQLITE=1>
    $<$<BOOL:${ORCHESTRATOR_HAS_POSTGRES}>:ORCHESTRATOR_HAS_POSTGRES=1>
    $<$<BOOL:${ORCHESTRATOR_HAS_REDIS}>:ORCHESTRATOR_HAS_REDIS=1>
    $<$<BOOL:${ORCHESTRATOR_HAS_KAFKA}>:ORCHESTRATOR_HAS_KAFKA=1>
    $<$<BOOL:${ORCHESTRATOR_FAILPOINTS}>:ORCHESTRATOR_FAILPOINTS=1>
    $<$<BOOL:${ORCHESTRATOR_PLANTED_BUGS}>:ORCHESTRATOR_PLANTED_BUGS=1>)
  if(ORCHESTRATOR_SANITIZE)
    target_compile_options(${target} PRIVATE
      -fsanitize=${ORCHESTRATOR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${ORCHESTRATOR_SANITIZE})
  endif()
endfunction()

# orchestrator_room(<name> DIR <folder> [PATTERN <glob>] [EXCLUDE <regex>] [ROOMS <room>...] [EXTERNAL <target>...])
# defines orchestrator_<name> from the folder's sources. ROOMS are the rooms below it; EXTERNAL the third-party
# libraries that this room alone may include. A folder without sources yet gives an empty interface target.
function(orchestrator_room name)
  cmake_parse_arguments(ROOM "" "DIR;PATTERN;EXCLUDE" "ROOMS;EXTERNAL" ${ARGN})
  if(NOT ROOM_PATTERN)
    set(ROOM_PATTERN "*.cpp")
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${ROOM_DIR}/${ROOM_PATTERN}")
  if(ROOM_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${ROOM_EXCLUDE}")
  endif()
  set(target orchestrator_${name})
  list(TRANSFORM ROOM_ROOMS PREPEND orchestrator_)
  set_property(GLOBAL APPEND PROPERTY ORCHESTRATOR_ROOMS ${target})
  set_property(GLOBAL APPEND PROPERTY ORCHESTRATOR_EXTERNAL ${ROOM_EXTERNAL})
  if(NOT sources)
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${ROOM_ROOMS})
    return()
  endif()
  add_library(${target} OBJECT ${sources})
  orchestrator_own_target(${target})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${target} PUBLIC ${ROOM_ROOMS} PRIVATE ${ROOM_EXTERNAL})
endfunction()
