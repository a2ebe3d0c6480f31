// SPDX-License-Identifier: BSD-3-Clause
// ACL categories: the names under which commands are granted ("@read", "@dangerous").
//
// The order is Redis's, which COMMAND INFO and ACL CAT show. CategoriesOf follows Redis's rules: a
// command's flags and group imply most categories, its row adds or takes away the rest.
#ifndef CAIRN_COMMAND_CATEGORY_H_
#define CAIRN_COMMAND_CATEGORY_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace cairn::command {

struct Row;

// A set of categories: bit i is kCategoryNames[i].
using Categories = std::uint32_t;

inline constexpr std::array<std::string_view, 21> kCategoryNames = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting",
};

// The bit of a name without '@', in any case; 0 if there is no such category.
Categories CategoryNamed(std::string_view name);

// All categories of a row. CHECKs that the row names only categories that exist.
Categories CategoriesOf(const Row& row);

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_CATEGORY_H_
