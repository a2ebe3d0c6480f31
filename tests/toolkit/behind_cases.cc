// SPDX-License-Identifier: BSD-3-Clause
// Writes behind a cache, on their way from a server into PostgreSQL: what the runner needs while it
// kills the worker, the server and the database. URIs: the store's, the database's, a consumer.
#include <charconv>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "cairn/codec.h"
#include "cairn/sql/table.h"
#include "cairn/sql/write_behind.h"
#include "cairn/sql/write_behind_worker.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

// No version column: what comes again, or late, is known by the log's ids alone.
struct Item {
  std::int64_t id = 0;
  std::int64_t n = 0;
  static constexpr auto Fields() {
    return FieldsOf("item/1", Field("id", &Item::id), Field("n", &Item::n));
  }
};

Result<std::int64_t> Number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return Fail(Errc::kCorrupt, "no number: " + std::string(text));
  return number;
}

// "{behind}:7" is the row 7; its value is "7 1234".
sql::WriteBehindSink<Item> SinkOf(const sql::Table<Item>& items) {
  return {items,
          "{behind}:log",
          {.id = [](std::string_view key) -> Result<sql::Value> {
             Result<std::int64_t> id = Number(key.substr(key.rfind(':') + 1));
             if (!id) return Pass(std::move(id));
             return sql::Value(*id);
           },
           .row = [](std::string_view value) -> Result<Item> {
             const std::size_t space = value.find(' ');
             const Result<std::int64_t> id = Number(value.substr(0, space));
             const Result<std::int64_t> n = Number(value.substr(space + 1));
             if (!id || !n) return Fail(Errc::kCorrupt, "no item: " + std::string(value));
             return Item{.id = *id, .n = *n};
           }}};
}

// Either may be dead at the moment.
template <class Open>
auto Patiently(Open open) {
  for (;;) {
    if (auto opened = open()) return *std::move(opened);
    Event().WaitFor(20'000);
  }
}

void Prepare(const std::string& database, Complaints& say) {
  const sql::Database db = sql::Database::Open(database).value();
  say.Check(SinkOf(sql::Table<Item>(db, "item", {})).Prepare().has_value(), "its own table");
}

// Until it is killed.
void WorkForEver(const std::vector<std::string>& uris) {
  const Store store = Patiently([&] { return Store::Open(uris[0]); });
  const sql::Database db = Patiently([&] { return sql::Database::Open(uris.at(1)); });
  const sql::Table<Item> items(db, "item", {});
  sql::WriteBehindSink<Item> sink = SinkOf(items);
  // Small batches, so that a kill finds one half way.
  sql::WriteBehindWorker worker(
      store, sink,
      {.consumer = uris.at(2), .batch_max = 5, .claim_after = 500ms, .pause_max = 200ms});
  worker.Run({});
}

}  // namespace

Cases BehindPrepareCases(const std::vector<std::string>& uris) {
  return {{"Prepare", [uris](Complaints& say) { Prepare(uris.at(1), say); }}};
}

Cases BehindWorkerCases(const std::vector<std::string>& uris) {
  return {{"WorkForEver", [uris](Complaints&) { WorkForEver(uris); }}};
}

}  // namespace cairn::cache::checks
