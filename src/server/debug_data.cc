// SPDX-License-Identifier: BSD-3-Clause
// See debug_data.h.
//
// DEBUG names its keys behind a subcommand that its row knows nothing of, so these take their
// stripes themselves, one key at a time.
#include "server/debug_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/hash.h"
#include "base/text.h"
#include "command/errors.h"
#include "keyspace/access.h"
#include "keyspace/value_digest.h"
#include "server/connection.h"
#include "server/server.h"
#include "value/string_value.h"

namespace cairn::server {
namespace {

using command::Call;
using keyspace::Access;
using keyspace::Found;

constexpr std::string_view kNoValueDigest = "0000000000000000000000000000000000000000";

// Runs fn(Txn&, KeyRef) under the key's stripe.
template <class Fn>
void WithKey(Call& call, std::string_view key, Fn fn) {
  const keyspace::KeyRef ref = call.keyspace().Ref(key);
  keyspace::KeyLocks locks(call.keyspace());
  locks.Acquire({&ref, 1});
  keyspace::Txn txn(call.keyspace(), locks, call.session().viewer());
  fn(txn, ref);
  locks.Release();
}

value::StringEncoding EncodingOf(const keyspace::Entry& entry) {
  const bool changed = entry.encoding() == keyspace::Encoding::kRaw;
  return value::StringEncodingOf(
      entry.value(), changed ? value::StringOrigin::kChangedInPlace : value::StringOrigin::kSet);
}

// Redis's words for an entry; the address is the entry's own.
std::string Describe(Call& call, const keyspace::Entry& entry) {
  const bool is_string = !entry.is_collection();
  const std::string_view encoding =
      is_string ? value::StringEncodingName(EncodingOf(entry))
                : entry.Visit([](const auto& value) { return value.encoding(); });
  // Until there are dumps, a collection's size in memory stands for its length.
  const std::size_t length =
      is_string ? SerializedStringBytes(entry.value()) : entry.charged_bytes();
  return fmt::format(
      "Value at:{} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
      static_cast<const void*>(&entry), encoding, length, entry.access(),
      keyspace::IdleSeconds(entry.access(), call.now_ms()));
}

struct Population {
  std::size_t count = 0;
  std::string_view prefix = "key";
  std::size_t value_bytes = 0;  // 0: as long as the value's text
};

bool ParsePositive(Call& call, std::string_view word, std::size_t* number) {
  const std::optional<std::int64_t> parsed = ParseInt64(word);
  if (!parsed || *parsed < 0) {
    call.Error(command::errors::kMustBePositive);
    return false;
  }
  *number = static_cast<std::size_t>(*parsed);
  return true;
}

bool ParsePopulate(Call& call, Population& population) {
  if (!ParsePositive(call, call.arg(2), &population.count)) return false;
  if (call.argc() > 3) population.prefix = call.arg(3);
  if (call.argc() > 4 && !ParsePositive(call, call.arg(4), &population.value_bytes)) return false;
  const std::int64_t bytes_max =
      call.keyspace().tunables().string_bytes_max.load(std::memory_order_relaxed);
  if (population.value_bytes <= static_cast<std::size_t>(bytes_max)) return true;
  call.Error(command::errors::kStringTooLong);
  return false;
}

}  // namespace

std::string DigestText(std::uint64_t digest) {
  const HashSeed second(digest);
  const std::uint64_t more = second.Hash({reinterpret_cast<const char*>(&digest), sizeof(digest)});
  return fmt::format("{:016x}{:016x}{:08x}", digest, more, (digest ^ more) & 0xFFFFFFFF);
}

std::size_t SerializedStringBytes(std::string_view value) {
  const std::optional<std::int64_t> number = ParseInt64(value);
  if (number && *number >= INT32_MIN && *number <= INT32_MAX) {
    if (*number >= INT8_MIN && *number <= INT8_MAX) return 2;
    return *number >= INT16_MIN && *number <= INT16_MAX ? 3 : 5;
  }
  const std::size_t size = value.size();
  return size + (size < 64 ? 1 : size < 16384 ? 2 : 5);
}

void DebugDigest(Call& call) {
  call.reply().Simple(
      Connection::Of(call).server().engine().Digest(engine::Engine::DigestExpiry::kPresence));
}

void DebugDigestValue(Call& call) {
  call.reply().Array(call.argc() - 2);
  for (const std::string_view key : call.args().subspan(2)) {
    std::string digest(kNoValueDigest);
    WithKey(call, key, [&](keyspace::Txn& txn, const keyspace::KeyRef& ref) {
      if (const Found found = txn.Find(ref, Access::kPeek))
        digest = DigestText(keyspace::ValueDigest(*found.entry));
    });
    call.reply().Simple(digest);
  }
}

void DebugObject(Call& call) {
  std::string description;
  WithKey(call, call.arg(2), [&](keyspace::Txn& txn, const keyspace::KeyRef& ref) {
    if (const Found found = txn.Find(ref, Access::kPeek))
      description = Describe(call, *found.entry);
  });
  if (description.empty()) return call.Error(command::errors::kNoSuchKey);
  call.reply().Simple(description);
}

// Keys that are there stay as they are. Unlike Redis's, the effect is logged.
void DebugPopulate(Call& call) {
  Population population;
  if (!ParsePopulate(call, population)) return;
  std::string value;
  for (std::size_t i = 0; i < population.count; ++i) {
    const std::string key = fmt::format("{}:{}", population.prefix, i);
    value = fmt::format("value:{}", i);
    if (population.value_bytes > 0) value.resize(population.value_bytes, '\0');
    WithKey(call, key, [&](keyspace::Txn& txn, const keyspace::KeyRef& ref) {
      const Found found = txn.Find(ref, Access::kPeek);
      if (found) return;
      txn.SetString(ref, found, value, keyspace::Ttl::kDrop);
      txn.Log({"SET", key, value});
    });
  }
  call.reply().Ok();
}

void DebugHtStats(Call& call) {
  const std::optional<std::int64_t> db = ParseInt64(call.arg(2));
  if (!db) return call.Error(command::errors::kNotAnInteger);
  if (*db < 0 || *db >= call.keyspace().database_count())
    return call.Error("ERR Out of range database");
  std::size_t keys = 0, volatile_keys = 0, bytes = 0, tables = 0, segments = 0, largest = 0;
  for (std::size_t i = 0; i < call.keyspace().stripe_count(); ++i) {
    keyspace::Stripe& stripe = call.keyspace().stripe(StripeId(static_cast<std::uint16_t>(i)));
    const keyspace::WalkLock hold(call.keyspace(), stripe);
    const keyspace::Shard* shard = stripe.shard(DbId(static_cast<std::uint32_t>(*db)));
    if (shard == nullptr) continue;
    ++tables;
    keys += shard->table.size();
    volatile_keys += shard->table.volatile_count();
    bytes += shard->table.memory_bytes();
    segments += shard->table.segment_count();
    largest = std::max(largest, shard->table.size());
  }
  call.reply().Verbatim(
      "txt",
      fmt::format("[Dictionary HT]\nHash table 0 stats (main hash table):\n number of elements: "
                  "{}\n tables: {} (one a stripe)\n segments: {}\n bytes: {}\n largest table: {}\n"
                  "[Expires HT]\n number of elements: {}\n",
                  keys, tables, segments, bytes, largest, volatile_keys));
}

void DebugHtStatsKey(Call& call) {
  bool present = false;
  WithKey(call, call.arg(2), [&](keyspace::Txn& txn, const keyspace::KeyRef& ref) {
    present = static_cast<bool>(txn.Find(ref, Access::kPeek));
  });
  call.Error(present ? "ERR The value stored at the specified key is not represented using an hash "
                       "table"
                     : command::errors::kNoSuchKey);
}

}  // namespace cairn::server
