// SPDX-License-Identifier: BSD-3-Clause
// Unions, intersections and differences of sorted sets and sets. The work is that of
// value/sorted_set_algebra.h; here are words, keys and replies.
//
// All inputs are looked at before the words behind them are read: a wrong type is told of first,
// as in Redis.
#include "value/sorted_set_algebra.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/families.h"
#include "commands/sorted_sets.h"
#include "value/set.h"
#include "value/sorted_set.h"

namespace cairn::commands {
namespace {

using command::Call;
using command::Group;
using command::Spec;
using keyspace::Access;
using keyspace::Found;
using value::Aggregate;
using value::ScoredInput;
using value::ScoredMembers;

constexpr std::string_view kWeightNotAFloat = "ERR weight value is not a float";

std::string NeedsInputKey(std::string_view full_name) {
  return "ERR at least 1 input key is needed for '" + std::string(full_name) + "' command";
}

enum class Operation : std::uint8_t { kUnion, kIntersection, kDifference };
enum class Outcome : std::uint8_t { kReply, kStore, kCount };

struct Form {
  Operation operation;
  Outcome outcome;
};

class AlgebraRequest {
 public:
  explicit AlgebraRequest(const Form& form) : form_(form) {}

  std::span<const ScoredInput> inputs() const { return inputs_; }
  Aggregate aggregate() const { return aggregate_; }
  Emit emit() const { return emit_; }
  std::size_t limit() const { return limit_; }

  // False with the error replied.
  bool Parse(Call& call) {
    const std::size_t first = form_.outcome == Outcome::kStore ? 2 : 1;
    const auto count = ParseInt64(call.arg(first));
    if (!count) return Refuse(call, command::errors::kNotAnInteger);
    if (*count < 1) return Refuse(call, NeedsInputKey(call.command().full_name));
    if (static_cast<std::uint64_t>(*count) > call.argc() - first - 1)
      return Refuse(call, command::errors::kSyntax);
    if (!FindInputs(call, static_cast<std::size_t>(*count))) return false;
    for (std::size_t i = first + 1 + inputs_.size(); i < call.argc();) {
      const std::string_view error = ParseWord(call, &i);
      if (!error.empty()) return Refuse(call, error);
    }
    return true;
  }

 private:
  static bool Refuse(Call& call, std::string_view error) {
    call.Error(error);
    return false;
  }

  bool FindInputs(Call& call, std::size_t count) {
    const std::size_t first_key = form_.outcome == Outcome::kStore ? 1 : 0;
    for (std::size_t n = 0; n < count; ++n) {
      const Found found = call.txn().Find(call.key(first_key + n), Access::kRead);
      ScoredInput& input = inputs_.emplace_back();
      if (!found) continue;
      if (found.entry->type() == keyspace::Type::kSortedSet) {
        input.sorted = &found.entry->as<value::SortedSet>();
      } else if (found.entry->type() == keyspace::Type::kSet) {
        input.plain = &found.entry->as<value::Set>();
      } else {
        return Refuse(call, command::errors::kWrongType);
      }
    }
    return true;
  }

  // Takes the word at `i`, and what belongs to it. The error; empty if there is none.
  std::string_view ParseWord(Call& call, std::size_t* i) {
    const std::string_view word = call.arg((*i)++);
    const std::size_t left = call.argc() - *i;
    const bool joins =
        form_.operation != Operation::kDifference && form_.outcome != Outcome::kCount;
    if (joins && left >= inputs_.size() && EqualsIgnoreCase(word, "WEIGHTS")) {
      for (ScoredInput& input : inputs_) {
        const auto weight = ParseDouble(call.arg((*i)++));
        if (!weight) return kWeightNotAFloat;
        input.weight = *weight;
      }
      return {};
    }
    if (joins && left >= 1 && EqualsIgnoreCase(word, "AGGREGATE"))
      return ParseAggregate(call.arg((*i)++));
    if (form_.outcome == Outcome::kReply && EqualsIgnoreCase(word, "WITHSCORES")) {
      emit_ = Emit::kPairs;
      return {};
    }
    if (form_.outcome == Outcome::kCount && left >= 1 && EqualsIgnoreCase(word, "LIMIT"))
      return ParseLimit(call.arg((*i)++));
    return command::errors::kSyntax;
  }

  std::string_view ParseAggregate(std::string_view word) {
    if (EqualsIgnoreCase(word, "SUM")) {
      aggregate_ = Aggregate::kSum;
    } else if (EqualsIgnoreCase(word, "MIN")) {
      aggregate_ = Aggregate::kMin;
    } else if (EqualsIgnoreCase(word, "MAX")) {
      aggregate_ = Aggregate::kMax;
    } else {
      return command::errors::kSyntax;
    }
    return {};
  }

  std::string_view ParseLimit(std::string_view word) {
    const auto limit = ParseInt64(word);
    if (!limit || *limit < 0) return command::errors::kLimitNegative;
    limit_ = static_cast<std::size_t>(*limit);
    return {};
  }

