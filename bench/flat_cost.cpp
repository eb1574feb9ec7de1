// What placing costs in a database that is full already, against one that is empty.
#include "measure.hpp"
#include "raw_book.hpp"
#include "workload.hpp"

namespace orchestrator::bench {
namespace {

constexpr std::size_t kFillBatch = 100;

BatchRows sample_rows(const Session& session, std::size_t batch) {
  const Folder folder(session.folder, "sample");
  const auto desk = open_desk({.database = folder.file("sample.db")});
  Requests requests(batch, 99);
  return read_batch_rows(folder.file("sample.db"), desk->place(requests.next()).batch_id);
}

// `left` and `right` place batches from `requests` in turns; the ratio is right's rate over left's.
double compare(benchmark::State& state, Orchestrator& left, Orchestrator& right, Requests& to_left,
               Requests& to_right, std::size_t batches, std::size_t batch) {
  const auto place = [batches](Orchestrator& desk, Requests& requests) {
    for (std::size_t i = 0; i < batches; ++i) benchmark::DoNotOptimize(desk.place(requests.next()));
  };
  place(left, to_left);
  place(right, to_right);
  Duel duel(static_cast<double>(batches * batch));
  for (auto _ : state) {
    state.SetIterationTime(duel.round([&] { place(left, to_left); }, [&] { place(right, to_right); }));
  }
  state.counters["ratio"] = duel.ratio();
  state.counters["orders_per_s"] = duel.ours();
  return duel.ratio();
}

// The same comparison for the raw writer: what a full file costs whoever writes it.
double compare_raw(RawBook& left, RawBook& right, std::size_t batches, int slices) {
  const auto place = [batches](RawBook& book) {
    for (std::size_t i = 0; i < batches; ++i) book.place();
  };
  Duel duel(1);
  for (int i = 0; i < slices; ++i) duel.round([&] { place(left); }, [&] { place(right); });
  return duel.ratio();
}

void full_database(benchmark::State& state, Session& session, std::size_t batch, std::size_t count) {
  const Folder folder(session.folder, "flat");
  const std::size_t orders = session.quick ? 200'000 : 1'000'000;
  const std::size_t batches = session.scaled(count);
  RawBook(folder.file("full.db"), sample_rows(session, kFillBatch)).fill(orders / kFillBatch, 0);
  {
    const auto empty = open_desk({.database = folder.file("empty.db")});
    const auto full = open_desk({.database = folder.file("full.db")});
    Requests to_empty(batch, 1);
    Requests to_full(batch, 1);
    const double ratio = compare(state, *empty, *full, to_empty, to_full, batches, batch);
    session.at_least(
        std::to_string(orders) + " orders there, batch " + std::to_string(batch) + ": rate / empty", ratio,
        0.9);
  }
  const BatchRows rows = sample_rows(session, batch);
  RawBook empty(folder.file("raw-empty.db"), rows);
  RawBook full(folder.file("full.db"), rows);
  state.counters["raw_ratio"] = compare_raw(empty, full, batches, session.slices());
}

void one_instrument(benchmark::State& state, Session& session) {
  const Folder folder(session.folder, "flat");
  const auto empty = open_desk({.database = folder.file("empty.db")});
  const auto crowded = open_desk({.database = folder.file("crowded.db")});
  Requests crowd(100, 2, 1);
  for (int i = 0; i < 10; ++i) static_cast<void>(crowded->place(crowd.next()));
  Requests to_empty(1, 3);
  Requests to_crowded(1, 3, 1);
  const double ratio = compare(state, *empty, *crowded, to_empty, to_crowded, session.scaled(1'200), 1);
  session.at_least("1,000 open orders of one instrument: rate / empty", ratio, 0.9);
}

}  // namespace

void register_flat_cost(Session& session) {
  struct Case {
    std::size_t batch;
    std::size_t batches;
  };
  for (const Case& one : {Case{1, 1'200}, Case{100, 200}}) {
    add("flat/full_database/batch:" + std::to_string(one.batch), session.slices(),
        [&session, one](benchmark::State& state) { full_database(state, session, one.batch, one.batches); });
  }
  add("flat/one_instrument", session.slices(),
      [&session](benchmark::State& state) { one_instrument(state, session); });
}

}  // namespace orchestrator::bench
