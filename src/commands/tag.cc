// SPDX-License-Identifier: BSD-3-Clause
// TAG.*: many values out of date at once; see keyspace/tags.h. A tag's name is a key to ACLs: who
// bumps it needs the right to write it, who names it that to read it.
#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/cache_args.h"
#include "commands/families.h"

namespace cairn::commands {
namespace {

using keyspace::Bump;
using keyspace::CacheNotes;
using keyspace::Tags;

bool CheckTag(Call& call, std::string_view tag) {
  if (tag.size() <= Tags::kNameBytesMax) return true;
  call.Error(kTagTooLong);
  return false;
}

// TAG.BUMP SOFT|HARD tag [tag ...]; in the log, with the number of the bump: TAG.BUMPED.
void TagBump(Call& call) {
  const bool is_hard = EqualsIgnoreCase(call.arg(1), "HARD");
  if (!is_hard && !EqualsIgnoreCase(call.arg(1), "SOFT"))
    return call.Error(command::errors::kSyntax);
  for (const std::string_view tag : call.args().subspan(2)) {
    if (!CheckTag(call, tag)) return;
  }
  Tags& tags = call.keyspace().tags();
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    const std::string_view tag = call.key(n).name;
    const std::uint64_t number = tags.Draw();
    EffectWords("TAG.BUMPED", tag)
        .Add(is_hard ? "HARD" : "SOFT", static_cast<std::int64_t>(number))
        .Log(call.txn());
    tags.BumpAt(tag, is_hard ? Bump::kHard : Bump::kSoft, number, call.txn().client());
    call.txn().TellOfBump(call.key(n));
  }
  call.reply().Integer(static_cast<std::int64_t>(call.argc() - 2));
}

// A bump as the log has it. A client's can be no later than one that has been, and so it is logged.
void TagBumped(Call& call) {
  const bool is_hard = EqualsIgnoreCase(call.arg(2), "HARD");
  const std::optional<std::int64_t> number = ParseInt64(call.arg(3));
  if ((!is_hard && !EqualsIgnoreCase(call.arg(2), "SOFT")) || !number || *number < 1 ||
      *number > kStampMax)
    return call.Error(command::errors::kSyntax);
  if (!CheckTag(call, call.arg(1))) return;
  Tags& tags = call.keyspace().tags();
  auto at = static_cast<std::uint64_t>(*number);
  if (call.session().viewer().sees_expiry) at = std::min(at, tags.Now());
  if (at > 0) {
    tags.BumpAt(call.arg(1), is_hard ? Bump::kHard : Bump::kSoft, at);
    EffectWords("TAG.BUMPED", call.arg(1))
        .Add(is_hard ? "HARD" : "SOFT", static_cast<std::int64_t>(at))
        .Log(call.txn());
  }
  call.reply().Ok();
}

// Gives tags to a value of any type, beside those it has.
void TagAdd(Call& call) {
  const auto names = call.args().subspan(2);
  for (const std::string_view tag : names) {
    if (!CheckTag(call, tag)) return;
  }
  keyspace::Txn& txn = call.txn();
  Found found = txn.Find(call.key(0), Access::kWrite);
  if (!found) return call.reply().Integer(0);
  const CacheNotes* old = found.entry->notes();
  auto notes = old == nullptr ? std::make_unique<CacheNotes>() : std::make_unique<CacheNotes>(*old);
  std::vector<Tags::Ref> tags(notes->tags().begin(), notes->tags().end());
  std::int64_t added = 0;
  for (const std::string_view name : names) {
    const auto is_it = [name](const Tags::Ref& tag) { return tag->name() == name; };
    if (std::ranges::any_of(tags, is_it)) continue;
    // Not once all are known: there may be a million of them.
    if (tags.size() == CacheNotes::kTagsMax) return call.Error(kTooManyTags);
    tags.push_back(call.keyspace().tags().Get(name));
    ++added;
  }
  notes->set_tags(std::move(tags));
  // The stamp of a value that has one stays: a bump of an old tag that is under way now must not be
  // lost, and a new tag that was bumped since the load has made an end of what was loaded.
  if (old == nullptr) {
    notes->created_at = call.now_ms();
    notes->stamp = call.keyspace().tags().Now();
  }
  EffectWords("CACHE.TOUCH", call.key(0).name).Add(*notes, txn.ExpiryAt(found)).Log(txn);
  txn.SetNotes(call.key(0), found, std::move(notes));
  call.reply().Integer(added);
}

void TagInfo(Call& call) {
  const Tags::State state = call.keyspace().tags().Look(call.arg(1));
  resp::Writer& reply = call.reply();
  reply.Map(3);
  reply.Bulk("values");
  reply.Integer(state.carriers);
  reply.Bulk("soft-bump");
  reply.Integer(static_cast<std::int64_t>(state.soft_bump));
  reply.Bulk("hard-bump");
  reply.Integer(static_cast<std::int64_t>(state.hard_bump));
}

void FindAddedTags(std::span<const std::string_view> args, std::vector<command::ScopeAt>& scopes) {
  for (std::size_t at = 2; at < args.size(); ++at)
    scopes.push_back({.index = static_cast<std::uint32_t>(at), .flags = kTagNamed});
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "TAG.BUMP kind:string tag:key [tag:key ...]",
          .access = "OW UPDATE",
          .since = "0.1.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of tags",
          .summary = "Makes all values with one of the tags stale (SOFT) or gone (HARD).",
          .run = &TagBump}),
    Spec({.syntax = "TAG.BUMPED tag:key kind:string number:integer",
          .access = "OW UPDATE",
          .since = "0.1.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kFast | command::kSystemCommand,
          .categories = "dangerous",
          .complexity = "O(1)",
          .summary = "A bump as the command log has it.",
          .run = &TagBumped}),
    Spec({.syntax = "TAG.ADD key tag:string [tag:string ...]",
          .access = "RW UPDATE",
          .since = "0.1.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(N) where N is the number of tags",
          .summary = "Gives tags to a value of any type.",
          .run = &TagAdd,
          .find_scopes = &FindAddedTags}),
    Spec({.syntax = "TAG.INFO tag:key",
          .access = "RO ACCESS",
          .since = "0.1.0",
          .group = Group::kGeneric,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns how many values have the tag, and the numbers of its last bumps.",
          .run = &TagInfo}),
};

}  // namespace

std::span<const Spec> TagFamily() { return kSpecs; }

}  // namespace cairn::commands
