// SPDX-License-Identifier: BSD-3-Clause
// CachedTable: rows of a table through a cache, and their writes into both.
//
//   using UserKey = Key<"user:{*}", std::int64_t>;
//   const sql::CachedTable<User, UserKey> users(
//       store, sql::Table<User>(db, "users", {.version = "row_version"}), {.policy = {.ttl = 1h}});
//   Result<Entry<User>> found = users.Get(42);            // read-through
//   auto many = users.GetMany({{1}, {2}, {3}});           // what is missing: one statement
//   Result<sql::Written> done = users.Save(user);         // write-through: the row, then the cache
//   Result<std::string> id = users.SaveBehind(user);      // write-behind: the cache and its log
//
// The schema has one part, the table's key. What is loaded has the row's version and its tags.
//
// Save commits the row first, and then puts what the same transaction has read of it, with its
// version: of two writers who are reversed on their way to the cache, the older one is refused
// there. Without a column of versions nobody can tell who was later, so the key is invalidated
// instead. A store that is down does not make a committed write fail: Written says that the cache
// does not have it, and until the TTL is over it may serve the row as it was; an Outbox on the
// table sees to that, too.
//
// SaveBehind answers as soon as the store has the row and its log the entry, in one step; a
// WriteBehindWorker with Sink() carries it into the table. A row is written one way or the other,
// not both: an entry of the log that is older than a Save would be applied after it.
//
// Errors: those of the database; of a write that goes behind, those of the store (LOGFULL: the log
// has log_entries_max entries that wait). Thread safety: any thread. Lifetimes: copies share one
// cache, which a load in the background holds. Reads load on CachedTableOptions::executor; without
// one, on the thread that they have come to: the caller's, or of a coroutine maybe the client's
// own. Cost: a read is a TypedCache's; Save a transaction and one command; SaveBehind one command.
#ifndef CAIRN_SQL_CACHED_TABLE_H_
#define CAIRN_SQL_CACHED_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "cairn/bloom_guard.h"
#include "cairn/cache.h"
#include "cairn/codec.h"
#include "cairn/executor.h"
#include "cairn/internal/timed_load.h"
#include "cairn/key.h"
#include "cairn/sql/table.h"
#include "cairn/sql/write_behind.h"
#include "cairn/store.h"

namespace cairn::cache::sql {

struct CachedTableOptions {
  Policy policy = {};
  // Where rows are loaded, and for CacheOptions: see MakeThreadPool. Outlives the store.
  Executor* executor = nullptr;
  NearCache near = {};  // as CacheOptions has it
  // The same; KeysOf (cairn/sql/table_keys.h) is its source. Save adds the row's key before it is
  // committed. A write that goes behind is kInvalid: what rebuilds the guard would not see it.
  BloomGuard guard = {};
  // Of writes that go behind: the stream, in the slot of all keys of the schema if the store is a
  // cluster. Empty: none do.
  std::string log = {};
  std::size_t log_entries_max = 65'536;
  // An entry that no worker has read yet is replaced by the next write of its row, for so long.
  Millis coalesce{1'000};
};

// A row is committed.
struct Written {
  Version version = 0;  // of the row as it is now; 0: the table has none
  bool is_cached = false;
  // Why the store could not be told, if it was that.
  std::optional<Error> store_error = {};
};

template <Mapped T, class KeyType, class C = DefaultCodec<T>>
  requires Codec<C, T>
class CachedTable {
 public:
  CachedTable(Store store, Table<T> table, CachedTableOptions options = {})
      : body_(
            std::make_shared<const Body>(std::move(store), std::move(table), std::move(options))) {}

  Result<Entry<T>> Get(const KeyType& key, const ReadOptions& read = {}) const {
    return body_->cache.GetOrLoad(key, Loader{body_}, read);
  }
  Task<Result<Entry<T>>> CoGet(KeyType key, ReadOptions read = {}) const {
    return body_->cache.CoGetOrLoad(std::move(key), Loader{body_}, read);
  }
  // In the order of the keys.
  Result<std::vector<Entry<T>>> GetMany(std::vector<KeyType> keys,
                                        const ReadOptions& read = {}) const {
    return body_->cache.GetOrLoadMany(std::move(keys), ManyLoader{body_}, read);
  }
  Task<Result<std::vector<Entry<T>>>> CoGetMany(std::vector<KeyType> keys,
                                                ReadOptions read = {}) const {
    return body_->cache.CoGetOrLoadMany(std::move(keys), ManyLoader{body_}, read);
  }