  const Form form_;
  std::vector<ScoredInput> inputs_;
  Aggregate aggregate_ = Aggregate::kSum;
  Emit emit_ = Emit::kMembers;
  std::size_t limit_ = 0;
};

ScoredMembers Compute(Call& call, Operation operation, const AlgebraRequest& request) {
  switch (operation) {
    case Operation::kUnion:
      return value::ScoredUnion(request.inputs(), request.aggregate(), call.keyspace().seed());
    case Operation::kIntersection:
      return value::ScoredIntersection(request.inputs(), request.aggregate());
    case Operation::kDifference:
      return value::ScoredDifference(request.inputs());
  }
  return {};
}

void Reply(Call& call, Operation operation) {
  AlgebraRequest request({operation, Outcome::kReply});
  if (!request.Parse(call)) return;
  ScoredMembers members = Compute(call, operation, request);
  members.Sort();
  ReplyMemberCount(call, members.size(), request.emit());
  for (const value::MemberScore& entry : members.entries())
    ReplyMember(call, entry.member, entry.score, request.emit());
}

void Store(Call& call, Operation operation, std::string_view event) {
  AlgebraRequest request({operation, Outcome::kStore});
  if (!request.Parse(call)) return;
  // The destination may be one of the inputs, so the result is made beside it.
  const ScoredMembers members = Compute(call, operation, request);
  StoreMembers(call, 0, members.entries(), event);
  call.reply().Integer(static_cast<std::int64_t>(members.size()));
}

void ZUnion(Call& call) { Reply(call, Operation::kUnion); }
void ZInter(Call& call) { Reply(call, Operation::kIntersection); }
void ZDiff(Call& call) { Reply(call, Operation::kDifference); }
void ZUnionStore(Call& call) { Store(call, Operation::kUnion, "zunionstore"); }
void ZInterStore(Call& call) { Store(call, Operation::kIntersection, "zinterstore"); }
void ZDiffStore(Call& call) { Store(call, Operation::kDifference, "zdiffstore"); }

void ZInterCard(Call& call) {
  AlgebraRequest request({Operation::kIntersection, Outcome::kCount});
  if (!request.Parse(call)) return;
  call.reply().Integer(
      static_cast<std::int64_t>(value::IntersectionSize(request.inputs(), request.limit())));
}

constexpr std::string_view kUnionCost =
    "O(N)+O(M*log(M)) where N is the number of members in all inputs and M in the result";
constexpr std::string_view kInterCost =
    "O(N*K)+O(M*log(M)) where N is the number of members in the smallest of K inputs and M in the "
    "result";
constexpr std::string_view kDiffCost =
    "O(N*K)+O(M*log(M)) where N is the number of members in the first of K inputs and M in the "
    "result";

constexpr Spec kSpecs[] = {
    Spec({.syntax = "ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | "
                    "MIN | MAX>] [WITHSCORES]",
          .access = "RO ACCESS",
          .since = "6.2.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = kUnionCost,
          .summary = "Returns the members that are in any of several sets.",
          .run = &ZUnion}),
    Spec({.syntax = "ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | "
                    "MIN | MAX>] [WITHSCORES]",
          .access = "RO ACCESS",
          .since = "6.2.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = kInterCost,
          .summary = "Returns the members that are in all of several sets.",
          .run = &ZInter}),
    Spec({.syntax = "ZDIFF numkeys key [key ...] [WITHSCORES]",
          .access = "RO ACCESS",
          .since = "6.2.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = kDiffCost,
          .summary = "Returns the members of one set that are in no other.",
          .run = &ZDiff}),
    Spec({.syntax = "ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] "
                    "[AGGREGATE <SUM | MIN | MAX>]",
          .access = "OW UPDATE; RO ACCESS",
          .since = "2.0.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = kUnionCost,
          .summary = "Stores the members that are in any of several sets.",
          .run = &ZUnionStore}),
    Spec({.syntax = "ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] "
                    "[AGGREGATE <SUM | MIN | MAX>]",
          .access = "OW UPDATE; RO ACCESS",
          .since = "2.0.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = kInterCost,
          .summary = "Stores the members that are in all of several sets.",
          .run = &ZInterStore}),
    Spec({.syntax = "ZDIFFSTORE destination numkeys key [key ...]",
          .access = "OW UPDATE; RO ACCESS",
          .since = "6.2.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = kDiffCost,
          .summary = "Stores the members of one set that are in no other.",
          .run = &ZDiffStore}),
    Spec({.syntax = "ZINTERCARD numkeys key [key ...] [LIMIT limit]",
          .access = "RO ACCESS",
          .since = "7.0.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = "O(N*K) where N is the number of members in the smallest of K inputs",
          .summary = "Counts the members that are in all of several sets.",
          .run = &ZInterCard}),
};

}  // namespace

std::span<const Spec> SortedSetAlgebraFamily() { return kSpecs; }

}  // namespace cairn::commands
