#include "examples/http_server/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace orchestrator::http {

Log::Log(std::string_view, std::string_view level) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("http"));
  spdlog::set_level(spdlog::level::from_str(std::string(level)));
}

void Log::answered(const Request& request, std::string_view route, int status,
                   std::chrono::microseconds duration) {
  spdlog::debug("{} {} {} {} us request_id={}", request.method, route, status, duration.count(), request.id);
}

void Log::info(std::string_view sentence) { spdlog::info("{}", sentence); }

void Log::warn(std::string_view sentence) { spdlog::warn("{}", sentence); }

}  // namespace orchestrator::http
