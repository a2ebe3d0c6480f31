// SPDX-License-Identifier: BSD-3-Clause
// Write-behind: a hundred writes of a counter are answered by the store; a worker carries what is
// left of them into the table.
//
//   example_write_behind [URI]
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "cairn/sql/cached_table.h"
#include "cairn/sql/write_behind_worker.h"

using namespace cairn::cache;
using namespace std::chrono_literals;

namespace {

struct Views {
  std::int64_t page = 0;
  std::int64_t count = 0;
  static constexpr auto Fields() {
    return FieldsOf("views/1", Field("page", &Views::page), Field("seen", &Views::count));
  }
};
using ViewsKey = Key<"{behind}:*", std::int64_t>;

Result<void> Run(const Store& store) {
  Result<sql::Database> db = sql::Database::Open("sqlite::memory:");
  if (!db) return Pass(std::move(db));
  const Result<void> made =
      db->RunScript("create table views(page bigint primary key, seen bigint not null)");
  if (!made) return made;
  const sql::CachedTable<Views, ViewsKey> views(store, sql::Table<Views>(*db, "views", {"page"}),
                                                {.policy = {.ttl = 1min}, .log = "{behind}:log"});
  sql::WriteBehindSink<Views> sink = views.Sink();
  if (Result<void> prepared = sink.Prepare(); !prepared) return prepared;
  sql::WriteBehindWorker worker(store, sink, {.consumer = "w1"});

  std::string last;
  for (int i = 1; i <= 100; ++i) {
    Result<std::string> id = views.SaveBehind({.page = 7, .count = i});
    if (!id) return Pass(std::move(id));
    last = *id;
  }
  std::jthread carrying([&](const std::stop_token& stop) { worker.Run(stop); });
  const Result<bool> flushed = views.Flushed(last, 10s);
  if (!flushed) return std::unexpected(flushed.error());
  const auto row = views.table().Load(7);
  if (!row) return std::unexpected(row.error());
  if (!*flushed || !row->value) return Fail(Errc::kTimeout, "the worker was too slow");
  std::printf("the table has %d\n", static_cast<int>(row->value->count));
  return {};
}

}  // namespace

int main(int argument_count, char** arguments) {
  Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  Result<void> done = store ? Run(*store) : Result<void>(std::unexpected(store.error()));
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().detail.c_str());
  return 1;
}
