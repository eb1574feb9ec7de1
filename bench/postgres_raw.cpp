// The raw writer: which rows it writes, and how.
#include "postgres_raw.hpp"

#include "orchestrator/backends/postgres.hpp"
#include "workload.hpp"

namespace orchestrator::bench {
namespace {

constexpr std::int64_t kPortfolios = 8;

void append_element(std::string& array, const std::optional<std::string>& value, bool quoted) {
  if (!array.empty()) array += ',';
  if (!value) {
    array += "NULL";
    return;
  }
  if (quoted) array += '"';
  for (const char c : *value) {
    if (c == '"' || c == '\\') array += '\\';
    array += c;
  }
  if (quoted) array += '"';
}

std::int64_t last_of(PostgresLink& link, const std::string& table) {
  return std::stoll(*link.query("SELECT coalesce(max(id), 0) FROM " + table)[0][0]);
}

// The order as it was accepted and claimed, before the broker answered.
void take_answers_back(PostgresRows& orders) {
  for (std::size_t i = 0; i < orders.rows.size(); ++i) {
    const std::int64_t created_at = std::stoll(*orders.at(i, "created_at"));
    orders.at(i, "status") = "1";
    orders.at(i, "ext_order_id") = "";
    orders.at(i, "lease_owner") = "1";
    orders.at(i, "lease_until") = std::to_string(created_at + 30'000'000);
    orders.at(i, "acked_at") = std::nullopt;
    orders.at(i, "version") = "1";
    orders.at(i, "event_seq") = "1";
  }
}

PostgresRows one_row(const PostgresRows& of, std::size_t row) {
  return {of.table, of.columns, of.types, {of.rows.at(row)}};
}

}  // namespace

struct PostgresRawBook::Batch {
  std::int64_t id = 0;
  std::int64_t first_order = 0;
  std::int64_t first_event = 0;
  std::int64_t portfolio = 1;
  std::uint64_t luck = 0;
  bool accepted = false;  // then its answers are next
};

struct PostgresRawBook::Writer {
  explicit Writer(const std::string& url) : link(url) {}
  PostgresLink link;
  Grouping<Batch> grouping;
};

// Rows of many batches as one array for each column. What is the same in every batch is text once made.
class PostgresRawBook::Table {
 public:
  using Change = std::function<std::string(const Batch&, std::int64_t row)>;

