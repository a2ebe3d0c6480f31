// SPDX-License-Identifier: BSD-3-Clause
// Which categories a row has: its group's, then what its flags imply, then what the row itself adds
// or takes away. Names are looked up one by one, since this happens once, when the table is built.
#include "command/category.h"

#include <cstddef>

#include "base/check.h"
#include "base/text.h"
#include "command/spec.h"

namespace cairn::command {
namespace {

// The category of a group's commands; groups without one of their own give an empty name.
std::string_view CategoryOfGroup(Group group) {
  switch (group) {
    case Group::kGeneric:
      return "keyspace";
    case Group::kString:
      return "string";
    case Group::kList:
      return "list";
    case Group::kSet:
      return "set";
    case Group::kSortedSet:
      return "sortedset";
    case Group::kHash:
      return "hash";
    case Group::kPubsub:
      return "pubsub";
    case Group::kTransactions:
      return "transaction";
    case Group::kConnection:
      return "connection";
    case Group::kScripting:
      return "scripting";
    case Group::kHyperloglog:
      return "hyperloglog";
    case Group::kGeo:
      return "geo";
    case Group::kStream:
      return "stream";
    case Group::kBitmap:
      return "bitmap";
    case Group::kServer:
    case Group::kCluster:
    case Group::kSentinel:
      return "";
  }
  return "";
}

Categories Implied(const Row& row) {
  // A container alone grants nothing: its subcommands have the categories.
  Categories set = row.run == nullptr ? 0 : CategoryNamed(CategoryOfGroup(row.group));
  const auto add = [&](bool condition, std::string_view name) {
    if (condition) set |= CategoryNamed(name);
  };
  add((row.flags & kWrite) != 0, "write");
  // Scripts may do anything, whatever their command's own flag says.
  add((row.flags & kReadonly) != 0 && row.group != Group::kScripting, "read");
  add((row.flags & kAdmin) != 0, "admin");
  add((row.flags & kAdmin) != 0, "dangerous");
  add((row.flags & kPubsub) != 0, "pubsub");
  add((row.flags & kFast) != 0, "fast");
  add((row.flags & kBlocking) != 0, "blocking");
  return set;
}

}  // namespace

Categories CategoryNamed(std::string_view name) {
  for (std::size_t i = 0; i < kCategoryNames.size(); ++i) {
    if (EqualsIgnoreCase(kCategoryNames[i], name)) return Categories{1} << i;
  }
  return 0;
}

Categories CategoriesOf(const Row& row) {
  Categories set = Implied(row);
  std::string_view words = row.categories;
  while (!words.empty()) {
    std::string_view word = internal::CutAt(words, ' ');
    if (word.empty()) continue;
    const bool taken_away = word.starts_with('-');
    if (taken_away) word.remove_prefix(1);
    const Categories bit = CategoryNamed(word);
    CHECK(bit != 0);
    set = taken_away ? set & ~bit : set | bit;
  }
  // What is not fast is slow.
  if ((set & CategoryNamed("fast")) == 0) set |= CategoryNamed("slow");
  return set;
}

}  // namespace cairn::command
