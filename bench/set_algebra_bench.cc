// SPDX-License-Identifier: BSD-3-Clause
// How long one part of an operation on huge collections takes, which is how long the heavy lane
// holds the stripes of their keys at a time (docs/internals/set_algebra.md).
//
//   set_algebra_bench [members] [elements a part]      (default 1000000 4096)
//
// Two sets, two sorted sets, of "member:000000123", half of them common, filled in random order.
// Printed: the parts' median and longest time, and the time of what happens between them, without
// locks. Other load on the machine shows in the longest.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "ds/slab.h"
#include "value/scored_members.h"
#include "value/set_algebra.h"
#include "value/sorted_set_algebra.h"

namespace cairn::value {
namespace {

constexpr SetLimits kSetLimits = {
    .int_entries = 512, .packed_entries = 128, .packed_value_bytes = 64};
constexpr SortedSetLimits kScoredLimits = {.packed_entries = 128, .packed_value_bytes = 64};

class PartsBench {
 public:
  PartsBench(std::uint64_t members, std::size_t work)
      : work_(work), cycles_per_us_(MeasureCyclesPerUs()) {
    std::vector<std::uint64_t> ids(members);
    for (std::uint64_t i = 0; i < members; ++i) ids[i] = i;
    for (std::uint64_t i = members; i > 1; --i) std::swap(ids[i - 1], ids[random_.Below(i)]);
    for (const std::uint64_t id : ids) Fill(0, id);
    for (const std::uint64_t id : ids) Fill(1, id + members / 2);
  }

  void Run() {
    using Kind = SetOperation::Kind;
    Sets("SINTER", Kind::kIntersection);
    Sets("SUNION", Kind::kUnion);
    Sets("SDIFF", Kind::kDifference);
    Scored("ZINTER", ScoredKind::kIntersection);
    Scored("ZUNION", ScoredKind::kUnion);
    Scored("ZDIFF", ScoredKind::kDifference);
  }

 private:
  void Fill(std::size_t which, std::uint64_t id) {
    const std::string member = fmt::format("member:{:09}", id);
    sets_[which].Add(member, kSetLimits, home_);
    scored_[which].Add(member, static_cast<double>(random_.Below(1000)), {}, kScoredLimits, home_);
  }

  void Sets(const char* name, SetOperation::Kind kind) {
    const std::array<const Set*, 2> sets = {&sets_[0], &sets_[1]};
    SetOperation operation(kind, sets);
    Set result = operation.EmptyResult();
    const std::uint64_t start = CycleNow();
    while (!operation.done()) {
      ScoredMembers part;
      const std::uint64_t before = CycleNow();
      operation.Read(sets, work_, SetOperation::kNoLimit,
                     [&](std::string_view member) { part.Add(member, 0); });
      Note(before);
      for (const MemberScore& entry : part.entries())
        operation.Apply(entry.member, result, kSetLimits, home_);
    }
    Print(name, start, result.size());
  }

  void Scored(const char* name, ScoredKind kind) {
    const std::array<ScoredInput, 2> inputs = {ScoredInput{.sorted = &scored_[0]},
                                               ScoredInput{.sorted = &scored_[1]}};
    ScoredOperation operation(kind, Aggregate::kSum, inputs);
    ScoredJoin join(Aggregate::kSum, home_.seed);
    const std::uint64_t start = CycleNow();
    while (!operation.done()) {
      ScoredMembers part;
      const std::uint64_t before = CycleNow();
      operation.Read(inputs, work_, ScoredOperation::kNoLimit,
                     [&](std::string_view member, double score) { part.Add(member, score); });
      Note(before);
      for (const MemberScore& entry : part.entries()) join.Add(entry.member, entry.score);
    }
    Print(name, start, join.members().size());
  }

  double SinceUs(std::uint64_t cycles) const {
    return static_cast<double>(CycleNow() - cycles) / cycles_per_us_;
  }
  void Note(std::uint64_t before) { parts_.push_back(SinceUs(before)); }

  void Print(const char* name, std::uint64_t start, std::size_t result) {
    const double all = SinceUs(start);
    std::sort(parts_.begin(), parts_.end());
    double held = 0;
    for (const double part : parts_) held += part;
    fmt::print(
        "{:<8}{:6} parts of {:7.0f} us, longest {:7.0f} us; in all {:6.0f} ms, {:.0f} % held; "
        "{} members\n",
        name, parts_.size(), parts_[parts_.size() / 2], parts_.back(), all / 1000, 100 * held / all,
        result);
    parts_.clear();
  }

  const std::size_t work_;
  const double cycles_per_us_;
  Random random_{1};
  ds::SlabArena arena_;
  const TableHome home_{&arena_, HashSeed(1)};
  std::array<Set, 2> sets_;
  std::array<SortedSet, 2> scored_;
  std::vector<double> parts_;
};

}  // namespace
}  // namespace cairn::value

int main(int argc, char** argv) {
  const std::uint64_t members = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::uint64_t work = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 4096;
  cairn::value::PartsBench(members, work).Run();
}