  Table(std::string name, const PostgresRows& sample, std::map<std::string, Change> changes)
      : name_(std::move(name)), rows_(static_cast<std::int64_t>(sample.rows.size())) {
    for (std::size_t i = 0; i < sample.columns.size(); ++i) {
      const std::string& type = sample.types[i];
      Column& column = columns_.emplace_back();
      column.quoted = type == "text" || type == "bytea";
      if (const auto change = changes.find(sample.columns[i]); change != changes.end()) {
        column.change = change->second;
      } else {
        for (const auto& row : sample.rows) append_element(column.fixed, row[i], column.quoted);
      }
      names_ += (i == 0 ? "" : ", ") + sample.columns[i];
      arrays_ += (i == 0 ? "$" : ", $") + std::to_string(i + 1) + "::" + type + "[]";
    }
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& names() const { return names_; }
  [[nodiscard]] std::string unnest() const { return "unnest(" + arrays_ + ")"; }

  void send(PostgresLink& link, const std::vector<Batch*>& batches) const {
    std::vector<std::string> parameters;
    parameters.reserve(columns_.size());
    for (const Column& column : columns_) {
      std::string elements;
      for (const Batch* batch : batches) append(elements, column, *batch);
      parameters.push_back("{" + elements + "}");
    }
    link.send(name_.c_str(), parameters);
  }

 private:
  struct Column {
    bool quoted = false;
    std::string fixed = {};  // the elements of one batch
    Change change = {};
  };

  void append(std::string& elements, const Column& column, const Batch& batch) const {
    if (!column.change) {
      elements += (elements.empty() ? "" : ",") + column.fixed;
      return;
    }
    for (std::int64_t row = 0; row < rows_; ++row)
      append_element(elements, column.change(batch, row), column.quoted);
  }

  std::string name_;
  std::int64_t rows_;
  std::string names_;
  std::string arrays_;
  std::vector<Column> columns_;
};

PostgresRawBook::PostgresRawBook(const std::string& url, const PostgresBatch& sample, std::size_t writers)
    : url_(url), orders_(sample.orders.rows.size()) {
  static_cast<void>(postgres_migrate({.url = url}));
  make_tables(sample);
  for (std::size_t i = 0; i < writers; ++i) {
    PostgresLink& link = writers_.emplace_back(std::make_unique<Writer>(url))->link;
    link.query(
        "SET synchronous_commit = on; SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = "
        "force_generic_plan");
    link.prepare("begin", "BEGIN");
    link.prepare("commit", "COMMIT");
    for (const auto& table : tables_) {
      if (table->name() == "events") {  // and what is still to be published of them
        link.prepare("events", "WITH log AS (INSERT INTO events (" + table->names() + ") SELECT * FROM " +
                                   table->unnest() +
                                   " RETURNING id) INSERT INTO outbox (event_id) SELECT id FROM log");
      } else if (table->name() == "portfolio_usage") {
        link.prepare(table->name(),
                     "UPDATE portfolio_usage AS u SET margin_reserved = n.margin_reserved, day = n.day, "
                     "day_notional = n.day_notional FROM " +
                         table->unnest() + " AS n (" + table->names() +
                         ") WHERE u.portfolio_id = n.portfolio_id");
      } else {
        link.prepare(table->name(), "INSERT INTO " + table->name() + " (" + table->names() +
                                        ") SELECT * FROM " + table->unnest());
      }
    }
    link.prepare(answers_->name(),
                 "UPDATE orders AS o SET status = 3, ext_order_id = n.ext_order_id, lease_owner = 0, "
                 "lease_until = NULL, acked_at = n.acked_at, version = 2, event_seq = 2 FROM " +
                     answers_->unnest() + " AS n (" + answers_->names() + ") WHERE o.id = n.id");
  }
  PostgresLink& link = writers_.front()->link;
  link.query("INSERT INTO portfolio_usage SELECT id, 0, 0, 0 FROM generate_series(1, " +
             std::to_string(kPortfolios) + ") AS id ON CONFLICT DO NOTHING");
  last_batch_ = last_of(link, "order_batches");
  last_order_ = last_of(link, "orders");
  last_event_ = last_of(link, "events");
  seed_ = scatter(static_cast<std::uint64_t>(last_batch_) + 1);
}

PostgresRawBook::~PostgresRawBook() = default;

void PostgresRawBook::make_tables(const PostgresBatch& sample) {
  using Changes = std::map<std::string, Table::Change>;
  const auto number = [](std::int64_t Batch::*field) {
    return [field](const Batch& batch, std::int64_t row) { return std::to_string(batch.*field + row); };
  };
  const Table::Change batch_id = [](const Batch& batch, std::int64_t) { return std::to_string(batch.id); };
  const Table::Change portfolio = [](const Batch& batch, std::int64_t) {
    return std::to_string(batch.portfolio);
  };
  const Table::Change key = [](const Batch& batch, std::int64_t) {
    std::string text;
    write_key(text, batch.luck);
    return text;
  };
  PostgresRows orders = sample.orders;
  take_answers_back(orders);
  const auto order_id = [](const std::string& like) {
    return [like](const Batch& batch, std::int64_t row) {
      std::string text = like;
      write_hex(text, text.size() - 12, 12, scatter(batch.luck + static_cast<std::uint64_t>(row)));
      return text;
    };
  };
  const auto add = [this](const PostgresRows& rows, const Changes& changes) {
    tables_.push_back(std::make_unique<Table>(rows.table, rows, changes));
  };
  PostgresRows result = sample.orders;
  const std::string client_id = *result.at(0, "client_order_id");
  const std::string ext_id = *result.at(0, "ext_order_id");
  add(sample.batch, {{"id", batch_id}, {"idempotency_key", key}, {"portfolio_id", portfolio}});
  add(orders, {{"id", number(&Batch::first_order)},
               {"batch_id", batch_id},
               {"portfolio_id", portfolio},
               {"client_order_id", order_id(client_id)}});
  add(sample.key, {{"batch_id", batch_id}, {"key", key}});
  const Changes event_changes{{"id", number(&Batch::first_event)}, {"batch_id", batch_id}};
  add(one_row(sample.events, 0), event_changes);
  add(one_row(sample.usage, 0), {{"portfolio_id", portfolio}});

  PostgresRows answers{"answers", {"id", "ext_order_id", "acked_at"}, {"bigint", "text", "bigint"}, {}};
  for (std::size_t i = 0; i < result.rows.size(); ++i) {
    answers.rows.push_back({result.at(i, "id"), result.at(i, "ext_order_id"), result.at(i, "acked_at")});
  }
  answers_ = std::make_unique<Table>(
      "answers", answers, Changes{{"id", number(&Batch::first_order)}, {"ext_order_id", order_id(ext_id)}});
  Changes of_result = event_changes;
  of_result["id"] = [](const Batch& batch, std::int64_t) { return std::to_string(batch.first_event + 1); };
  result_event_ = std::make_unique<Table>("events", one_row(sample.events, 1), of_result);
}

PostgresRawBook::Batch PostgresRawBook::next_batch(std::int64_t portfolio) {
  Batch batch;
  const auto orders = static_cast<std::int64_t>(orders_);
  batch.id = ++last_batch_;
  batch.first_order = last_order_.fetch_add(orders) + 1;
  batch.first_event = last_event_.fetch_add(2) + 1;
  batch.portfolio = portfolio;
  batch.luck = scatter(seed_ + static_cast<std::uint64_t>(batch.id));
  return batch;
}

void PostgresRawBook::write(Writer& writer, const std::vector<Batch*>& batches) {
  std::vector<Batch*> placed;
  std::vector<Batch*> answered;
  for (Batch* batch : batches) (batch->accepted ? answered : placed).push_back(batch);
  writer.link.send("begin");
  for (const auto& table : tables_) {
    if (!placed.empty()) table->send(writer.link, placed);
  }
  if (!answered.empty()) {
    answers_->send(writer.link, answered);
    result_event_->send(writer.link, answered);
  }
  writer.link.send("commit");
  writer.link.finish();
  for (Batch* batch : placed) batch->accepted = true;
}

void PostgresRawBook::place() {
  Batch batch = next_batch(1);
  write(*writers_.front(), {&batch});
  write(*writers_.front(), {&batch});
}

void PostgresRawBook::place_grouped(std::uint64_t caller) {
  const auto portfolio = static_cast<std::int64_t>(caller) % kPortfolios;
  Writer& writer = *writers_[static_cast<std::size_t>(portfolio) % writers_.size()];
  Batch batch = next_batch(1 + portfolio);
  for (int step = 0; step < 2; ++step) {
    writer.grouping.run(batch, [&](const std::vector<Batch*>& group) { write(writer, group); });
  }
}

void PostgresRawBook::fill(std::size_t batches) {
  constexpr std::size_t kPerCommit = 50;
  Writer& writer = *writers_.front();
  writer.link.query("SET synchronous_commit = off");
  for (std::size_t done = 0; done < batches; done += kPerCommit) {
    std::vector<Batch> some;
    std::vector<Batch*> group;
    for (std::size_t i = 0; i < kPerCommit; ++i) some.push_back(next_batch(1));
    for (Batch& batch : some) group.push_back(&batch);
    write(writer, group);
    write(writer, group);
  }
  const auto set = [](const char* sequence, std::int64_t last) {
    return std::string("SELECT setval('") + sequence + "', " + std::to_string(last) + ")";
  };
  writer.link.query(set("batch_ids", last_batch_));
  writer.link.query(set("order_ids", last_order_));
  writer.link.query(set("event_ids", last_event_));
  writer.link.query(
      "VACUUM (ANALYZE) order_batches, orders, idempotency_keys, events, outbox, portfolio_usage");
}

}  // namespace orchestrator::bench
