// SPDX-License-Identifier: BSD-3-Clause
// Commands about the whole keyspace: KEYS, SCAN, RANDOMKEY, DBSIZE, FLUSHDB, FLUSHALL, SWAPDB.
//
// Those that read walk stripe by stripe and hold one lock for a bounded number of buckets, so no
// other client waits for a KEYS over millions of keys; unlike Redis's, their answer is no picture
// of one moment. SCAN's cursor is the stripe and the position in its table:
//
//     cursor = stripe << 34 | position in hash order (ds/segment_table.h), 0 at the beginning and
//     at the end
#include <algorithm>
#include <optional>

#include "base/glob.h"
#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/runner.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/scan_args.h"

namespace cairn::commands {
namespace {

using keyspace::Entry;
using keyspace::Position;
using keyspace::Shard;
using keyspace::Stripe;

constexpr int kTableCursorBits = 34;
constexpr int kBucketsPerHold = 64;

std::uint64_t Cursor(const keyspace::Keyspace& keyspace, std::uint64_t stripe_number,
                     std::uint64_t position) {
  if (stripe_number >= keyspace.stripe_count()) return 0;
  return stripe_number << kTableCursorBits | position;
}

// What has expired, or was made an end of by a tag's bump, may not be gone yet.
bool IsThere(const Shard& shard, Position at, const Entry& entry, UnixMs now_ms) {
  return keyspace::internal::ExpiryOf(shard.table, at, entry) > now_ms &&
         !keyspace::internal::IsDead(entry);
}

// Walks from `cursor` on, calling fn(entry) for every entry that is there, until fn's owner
// says stop() or the keyspace ends. Returns the cursor to go on from, 0 at the end; nothing if a
// stripe is held for long and the call is delayed. Locks one stripe at a time, for at most
// kBucketsPerHold buckets.
template <class Fn, class Stop>
std::optional<std::uint64_t> Walk(Call& call, std::uint64_t cursor, Fn fn, Stop stop) {
  keyspace::Keyspace& keyspace = call.keyspace();
  const UnixMs now_ms = call.now_ms();
  std::uint64_t stripe_number = cursor >> kTableCursorBits;
  std::uint64_t position = cursor & ((std::uint64_t{1} << kTableCursorBits) - 1);
  while (stripe_number < keyspace.stripe_count()) {
    Stripe& stripe = keyspace.stripe(StripeId(static_cast<std::uint16_t>(stripe_number)));
    keyspace::TryWalkLock hold(call.keyspace(), stripe);
    if (!hold.held()) [[unlikely]] {
      // All of them: else the next one might be held when this one is free.
      if (call.Delay(keyspace::StripeSet().set())) return std::nullopt;
      hold.Wait();
    }
    Shard* shard = stripe.shard(call.session().db());
    // Nothing there counts for nothing: an empty database is walked in one call.
    if (shard == nullptr || shard->table.size() == 0) {
      position = 0;
      ++stripe_number;
      continue;
    }
    for (int bucket = 0; bucket < kBucketsPerHold; ++bucket) {
      position = shard->table.Scan(position, [&](Position at, const Entry* entry) {
        if (IsThere(*shard, at, *entry, now_ms)) fn(*entry);
      });
      if (position == 0) ++stripe_number;
      if (stop()) return Cursor(keyspace, stripe_number, position);
      if (position == 0) break;
    }
  }
  return 0;
}

void Keys(Call& call) {
  if (call.Defer(call.keyspace().Size(call.session().db()).keys)) return;
  const std::string_view pattern = call.arg(1);
  const bool all = GlobMatchesAll(pattern);
  const std::size_t array = call.reply().BeginArray();
  std::size_t count = 0;
  Walk(
      call, 0,
      [&](const Entry& entry) {
        if (!all && !GlobMatch(pattern, entry.key())) return;
        call.reply().Bulk(entry.key());
        ++count;
      },
      [] { return false; });
  call.reply().EndArray(array, count);
}

// COUNT bounds the entries looked at, and ten times as many buckets, so that a sparse table does
// not hold the caller.
void Scan(Call& call) {
  const std::optional<std::uint64_t> cursor = ParseCursor(call.arg(1));
  if (!cursor) return call.Error(command::errors::kInvalidCursor);
  ScanOptions options;
  if (!ParseScanOptions(call, 2, ScanKind::kKeys, &options)) return;
  if (options.count >= static_cast<std::int64_t>(Call::kHeavyElements) &&
      call.Defer(ElementsDrawn(call.keyspace().Size(call.session().db()).keys, options.count))) {
    return;
  }
  ScanReply reply(call);
  std::int64_t seen = 0;
  std::int64_t steps = 0;
  const std::int64_t steps_max = options.count > INT64_MAX / 10 ? INT64_MAX : options.count * 10;
  const std::optional<std::uint64_t> next = Walk(
      call, *cursor,
      [&](const Entry& entry) {
        ++seen;
        if (options.type && !EqualsIgnoreCase(*options.type, keyspace::NameOf(entry.type())))
          return;
        if (options.Matches(entry.key())) reply.Add(entry.key());
      },
      [&] { return seen >= options.count || ++steps >= steps_max; });
  if (next) reply.Finish(*next);
}

// A stripe is drawn by its share of the keys, then a key in it.
void RandomKey(Call& call) {
  constexpr int kTriesMax = 100;  // on keys that have expired and are not yet gone
  keyspace::Keyspace& keyspace = call.keyspace();
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const std::size_t total = keyspace.Size(call.session().db()).keys;
    if (total == 0) break;
    std::size_t rank = call.session().random().Below(total);
    for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) {
      Stripe& stripe = keyspace.stripe(StripeId(static_cast<std::uint16_t>(i)));
      keyspace::TryWalkLock hold(call.keyspace(), stripe);
      if (!hold.held()) [[unlikely]] {
        if (call.Delay(keyspace::StripeSet().set())) return;
        hold.Wait();
      }
      const Shard* shard = stripe.shard(call.session().db());
      if (shard == nullptr || shard->table.size() == 0) continue;
      if (rank >= shard->table.size()) {
        rank -= shard->table.size();
        continue;
      }
      const Position at = shard->table.RandomPosition(call.session().random());
      const Entry* entry = shard->table.At(at);
      if (!IsThere(*shard, at, *entry, call.now_ms())) break;
      return call.reply().Bulk(entry->key());
    }
  }
  call.reply().Null();
}

