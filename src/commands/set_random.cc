// SPDX-License-Identifier: BSD-3-Clause
// SPOP and SRANDMEMBER: members drawn at random.
//
// What was popped is logged as SREM, and as DEL where all went: a replay must not draw again.
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "value/set.h"

namespace cairn::commands {
namespace {

using value::Set;

// The effect of a pop: one SREM of all that went, since the log's room for a call is meant for few
// records. Copies, for the views of members do not outlive the pop; none without a reader of the
// log.
class Removals {
 public:
  explicit Removals(Call& call) : call_(call), keeps_(call.keyspace().log().active()) {}

  void Add(std::string_view member) {
    if (!keeps_) return;
    sizes_.push_back(member.size());
    bytes_.append(member);
  }
  void Log() {
    std::vector<std::string_view> args = {"SREM", call_.key(0).name};
    args.reserve(args.size() + sizes_.size());
    std::string_view rest = bytes_;
    for (const std::size_t size : sizes_) {
      args.push_back(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    call_.txn().Log(args);
  }

 private:
  Call& call_;
  const bool keeps_;
  std::vector<std::size_t> sizes_;
  std::string bytes_;
};

void NotifyPop(Call& call, const Found& found) {
  call.txn().Notify(keyspace::kEventSet, "spop", call.key(0));
  if (!found) call.txn().Notify(keyspace::kEventGeneric, "del", call.key(0));
}

void PopOne(Call& call, Found& found) {
  if (!found) return call.reply().Null();
  {
    auto edit = call.txn().Edit<Set>(call.key(0), found);
    edit->PopRandom(call.txn().random(), [&](std::string_view member) {
      call.reply().Bulk(member);
      call.txn().Log({"SREM", call.key(0).name, member});
    });
  }
  NotifyPop(call, found);
}

void PopAll(Call& call, Found& found) {
  const Set& set = found.entry->as<Set>();
  const std::size_t size = set.size();
  call.reply().Set(size);
  set.ForEach([&](std::string_view member) { call.reply().Bulk(member); });
  call.txn().Remove(call.key(0), found);
  call.txn().Log({"DEL", call.key(0).name});
  call.txn().CountAs(static_cast<std::int64_t>(size));
  NotifyPop(call, {});
}

void PopMany(Call& call, Found& found, std::size_t count) {
  if (!found || count == 0) return call.reply().Set(0);
  const Set& set = found.entry->as<Set>();
  if (call.Defer(ElementsTaken(set, std::min(count, set.size())))) return;
  if (count >= set.size()) return PopAll(call, found);
  Removals removals(call);
  call.reply().Set(count);
  {
    auto edit = call.txn().Edit<Set>(call.key(0), found);
    edit->PopRandomMany(call.txn().random(), count, LimitsOf<Set>(call),
                        [&](std::string_view member) {
                          call.reply().Bulk(member);
                          removals.Add(member);
                        });
  }
  removals.Log();
  call.txn().CountAs(static_cast<std::int64_t>(count));
  NotifyPop(call, found);
}

void Spop(Call& call) {
  if (call.argc() > 3) return call.Error(command::errors::kSyntax);
  std::optional<std::int64_t> count;
  if (call.argc() == 3) {
    count = ParseInt64(call.arg(2));
    if (!count || *count < 0) return call.Error(command::errors::kMustBePositive);
  }
  Found found;
  if (!FindAs<Set>(call, 0, Access::kWrite, &found)) return;
  count ? PopMany(call, found, static_cast<std::size_t>(*count)) : PopOne(call, found);
}

void Srandmember(Call& call) {
  if (call.argc() > 3) return call.Error(command::errors::kSyntax);
  std::optional<std::int64_t> count;
  if (call.argc() == 3) {
    count = ParseInt64(call.arg(2));
    if (!count) return call.Error(command::errors::kNotAnInteger);
    if (*count == INT64_MIN) return call.Error(command::errors::kNotAMagnitude);
  }
  Found found;
  if (!FindAs<Set>(call, 0, Access::kRead, &found)) return;
  const auto reply_member = [&](std::string_view member) { call.reply().Bulk(member); };
  Random& random = call.txn().random();
  if (!count) {
    if (!found) return call.reply().Null();
    return found.entry->as<Set>().RandomMember(random, reply_member);
  }
  if (!found || *count == 0) return call.reply().Array(0);
  if (call.Defer(ElementsDrawn(found.entry->as<Set>().size(), *count))) return;
  const Set& set = found.entry->as<Set>();
  if (*count > 0) {
    call.reply().Array(std::min(static_cast<std::size_t>(*count), set.size()));
    return set.RandomMembers(random, static_cast<std::size_t>(*count), reply_member);
  }
  // Less than zero: so many draws, each from the whole set.
  if (*count < -kDrawsMax) return call.Error(command::errors::kOutOfRange);
  call.reply().Array(static_cast<std::size_t>(-*count));
  for (std::int64_t i = 0; i < -*count; ++i) set.RandomMember(random, reply_member);
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "SPOP key [count]",
          .access = "RW ACCESS DELETE",
          .since = "1.0.0",
          .group = Group::kSet,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of members taken",
          .summary = "Takes members out of a set at random and returns them.",
          .history = "3.2.0: Added the `count` argument.",
          .tips = "nondeterministic_output",
          .run = &Spop}),
    Spec({.syntax = "SRANDMEMBER key [count]",
          .access = "RO ACCESS",
          .since = "1.0.0",
          .group = Group::kSet,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of members returned",
          .summary = "Returns members of a set drawn at random: different ones, or with a count "
                     "below zero each from the whole set.",
          .history = "2.6.0: Added the optional `count` argument.",
          .tips = "nondeterministic_output",
          .run = &Srandmember}),
};

}  // namespace

std::span<const Spec> SetRandomFamily() { return kSpecs; }

}  // namespace cairn::commands
