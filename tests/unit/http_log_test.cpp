// The log of the HTTP server: one line per entry, and nothing of a secret or of a client's making in it.
#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "examples/http_server/log.hpp"
#include "orchestrator/error.hpp"

using namespace orchestrator;
using orchestrator::http::AnsweredRequest;
using orchestrator::http::Log;

namespace {

// The lines that `speak` makes, without their times.
template <class Speak>
std::vector<std::string> lines_of(const char* format, const char* level, Speak&& speak) {
  std::ostringstream out;
  {
    Log log(format, level, out);
    speak(log);
  }
  std::vector<std::string> lines;
  std::istringstream in(out.str());
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string after_time(const std::string& line) { return line.substr(line.find('Z') + 1); }

}  // namespace

TEST_CASE("an answered request is one line, in words or in JSON") {
  const AnsweredRequest request{.id = "r-1",
                                .method = "POST",
                                .route = "/api/v1/orders",
                                .status = 200,
                                .duration = std::chrono::microseconds(431),
                                .caller = "desk one",
                                .bytes = 512};
  const auto text = lines_of("text", "info", [&](Log& log) { log.answered(request); });
  REQUIRE(text.size() == 1);
  CHECK(after_time(text[0]) ==
        " info request request_id=r-1 method=POST route=/api/v1/orders status=200 duration_us=431 "
        "caller=\"desk one\" bytes=512");
  const auto json = lines_of("json", "info", [&](Log& log) { log.answered(request); });
  REQUIRE(json.size() == 1);
  CHECK(json[0].starts_with("{\"time\":\"2"));
  CHECK(after_time(json[0]) ==
        "\",\"level\":\"info\",\"message\":\"request\",\"request_id\":\"r-1\",\"method\":\"POST\","
        "\"route\":\"/api/v1/orders\",\"status\":200,\"duration_us\":431,\"caller\":\"desk "
        "one\",\"bytes\":512}");
}

TEST_CASE("what a client writes makes no second line and no control character") {
  const std::string hostile = std::string("a\r\nfake line \x1b[31m\x00\x7f \"q\" \\ {} %s \xE2\x80\xA8", 36) +
                              "\xFF\xC0\xAF\xED\xA0\x80 \xF0\x9F\x92\xA5";
  for (const char* format : {"text", "json"}) {
    const auto lines = lines_of(format, "debug", [&](Log& log) {
      log.info(hostile);
      log.answered({.id = hostile, .method = hostile, .route = hostile, .status = 404, .caller = hostile});
    });
    REQUIRE(lines.size() == 2);
    for (const std::string& line : lines) {
      INFO(line);
      CHECK(std::ranges::all_of(line, [](char c) { return c >= ' ' && c < 127; }));
      CHECK(line.find("\\u000d\\u000afake line") != std::string::npos);
      CHECK(line.find("{} %s") != std::string::npos);
      CHECK(line.find("\\u2028\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd \\ud83d\\udca5") !=
            std::string::npos);
    }
  }
}

TEST_CASE("a value that is too long is cut") {
  const auto lines = lines_of("text", "info", [](Log& log) { log.info(std::string(1'000'000, 'x')); });
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].size() < 1200);
  CHECK(lines[0].ends_with("x..."));
}

TEST_CASE("a password in a URL is in no line, wherever the URL stands") {
  for (const char* secret :
       {"postgresql://desk:canary@host/db", "cannot open 'redis://:canary@h:1/0', retrying",
        "a://b c://u:can@ary@h d", "x://u:canary@h,y://v:canary@i"}) {
    const auto lines = lines_of("json", "info", [&](Log& log) { log.warn(secret); });
    REQUIRE(lines.size() == 1);
    INFO(lines[0]);
    CHECK(lines[0].find("canary") == std::string::npos);
    CHECK(lines[0].find("ary@") == std::string::npos);
    CHECK(lines[0].find("***@") != std::string::npos);
  }
  CHECK(http::without_passwords("see https://host:80/a@b") == "see https://host:***@b");  // rather too much
  CHECK(http::without_passwords("http://[::1]:8006/ is open") == "http://[::1]:8006/ is open");
}

TEST_CASE("what is below the level is not written, and a failed request is an error") {
  const auto lines = lines_of("text", "error", [](Log& log) {
    log.debug("no");
    log.info("no");
    log.warn("no");
    log.answered({.status = 499});
    log.answered({.status = 500});
    log.error("yes");
  });
  REQUIRE(lines.size() == 2);
  CHECK(after_time(lines[0]).starts_with(" error request "));
  CHECK(after_time(lines[1]) == " error yes");
}

TEST_CASE("a format or a level that is none is refused by name") {
  CHECK_THROWS_WITH_AS(Log("xml", "info"), "log format 'xml' is none: use text or json", Error);
  CHECK_THROWS_WITH_AS(Log("text", "loud"), "log level 'loud' is none: use debug, info, warning or error",
                       Error);
}
