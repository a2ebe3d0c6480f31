// SPDX-License-Identifier: BSD-3-Clause
// Unions, intersections and differences of sorted sets and sets. The work is that of
// value/sorted_set_algebra.h; here are words, keys and replies.
//
// All inputs are looked at before the words behind them are read: a wrong type is told of first,
// as in Redis.
#include "value/sorted_set_algebra.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/sorted_sets.h"
#include "commands/steady_read.h"
#include "value/set.h"
#include "value/sorted_set.h"

namespace cairn::commands {
namespace {

using value::Aggregate;
using value::ScoredInput;
using value::ScoredKind;
using value::ScoredMembers;
using value::ScoredOperation;
using value::SortedSet;

constexpr std::size_t kCountedAtOnce = 512;
constexpr std::string_view kWeightNotAFloat = "ERR weight value is not a float";

std::string NeedsInputKey(std::string_view full_name) {
  return "ERR at least 1 input key is needed for '" + std::string(full_name) + "' command";
}

enum class Outcome : std::uint8_t { kReply, kStore, kCount };

struct Form {
  ScoredKind kind;
  Outcome outcome;
  std::string_view event = {};  // of a command that stores

  constexpr std::size_t first_source() const { return outcome == Outcome::kStore ? 1 : 0; }
};

constexpr Form kZUnion = {ScoredKind::kUnion, Outcome::kReply};
constexpr Form kZInter = {ScoredKind::kIntersection, Outcome::kReply};
constexpr Form kZDiff = {ScoredKind::kDifference, Outcome::kReply};
constexpr Form kZUnionStore = {ScoredKind::kUnion, Outcome::kStore, "zunionstore"};
constexpr Form kZInterStore = {ScoredKind::kIntersection, Outcome::kStore, "zinterstore"};
constexpr Form kZDiffStore = {ScoredKind::kDifference, Outcome::kStore, "zdiffstore"};
constexpr Form kZInterCard = {ScoredKind::kIntersection, Outcome::kCount};

class AlgebraRequest {
 public:
  explicit AlgebraRequest(const Form& form) : form_(form) {}

  std::span<const ScoredInput> inputs() const { return inputs_; }
  Aggregate aggregate() const { return aggregate_; }
  Emit emit() const { return emit_; }
  std::size_t limit() const { return limit_; }

  // Under the locks of the inputs. False with the error replied.
  bool Parse(Call& call, Access access) {
    const std::size_t first = form_.outcome == Outcome::kStore ? 2 : 1;
    const auto count = ParseInt64(call.arg(first));
    if (!count) return Refuse(call, command::errors::kNotAnInteger);
    if (*count < 1) return Refuse(call, NeedsInputKey(call.command().full_name));
    if (static_cast<std::uint64_t>(*count) > call.argc() - first - 1)
      return Refuse(call, command::errors::kSyntax);
    inputs_.resize(static_cast<std::size_t>(*count));
    if (!FindInputs(call, access)) return false;
    for (std::size_t i = first + 1 + inputs_.size(); i < call.argc();) {
      const std::string_view error = ParseWord(call, &i);
      if (!error.empty()) return Refuse(call, error);
    }
    return true;
  }

