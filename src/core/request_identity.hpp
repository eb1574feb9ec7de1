// What makes two requests the same one, and the names their orders carry at brokers.
//
// The fingerprint covers what is asked for; the idempotency key and the tenant are the scope in which it is
// compared and not part of it. Client order ids are a function of scope and position alone, so that every
// attempt, process and restart arrives at the same name for the same order.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "orchestrator/idempotency_store.hpp"
#include "orchestrator/order.hpp"

namespace orchestrator {

// A client order id has 20 characters: the deployment's two, 14 of the request's hash (70 bits), 3 of the
// order's index within the batch and 1 of the generation: 0 for the original, k for its k-th replace.
inline constexpr std::size_t kClientOrderIdSize = 20;
inline constexpr std::size_t kClientOrderIndexMax = 32'767;
inline constexpr int kReplaceGenerationMax = 31;

// The bytes that the fingerprint is the SHA-256 of; the grammar is in the source. Different requests have
// different bytes.
[[nodiscard]] std::string canonical_form(const BatchRequest& request);
[[nodiscard]] Fingerprint fingerprint(const BatchRequest& request);

// Throws Error(configuration) unless `deployment` is two characters of 0-9 and a-z.
void check_deployment(std::string_view deployment);

// The client order ids of one accepted request.
class ClientOrderIds {
 public:
  // Throws like check_deployment.
  ClientOrderIds(std::string_view deployment, std::string_view tenant, std::string_view key);
  // Throws Error(limit_exceeded) for an index above kClientOrderIndexMax and like replace_generation.
  [[nodiscard]] std::string make(std::size_t index, int generation) const;
  // The same into `id`, whatever it holds.
  void write(std::size_t index, int generation, std::string& id) const;

 private:
  std::string stem_;  // deployment and hash
};

// The id that the order's replace number `generation` is sent under; 0 gives the original back. Throws
// Error(limit_exceeded) above kReplaceGenerationMax, Error(invalid_argument) for anything that is no client
// order id or no generation.
[[nodiscard]] std::string replace_generation(std::string_view client_order_id, int generation);

// The id that the order was placed under, of the id of any change of it; what is no client order id of ours
// comes back as it is.
[[nodiscard]] std::string placed_as(std::string_view client_order_id);

// A key for a request that came without one: "auto-" and 26 random characters (130 bits). Throws
// Error(unsupported) where the system has no random numbers.
[[nodiscard]] std::string make_random_key();

}  // namespace orchestrator
