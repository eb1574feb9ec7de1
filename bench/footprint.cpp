// Memory as the book grows, and the time from a start to the first accepted order.
#include <malloc.h>

#include "measure.hpp"
#include "raw_book.hpp"
#include "workload.hpp"

namespace orchestrator::bench {
namespace {

constexpr std::size_t kBatch = 100;

// Every order stays open at a broker that remembers nothing, so what grows is ours. The caches fill before
// the first look: they are bounded.
void memory(benchmark::State& state, Session& session) {
  const Folder folder(session.folder, "memory");
  const auto desk = open_desk({.database = folder.file("book.db"), .forgetful = true});
  Requests requests(kBatch, 1);
  const std::size_t orders = session.quick ? 200'000 : 1'000'000;
  const auto place = [&](std::size_t count) {
    for (std::size_t i = 0; i < count / kBatch; ++i) benchmark::DoNotOptimize(desk->place(requests.next()));
  };
  place(400'000);
  ::malloc_trim(0);
  const double before = resident_bytes();
  double grown = 0;
  for (auto _ : state) {
    state.SetIterationTime(seconds_of([&] { place(orders); }));
    grown = resident_bytes() - before;
  }
  state.counters["resident_MiB"] = resident_bytes() / 1048576;
  state.counters["grown_MiB"] = grown / 1048576;
  state.counters["bytes_per_open_order"] = grown / static_cast<double>(orders);
  session.at_most("bytes of memory per open order", grown / static_cast<double>(orders), 1024);
  session.at_most("growth over " + std::to_string(orders) + " orders, MiB", grown / 1048576, 32);
}

// 100,000 open orders, every tenth in doubt: a new process opens the book in background mode, which begins to
// recover at once, and places an order.
void start(benchmark::State& state, Session& session) {
  const Folder folder(session.folder, "start");
  const std::size_t orders = session.quick ? 20'000 : 100'000;
  {
    const auto desk = open_desk({.database = folder.file("sample.db")});
    Requests requests(kBatch, 99);
    const Receipt receipt = desk->place(requests.next());
    RawBook(folder.file("pristine.db"), read_batch_rows(folder.file("sample.db"), receipt.batch_id))
        .fill(orders / kBatch, 10);
  }
  std::vector<double> took;
  for (auto _ : state) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(folder.file(std::string("book.db") + suffix));
    }
    std::filesystem::copy_file(folder.file("pristine.db"), folder.file("book.db"));
    Requests requests(1, 7);
    std::unique_ptr<Orchestrator> desk;
    took.push_back(seconds_of([&] {
      desk = open_desk({.database = folder.file("book.db"), .mode = Mode::kBackground, .forgetful = true});
      benchmark::DoNotOptimize(desk->place(requests.next()));
    }));
    state.SetIterationTime(took.back());
  }
  state.counters["seconds"] = median(took);
  session.at_most("start with " + std::to_string(orders) + " open orders to the first accepted, s",
                  median(took), 2);
}

}  // namespace

void register_footprint(Session& session) {
  add("memory/open_orders", 1, [&](benchmark::State& state) { memory(state, session); });
  add("start/open_orders", session.quick ? 2 : 3, [&](benchmark::State& state) { start(state, session); });
}

}  // namespace orchestrator::bench
