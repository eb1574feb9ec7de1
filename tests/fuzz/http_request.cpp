// What a client sends to the HTTP server: the head's framing, target, query, headers and body.
#include "cli/settings.hpp"
#include "codec/utf8.hpp"
#include "examples/http_server/framing.hpp"
#include "examples/http_server/parameters.hpp"
#include "fuzz/target.hpp"

namespace orchestrator::fuzz {
namespace {

using namespace http;

void check_head(std::string_view bytes) {
  const auto size = head_size(bytes);
  if (!size) return;
  require(*size > 0 && *size <= bytes.size(), "a head is a part of the bytes");
  require(head_size(bytes.substr(0, *size)) == size, "a head ends where it ends");
  if (!head_fault(bytes.substr(0, *size)).empty()) return;
  require(bytes.substr(0, *size).ends_with("\r\n\r\n"), "a sound head ends with an empty line");
}

void check_query(const Request& request) {
  accepted({ErrorCode::kInvalidArgument}, [&] {
    Query query(request);
    const Page page(query);
    require(page.limit >= 1 && page.limit <= 1000 && page.cursor >= 0, "a page has its limits");
    const auto id = query.id("batch_id");
    require(!id || *id > 0, "an id is above zero");
    static_cast<void>(query.text("tenant"));
    query.finish();
    return true;
  });
}

void check_target(std::string_view bytes) {
  Request request;
  request.target = bytes;
  if (!split_target(request)) return;
  require(request.path.starts_with('/'), "a path begins with a slash");
  const auto sound = [](const std::string& text) {
    return text.find('\0') == std::string::npos && codec::find_invalid_utf8(text) == std::string::npos;
  };
  require(sound(request.path), "a path is text");
  for (const auto& [name, value] : request.query) require(sound(name) && sound(value), "a query is text");
  check_query(request);
  request.captured = {request.path.substr(1)};
  const auto id = accepted({ErrorCode::kNotFound}, [&] { return path_id(request, "order"); });
  if (id) require(std::to_string(*id) == request.captured.front(), "an id of a path has one text");
}

void check_key(std::string_view bytes) {
  Request request;
  request.headers = {{"host", "localhost"}, {"idempotency-key", std::string(bytes)}};
  const auto key = accepted({ErrorCode::kInvalidArgument}, [&] { return idempotency_key(request); });
  if (key) {
    require(*key && !(*key)->empty(), "a key is not empty");
    request.headers.back().second = '"' + **key + '"';
    require(idempotency_key(request) == *key, "a quoted key is the bare key");
  }
  request.headers.emplace_back("idempotency-key", "another");
  require(!accepted({ErrorCode::kInvalidArgument}, [&] { return idempotency_key(request); }),
          "two keys are none");
}

void check_body(std::string_view bytes) {
  const ReadLimits limits;
  const auto body = accepted({ErrorCode::kInvalidJson}, [&] { return parse_json(bytes, limits); });
  if (!body) return;
  require(bytes.find('\0') == std::string_view::npos, "a NUL byte is not JSON");
  accepted({ErrorCode::kInvalidJson, ErrorCode::kInvalidArgument, ErrorCode::kInvalidDecimal}, [&] {
    Members members(*body, "");
    const auto qty = members.positive<Quantity>("qty");
    require(!qty || qty->is_positive(), "a quantity is above zero");
    const auto id = members.id("id");
    require(!id || *id > 0, "an id is above zero");
    static_cast<void>(members.text("reason"));
    members.finish();
    return true;
  });
}

void run(std::string_view bytes) {
  check_head(bytes);
  check_target(bytes);
  check_key(bytes);
  check_body(bytes);
  accepted({ErrorCode::kConfiguration}, [&] { return cli::parse_environment_file(bytes); });
}

const Registration kRegistered({"http_request", run});

}  // namespace
}  // namespace orchestrator::fuzz
