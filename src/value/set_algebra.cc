// SPDX-License-Identifier: BSD-3-Clause
// Differences follow Redis's choice between two algorithms, because the encoding of what SDIFFSTORE
// stores depends on it: taking members out again does not turn a table back into a packed set.
#include "value/set_algebra.h"

#include <algorithm>
#include <compare>
#include <utility>

#include "base/check.h"
#include "value/set_walk.h"

namespace cairn::value {
namespace {

// Everything goes to a table at once: for results that are only handed out.
constexpr SetLimits kNoSmallForms = {
    .int_entries = 0, .packed_entries = 0, .packed_value_bytes = 0};

std::size_t SizeOf(const Set* set) { return set == nullptr ? 0 : set->size(); }

// Whether it is less work to ask the others for each member of the first. Asking finds most of what
// is common early, hence its discount.
bool AskingIsLess(SetPointers sets) {
  std::size_t asking = 0;
  std::size_t removing = 0;
  for (const Set* set : sets) {
    if (set == nullptr) continue;
    asking += sets[0]->size();
    removing += set->size();
  }
  return asking / 2 <= removing;
}

}  // namespace

SetOperation::SetOperation(Kind kind, SetPointers sets) {
  switch (kind) {
    case Kind::kIntersection:
      PlanIntersection(sets);
      break;
    case Kind::kDifference:
      PlanDifference(sets);
      break;
    case Kind::kUnion:
      method_ = Method::kAddAll;
      for (std::uint32_t i = 0; i < sets.size(); ++i) {
        if (SizeOf(sets[i]) > 0) order_.push_back(i);
      }
  }
  const bool walks_all = method_ == Method::kAddAll || method_ == Method::kTakeOut;
  turns_ = method_ == Method::kNothing ? 0 : walks_all ? order_.size() : 1;
  SumWork(sets);
}

// The smallest is walked. Sets of one size keep their order, as in Redis.
void SetOperation::PlanIntersection(SetPointers sets) {
  if (std::any_of(sets.begin(), sets.end(), [](const Set* set) { return SizeOf(set) == 0; }))
    return;
  for (std::uint32_t i = 0; i < sets.size(); ++i) order_.push_back(i);
  SortBySize(sets, 0, false);
  method_ = Method::kCommon;
  starts_packed_ = !sets[order_[0]]->is_int_set();
}

// Others that have no members do not count; the largest, which probably has it, is asked first.
void SetOperation::PlanDifference(SetPointers sets) {
  if (sets.empty() || SizeOf(sets[0]) == 0) return;
  if (std::find(sets.begin() + 1, sets.end(), sets[0]) != sets.end()) return;
  for (std::uint32_t i = 0; i < sets.size(); ++i) {
    if (SizeOf(sets[i]) > 0) order_.push_back(i);
  }
  method_ = AskingIsLess(sets) ? Method::kOwn : Method::kTakeOut;
  if (method_ == Method::kOwn) SortBySize(sets, 1, true);
}

// From the one at `first` on.
void SetOperation::SortBySize(SetPointers sets, std::size_t first, bool largest_first) {
  struct Item {
    std::size_t key;
    std::uint32_t place;
    auto operator<=>(const Item&) const = default;
  };
  std::vector<Item> items;
  for (std::size_t i = first; i < order_.size(); ++i) {
    const std::size_t size = sets[order_[i]]->size();
    items.push_back({largest_first ? SIZE_MAX - size : size, order_[i]});
  }
  std::sort(items.begin(), items.end());
  for (const Item& item : items) order_[first++] = item.place;
}

void SetOperation::SumWork(SetPointers sets) {
  if (method_ == Method::kCommon || method_ == Method::kOwn) {
    work_ = sets[order_[0]]->size() * order_.size();
    return;
  }
  for (const std::uint32_t i : order_) work_ += sets[i]->size();
}

void SetOperation::Read(SetPointers sets, std::size_t work, std::size_t limit, Set::MemberFn fn) {
  DCHECK(!done());
  taking_out_ = method_ == Method::kTakeOut && turn_ > 0;
  const Set& set = *sets[order_[turn_]];
  const bool is_whole = set.is_packed();
  SetWalk walk(set, cursor_);
  ds::PackedValue::Scratch scratch;
  for (std::size_t looked_at = 0; walk.Next();) {
    looked_at += walk.batch().size() * (distinct() ? order_.size() : 1);
    if (distinct()) Filter(sets, walk.batch());
    for (const ds::PackedValue& member : walk.batch()) {
      fn(member.Text(scratch));
      if (--limit == 0) {
        turn_ = turns_;
        return;
      }
    }
    if (!is_whole && looked_at >= work) break;
  }
  cursor_ = walk.cursor();
  if (cursor_ == 0) ++turn_;
}

void SetOperation::Filter(SetPointers sets, std::vector<ds::PackedValue>& batch) const {
  const auto keep =
      method_ == Method::kCommon ? SetWalk::Keep::kContained : SetWalk::Keep::kMissing;
  const Set* walked = sets[order_[0]];
  for (std::size_t i = 1; i < order_.size() && !batch.empty(); ++i) {
    const Set* other = sets[order_[i]];
    if (other != walked) SetWalk::Filter(*other, keep, batch);
  }
}

void SetOperation::Apply(std::string_view member, Set& result, const SetLimits& limits,
                         const TableHome& home) const {
  if (taking_out_) {
    result.Remove(member);
  } else {
    result.Add(member, limits, home);
  }
}

void SetOperation::FinishResult(Set& result, const SetLimits& limits) const {
  if (method_ == Method::kCommon) result.ConvertToInts(limits);
}

Set Compute(SetOperation operation, SetPointers sets, const SetLimits& limits,
            const TableHome& home) {
  Set result = operation.EmptyResult();
  while (!operation.done()) {
    operation.Read(sets, SIZE_MAX, SetOperation::kNoLimit,
                   [&](std::string_view member) { operation.Apply(member, result, limits, home); });
  }
  operation.FinishResult(result, limits);
  return result;
}

void ForEachInResult(SetOperation operation, SetPointers sets, const TableHome& home,
                     Set::MemberFn fn) {
  if (!operation.distinct()) {
    Compute(std::move(operation), sets, kNoSmallForms, home).ForEach(fn);
  } else if (!operation.done()) {
    operation.Read(sets, SIZE_MAX, SetOperation::kNoLimit, fn);
  }
}

}  // namespace cairn::value
