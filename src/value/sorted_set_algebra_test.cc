// SPDX-License-Identifier: BSD-3-Clause
// Scores join as Redis joins them, and random inputs of both kinds and forms agree with std::map.
#include "value/sorted_set_algebra.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "ds/slab.h"

namespace cairn::value {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr SortedSetLimits kLimits = {.packed_entries = 16, .packed_value_bytes = 64};
constexpr SetLimits kSetLimits = {.int_entries = 8, .packed_entries = 16, .packed_value_bytes = 64};

using Model = std::map<std::string, double>;

Model ModelOf(const ScoredMembers& members) {
  Model model;
  for (const MemberScore& entry : members.entries())
    EXPECT_TRUE(model.emplace(entry.member, entry.score).second) << entry.member;
  return model;
}

class SortedSetAlgebraTest : public testing::Test {
 protected:
  SortedSet Sorted(const Model& model) {
    SortedSet set;
    for (const auto& [member, score] : model) set.Add(member, score, {}, kLimits, home_);
    return set;
  }
  Set Plain(const Model& model) {
    Set set;
    for (const auto& [member, score] : model) set.Add(member, kSetLimits, home_);
    return set;
  }

  ds::SlabArena arena_;
  TableHome home_{&arena_, HashSeed(1)};
};

TEST_F(SortedSetAlgebraTest, WhatWouldBeNoNumberIsZero) {
  const SortedSet up = Sorted({{"a", kInfinity}});
  const SortedSet down = Sorted({{"a", -kInfinity}});
  const ScoredInput both[] = {{.sorted = &up}, {.sorted = &down}};
  const ScoredInput zero[] = {{.sorted = &up, .weight = 0}};
  EXPECT_EQ(ModelOf(ScoredUnion(both, Aggregate::kSum, home_.seed)), (Model{{"a", 0}}));
  EXPECT_EQ(ModelOf(ScoredIntersection(both, Aggregate::kSum)), (Model{{"a", 0}}));
  EXPECT_EQ(ModelOf(ScoredUnion(zero, Aggregate::kSum, home_.seed)), (Model{{"a", 0}}));
  EXPECT_EQ(ModelOf(ScoredIntersection(both, Aggregate::kMax)), (Model{{"a", kInfinity}}));
}

TEST_F(SortedSetAlgebraTest, AbsentAndNoInputs) {
  const SortedSet set = Sorted({{"a", 1}});
  const ScoredInput inputs[] = {{.sorted = &set}, {}};
  EXPECT_EQ(ScoredUnion(inputs, Aggregate::kSum, home_.seed).size(), 1u);
  EXPECT_EQ(ScoredIntersection(inputs, Aggregate::kSum).size(), 0u);
  EXPECT_EQ(IntersectionSize(inputs, 0), 0u);
  EXPECT_EQ(ScoredDifference(inputs).size(), 1u);
  EXPECT_TRUE(ScoredDifference({}).empty());
  EXPECT_TRUE(ScoredIntersection({}, Aggregate::kSum).empty());
  EXPECT_EQ(IntersectionSize({}, 3), 0u);
}

TEST_F(SortedSetAlgebraTest, CountingStopsAtItsLimit) {
  Model model;
  for (int i = 0; i < 1000; ++i) model["m" + std::to_string(i)] = i;
  const SortedSet sorted = Sorted(model);
  const Set plain = Plain(model);
  const ScoredInput inputs[] = {{.sorted = &sorted}, {.plain = &plain}};
  const ScoredInput turned[] = {{.plain = &plain}, {.sorted = &sorted}};
  for (const std::size_t limit : {1u, 255u, 256u, 257u, 999u, 1000u}) {
    EXPECT_EQ(IntersectionSize(inputs, limit), limit);
    EXPECT_EQ(IntersectionSize(turned, limit), limit);
  }
  EXPECT_EQ(IntersectionSize(inputs, 1001), 1000u);
  EXPECT_EQ(IntersectionSize(inputs, 0), 1000u);
}

TEST_F(SortedSetAlgebraTest, SortedByScoreAndThenBytes) {
  ScoredMembers members;
  members.Add("b", 1);
  members.Add("", 1);
  members.Add(std::string(2'000'000, 'x'), -1);
  members.Add("a", 1);
  members.Add("z", -kInfinity);
  members.Sort();
  std::string order;
  for (const MemberScore& entry : members.entries())
    order += std::string(entry.member.substr(0, 1)) + "|";
  EXPECT_EQ(order, "z|x||a|b|");
}

struct Input {
  Model model;
  SortedSet sorted;
  Set plain;
  bool is_plain;
  double weight;
};

double Joined(Aggregate aggregate, double a, double b) {
  if (aggregate == Aggregate::kMin) return std::min(a, b);
  return aggregate == Aggregate::kMax ? std::max(a, b) : a + b;
}

// Scores are small integers, so that the order of sums does not matter.
Model UnionOf(const std::vector<Input>& inputs, Aggregate aggregate) {
  Model result;
  for (const Input& input : inputs) {
    for (const auto& [member, score] : input.model) {
      const double weighted = score * input.weight;
      const auto [at, is_new] = result.emplace(member, weighted);
      if (!is_new) at->second = Joined(aggregate, at->second, weighted);
    }
  }
  return result;
}

bool IsInAll(const std::vector<Input>& inputs, const std::string& member) {
  return std::all_of(inputs.begin(), inputs.end(),
                     [&](const Input& input) { return input.model.contains(member); });
}

// What the parts of an operation come to, each of about so many members.
Model InParts(ScoredKind kind, Aggregate aggregate, std::span<const ScoredInput> inputs,
              std::size_t work, const HashSeed& seed) {
  ScoredOperation operation(kind, aggregate, inputs);
  ScoredJoin join(aggregate, seed);
  while (!operation.done()) {
    operation.Read(inputs, work, ScoredOperation::kNoLimit,
                   [&](std::string_view member, double score) { join.Add(member, score); });
  }
  return ModelOf(join.members());
}

TEST_F(SortedSetAlgebraTest, AgreesWithMaps) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Input> inputs(1 + random.Below(4));
    std::vector<ScoredInput> given;
    for (Input& input : inputs) {
      input.is_plain = random.Below(3) == 0;
      input.weight = static_cast<double>(random.Below(7)) - 3;
      const std::uint64_t size = random.Below(round % 20 == 0 ? 900 : 60);
      const bool numbers = random.Below(2) == 0;
      for (std::uint64_t i = 0; i < size; ++i) {
        const std::string member = (numbers ? "" : "m") + std::to_string(random.Below(80 + size));
        input.model[member] = input.is_plain ? 1 : static_cast<double>(random.Below(100)) - 50;
      }
      input.is_plain ? void(input.plain = Plain(input.model))
                     : void(input.sorted = Sorted(input.model));
    }
    for (const Input& input : inputs) {
      given.push_back({.sorted = input.is_plain ? nullptr : &input.sorted,
                       .plain = input.is_plain ? &input.plain : nullptr,
                       .weight = input.weight});
    }
    const auto aggregate = static_cast<Aggregate>(random.Below(3));
    const Model all = UnionOf(inputs, aggregate);
    Model common = all;
    std::erase_if(common, [&](const auto& entry) { return !IsInAll(inputs, entry.first); });
    Model rest = inputs[0].model;
    std::erase_if(rest, [&](const auto& entry) {
      return std::any_of(inputs.begin() + 1, inputs.end(),
                         [&](const Input& input) { return input.model.contains(entry.first); });
    });
    ASSERT_EQ(ModelOf(ScoredUnion(given, aggregate, home_.seed)), all);
    ASSERT_EQ(ModelOf(ScoredIntersection(given, aggregate)), common);
    ASSERT_EQ(ModelOf(ScoredDifference(given)), rest);
    ASSERT_EQ(IntersectionSize(given, 0), common.size());
    const std::size_t work = 1 + random.Below(100);
    ASSERT_EQ(InParts(ScoredKind::kUnion, aggregate, given, work, home_.seed), all);
    ASSERT_EQ(InParts(ScoredKind::kIntersection, aggregate, given, work, home_.seed), common);
    ASSERT_EQ(InParts(ScoredKind::kDifference, aggregate, given, work, home_.seed), rest);
  }
}

}  // namespace
}  // namespace cairn::value
