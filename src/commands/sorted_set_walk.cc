// SPDX-License-Identifier: BSD-3-Clause
// Looking at members in no order that matters: ZRANDMEMBER and ZSCAN.
//
// ZSCAN shows the score of a large set with 17 digits where everything else shows the shortest
// text, as Redis does; of a small one it shows what lies there.
#include <optional>
#include <string_view>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/scan_args.h"
#include "commands/sorted_sets.h"
#include "value/sorted_set.h"

namespace cairn::commands {
namespace {

using value::Direction;
using value::SortedSet;

// A negative count may ask for any number of replies out of a single member. Redis would go on
// until its memory or the client's output limit ends it; here the stripe is locked meanwhile.
constexpr std::int64_t kRepliesMax = std::int64_t{1} << 27;

void ReplyRepeating(Call& call, const SortedSet& set, std::int64_t count, Emit emit) {
  ReplyMemberCount(call, static_cast<std::size_t>(count), emit);
  for (std::int64_t i = 0; i < count; ++i) {
    set.RandomMember(call.txn().random(), [&](std::string_view member, double score) {
      ReplyMember(call, member, score, emit);
    });
  }
}

void ReplyDistinct(Call& call, const SortedSet& set, std::size_t count, Emit emit) {
  // Redis hands out a whole set from its top.
  if (count >= set.size())
    return ReplyRange(call, set, {.begin = 0, .end = set.size()}, Direction::kDown, emit);
  ReplyMemberCount(call, count, emit);
  set.RandomMembers(call.txn().random(), count, [&](std::string_view member, double score) {
    ReplyMember(call, member, score, emit);
  });
}

// The error in the count and what follows it; empty if there is none.
std::string_view CheckRandom(Call& call, const std::optional<std::int64_t>& count) {
  if (!count) return command::errors::kNotAnInteger;
  if (*count == INT64_MIN) return command::errors::kNotAMagnitude;
  if (call.argc() > 4 || (call.argc() == 4 && !EqualsIgnoreCase(call.arg(3), "WITHSCORES")))
    return command::errors::kSyntax;
  const bool too_many = *count < -INT64_MAX / 2 || *count > INT64_MAX / 2;
  if ((call.argc() == 4 && too_many) || *count < -kRepliesMax) return command::errors::kOutOfRange;
  return {};
}

void ZRandMember(Call& call) {
  const bool has_count = call.argc() > 2;
  std::int64_t count = 1;
  if (has_count) {
    const auto parsed = ParseInt64(call.arg(2));
    const std::string_view error = CheckRandom(call, parsed);
    if (!error.empty()) return call.Error(error);
    count = *parsed;
  }
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kRead, &found)) return;
  if (!has_count) {
    if (!found) return call.reply().Null();
    return SortedSetOf(found).RandomMember(
        call.txn().random(), [&](std::string_view member, double) { call.reply().Bulk(member); });
  }
  if (!found || count == 0) return call.reply().Array(0);
  if (call.Defer(ElementsDrawn(SortedSetOf(found).size(), count))) return;
  const Emit emit = call.argc() == 4 ? Emit::kPairs : Emit::kMembers;
  if (count < 0) return ReplyRepeating(call, SortedSetOf(found), -count, emit);
  ReplyDistinct(call, SortedSetOf(found), static_cast<std::size_t>(count), emit);
}

// --- ZSCAN ---

void ScanMembers(Call& call, const SortedSet& set, std::uint64_t cursor,
                 const ScanOptions& options) {
  if (call.Defer(ElementsUpTo(set, options.count))) return;
  ScanReply reply(call);
  const auto add = [&](std::string_view member, double score) {
    if (!options.Matches(member)) return;
    char text[kDoubleTextMax];
    const char* end = set.is_packed() ? FormatDouble(text, score) : FormatDoubleFully(text, score);
    reply.Add(member);
    reply.Add({text, static_cast<std::size_t>(end - text)});
  };
  reply.Finish(set.Scan(cursor, static_cast<std::size_t>(options.count), add));
}

void ZScan(Call& call) {
  const auto cursor = ParseCursor(call.arg(2));
  if (!cursor) return call.Error(command::errors::kInvalidCursor);
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kRead, &found)) return;
  if (!found) return ScanReply(call).Finish(0);
  ScanOptions options;
  if (!ParseScanOptions(call, 3, ScanKind::kMembers, &options)) return;
  ScanMembers(call, SortedSetOf(found), *cursor, options);
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "ZRANDMEMBER key [count [WITHSCORES]]",
          .access = "RO ACCESS",
          .since = "6.2.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of members returned",
          .summary = "Returns members drawn at random.",
          .tips = "nondeterministic_output",
          .run = &ZRandMember}),
    Spec({.syntax = "ZSCAN key cursor [MATCH pattern] [COUNT count]",
          .access = "RO ACCESS",
          .since = "2.8.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = "O(1) for a call, O(N) for a whole walk over N members",
          .summary = "Walks over the members of a sorted set and their scores.",
          .tips = "nondeterministic_output",
          .run = &ZScan}),
};

}  // namespace

std::span<const Spec> SortedSetWalkFamily() { return kSpecs; }

}  // namespace cairn::commands
