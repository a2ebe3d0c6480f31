// SPDX-License-Identifier: BSD-3-Clause
// Commands on keys of any type: deleting, naming, copying, moving, looking at. Expiry is
// generic_expiry.cc; commands that walk the whole keyspace are keyspace.cc.
#include <optional>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/help.h"
#include "commands/db_index.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "keyspace/access.h"
#include "value/string_value.h"

namespace cairn::commands {
namespace {

using keyspace::Entry;

void Del(Call& call) {
  std::int64_t deleted = 0;
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    Found found = call.txn().Find(call.key(n), Access::kPeek);
    if (!found) {
      call.txn().OverruleAbsence(call.key(n));
      continue;
    }
    call.txn().Remove(call.key(n), found);
    call.txn().Notify(keyspace::kEventGeneric, "del", call.key(n));
    ++deleted;
  }
  if (deleted > 0) call.LogVerbatim();
  call.txn().CountAs(deleted);
  call.reply().Integer(deleted);
}

void CountPresent(Call& call, Access access) {
  std::int64_t present = 0;
  for (std::size_t n = 0; n < call.key_count(); ++n)
    present += call.txn().Find(call.key(n), access) ? 1 : 0;
  call.reply().Integer(present);
}

void Exists(Call& call) { CountPresent(call, Access::kLook); }
void Touch(Call& call) { CountPresent(call, Access::kRead); }

void Type(Call& call) {
  const Found found = call.txn().Find(call.key(0), Access::kLook);
  call.reply().Simple(found ? keyspace::NameOf(found.entry->type()) : "none");
}

// Puts the first key's value under the second, in `to_db`, and takes the first away unless it is
// kept.
enum class Source { kKept, kRemoved };

void CopyKey(Call& call, DbId to_db, const keyspace::KeyRef& to_key, Source source) {
  keyspace::Txn& txn = call.txn();
  const Found to = txn.FindIn(to_db, to_key, Access::kPeek);
  const Found source_found = txn.Find(call.key(0), Access::kPeek);
  if (source == Source::kKept) {
    txn.CopyTo(source_found, to_db, to_key, to);
  } else {
    txn.MoveTo(call.key(0), source_found, to_db, to_key, to);
    Found from = txn.Find(call.key(0), Access::kPeek);
    txn.Remove(call.key(0), from);
  }
  call.LogVerbatim();
}

// RENAME and RENAMENX: true if the key was renamed (or bears the name already).
void RenameKey(Call& call, bool only_if_absent) {
  if (!call.txn().Find(call.key(0), Access::kPeek)) return call.Error(command::errors::kNoSuchKey);
  const bool same = call.arg(1) == call.arg(2);
  const bool taken = only_if_absent && (same || call.txn().Find(call.key(1), Access::kPeek));
  if (!same && !taken) {
    CopyKey(call, call.txn().db(), call.key(1), Source::kRemoved);
    call.txn().Notify(keyspace::kEventGeneric, "rename_from", call.key(0));
    call.txn().Notify(keyspace::kEventGeneric, "rename_to", call.key(1));
  }
  if (!only_if_absent) return call.reply().Ok();
  call.reply().Integer(taken ? 0 : 1);
}

void Rename(Call& call) { RenameKey(call, false); }
void RenameNx(Call& call) { RenameKey(call, true); }

void Copy(Call& call) {
  DbId to_db = call.txn().db();
  bool replace = false;
  for (std::size_t i = 3; i < call.argc(); ++i) {
    if (EqualsIgnoreCase(call.arg(i), "REPLACE")) {
      replace = true;
    } else if (EqualsIgnoreCase(call.arg(i), "DB") && i + 1 < call.argc()) {
      const std::optional<DbId> db = ParseDbIndex(call, call.arg(++i));
      if (!db) return;
      to_db = *db;
    } else {
      return call.Error(command::errors::kSyntax);
    }
  }
  if (to_db == call.txn().db() && call.arg(1) == call.arg(2))
    return call.Error(command::errors::kSameObject);
  if (!call.txn().Find(call.key(0), Access::kRead)) return call.reply().Integer(0);
  if (!replace && call.txn().FindIn(to_db, call.key(1), Access::kPeek))
    return call.reply().Integer(0);
  if (call.Defer(ElementsOf(*call.txn().Find(call.key(0), Access::kPeek).entry))) return;
  CopyKey(call, to_db, call.key(1), Source::kKept);
  call.txn().NotifyIn(to_db, keyspace::kEventGeneric, "copy_to", call.key(1));
  call.reply().Integer(1);
}

void Move(Call& call) {
  const std::optional<DbId> to_db = ParseDbIndex(call, call.arg(2));
  if (!to_db) return;
  if (*to_db == call.txn().db()) return call.Error(command::errors::kSameObject);
  const bool moves = call.txn().Find(call.key(0), Access::kPeek) &&
                     !call.txn().FindIn(*to_db, call.key(0), Access::kPeek);
  if (moves) {
    CopyKey(call, *to_db, call.key(0), Source::kRemoved);
    call.txn().Notify(keyspace::kEventGeneric, "move_from", call.key(0));
    call.txn().NotifyIn(*to_db, keyspace::kEventGeneric, "move_to", call.key(0));
  }
  call.reply().Integer(moves ? 1 : 0);
}

// --- OBJECT ---

// False, with null replied, if the key is absent.
bool FindObject(Call& call, Found* found) {
  *found = call.txn().Find(call.key(0), Access::kPeek);
  if (*found) return true;
  call.reply().Null();
  return false;
}

value::StringOrigin OriginOf(const Entry& entry) {
  switch (entry.encoding()) {
    case keyspace::Encoding::kRaw:
      return value::StringOrigin::kChangedInPlace;
    case keyspace::Encoding::kText:
      return value::StringOrigin::kFloat;
    case keyspace::Encoding::kPlain:
    case keyspace::Encoding::kBlob:
    case keyspace::Encoding::kCollection:
    case keyspace::Encoding::kTimed:
      break;
  }
  return value::StringOrigin::kSet;
}

void ObjectEncoding(Call& call) {
  Found found;
  if (!FindObject(call, &found)) return;
  if (found.entry->is_collection())
    return call.reply().Bulk(found.entry->Visit([](auto& value) { return value.encoding(); }));
  call.reply().Bulk(value::StringEncodingName(
      value::StringEncodingOf(found.entry->value(), OriginOf(*found.entry))));
}

// Redis keeps the integers below 10,000 as shared objects whose count reads INT_MAX, unless a
// policy needs each key's own access clock.
void ObjectRefCount(Call& call) {
  constexpr std::int64_t kSharedIntegers = 10'000;
  constexpr std::int64_t kSharedCount = INT32_MAX;
  Found found;
  if (!FindObject(call, &found)) return;
  if (found.entry->is_collection()) return call.reply().Integer(1);
  const std::optional<std::int64_t> number = ParseInt64(found.entry->value());
  const bool shared = found.entry->encoding() == keyspace::Encoding::kPlain && number &&
                      *number >= 0 && *number < kSharedIntegers;
  call.reply().Integer(shared ? kSharedCount : 1);
}

void ObjectIdleTime(Call& call) {
  Found found;
  if (!FindObject(call, &found)) return;
  const keyspace::EvictionPolicy policy = call.keyspace().tunables().policy();
  if (keyspace::IsLfu(policy)) return call.Error(command::errors::kLfuPolicySelected);
  if (keyspace::IsS3Fifo(policy)) return call.Error(command::errors::kS3FifoPolicySelected);
  call.reply().Integer(keyspace::IdleSeconds(found.entry->access(), call.now_ms()));
}

void ObjectFreq(Call& call) {
  Found found;
  if (!FindObject(call, &found)) return;
  const keyspace::EvictionPolicy policy = call.keyspace().tunables().policy();
  if (keyspace::IsS3Fifo(policy))
    return call.reply().Integer(keyspace::FifoAccess(found.entry->access()).frequency());
  if (!keyspace::IsLfu(policy)) return call.Error(command::errors::kLfuPolicyNotSelected);
  const int decay_minutes =
      call.keyspace().tunables().lfu_decay_minutes.load(std::memory_order_relaxed);
  call.reply().Integer(
      keyspace::DecayedFrequency(found.entry->access(), call.now_ms(), decay_minutes));
}

// Without replicas nobody acknowledges anything, so a client that wants some waits its time out.
void Wait(Call& call) {
  const std::optional<std::int64_t> replicas = ParseInt64(call.arg(1));
  const std::optional<std::int64_t> timeout_ms = ParseInt64(call.arg(2));
  if (!replicas) return call.Error(command::errors::kNotAnInteger);
  if (!timeout_ms) return call.Error(command::errors::kTimeoutNotAnInteger);
  if (*timeout_ms < 0) return call.Error(command::errors::kTimeoutNegative);
  if (*replicas <= 0) return call.reply().Integer(0);
  call.Block(keyspace::Type::kString, *timeout_ms, command::TimeoutReply::kZero);
}

constexpr Spec kObjectSpecs[] = {
    Spec({.syntax = "OBJECT HELP",
          .since = "6.2.0",
          .group = Group::kGeneric,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Returns this text.",
          .run = &command::ReplyHelp}),
    Spec({.syntax = "OBJECT ENCODING key",
          .access = "RO",
          .since = "2.2.3",
          .group = Group::kGeneric,
          .flags = command::kReadonly,
          .complexity = "O(1)",
          .summary = "Returns the name of the encoding of a key's value.",
          .tips = "nondeterministic_output",
          .run = &ObjectEncoding}),
    Spec({.syntax = "OBJECT FREQ key",
          .access = "RO",
          .since = "4.0.0",
          .group = Group::kGeneric,
          .flags = command::kReadonly,
          .complexity = "O(1)",
          .summary = "Returns the logarithmic access frequency of a key, under an LFU policy.",
          .tips = "nondeterministic_output",
          .run = &ObjectFreq}),
    Spec({.syntax = "OBJECT HELP",
          .since = "6.2.0",
          .group = Group::kGeneric,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Returns what the subcommands are for.",
          .run = &command::ReplyHelp}),
    Spec({.syntax = "OBJECT IDLETIME key",
          .access = "RO",
          .since = "2.2.3",
          .group = Group::kGeneric,
          .flags = command::kReadonly,
          .complexity = "O(1)",
          .summary =
              "Returns the seconds since a key was last used, unless an LFU policy is selected.",
          .tips = "nondeterministic_output",
          .run = &ObjectIdleTime}),
    Spec({.syntax = "OBJECT REFCOUNT key",
          .access = "RO",
          .since = "2.2.3",
          .group = Group::kGeneric,
          .flags = command::kReadonly,
          .complexity = "O(1)",
          .summary = "Returns the number of references to a key's value.",
          .tips = "nondeterministic_output",
          .run = &ObjectRefCount}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "DEL key [key ...]",
          .access = "RM DELETE",
          .since = "1.0.0",
          .group = Group::kGeneric,
          .flags = command::kWrite,
          .complexity = "O(N) where N is the number of keys",
          .summary = "Deletes keys; what is large is freed in the background.",
          .tips = "request_policy:multi_shard response_policy:agg_sum",
          .run = &Del}),
    Spec({.syntax = "UNLINK key [key ...]",
          .access = "RM DELETE",
          .since = "4.0.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of keys",
          .summary = "Deletes keys; what is large is freed in the background.",
          .tips = "request_policy:multi_shard response_policy:agg_sum",
          .run = &Del}),
    Spec({.syntax = "EXISTS key [key ...]",
          .access = "RO",
          .since = "1.0.0",
          .group = Group::kGeneric,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(N) where N is the number of keys",
          .summary =
              "Counts how many of the named keys are present; a key named twice counts twice.",
          .history = "3.0.3: Accepts several keys.",
          .tips = "request_policy:multi_shard response_policy:agg_sum",
          .run = &Exists}),
    Spec({.syntax = "TOUCH key [key ...]",
          .access = "RO",
          .since = "3.2.1",
          .group = Group::kGeneric,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(N) where N is the number of keys",
          .summary = "Marks keys as just used and counts those present.",
          .tips = "request_policy:multi_shard response_policy:agg_sum",
          .run = &Touch}),
    Spec({.syntax = "TYPE key",
          .access = "RO",
          .since = "1.0.0",
          .group = Group::kGeneric,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns the type of a key's value.",
          .run = &Type}),
    Spec({.syntax = "RENAME key newkey",
          .access = "RW ACCESS DELETE; OW UPDATE",
          .since = "1.0.0",
          .group = Group::kGeneric,
          .flags = command::kWrite,
          .complexity = "O(1) for values that are small or shared",
          .summary = "Renames a key, replacing what bears the new name.",
          .run = &Rename}),
    Spec({.syntax = "RENAMENX key newkey",
          .access = "RW ACCESS DELETE; OW INSERT",
          .since = "1.0.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1) for values that are small or shared",
          .summary = "Renames a key if nothing bears the new name.",
          .history = "3.2.0: No longer an error when both names are the same.",
          .run = &RenameNx}),
    Spec({.syntax = "COPY source destination [DB destination-db] [REPLACE]",
          .access = "RO ACCESS; OW UPDATE",
          .since = "6.2.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(1) for strings, large ones are shared until written",
          .summary = "Copies the value of a key to another key, in another database if asked.",
          .run = &Copy}),
    Spec({.syntax = "MOVE key db",
          .access = "RW ACCESS UPDATE",
          .since = "1.0.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1)",
          .summary = "Moves a key to another database if it is absent there.",
          .run = &Move}),
    Spec({.syntax = "OBJECT",
          .since = "2.2.3",
          .group = Group::kGeneric,
          .complexity = "Depends on subcommand.",
          .summary = "A container for commands that look into how a value is kept.",
          .subcommands = kObjectSpecs}),
    Spec({.syntax = "WAIT numreplicas timeout",
          .since = "3.0.0",
          .group = Group::kGeneric,
          .flags = command::kBlocking,
          .categories = "connection -keyspace",
          .complexity = "O(1)",
          .summary = "Waits until so many replicas have acknowledged the writes of this "
                     "connection; answers how many did.",
          .tips = "request_policy:all_shards response_policy:agg_min",
          .run = &Wait}),
};

}  // namespace

std::span<const Spec> GenericFamily() { return kSpecs; }

}  // namespace cairn::commands
