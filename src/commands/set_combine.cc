// SPDX-License-Identifier: BSD-3-Clause
// Intersections, unions and differences of sets, returned, counted or stored.
//
// Every key's type is looked at before anything is computed, absent ones among them or not. The
// forms that store replace whatever the destination holds, an empty result removes it; they are
// logged as they came, since the outcome follows from the data alone. Huge ones are worked through
// in the heavy lane, in parts (steady_read.h).
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/steady_read.h"
#include "resp/reply_buffer.h"
#include "resp/writer.h"
#include "value/scored_members.h"
#include "value/set_algebra.h"

namespace cairn::commands {
namespace {

using value::Set;
using value::SetOperation;

// What becomes of the result.
enum class Ending : std::uint8_t { kReply, kStore, kCount };

struct Form {
  SetOperation::Kind kind;
  Ending ending;
  std::string_view event = {};  // of a command that stores

  constexpr std::size_t first_source() const { return ending == Ending::kStore ? 1 : 0; }
};

constexpr Form kSinter = {SetOperation::Kind::kIntersection, Ending::kReply};
constexpr Form kSunion = {SetOperation::Kind::kUnion, Ending::kReply};
constexpr Form kSdiff = {SetOperation::Kind::kDifference, Ending::kReply};
constexpr Form kSinterStore = {SetOperation::Kind::kIntersection, Ending::kStore, "sinterstore"};
constexpr Form kSunionStore = {SetOperation::Kind::kUnion, Ending::kStore, "sunionstore"};
constexpr Form kSdiffStore = {SetOperation::Kind::kDifference, Ending::kStore, "sdiffstore"};
constexpr Form kSinterCard = {SetOperation::Kind::kIntersection, Ending::kCount};

// The sets under the keys from `first` on, null where there is none. Nothing, with WRONGTYPE
// replied, if one holds something else.
std::optional<std::vector<const Set*>> FindSets(Call& call, std::size_t first, Access access) {
  std::vector<const Set*> sets;
  sets.reserve(call.key_count() - first);
  for (std::size_t n = first; n < call.key_count(); ++n) {
    Found found;
    if (!FindAs<Set>(call, n, access, &found)) return std::nullopt;
    sets.push_back(found ? &found.entry->as<Set>() : nullptr);
  }
  return sets;
}

// Replies with what `walk` hands out, as a set of a size that is known at the end.
template <class Walk>
void ReplySet(resp::Writer& reply, Walk walk) {
  const std::size_t handle = reply.BeginArray();
  std::size_t count = 0;
  walk([&](std::string_view member) {
    reply.Bulk(member);
    ++count;
  });
  reply.EndSet(handle, count);
}

void Store(Call& call, std::string_view event, Set&& result) {
  const keyspace::KeyRef& key = call.key(0);
  // Found after the sources: their lookups may have removed expired keys of its stripe.
  Found destination = call.txn().Find(key, Access::kPeek);
  const std::size_t size = result.size();
  const bool changes = size > 0 || destination;
  if (changes) {
    call.txn().SetCollection(key, destination, std::move(result));
    call.LogVerbatim();
    if (size > 0) {
      call.txn().Notify(keyspace::kEventSet, event, key);
    } else {
      call.txn().Notify(keyspace::kEventGeneric, "del", key);
    }
  } else {
    call.txn().OverruleAbsence(key);
  }
  call.reply().Integer(static_cast<std::int64_t>(size));
}

// SINTERCARD's words after its keys. False with the error replied.
bool ParseLimit(Call& call, std::size_t first, std::size_t* limit) {
  for (std::size_t i = first; i < call.argc(); i += 2) {
    if (!EqualsIgnoreCase(call.arg(i), "LIMIT") || i + 1 == call.argc()) {
      call.Error(command::errors::kSyntax);
      return false;
    }
    const std::optional<std::int64_t> number = ParseInt64(call.arg(i + 1));
    if (!number || *number < 0) {
      call.Error(command::errors::kLimitNegative);
      return false;
    }
    *limit = *number == 0 ? SetOperation::kNoLimit : static_cast<std::size_t>(*number);
  }
  return true;
}

// SINTERCARD's words. False with the error replied.
bool ParseCard(Call& call, std::size_t* limit) {
  const std::optional<std::int64_t> numkeys = ParseInt64(call.arg(1));
  if (!numkeys || *numkeys < 1) {
    call.Error(command::errors::kNumkeysNotPositive);
    return false;
  }
  if (static_cast<std::size_t>(*numkeys) > call.argc() - 2) {
    call.Error(command::errors::kInvalidNumkeys);
    return false;
  }
  return ParseLimit(call, 2 + static_cast<std::size_t>(*numkeys), limit);
}

template <const Form& kForm>
void Run(Call& call) {
  std::size_t limit = SetOperation::kNoLimit;
  if (kForm.ending == Ending::kCount && !ParseCard(call, &limit)) return;
  const auto sets = FindSets(call, kForm.first_source(), Access::kRead);
  if (!sets) return;
  SetOperation operation(kForm.kind, *sets);
  std::uint64_t weight = 1;
  for (const Set* set : *sets) weight = std::max(weight, set == nullptr ? 1 : WeightOf(*set));
  if (call.Defer(operation.work() * weight)) return;
  const value::TableHome home = HomeOf(call, call.key(0));
  switch (kForm.ending) {
    case Ending::kReply:
      return ReplySet(call.reply(), [&](Set::MemberFn fn) {
        value::ForEachInResult(std::move(operation), *sets, home, fn);
      });
    case Ending::kStore:
      return Store(call, kForm.event,
                   value::Compute(std::move(operation), *sets, LimitsOf<Set>(call), home));
    case Ending::kCount:
      break;
  }
  std::int64_t count = 0;
  if (!operation.done()) operation.Read(*sets, SIZE_MAX, limit, [&](std::string_view) { ++count; });
  call.reply().Integer(count);
}

// The same with huge sets. What is read waits in `part_` until the locks are gone, and goes into
// the result then. Where every member is handed out once and only replied with, it is written into
// a reply of its own, which is thrown away with the attempt or becomes a part of the call's.
class HeavySets final : public SteadyCommand {
 public:
  HeavySets(Call& call, const Form& form, std::size_t limit)
      : form_(form),
        limit_(limit),
        limits_(LimitsOf<Set>(call)),
        home_(HomeOf(call, call.key(0))),
        listing_(listed_, call.reply().protocol()) {}

