# Embeds migrations/<backend>/NNNN_name.{up,down}.sql into the <backend> adapter.
function(orchestrator_embed_migrations backend)
  set(folder "${PROJECT_SOURCE_DIR}/migrations/${backend}")
  file(GLOB files CONFIGURE_DEPENDS "${folder}/*.sql")
  string(MD5 names "${files}")  # in the command line, so that a removed or renamed file runs it again
  set(output "${PROJECT_BINARY_DIR}/generated/${backend}_migrations.cpp")
  add_custom_command(OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" -D FOLDER=${folder} -D BACKEND=${backend} -D OUTPUT=${output}
            -D NAMES=${names} -P "${PROJECT_SOURCE_DIR}/cmake/embed_migrations.cmake"
    DEPENDS ${files} "${PROJECT_SOURCE_DIR}/cmake/embed_migrations.cmake"
    COMMENT "Embedding migrations/${backend}" VERBATIM)
  set(target orchestrator_migrations_${backend})
  add_library(${target} OBJECT "${output}")
  orchestrator_own_target(${target})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  set_property(GLOBAL APPEND PROPERTY ORCHESTRATOR_ROOMS ${target})
endfunction()
