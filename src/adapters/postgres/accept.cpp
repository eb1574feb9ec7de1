// T1: batches, their orders, keys, margins and events in one commit. The units of a group are one
// transaction; when one of several loses a race in step 3, which one is not asked, and each runs alone.
//
//   1  what may refuse a batch, and the ids it will have
//   2  the rules decide (core/store_rules), compose() writes receipt and events
//   3  one statement inserts all rows of all units and adds to what their portfolios use
//
// The first run is a guess: 1 locks nothing but the switches, and 3 is sent together with COMMIT, under the
// condition that all of it was written and no portfolio uses more than it may. So a portfolio's row is locked
// for no longer than its commit takes. Where the condition does not hold, or a refusal is in sight, the
// portfolios are locked before 2, and what 3 says is looked at before COMMIT.
//
// Two refusals show only in 3, when another transaction was faster than 1 could see: a key (the unit runs
// again and finds the winner's row) and a client order id. Where the fate of a COMMIT without an answer
// cannot be found out, the unit runs again as well: if it stands, its own key is found, and the stored
// receipt is what a replay would get.
//
// Every run draws its numbers anew. Those of an earlier one may be of a server that died before its sequences
// had heard of them: stored by the next, they would be given again to others.

#include <algorithm>
#include <map>

#include "adapters/postgres/controls.hpp"
#include "adapters/postgres/failures.hpp"
#include "adapters/postgres/postgres_store.hpp"
#include "core/failpoint.hpp"
#include "core/store_rules.hpp"

namespace orchestrator::postgres {
namespace {

// A unit on its way.
struct Accept : QueuedUnit {
  explicit Accept(AcceptUnit& wanted) : QueuedUnit(Kind::kAccept), unit(wanted) {
    const IdempotencyScope& scope = unit.idempotency.scope;
    has_alone(Subject::kScope, {scope.key, scope.tenant, scope.operation});
    shares(Subject::kPortfolioId, unit.batch.portfolio_id);
    writes(2 * unit.orders.size() + 2);  // the events are not made yet
  }

  // `for_good`: whatever others of the group did.
  void refuse(AcceptResult::Status status, std::string detail, bool for_good = true) {
    result.status = status;
    result.detail = std::move(detail);
    refused = for_good;
  }

  AcceptUnit& unit;
  AcceptResult result;
};

// Numbers are drawn unless every unit was decided on other reference data: they would be lost.
std::string select_state(bool locked) {
  const std::string drawn_if_current =
      " FROM generate_series(1, CASE WHEN 0 = ANY($7::bigint[]) OR (SELECT version FROM reference_state) = "
      "ANY($7::bigint[]) THEN ";
  return "WITH usage AS (SELECT " + names_of(kUsage) +
         " FROM portfolio_usage WHERE portfolio_id = ANY($1::bigint[]) ORDER BY portfolio_id" +
         (locked ? " FOR UPDATE" : "") +
         ") SELECT (SELECT version FROM reference_state), EXISTS (SELECT FROM halts), ARRAY(SELECT n FROM "
         "unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS asked (key, tenant, operation, n) "
         "JOIN idempotency_keys USING (key, tenant, operation)), ARRAY(SELECT nextval('batch_ids')" +
         drawn_if_current + "$5::bigint ELSE 0 END)), ARRAY(SELECT nextval('order_ids')" + drawn_if_current +
         "$6::bigint ELSE 0 END)), " + day_shift("$8") +
         ", usage.* FROM (SELECT) AS always LEFT JOIN usage ON true";
}

// What the units of a group add to a portfolio's usage, and what that may then be.
struct UsageGrowth {
  Money margin;
  Money notional;
  Date day;
  Money margin_max = Money::max();
  Money day_notional_max = Money::max();
};
constexpr std::string_view kGrowth =
    "portfolio_id bigint, margin numeric, notional numeric, day integer, margin_max numeric, "
    "day_notional_max numeric";

// usage_with() and broken_limit(), on the row as it is when this statement has locked it.
std::string grow_usage(std::size_t first) {
  const ColumnList columns(kGrowth);
  return "UPDATE portfolio_usage AS u SET margin_reserved = u.margin_reserved + n.margin, day = "
         "greatest(u.day, n.day), day_notional = CASE WHEN n.day > u.day THEN 0 ELSE u.day_notional END + "
         "n.notional FROM " +
         columns.unnest(first) + " AS n (" + columns.names() +
         ") WHERE u.portfolio_id = n.portfolio_id RETURNING u.margin_reserved <= n.margin_max AND "
         "u.day_notional <= n.day_notional_max AS within";
}

struct InsertSql {
  std::size_t batch = ColumnList(kBatchFixed).size() + ColumnList(kBatchLive).size();
  std::size_t order = ColumnList(kOrderFixed).size() + ColumnList(kOrderLive).size();
  std::size_t key = ColumnList(kKey).size();
  std::size_t event = ColumnList(kEvent).size();
  std::size_t usage = ColumnList(kGrowth).size();

