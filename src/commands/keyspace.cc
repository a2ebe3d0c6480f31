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
#include <string>
#include <vector>

#include "base/glob.h"
#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/families.h"

namespace cairn::commands {
namespace {

using command::Call;
using command::Group;
using command::Spec;
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

// Walks from `cursor` on, calling fn(entry) for every entry that has not expired, until fn's owner
// says stop() or the keyspace ends. Returns the cursor to go on from, 0 at the end. Locks one
// stripe at a time, for at most kBucketsPerHold buckets.
template <class Fn, class Stop>
std::uint64_t Walk(Call& call, std::uint64_t cursor, Fn fn, Stop stop) {
  keyspace::Keyspace& keyspace = call.keyspace();
  const UnixMs now_ms = call.now_ms();
  std::uint64_t stripe_number = cursor >> kTableCursorBits;
  std::uint64_t position = cursor & ((std::uint64_t{1} << kTableCursorBits) - 1);
  while (stripe_number < keyspace.stripe_count()) {
    Stripe& stripe = keyspace.stripe(StripeId(static_cast<std::uint16_t>(stripe_number)));
    MutexLock hold(stripe.mu);
    Shard* shard = stripe.shard(call.session().db());
    // Nothing there counts for nothing: an empty database is walked in one call.
    if (shard == nullptr || shard->table.size() == 0) {
      position = 0;
      ++stripe_number;
      continue;
    }
    for (int bucket = 0; bucket < kBucketsPerHold; ++bucket) {
      position = shard->table.Scan(position, [&](Position at, const Entry* entry) {
        if (keyspace::internal::ExpiryOf(shard->table, at, *entry) > now_ms) fn(*entry);
      });
      if (position == 0) ++stripe_number;
      if (stop()) return Cursor(keyspace, stripe_number, position);
      if (position == 0) break;
    }
  }
  return 0;
}

void Keys(Call& call) {
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

struct ScanOptions {
  std::uint64_t cursor = 0;
  std::int64_t count = 10;
  std::string_view pattern = "*";
  std::optional<std::string_view> type;
};

// As C's strtoul reads it: a sign is allowed, what is negative wraps around, nothing at all is 0,
// and a NUL ends the text.
std::optional<std::uint64_t> ParseCursor(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  if (text.empty()) return 0;
  const bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  if (text.empty()) return 0;
  const std::optional<std::uint64_t> number = ParseUint64(text);
  if (!number) return std::nullopt;
  return negative ? 0 - *number : *number;
}

bool ParseScan(Call& call, ScanOptions& options) {
  const std::optional<std::uint64_t> cursor = ParseCursor(call.arg(1));
  if (!cursor) {
    call.Error(command::errors::kInvalidCursor);
    return false;
  }
  options.cursor = *cursor;
  for (std::size_t i = 2; i < call.argc(); i += 2) {
    const bool has_value = i + 1 < call.argc();
    if (has_value && EqualsIgnoreCase(call.arg(i), "MATCH")) {
      options.pattern = call.arg(i + 1);
    } else if (has_value && EqualsIgnoreCase(call.arg(i), "TYPE")) {
      options.type = call.arg(i + 1);
    } else if (has_value && EqualsIgnoreCase(call.arg(i), "COUNT")) {
      const std::optional<std::int64_t> count = ParseInt64(call.arg(i + 1));
      if (!count || *count < 1) {
        call.Error(count ? command::errors::kSyntax : command::errors::kNotAnInteger);
        return false;
      }
      options.count = *count;
    } else {
      call.Error(command::errors::kSyntax);
      return false;
    }
  }
  return true;
}

// COUNT bounds the entries looked at, and ten times as many buckets, so that a sparse table does
// not hold the caller.
void Scan(Call& call) {
  ScanOptions options;
  if (!ParseScan(call, options)) return;
  const bool all = GlobMatchesAll(options.pattern);
  std::vector<std::string> keys;
  std::int64_t seen = 0;
  std::int64_t steps = 0;
  const std::int64_t steps_max = options.count > INT64_MAX / 10 ? INT64_MAX : options.count * 10;
  const std::uint64_t next = Walk(
      call, options.cursor,
      [&](const Entry& entry) {
        ++seen;
        if (options.type && !EqualsIgnoreCase(*options.type, "string")) return;
        if (all || GlobMatch(options.pattern, entry.key())) keys.emplace_back(entry.key());
      },
      [&] { return seen >= options.count || ++steps >= steps_max; });
  call.reply().Array(2);
  char digits[kInt64TextMax];
  const char* end = FormatUint64(digits, next);
  call.reply().Bulk({digits, static_cast<std::size_t>(end - digits)});
  call.reply().Array(keys.size());
  for (const std::string& key : keys) call.reply().Bulk(key);
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
      MutexLock hold(stripe.mu);
      const Shard* shard = stripe.shard(call.session().db());
      if (shard == nullptr || shard->table.size() == 0) continue;
      if (rank >= shard->table.size()) {
        rank -= shard->table.size();
        continue;
      }
      const Position at = shard->table.RandomPosition(call.session().random());
      const Entry* entry = shard->table.At(at);
      if (keyspace::internal::ExpiryOf(shard->table, at, *entry) <= call.now_ms()) break;
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
  call.txn().Log({effect});
  call.txn().CountAs(static_cast<std::int64_t>(keys));
  call.reply().Ok();
}

void FlushDb(Call& call) {
  if (!ParseFlush(call)) return;
  const std::size_t keys = call.txn().FlushDatabase(call.txn().db());
  FinishFlush(call, "FLUSHDB", keys);
}

void FlushAll(Call& call) {
  if (!ParseFlush(call)) return;
  std::size_t keys = 0;
  for (std::uint32_t db = 0; db < call.keyspace().database_count(); ++db) {
    keys += call.txn().FlushDatabase(DbId(db));
  }
  FinishFlush(call, "FLUSHALL", keys);
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
