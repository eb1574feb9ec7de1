#include "workload.hpp"

#include "orchestrator/backends/memory.hpp"
#include "orchestrator/backends/mock_brokers.hpp"
#include "orchestrator/backends/sqlite.hpp"

namespace orchestrator::bench {
namespace {

constexpr InstrumentId kInstruments = 2'000;
constexpr std::size_t kPool = 16;
constexpr std::int64_t kTick = 50'000'000;  // 0.05

class ForgetfulBroker final : public BrokerConnector {
 public:
  ForgetfulBroker() {
    capabilities_.name = "alpaca-mock";
    capabilities_.account = "mock";
    capabilities_.broker_class = BrokerClass::kEnforced;
    capabilities_.orders_max = 100;
  }
  [[nodiscard]] const BrokerCapabilities& capabilities() const override { return capabilities_; }
  std::vector<SendResult> place(std::span<const Order> orders) override {
    std::vector<SendResult> results;
    for (const Order& order : orders) {
      results.push_back({SendOutcome::kAccepted, ext_order_id(order.client_order_id), {}});
    }
    return results;
  }
  SendResult cancel(const Order& /*order*/) override { return {SendOutcome::kRejected, {}, "not here"}; }
  SendResult replace(const Order& /*order*/, const ReplaceRequest& /*request*/) override {
    return {SendOutcome::kRejected, {}, "not here"};
  }
  [[nodiscard]] LookUp look_up(const std::string& client_order_id) override {
    LookUp found;
    found.kind = LookUp::Kind::kFound;
    found.order.ext_order_id = ext_order_id(client_order_id);
    found.order.client_order_id = client_order_id;
    return found;
  }
  [[nodiscard]] Book book() override { return {}; }
  [[nodiscard]] ReportPage poll(const std::string& cursor) override { return {{}, cursor, false}; }

 private:
  static std::string ext_order_id(const std::string& client_order_id) {
    return "5f0c2a9e-41d7-4b1" + client_order_id.substr(1);
  }

  BrokerCapabilities capabilities_;
};

void put_reference_data(ReferenceStore& store) {
  if (!store.instruments({}).empty()) return;
  std::vector<Instrument> instruments;
  for (InstrumentId id = 1; id <= kInstruments; ++id) {
    Instrument& instrument = instruments.emplace_back();
    instrument.id = id;
    instrument.symbol = "SYMBOL" + std::to_string(id);
    instrument.exchange = "NSE";
    instrument.tick_size = Price::from_units(kTick);
    instrument.last_price = Price::from_int(500);
  }
  store.put_instruments(instruments);
  store.put_limits({.margin_available = Money::from_int(1'000'000'000'000'000),
                    .margin_rate = Rate::from_string("0.2"),
                    .max_quantity = Quantity::from_int(1'000'000),
                    .max_notional_day = Money::from_int(1'000'000'000'000'000'000)});
}

}  // namespace

void write_hex(std::string& text, std::size_t at, std::size_t count, std::uint64_t bits) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < count; ++i, bits >>= 4) text[at + i] = kDigits[bits & 15];
}

void write_key(std::string& key, std::uint64_t number) {
  key.resize(32);
  write_hex(key, 0, 16, scatter(number));
  write_hex(key, 16, 16, scatter(~number));
}

Requests::Requests(std::size_t batch, std::uint64_t caller, InstrumentId only, PortfolioId portfolios)
    : caller_(caller) {
  for (std::size_t i = 0; i < kPool; ++i) {
    BatchRequest& request = pool_.emplace_back();
    request.portfolio_id = 1 + static_cast<PortfolioId>(caller) % portfolios;
    request.user_id = 7;
    for (std::size_t k = 0; k < batch; ++k) {
      const std::uint64_t luck = scatter((caller << 32) + i * batch + k);
      OrderRequest& order = request.orders.emplace_back();
      const InstrumentId spread = 1 + static_cast<InstrumentId>(k + luck % 16 * 64) % kInstruments;
      order.instrument_id = only != 0 ? only : spread;
      order.qty = Quantity::from_int(1 + static_cast<std::int64_t>((luck >> 8) % 1000));
      order.side = (luck & 1) != 0 ? Side::kBuy : Side::kSell;
      const auto ticks = static_cast<std::int64_t>(2'000 + k * 3 + (luck >> 24) % 3);
      order.price_limit = Price::from_units(ticks * kTick);
    }
  }
}

const BatchRequest& Requests::next() {
  BatchRequest& request = pool_[count_ % kPool];
  write_key(request.idempotency_key, (caller_ << 40) + count_++);
  return request;
}

std::unique_ptr<BrokerConnector> make_forgetful_broker() { return std::make_unique<ForgetfulBroker>(); }

std::unique_ptr<Orchestrator> open_desk(const DeskOptions& options) { return open_desk(options, {}); }

std::unique_ptr<Orchestrator> open_desk(const DeskOptions& options, Parts parts) {
  if (!parts.clock) parts.clock = make_system_clock();
  if (!parts.store) {
    parts.store = options.database.empty() ? make_memory_store()
                                           : open_sqlite_store({.path = options.database.string()});
  }
  if (options.cached && !parts.idempotency) parts.idempotency = make_memory_idempotency_store();
  if (options.forgetful) {
    parts.brokers.push_back(make_forgetful_broker());
  } else {
    const std::string config = R"({"orders_max": )" + std::to_string(options.orders_max) +
                               R"(, "fill_model": ")" + options.fill_model + R"("})";
    parts.brokers.push_back(make_alpaca_mock({.ledger = "memory:", .config_json = config}, *parts.clock));
  }
  put_reference_data(*parts.store);
  EngineOptions engine;
  engine.mode = options.mode;
  return std::make_unique<Orchestrator>(engine, std::move(parts));
}

Folder::Folder(const std::filesystem::path& parent, const std::string& name) : path_(parent / name) {
  std::filesystem::remove_all(path_);
  std::filesystem::create_directories(path_);
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace orchestrator::bench
