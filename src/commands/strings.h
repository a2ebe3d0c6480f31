// SPDX-License-Identifier: BSD-3-Clause
// What the families that work on strings (string, bitmap, hyperloglog) share: finding a key as a
// string, and replying with one. Inline: a GET is these two.
#ifndef CAIRN_COMMANDS_STRINGS_H_
#define CAIRN_COMMANDS_STRINGS_H_

#include <string_view>

#include "command/call.h"
#include "command/errors.h"
#include "keyspace/txn.h"

namespace cairn::commands {

// Finds the n-th key of the call. False, with WRONGTYPE replied, if it holds something other than a
// string; an absent key is fine.
inline bool FindString(command::Call& call, std::size_t n, keyspace::Access access,
                       keyspace::Found* found) {
  *found = call.txn().Find(call.key(n), access);
  if (!*found || found->entry->type() == keyspace::Type::kString) [[likely]]
    return true;
  call.Error(command::errors::kWrongType);
  return false;
}

// The string's bytes, empty if the key is absent.
inline std::string_view StringOf(const keyspace::Found& found) {
  return found ? found.entry->value() : std::string_view();
}

// Replies with the string, or null if absent; a large value is shared with the reply, not copied.
inline void ReplyString(command::Call& call, const keyspace::Found& found) {
  if (!found) return call.reply().Null();
  if (const Blob* blob = found.entry->blob(); blob != nullptr) [[unlikely]]
    return call.reply().BulkBlob(blob);
  call.reply().Bulk(found.entry->value());
}

// A large value is stored where it came in, if it can be; any other is copied.
inline keyspace::Found StoreBytes(command::Call& call, const keyspace::KeyRef& key,
                                  const keyspace::Found& found, std::string_view text,
                                  keyspace::Ttl ttl) {
  Blob* blob = text.size() < kBlobThreshold ? nullptr : call.TakeBlob(text);
  if (blob != nullptr) return call.txn().SetBlob(key, found, blob, ttl);
  return call.txn().SetString(key, found, text, ttl);
}

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_STRINGS_H_
