// SPDX-License-Identifier: BSD-3-Clause
// CACHE.HOTKEYS, CACHE.PREFIXES and CACHE.RESETSTAT: what command/key_sampler.h has seen.
//
// Redis 8.6's HOTKEYS measures CPU time or bytes in a session that somebody starts and stops; this
// one is always on and counts calls, so it has a name of its own. What a hot key is and how large
// is looked up when somebody asks.
#include <optional>

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

constexpr std::int64_t kLimitDefault = 16;
// More than all tables hold of one kind.
constexpr std::int64_t kLimitMax = 1 << 20;

struct Options {
  std::optional<KeyUse> use;
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

enum class Of : std::uint8_t { kKeys, kPrefixes };

// False, and the error is replied, if they are wrong.
bool ParseOptions(Call& call, Of of, Options* options) {
  for (std::size_t i = 1; i < call.argc(); ++i) {
    const std::string_view word = call.arg(i);
    const bool has_value = i + 1 < call.argc();
    if (has_value && EqualsIgnoreCase(word, "LIMIT")) {
      const std::optional<std::size_t> limit = ParseUpTo(call, call.arg(++i), kLimitMax);
      if (!limit) return false;
      options->limit = *limit;
    } else if (has_value && of == Of::kPrefixes && EqualsIgnoreCase(word, "DEPTH")) {
      const std::optional<std::size_t> depth =
          ParseUpTo(call, call.arg(++i), command::kPrefixDepths);
      if (!depth) return false;
      options->depth = *depth;
    } else if (of == Of::kKeys && !options->use && EqualsIgnoreCase(word, "READ")) {
      options->use = KeyUse::kRead;
    } else if (of == Of::kKeys && !options->use && EqualsIgnoreCase(word, "WRITE")) {
      options->use = KeyUse::kWrite;
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
  if (!ParseOptions(call, Of::kKeys, &options)) return;
  const KeyStatistics& statistics = call.runner().shared().key_statistics;
  call.reply().Map(options.use ? 1 : 2);
  for (const KeyUse use : {KeyUse::kRead, KeyUse::kWrite}) {
    if (options.use && *options.use != use) continue;
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
  if (!ParseOptions(call, Of::kPrefixes, &options)) return;
  const auto report =
      call.runner().shared().key_statistics.Prefixes(options.depth, call.now_ms(), options.limit);
  call.reply().Map(4);
  PutHead(call.reply(), report);
  call.reply().Bulk("prefixes");
  call.reply().Array(report.rows.size());
  for (const command::PrefixUse& use : report.rows) PutPrefix(call.reply(), use);
}

void ResetStat(Call& call) {
  KeyStatistics& statistics = call.runner().shared().key_statistics;
  const bool all = call.argc() == 1;
  if (call.argc() > 2) return call.Error(command::errors::kSyntax);
  const bool hot_keys = all || EqualsIgnoreCase(call.arg(1), "HOTKEYS");
  const bool prefixes = all || EqualsIgnoreCase(call.arg(1), "PREFIXES");
  if (!hot_keys && !prefixes) return call.Error(command::errors::kSyntax);
  if (hot_keys) statistics.ResetHotKeys();
  if (prefixes) statistics.ResetPrefixes();
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
    Spec({.syntax = "CACHE.RESETSTAT [HOTKEYS | PREFIXES]",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(T) where T is what all threads' tables hold",
          .summary = "Forgets what CACHE.HOTKEYS and CACHE.PREFIXES tell of.",
          .tips = "request_policy:all_nodes response_policy:all_succeeded",
          .run = &ResetStat}),
};

}  // namespace

std::span<const Spec> KeyStatisticsFamily() { return kSpecs; }

}  // namespace cairn::commands
