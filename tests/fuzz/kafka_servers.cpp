// Kafka's bootstrap servers: read, or refused without a word of theirs.
#include "adapters/kafka/producer.hpp"
#include "fuzz/target.hpp"

namespace orchestrator::fuzz {
namespace {

void run(std::string_view bytes) {
  for (const char* protocol : {"plaintext", "sasl_ssl"}) {
    const auto servers =
        accepted({ErrorCode::kConfiguration}, [&] { return kafka::read_servers(bytes, protocol); });
    if (!servers) continue;
    require(!servers->empty() && servers->size() <= bytes.size(), "some server is left");
    require(servers->find_first_of(" \t\r\n/@") == std::string::npos,
            "servers without blanks, schemes and users");
    require(kafka::read_servers(*servers, protocol) == *servers, "what was read is read the same");
  }
}

const Registration kRegistered({"kafka_servers", run});

}  // namespace
}  // namespace orchestrator::fuzz
