// The trading desk that is measured: reference data, requests, and the orchestrator over one of the stores.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "orchestrator/orchestrator.hpp"

namespace orchestrator::bench {

// An even spread of 64 bits, so that keys and ids are as scattered as real ones (SplitMix64).
[[nodiscard]] constexpr std::uint64_t scatter(std::uint64_t number) {
  std::uint64_t value = number + 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

// Overwrites `text` from `at` on with `count` hexadecimal digits of `bits`.
void write_hex(std::string& text, std::size_t at, std::size_t count, std::uint64_t bits);
// The idempotency key number `number`, 32 characters: written over `key`.
void write_key(std::string& key, std::uint64_t number);

// Limit orders of one caller, `batch` in each request, all different. Only the key changes from call to call:
// what a caller does to make its request is not measured.
class Requests {
 public:
  // `only`: every order is of this instrument; 0: they spread. Callers share so many portfolios.
  Requests(std::size_t batch, std::uint64_t caller, InstrumentId only = 0, PortfolioId portfolios = 8);
  [[nodiscard]] const BatchRequest& next();

 private:
  std::vector<BatchRequest> pool_;
  std::uint64_t caller_;
  std::uint64_t count_ = 0;
};

// A broker that takes everything and remembers nothing, for figures about our own memory. It has every order
// it is asked about.
[[nodiscard]] std::unique_ptr<BrokerConnector> make_forgetful_broker();

struct DeskOptions {
  std::filesystem::path database = {};  // empty: the memory store
  std::size_t orders_max = 100;         // of one request to the broker
  bool cached = true;                   // with the idempotency cache in front of the store
  Mode mode = Mode::kInline;
  std::string fill_model = "none";
  bool forgetful = false;  // the broker above in place of alpaca-mock
};
[[nodiscard]] std::unique_ptr<Orchestrator> open_desk(const DeskOptions& options);
// With these parts, where they are there, in place of its own.
[[nodiscard]] std::unique_ptr<Orchestrator> open_desk(const DeskOptions& options, Parts parts);

// A fresh folder that goes with the object.
class Folder {
 public:
  Folder(const std::filesystem::path& parent, const std::string& name);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace orchestrator::bench
