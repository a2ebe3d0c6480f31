// SPDX-License-Identifier: BSD-3-Clause
// Hashes: fields set, read, counted and removed. Numbers are in hash_counter.cc, random fields and
// HSCAN in hash_walk.cc, the times of fields in hash_time.cc, commands that take both values and
// times in hash_fields.cc.
#include <cstdint>

#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/hashes.h"
#include "commands/heavy.h"

namespace cairn::commands {
namespace {

using value::Hash;

// The hash of a command that only reads, null if there is none. False with WRONGTYPE replied.
bool FindHash(Call& call, const Hash** hash) {
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kRead, &found)) return false;
  *hash = found ? &found.entry->as<Hash>() : nullptr;
  return true;
}

// Writes the pairs of the call and names the effect. The number of new fields; nothing, with the
// error replied, if the last field has no value or the key holds something else.
std::optional<std::int64_t> SetPairs(Call& call) {
  if (call.argc() % 2 != 0) {
    call.Error(command::errors::WrongArity(call.command().full_name));
    return std::nullopt;
  }
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kWrite, &found)) return std::nullopt;
  const HashWriting writing(call);
  const auto pairs = call.args().subspan(2);
  std::int64_t added = 0;
  {
    auto edit = call.txn().Edit<Hash>(call.key(0), found);
    ExpectPairs(*edit, pairs, writing);
    for (std::size_t i = 0; i < pairs.size(); i += 2) {
      if (WriteField(*edit, pairs[i], pairs[i + 1], writing)) ++added;
    }
  }
  call.LogVerbatim();
  call.txn().CountAs(static_cast<std::int64_t>(pairs.size() / 2));
  call.txn().Notify(keyspace::kEventHash, "hset", call.key(0));
  return added;
}

void Hset(Call& call) {
  if (const auto added = SetPairs(call)) call.reply().Integer(*added);
}

void Hmset(Call& call) {
  if (SetPairs(call)) call.reply().Ok();
}

void HsetNx(Call& call) {
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kWrite, &found)) return;
  if (found && found.entry->as<Hash>().Contains(call.arg(2))) return call.reply().Integer(0);
  const HashWriting writing(call);
  {
    auto edit = call.txn().Edit<Hash>(call.key(0), found);
    ExpectPairs(*edit, call.args().subspan(2), writing);
    edit->Add(call.arg(2), call.arg(3), writing.limits, writing.home);
  }
  call.LogVerbatim();
  call.txn().Notify(keyspace::kEventHash, "hset", call.key(0));
  call.reply().Integer(1);
}

void Hget(Call& call) {
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kRead, &found)) return;
  ReplyField(call, found, call.arg(2));
}

// The memory of all fields is asked for before the first is looked at.
void Hmget(Call& call) {
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kRead, &found)) return;
  const auto fields = call.args().subspan(2);
  if (found) {
    const Hash& hash = found.entry->as<Hash>();
    for (const std::string_view field : fields) hash.PrefetchBucket(field);
    for (const std::string_view field : fields) hash.PrefetchNode(field);
  }
  call.reply().Array(fields.size());
  for (const std::string_view field : fields) ReplyField(call, found, field);
}

void HgetAll(Call& call) {
  const Hash* hash = nullptr;
  if (!FindHash(call, &hash)) return;
  if (hash == nullptr) return call.reply().Map(0);
  if (call.Defer(hash->size())) return;
  call.reply().Map(hash->size());
  hash->ForEach([&](std::string_view field, std::string_view value) {
    call.reply().Bulk(field);
    call.reply().Bulk(value);
  });
}

void Hkeys(Call& call) {
  const Hash* hash = nullptr;
  if (!FindHash(call, &hash)) return;
  if (hash == nullptr) return call.reply().Array(0);
  if (call.Defer(hash->size())) return;
  call.reply().Array(hash->size());
  hash->ForEach([&](std::string_view field, std::string_view) { call.reply().Bulk(field); });
}

void Hvals(Call& call) {
  const Hash* hash = nullptr;
  if (!FindHash(call, &hash)) return;
  if (hash == nullptr) return call.reply().Array(0);
  if (call.Defer(hash->size())) return;
  call.reply().Array(hash->size());
  hash->ForEach([&](std::string_view, std::string_view value) { call.reply().Bulk(value); });
}

void Hlen(Call& call) {
  const Hash* hash = nullptr;
  if (!FindHash(call, &hash)) return;
  call.reply().Integer(hash == nullptr ? 0 : static_cast<std::int64_t>(hash->size()));
}

void HstrLen(Call& call) {
  const Hash* hash = nullptr;
  if (!FindHash(call, &hash)) return;
  if (hash == nullptr) return call.reply().Integer(0);
  const std::optional<ds::PackedValue> value = hash->Get(call.arg(2));
  ds::PackedValue::Scratch scratch;
  call.reply().Integer(value ? static_cast<std::int64_t>(value->Text(scratch).size()) : 0);
}

