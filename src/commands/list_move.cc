// SPDX-License-Identifier: BSD-3-Clause
// Lists: moving elements from the end of one list to the end of another, or of the same.
//
// The source may go with its last element and the destination may be made by its first, and both
// may lie in one stripe: so whatever was found of one key is found again after the other changed.
// LMOVEM is Redis 8.10's, as its documentation has it.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/families.h"
#include "commands/lists.h"

namespace cairn::commands {
namespace {

using value::List;
using value::ListCursor;
using value::ListEnd;

struct Ends {
  ListEnd from;
  ListEnd to;
};
constexpr Ends kBackToFront{.from = ListEnd::kBack, .to = ListEnd::kFront};

// "LEFT | RIGHT LEFT | RIGHT" at arguments 3 and 4; SYNTAX is replied where they are not.
std::optional<Ends> ParseEnds(Call& call) {
  const std::optional<ListEnd> from = ParseListEnd(call.arg(3));
  const std::optional<ListEnd> to = ParseListEnd(call.arg(4));
  if (from && to) return Ends{.from = *from, .to = *to};
  call.Error(command::errors::kSyntax);
  return std::nullopt;
}

// kNoSource: nothing was replied. kError: it was.
enum class Lookup : std::uint8_t { kBoth, kNoSource, kError };

// Checks the types of both keys, the source first: without one, the destination's does not matter.
Lookup FindBoth(Call& call, Found* source) {
  if (!FindAs<List>(call, 0, Access::kWrite, source)) return Lookup::kError;
  if (!*source) return Lookup::kNoSource;
  Found destination;
  if (!FindAs<List>(call, 1, Access::kWrite, &destination)) return Lookup::kError;
  // The destination may have expired just now, which moves what else is in its stripe.
  *source = call.txn().Find(call.key(0), Access::kPeek);
  return Lookup::kBoth;
}

bool IsRotation(const Call& call) { return call.arg(1) == call.arg(2); }

// Redis tells of the push first.
void NotifyMoved(Call& call, const Found& source, Ends ends) {
  call.txn().Notify(keyspace::kEventList, PushName(ends.to), call.key(1));
  NotifyTaken(call, call.key(0), source, PopName(ends.from));
}

// --- one element ---

// The effect, without the timeout that the blocking forms end with: a replica does not wait.
void LogMove(Call& call) {
  constexpr std::size_t kWithEnds = 5;
  if (call.argc() < kWithEnds) {
    return call.txn().Log({"RPOPLPUSH", call.arg(1), call.arg(2)});
  }
  call.txn().Log({"LMOVE", call.arg(1), call.arg(2), call.arg(3), call.arg(4)});
}

// REQUIRES: FindBoth found both.
void MoveOne(Call& call, Found& source, Ends ends) {
  const value::ListLimits limits = LimitsOf<List>(call);
  ds::PackedValue::Scratch scratch;
  const std::string text(source.entry->as<List>().End(ends.from).Text(scratch));
  if (IsRotation(call)) {
    call.txn().Edit<List>(call.key(0), source)->Rotate(ends.from, ends.to, limits);
  } else {
    call.txn().Edit<List>(call.key(0), source)->Pop(ends.from, limits);
    Found destination = call.txn().Find(call.key(1), Access::kPeek);
    call.txn().Edit<List>(call.key(1), destination)->PushMoved(ends.to, text, limits);
  }
  NotifyMoved(call, source, ends);
  LogMove(call);
  call.reply().Bulk(text);
}

// LMOVE and RPOPLPUSH: false if there is nothing to move, and nothing was replied.
bool TryMove(Call& call, Ends ends) {
  Found source;
  const Lookup lookup = FindBoth(call, &source);
  if (lookup == Lookup::kBoth) MoveOne(call, source, ends);
  return lookup != Lookup::kNoSource;
}

void LMove(Call& call) {
  const std::optional<Ends> ends = ParseEnds(call);
  if (!ends) return;
  if (!TryMove(call, *ends)) call.reply().Null();
}

void RPopLPush(Call& call) {
  if (!TryMove(call, kBackToFront)) call.reply().Null();
}

// Of both keys only the source can get what is missing.
void BlockForSource(Call& call, std::int64_t timeout_ms, command::TimeoutReply reply) {
  call.Block(keyspace::Type::kList, timeout_ms, reply, {}, command::WaitsAt::kFirstKey);
}

void BLMove(Call& call) {
  const std::optional<Ends> ends = ParseEnds(call);
  if (!ends) return;
  const std::optional<std::int64_t> timeout_ms = ParseTimeoutSeconds(call, call.arg(5));
  if (!timeout_ms || TryMove(call, *ends)) return;
  BlockForSource(call, *timeout_ms, command::TimeoutReply::kNullAtOnce);
}

void BRPopLPush(Call& call) {
  const std::optional<std::int64_t> timeout_ms = ParseTimeoutSeconds(call, call.arg(3));
  if (!timeout_ms || TryMove(call, kBackToFront)) return;
  BlockForSource(call, *timeout_ms, command::TimeoutReply::kNullAtOnce);
}

// --- several elements ---

struct Block {
  std::uint64_t count = 1;
  bool is_exact = false;    // EXACTLY: that many or none
  bool one_by_one = false;  // OBO: as so many LMOVEs would leave them; else they keep their order
};

// "[COUNT count | EXACTLY exactly  OBO | BULK]" from argument `at` on, the last there is.
std::optional<Block> ParseBlock(Call& call, std::size_t at) {
  Block block;
  if (at == call.argc()) return block;
  block.is_exact = EqualsIgnoreCase(call.arg(at), "EXACTLY");
  const bool is_known = block.is_exact || EqualsIgnoreCase(call.arg(at), "COUNT");
  const bool is_whole = is_known && call.argc() == at + 3;
  block.one_by_one = is_whole && EqualsIgnoreCase(call.arg(at + 2), "OBO");
  if (!is_whole || (!block.one_by_one && !EqualsIgnoreCase(call.arg(at + 2), "BULK"))) {
    call.Error(command::errors::kSyntax);
    return std::nullopt;
  }
  const std::optional<std::int64_t> count = ParseInt64(call.arg(at + 1));
  if (!count || *count < 1) {
    call.Error(command::errors::kCountNotPositive);
    return std::nullopt;
  }
  block.count = static_cast<std::uint64_t>(*count);
  return block;
}

// Copies of the elements that go, in the order in which they will stand in the destination.
std::vector<std::string> CopyBlock(const List& list, std::size_t count, Ends ends,
                                   bool one_by_one) {
  std::vector<std::string> texts;
  texts.reserve(count);
  const ListRange range = RangeAtEnd(list.size(), count, ends.from);
  ds::PackedValue::Scratch scratch;
  ListCursor at(list, range.start, ListEnd::kBack);
  for (std::size_t i = 0; i < count; ++i, at.Advance())
    texts.emplace_back(at.value().Text(scratch));
  // One by one, what comes off one end goes to the other in the same order, and to the same end in
  // reverse.
  if (one_by_one && ends.from == ends.to) std::reverse(texts.begin(), texts.end());
  return texts;
}

void PushBlock(List& list, const std::vector<std::string>& texts, ListEnd end,
               const value::ListLimits& limits) {
  std::vector<std::string_view> views(texts.begin(), texts.end());
  // The last one pushed is outermost.
  if (end == ListEnd::kFront) std::reverse(views.begin(), views.end());
  list.Push(end, views, limits);
}

// One record, so that no torn tail of a file holds half of the move.
void LogBlock(Call& call, const Block& block) {
  char digits[kInt64TextMax];
  const char* end = FormatUint64(digits, block.count);
  const std::string_view count(digits, static_cast<std::size_t>(end - digits));
  call.txn().Log({"LMOVEM", call.arg(1), call.arg(2), call.arg(3), call.arg(4), "COUNT", count,
                  block.one_by_one ? "OBO" : "BULK"});
}

// LMOVEM: false if there is not enough to move, and nothing was replied.
bool TryMoveBlock(Call& call, Ends ends, const Block& block) {
  Found source;
  const Lookup lookup = FindBoth(call, &source);
  if (lookup != Lookup::kBoth) return lookup == Lookup::kError;
  const std::size_t size = source.entry->as<List>().size();
  if (block.is_exact && block.count > size) return false;
  const std::size_t count = std::min<std::uint64_t>(block.count, size);
  const std::vector<std::string> texts =
      CopyBlock(source.entry->as<List>(), count, ends, block.one_by_one);
  const value::ListLimits limits = LimitsOf<List>(call);
  const ListRange range = RangeAtEnd(size, count, ends.from);
  {
    auto from = call.txn().Edit<List>(call.key(0), source);
    from->EraseRange(range.start, range.count, limits);
    if (IsRotation(call)) PushBlock(*from, texts, ends.to, limits);
  }
  if (!IsRotation(call)) {
    Found destination = call.txn().Find(call.key(1), Access::kPeek);
    PushBlock(*call.txn().Edit<List>(call.key(1), destination), texts, ends.to, limits);
  }
  NotifyMoved(call, source, ends);
  LogBlock(call, block);
  call.reply().Array(texts.size());
  for (const std::string& text : texts) call.reply().Bulk(text);
  return true;
}

void LMoveM(Call& call) {
  const std::optional<Ends> ends = ParseEnds(call);
  if (!ends) return;
  const std::optional<Block> block = ParseBlock(call, 5);
  if (!block) return;
  if (!TryMoveBlock(call, *ends, *block)) call.reply().NullArray();
}

void BLMoveM(Call& call) {
  const std::optional<Ends> ends = ParseEnds(call);
  if (!ends) return;
  const std::optional<std::int64_t> timeout_ms = ParseTimeoutSeconds(call, call.arg(5));
  if (!timeout_ms) return;
  const std::optional<Block> block = ParseBlock(call, 6);
  if (!block || TryMoveBlock(call, *ends, *block)) return;
  BlockForSource(call, *timeout_ms, command::TimeoutReply::kNullArray);
}

constexpr std::uint32_t kBlocks = command::kWrite | command::kDenyOom | command::kBlocking;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "LMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT>",
          .access = "RW ACCESS DELETE; RW INSERT",
          .since = "6.2.0",
          .group = Group::kList,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(1)",
          .summary = "Moves an element from an end of one list to an end of another and returns "
                     "it.",
          .run = &LMove}),
    Spec({.syntax = "RPOPLPUSH source destination",
          .access = "RW ACCESS DELETE; RW INSERT",
          .since = "1.2.0",
          .group = Group::kList,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(1)",
          .summary = "Moves the last element of one list to the front of another and returns it.",
          .deprecated = "6.2.0|`LMOVE` with the `RIGHT` and `LEFT` arguments",
          .run = &RPopLPush}),
    Spec({.syntax = "LMOVEM source destination <LEFT | RIGHT> <LEFT | RIGHT> [<COUNT count | "
                    "EXACTLY exactly> <OBO | BULK>]",
          .access = "RW ACCESS DELETE; RW INSERT",
          .since = "8.10.0",
          .group = Group::kList,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(N) where N is the number of elements moved",
          .summary = "Moves several elements from an end of one list to an end of another and "
                     "returns them.",
          .run = &LMoveM}),
    Spec({.syntax = "BLMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout:double",
          .access = "RW ACCESS DELETE; RW INSERT",
          .since = "6.2.0",
          .group = Group::kList,
          .flags = kBlocks | command::kNoScript,
          .complexity = "O(1)",
          .summary = "Moves an element from an end of one list to an end of another and returns "
                     "it, and waits until there is one.",
          .run = &BLMove}),
    Spec({.syntax = "BRPOPLPUSH source destination timeout:double",
          .access = "RW ACCESS DELETE; RW INSERT",
          .since = "2.2.0",
          .group = Group::kList,
          .flags = kBlocks | command::kNoScript,
          .complexity = "O(1)",
          .summary = "Moves the last element of one list to the front of another and returns it, "
                     "and waits until there is one.",
          .history = "6.0.0: `timeout` may have a fraction.",
          .deprecated = "6.2.0|`BLMOVE` with the `RIGHT` and `LEFT` arguments",
          .run = &BRPopLPush}),
    Spec({.syntax = "BLMOVEM source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout:double "
                    "[<COUNT count | EXACTLY exactly> <OBO | BULK>]",
          .access = "RW ACCESS DELETE; RW INSERT",
          .since = "8.10.0",
          .group = Group::kList,
          .flags = kBlocks,
          .complexity = "O(N) where N is the number of elements moved",
          .summary = "Moves several elements from an end of one list to an end of another and "
                     "returns them, and waits until there are enough.",
          .run = &BLMoveM}),
};

}  // namespace

std::span<const Spec> ListMoveFamily() { return kSpecs; }

}  // namespace cairn::commands
