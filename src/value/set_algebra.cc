// SPDX-License-Identifier: BSD-3-Clause
// Set algebra over the walks of set_walk.h.
//
// Differences follow Redis's choice between two algorithms, because the encoding of what SDIFFSTORE
// stores depends on it: taking members out again does not turn a table back into a packed set.
#include "value/set_algebra.h"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <vector>

#include "value/set_walk.h"

namespace cairn::value {
namespace {

using SetList = std::vector<const Set*>;

// Everything goes to a table at once: for results that are only handed out.
constexpr SetLimits kNoSmallForms = {
    .int_entries = 0, .packed_entries = 0, .packed_value_bytes = 0};

std::size_t SizeOf(const Set* set) { return set == nullptr ? 0 : set->size(); }

// Hands out what the filters left; false once `limit`, which it counts down, has reached 0.
bool HandOut(SetWalk& walk, std::size_t* limit, Set::MemberFn fn) {
  ds::PackedValue::Scratch scratch;
  for (const ds::PackedValue& member : walk.batch()) {
    fn(member.Text(scratch));
    if (limit != nullptr && --*limit == 0) return false;
  }
  return true;
}

void AddAll(const Set& from, Set& to, const SetLimits& limits, const TableHome& home) {
  from.ForEach([&](std::string_view member) { to.Add(member, limits, home); });
}

enum class Order : std::uint8_t { kSmallestFirst, kLargestFirst };

// From the set at `first` on. Sets of one size keep their order, as in Redis: the first is walked.
void SortBySize(SetList& list, std::size_t first, Order order) {
  struct Item {
    std::size_t key;
    std::size_t place;
    const Set* set;
    auto operator<=>(const Item&) const = default;
  };
  std::vector<Item> items;
  for (std::size_t i = first; i < list.size(); ++i) {
    const std::size_t size = list[i]->size();
    items.push_back({order == Order::kSmallestFirst ? size : SIZE_MAX - size, i, list[i]});
  }
  std::sort(items.begin(), items.end());
  for (const Item& item : items) list[first++] = item.set;
}

// Empty if one of the sets is.
SetList SmallestFirst(SetPointers sets) {
  SetList list(sets.begin(), sets.end());
  if (std::any_of(list.begin(), list.end(), [](const Set* set) { return SizeOf(set) == 0; })) {
    return {};
  }
  SortBySize(list, 0, Order::kSmallestFirst);
  return list;
}

// Walks the first of the sets, and keeps what is in all others, or in none.
void WalkFirst(const SetList& sets, SetWalk::Keep keep, std::size_t limit, Set::MemberFn fn) {
  SetWalk walk(*sets[0]);
  while (walk.Next()) {
    for (std::size_t i = 1; i < sets.size() && !walk.batch().empty(); ++i) {
      if (sets[i] != sets[0]) SetWalk::Filter(*sets[i], keep, walk.batch());
    }
    if (!HandOut(walk, limit == 0 ? nullptr : &limit, fn)) return;
  }
}

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

// The first set, then the others that have members, the largest, which probably has it, first.
SetList LargestOthersFirst(SetPointers sets) {
  SetList list(sets.begin(), sets.end());
  std::erase_if(list, [](const Set* set) { return SizeOf(set) == 0; });
  SortBySize(list, 1, Order::kLargestFirst);
  return list;
}

bool DifferenceIsEmpty(SetPointers sets) {
  return sets.empty() || SizeOf(sets[0]) == 0 ||
         std::find(sets.begin() + 1, sets.end(), sets[0]) != sets.end();
}

Set DifferenceByRemoving(SetPointers sets, const SetLimits& limits, const TableHome& home) {
  Set rest;
  AddAll(*sets[0], rest, limits, home);
  ds::PackedValue::Scratch scratch;
  for (const Set* set : sets.subspan(1)) {
    if (set == nullptr) continue;
    SetWalk walk(*set);
    while (!rest.empty() && walk.Next()) {
      for (const ds::PackedValue& member : walk.batch()) rest.Remove(member.Text(scratch));
    }
  }
  return rest;
}

}  // namespace

void ForEachInIntersection(SetPointers sets, std::size_t limit, Set::MemberFn fn) {
  const SetList list = SmallestFirst(sets);
  if (!list.empty()) WalkFirst(list, SetWalk::Keep::kContained, limit, fn);
}

Set Intersection(SetPointers sets, const SetLimits& limits, const TableHome& home) {
  const SetList list = SmallestFirst(sets);
  if (list.empty()) return {};
  Set result = list[0]->is_int_set() ? Set() : Set::EmptyPacked();
  WalkFirst(list, SetWalk::Keep::kContained, 0,
            [&](std::string_view member) { result.Add(member, limits, home); });
  result.ConvertToInts(limits);
  return result;
}

Set Union(SetPointers sets, const SetLimits& limits, const TableHome& home) {
  Set result;
  for (const Set* set : sets) {
    if (set != nullptr) AddAll(*set, result, limits, home);
  }
  return result;
}

void ForEachInDifference(SetPointers sets, const TableHome& home, Set::MemberFn fn) {
  if (DifferenceIsEmpty(sets)) return;
  if (AskingIsLess(sets)) {
    WalkFirst(LargestOthersFirst(sets), SetWalk::Keep::kMissing, 0, fn);
  } else {
    DifferenceByRemoving(sets, kNoSmallForms, home).ForEach(fn);
  }
}

Set Difference(SetPointers sets, const SetLimits& limits, const TableHome& home) {
  if (DifferenceIsEmpty(sets)) return {};
  if (!AskingIsLess(sets)) return DifferenceByRemoving(sets, limits, home);
  Set result;
  WalkFirst(LargestOthersFirst(sets), SetWalk::Keep::kMissing, 0,
            [&](std::string_view member) { result.Add(member, limits, home); });
  return result;
}

}  // namespace cairn::value