void DbSize(Call& call) {
  call.reply().Integer(static_cast<std::int64_t>(call.keyspace().Size(call.session().db()).keys));
}

// SYNC and ASYNC come to the same: the tables are swapped away at once and freed in the background.
bool ParseFlush(Call& call) {
  const bool known =
      call.argc() == 1 || (call.argc() == 2 && (EqualsIgnoreCase(call.arg(1), "ASYNC") ||
                                                EqualsIgnoreCase(call.arg(1), "SYNC")));
  if (!known) call.Error(command::errors::kSyntax);
  return known;
}

// An effect even where there was nothing to flush: a replica may have keys that we have not.
void FinishFlush(Call& call, std::string_view effect, std::size_t keys) {
  call.txn().TellAllTracked();
  call.txn().Log({effect});
  call.txn().CountAs(static_cast<std::int64_t>(keys));
}

void FlushDb(Call& call) {
  if (!ParseFlush(call)) return;
  const std::size_t keys = call.txn().FlushDatabase(call.txn().db());
  FinishFlush(call, "FLUSHDB", keys);
  call.reply().Ok();
}

void FlushAll(Call& call) {
  if (!ParseFlush(call)) return;
  std::size_t keys = 0;
  for (std::uint32_t db = 0; db < call.keyspace().database_count(); ++db) {
    keys += call.txn().FlushDatabase(DbId(db));
  }
  FinishFlush(call, "FLUSHALL", keys);
  command::FlushObserver* const observer = call.runner().shared().flush_observer;
  if (observer == nullptr || !observer->OnFlushAll(call)) call.reply().Ok();
}