  // Inserts or replaces the row. With a version (above 0), kConflict if the table has a newer one.
  Result<Written> Save(const T& row, Version version = 0) const {
    const Result<KeyType> key = KeyOf(row);
    if (!key) return std::unexpected(key.error());
    const auto creation = body_->options.guard.Create(*key);
    const Table<T>& table = body_->table;
    Result<Loaded<T>> saved = table.database().Transact([&](Session& session) -> Result<Loaded<T>> {
      const Result<Rows> done = session.Execute(table.Upsert(row, version));
      if (!done) return std::unexpected(done.error());
      if (version > 0 && done->affected == 0)
        return Fail(Errc::kConflict, "the table has a newer version of " + key->text());
      return table.LoadIn(session, key->template part<0>());
    });
    if (!saved) return Pass(std::move(saved));
    // A trigger may have made it something else, or nothing.
    if (saved->version == 0 || !saved->value) return Told(body_->cache.Invalidate(*key), 0);
    const PutOptions put{.version = saved->version, .tags = std::move(saved->tags)};
    return Told(body_->cache.Put(*key, *saved->value, put), saved->version);
  }
  // Deletes the row. The store keeps the version, so that no older write comes to it later.
  Result<Written> Remove(const KeyType& key) const {
    const Table<T>& table = body_->table;
    const Result<Version> version =
        table.database().Transact([&](Session& session) -> Result<Version> {
          const Result<Loaded<T>> old = table.LoadIn(session, key.template part<0>());
          if (!old) return std::unexpected(old.error());
          const Result<Rows> done = session.Execute(table.Delete(key.template part<0>()));
          if (!done) return std::unexpected(done.error());
          return old->version == 0 ? 0 : old->version + 1;
        });
    if (!version) return std::unexpected(version.error());
    return Told(body_->cache.Invalidate(key, *version), *version);
  }

  // The entry's id in the log: Flushed knows when the table has it.
  Result<std::string> SaveBehind(const T& row) const {
    const Result<KeyType> key = KeyOf(row);
    if (!key) return std::unexpected(key.error());
    const Policy& policy = body_->options.policy;
    if (policy.ttl && *policy.ttl <= Millis(0))
      return Fail(Errc::kInvalid, "what goes behind is kept, so its TTL is not 0");
    Result<std::string> bytes = EncodeValue<C>(row, policy.frame);
    if (!bytes) return bytes;
    cache::internal::Fill fill{.bytes = std::move(*bytes), .tags = policy.tags};
    for (std::string& tag : body_->table.TagsOf(key->template part<0>()))
      fill.tags.push_back(std::move(tag));
    return Behind(*key, cache::internal::FillCommand(key->text(), fill, policy));
  }
  Result<std::string> RemoveBehind(const KeyType& key) const {
    return Behind(key, Command("CACHE.DEL", key.text()));
  }
  // Whether the table has all writes up to that entry, which is waited for.
  Result<bool> Flushed(const std::string& id, Millis wait) const {
    const Command barrier("CACHE.BARRIER", body_->options.log, "UNTIL", id, "WAIT", wait.count());
    const CallOptions call{.timeout = wait + std::chrono::seconds(5)};
    Result<Reply> reply = body_->store.client().Call(barrier, call);
    if (!reply) return Pass(std::move(reply));
    return !reply->is_null();
  }
  // What a WriteBehindWorker wants. Prepare() it once.
  WriteBehindSink<T> Sink() const {
    return WriteBehindSink<T>(
        body_->table, body_->options.log,
        {.id = [](std::string_view key) -> Result<Value> {
           const std::optional<KeyType> known = KeyType::FromText(key);
           if (!known) return Fail(Errc::kCorrupt, "no key of the schema: " + std::string(key));
           return ToValue(known->template part<0>());
         },
         .row = [](std::string_view value) { return DecodeValue<T, C>(value); }});
  }

