// SPDX-License-Identifier: BSD-3-Clause
// The triggers, and the relay.
//
// Names of tables and columns are checked to be plain ones and then written into the triggers,
// which take no parameters. In PostgreSQL the version is set before the row is written, under its
// lock; in SQLite a trigger cannot change the row at hand, so it updates it once more, and the
// second update is what the outbox hears of.
#include "cairn/sql/outbox.h"

#include <algorithm>
#include <cctype>
#include <exception>
#include <utility>

#include "cairn/sql/table.h"
#include "sql/pause.h"

namespace cairn::cache::sql {
namespace {

constexpr std::string_view kChannel = "cairn_outbox";
// Of a tag, by the store: no value can carry a longer one.
constexpr std::size_t kTagBytesMax = 1024;

constexpr std::string_view kPostgresTables =
    "create sequence if not exists cairn_version;"
    "create table if not exists cairn_outbox(number bigserial primary key,"
    " table_name text not null, row_key text not null, version bigint not null,"
    " is_delete boolean not null);";

constexpr std::string_view kPostgresTriggers = R"(
create or replace function {version_function}() returns trigger language plpgsql
set search_path from current as $cairn$
begin
  if tg_op = 'INSERT' then
    if coalesce(new.{version}, 0) = 0 then new.{version} := nextval('cairn_version'); end if;
  elsif new.{version} is not distinct from old.{version} then
    new.{version} := greatest(nextval('cairn_version'), coalesce(old.{version}, 0) + 1);
  end if;
  return new;
end $cairn$;
create or replace function {outbox_function}() returns trigger language plpgsql
set search_path from current as $cairn$
begin
  if tg_op = 'DELETE' or (tg_op = 'UPDATE' and old.{key} is distinct from new.{key}) then
    insert into cairn_outbox(table_name, row_key, version, is_delete)
    values ('{name}', old.{key}::text,
            greatest(nextval('cairn_version'), coalesce(old.{version}, 0) + 1), true);
  end if;
  if tg_op <> 'DELETE' then
    insert into cairn_outbox(table_name, row_key, version, is_delete)
    values ('{name}', new.{key}::text, new.{version}, false);
  end if;
  perform pg_notify('cairn_outbox', '');
  return null;
end $cairn$;
create or replace trigger cairn_version before insert or update on {table}
for each row execute function {version_function}();
create or replace trigger cairn_outbox after insert or update or delete on {table}
for each row execute function {outbox_function}();
)";

constexpr std::string_view kPostgresDrop = R"(
drop trigger if exists cairn_version on {table};
drop trigger if exists cairn_outbox on {table};
drop function if exists {version_function}();
drop function if exists {outbox_function}();
)";

constexpr std::string_view kSqliteTables =
    "create table if not exists cairn_version(n integer not null);"
    "insert into cairn_version select 0 where not exists (select 1 from cairn_version);"
    "create table if not exists cairn_outbox(number integer primary key autoincrement,"
    " table_name text not null, row_key text not null, version integer not null,"
    " is_delete integer not null);";

// insert and update give a version where the writer did not, by an update that "changed" hears of.
constexpr std::string_view kSqliteTriggers = R"(
create trigger if not exists {trigger}_insert after insert on {table}
when coalesce(new.{version}, 0) = 0 begin
  update cairn_version set n = n + 1;
  update {table} set {version} = (select n from cairn_version) where {key} = new.{key};
end;
create trigger if not exists {trigger}_given after insert on {table}
when coalesce(new.{version}, 0) <> 0 begin
  insert into cairn_outbox(table_name, row_key, version, is_delete)
  values ('{name}', cast(new.{key} as text), new.{version}, 0);
end;
create trigger if not exists {trigger}_update after update on {table}
when new.{version} is old.{version} begin
  update cairn_version set n = max(n, coalesce(old.{version}, 0)) + 1;
  update {table} set {version} = (select n from cairn_version) where {key} = new.{key};
end;
create trigger if not exists {trigger}_changed after update on {table}
when new.{version} is not old.{version} begin
  insert into cairn_outbox(table_name, row_key, version, is_delete)
  values ('{name}', cast(new.{key} as text), new.{version}, 0);
