// SPDX-License-Identifier: BSD-3-Clause
// Table and Query: rows as structs, one by its key or many in one statement.
//
//   struct User {
//     std::int64_t id; std::string name; std::optional<std::string> email;
//     static constexpr auto Fields() {
//       return FieldsOf("user/1", Field("id", &User::id), Field("name", &User::name),
//                       Field("email", &User::email));
//     }
//   };
//   const sql::Table<User> users(db, "users", {.key = "id", .version = "row_version"});
//   Result<sql::Loaded<User>> user = users.Load(42);           // value, version, tags
//   auto many = users.LoadMany(std::vector<int>{1, 2, 3});     // one statement
//   const sql::Query<User> buyers(db, "select id, name, email from buyers where id = $1");
//
// The columns are the names of Fields(), the list that the codecs use. What was loaded is tagged
// "table:users" and "row:users:42", so that a change of the row, or of the table as a whole,
// reaches everything that was made of it.
//
// The version is a column that grows with each change of the row (Outbox keeps one). PostgreSQL's
// xmin and the log's position are not taken: of two transactions that write one row, the second may
// have the lower xmin, and a reader's position may lie behind a writer's whose row he did not see.
//
// Errors: those of Database; kType for a column that does not fit its field; kInvalid for a
// statement that is not of the form above. Thread safety: any thread. Lifetimes: copies the handle.
// Cost: a call is one round trip, of LoadMany too; O(n log n) of its keys.
#ifndef CAIRN_SQL_TABLE_H_
#define CAIRN_SQL_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "cairn/result.h"
#include "cairn/sql/database.h"
#include "cairn/sql/value.h"

namespace cairn::cache::sql {

// Keys in one statement at most; more become several, in one batch. SQLite's are written out one by
// one, in powers of two, so that few statements are prepared.
inline constexpr std::size_t kSqliteKeysMax = 512;
inline constexpr std::size_t kPostgresKeysMax = 10'000;

// A struct whose Fields().members is a tuple of {name, member}.
template <class T>
concept Mapped = std::is_default_constructible_v<T> && requires { T::Fields().members; };

template <class T>
struct Loaded {
  std::optional<T> value = {};  // none: there is no such row
  std::int64_t version = 0;     // 0: none is known
  std::vector<std::string> tags = {};
};

struct TableOptions {
  std::string key = "id";
  // The column of the version, from 1 on; NULL: this row has none. Empty: there is no such column.
  std::string version = {};
};

struct QueryOptions {
  std::string key = "id";    // the column of the result that holds $1, for LoadMany
  std::string version = {};  // the column of the result that holds the version
  std::string table = {};    // whose tags the rows get; empty: none
};

namespace internal {

struct FoundRows {
  Rows rows;
  std::vector<std::optional<std::size_t>> row_of_key;  // a row's number, for each key in order
};

// Finds rows by the one parameter of a statement.
class RowFinder {
 public:
  RowFinder(Database db, std::string statement, QueryOptions options)
      : db_(std::move(db)), statement_(std::move(statement)), options_(std::move(options)) {}

  Result<FoundRows> One(Value key, const SqlCall& call) const;
  Result<FoundRows> OneIn(Session& session, Value key) const;
  Result<FoundRows> Many(std::span<const Value> keys, const SqlCall& call) const;
  Result<std::int64_t> VersionOf(const Rows& rows, std::size_t row) const;
  std::vector<std::string> TagsOf(const Value& key) const;

  const Database& database() const { return db_; }
  const QueryOptions& options() const { return options_; }

 private:
  Result<std::vector<Statement>> Split(std::span<const Value> keys) const;

  Database db_;
  std::string statement_;
  QueryOptions options_;
};

struct Column {
  std::string name;
  Value value;
};

std::string SelectText(std::string_view table, std::span<const std::string> columns,
                       const TableOptions& options);
Statement UpsertOf(std::string_view table, std::vector<Column> columns, const TableOptions& options,
                   std::int64_t version);
Statement DeleteOf(std::string_view table, Value key, const TableOptions& options,
                   std::int64_t version);
// A page of a table's keys, in their order, from behind `after` on.
Statement SelectKeys(std::string_view table, std::string_view key,
                     const std::optional<Value>& after, std::size_t count);
std::unexpected<Error> NoColumn(std::string_view name);
std::unexpected<Error> InColumn(std::string_view name, Error&& error);

// Calls `visit(field)` for each of T's fields until it returns false.
template <class T, class Visit>
bool EachField(Visit&& visit) {
  return std::apply([&](const auto&... field) { return (visit(field) && ...); },
                    T::Fields().members);
}

template <class T>
std::vector<std::string> ColumnNames() {
  std::vector<std::string> names;
  EachField<T>([&](const auto& field) {
    names.emplace_back(field.name);
    return true;
  });
  return names;
}

template <class T>
Result<T> RowAs(const Rows& rows, std::size_t row) {
  T value{};
  Result<void> done;
  EachField<T>([&](const auto& field) {
    using Member = std::remove_cvref_t<decltype(value.*(field.member))>;
    const std::optional<std::size_t> column = rows.Find(field.name);
    if (!column) {
      done = NoColumn(field.name);
      return false;
    }
    Result<Member> member = rows.Get<Member>(row, *column);
    if (!member) {
      done = InColumn(field.name, std::move(member).error());
      return false;
    }
    value.*(field.member) = std::move(*member);
    return true;
  });
  if (!done) return Pass(std::move(done));
  return value;
}

template <class T>
Result<Loaded<T>> LoadedOf(const RowFinder& finder, const FoundRows& found, std::size_t i,
                           const Value& key) {
  Loaded<T> loaded{.tags = finder.TagsOf(key)};
  if (!found.row_of_key[i]) return loaded;
  const std::size_t row = *found.row_of_key[i];
  Result<T> value = RowAs<T>(found.rows, row);
  if (!value) return Pass(std::move(value));
  Result<std::int64_t> version = finder.VersionOf(found.rows, row);
  if (!version) return Pass(std::move(version));
  loaded.value = std::move(*value);
  loaded.version = *version;
  return loaded;
}

}  // namespace internal

// Rows of T by the one parameter of a select, "... where id = $1 ...".
template <Mapped T>
class Query {
 public:
  Query(Database db, std::string_view statement, QueryOptions options = {})
      : finder_(std::move(db), std::string(statement), std::move(options)) {}

