// One librdkafka producer, without its types. Not thread-safe but for ask_broker() and location().
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/backends/kafka.hpp"

namespace orchestrator::kafka {

// What a broker, or the producer in its place, said of one message.
struct Report {
  enum class Verdict {
    kDelivered,
    kUnfit,   // the batch the message was in is too large or not valid
    kFailed,  // anything else: it may go another time
  };
  void* message = nullptr;  // as given to produce()
  Verdict verdict = Verdict::kFailed;
  const char* why = "";  // lives for the whole program
};

// What is known of the connection. No text holds a secret.
struct Condition {
  bool down = false;         // no broker can be reached
  bool fatal = false;        // this producer is good for nothing any more
  std::string problem = {};  // the last one; empty since a delivery
};

// "2.0.2"
[[nodiscard]] std::string library_version();

// The bootstrap servers as librdkafka understands them, of which `protocol` is the security.protocol. Throws
// Error(configuration) and repeats nothing of the text: a password may stand in it.
[[nodiscard]] std::string read_servers(std::string_view text, const std::string& protocol);

class Producer {
 public:
  enum class Taken { kYes, kQueueFull, kUnfit, kFailed };

  // `alone`: every message is a batch of its own, so that a verdict is about that message.
  // Throws Error(configuration).
  Producer(const KafkaOptions& options, bool alone);
  // Gives up what is on its way; does not wait for a broker.
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // kYes: there will be a report about `message`, unless the producer ends before.
  Taken produce(std::string_view key, std::string_view value, void* message);
  // Waits until something happens, and gives the reports that are there.
  std::vector<Report> poll(std::chrono::milliseconds timeout);
  [[nodiscard]] const Condition& condition() const;
  // "host:port,host:port/topic", from any thread.
  [[nodiscard]] std::string location() const;

  // One round trip to a broker about the topic: empty when all is well, or what is wrong. Called from any
  // thread.
  [[nodiscard]] std::string ask_broker(std::chrono::milliseconds timeout) const;

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace orchestrator::kafka