  // The next parameters: see lease_shift() and insert_keys(), and how many orders there are.
  [[nodiscard]] std::size_t shift() const { return batch + order + key + event + usage + 1; }

  [[nodiscard]] std::string text(bool conditional) const {
    const ColumnList events(kEvent);
    std::size_t first = 1;
    const auto next = [&first](std::size_t count) { return std::exchange(first, first + count); };
    const auto both = [](std::string_view a, std::string_view b) {
      return std::string(a) + ", " + std::string(b);
    };
    std::string sql = "WITH batch AS (";
    sql += insert_from_arrays("order_batches", both(kBatchFixed, kBatchLive), next(batch));
    sql += "), placed AS (" + insert_orders(next(order), "$" + std::to_string(shift()));
    sql += " ON CONFLICT (client_order_id) DO NOTHING RETURNING id), key AS (";
    sql += insert_keys(next(key), "$" + std::to_string(shift() + 1));
    sql += " ON CONFLICT (key, tenant, operation) DO NOTHING RETURNING batch_id), log AS (";
    sql += "INSERT INTO events (id, " + events.names() + ") SELECT nextval('event_ids'), e.* FROM ";
    sql += events.unnest(next(event)) + " AS e RETURNING id), ";
    sql += "waiting AS (INSERT INTO outbox (event_id) SELECT id FROM log), used AS (";
    sql += grow_usage(next(usage));
    // Keys first: a twin waits for the winner there.
    sql +=
        ") SELECT (SELECT count(*) FROM key), ARRAY(SELECT id FROM placed), ARRAY(SELECT id FROM log ORDER "
        "BY id)";
    return conditional ? sql + ", " + condition_sql(condition()) : sql;
  }

 private:
  [[nodiscard]] std::string condition() const {
    const auto all_of = [](std::size_t parameter) {
      return "cardinality($" + std::to_string(parameter) + "::bigint[])";
    };
    const std::size_t keys = batch + order + 1;
    const std::size_t portfolios = keys + key + event;
    return "(SELECT count(*) FROM key) = " + all_of(keys) +
           " AND (SELECT count(*) FROM placed) = " + all_of(batch + 1) +
           " AND (SELECT count(*) FROM used WHERE within) = " + all_of(portfolios);
  }
};

const InsertSql& insert_sql() {
  static const InsertSql kSql;
  return kSql;
}

class AcceptRun {
 public:
  // What the caller's clocks show, if it has any: see lease_shift() and day_shift().
  AcceptRun(Transaction& transaction, std::span<Accept* const> all, std::optional<Timestamp> monotonic,
            std::optional<Timestamp> wall)
      : transaction_(transaction), all_(all), monotonic_(monotonic), wall_(wall) {}

  // Whether nothing was written because each unit has to run alone.
  [[nodiscard]] bool apart() const { return apart_; }

