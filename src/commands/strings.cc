// SPDX-License-Identifier: BSD-3-Clause
// See strings.h.
#include "commands/strings.h"

#include "command/errors.h"

namespace cairn::commands {

bool FindString(command::Call& call, std::size_t n, keyspace::Access access,
                keyspace::Found* found) {
  *found = call.txn().Find(call.key(n), access);
  if (!*found || found->entry->type() == keyspace::Type::kString) [[likely]]
    return true;
  call.Error(command::errors::kWrongType);
  return false;
}

void ReplyString(command::Call& call, const keyspace::Found& found) {
  if (!found) return call.reply().Null();
  if (const Blob* blob = found.entry->blob(); blob != nullptr) [[unlikely]]
    return call.reply().BulkBlob(blob);
  call.reply().Bulk(found.entry->value());
}

}  // namespace cairn::commands
