// SPDX-License-Identifier: BSD-3-Clause
// An index over the table's own names.
#include "acl/catalog.h"

#include "base/check.h"
#include "base/text.h"

namespace cairn::acl {

Catalog::Catalog(const command::CommandTable& table) : all_(table.all()) {
  CHECK(table.size() <= kCommandsMax);
  for (const Command& command : all_) by_name_.emplace(command.full_name, &command);
}

const Catalog::Command* Catalog::Find(std::string_view full_name) const {
  const auto found = by_name_.find(ToLower(full_name));
  return found == by_name_.end() ? nullptr : found->second;
}

std::vector<const Catalog::Command*> Catalog::InCategory(command::Categories category) const {
  std::vector<const Command*> found;
  for (const Command& command : all_) {
    if ((command.categories & category) != 0) found.push_back(&command);
  }
  return found;
}

}  // namespace cairn::acl
