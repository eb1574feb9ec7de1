# cmake -DOUTPUT=FILE -DFOLDER=FOLDER -P embed.cmake: writes the C++ source that holds the page and the OpenAPI
# document, byte for byte.
file(GLOB files "${FOLDER}/page/*" "${FOLDER}/openapi.json")
set(arrays "")
set(table "")
set(number 0)
foreach(file IN LISTS files)
  file(READ "${file}" bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  get_filename_component(name "${file}" NAME)
  string(REGEX REPLACE "^index\\.html$" "" path "${name}")
  string(APPEND arrays "constexpr char kFile${number}[] = {${bytes}};\n")
  string(APPEND table "    StaticFile{\"/${path}\", {kFile${number}, sizeof(kFile${number})}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUTPUT}" "#include \"examples/http_server/static_files.hpp\"

#include <array>

namespace orchestrator::http {
namespace {

${arrays}
constexpr std::array kFiles{
${table}};

}  // namespace

std::span<const StaticFile> static_files() { return kFiles; }

}  // namespace orchestrator::http
")
