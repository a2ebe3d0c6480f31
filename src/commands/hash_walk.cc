// SPDX-License-Identifier: BSD-3-Clause
// HRANDFIELD and HSCAN: some of a hash's fields, at random or in turn.
#include <algorithm>
#include <optional>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/hashes.h"
#include "commands/heavy.h"
#include "commands/scan_args.h"

namespace cairn::commands {
namespace {

using value::Hash;

enum class Shown : std::uint8_t { kFields, kPairs };

// The header for so many fields; with values RESP2 has a flat array, RESP3 one of pairs.
void BeginFields(Call& call, std::size_t count, Shown shown) {
  const bool flat_pairs = shown == Shown::kPairs && !call.reply().resp3();
  call.reply().Array(flat_pairs ? count * 2 : count);
}

void ReplyOne(Call& call, std::string_view field, std::string_view value, Shown shown) {
  if (shown == Shown::kFields) return call.reply().Bulk(field);
  if (call.reply().resp3()) call.reply().Array(2);
  call.reply().Bulk(field);
  call.reply().Bulk(value);
}

void RandomMany(Call& call, const Hash& hash, std::int64_t count, Shown shown) {
  const auto reply_field = [&](std::string_view field, std::string_view value) {
    ReplyOne(call, field, value, shown);
  };
  Random& random = call.txn().random();
  if (count > 0) {
    BeginFields(call, std::min(static_cast<std::size_t>(count), hash.size()), shown);
    return hash.RandomFields(random, static_cast<std::size_t>(count), reply_field);
  }
  // Less than zero: so many draws, each from the whole hash.
  if (count < -kDrawsMax) return call.Error(command::errors::kOutOfRange);
  BeginFields(call, static_cast<std::size_t>(-count), shown);
  for (std::int64_t i = 0; i < -count; ++i) hash.RandomField(random, reply_field);
}

// With values a reply has twice as many elements, and they must be countable.
constexpr std::int64_t kPairCountMax = INT64_MAX / 2;

std::string_view CheckCount(Call& call, const std::optional<std::int64_t>& count) {
  if (!count) return command::errors::kNotAnInteger;
  if (*count == INT64_MIN) return command::errors::kNotAMagnitude;
  if (call.argc() == 3) return {};
  if (call.argc() > 4 || !EqualsIgnoreCase(call.arg(3), "WITHVALUES"))
    return command::errors::kSyntax;
  if (*count < -kPairCountMax || *count > kPairCountMax) return command::errors::kOutOfRange;
  return {};
}

void HrandField(Call& call) {
  std::optional<std::int64_t> count;
  if (call.argc() > 2) {
    count = ParseInt64(call.arg(2));
    const std::string_view error = CheckCount(call, count);
    if (!error.empty()) return call.Error(error);
  }
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kRead, &found)) return;
  if (!found || count == 0) return count ? call.reply().Array(0) : call.reply().Null();
  const Hash& hash = found.entry->as<Hash>();
  if (count && call.Defer(ElementsDrawn(hash.size(), *count))) return;
  if (count)
    return RandomMany(call, hash, *count, call.argc() > 3 ? Shown::kPairs : Shown::kFields);
  hash.RandomField(call.txn().random(),
                   [&](std::string_view field, std::string_view) { call.reply().Bulk(field); });
}

// An absent hash is answered before the options are looked at.
void Hscan(Call& call) {
  const std::optional<std::uint64_t> cursor = ParseCursor(call.arg(2));
  if (!cursor) return call.Error(command::errors::kInvalidCursor);
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kRead, &found)) return;
  ScanOptions options;
  if (found && !ParseScanOptions(call, 3, ScanKind::kFields, &options)) return;
  if (found && call.Defer(ElementsUpTo(found.entry->as<Hash>(), options.count))) return;
  ScanReply reply(call);
  if (!found) return reply.Finish(0);
  const std::uint64_t next =
      found.entry->as<Hash>().Scan(*cursor, static_cast<std::size_t>(options.count),
                                   [&](std::string_view field, std::string_view value) {
                                     if (!options.Matches(field)) return;
                                     reply.Add(field);
                                     if (!options.no_values) reply.Add(value);
                                   });
  reply.Finish(next);
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "HRANDFIELD key [count [WITHVALUES]]",
          .access = "RO ACCESS",
          .since = "6.2.0",
          .group = Group::kHash,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of fields returned",
          .summary = "Returns fields of a hash drawn at random: different ones, or with a count "
                     "below zero each from the whole hash.",
          .tips = "nondeterministic_output",
          .run = &HrandField}),
    Spec({.syntax = "HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
          .access = "RO ACCESS",
          .since = "2.8.0",
          .group = Group::kHash,
          .flags = command::kReadonly,
          .complexity = "O(1) for every call, O(N) for a whole iteration",
          .summary = "Iterates over the fields of a hash, some at a call.",
          .tips = "nondeterministic_output",
          .run = &Hscan}),
};

}  // namespace

std::span<const Spec> HashWalkFamily() { return kSpecs; }

}  // namespace cairn::commands
