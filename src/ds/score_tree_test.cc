// SPDX-License-Identifier: BSD-3-Clause
// The tree against a std::set of its keys, through phases that grow and shrink it over several
// heights, for scores of four kinds: all different, few and shared, one for all, and ascending.
#include "ds/score_tree.h"

#include <gtest/gtest.h>

#include <iterator>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "ds/raw_memory.h"
#include "ds/slab.h"

namespace cairn::ds {
namespace {

using Side = ScoreBound::Side;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct KeyLess {
  bool operator()(const ScoredMember* a, const ScoredMember* b) const {
    if (a->score() != b->score()) return a->score() < b->score();
    return a->key() < b->key();
  }
};

enum class Scores { kDifferent, kShared, kOne, kAscending };

// A tree and its model. Members carry their own score, which the tree never reads.
class Pair {
 public:
  Pair(Scores kind, std::uint64_t seed) : kind_(kind), random_(seed) {}
  ~Pair() {
    for (ScoredMember* member : model_) ScoredMember::Free(arena_, member);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  ScoreTree& tree() { return tree_; }
  Random& random() { return random_; }
  std::size_t size() const { return model_.size(); }
  std::vector<ScoredMember*> Members() const { return {model_.begin(), model_.end()}; }

  void Insert() {
    ScoredMember* member =
        ScoredMember::Make(arena_, NextScore(), "m" + std::to_string(next_id_++));
    model_.insert(member);
    tree_.Insert(member->score(), member);
  }
  void Erase() {
    const auto at = Any();
    ScoredMember* const member = *at;
    model_.erase(at);
    tree_.Erase(member->score(), member);
    ScoredMember::Free(arena_, member);
  }
  void Update() {
    const auto at = Any();
    ScoredMember* const member = *at;
    // Half of the moves are small, and mostly stay in place.
    const bool is_small = kind_ != Scores::kOne && random_.Below(2) == 0;
    const double score = is_small ? member->score() + 1e-9 : NextScore();
    model_.erase(at);
    tree_.Update(member->score(), member, {score});
    member->set_score(score);
    model_.insert(member);
  }
  void EraseRanks() {
    const std::uint64_t begin = random_.Below(size());
    const std::uint64_t count = random_.Below(std::min<std::uint64_t>(size() - begin, 300) + 1);
    auto at = std::next(model_.begin(), static_cast<std::ptrdiff_t>(begin));
    const auto check = [&](std::span<const double> scores, std::span<ScoredMember* const> members) {
      ASSERT_EQ(scores.size(), members.size());
      for (std::size_t i = 0; i < members.size(); ++i) {
        ASSERT_EQ(members[i], *at);
        ASSERT_EQ(scores[i], members[i]->score());
        at = model_.erase(at);
        ScoredMember::Free(arena_, members[i]);
      }
    };
    tree_.EraseRanks(begin, count, check);
  }
  double NextScore() {
    switch (kind_) {
      case Scores::kDifferent:
        return random_.NextDouble();
      case Scores::kShared:
        return static_cast<double>(random_.Below(16)) - 8;
      case Scores::kOne:
        return 0;
      case Scores::kAscending:
        return static_cast<double>(++clock_);
    }
    return 0;
  }

 private:
  using Model = std::set<ScoredMember*, KeyLess>;

  // A uniform choice would be linear in a std::set.
  Model::iterator Any() {
    const double score =
        kind_ == Scores::kAscending ? static_cast<double>(random_.Below(clock_ + 1)) : NextScore();
    ScoredMember* probe =
        ScoredMember::Make(arena_, score, "m" + std::to_string(random_.Below(next_id_)));
    auto at = model_.lower_bound(probe);
    ScoredMember::Free(arena_, probe);
    return at == model_.end() ? model_.begin() : at;
  }

  const Scores kind_;
  Random random_;
  SlabArena arena_;
  Model model_;
  ScoreTree tree_;
  std::uint64_t next_id_ = 1;
  std::uint64_t clock_ = 0;
};

void CheckOrder(Pair& pair) {
  const std::vector<ScoredMember*> expected = pair.Members();
  const ScoreTree& tree = pair.tree();
  ASSERT_EQ(tree.size(), expected.size());
  if (expected.empty()) return;
  std::vector<ScoredMember*> seen;
  const auto note = [&](double score, ScoredMember* member) {
    EXPECT_EQ(score, member->score());
    seen.push_back(member);
  };
  tree.VisitForward(tree.Select(0), tree.size(), note);
  ASSERT_EQ(seen, expected);
  seen.clear();
  tree.VisitBackward(tree.Select(tree.size() - 1), tree.size(), note);
  ASSERT_EQ(seen, std::vector<ScoredMember*>(expected.rbegin(), expected.rend()));
}

void CheckCut(const ScoreTree::Cut& cut, std::size_t rank, const std::vector<ScoredMember*>& all) {
  ASSERT_EQ(cut.rank, rank);
  if (rank == all.size()) {
    ASSERT_TRUE(cut.position.at_end());
  } else {
    ASSERT_FALSE(cut.position.at_end());
    ASSERT_EQ(cut.position.member(), all[rank]);
  }
}

void CheckSearch(Pair& pair, int samples) {
  const std::vector<ScoredMember*> all = pair.Members();
  for (int i = 0; i < samples && !all.empty(); ++i) {
    const std::uint64_t rank = pair.random().Below(all.size());
    const ScoredMember* const member = all[rank];
    ASSERT_EQ(pair.tree().RankOf(member->score(), member), rank);
    ASSERT_EQ(pair.tree().Select(rank).member(), member);
    for (const double score : {member->score(), pair.NextScore(), -kInfinity, kInfinity}) {
      const auto below = [](const ScoredMember* m, double s) { return m->score() < s; };
      const auto above = [](double s, const ScoredMember* m) { return s < m->score(); };
      const auto first = std::lower_bound(all.begin(), all.end(), score, below) - all.begin();
      const auto last = std::upper_bound(all.begin(), all.end(), score, above) - all.begin();
      CheckCut(pair.tree().Find(ScoreBound{score, Side::kBefore}), first, all);
      CheckCut(pair.tree().Find(ScoreBound{score, Side::kAfter}), last, all);
    }
  }
}

void CheckMemberSearch(Pair& pair, int samples) {
  const std::vector<ScoredMember*> all = pair.Members();
  for (int i = 0; i < samples; ++i) {
    const std::string bound = "m" + std::to_string(pair.random().Below(100'000));
    const auto less = [](const ScoredMember* m, std::string_view s) { return m->key() < s; };
    const auto more = [](std::string_view s, const ScoredMember* m) { return s < m->key(); };
    const auto first = std::lower_bound(all.begin(), all.end(), bound, less) - all.begin();
    const auto last = std::upper_bound(all.begin(), all.end(), bound, more) - all.begin();
    CheckCut(pair.tree().Find(MemberBound{bound, Side::kBefore}), first, all);
    CheckCut(pair.tree().Find(MemberBound{bound, Side::kAfter}), last, all);
  }
}

class ScoreTreeModelTest : public testing::TestWithParam<Scores> {};

TEST_P(ScoreTreeModelTest, AgreesThroughGrowthAndShrinking) {
  constexpr std::uint64_t kSeed = 7;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  Pair pair(GetParam(), kSeed);
  // In hundredths: how often a step inserts; the rest erases, updates and erases ranges.
  struct Phase {
    std::uint64_t steps;
    std::uint64_t inserts;
    std::uint64_t updates;
    std::uint64_t ranges;
  };
  constexpr Phase kPhases[] = {{200, 60, 20, 1},  {300, 20, 10, 1},   {9000, 80, 10, 0},
                               {5000, 10, 20, 0}, {12000, 90, 10, 0}, {2000, 0, 100, 0},
                               {3000, 30, 10, 3}, {2000, 10, 0, 40}};
  for (const Phase& phase : kPhases) {
    for (std::uint64_t step = 0; step < phase.steps; ++step) {
      const std::uint64_t dice = pair.random().Below(100);
      if (dice < phase.inserts || pair.size() == 0) {
        pair.Insert();
      } else if (dice < phase.inserts + phase.updates) {
        pair.Update();
      } else if (dice < phase.inserts + phase.updates + phase.ranges) {
        pair.EraseRanks();
      } else {
        pair.Erase();
      }
      if (HasFatalFailure()) return;
      if (step % 100 == 0) pair.tree().CheckInvariants();
    }
    pair.tree().CheckInvariants();
    CheckOrder(pair);
    CheckSearch(pair, 200);
    if (GetParam() == Scores::kOne) CheckMemberSearch(pair, 200);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ScoreTreeModelTest,
                         testing::Values(Scores::kDifferent, Scores::kShared, Scores::kOne,
                                         Scores::kAscending));

TEST(ScoreTreeTest, AnEmptyTreeHasNothing) {
  ScoreTree tree;
  tree.CheckInvariants();
  EXPECT_EQ(tree.size(), 0);
  EXPECT_EQ(tree.memory_bytes(), 0);
  EXPECT_TRUE(tree.Find(ScoreBound{0, Side::kBefore}).position.at_end());
  EXPECT_EQ(tree.Find(MemberBound{"", Side::kAfter}).rank, 0);
  EXPECT_TRUE(tree.FreeStep(1));
}

TEST(ScoreTreeTest, AscendingScoresFillLeaves) {
  constexpr std::size_t kKeys = 62 * 62 * 3;
  Pair pair(Scores::kAscending, 1);
  for (std::size_t i = 0; i < kKeys; ++i) pair.Insert();
  pair.tree().CheckInvariants();
  EXPECT_EQ(pair.tree().memory_bytes(),
            kKeys / 62 * AllocatedBytes(1024) + (3 + 1) * AllocatedBytes(2048));
}

TEST(ScoreTreeTest, ErasedFromEitherEndItGivesAllNodesBack) {
  for (const bool from_front : {true, false}) {
    Pair pair(Scores::kAscending, 1);
    for (int i = 0; i < 10'000; ++i) pair.Insert();
    const std::vector<ScoredMember*> all = pair.Members();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const ScoredMember* member = from_front ? all[i] : all[all.size() - 1 - i];
      pair.tree().Erase(member->score(), member);
      if (i % 64 == 0) pair.tree().CheckInvariants();
    }
    EXPECT_EQ(pair.tree().memory_bytes(), 0);
  }
}

TEST(ScoreTreeTest, InfinitiesAreScoresLikeOthers) {
  SlabArena arena;
  ScoreTree tree;
  std::vector<ScoredMember*> members;
  for (int i = 0; i < 300; ++i) {
    const double score = i % 3 == 0 ? -kInfinity : i % 3 == 1 ? 0 : kInfinity;
    members.push_back(ScoredMember::Make(arena, score, "m" + std::to_string(i)));
    tree.Insert(score, members.back());
  }
  tree.CheckInvariants();
  EXPECT_EQ(tree.Find(ScoreBound{-kInfinity, Side::kBefore}).rank, 0);
  EXPECT_EQ(tree.Find(ScoreBound{-kInfinity, Side::kAfter}).rank, 100);
  EXPECT_EQ(tree.Find(ScoreBound{kInfinity, Side::kBefore}).rank, 200);
  EXPECT_EQ(tree.Find(ScoreBound{kInfinity, Side::kAfter}).rank, 300);
  EXPECT_TRUE(tree.Find(ScoreBound{kInfinity, Side::kAfter}).position.at_end());
  for (ScoredMember* member : members) {
    tree.Erase(member->score(), member);
    ScoredMember::Free(arena, member);
  }
  EXPECT_EQ(tree.size(), 0);
}

TEST(ScoreTreeTest, ZeroAndMinusZeroAreOneScore) {
  SlabArena arena;
  ScoreTree tree;
  ScoredMember* a = ScoredMember::Make(arena, 0.0, "a");
  ScoredMember* b = ScoredMember::Make(arena, -0.0, "b");
  tree.Insert(0.0, a);
  tree.Insert(-0.0, b);
  EXPECT_EQ(tree.RankOf(0.0, a), 0);
  EXPECT_EQ(tree.RankOf(0.0, b), 1);
  tree.CheckInvariants();
  ScoredMember::Free(arena, a);
  ScoredMember::Free(arena, b);
}

TEST(ScoreTreeTest, IsFreedInSteps) {
  SlabArena arena;
  ScoreTree tree;
  ScoredMember* member = ScoredMember::Make(arena, 0, "same for all, the tree does not look");
  for (int i = 0; i < 5000; ++i) tree.Insert(i, member);
  ScoredMember::Free(arena, member);
  int steps = 1;
  for (; !tree.FreeStep(500); ++steps) {
  }
  EXPECT_GE(steps, 9);
  EXPECT_LE(steps, 11);
  EXPECT_EQ(tree.memory_bytes(), 0);
  tree.CheckInvariants();
}

TEST(ScoredMemberTest, EverySizeComesBack) {
  SlabArena arena;
  for (const std::size_t size : {0u, 1u, 6u, 7u, 8u, 254u, 255u, 256u, 100'000u}) {
    const std::string bytes(size, 'x');
    ScoredMember* member = ScoredMember::Make(arena, 1.5, bytes);
    EXPECT_EQ(member->key(), bytes);
    EXPECT_EQ(member->score(), 1.5);
    EXPECT_GE(member->bytes(), size + 9);
    ScoredMember::Free(arena, member);
    EXPECT_EQ(arena.used_bytes(), 0);
  }
}

TEST(ScoredMemberTest, MembersCompareAsBytes) {
  EXPECT_LT(CompareMembers("", "a"), 0);
  EXPECT_LT(CompareMembers("a", "ab"), 0);
  EXPECT_LT(CompareMembers("a", "\xff"), 0);
  EXPECT_EQ(CompareMembers("ab", "ab"), 0);
  EXPECT_GT(CompareMembers("b", "ab"), 0);
}

}  // namespace
}  // namespace cairn::ds
