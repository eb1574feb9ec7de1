// What a handler sees of HTTP: a request that was read in full, who asked, and the answer. Nothing of
// sockets.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orchestrator::http {

// Each role may do what the ones before it may.
enum class Role : std::uint8_t { kNone, kRead, kTrade, kOperate };
[[nodiscard]] std::string_view to_string(Role role);

// Who asks. Only Access makes one.
struct Caller {
  std::string name = {};                   // of the key, for logs; never the key
  Role role = Role::kNone;                 // kNone: nobody we know
  std::optional<std::string> tenant = {};  // nullopt: sees all tenants
};

struct Route;

struct Request {
  std::string method = {};
  std::string target = {};  // as it came
  std::string path = {};    // decoded, without the query
  std::vector<std::pair<std::string, std::string>> query = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // names in lower case
  std::string body = {};
  std::string id = {};  // X-Request-Id: the client's when it is sane, else ours
  Caller caller = {};
  std::string idempotency_key = {};        // of a placement: the client's or ours; a refusal names it
  const Route* route = nullptr;            // that matched; null: none did
  std::vector<std::string> captured = {};  // what stood in the path's {}, in order

  // The first header of that lower-case name; nullptr without one.
  [[nodiscard]] const std::string* header(std::string_view name) const;
};

// Where an answer without an end is written to. Called from any thread.
class Stream {
 public:
  virtual ~Stream() = default;
  // Takes the text on its way; it waits in memory, one for all streams it is sent to, until the client has
  // taken what is before it.
  virtual void send(std::shared_ptr<const std::string> text) = 0;
  virtual void end() = 0;
  [[nodiscard]] virtual std::size_t waiting_bytes() const = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  // At most one of these, instead of a body: neither holds a thread. `later` is told where the answer goes,
  // which may be called once, from any thread; `stream` where to write when the head has left.
  std::function<void(std::function<void(Response)> done)> later = {};
  std::function<void(std::shared_ptr<Stream> to)> stream = {};
  // Of `later`: set once the client has closed its side and waits no more, as far as anybody can tell.
  std::shared_ptr<std::atomic<bool>> gone = {};
  std::string subject = {};  // for the log, where the path does not tell: "batch/4"
};

// The reason phrase of a status that this server answers.
[[nodiscard]] std::string_view reason_of(int status);

// Fills `path` and `query` from `target`. False: not an absolute path, a broken %-escape, an escaped slash in
// the path, a NUL byte, or
// what is not UTF-8 (databases differ in what they make of that).
[[nodiscard]] bool split_target(Request& request);

// 1 to 64 characters that can do no harm in a header, a log line or a page.
[[nodiscard]] bool is_sane_request_id(std::string_view text);
[[nodiscard]] std::string fresh_request_id();
// Unlike any other, and not to be guessed: 128 random bits.
[[nodiscard]] std::string fresh_idempotency_key();

}  // namespace orchestrator::http
