// SPDX-License-Identifier: BSD-3-Clause
// Finding and replying for commands on strings, kept out of line: the hot path is one test of the
// type, and the reply of a small value one copy into the reply buffer. The 16 KiB where a value is
// shared instead of copied is the border at which entries turn into Blobs, so nothing is measured
// here; a value that has a Blob is sent by it.
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
