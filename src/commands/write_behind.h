// SPDX-License-Identifier: BSD-3-Clause
// WriteBehind: one write that is to reach the database later, by way of a log (keyspace/pin.h).
//
//   WriteBehind behind(call, options, pin);        // the key's, as it is
//   if (!behind.Begin()) return;                   // the error is replied, nothing has changed
//   if (!behind.Append("set", value, notes)) return;   // the same; else the notes have a pin
//   ... look up the key again, store it with the notes ...
//   behind.AddTo(effect);
//
// The log is a stream that any client can read. An entry has the fields op, key, ver, value.
//
// Coalescing: an entry that no group has read yet is replaced by the key's next one, at the end of
// the log, so that a key that is written often is written to the database once. That goes on for
// COALESCE ms from the first of these writes at most, or a key that is written all the time would
// never come to its turn.
#ifndef CAIRN_COMMANDS_WRITE_BEHIND_H_
#define CAIRN_COMMANDS_WRITE_BEHIND_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "command/call.h"
#include "commands/cache_args.h"
#include "keyspace/txn.h"

namespace cairn::commands {

class WriteBehind {
 public:
  // REQUIRES: options.goes_behind(); the log is the call's second key. `old` may be null.
  WriteBehind(command::Call& call, const CacheOptions& options, const keyspace::Pin* old);

  // Whether the log takes the write.
  bool Begin();
  // Notes of an effect have their pin already; others are given one, with this end. What was found
  // of the key has to be looked up again.
  bool Append(std::string_view op, std::string_view value, keyspace::CacheNotes& notes,
              UnixMs expires_at);
  void AddTo(EffectWords& effect) const;
  void Reply() const;

 private:
  bool MayReplace(const value::Stream& log) const;
  // REQUIRES: an entry is replaced.
  UnixMs FirstOfReplaced() const;
  std::int64_t StretchFrom(UnixMs since) const;

  command::Call& call_;
  const CacheOptions& options_;
  const keyspace::KeyRef& log_key_;
  std::optional<keyspace::Pin> old_;
  keyspace::Found log_;
  std::optional<value::StreamId> replaced_;
  value::StreamId id_;
};

// Row::find_keys of a command whose key may be followed by BEHIND and a log, or, in an effect, by
// PIN and one, among options from `first` on.
void FindKeyAndLog(std::span<const std::string_view> args, std::size_t first,
                   std::vector<std::uint32_t>& keys);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_WRITE_BEHIND_H_