  const TypedCache<T, KeyType, C>& cache() const { return body_->cache; }
  const Table<T>& table() const { return body_->table; }

 private:
  struct Body {
    Body(Store opened, Table<T> rows, CachedTableOptions given)
        : store(std::move(opened)),
          table(std::move(rows)),
          options(std::move(given)),
          cache(store, {.policy = options.policy,
                        .executor = options.executor,
                        .near = options.near,
                        .guard = options.guard}) {}
    const Store store;
    const Table<T> table;
    const CachedTableOptions options;
    const TypedCache<T, KeyType, C> cache;
  };
  using Shared = std::shared_ptr<const Body>;

  struct Loader {
    Shared body;  // lives on in a load in the background
    Task<Result<std::optional<T>>> operator()(LoadContext<T, KeyType>& context) {
      if (Executor* const executor = body->options.executor; executor != nullptr) {
        const bool is_run = co_await cache::internal::OnIfRun(*executor, body->store.scheduler());
        if (!is_run) co_return Fail(Errc::kLimit, "the executor has not run the load");
      }
      const SqlCall call{.stop = context.stop};
      Result<Loaded<T>> row = body->table.Load(context.key.template part<0>(), call);
      if (!row) co_return Pass(std::move(row));
      context.version = row->version;
      for (std::string& tag : row->tags) context.tags.push_back(std::move(tag));
      co_return std::move(row->value);
    }
  };
  struct ManyLoader {
    Shared body;
    Task<Result<std::vector<std::optional<T>>>> operator()(BulkContext<KeyType>& context) {
      if (Executor* const executor = body->options.executor; executor != nullptr) {
        const bool is_run = co_await cache::internal::OnIfRun(*executor, body->store.scheduler());
        if (!is_run) co_return Fail(Errc::kLimit, "the executor has not run the load");
      }
      using Part = std::remove_cvref_t<decltype(context.keys[0].template part<0>())>;
      std::vector<Part> ids;
      for (const KeyType& key : context.keys) ids.push_back(key.template part<0>());
      const SqlCall call{.stop = context.stop};
      auto rows = body->table.LoadMany(ids, call);
      if (!rows) co_return Pass(std::move(rows));
      std::vector<std::optional<T>> values;
      for (Loaded<T>& row : *rows) {
        context.versions.push_back(row.version);
        context.tags.push_back(std::move(row.tags));
        values.push_back(std::move(row.value));
      }
      co_return values;
    }
  };

  // From the field that is the table's key.
  Result<KeyType> KeyOf(const T& row) const {
    std::optional<KeyType> key;
    internal::EachField<T>([&](const auto& field) {
      if constexpr (std::is_constructible_v<KeyType, decltype(row.*(field.member))>) {
        if (field.name == body_->table.options().key) key.emplace(row.*(field.member));
      }
      return !key.has_value();
    });
    if (!key) return Fail(Errc::kInvalid, "no field of the row is the table's key");
    return *std::move(key);
  }
  static Written Told(Result<Mark> mark, Version version) {
    if (!mark) return {.version = version, .store_error = std::move(mark).error()};
    return {.version = version, .is_cached = mark->is_applied};
  }
  Result<std::string> Behind(const KeyType& key, Command command) const {
    const CachedTableOptions& options = body_->options;
    if (options.log.empty()) return Fail(Errc::kInvalid, "CachedTableOptions::log names no stream");
    if (options.guard) return Fail(Errc::kInvalid, "keys of a guard's are not written behind");
    command.Add("BEHIND").Add(options.log).Add("MAXLEN").Add(options.log_entries_max);
    command.Add("COALESCE").Add(options.coalesce.count());
    Result<Reply> reply = body_->store.client().Call(command);
    body_->cache.Forget(key);
    if (!reply) return Pass(std::move(reply));
    return std::string(reply->text());
  }

  Shared body_;  // shared by copies and loads
};

}  // namespace cairn::cache::sql

#endif  // CAIRN_SQL_CACHED_TABLE_H_
