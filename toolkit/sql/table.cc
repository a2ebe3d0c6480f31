// SPDX-License-Identifier: BSD-3-Clause
// The statements of a table, and how one for many keys is made of that for one.
#include "cairn/sql/table.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <map>
#include <set>

namespace cairn::cache::sql {
namespace {

constexpr std::string_view kOneKey = "= $1";

std::string KeyText(const Value& key) {
  if (const auto* whole = std::get_if<std::int64_t>(&key)) return std::to_string(*whole);
  if (const auto* text = std::get_if<std::string>(&key)) return *text;
  return std::string(TypeName(key));
}

// Where "= $1" stands, if it is the only parameter and stands once.
std::optional<std::size_t> FindKey(std::string_view statement) {
  const std::size_t at = statement.find(kOneKey);
  if (at == statement.npos) return {};
  const std::size_t end = at + kOneKey.size();
  if (statement.find('$', end) != statement.npos || statement.find('$') != at + 2) return {};
  if (end < statement.size() && statement[end] >= '0' && statement[end] <= '9') return {};
  return at;
}

// Adds what a statement for many keys has after its first part.
Statement ListedOut(std::string_view before, std::string_view after, std::span<const Value> keys) {
  const std::size_t count = std::bit_ceil(keys.size());
  Statement statement(before);
  statement.text += "in (";
  for (std::size_t i = 0; i < count; ++i) {
    statement.text += (i == 0 ? "$" : ", $") + std::to_string(i + 1);
    statement.parameters.push_back(keys[std::min(i, keys.size() - 1)]);
  }
  statement.text += ")";
  statement.text += after;
  return statement;
}

template <class T>
std::optional<Value> ListOf(std::span<const Value> keys) {
  std::vector<T> list;
  for (const Value& key : keys) {
    if (!std::holds_alternative<T>(key)) return {};
    list.push_back(std::get<T>(key));
  }
  return Value(std::move(list));
}

Result<Statement> AsArray(std::string_view before, std::string_view after,
                          std::span<const Value> keys) {
  std::optional<Value> list = ListOf<std::int64_t>(keys);
  if (!list) list = ListOf<std::string>(keys);
  if (!list) return Fail(Errc::kInvalid, "keys are whole numbers, or all of them are text");
  Statement statement(before);
  statement.text += "= any($1)";
  statement.text += after;
  statement.parameters.push_back(std::move(*list));
  return statement;
}

// Of several statements, one table.
Result<Rows> Gather(std::vector<Result<Rows>> results) {
  Rows all;
  for (Result<Rows>& result : results) {
    if (!result) return Pass(std::move(result));
    all.columns = std::move(result->columns);
    std::move(result->rows.begin(), result->rows.end(), std::back_inserter(all.rows));
  }
  return all;
}

}  // namespace

std::string TableTag(std::string_view table) { return "table:" + std::string(table); }
std::string RowTag(std::string_view table, const Value& key) {
  return "row:" + std::string(table) + ":" + KeyText(key);
}

std::string Quoted(std::string_view identifier) {
  std::string quoted = "\"";
  for (const char byte : identifier) {
    if (byte == '.') {
      quoted += "\".\"";
    } else {
      quoted += byte;
      if (byte == '"') quoted += byte;
    }
  }
  return quoted + "\"";
}

namespace internal {

namespace {

Result<FoundRows> OneOf(Result<Rows> rows) {
  if (!rows) return Pass(std::move(rows));
  if (rows->size() > 1)
    return Fail(Errc::kInvalid, std::to_string(rows->size()) + " rows have one key");
  FoundRows found{.rows = std::move(*rows), .row_of_key = {std::nullopt}};
  if (!found.rows.empty()) found.row_of_key[0] = 0;
  return found;
}

}  // namespace

Result<FoundRows> RowFinder::One(Value key, const SqlCall& call) const {
  Statement statement(statement_);
  statement.parameters.push_back(std::move(key));
  return OneOf(db_.Execute(statement, call));
}

Result<FoundRows> RowFinder::OneIn(Session& session, Value key) const {
  Statement statement(statement_);
  statement.parameters.push_back(std::move(key));
  return OneOf(session.Execute(statement));
}

Result<std::vector<Statement>> RowFinder::Split(std::span<const Value> keys) const {
  const std::optional<std::size_t> at = FindKey(statement_);
  if (!at) return Fail(Errc::kInvalid, "wants \"= $1\" once, and no other parameter");
  const std::string_view before = std::string_view(statement_).substr(0, *at);
  const std::string_view after = std::string_view(statement_).substr(*at + kOneKey.size());
  const bool is_sqlite = db_.dialect() == Dialect::kSqlite;
  const std::size_t keys_max = is_sqlite ? kSqliteKeysMax : kPostgresKeysMax;
  std::vector<Statement> statements;
  while (!keys.empty()) {
    const std::span<const Value> part = keys.first(std::min(keys_max, keys.size()));
    keys = keys.subspan(part.size());
    if (is_sqlite) {
      statements.push_back(ListedOut(before, after, part));
      continue;
    }
    Result<Statement> statement = AsArray(before, after, part);
    if (!statement) return Pass(std::move(statement));
    statements.push_back(std::move(*statement));
  }
  return statements;
}

Result<FoundRows> RowFinder::Many(std::span<const Value> keys, const SqlCall& call) const {
  FoundRows found;
  if (keys.empty()) return found;
  const std::set<Value> unique(keys.begin(), keys.end());
  const std::vector<Value> asked(unique.begin(), unique.end());
  const Result<std::vector<Statement>> statements = Split(asked);
  if (!statements) return std::unexpected(statements.error());
  Result<Rows> rows = Gather(db_.Batch(*statements, call));
  if (!rows) return Pass(std::move(rows));
  const std::optional<std::size_t> column = rows->Find(options_.key);
  if (!column) return NoColumn(options_.key);
  std::map<Value, std::size_t> row_of;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const Value& key = rows->rows[i][*column];
    // A key that comes back in another form (an upper-case uuid, a padded char) would seem absent.
    if (!unique.contains(key))
      return Fail(Errc::kType, "a row has the key " + KeyText(key) + ", which was not asked for");
    if (!row_of.emplace(key, i).second)
      return Fail(Errc::kInvalid, "several rows have the key " + KeyText(key));
  }
  for (const Value& key : keys) {
    const auto row = row_of.find(key);
    found.row_of_key.push_back(row == row_of.end() ? std::nullopt : std::optional(row->second));
  }
  found.rows = std::move(*rows);
  return found;
}

Result<std::int64_t> RowFinder::VersionOf(const Rows& rows, std::size_t row) const {
  if (options_.version.empty()) return 0;
  const std::optional<std::size_t> column = rows.Find(options_.version);
  if (!column) return NoColumn(options_.version);
  Result<std::optional<std::int64_t>> version = rows.Get<std::optional<std::int64_t>>(row, *column);
  if (!version) return InColumn(options_.version, std::move(version).error());
  if (!*version) return 0;  // written by who knows no versions
  if (**version < 1) return Fail(Errc::kType, "the version of a row is below 1");
  return **version;
}

std::vector<std::string> RowFinder::TagsOf(const Value& key) const {
  if (options_.table.empty()) return {};
  return {TableTag(options_.table), RowTag(options_.table, key)};
}

std::string SelectText(std::string_view table, std::span<const std::string> columns,
                       const TableOptions& options) {
  std::vector<std::string> names(columns.begin(), columns.end());
  for (const std::string& also : {options.key, options.version}) {
    if (!also.empty() && std::find(names.begin(), names.end(), also) == names.end())
      names.push_back(also);
  }
  std::string text = "select ";
  for (const std::string& name : names) text += (&name == &names[0] ? "" : ", ") + Quoted(name);
  return text + " from " + Quoted(table) + " where " + Quoted(options.key) + " = $1";
}

Statement SelectKeys(std::string_view table, std::string_view key,
                     const std::optional<Value>& after, std::size_t count) {
  const std::string column = Quoted(key);
  std::string text = "select " + column + " from " + Quoted(table);
  if (after) text += " where " + column + " > $1";
  Statement statement(text + " order by " + column + " limit " + std::to_string(count));
  if (after) statement.parameters.push_back(*after);
  return statement;
}

Statement UpsertOf(std::string_view table, std::vector<Column> columns, const TableOptions& options,
                   std::int64_t version) {
  const bool is_versioned = !options.version.empty();
  if (is_versioned) {
    std::erase_if(columns, [&](const Column& column) { return column.name == options.version; });
    if (version > 0) columns.push_back({options.version, version});
  }
  std::string names;
  std::string values;
  std::string sets;
  Statement statement("");
  for (Column& column : columns) {
    statement.parameters.push_back(std::move(column.value));
    const std::string_view comma = names.empty() ? "" : ", ";
    const std::string name = Quoted(column.name);
    names.append(comma).append(name);
    values.append(comma).append("$").append(std::to_string(statement.parameters.size()));
    if (column.name == options.key) continue;
    sets.append(sets.empty() ? "" : ", ").append(name).append(" = excluded.").append(name);
  }
  statement.text = "insert into " + Quoted(table) + " as t (" + names + ") values (" + values +
                   ") on conflict (" + Quoted(options.key) + ") do ";
  statement.text += sets.empty() ? "nothing" : "update set " + sets;
  if (is_versioned && version > 0 && !sets.empty()) {
    const std::string name = Quoted(options.version);
    statement.text += " where t." + name + " is null or t." + name + " <= excluded." + name;
  }
  return statement;
}

Statement DeleteOf(std::string_view table, Value key, const TableOptions& options,
                   std::int64_t version) {
  Statement statement("delete from " + Quoted(table) + " where " + Quoted(options.key) + " = $1");
  statement.parameters.push_back(std::move(key));
  if (!options.version.empty() && version > 0) {
    const std::string name = Quoted(options.version);
    statement.text += " and (" + name + " is null or " + name + " <= $2)";
    statement.parameters.emplace_back(version);
  }
  return statement;
}

std::unexpected<Error> NoColumn(std::string_view name) {
  return Fail(Errc::kInvalid, "the result has no column " + std::string(name));
}

std::unexpected<Error> InColumn(std::string_view name, Error&& error) {
  error.detail = std::string(name) + ": " + error.detail;
  return std::unexpected(std::move(error));
}

}  // namespace internal
}  // namespace cairn::cache::sql
