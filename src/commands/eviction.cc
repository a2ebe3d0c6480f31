// SPDX-License-Identifier: BSD-3-Clause
// CACHE.MRC and CACHE.ADVISE: what the server has learnt about the memory it has, and the memory it
// has not; and about times to live that are missing or too short.
// docs/caching-commands/eviction.md says what is promised.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "command/errors.h"
#include "commands/families.h"
#include "keyspace/miss_ratio_curve.h"
#include "keyspace/reload_watch.h"

namespace cairn::commands {
namespace {

constexpr double kFactors[] = {0.25, 0.5, 1, 2, 4};

void ReplyNumber(resp::Writer& reply, std::string_view name, std::int64_t number) {
  reply.Bulk(name);
  reply.Integer(number);
}

void ReplyDouble(resp::Writer& reply, std::string_view name, double number) {
  reply.Bulk(name);
  reply.Double(number);
}

bool IsReset(Call& call) {
  return call.args().size() == 2 && EqualsIgnoreCase(call.arg(1), "RESET");
}

// One point: with so many times the memory. What is beside the keys takes the same in any case.
void ReplyPoint(Call& call, const keyspace::Keyspace::LimitSize& size,
                const keyspace::MissRatioCurve::Picture& curve, double factor) {
  const double bytes = factor * static_cast<double>(size.bytes);
  const auto other = static_cast<double>(size.other_bytes);
  const double now = static_cast<double>(size.bytes) - other;
  const double keys = now > 0 ? static_cast<double>(size.keys) * (bytes - other) / now : 0;
  resp::Writer& reply = call.reply();
  reply.Map(4);
  ReplyDouble(reply, "factor", factor);
  ReplyNumber(reply, "memory", static_cast<std::int64_t>(bytes));
  ReplyNumber(reply, "keys", std::max<std::int64_t>(0, static_cast<std::int64_t>(keys)));
  ReplyDouble(reply, "hit-ratio", curve.HitRatio(keys));
}

void CacheMrc(Call& call) {
  keyspace::Keyspace& keyspace = call.keyspace();
  if (call.args().size() > 1) {
    if (!IsReset(call)) return call.Error(command::errors::kSyntax);
    if (keyspace.curve().is_on()) keyspace.curve().Start();
    return call.reply().Ok();
  }
  const keyspace::MissRatioCurve::Picture curve = keyspace.curve().Take();
  const keyspace::Keyspace::LimitSize size = keyspace.SizeAtLimit();
  resp::Writer& reply = call.reply();
  reply.Map(5);
  ReplyNumber(reply, "enabled", keyspace.curve().is_on() ? 1 : 0);
  ReplyNumber(reply, "reads", curve.reads);
  ReplyDouble(reply, "sampling-rate", curve.sampling_rate);
  ReplyNumber(reply, "sampled-keys", curve.samples);
  reply.Bulk("curve");
  reply.Array(std::size(kFactors));
  for (const double factor : kFactors) ReplyPoint(call, size, curve, factor);
}

// ---- CACHE.ADVISE ------------------------------------------------------------------------------

// Entries looked at in one database's share of a stripe: side by side, so it costs a microsecond or
// two under the lock. And in all.
constexpr std::size_t kSampledAShard = 32;
constexpr std::size_t kSampledMax = 16'384;
constexpr std::int64_t kLimitDefault = 10;

// Estimates of what has no time to live.
struct Timeless {
  double keys = 0;      // all of the prefix
  double timeless = 0;  // without one
  double bytes = 0;     // that these take
};
using TimelessByPrefix = std::unordered_map<std::string, Timeless>;

void SampleShard(keyspace::Shard& shard, Random& random, TimelessByPrefix& prefixes,
                 std::size_t& sampled) {
  std::vector<std::pair<keyspace::Position, const keyspace::Entry*>> seen;
  shard.table.SampleFrom(random, kSampledAShard,
                         [&](keyspace::Position position, const keyspace::Entry* entry) {
                           seen.emplace_back(position, entry);
                         });
  if (seen.empty()) return;
  sampled += seen.size();
  const double weight = static_cast<double>(shard.table.size()) / static_cast<double>(seen.size());
  for (const auto& [position, entry] : seen) {
    Timeless& prefix = prefixes[std::string(keyspace::KeyPrefix(entry->key()))];
    prefix.keys += weight;
    if (keyspace::internal::ExpiryOf(shard.table, position, *entry) != kNever) continue;
    prefix.timeless += weight;
    prefix.bytes += weight * static_cast<double>(entry->charged_bytes());
  }
}

// Passes over stripes that are held for long.
std::size_t SampleKeys(Call& call, TimelessByPrefix& prefixes) {
  keyspace::Keyspace& keyspace = call.keyspace();
  Random& random = call.session().random();
  std::size_t sampled = 0;
  for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) {
    keyspace::Stripe& stripe = keyspace.stripe(StripeId(static_cast<std::uint16_t>(i)));
    const keyspace::TryWalkLock hold(keyspace, stripe);
    if (!hold.held()) continue;
    for (const auto& shard : stripe.owned_shards) {
      if (sampled >= kSampledMax) return sampled;
      SampleShard(*shard, random, prefixes, sampled);
    }
  }
  return sampled;
}

// The `limit` greatest by what `worth` says.
template <class Row, class Worth>
void KeepGreatest(std::vector<Row>& rows, std::int64_t limit, Worth worth) {
  std::ranges::sort(rows, [&](const Row& a, const Row& b) { return worth(a) > worth(b); });
  rows.resize(std::min(rows.size(), static_cast<std::size_t>(limit)));
}

void ReplyTimeless(resp::Writer& reply, const TimelessByPrefix& prefixes, std::int64_t limit) {
  std::vector<std::pair<std::string, Timeless>> rows;
  for (const auto& row : prefixes) {
    if (row.second.timeless > 0) rows.emplace_back(row);
  }
  KeepGreatest(rows, limit, [](const auto& row) { return row.second.bytes; });
  reply.Array(rows.size());
  for (const auto& [prefix, what] : rows) {
    reply.Map(4);
    reply.Bulk("prefix");
    reply.Bulk(prefix);
    ReplyNumber(reply, "keys", static_cast<std::int64_t>(what.timeless));
    ReplyNumber(reply, "bytes", static_cast<std::int64_t>(what.bytes));
    ReplyDouble(reply, "share", what.timeless / what.keys);
  }
}

void ReplyReloads(resp::Writer& reply, const keyspace::ReloadWatch& watch, std::int64_t limit) {
  std::vector<keyspace::ReloadWatch::PrefixReloads> rows = watch.Take();
  std::erase_if(rows, [](const auto& row) { return row.of_sample.unchanged == 0; });
  KeepGreatest(rows, limit, [](const auto& row) { return row.of_sample.unchanged; });
  reply.Array(rows.size());
  for (const auto& [prefix, reloads] : rows) {
    reply.Map(4);
    reply.Bulk("prefix");
    reply.Bulk(prefix);
    ReplyNumber(reply, "reloads", reloads.expired_again);
    ReplyNumber(reply, "unchanged", reloads.unchanged);
    ReplyDouble(
        reply, "share",
        static_cast<double>(reloads.unchanged) / static_cast<double>(reloads.expired_again));
  }
}

void CacheAdvise(Call& call) {
  keyspace::ReloadWatch& watch = call.keyspace().reload_watch();
  std::int64_t limit = kLimitDefault;
  if (IsReset(call)) {
    if (watch.is_on()) watch.Start();
    return call.reply().Ok();
  }
  if (call.args().size() > 1) {
    if (call.args().size() != 3 || !EqualsIgnoreCase(call.arg(1), "LIMIT"))
      return call.Error(command::errors::kSyntax);
    const std::optional<std::int64_t> number = ParseInt64(call.arg(2));
    if (!number || *number < 0) return call.Error(command::errors::kNotAnInteger);
    limit = *number;
  }
  TimelessByPrefix prefixes;
  const std::size_t sampled = SampleKeys(call, prefixes);
  resp::Writer& reply = call.reply();
  reply.Map(5);
  ReplyNumber(reply, "sampled-keys", static_cast<std::int64_t>(sampled));
  reply.Bulk("without-ttl");
  ReplyTimeless(reply, prefixes, limit);
  ReplyNumber(reply, "watching", watch.is_on() ? 1 : 0);
  ReplyDouble(reply, "watched-share", watch.sampling_rate());
  reply.Bulk("reloaded-unchanged");
  ReplyReloads(reply, watch, limit);
}

constexpr std::uint32_t kAboutTheServer =
    command::kAdmin | command::kNoScript | command::kLoading | command::kStale;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "CACHE.MRC [RESET]",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = kAboutTheServer,
          .complexity = "O(S) where S is the number of stripes",
          .summary = "Returns the hit ratio that other amounts of memory would give.",
          .tips = "nondeterministic_output",
          .run = &CacheMrc}),
    Spec({.syntax = "CACHE.ADVISE [RESET | LIMIT limit]",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = kAboutTheServer,
          .complexity = "O(S) where S is the number of stripes",
          .summary = "Returns prefixes of keys whose time to live is missing or too short.",
          .tips = "nondeterministic_output",
          .run = &CacheAdvise}),
};

}  // namespace

std::span<const Spec> EvictionFamily() { return kSpecs; }

}  // namespace cairn::commands
