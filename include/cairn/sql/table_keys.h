// SPDX-License-Identifier: BSD-3-Clause
// KeysOf: the keys of a table, page by page, as a BloomGuard's source (cairn/bloom_guard.h).
//
//   BloomGuard guard({.source = sql::KeysOf<UserKey>(db, "users"), .executor = &pool});
//   Result<void> built = guard.Rebuild();
//
// Each page is a statement of its own (where key > the last one), so no transaction is held open
// while a large table is read, and none is locked. The schema has one part, the table's key.
//
// Errors: those of Database; kType for a key that does not fit the schema. Thread safety: any
// thread. Lifetimes: holds the handle. Cost: a statement a page, by the table's primary key.
#ifndef CAIRN_SQL_TABLE_KEYS_H_
#define CAIRN_SQL_TABLE_KEYS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "cairn/bloom_guard.h"
#include "cairn/result.h"
#include "cairn/sql/database.h"
#include "cairn/sql/table.h"
#include "cairn/sql/value.h"

namespace cairn::cache::sql {

// Keys of a statement; 1 at least.
inline constexpr std::size_t kKeysAPage = 4096;

// `column`: unique, and not NULL.
template <class KeyType>
KeySource KeysOf(Database db, std::string table, std::string column = "id",
                 std::size_t page_keys = kKeysAPage) {
  using Part = std::remove_cvref_t<decltype(std::declval<const KeyType&>().template part<0>())>;
  const std::size_t count = page_keys == 0 ? 1 : page_keys;
  return [db, table, column, count]() -> Result<KeyPages> {
    return [db, table, column, count,
            after = std::optional<Value>()]() mutable -> Result<std::vector<std::string>> {
      const Result<Rows> rows = db.Execute(internal::SelectKeys(table, column, after, count));
      if (!rows) return std::unexpected(rows.error());
      std::vector<std::string> page;
      for (std::size_t i = 0; i < rows->size(); ++i) {
        Result<Part> id = rows->Get<Part>(i, 0);
        if (!id) return Pass(std::move(id));
        page.push_back(KeyType(*std::move(id)).text());
        after = rows->rows[i][0];
      }
      return page;
    };
  };
}

}  // namespace cairn::cache::sql

#endif  // CAIRN_SQL_TABLE_KEYS_H_
