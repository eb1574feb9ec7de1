#include "examples/http_server/problem.hpp"

#include "orchestrator/json.hpp"

namespace orchestrator::http {
namespace {

constexpr std::string_view kTypePrefix = "urn:orchestrator:error:";

std::string title_of(std::string_view code) {
  std::string title(code);
  for (auto& c : title) {
    if (c == '_') c = ' ';
  }
  if (!title.empty() && title[0] >= 'a' && title[0] <= 'z')
    title[0] = static_cast<char>(title[0] - 'a' + 'A');
  return title;
}

// Without the closing brace.
std::string common(int status, std::string_view code, std::string_view detail, std::string_view request_id) {
  return "{\"type\":" + quote(std::string(kTypePrefix).append(code)) + ",\"title\":" + quote(title_of(code)) +
         ",\"status\":" + std::to_string(status) + ",\"detail\":" + quote(detail) +
         ",\"code\":" + quote(code) + ",\"request_id\":" + quote(request_id);
}

Response document(int status, std::string body) {
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = std::move(body);
  return response;
}

bool is_about_the_server(ErrorCode code) {
  const int status = status_of(code);
  return status == 500 || status == 507 || code == ErrorCode::kStorageBusy ||
         code == ErrorCode::kStorageReadOnly || code == ErrorCode::kStorageUnavailable;
}

// What the caller may know of an error.
Error shown_to(const Request& request, const Error& error, Log& log) {
  const bool inside = is_about_the_server(error.code());
  if (inside) log.error("request " + request.id + ": " + error.what());
  if (request.caller.role == Role::kOperate || !(inside || error.code() == ErrorCode::kHalted)) return error;
  return {error.code(),
          inside ? "the service could not do it; its log says why, under this request's id"
                 : "orders are stopped; GET /api/v1/halts shows what is",
          error.next_step()};
}

}  // namespace

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidDecimal:
    case ErrorCode::kInvalidJson:
    case ErrorCode::kInvalidCsv:
      return 400;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
    case ErrorCode::kUnknownBroker:
      return 404;
    case ErrorCode::kIdempotencyInProgress:
    case ErrorCode::kInvalidState:
    case ErrorCode::kNotSimulated:
    case ErrorCode::kBrokerRefused:
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kNumberOverflow:
    case ErrorCode::kLimitExceeded:
    case ErrorCode::kValidationFailed:
    case ErrorCode::kIdempotencyConflict:
    case ErrorCode::kIdempotencyExpired:
      return 422;
    case ErrorCode::kBrokerInactive:
    case ErrorCode::kHalted:
    case ErrorCode::kStorageBusy:
    case ErrorCode::kStorageReadOnly:
    case ErrorCode::kStorageUnavailable:
    case ErrorCode::kClosed:
      return 503;
    case ErrorCode::kStorageFull:
      return 507;
    case ErrorCode::kBrokerInDoubt:
      return 502;
    case ErrorCode::kUnsupported:
      return 501;
    case ErrorCode::kStorageCorrupt:
    case ErrorCode::kSchemaTooNew:
    case ErrorCode::kSchemaOutdated:
    case ErrorCode::kForeignDatabase:
    case ErrorCode::kMigrationFailed:
    case ErrorCode::kConfiguration:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

Response problem(const Error& error, std::string_view request_id) {
  const int status = status_of(error.code());
  auto body = common(status, to_string(error.code()), error.what(), request_id) +
              ",\"retryable\":" + (error.retryable() ? "true" : "false") +
              ",\"in_doubt\":" + (error.in_doubt() ? "true" : "false");
  body += ",\"violations\":[";
  bool first = true;
  for (const auto& violation : error.violations()) {
    if (!first) body += ',';
    first = false;
    body += to_json(violation);
  }
  auto response = document(status, std::move(body) + "]}");
  if (error.retryable()) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response problem(const Error& error, const Request& request, Log& log) {
  auto response = problem(shown_to(request, error, log), request.id);
  if (!request.idempotency_key.empty()) {
    response.body.insert(response.body.size() - 1, ",\"idempotency_key\":" + quote(request.idempotency_key));
  }
  return response;
}

Response problem(const Refusal& refusal, std::string_view request_id) {
  const bool retryable = refusal.status == 429 || refusal.status == 503 || refusal.status == 408;
  auto response = document(refusal.status, common(refusal.status, refusal.code, refusal.detail, request_id) +
                                               ",\"retryable\":" + (retryable ? "true" : "false") +
                                               ",\"in_doubt\":false,\"violations\":[]}");
  response.headers = refusal.headers;
  return response;
}

}  // namespace orchestrator::http