end;
create trigger if not exists {trigger}_moved after update of {key} on {table}
when new.{key} is not old.{key} begin
  update cairn_version set n = max(n, coalesce(old.{version}, 0)) + 1;
  insert into cairn_outbox(table_name, row_key, version, is_delete)
  select '{name}', cast(old.{key} as text), n, 1 from cairn_version;
end;
create trigger if not exists {trigger}_delete after delete on {table} begin
  update cairn_version set n = max(n, coalesce(old.{version}, 0)) + 1;
  insert into cairn_outbox(table_name, row_key, version, is_delete)
  select '{name}', cast(old.{key} as text), n, 1 from cairn_version;
end;
)";

constexpr std::string_view kSqliteDrop = R"(
drop trigger if exists {trigger}_insert;
drop trigger if exists {trigger}_given;
drop trigger if exists {trigger}_update;
drop trigger if exists {trigger}_changed;
drop trigger if exists {trigger}_moved;
drop trigger if exists {trigger}_delete;
)";

bool IsPlain(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char byte) {
    return std::isalnum(byte) != 0 || byte == '_' || byte == '.';
  });
}

// Puts the names of `watched` into a text. REQUIRES: they are plain.
std::string Filled(std::string_view text, const WatchedTable& watched) {
  std::string flat = watched.table;
  std::replace(flat.begin(), flat.end(), '.', '_');
  const std::vector<std::pair<std::string_view, std::string>> names = {
      {"{table}", Quoted(watched.table)},
      {"{name}", watched.table},
      {"{key}", Quoted(watched.key)},
      {"{version}", Quoted(watched.version)},
      {"{trigger}", "cairn_" + flat},
      {"{version_function}", Quoted("cairn_version_" + flat)},
      {"{outbox_function}", Quoted("cairn_outbox_" + flat)}};
  std::string filled(text);
  for (const auto& [mark, name] : names) {
    for (std::size_t at = filled.find(mark); at != filled.npos;
         at = filled.find(mark, at + name.size()))
      filled.replace(at, mark.size(), name);
  }
  return filled;
}

Result<Change> ChangeOf(const Rows& rows, std::size_t i) {
  const auto number = rows.Get<std::int64_t>(i, 0);
  const auto table = rows.Get<std::string>(i, 1);
  const auto key = rows.Get<std::string>(i, 2);
  const auto version = rows.Get<std::int64_t>(i, 3);
  const auto is_delete = rows.Get<bool>(i, 4);
  if (!number || !table || !key || !version || !is_delete)
    return Fail(Errc::kType, "a row of cairn_outbox is not as it was made");
  return Change{*number, *table, *key, *version, *is_delete};
}

// The version that everything loaded before the change has at most: a value that was loaded since,
// with the row's new version, is not to go, nor to be refused.
std::int64_t PastOf(const Change& change) {
  return change.is_delete ? change.version : change.version - 1;
}

}  // namespace

Result<void> Outbox::Watch(const WatchedTable& watched) const {
  if (!IsPlain(watched.table) || !IsPlain(watched.key) || !IsPlain(watched.version))
    return Fail(Errc::kInvalid, "names of letters, digits and _ only: " + watched.table);
  const bool is_sqlite = db_.dialect() == Dialect::kSqlite;
  const std::string script = std::string(is_sqlite ? kSqliteTables : kPostgresTables) +
                             Filled(is_sqlite ? kSqliteTriggers : kPostgresTriggers, watched);
  return db_.RunScript(script);
}

Result<void> Outbox::Unwatch(std::string_view table) const {
  if (!IsPlain(table)) return Fail(Errc::kInvalid, "not a table: " + std::string(table));
  const bool is_sqlite = db_.dialect() == Dialect::kSqlite;
  const WatchedTable watched{.table = std::string(table)};
  return db_.RunScript(Filled(is_sqlite ? kSqliteDrop : kPostgresDrop, watched));
}

OutboxRelay::OutboxRelay(Store store, Database db, RelayOptions options)
    : store_(std::move(store)), db_(std::move(db)), options_(std::move(options)) {}