  bool Begin(Call& call) override {
    const auto sets = FindSets(call, form_.first_source(), Access::kPeek);
    if (!sets) return false;
    operation_.emplace(form_.kind, *sets);
    result_ = operation_->EmptyResult();
    if (is_listed()) list_handle_ = listing_.BeginArray();
    return true;
  }

  bool ReadSome(Call& call) override {
    const auto sets = FindSets(call, form_.first_source(), Access::kPeek);
    if (!sets || operation_->done()) return true;
    const auto read = [&](auto take) {
      operation_->Read(*sets, kWorkPerHold, limit_ - count_, [this, take](std::string_view member) {
        ++count_;
        take(member);
      });
    };
    if (form_.ending == Ending::kCount) {
      read([](std::string_view) {});
    } else if (is_listed()) {
      read([this](std::string_view member) { listing_.Bulk(member); });
    } else {
      read([this](std::string_view member) { part_.Add(member, 0); });
    }
    return operation_->done();
  }

  void TakeIn() override {
    for (const value::MemberScore& entry : part_.entries())
      operation_->Apply(entry.member, result_, limits_, home_);
    part_ = {};
  }

  void Prepare(Call&) override { operation_->FinishResult(result_, limits_); }

  void Answer(Call& call) override {
    switch (form_.ending) {
      case Ending::kReply:
        if (!is_listed()) {
          return ReplySet(call.reply(), [this](Set::MemberFn fn) { result_.ForEach(fn); });
        }
        listing_.EndSet(list_handle_, count_);
        return call.reply().buffer().TakeAll(listed_);
      case Ending::kStore:
        return Store(call, form_.event, std::move(result_));
      case Ending::kCount:
        return call.reply().Integer(static_cast<std::int64_t>(count_));
    }
  }

