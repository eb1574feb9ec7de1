// The connectors we ship keep the contract that we ask of others.

#include <doctest/doctest.h>

#include "orchestrator/backends/mock_brokers.hpp"
#include "orchestrator/testing/broker_connector_contract.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

using orchestrator::make_alpaca_mock;
using orchestrator::make_zerodha_mock;
using orchestrator::testing::broker_connector_contract;
using orchestrator::testing::FakeClock;
using orchestrator::testing::TemporaryFolder;

}  // namespace

TEST_CASE("zerodha-mock with a ledger in memory keeps the connector contract") {
  FakeClock clock;
  broker_connector_contract([&] { return make_zerodha_mock({}, clock); });
}

TEST_CASE("alpaca-mock with a ledger in memory keeps the connector contract") {
  FakeClock clock;
  broker_connector_contract([&] { return make_alpaca_mock({}, clock); });
}

#ifdef ORCHESTRATOR_HAS_SQLITE

TEST_CASE("zerodha-mock with a ledger file keeps the connector contract") {
  FakeClock clock;
  const TemporaryFolder folder;
  broker_connector_contract([&] { return make_zerodha_mock({.ledger = folder.file("brokers")}, clock); });
}

TEST_CASE("alpaca-mock with a ledger file keeps the connector contract") {
  FakeClock clock;
  const TemporaryFolder folder;
  broker_connector_contract([&] { return make_alpaca_mock({.ledger = folder.file("brokers")}, clock); });
}

#endif
