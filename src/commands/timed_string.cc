// SPDX-License-Identifier: BSD-3-Clause
// One way to store it, so that its event, its expiry and its effect cannot fall apart.
#include "commands/timed_string.h"

#include "base/text.h"

namespace cairn::commands {

void StoreTimed(command::Call& call, const keyspace::KeyRef& key, const keyspace::Found& found,
                std::string_view text, UnixMs at_ms) {
  keyspace::Txn& txn = call.txn();
  keyspace::Found stored = txn.SetString(key, found, text, keyspace::Ttl::kKeep);
  txn.Notify(keyspace::kEventString, "set", key);
  txn.SetExpiry(key, stored, at_ms);
  txn.Notify(keyspace::kEventGeneric, "expire", key);
  char digits[kInt64TextMax];
  const char* end = FormatInt64(digits, at_ms);
  txn.Log({"SET", key.name, text, "PXAT",
           std::string_view(digits, static_cast<std::size_t>(end - digits))});
}

}  // namespace cairn::commands