  // `first`: no run came before it.
  Outcome run(bool first) {
    if (all_.empty()) return Outcome::kRefused;
    for (Accept* accept : all_) accept->result = {};
    const bool may_guess = first && std::ranges::none_of(all_, &Accept::sent);
    read_state(!may_guess);
    const bool guess = may_guess && nothing_in_sight();
    if (may_guess && !guess) lock_portfolios();
    for (Accept* accept : all_) {
      if (may_write(*accept)) kept_.push_back(accept);
    }
    if (kept_.empty() || apart_) return Outcome::kRefused;
    // Groups of several processes that share keys wait for them in the same order.
    std::sort(kept_.begin(), kept_.end(), [](const Accept* a, const Accept* b) {
      return a->unit.idempotency.scope < b->unit.idempotency.scope;
    });
    ORCHESTRATOR_FAILPOINT("accept.before_commit");
    return guess ? insert_and_commit() : insert();
  }

 private:
  void read_state(bool locked) {
    static const std::string kSql[] = {select_state(false), select_state(true)};
    std::vector<std::string> scopes[3];
    std::vector<std::int64_t> versions;
    std::size_t orders = 0;
    for (const Accept* accept : all_) {
      const AcceptUnit& unit = accept->unit;
      versions.push_back(unit.reference_version);
      portfolios_.push_back(unit.batch.portfolio_id);
      scopes[0].push_back(unit.idempotency.scope.key);
      scopes[1].push_back(unit.idempotency.scope.tenant);
      scopes[2].push_back(unit.idempotency.scope.operation);
      orders += unit.orders.size();
    }
    Parameters parameters;
    parameters.add_array(portfolios_);
    for (const auto& texts : scopes) parameters.add_array(texts);
    parameters.add(all_.size(), orders).add_array(versions).add(wall_);
    take_state(transaction_.query(kSql[locked ? 1 : 0], parameters));
    if (locked && misses_portfolio()) {
      lock_portfolios();
    } else {
      count_days();
    }
    // A COMMIT that was late held the locks: the statement that waited for it saw the keys as they were
    // before.
    for (Accept* accept : all_) {
      if (accept->sent && !accept->result.existing) read_key_of(*accept);
    }
  }

  [[nodiscard]] bool misses_portfolio() const {
    return !std::ranges::all_of(portfolios_, [this](PortfolioId id) { return usage_.contains(id); });
  }

  void count_days() {
    for (auto& [id, usage] : usage_) usage.day -= day_shift_;
  }

  void lock_portfolios() {
    usage_ = lock_usage(transaction_, portfolios_);
    count_days();
  }

  // As far as can be seen without locks, which others may change: no limit is near, and what the units add to
  // a portfolio can be added up.
  [[nodiscard]] bool nothing_in_sight() const {
    if (misses_portfolio()) return false;
    UsageMap usage = usage_;
    std::map<PortfolioId, Date> days;
    try {
      for (const Accept* accept : all_) {
        const AcceptUnit& unit = accept->unit;
        const PortfolioId id = unit.batch.portfolio_id;
        usage[id] = usage_with(usage[id], unit);
        const bool same_day = days.try_emplace(id, unit.day).first->second == unit.day;
        const bool grows = !unit.margin.is_negative() && !unit.notional.is_negative();
        if (!same_day || !grows || broken_limit(unit.limits, usage[id])) return false;
      }
    } catch (const Error&) {  // beyond what can be counted
      return false;
    }
    return true;
  }

  void take_state(const Result& result) {
    bool halted = false;
    std::string known;
    std::string batches;
    std::string orders;
    Cursor row(result);
    while (row.next()) {
      std::int64_t days = 0;
      row.read(reference_version_, halted, known, batches, orders, days);
      day_shift_ = std::chrono::days(days);
      std::optional<PortfolioId> id;
      row.read(id);
      if (!id) break;
      PortfolioUsage& usage = usage_[*id];
      usage.portfolio_id = *id;
      row.read(usage.margin_reserved, usage.day, usage.day_notional);
    }
    if (halted) halts_ = read_halts(transaction_.query(kSelectHalts));
    for (const std::int64_t number : parse_numbers(known))
      read_key_of(*all_[static_cast<std::size_t>(number - 1)]);
    number(parse_numbers(batches), parse_numbers(orders));
  }

  void read_key_of(Accept& accept) {
    accept.result.existing =
        read_key(transaction_.query(kSelectKey, key_parameters(accept.unit.idempotency.scope, wall_)));
  }