void Hexists(Call& call) {
  const Hash* hash = nullptr;
  if (!FindHash(call, &hash)) return;
  call.reply().Integer(hash != nullptr && hash->Contains(call.arg(2)) ? 1 : 0);
}

void Hdel(Call& call) {
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.reply().Integer(0);
  std::int64_t removed = 0;
  {
    auto edit = call.txn().Edit<Hash>(call.key(0), found);
    for (const std::string_view field : call.args().subspan(2)) {
      if (edit->Remove(field)) ++removed;
    }
  }
  if (removed > 0) {
    call.LogVerbatim();
    call.txn().CountAs(removed);
    NotifyHash(call, "hdel", found);
  }
  call.reply().Integer(removed);
}

constexpr std::uint32_t kSets = command::kWrite | command::kDenyOom | command::kFast;
constexpr std::uint32_t kLooks = command::kReadonly | command::kFast;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "HSET key field value [field value ...]",
          .access = "RW UPDATE",
          .since = "2.0.0",
          .group = Group::kHash,
          .flags = kSets,
          .complexity = "O(N) where N is the number of fields given",
          .summary = "Sets fields of a hash, which is made if there is none.",
          .history = "4.0.0: Accepts multiple `field` and `value` arguments.",
          .run = &Hset,
          .warm = &WarmMembers<Hash, 2, 2>}),
    Spec({.syntax = "HMSET key field value [field value ...]",
          .access = "RW UPDATE",
          .since = "2.0.0",
          .group = Group::kHash,
          .flags = kSets,
          .complexity = "O(N) where N is the number of fields given",
          .summary = "Sets fields of a hash.",
          .deprecated = "4.0.0|`HSET` with multiple field-value pairs",
          .run = &Hmset,
          .warm = &WarmMembers<Hash, 2, 2>}),
    Spec({.syntax = "HSETNX key field value",
          .access = "RW INSERT",
          .since = "2.0.0",
          .group = Group::kHash,
          .flags = kSets,
          .complexity = "O(1)",
          .summary = "Sets a field of a hash unless it is there.",
          .run = &HsetNx,
          .warm = &WarmMembers<Hash, 2, 2>}),
    Spec({.syntax = "HGET key field",
          .access = "RO ACCESS",
          .since = "2.0.0",
          .group = Group::kHash,
          .flags = kLooks,
          .complexity = "O(1)",
          .summary = "Returns the value of a field.",
          .run = &Hget,
          .warm = &WarmMembers<Hash, 2>}),
    Spec({.syntax = "HMGET key field [field ...]",
          .access = "RO ACCESS",
          .since = "2.0.0",
          .group = Group::kHash,
          .flags = kLooks,
          .complexity = "O(N) where N is the number of fields given",
          .summary = "Returns the values of several fields.",
          .run = &Hmget}),
    Spec({.syntax = "HGETALL key",
          .access = "RO ACCESS",
          .since = "2.0.0",
          .group = Group::kHash,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of fields",
          .summary = "Returns all fields of a hash with their values.",
          .tips = "nondeterministic_output_order",
          .run = &HgetAll}),
    Spec({.syntax = "HKEYS key",
          .access = "RO ACCESS",
          .since = "2.0.0",
          .group = Group::kHash,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of fields",
          .summary = "Returns the names of all fields of a hash.",
          .tips = "nondeterministic_output_order",
          .run = &Hkeys}),
    Spec({.syntax = "HVALS key",
          .access = "RO ACCESS",
          .since = "2.0.0",
          .group = Group::kHash,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of fields",
          .summary = "Returns the values of all fields of a hash.",
          .tips = "nondeterministic_output_order",
          .run = &Hvals}),
    Spec({.syntax = "HLEN key",
          .access = "RO",
          .since = "2.0.0",
          .group = Group::kHash,
          .flags = kLooks,
          .complexity = "O(1)",
          .summary = "Returns the number of fields of a hash.",
          .run = &Hlen}),
    Spec({.syntax = "HSTRLEN key field",
          .access = "RO",
          .since = "3.2.0",
          .group = Group::kHash,
          .flags = kLooks,
          .complexity = "O(1)",
          .summary = "Returns the length of a field's value.",
          .run = &HstrLen,
          .warm = &WarmMembers<Hash, 2>}),
    Spec({.syntax = "HEXISTS key field",
          .access = "RO",
          .since = "2.0.0",
          .group = Group::kHash,
          .flags = kLooks,
          .complexity = "O(1)",
          .summary = "Tells whether a hash has a field.",
          .run = &Hexists,
          .warm = &WarmMembers<Hash, 2>}),
    Spec({.syntax = "HDEL key field [field ...]",
          .access = "RW DELETE",
          .since = "2.0.0",
          .group = Group::kHash,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of fields given",
          .summary = "Removes fields of a hash; one that is left empty goes with its key.",
          .history = "2.4.0: Accepts multiple `field` arguments.",
          .run = &Hdel,
          .warm = &WarmMembers<Hash, 2>}),
};

}  // namespace

std::span<const Spec> HashFamily() { return kSpecs; }

}  // namespace cairn::commands
