// SPDX-License-Identifier: BSD-3-Clause
// CACHE.HOTKEYS and CACHE.PREFIXES: what command/key_sampler.h has seen; CACHE.BIGKEYS:
// keyspace/big_keys.h; CACHE.LAG: keyspace/removal_lags.h; and CACHE.RESETSTAT.
//
// Redis 8.6's HOTKEYS measures CPU time or bytes in a session that somebody starts and stops; this
// one is always on and counts calls, so it has a name of its own. What a hot key is and how large
// is looked up when somebody asks.
#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "command/errors.h"
#include "command/key_sampler.h"
#include "command/runner.h"
#include "commands/families.h"
#include "keyspace/key_look.h"

namespace cairn::commands {
namespace {

using command::CallBounds;
using command::KeyStatistics;
using command::KeyUse;
using keyspace::BigKeys;

constexpr std::int64_t kLimitDefault = 16;
// More than all tables hold of one kind.
constexpr std::int64_t kLimitMax = 1 << 20;

struct Options {
  std::optional<std::size_t> only;  // one of the command's two lists
  std::size_t limit = kLimitDefault;
  std::size_t depth = 1;
};

// A number from 1 to `most`, or nothing, and the error is replied.
std::optional<std::size_t> ParseUpTo(Call& call, std::string_view text, std::int64_t most) {
  const std::optional<std::int64_t> number = ParseInt64(text);
  if (number && *number >= 1 && *number <= most) return static_cast<std::size_t>(*number);
  call.Error(number ? command::errors::kOutOfRange : command::errors::kNotAnInteger);
  return std::nullopt;
}

// The words that ask for one of a command's two lists.
using ListNames = std::array<std::string_view, 2>;
constexpr ListNames kUses = {"READ", "WRITE"};
constexpr ListNames kSizes = {"BYTES", "ELEMENTS"};

// False, and the error is replied, if they are wrong. `lists`: null for CACHE.PREFIXES, which takes
// a depth.
bool ParseOptions(Call& call, const ListNames* lists, Options* options) {
  for (std::size_t i = 1; i < call.argc(); ++i) {
    const std::string_view word = call.arg(i);
    const bool has_value = i + 1 < call.argc();
    if (has_value && EqualsIgnoreCase(word, "LIMIT")) {
      const std::optional<std::size_t> limit = ParseUpTo(call, call.arg(++i), kLimitMax);
      if (!limit) return false;
      options->limit = *limit;
    } else if (has_value && lists == nullptr && EqualsIgnoreCase(word, "DEPTH")) {
      const std::optional<std::size_t> depth =
          ParseUpTo(call, call.arg(++i), command::kPrefixDepths);
      if (!depth) return false;
      options->depth = *depth;
    } else if (lists != nullptr && !options->only && EqualsIgnoreCase(word, (*lists)[0])) {
      options->only = 0;
    } else if (lists != nullptr && !options->only && EqualsIgnoreCase(word, (*lists)[1])) {
      options->only = 1;
    } else {
      call.Error(command::errors::kSyntax);
      return false;
    }
  }
  return true;
}

void Put(resp::Writer& reply, std::string_view name, std::uint64_t number) {
  reply.Bulk(name);
  reply.Integer(static_cast<std::int64_t>(number));
}

void PutCalls(resp::Writer& reply, const CallBounds& calls) {
  Put(reply, "calls", calls.calls);
  Put(reply, "calls-min", calls.calls_min);
  Put(reply, "calls-max", calls.calls_max);
}

template <class Row>
void PutHead(resp::Writer& reply, const command::KeyReport<Row>& report) {
  Put(reply, "period-ms", static_cast<std::uint64_t>(report.period_ms));
  Put(reply, "calls", report.calls);
  Put(reply, "others-max", report.others_max);
}

void PutHotKey(Call& call, const command::HotKey& key) {
  using State = keyspace::KeyLook::State;
  const keyspace::KeyLook look =
      keyspace::LookAt(call.keyspace(), key.db, call.keyspace().Ref(key.name), call.now_ms());
  resp::Writer& reply = call.reply();
  reply.Map(7);
  reply.Bulk("key");
  reply.Bulk(key.name);
  Put(reply, "db", key.db.value);
  PutCalls(reply, key.calls);
  reply.Bulk("type");
  reply.Bulk(look.state == State::kPresent ? keyspace::NameOf(look.type) : "none");
  Put(reply, "bytes", look.bytes);
}

void HotKeys(Call& call) {
  Options options;
  if (!ParseOptions(call, &kUses, &options)) return;
  const KeyStatistics& statistics = call.runner().shared().key_statistics;
  call.reply().Map(options.only ? 1 : 2);
  for (const KeyUse use : {KeyUse::kRead, KeyUse::kWrite}) {
    if (options.only && *options.only != static_cast<std::size_t>(use)) continue;
    const auto report = statistics.HotKeys(use, call.now_ms(), options.limit);
    call.reply().Bulk(use == KeyUse::kRead ? "reads" : "writes");
    call.reply().Map(4);
    PutHead(call.reply(), report);
    call.reply().Bulk("keys");
    call.reply().Array(report.rows.size());
    for (const command::HotKey& key : report.rows) PutHotKey(call, key);
  }
}

void PutPrefix(resp::Writer& reply, const command::PrefixUse& use) {
  reply.Map(11);
  reply.Bulk("prefix");
  reply.Bulk(use.prefix);
  PutCalls(reply, use.calls);
  Put(reply, "reads", use.tally.reads);
  Put(reply, "hits", use.tally.hits);
  Put(reply, "misses", use.tally.misses);
  Put(reply, "writes", use.tally.writes);
  Put(reply, "written-bytes", use.tally.written_bytes);
  Put(reply, "writes-kept", use.tally.kept_writes);
  Put(reply, "writes-without-ttl", use.tally.without_ttl);
}

void Prefixes(Call& call) {
  Options options;
  if (!ParseOptions(call, nullptr, &options)) return;
  const auto report =
      call.runner().shared().key_statistics.Prefixes(options.depth, call.now_ms(), options.limit);
  call.reply().Map(4);
  PutHead(call.reply(), report);
  call.reply().Bulk("prefixes");
  call.reply().Array(report.rows.size());
  for (const command::PrefixUse& use : report.rows) PutPrefix(call.reply(), use);
}

struct BigKey {
  std::string name;
  DbId db;
  keyspace::KeyLook look;
};

// The database that the shard is now. REQUIRES: it is one of the stripe's.
DbId DbOf(keyspace::Keyspace& keyspace, StripeId stripe, const keyspace::Shard* shard) {
  DbId db(0);
  while (db.value + 1 < keyspace.database_count() && keyspace.stripe(stripe).shard(db) != shard)
    ++db.value;
  return db;
}

// As they are now. One whose stripe is held for long is as it was told.
std::vector<BigKey> LookAtAll(Call& call, BigKeys::By by,
                              std::span<const keyspace::LargestNames::Listed> listed) {
  using State = keyspace::KeyLook::State;
  keyspace::Keyspace& keyspace = call.keyspace();
  std::vector<BigKey> keys;
  for (const keyspace::LargestNames::Listed& at : listed) {
    const keyspace::KeyRef key = keyspace.Ref(at.name);
    BigKey big{.name = at.name, .db = DbOf(keyspace, key.stripe, at.shard), .look = {}};
    big.look = keyspace::LookAt(keyspace, big.db, key, call.now_ms());
    if (big.look.state == State::kAbsent) continue;
    if (big.look.state == State::kUnknown)
      (by == BigKeys::By::kBytes ? big.look.bytes : big.look.elements) = at.size;
    keys.push_back(std::move(big));
  }
  std::ranges::sort(keys, std::greater(), [by](const BigKey& key) {
    return by == BigKeys::By::kBytes ? key.look.bytes : key.look.elements;
  });
  return keys;
}

void PutBigKey(resp::Writer& reply, const BigKey& key) {
  const bool is_known = key.look.state == keyspace::KeyLook::State::kPresent;
  reply.Map(5);
  reply.Bulk("key");
  reply.Bulk(key.name);
  Put(reply, "db", key.db.value);
  reply.Bulk("type");
  reply.Bulk(is_known ? keyspace::NameOf(key.look.type) : "unknown");
  Put(reply, "bytes", key.look.bytes);
  Put(reply, "elements", key.look.elements);
}

void ListBigKeys(Call& call) {
  Options options;
  if (!ParseOptions(call, &kSizes, &options)) return;
  call.reply().Map(options.only ? 1 : 2);
  for (const BigKeys::By by : {BigKeys::By::kBytes, BigKeys::By::kElements}) {
    if (options.only && *options.only != static_cast<std::size_t>(by)) continue;
    const BigKeys::Listing listing = call.keyspace().big_keys().List(by);
    std::vector<BigKey> keys = LookAtAll(call, by, listing.listed);
    if (keys.size() > options.limit) keys.resize(options.limit);
    call.reply().Bulk(by == BigKeys::By::kBytes ? "bytes" : "elements");
    call.reply().Map(2);
    Put(call.reply(), "missed-max", listing.missed_max);
    call.reply().Bulk("keys");
    call.reply().Array(keys.size());
    for (const BigKey& key : keys) PutBigKey(call.reply(), key);
  }
}

// A histogram as a map: how many, and percentiles in `unit`.
void PutHistogram(resp::Writer& reply, std::string_view name,
                  const SharedLatencyHistogram& histogram, std::uint64_t unit) {
  std::vector<std::int64_t> counts;
  AddHistogram(histogram, counts);
  std::uint64_t all = 0;
  for (const std::int64_t count : counts) all += static_cast<std::uint64_t>(count);
  reply.Bulk(name);
  reply.Map(5);
  Put(reply, "count", all);
  Put(reply, "p50", PercentileNs(counts, 50) / unit);
  Put(reply, "p99", PercentileNs(counts, 99) / unit);
  Put(reply, "p99.9", PercentileNs(counts, 99.9) / unit);
  Put(reply, "p100", PercentileNs(counts, 100) / unit);
}

void Lag(Call& call) {
  constexpr std::uint64_t kNsPerUs = 1000;
  const keyspace::RemovalLags& lags = call.keyspace().lags();
  call.reply().Map(3);
  PutHistogram(call.reply(), "expire-lag-ms", lags.expiry_ns, keyspace::RemovalLags::kNsPerMs);
  PutHistogram(call.reply(), "eviction-wait-us", lags.eviction_wait_ns, kNsPerUs);
  PutHistogram(call.reply(), "eviction-over-bytes", lags.eviction_over_bytes, 1);
}

void ResetStat(Call& call) {
  KeyStatistics& statistics = call.runner().shared().key_statistics;
  const bool all = call.argc() == 1;
  if (call.argc() > 2) return call.Error(command::errors::kSyntax);
  const auto is_asked = [&](std::string_view word) {
    return all || EqualsIgnoreCase(call.arg(1), word);
  };
  const bool hot_keys = is_asked("HOTKEYS");
  const bool prefixes = is_asked("PREFIXES");
  const bool lag = is_asked("LAG");
  if (!hot_keys && !prefixes && !lag) return call.Error(command::errors::kSyntax);
  if (hot_keys) statistics.ResetHotKeys();
  if (prefixes) statistics.ResetPrefixes();
  if (lag) call.keyspace().lags().Reset();
  call.reply().Ok();
}

// Names of keys are not for everybody, as in SLOWLOG and MONITOR.
constexpr std::uint32_t kAdmin =
    command::kAdmin | command::kNoScript | command::kOwnLocks | command::kLoading | command::kStale;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "CACHE.HOTKEYS [READ | WRITE] [LIMIT limit]",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(T log T) where T is what all threads' tables hold",
          .summary = "Returns the keys that were asked for most of late, with bounds of the error.",
          .tips = "request_policy:all_nodes nondeterministic_output",
          .run = &HotKeys}),
    Spec({.syntax = "CACHE.PREFIXES [DEPTH depth] [LIMIT limit]",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(T log T) where T is what all threads' tables hold",
          .summary = "Returns the prefixes of keys that were asked for most of late: hits, misses, "
                     "bytes written, and writes without a time.",
          .tips = "request_policy:all_nodes nondeterministic_output",
          .run = &Prefixes}),
    Spec({.syntax = "CACHE.BIGKEYS [BYTES | ELEMENTS] [LIMIT limit]",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is cairn-big-keys",
          .summary = "Returns the largest keys, by bytes and by elements, without a scan.",
          .tips = "request_policy:all_nodes nondeterministic_output",
          .run = &ListBigKeys}),
    Spec({.syntax = "CACHE.LAG",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(1)",
          .summary = "Returns how late expired keys went, and what commands waited for eviction.",
          .tips = "request_policy:all_nodes nondeterministic_output",
          .run = &Lag}),
    Spec({.syntax = "CACHE.RESETSTAT [HOTKEYS | PREFIXES | LAG]",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(T) where T is what all threads' tables hold",
          .summary = "Forgets what CACHE.HOTKEYS, CACHE.PREFIXES and CACHE.LAG tell of.",
          .tips = "request_policy:all_nodes response_policy:all_succeeded",
          .run = &ResetStat}),
};

}  // namespace

std::span<const Spec> KeyStatisticsFamily() { return kSpecs; }

}  // namespace cairn::commands