  void number(const std::vector<std::int64_t>& batches, const std::vector<std::int64_t>& orders) {
    if (batches.empty()) return;  // none will be needed
    auto batch = batches.begin();
    auto order = orders.begin();
    for (Accept* accept : all_) {
      AcceptUnit& unit = accept->unit;
      unit.batch.id = unit.idempotency.batch_id = *batch++;
      for (Order& one : unit.orders) {
        one.id = *order++;
        one.batch_id = unit.batch.id;
        one.event_seq = 0;
      }
      // What compose() made of the numbers before.
      unit.batch.event_seq = 0;
      unit.events.clear();
    }
  }

  bool may_write(Accept& accept) {
    AcceptResult& result = accept.result;
    if (result.existing) {
      accept.refuse(AcceptResult::Status::kKeyExists, {});
      return false;
    }
    if (accept.unit.reference_version != 0 && accept.unit.reference_version != reference_version_) {
      accept.refuse(AcceptResult::Status::kReferenceChanged, {});
      return false;
    }
    if (const Halt* halt = covering_halt(halts_, accept.unit.orders)) {
      accept.refuse(AcceptResult::Status::kHalted, describe(*halt));
      return false;
    }
    PortfolioUsage& usage = usage_.at(accept.unit.batch.portfolio_id);
    result.usage = usage_with(usage, accept.unit);
    if (auto limit = broken_limit(accept.unit.limits, result.usage)) {
      result.usage = usage;
      accept.refuse(AcceptResult::Status::kLimit, std::move(*limit), !growth_.contains(usage.portfolio_id));
      return false;
    }
    if (!compose(accept)) {
      accept.refused = true;
      return false;
    }
    usage = result.usage;
    add_growth(accept.unit);
    return true;
  }

  void add_growth(const AcceptUnit& unit) {
    const auto [at, first] = growth_.try_emplace(unit.batch.portfolio_id);
    UsageGrowth& growth = at->second;
    if (!first && growth.day != unit.day) apart_ = true;  // one of them may open a day
    growth.day = unit.day;
    growth.margin += unit.margin;
    growth.notional += unit.notional;
    const PortfolioLimits& limits = unit.limits;
    growth.margin_max = std::min(growth.margin_max, limits.margin_available.value_or(Money::max()));
    growth.day_notional_max =
        std::min(growth.day_notional_max, limits.max_notional_day.value_or(Money::max()));
  }

  static bool compose(Accept& accept) {
    try {
      if (accept.unit.compose) accept.unit.compose(accept.unit);
      check_composed(accept.unit);
    } catch (...) {
      accept.failure = std::current_exception();
    }
    return accept.failure == nullptr;
  }

  Outcome insert() {
    static const std::string kSql = insert_sql().text(false);
    const Outcome outcome = judge(transaction_.query(kSql, rows()));
    if (outcome == Outcome::kCommit) {
      for (Accept* accept : kept_) accept->sent = true;
      ORCHESTRATOR_FAILPOINT("accept.in_commit");
    }
    return outcome;
  }

  Outcome insert_and_commit() {
    static const std::string kSql = insert_sql().text(true);
    const Parameters parameters = rows();
    ORCHESTRATOR_FAILPOINT("accept.in_commit");
    for (Accept* accept : kept_) accept->sent = true;
    try {
      const auto committed = transaction_.query_and_commit(kSql, parameters);
      Cursor row(committed);
      std::int64_t keys = 0;
      std::string orders;
      std::string events;
      if (row.next()) row.read(keys, orders, events);
      number_events(events);
    } catch (const DatabaseError& error) {
      if (!error.lost()) {
        for (Accept* accept : kept_) accept->sent = false;  // nor were they before
      }
      throw;
    }
    return Outcome::kCommit;
  }