  // kInvalid if there is more than one such row.
  template <class Id>
  Result<Loaded<T>> Load(const Id& id, const SqlCall& call = {}) const {
    const Value key = ToValue(id);
    const Result<internal::FoundRows> found = finder_.One(key, call);
    if (!found) return std::unexpected(found.error());
    return internal::LoadedOf<T>(finder_, *found, 0, key);
  }
  // Within a transaction.
  template <class Id>
  Result<Loaded<T>> LoadIn(Session& session, const Id& id) const {
    const Value key = ToValue(id);
    const Result<internal::FoundRows> found = finder_.OneIn(session, key);
    if (!found) return std::unexpected(found.error());
    return internal::LoadedOf<T>(finder_, *found, 0, key);
  }
  // One for each of `ids`, in their order; the same id twice is the same row twice. kInvalid unless
  // "= $1" stands once in the statement, which becomes "= any($1)", and for keys that are neither
  // whole numbers nor text.
  template <class Ids>
  Result<std::vector<Loaded<T>>> LoadMany(const Ids& ids, const SqlCall& call = {}) const {
    std::vector<Value> keys;
    for (const auto& id : ids) keys.push_back(ToValue(id));
    const Result<internal::FoundRows> found = finder_.Many(keys, call);
    if (!found) return std::unexpected(found.error());
    std::vector<Loaded<T>> all;
    all.reserve(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Result<Loaded<T>> one = internal::LoadedOf<T>(finder_, *found, i, keys[i]);
      if (!one) return Pass(std::move(one));
      all.push_back(std::move(*one));
    }
    return all;
  }
  std::vector<std::string> TagsOf(const Value& key) const { return finder_.TagsOf(key); }
  const Database& database() const { return finder_.database(); }

 private:
  internal::RowFinder finder_;
};

// A table of T: its rows by key, and the statements that write them.
template <Mapped T>
class Table {
 public:
  // `name` may have its schema: "shop.users".
  Table(Database db, std::string_view name, TableOptions options = {})
      : name_(name),
        options_(std::move(options)),
        query_(std::move(db), internal::SelectText(name, internal::ColumnNames<T>(), options_),
               {.key = options_.key, .version = options_.version, .table = name_}) {}

  template <class Id>
  Result<Loaded<T>> Load(const Id& id, const SqlCall& call = {}) const {
    return query_.Load(id, call);
  }
  template <class Id>
  Result<Loaded<T>> LoadIn(Session& session, const Id& id) const {
    return query_.LoadIn(session, id);
  }
  template <class Ids>
  Result<std::vector<Loaded<T>>> LoadMany(const Ids& ids, const SqlCall& call = {}) const {
    return query_.LoadMany(ids, call);
  }

  // Inserts the row or replaces its columns. With a version (above 0), a newer row is left alone
  // and `affected` is 0; the same version again is welcome, as it is to the store. Without, the
  // column of the version is left alone.
  Statement Upsert(const T& row, std::int64_t version = 0) const {
    std::vector<internal::Column> columns;
    internal::EachField<T>([&](const auto& field) {
      columns.push_back({std::string(field.name), ToValue(row.*(field.member))});
      return true;
    });
    return internal::UpsertOf(name_, std::move(columns), options_, version);
  }
  // With a version, a newer row stays.
  template <class Id>
  Statement Delete(const Id& id, std::int64_t version = 0) const {
    return internal::DeleteOf(name_, ToValue(id), options_, version);
  }

  // Of one row: "table:users" and "row:users:42".
  template <class Id>
  std::vector<std::string> TagsOf(const Id& id) const {
    return query_.TagsOf(ToValue(id));
  }

  const Database& database() const { return query_.database(); }
  const std::string& name() const { return name_; }
  const TableOptions& options() const { return options_; }

 private:
  std::string name_;
  TableOptions options_;
  Query<T> query_;
};

// "table:users": everything of a table.
std::string TableTag(std::string_view table);
// "row:users:42": everything of one row.
std::string RowTag(std::string_view table, const Value& key);
// An identifier in double quotes, each part of "shop.users" by itself.
std::string Quoted(std::string_view identifier);

}  // namespace cairn::cache::sql

#endif  // CAIRN_SQL_TABLE_H_
