// SPDX-License-Identifier: BSD-3-Clause
// DUMP and RESTORE: a value as bytes that any Redis since 7.0 takes, and back.
//
// What RESTORE is sent is anybody's: the codec checks every byte of it before a value is made. Its
// effect is logged with the moment at which the key expires, so that it means the same whenever it
// is run again.
#include "commands/dump.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/text.h"
#include "codec/dump.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/expiry.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "keyspace/access.h"

namespace cairn::commands {
namespace {

// LZF takes about so many times as long as copying.
constexpr std::uint64_t kCompressionCost = 8;

codec::RdbCompression CompressionOf(Call& call) {
  return call.keyspace().tunables().compress_dumps.load(std::memory_order_relaxed)
             ? codec::RdbCompression::kLzf
             : codec::RdbCompression::kNone;
}

void Dump(Call& call) {
  const Found found = call.txn().Find(call.key(0), Access::kRead);
  if (!found) return call.reply().Null();
  // Of a collection's elements only large ones are compressed.
  const keyspace::Entry& entry = *found.entry;
  const bool is_compressed = CompressionOf(call) == codec::RdbCompression::kLzf &&
                             (!entry.is_collection() || WeightOf(entry) > 1);
  if (call.Defer((is_compressed ? kCompressionCost : 1) * ElementsOf(entry))) return;
  call.reply().Bulk(DumpOf(call, *found.entry));
}

struct RestoreOptions {
  bool replace = false;
  bool is_absolute = false;
  std::optional<std::int64_t> idle_seconds;
  std::optional<std::uint8_t> frequency;
};

// The number behind an option, from 0 to `max`; false with `error` replied.
bool ParseAmount(Call& call, std::size_t at, std::int64_t max, std::string_view error,
                 std::int64_t* amount) {
  const std::optional<std::int64_t> parsed = ParseInt64(call.arg(at));
  if (!parsed) {
    call.Error(command::errors::kNotAnInteger);
    return false;
  }
  if (*parsed < 0 || *parsed > max) {
    call.Error(error);
    return false;
  }
  *amount = *parsed;
  return true;
}

// False with an error replied.
bool ParseOptions(Call& call, RestoreOptions* options) {
  constexpr std::int64_t kFrequencyMax = 255;
  for (std::size_t i = 4; i < call.argc(); ++i) {
    const std::string_view token = call.arg(i);
    const bool has_more = i + 1 < call.argc();
    std::int64_t amount = 0;
    if (EqualsIgnoreCase(token, "REPLACE")) {
      options->replace = true;
    } else if (EqualsIgnoreCase(token, "ABSTTL")) {
      options->is_absolute = true;
    } else if (EqualsIgnoreCase(token, "IDLETIME") && has_more && !options->frequency) {
      if (!ParseAmount(call, ++i, std::numeric_limits<std::int64_t>::max(),
                       command::errors::kInvalidIdleTime, &amount))
        return false;
      options->idle_seconds = amount;
    } else if (EqualsIgnoreCase(token, "FREQ") && has_more && !options->idle_seconds) {
      if (!ParseAmount(call, ++i, kFrequencyMax, command::errors::kInvalidFrequency, &amount))
        return false;
      options->frequency = static_cast<std::uint8_t>(amount);
    } else {
      call.Error(command::errors::kSyntax);
      return false;
    }
  }
  return true;
}

// When the key is to expire: kNever for 0. What is beyond all time has passed already: in Redis,
// the sum wraps around.
UnixMs ExpiryOf(Call& call, std::int64_t ttl, const RestoreOptions& options) {
  if (ttl == 0) return kNever;
  const auto base = options.is_absolute ? TimeBase::kAbsolute : TimeBase::kRelative;
  return std::min(AbsoluteMs(ttl, {TimeUnit::kMilliseconds, base}, call.now_ms()).value_or(0),
                  kLastMoment);
}

// The access clock that the options ask for, if the eviction policy is one that has such.
void SetAccess(Call& call, const RestoreOptions& options, keyspace::Entry* entry) {
  const keyspace::EvictionPolicy policy = call.keyspace().tunables().policy();
  if (keyspace::IsLfu(policy)) {
    if (options.frequency)
      entry->set_access(keyspace::LfuAccess(call.now_ms(), *options.frequency));
  } else if (options.idle_seconds && !keyspace::IsS3Fifo(policy)) {
    entry->set_access(keyspace::AccessOfIdle(call.now_ms(), *options.idle_seconds));
  }
}

// The call, with the expiry as a moment.
void LogRestore(Call& call, UnixMs at_ms, const RestoreOptions& options) {
  if (at_ms == kNever || options.is_absolute) return call.LogVerbatim();
  const std::string moment = Int64ToString(at_ms);
  std::vector<std::string_view> effect(call.args().begin(), call.args().end());
  effect[2] = moment;
  effect.emplace_back("ABSTTL");
  call.txn().Log(effect);
}

// Puts the value where `found` says; the key's old value and time go.
void Store(Call& call, Found found, codec::RdbValue&& value, UnixMs at_ms,
           const RestoreOptions& options) {
  const keyspace::KeyRef& key = call.key(0);
  // Redis deletes what was there, in silence, and adds the key anew.
  const bool replaces = static_cast<bool>(found);
  Found stored = std::visit(
      [&]<class V>(V& held) {
        if constexpr (std::is_same_v<V, std::string_view>) {
          return call.txn().SetString(key, found, held, keyspace::Ttl::kDrop);
        } else {
          return call.txn().SetCollection(key, found, std::move(held));
        }
      },
      value);
  if (replaces) call.txn().Notify(keyspace::kEventNewKey, "new", key);
  SetAccess(call, options, stored.entry);
  if (at_ms != kNever) call.txn().SetExpiry(key, stored, at_ms);
  LogRestore(call, at_ms, options);
  call.txn().Notify(keyspace::kEventGeneric, "restore", key);
}

// What is restored has expired: only what it replaces is gone.
void Drop(Call& call, Found found) {
  if (!found) return call.txn().OverruleAbsence(call.key(0));
  call.txn().Remove(call.key(0), found);
  call.txn().Log({"DEL", call.key(0).name});
  call.txn().Notify(keyspace::kEventGeneric, "del", call.key(0));
}

codec::RdbValueLimits AllLimits(Call& call) {
  return {.list = LimitsOf<value::List>(call),
          .hash = LimitsOf<value::Hash>(call),
          .set = LimitsOf<value::Set>(call),
          .sorted_set = LimitsOf<value::SortedSet>(call)};
}

// What the payload may hold: of a string as it is its bytes, else elements of four bytes, which few
// are shorter than. What is compressed holds more than it seems to, mostly some times as much.
std::uint64_t ElementsIn(std::string_view payload) {
  constexpr std::string_view kCompressedString("\0\xc3", 2);
  constexpr std::uint64_t kElementBytes = 4;
  return payload.starts_with('\0') && !payload.starts_with(kCompressedString)
             ? ElementsOfBytes(payload.size())
             : payload.size() / kElementBytes;
}

void Restore(Call& call) {
  RestoreOptions options;
  if (!ParseOptions(call, &options)) return;
  const Found found = call.txn().Find(call.key(0), Access::kPeek);
  if (found && !options.replace) return call.Error(command::errors::kBusyKey);
  const std::optional<std::int64_t> ttl = ParseInt64(call.arg(2));
  if (!ttl) return call.Error(command::errors::kNotAnInteger);
  if (*ttl < 0) return call.Error(command::errors::kInvalidTtl);
  const std::string_view payload = call.arg(3);
  if (call.Defer(ElementsIn(payload))) return;
  if (!codec::IsDumpIntact(payload)) return call.Error(command::errors::kDumpNotIntact);
  const UnixMs at_ms = ExpiryOf(call, *ttl, options);
  const bool has_expired = call.IsPast(at_ms);
  const Status read = codec::ReadDump(
      payload, AllLimits(call), HomeOf(call, call.key(0)), [&](codec::RdbValue&& value) {
        has_expired ? Drop(call, found) : Store(call, found, std::move(value), at_ms, options);
      });
  if (!read.ok()) return call.Error(command::errors::kBadDump);
  call.reply().Ok();
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "DUMP key",
          .access = "RO ACCESS",
          .since = "2.6.0",
          .group = Group::kGeneric,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of elements, or the bytes of a string; what is "
                        "small is copied",
          .summary = "Returns a key's value as bytes that RESTORE takes.",
          .tips = "nondeterministic_output",
          .run = &Dump}),
    Spec({.syntax = "RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] "
                    "[FREQ frequency]",
          .access = "OW UPDATE",
          .since = "2.6.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kDenyOom,
          .categories = "dangerous",
          .complexity = "O(N) where N is the bytes of the value; O(N*log(N)) for sorted sets",
          .summary = "Makes a key from the bytes that DUMP returned.",
          .history = "3.0.0: Added the option REPLACE.\n5.0.0: Added the option ABSTTL.\n"
                     "5.0.0: Added the options IDLETIME and FREQ.",
          .run = &Restore}),
    Spec({.syntax = "RESTORE-ASKING key ttl serialized-value [REPLACE] [ABSTTL] "
                    "[IDLETIME seconds] [FREQ frequency]",
          .access = "OW UPDATE",
          .since = "3.0.0",
          .group = Group::kServer,
          .flags = command::kWrite | command::kDenyOom | command::kAsking | command::kSystemCommand,
          .categories = "keyspace dangerous",
          .complexity = "O(N) where N is the bytes of the value; O(N*log(N)) for sorted sets",
          .summary = "RESTORE, as nodes of a cluster send it to each other when a slot moves.",
          .history = "3.0.0: Added the option REPLACE.\n5.0.0: Added the option ABSTTL.\n"
                     "5.0.0: Added the options IDLETIME and FREQ.",
          .run = &Restore}),
};

}  // namespace

std::string DumpOf(Call& call, const keyspace::Entry& entry) {
  const codec::RdbCompression compression = CompressionOf(call);
  if (!entry.is_collection()) return codec::DumpOf(entry.value(), compression);
  std::string payload;
  entry.Visit([&](const auto& value) { payload = codec::DumpOf(value, compression); });
  return payload;
}

std::span<const Spec> DumpFamily() { return kSpecs; }

}  // namespace cairn::commands