void SwapDb(Call& call) {
  const std::optional<std::int64_t> a = ParseInt64(call.arg(1));
  if (!a || *a < INT32_MIN || *a > INT32_MAX)
    return call.Error(command::errors::kInvalidFirstDbIndex);
  const std::optional<std::int64_t> b = ParseInt64(call.arg(2));
  if (!b || *b < INT32_MIN || *b > INT32_MAX)
    return call.Error(command::errors::kInvalidSecondDbIndex);
  const std::int64_t count = call.keyspace().database_count();
  if (*a < 0 || *a >= count || *b < 0 || *b >= count)
    return call.Error(command::errors::kDbIndexOutOfRange);
  call.txn().SwapDatabases(DbId(static_cast<std::uint32_t>(*a)),
                           DbId(static_cast<std::uint32_t>(*b)));
  // Redis leaves those who cache with what they read before.
  if (*a != *b) call.txn().TellAllTracked();
  call.LogVerbatim();
  call.reply().Ok();
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "KEYS pattern",
          .since = "1.0.0",
          .group = Group::kGeneric,
          .flags = command::kReadonly | command::kOwnLocks,
          .categories = "keyspace dangerous",
          .complexity = "O(N) where N is the number of keys",
          .summary = "Returns all keys that match a pattern.",
          .tips = "request_policy:all_shards nondeterministic_output_order",
          .run = &Keys}),
    Spec({.syntax = "SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]",
          .since = "2.8.0",
          .group = Group::kGeneric,
          .flags = command::kReadonly | command::kOwnLocks,
          .categories = "keyspace",
          .complexity = "O(1) for every call, O(N) for a whole iteration",
          .summary = "Iterates over the keys, some at a call.",
          .history = "6.0.0: Added the option TYPE.",
          .tips = "nondeterministic_output request_policy:special",
          .run = &Scan}),
    Spec({.syntax = "RANDOMKEY",
          .since = "1.0.0",
          .group = Group::kGeneric,
          .flags = command::kReadonly | command::kOwnLocks,
          .categories = "keyspace",
          .complexity = "O(1)",
          .summary = "Returns a key chosen at random.",
          .tips = "request_policy:all_shards nondeterministic_output",
          .run = &RandomKey}),
    Spec({.syntax = "DBSIZE",
          .since = "1.0.0",
          .group = Group::kServer,
          .flags = command::kReadonly | command::kFast | command::kOwnLocks,
          .categories = "keyspace",
          .complexity = "O(1)",
          .summary = "Returns the number of keys in the selected database.",
          .tips = "request_policy:all_shards response_policy:agg_sum",
          .run = &DbSize}),
    Spec({.syntax = "FLUSHDB [ASYNC | SYNC]",
          .since = "1.0.0",
          .group = Group::kServer,
          .flags = command::kWrite | command::kAllStripes,
          .categories = "keyspace dangerous",
          .complexity = "O(1) for the caller, O(N) in the background",
          .summary = "Removes all keys of the selected database.",
          .history = "4.0.0: Added the option ASYNC.\n6.2.0: Added the option SYNC.",
          .tips = "request_policy:all_shards response_policy:all_succeeded",
          .run = &FlushDb}),
    Spec({.syntax = "FLUSHALL [ASYNC | SYNC]",
          .since = "1.0.0",
          .group = Group::kServer,
          .flags = command::kWrite | command::kAllStripes,
          .categories = "keyspace dangerous",
          .complexity = "O(1) for the caller, O(N) in the background",
          .summary = "Removes all keys of all databases.",
          .history = "4.0.0: Added the option ASYNC.\n6.2.0: Added the option SYNC.",
          .tips = "request_policy:all_shards response_policy:all_succeeded",
          .run = &FlushAll}),
    Spec({.syntax = "SWAPDB index1 index2",
          .since = "4.0.0",
          .group = Group::kServer,
          .flags = command::kWrite | command::kFast | command::kAllStripes,
          .categories = "keyspace dangerous",
          .complexity = "O(1)",
          .summary = "Exchanges two databases, for all clients at once.",
          .run = &SwapDb}),
};

}  // namespace

std::span<const Spec> KeyspaceFamily() { return kSpecs; }

}  // namespace cairn::commands
