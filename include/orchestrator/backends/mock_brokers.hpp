// The mock brokers: `zerodha-mock` (tag echo, numeric ids) and `alpaca-mock` (enforced, UUIDs). Same seed
// and input, same ids and behaviour. They remember what they accepted in a ledger of their own, outside
// the order store, so that recovery asks a broker that really knows.
//
//                      zerodha-mock                         alpaca-mock
//   ext order id       Indian day YYMMDD + a counter of     UUID from seed and client order id
//                      at least nine digits
//   client order id    1 to 20 letters and digits           1 to 48 characters
//   placed twice       two orders; look_up() finds the      one order: accepted again on the same terms,
//                      oldest, its reason counts them       rejected on others
//   look_up(), book()  orders of the present Indian day     every order
//   replace()          keeps both ids; forgets the          keeps both ids; look_up() finds the order by
//                      change's own client order id         the change's client order id, too
//   day, calendar      UTC+05:30, "NSE"                     UTC-05:00 all year, "NYSE"
//
// Both: fills come from a fill model (see below) or from simulate_fill(). Stop orders execute only by
// simulate_fill(). Nothing expires: a day, ioc or fok order that does not execute stays working. The symbol
// "REJECT" is refused at place() ("instrument is blocked"); zerodha-mock then lists it as rejected. Cancel
// and replace take effect at once and are reported by poll(), as acknowledgements and executions are.
//
// Faults: "fault_script" is a text of rules "moment selectors: fault arguments", one a line, with comments
// after '#'. docs/fault_scripts.md lists them all and what each does.
//
//   place nth=3: lose_answer           # the third order sent is accepted and its answer lost: in doubt
//   any from=20 to=29: throttle        # a storm of ten refusals for haste
//   look_up always: lag for=2s         # a look-up finds no order younger than two seconds
//   order every=7: overfill qty=5      # every seventh order executes 5 more than ordered
//
// Requests are counted by the connector, from 1, each kind for itself ("any": all kinds together; place():
// each order is one), and counting begins anew when the connector is opened. "order" rules count the orders
// of the broker's ledger instead, so they mean the same orders for ever: give all connectors of one ledger
// the same seed and script. The first rule that holds decides for a request; an order has every fault that
// holds for it. The same seed, script and sequence of requests give the same faults. What the broker does
// (accept, execute, take back) is in its ledger, whatever its answers and reports say.
#pragma once

#include <memory>
#include <string>

#include "orchestrator/broker_connector.hpp"
#include "orchestrator/clock.hpp"

namespace orchestrator {

struct MockBrokerOptions {
  // A file that survives restarts and is shared safely by several mocks, of either kind, and processes, or
  // "memory:" for a ledger that lives and dies with the connector. The file has others beside it that belong
  // to it ("-wal", "-shm", ".lock"): move them together. Local file systems only. An order that place()
  // accepted survives the death of the process, but not necessarily a power cut.
  std::string ledger = "memory:";
  // All optional; anything else is refused:
  //   "seed": integer            default 1
  //   "fill_model": "none" (wait for simulate_fill, the default) | "immediate" (all within place()) |
  //                 "partial" (half within place(), in whole units, the rest at the next poll) |
  //                 "at_limit" (all at the next poll) | "slippage" (like at_limit, worse by slippage_bps). At
  //                 the limit price, or at market_price for an order without one. What happens at the next
  //                 poll is settled when the order comes in, whichever connector of the ledger polls
  //   "slippage_bps": integer    for "slippage", 0 to 9999; default 5; rounded against the order
  //   "market_price": decimal    price of market orders; default 100
  //   "fee_per_order", "fee_rate": decimals, default 0: each execution is charged fee_rate x its notional
  //                 (price x quantity x multiplier), rounded half up to two decimals, and an order's first
  //                 execution fee_per_order as well
  //   "quiet_period_ms": integer default 500
  //   "settlement_days": integer default 1
  //   "calendar": text           name of the holiday calendar, default "NSE" / "NYSE"
  //   "orders_max": integer      orders of one request, default 100
  //   "fault_script": text       what goes wrong, one fault a line: see below
  std::string config_json = "{}";
};

// Throw Error: configuration naming the field, and the line of a fault script; unsupported for a ledger file
// in a build without SQLite; foreign_database, schema_too_new and storage_* for a file that cannot be used.
// `clock` must outlive the connector, which sleeps on it when a fault makes a request hang. A file ledger
// does not survive a fork: the child opens its own connector.
[[nodiscard]] std::unique_ptr<BrokerConnector> make_zerodha_mock(const MockBrokerOptions& options,
                                                                 Clock& clock);
[[nodiscard]] std::unique_ptr<BrokerConnector> make_alpaca_mock(const MockBrokerOptions& options,
                                                                Clock& clock);

}  // namespace orchestrator
