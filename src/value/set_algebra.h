// SPDX-License-Identifier: BSD-3-Clause
// Intersections, unions and differences of sets: SINTER, SUNION, SDIFF and what is like them.
//
// A SetOperation is one of them on its way, so that it can be done in parts and the locks of the
// sets let go in between.
//
//   SetOperation operation(SetOperation::Kind::kUnion, sets);          // plans: order, method
//   while (!operation.done())
//     operation.Read(sets, 1000, [&](std::string_view member) { ... });  // under the locks
//     ...Apply(member, result, ...) for each that was handed out          // no lock needed
//
// One Read is about one set only, so what Apply does with its members is the same for all of them:
// add them, or take them out. Where distinct() says so, every member is handed out once and belongs
// to the result, and who only replies or counts need not Apply.
//
// The sets must be the same at every Read, unchanged and in the same order; their addresses may
// differ. The small forms are read as a whole, however many members were asked for: they are as
// small as the configuration says, and their form may change where their members do not.
//
// Members are handed out as Set::ForEach does it, in no order. Those of a large set are looked at
// in batches, so that the memory of one is fetched while others are compared. Cost: an intersection
// walks the smallest set and asks the others; a union walks all; a difference walks the first and
// asks the others, or takes their members out of a copy, what is less work by Redis's estimate.
//
// Belongs to one call. Thread safety: the sets are guarded by their stripes.
#ifndef CAIRN_VALUE_SET_ALGEBRA_H_
#define CAIRN_VALUE_SET_ALGEBRA_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "value/set.h"

namespace cairn::value {

// A null pointer is a key that does not exist, an empty set; a set may be named twice.
using SetPointers = std::span<const Set* const>;

class SetOperation {
 public:
  enum class Kind : std::uint8_t { kIntersection, kUnion, kDifference };
  static constexpr std::size_t kNoLimit = SIZE_MAX;

  SetOperation(Kind kind, SetPointers sets);

  // How many members all the Reads together will look at, lookups in other sets among them.
  std::size_t work() const { return work_; }
  bool distinct() const { return method_ != Method::kAddAll && method_ != Method::kTakeOut; }
  bool done() const { return turn_ == turns_; }

  // Goes on with about so many members looked at. Hands out at most `limit`. REQUIRES: !done().
  void Read(SetPointers sets, std::size_t work, std::size_t limit, Set::MemberFn fn);
  // What the members of the last Read mean for the result.
  void Apply(std::string_view member, Set& result, const SetLimits& limits,
             const TableHome& home) const;
  // What Apply begins with, and what is to be done at the end, so that it has Redis's encoding.
  Set EmptyResult() const { return starts_packed_ ? Set::EmptyPacked() : Set(); }
  void FinishResult(Set& result, const SetLimits& limits) const;

 private:
  enum class Method : std::uint8_t {
    kNothing,  // the result is empty
    kCommon,   // members of the first that all others have
    kOwn,      // members of the first that no other has
    kAddAll,   // of one after the other
    kTakeOut,  // those of the first, less those of the others
  };
  void PlanIntersection(SetPointers sets);
  void PlanDifference(SetPointers sets);
  void SortBySize(SetPointers sets, std::size_t first, bool largest_first);
  void SumWork(SetPointers sets);
  void Filter(SetPointers sets, std::vector<ds::PackedValue>& batch) const;

  Method method_ = Method::kNothing;
  bool starts_packed_ = false;
  bool taking_out_ = false;           // what Apply does with the members of the last Read
  std::vector<std::uint32_t> order_;  // places among the sets
  std::size_t turns_ = 0;             // how many of `order_` are walked; others are only asked
  std::size_t turn_ = 0;
  std::uint64_t cursor_ = 0;
  std::size_t work_ = 0;
};

// The whole result, with the encoding that Redis 7.2 gives it. REQUIRES: nothing read yet.
Set Compute(SetOperation operation, SetPointers sets, const SetLimits& limits,
            const TableHome& home);
// The same, handed out: no set is made where that can be avoided.
void ForEachInResult(SetOperation operation, SetPointers sets, const TableHome& home,
                     Set::MemberFn fn);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_SET_ALGEBRA_H_