Result<std::vector<Change>> OutboxRelay::Read(const SqlCall& call) const {
  const Statement read(
      "select number, table_name, row_key, version, is_delete from cairn_outbox"
      " order by number limit $1",
      static_cast<std::int64_t>(std::clamp(options_.batch_max, std::size_t{1}, kRelayBatchMax)));
  Result<Rows> rows = db_.Execute(read, call);
  if (!rows) return Pass(std::move(rows));
  std::vector<Change> changes;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    Result<Change> change = ChangeOf(*rows, i);
    if (!change) return Pass(std::move(change));
    changes.push_back(std::move(*change));
  }
  return changes;
}

Result<void> OutboxRelay::Invalidate(const std::vector<Change>& changes, std::stop_token stop) {
  const Capabilities& can = store_.capabilities();
  std::vector<Command> commands;
  std::vector<std::string> tags;
  for (const Change& change : changes) {
    std::vector<std::string> keys;
    if (options_.keys) keys = options_.keys(change);
    for (const std::string& key : keys) {
      if (!can.versions) {
        commands.emplace_back("UNLINK", key);
      } else if (PastOf(change) < 1) {
        commands.emplace_back("CACHE.DEL", key);
      } else {
        commands.emplace_back("CACHE.DEL", key, "VER", PastOf(change));
      }
    }
    if (options_.row_tags) tags.push_back(RowTag(change.table, change.key));
    if (options_.table_tags) tags.push_back(TableTag(change.table));
  }
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  for (const std::string& tag : tags) {
    if (can.tags && tag.size() <= kTagBytesMax)
      commands.emplace_back("TAG.BUMP", options_.is_hard ? "HARD" : "SOFT", tag);
  }
  if (commands.empty()) return {};
  const CallOptions call{.stop = std::move(stop), .idempotence = Idempotence::kYes};
  for (const Result<Reply>& reply : store_.client().Pipeline(commands, call)) {
    if (!reply) return std::unexpected(reply.error());
  }
  return {};
}

Result<void> OutboxRelay::Drop(const std::vector<Change>& changes, const SqlCall& call) const {
  Statement drop("");
  if (db_.dialect() == Dialect::kSqlite) {
    // There is one writer at a time: nobody commits a lower number later.
    drop = Statement("delete from cairn_outbox where number <= $1", changes.back().number);
  } else {
    std::vector<std::int64_t> numbers;
    numbers.reserve(changes.size());
    for (const Change& change : changes) numbers.push_back(change.number);
    drop = Statement("delete from cairn_outbox where number = any($1)", numbers);
  }
  const Result<Rows> done = db_.Execute(drop, call);
  if (!done) return std::unexpected(done.error());
  return {};
}

Result<std::size_t> OutboxRelay::RunOnce(std::stop_token stop) {
  const SqlCall call{.stop = stop};
  const Result<std::vector<Change>> changes = Read(call);
  if (!changes) return std::unexpected(changes.error());
  if (changes->empty()) return 0;
  Result<void> done = Fail(Errc::kLoader, "what names the keys threw");
  try {
    done = Invalidate(*changes, std::move(stop));
  } catch (...) {
    done.error().cause = std::current_exception();
  }
  if (!done) return Pass(std::move(done));
  if (Result<void> dropped = Drop(*changes, call); !dropped) return Pass(std::move(dropped));
  relayed_.fetch_add(changes->size(), std::memory_order_relaxed);
  return changes->size();
}

void OutboxRelay::Run(const std::stop_token& stop) {
  std::unique_ptr<Listener> listener;
  while (!stop.stop_requested()) {
    // Before the outbox is read: what is committed after the reading is told.
    if (!listener) {
      if (auto made = db_.Listen(kChannel)) listener = std::move(*made);
    }
    const Result<std::size_t> done = RunOnce(stop);
    if (!done && !stop.stop_requested()) failures_.fetch_add(1, std::memory_order_relaxed);
    if (done && *done > 0) continue;
    if (done && listener) {
      listener->Wait(options_.pause, stop);
    } else {
      Pause(options_.pause, stop);
    }
  }
}

}  // namespace cairn::cache::sql
