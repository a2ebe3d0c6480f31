// SPDX-License-Identifier: BSD-3-Clause
// Catalog: the commands by the names that rules give them.
//
// Rules are about what a command is, so its own name counts, whatever rename-command made of it.
// Made once from the command table, which outlives it; constant afterwards.
#ifndef CAIRN_ACL_CATALOG_H_
#define CAIRN_ACL_CATALOG_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "command/category.h"
#include "command/table.h"

namespace cairn::acl {

// Room for commands and subcommands in a selector's set.
inline constexpr std::size_t kCommandsMax = 1024;

class Catalog {
 public:
  using Command = command::CommandTable::Command;

  explicit Catalog(const command::CommandTable& table);

  // "get", "client|kill" in any case; null if there is no such command.
  const Command* Find(std::string_view full_name) const;
  std::span<const Command> all() const { return all_; }
  // A command of Redis 7.2 that is not built yet. Rules may name it, since files do that were made
  // for Redis: "+psync" for a replica, "+role" for a Sentinel. There is nothing to allow, and the
  // rule is kept.
  bool IsMissing(std::string_view full_name) const;
  // Of a category, in the order of the table. A container stands there with what it is itself.
  std::vector<const Command*> InCategory(command::Categories category) const;

 private:
  std::span<const Command> all_;
  std::unordered_map<std::string_view, const Command*> by_name_;
};

}  // namespace cairn::acl

#endif  // CAIRN_ACL_CATALOG_H_