  // Looks for the inputs, which keep their weights. False with the error replied.
  bool FindInputs(Call& call, Access access) {
    for (std::size_t n = 0; n < inputs_.size(); ++n) {
      const Found found = call.txn().Find(call.key(form_.first_source() + n), access);
      ScoredInput& input = inputs_[n];
      input = {.weight = input.weight};
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

 private:
  static bool Refuse(Call& call, std::string_view error) {
    call.Error(error);
    return false;
  }

  // Takes the word at `i`, and what belongs to it. The error; empty if there is none.
  std::string_view ParseWord(Call& call, std::size_t* i) {
    const std::string_view word = call.arg((*i)++);
    const std::size_t left = call.argc() - *i;
    const bool joins = form_.kind != ScoredKind::kDifference && form_.outcome != Outcome::kCount;
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
    limit_ = *limit == 0 ? ScoredOperation::kNoLimit : static_cast<std::size_t>(*limit);
    return {};
  }

  const Form form_;
  std::vector<ScoredInput> inputs_;
  Aggregate aggregate_ = Aggregate::kSum;
  Emit emit_ = Emit::kMembers;
  std::size_t limit_ = ScoredOperation::kNoLimit;
};

void ReplyMembers(Call& call, ScoredMembers& members, Emit emit) {
  members.Sort();
  ReplyMemberCount(call, members.size(), emit);
  for (const value::MemberScore& entry : members.entries())
    ReplyMember(call, entry.member, entry.score, emit);
}

// What is read, and what it comes to.
class Gathering {
 public:
  Gathering(Call& call, const Form& form, const AlgebraRequest& request)
      : form_(form),
        limit_(request.limit()),
        operation_(form.kind, request.aggregate(), request.inputs()),
        join_(request.aggregate(), call.keyspace().seed()) {}

  const ScoredOperation& operation() const { return operation_; }
  std::size_t count() const { return count_; }

  // Reads about so many elements; what is to be taken in goes to `fn`.
  void Read(std::span<const ScoredInput> inputs, std::size_t work, SortedSet::EntryFn fn) {
    operation_.Read(inputs, work, limit_ - count_, [&](std::string_view member, double score) {
      ++count_;
      if (form_.outcome != Outcome::kCount) fn(member, score);
    });
  }
  // Only unions have members twice.
  void TakeIn(std::string_view member, double score) {
    if (form_.kind == ScoredKind::kUnion) {
      join_.Add(member, score);
    } else {
      join_.members().Add(member, score);
    }
  }
  ScoredMembers& members() { return join_.members(); }

 private:
  const Form& form_;
  const std::size_t limit_;
  ScoredOperation operation_;
  value::ScoredJoin join_;
  std::size_t count_ = 0;
};

// In steps, so that what is only counted stops soon after its limit.
template <const Form& kForm>
void Run(Call& call) {
  AlgebraRequest request(kForm);
  if (!request.Parse(call, Access::kRead)) return;
  Gathering gathering(call, kForm, request);
  std::uint64_t weight = 1;
  for (const value::ScoredInput& input : request.inputs()) {
    if (input.sorted != nullptr) weight = std::max(weight, WeightOf(*input.sorted));
    if (input.plain != nullptr) weight = std::max(weight, WeightOf(*input.plain));
  }
  if (call.Defer(gathering.operation().work() * weight)) return;
  const std::size_t step = kForm.outcome == Outcome::kCount ? kCountedAtOnce : SIZE_MAX;
  while (!gathering.operation().done()) {
    gathering.Read(request.inputs(), step,
                   [&](std::string_view member, double score) { gathering.TakeIn(member, score); });
  }
  switch (kForm.outcome) {
    case Outcome::kReply:
      return ReplyMembers(call, gathering.members(), request.emit());
    case Outcome::kStore:
      // The destination may be one of the inputs, so the result is made beside it.
      StoreMembers(call, 0, gathering.members().entries(), kForm.event);
      return call.reply().Integer(static_cast<std::int64_t>(gathering.members().size()));
    case Outcome::kCount:
      return call.reply().Integer(static_cast<std::int64_t>(gathering.count()));
  }
}

// The same with huge inputs.
class HeavyScored final : public SteadyCommand {
 public:
  explicit HeavyScored(const Form& form) : form_(form) {}

  bool Begin(Call& call) override {
    request_.emplace(form_);
    if (!request_->Parse(call, Access::kPeek)) return false;
    gathering_.emplace(call, form_, *request_);
    return true;
  }

  bool ReadSome(Call& call) override {
    if (gathering_->operation().done() || !request_->FindInputs(call, Access::kPeek)) return true;
    gathering_->Read(request_->inputs(), kWorkPerHold,
                     [this](std::string_view member, double score) { part_.Add(member, score); });
    return gathering_->operation().done();
  }

  void TakeIn() override {
    for (const value::MemberScore& entry : part_.entries())
      gathering_->TakeIn(entry.member, entry.score);
    part_ = {};
  }

  void Prepare(Call& call) override {
    if (form_.outcome == Outcome::kStore)
      result_ = MakeSortedSet(call, 0, gathering_->members().entries());
  }

  void Answer(Call& call) override {
    switch (form_.outcome) {
      case Outcome::kReply:
        return ReplyMembers(call, gathering_->members(), request_->emit());
      case Outcome::kStore:
        StoreSortedSet(call, 0, std::move(result_), form_.event);
        return call.reply().Integer(static_cast<std::int64_t>(gathering_->members().size()));
      case Outcome::kCount:
        return call.reply().Integer(static_cast<std::int64_t>(gathering_->count()));
    }
  }

 private:
  const Form& form_;
  std::optional<AlgebraRequest> request_;
  std::optional<Gathering> gathering_;
  ScoredMembers part_;
  SortedSet result_;
};

template <const Form& kForm>
void RunHeavy(Call& call) {
  constexpr std::size_t kFirst = kForm.first_source();
  RunSteadily(call, {&call.key(0) + kFirst, call.key_count() - kFirst},
              kForm.outcome == Outcome::kStore ? Stores::kYes : Stores::kNo,
              [] { return std::make_unique<HeavyScored>(kForm); });
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
          .run = &Run<kZUnion>,
          .run_heavy = &RunHeavy<kZUnion>}),
    Spec({.syntax = "ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | "
                    "MIN | MAX>] [WITHSCORES]",
          .access = "RO ACCESS",
          .since = "6.2.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = kInterCost,
          .summary = "Returns the members that are in all of several sets.",
          .run = &Run<kZInter>,
          .run_heavy = &RunHeavy<kZInter>}),
    Spec({.syntax = "ZDIFF numkeys key [key ...] [WITHSCORES]",
          .access = "RO ACCESS",
          .since = "6.2.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = kDiffCost,
          .summary = "Returns the members of one set that are in no other.",
          .run = &Run<kZDiff>,
          .run_heavy = &RunHeavy<kZDiff>}),
    Spec({.syntax = "ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] "
                    "[AGGREGATE <SUM | MIN | MAX>]",
          .access = "OW UPDATE; RO ACCESS",
          .since = "2.0.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = kUnionCost,
          .summary = "Stores the members that are in any of several sets.",
          .run = &Run<kZUnionStore>,
          .run_heavy = &RunHeavy<kZUnionStore>}),
    Spec({.syntax = "ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] "
                    "[AGGREGATE <SUM | MIN | MAX>]",
          .access = "OW UPDATE; RO ACCESS",
          .since = "2.0.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = kInterCost,
          .summary = "Stores the members that are in all of several sets.",
          .run = &Run<kZInterStore>,
          .run_heavy = &RunHeavy<kZInterStore>}),
    Spec({.syntax = "ZDIFFSTORE destination numkeys key [key ...]",
          .access = "OW UPDATE; RO ACCESS",
          .since = "6.2.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = kDiffCost,
          .summary = "Stores the members of one set that are in no other.",
          .run = &Run<kZDiffStore>,
          .run_heavy = &RunHeavy<kZDiffStore>}),
    Spec({.syntax = "ZINTERCARD numkeys key [key ...] [LIMIT limit]",
          .access = "RO ACCESS",
          .since = "7.0.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = "O(N*K) where N is the number of members in the smallest of K inputs",
          .summary = "Counts the members that are in all of several sets.",
          .run = &Run<kZInterCard>,
          .run_heavy = &RunHeavy<kZInterCard>}),
};

}  // namespace

std::span<const Spec> SortedSetAlgebraFamily() { return kSpecs; }

}  // namespace cairn::commands
