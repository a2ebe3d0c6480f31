// SPDX-License-Identifier: BSD-3-Clause
// An index over the table's own names, and the names of what is not in the table yet: a row here
// goes when its command comes, though one that stays does no harm.
#include "acl/catalog.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "base/text.h"

namespace cairn::acl {
namespace {

constexpr std::string_view kOfRedis[] = {"asking",
                                         "cluster",
                                         "cluster|addslots",
                                         "cluster|addslotsrange",
                                         "cluster|bumpepoch",
                                         "cluster|count-failure-reports",
                                         "cluster|countkeysinslot",
                                         "cluster|delslots",
                                         "cluster|delslotsrange",
                                         "cluster|failover",
                                         "cluster|flushslots",
                                         "cluster|forget",
                                         "cluster|getkeysinslot",
                                         "cluster|help",
                                         "cluster|info",
                                         "cluster|keyslot",
                                         "cluster|links",
                                         "cluster|meet",
                                         "cluster|myid",
                                         "cluster|myshardid",
                                         "cluster|nodes",
                                         "cluster|replicas",
                                         "cluster|replicate",
                                         "cluster|reset",
                                         "cluster|saveconfig",
                                         "cluster|set-config-epoch",
                                         "cluster|setslot",
                                         "cluster|shards",
                                         "cluster|slaves",
                                         "cluster|slots",
                                         "eval",
                                         "eval_ro",
                                         "evalsha",
                                         "evalsha_ro",
                                         "failover",
                                         "fcall",
                                         "fcall_ro",
                                         "function",
                                         "function|delete",
                                         "function|dump",
                                         "function|flush",
                                         "function|help",
                                         "function|kill",
                                         "function|list",
                                         "function|load",
                                         "function|restore",
                                         "function|stats",
                                         "module",
                                         "module|help",
                                         "module|list",
                                         "module|load",
                                         "module|loadex",
                                         "module|unload",
                                         "psync",
                                         "readonly",
                                         "readwrite",
                                         "replconf",
                                         "replicaof",
                                         "role",
                                         "script",
                                         "script|debug",
                                         "script|exists",
                                         "script|flush",
                                         "script|help",
                                         "script|kill",
                                         "script|load",
                                         "slaveof",
                                         "sync"};

}  // namespace

Catalog::Catalog(const command::CommandTable& table) : all_(table.all()) {
  CHECK(table.size() <= kCommandsMax);
  for (const Command& command : all_) by_name_.emplace(command.full_name, &command);
}

const Catalog::Command* Catalog::Find(std::string_view full_name) const {
  const auto found = by_name_.find(ToLower(full_name));
  return found == by_name_.end() ? nullptr : found->second;
}

bool Catalog::IsMissing(std::string_view full_name) const {
  return Find(full_name) == nullptr &&
         std::ranges::find(kOfRedis, ToLower(full_name)) != std::end(kOfRedis);
}

std::vector<const Catalog::Command*> Catalog::InCategory(command::Categories category) const {
  std::vector<const Command*> found;
  for (const Command& command : all_) {
    if ((command.categories & category) != 0) found.push_back(&command);
  }
  return found;
}

}  // namespace cairn::acl