 private:
  // The result needs no set to be made of it.
  bool is_listed() const { return form_.ending == Ending::kReply && operation_->distinct(); }

  const Form& form_;
  const std::size_t limit_;
  const value::SetLimits limits_;
  const value::TableHome home_;
  std::optional<SetOperation> operation_;
  value::ScoredMembers part_;  // without scores
  Set result_;
  resp::ReplyBuffer listed_;
  resp::Writer listing_;
  std::size_t list_handle_ = 0;
  std::size_t count_ = 0;
};

template <const Form& kForm>
void RunHeavy(Call& call) {
  std::size_t limit = SetOperation::kNoLimit;
  if (kForm.ending == Ending::kCount && !ParseCard(call, &limit)) return;
  constexpr std::size_t kFirst = kForm.first_source();
  RunSteadily(call, {&call.key(0) + kFirst, call.key_count() - kFirst},
              kForm.ending == Ending::kStore ? Stores::kYes : Stores::kNo,
              [&] { return std::make_unique<HeavySets>(call, kForm, limit); });
}

// The rows of one operation differ in name and function only.
template <const Form& kForm>
consteval Spec ReadRow(std::string_view syntax, std::string_view complexity,
                       std::string_view summary) {
  return Spec({.syntax = syntax,
               .access = "RO ACCESS",
               .since = "1.0.0",
               .group = Group::kSet,
               .flags = command::kReadonly,
               .complexity = complexity,
               .summary = summary,
               .tips = "nondeterministic_output_order",
               .run = &Run<kForm>,
               .run_heavy = &RunHeavy<kForm>});
}

// SINTERSTORE is said to read its destination, though it does not: what clients see is Redis's.
template <const Form& kForm>
consteval Spec StoreRow(std::string_view syntax, std::string_view access,
                        std::string_view complexity, std::string_view summary) {
  return Spec({.syntax = syntax,
               .access = access,
               .since = "1.0.0",
               .group = Group::kSet,
               .flags = command::kWrite | command::kDenyOom,
               .complexity = complexity,
               .summary = summary,
               .run = &Run<kForm>,
               .run_heavy = &RunHeavy<kForm>});
}

constexpr std::string_view kInterCost =
    "O(N*M) where N is the size of the smallest set and M the number of sets";
constexpr std::string_view kAllCost = "O(N) where N is the number of members in all sets";

constexpr Spec kSpecs[] = {
    ReadRow<kSinter>("SINTER key [key ...]", kInterCost, "Returns the members that all sets have."),
    ReadRow<kSunion>("SUNION key [key ...]", kAllCost,
                     "Returns the members that any of the sets has."),
    ReadRow<kSdiff>("SDIFF key [key ...]", kAllCost,
                    "Returns the members of the first set that no other has."),
    StoreRow<kSinterStore>("SINTERSTORE destination key [key ...]", "RW UPDATE; RO ACCESS",
                           kInterCost, "Stores the members that all sets have under a key."),
    StoreRow<kSunionStore>("SUNIONSTORE destination key [key ...]", "OW UPDATE; RO ACCESS",
                           kAllCost, "Stores the members that any of the sets has under a key."),
    StoreRow<kSdiffStore>("SDIFFSTORE destination key [key ...]", "OW UPDATE; RO ACCESS", kAllCost,
                          "Stores the members of the first set that no other has under a key."),
    Spec({.syntax = "SINTERCARD numkeys key [key ...] [LIMIT limit]",
          .access = "RO ACCESS",
          .since = "7.0.0",
          .group = Group::kSet,
          .flags = command::kReadonly,
          .complexity = kInterCost,
          .summary = "Counts the members that all sets have, up to a limit.",
          .run = &Run<kSinterCard>,
          .run_heavy = &RunHeavy<kSinterCard>}),
};

}  // namespace

std::span<const Spec> SetCombineFamily() { return kSpecs; }

}  // namespace cairn::commands