  [[nodiscard]] Parameters rows() const {
    RowArrays batches;
    RowArrays orders;
    RowArrays keys;
    RowArrays events;
    RowArrays usage;
    for (const Accept* accept : kept_) {
      const AcceptUnit& unit = accept->unit;
      batches.begin_row();
      batch_fixed_fields(unit.batch, writer(batches));
      batch_live_fields(unit.batch, writer(batches));
      for (const Order& order : unit.orders) {
        orders.begin_row();
        order_fixed_fields(order, writer(orders));
        order_live_fields(order, writer(orders));
      }
      keys.begin_row();
      key_fields(unit.idempotency, writer(keys));
      for (const EventRow& event : unit.events) {
        events.begin_row();
        event_fields(event, writer(events));
      }
    }
    for (const auto& [id, growth] : growth_) {
      usage.begin_row();
      usage.add(id, growth.margin, growth.notional, growth.day + day_shift_, growth.margin_max,
                growth.day_notional_max);
    }
    const InsertSql& columns = insert_sql();
    Parameters parameters;
    batches.move_to(parameters, columns.batch);
    orders.move_to(parameters, columns.order);
    keys.move_to(parameters, columns.key);
    events.move_to(parameters, columns.event);
    usage.move_to(parameters, columns.usage);
    return parameters.add(monotonic_, wall_);
  }

  Outcome judge(const Result& result) {
    std::int64_t keys = 0;
    std::string orders;
    std::string events;
    Cursor row(result);
    if (row.next()) row.read(keys, orders, events);
    std::vector<OrderId> placed = parse_numbers(orders);
    std::sort(placed.begin(), placed.end());
    std::size_t wanted = 0;
    for (const Accept* accept : kept_) wanted += accept->unit.orders.size();
    if (keys != static_cast<std::int64_t>(kept_.size()) || placed.size() != wanted) {
      return lost_race(keys > 0, placed);
    }
    number_events(events);
    return Outcome::kCommit;
  }

  void number_events(const std::string& numbers) {
    const std::vector<std::int64_t> ids = parse_numbers(numbers);
    auto id = ids.begin();
    for (Accept* accept : kept_) {
      for (EventRow& event : accept->unit.events) event.id = *id++;
    }
  }

  Outcome lost_race(bool key_is_ours, const std::vector<OrderId>& placed) {
    if (kept_.size() > 1) {
      apart_ = true;
      return Outcome::kRefused;
    }
    if (!key_is_ours) return Outcome::kAgain;
    Accept& accept = *kept_.front();
    for (const Order& order : accept.unit.orders) {
      if (std::binary_search(placed.begin(), placed.end(), order.id)) continue;
      accept.refuse(AcceptResult::Status::kDuplicateOrderId,
                    "client order id " + order.client_order_id + " exists already");
      break;
    }
    return Outcome::kRefused;
  }

  Transaction& transaction_;
  std::span<Accept* const> all_;
  std::optional<Timestamp> monotonic_;
  std::optional<Timestamp> wall_;
  std::chrono::days day_shift_{0};
  std::vector<PortfolioId> portfolios_;
  std::vector<Accept*> kept_;
  UsageMap usage_;
  std::map<PortfolioId, UsageGrowth> growth_;  // by units of this group
  std::int64_t reference_version_ = 0;
  std::vector<Halt> halts_;
  bool apart_ = false;
};

}  // namespace

AcceptResult PostgresStore::accept(AcceptUnit& unit) {
  check_consistent(unit);
  Accept accept(unit);
  group_commit(accept, [this](std::span<QueuedUnit* const> group) {
    std::vector<Accept*> all;
    for (QueuedUnit* one : group) all.push_back(static_cast<Accept*>(one));
    bool apart = false;
    bool first = true;
    write({.lock = ControlLock::kShared, .knows_itself = true}, [&](Transaction& transaction) {
      std::erase_if(all, [](const Accept* one) { return one->refused; });
      AcceptRun run(transaction, all, monotonic(), wall());
      const Outcome outcome = run.run(std::exchange(first, false));
      apart = run.apart();
      return outcome;
    });
    return !apart;
  });
  if (accept.result.status == AcceptResult::Status::kAccepted) {
    ORCHESTRATOR_FAILPOINT("accept.committed");
    wake_line_.tell();
  }
  return std::move(accept.result);
}

}  // namespace orchestrator::postgres
