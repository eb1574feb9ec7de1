# The package: headers, library, CMake package files, pkg-config file, and the program with its shell completions.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/orchestrator")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/orchestrator" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.hpp")
install(TARGETS orchestrator EXPORT orchestratorTargets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT orchestratorTargets NAMESPACE orchestrator:: DESTINATION "${package_dir}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/orchestratorConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/generated/orchestratorConfig.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/generated/orchestratorConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/generated/orchestratorConfig.cmake"
  "${PROJECT_BINARY_DIR}/generated/orchestratorConfigVersion.cmake" DESTINATION "${package_dir}")
if(ORCHESTRATOR_HAS_SQLITE)
  install(FILES "${PROJECT_SOURCE_DIR}/cmake/OrchestratorSQLite.cmake" DESTINATION "${package_dir}")
endif()
if(ORCHESTRATOR_HAS_POSTGRES)
  install(FILES "${PROJECT_SOURCE_DIR}/cmake/OrchestratorPostgres.cmake" DESTINATION "${package_dir}")
endif()
if(ORCHESTRATOR_HAS_REDIS)
  install(FILES "${PROJECT_SOURCE_DIR}/cmake/OrchestratorRedis.cmake" DESTINATION "${package_dir}")
endif()

# A static library passes what it needs on to whoever links it; a shared one keeps it to itself.
set(pc_needs "-pthread")
if(ORCHESTRATOR_HAS_SQLITE)
  set(pc_needs "-lSQLiteCpp -lsqlite3 -pthread")
  if(CMAKE_DL_LIBS)
    string(APPEND pc_needs " -l${CMAKE_DL_LIBS}")
  endif()
endif()
if(ORCHESTRATOR_HAS_POSTGRES)
  string(PREPEND pc_needs "-lpqxx -lpq ")
endif()
if(ORCHESTRATOR_HAS_REDIS)
  string(PREPEND pc_needs "-lhiredis ")
  if(OrchestratorRedis_TLS)
    string(PREPEND pc_needs "-lhiredis_ssl -lssl -lcrypto ")
  endif()
endif()
set(pc_libs "")
set(pc_libs_private "${pc_needs}")
if(NOT BUILD_SHARED_LIBS)
  set(pc_libs " ${pc_needs}")
  set(pc_libs_private "")
endif()
file(RELATIVE_PATH pc_to_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/orchestrator.pc.in" "${PROJECT_BINARY_DIR}/generated/orchestrator.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/generated/orchestrator.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

if(TARGET orchestrator_cli)
  install(TARGETS orchestrator_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  set(completions "${PROJECT_SOURCE_DIR}/cli/completions")
  install(FILES "${completions}/orchestrator.bash" RENAME orchestrator OPTIONAL
    DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
  install(FILES "${completions}/_orchestrator" OPTIONAL DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
  install(FILES "${completions}/orchestrator.fish" OPTIONAL
    DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
endif()
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
