// SPDX-License-Identifier: BSD-3-Clause
// Sorted sets: tables for what Redis promises of scores, flags, ranges and conversion, once per
// form; and random operations against a std::map and its entries in order, over sizes that cross
// the conversion.
#include "value/sorted_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace cairn::value {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr SortedSetLimits kPackedLimits = {.packed_entries = 128, .packed_value_bytes = 64};
constexpr SortedSetLimits kTableLimits = {.packed_entries = 0, .packed_value_bytes = 0};

using Entry = std::pair<std::string, double>;
using Entries = std::vector<Entry>;

Entries EntriesIn(const SortedSet& set, const RankRange& range,
                  Direction direction = Direction::kUp) {
  Entries entries;
  set.ForEachIn(range, direction, [&](std::string_view member, double score) {
    entries.emplace_back(member, score);
  });
  return entries;
}
Entries All(const SortedSet& set) { return EntriesIn(set, {0, set.size()}); }

std::string Members(const Entries& entries) {
  std::string joined;
  for (const Entry& entry : entries) joined += entry.first + " ";
  if (!joined.empty()) joined.pop_back();
  return joined;
}

// Every test of this runs on both forms.
class SortedSetTest : public testing::TestWithParam<SortedSetLimits> {
 protected:
  ScoreChange Add(std::string_view member, double score, const ScoreRule& rule = {}) {
    const ScoreChange change = set_.Add(member, score, rule, GetParam(), home_);
    set_.CheckInvariants();
    return change;
  }
  void Fill(std::initializer_list<MemberScore> entries) {
    for (const MemberScore& entry : entries) Add(entry.member, entry.score);
  }

  ds::SlabArena arena_;
  TableHome home_{&arena_, HashSeed(1)};
  SortedSet set_;
};
INSTANTIATE_TEST_SUITE_P(Forms, SortedSetTest, testing::Values(kPackedLimits, kTableLimits),
                         [](const auto& form) {
                           return form.param.packed_entries == 0 ? "Table" : "Packed";
                         });

TEST_P(SortedSetTest, RulesOfZadd) {
  constexpr ScoreRule kNew = {.only_new = true};
  constexpr ScoreRule kExisting = {.only_existing = true};
  constexpr ScoreRule kGreater = {.only_greater = true};
  constexpr ScoreRule kLess = {.only_less = true};
  constexpr ScoreRule kIncrement = {.increment = true};
  constexpr ScoreRule kIncrementGreater = {.only_greater = true, .increment = true};
  struct Row {
    std::string_view member;
    double score;
    ScoreRule rule;
    ScoreOutcome outcome;
    double now;
  };
  const Row rows[] = {
      {"a", 1, kExisting, ScoreOutcome::kSkipped, 0},
      {"a", 1, {}, ScoreOutcome::kAdded, 1},
      {"a", 1, {}, ScoreOutcome::kUnchanged, 1},
      {"a", 2, {}, ScoreOutcome::kUpdated, 2},
      {"a", 3, kNew, ScoreOutcome::kSkipped, 0},
      {"b", 3, kNew, ScoreOutcome::kAdded, 3},
      {"a", 1, kGreater, ScoreOutcome::kSkipped, 0},
      {"a", 2, kGreater, ScoreOutcome::kSkipped, 0},
      {"a", 3, kGreater, ScoreOutcome::kUpdated, 3},
      {"a", 4, kLess, ScoreOutcome::kSkipped, 0},
      {"a", 2, kLess, ScoreOutcome::kUpdated, 2},
      {"c", 9, kGreater, ScoreOutcome::kAdded, 9},
      {"d", -9, kLess, ScoreOutcome::kAdded, -9},
      {"a", 5, kIncrement, ScoreOutcome::kUpdated, 7},
      {"a", 0, kIncrement, ScoreOutcome::kUnchanged, 7},
      {"a", -1, kIncrementGreater, ScoreOutcome::kSkipped, 0},
      {"e", 5, kIncrement, ScoreOutcome::kAdded, 5},
      {"e", kInfinity, kIncrement, ScoreOutcome::kUpdated, kInfinity},
      {"e", -kInfinity, kIncrement, ScoreOutcome::kNotANumber, 0},
      {"f", std::nan(""), {}, ScoreOutcome::kNotANumber, 0},
      {"e", -kInfinity, {}, ScoreOutcome::kUpdated, -kInfinity},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(testing::Message() << row.member << " " << row.score);
    const ScoreChange change = Add(row.member, row.score, row.rule);
    EXPECT_EQ(change.outcome, row.outcome);
    const bool has_score =
        row.outcome != ScoreOutcome::kSkipped && row.outcome != ScoreOutcome::kNotANumber;
    if (has_score) EXPECT_EQ(change.score, row.now);
    if (has_score) EXPECT_EQ(set_.Score(row.member), row.now);
  }
  EXPECT_EQ(Members(All(set_)), "e d b a c");
  EXPECT_EQ(set_.Score("f"), std::nullopt);
}

TEST_P(SortedSetTest, ZeroKeepsItsSignOnlyInATable) {
  Add("a", -0.0);
  EXPECT_EQ(std::signbit(*set_.Score("a")), !set_.is_packed());
  EXPECT_EQ(Add("a", 0.0).outcome, ScoreOutcome::kUnchanged);
  EXPECT_EQ(std::signbit(*set_.Score("a")), !set_.is_packed());
}

TEST_P(SortedSetTest, EveryScoreComesBack) {
  const double scores[] = {0.1,    1e300,      5e-324,        -1.7976931348623157e308,
                           0x1p62, 0x1p63,     -0x1p62 - 1e5, 6123456789012345678.0,
                           1e17,   -kInfinity, 1.0 / 3,       4503599627370497.5};
  for (std::size_t i = 0; i < std::size(scores); ++i) Add(std::to_string(i), scores[i]);
  for (std::size_t i = 0; i < std::size(scores); ++i) {
    EXPECT_EQ(set_.Score(std::to_string(i)), scores[i]);
  }
}

TEST_P(SortedSetTest, EqualScoresGoByBytes) {
  Fill({{"b", 1}, {"\xff", 1}, {"", 1}, {"10", 1}, {"9", 1}, {"ab", 1}, {"a", 1}, {"-5", 1}});
  EXPECT_EQ(Members(All(set_)), " -5 10 9 a ab b \xff");
  EXPECT_EQ(set_.Rank("9")->rank, 3);
  EXPECT_EQ(set_.Rank("zz"), std::nullopt);
}

TEST_P(SortedSetTest, ScoreRanges) {
  Fill({{"a", -kInfinity}, {"b", 1}, {"c", 1}, {"d", 2}, {"e", 3.5}, {"f", kInfinity}});
  struct Row {
    ScoreRange range;
    std::string_view members;
  };
  const Row rows[] = {
      {{}, "a b c d e f"},
      {{.min = 1, .max = 2}, "b c d"},
      {{.min = 1, .max = 2, .exclude_min = true}, "d"},
      {{.min = 1, .max = 2, .exclude_max = true}, "b c"},
      {{.min = 1, .max = 1}, "b c"},
      {{.min = 1, .max = 1, .exclude_min = true}, ""},
      {{.min = 1, .max = 1, .exclude_min = true, .exclude_max = true}, ""},
      {{.min = 2, .max = 1}, ""},
      {{.min = -kInfinity, .max = kInfinity, .exclude_min = true, .exclude_max = true}, "b c d e"},
      {{.min = kInfinity, .max = kInfinity}, "f"},
      {{.min = -kInfinity, .max = -kInfinity}, "a"},
      {{.min = 2.5, .max = 3}, ""},
      {{.min = kInfinity, .max = -kInfinity}, ""},
      {{.min = 3.5, .max = 1e308}, "e"},
  };
  for (const Row& row : rows) {
    const RankRange range = set_.FindScores(row.range);
    EXPECT_EQ(Members(EntriesIn(set_, range)), row.members);
    EXPECT_EQ(range.size(), EntriesIn(set_, range).size());
  }
}

TEST_P(SortedSetTest, MemberRanges) {
  using Kind = MemberEnd::Kind;
  Fill({{"a", 0}, {"b", 0}, {"bb", 0}, {"c", 0}, {"12", 0}});
  struct Row {
    MemberRange range;
    std::string_view members;
  };
  const Row rows[] = {
      {{}, "12 a b bb c"},
      {{.min = {Kind::kInclusive, "b"}}, "b bb c"},
      {{.min = {Kind::kExclusive, "b"}}, "bb c"},
      {{.max = {Kind::kInclusive, "b"}}, "12 a b"},
      {{.max = {Kind::kExclusive, "b"}}, "12 a"},
      {{.min = {Kind::kInclusive, "b"}, .max = {Kind::kInclusive, "b"}}, "b"},
      {{.min = {Kind::kInclusive, "b"}, .max = {Kind::kExclusive, "b"}}, ""},
      {{.min = {Kind::kExclusive, "b"}, .max = {Kind::kExclusive, "b"}}, ""},
      {{.min = {Kind::kInclusive, "c"}, .max = {Kind::kInclusive, "a"}}, ""},
      {{.min = {Kind::kAboveAll}, .max = {Kind::kAboveAll}}, ""},
      {{.min = {Kind::kBelowAll}, .max = {Kind::kBelowAll}}, ""},
      {{.min = {Kind::kAboveAll}, .max = {Kind::kBelowAll}}, ""},
      {{.min = {Kind::kInclusive, ""}, .max = {Kind::kInclusive, "aa"}}, "12 a"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Members(EntriesIn(set_, set_.FindMembers(row.range))), row.members);
  }
}

TEST_P(SortedSetTest, LimitsCutRangesFromWhereTheDirectionBegins) {
  Fill({{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}, {"e", 5}});
  const RankRange range = set_.FindScores({.min = 2});
  const auto limited = [&](std::uint64_t offset, std::uint64_t count, Direction direction) {
    return Members(EntriesIn(set_, range.Limit(offset, count, direction), direction));
  };
  EXPECT_EQ(limited(0, UINT64_MAX, Direction::kUp), "b c d e");
  EXPECT_EQ(limited(1, 2, Direction::kUp), "c d");
  EXPECT_EQ(limited(1, 2, Direction::kDown), "d c");
  EXPECT_EQ(limited(3, 9, Direction::kDown), "b");
  EXPECT_EQ(limited(4, 1, Direction::kUp), "");
  EXPECT_EQ(limited(UINT64_MAX, UINT64_MAX, Direction::kDown), "");
}

TEST_P(SortedSetTest, PopsFromBothEnds) {
  Fill({{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}, {"e", 5}});
  Entries popped;
  const auto note = [&](std::string_view member, double score) {
    popped.emplace_back(member, score);
  };
  set_.Pop(2, Direction::kDown, note);
  set_.Pop(1, Direction::kUp, note);
  set_.CheckInvariants();
  EXPECT_EQ(Members(popped), "e d a");
  set_.Pop(9, Direction::kUp, note);
  EXPECT_EQ(Members(popped), "e d a b c");
  EXPECT_TRUE(set_.empty());
  set_.Pop(9, Direction::kDown, note);
  EXPECT_EQ(popped.size(), 5);
}

TEST_P(SortedSetTest, AnEmptySetAnswers) {
  EXPECT_EQ(set_.size(), 0);
  EXPECT_EQ(set_.Score("a"), std::nullopt);
  EXPECT_FALSE(set_.Remove("a"));
  EXPECT_TRUE(set_.FindScores({}).empty());
  EXPECT_TRUE(set_.FindMembers({}).empty());
  EXPECT_EQ(All(set_), Entries());
  EXPECT_EQ(set_.Scan(0, 10, [](std::string_view, double) { FAIL(); }), 0);
  EXPECT_TRUE(set_.Clone().empty());
  EXPECT_TRUE(set_.FreeStep(1));
  Add("a", 1);
  EXPECT_TRUE(set_.Remove("a"));
  EXPECT_TRUE(set_.empty());
  EXPECT_EQ(All(set_), Entries());
  EXPECT_TRUE(set_.FindScores({}).empty());
}

TEST_P(SortedSetTest, RandomMembersAreDistinctAndFair) {
  constexpr int kMembers = 100;
  constexpr int kRounds = 10'000;
  for (int i = 0; i < kMembers; ++i) Add("m" + std::to_string(i), i % 7);
  Random random(3);
  for (const std::size_t count : {std::size_t{1}, std::size_t{5}, std::size_t{50}}) {
    std::map<std::string, int> chosen;
    for (int round = 0; round < kRounds; ++round) {
      std::set<std::string> members;
      set_.RandomMembers(random, count, [&](std::string_view member, double score) {
        ASSERT_EQ(set_.Score(member), score);
        members.emplace(member);
        ++chosen[std::string(member)];
      });
      ASSERT_EQ(members.size(), count);
      if (count == 50 && round == 2000) break;
    }
    const int expected = count == 50 ? 1000 : kRounds * static_cast<int>(count) / kMembers;
    for (const auto& [member, times] : chosen) EXPECT_NEAR(times, expected, 100 + expected / 10);
    EXPECT_EQ(chosen.size(), kMembers);
  }
  std::size_t all = 0;
  set_.RandomMembers(random, 1000, [&](std::string_view, double) { ++all; });
  EXPECT_EQ(all, kMembers);
  std::map<std::string, int> chosen;
  for (int i = 0; i < kRounds; ++i) {
    set_.RandomMember(random,
                      [&](std::string_view member, double) { ++chosen[std::string(member)]; });
  }
  for (const auto& [member, times] : chosen) EXPECT_NEAR(times, 100, 60);
}

TEST(SortedSetConversionTest, HappensWhereRedisDoesIt) {
  ds::SlabArena arena;
  const TableHome home{&arena, HashSeed(1)};
  SortedSet set;
  for (int i = 0; i < 128; ++i) set.Add(std::to_string(i), i, {}, kPackedLimits, home);
  EXPECT_EQ(set.encoding(), "listpack");
  set.Add("1", 5, {}, kPackedLimits, home);
  EXPECT_EQ(set.encoding(), "listpack");
  set.Add("128", 128, {.only_existing = true}, kPackedLimits, home);
  EXPECT_EQ(set.encoding(), "listpack");
  set.Add("128", 128, {}, kPackedLimits, home);
  EXPECT_EQ(set.encoding(), "skiplist");
  EXPECT_EQ(set.size(), 129);
  set.CheckInvariants();
  EXPECT_TRUE(set.Remove("128"));
  EXPECT_EQ(set.encoding(), "skiplist");

  SortedSet longer;
  longer.Add(std::string(64, 'x'), 1, {}, kPackedLimits, home);
  EXPECT_TRUE(longer.is_packed());
  longer.Add(std::string(65, 'x'), 1, {}, kPackedLimits, home);
  EXPECT_FALSE(longer.is_packed());
}

TEST(SortedSetConversionTest, ExpectedMembersDecideBeforeTheyCome) {
  ds::SlabArena arena;
  const TableHome home{&arena, HashSeed(1)};
  struct Row {
    bool has_member;
    std::size_t count;
    std::size_t longest;
    bool is_packed;
  };
  constexpr Row kRows[] = {{false, 128, 64, true},
                           {false, 129, 1, false},
                           {false, 1, 65, false},
                           {true, 128, 65, true},
                           {true, 129, 1, false}};
  for (const Row& row : kRows) {
    SortedSet set;
    if (row.has_member) set.Add("a", 1, {}, kPackedLimits, home);
    set.Expect(row.count, row.longest, kPackedLimits, home);
    EXPECT_EQ(set.is_packed(), row.is_packed) << row.count << " " << row.longest;
    EXPECT_EQ(set.size(), row.has_member ? 1 : 0);
    set.CheckInvariants();
  }
}

TEST(SortedSetConversionTest, PackedBytesAreThoseOfRedis) {
  ds::SlabArena arena;
  const TableHome home{&arena, HashSeed(1)};
  SortedSet set;
  set.Add("b", 1.5, {}, kPackedLimits, home);
  set.Add("a", -0.0, {}, kPackedLimits, home);
  set.Add("7", 1e20, {}, kPackedLimits, home);
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(set.packed_bytes(),
            "\x1d\0\0\0\x06\0"
            "\x81"
            "a\x02\x00\x01"
            "\x81"
            "b\x02\x83"
            "1.5\x04"
            "\x07\x01\x85"
            "1e+20\x06\xff"sv);
}

TEST(SortedSetMakingTest, FromMembersChoosesTheForm) {
  ds::SlabArena arena;
  const TableHome home{&arena, HashSeed(1)};
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back("m" + std::to_string(i));
  for (const std::size_t count : {0u, 1u, 128u, 129u, 1000u}) {
    std::vector<MemberScore> members;
    for (std::size_t i = 0; i < count; ++i) members.push_back({names[i], double(i * 7 % 13)});
    const SortedSet set = SortedSet::FromMembers(members, kPackedLimits, home);
    set.CheckInvariants();
    EXPECT_EQ(set.size(), count);
    EXPECT_EQ(set.is_packed(), count <= 128);
    for (const MemberScore& entry : members) EXPECT_EQ(set.Score(entry.member), entry.score);
  }
  const std::string long_name(65, 'x');
  const MemberScore long_member[] = {{long_name, 1}};
  EXPECT_FALSE(SortedSet::FromMembers(long_member, kPackedLimits, home).is_packed());
}

TEST(SortedSetMakingTest, MemoryIsAllGivenBack) {
  ds::SlabArena arena;
  const TableHome home{&arena, HashSeed(1)};
  SortedSet set;
  EXPECT_EQ(set.memory_bytes(), 0);
  for (int i = 0; i < 5000; ++i) {
    set.Add(std::string(static_cast<std::size_t>(i % 300), 'x') + std::to_string(i), i % 97, {},
            kPackedLimits, home);
  }
  EXPECT_GT(set.memory_bytes(), static_cast<std::size_t>(arena.used_bytes()));
  SortedSet copy = set.Clone();
  EXPECT_EQ(All(copy), All(set));
  copy.CheckInvariants();
  set = std::move(copy);
  int steps = 1;
  for (; !set.FreeStep(100); ++steps) {
  }
  EXPECT_GE(steps, 60);
  EXPECT_EQ(set.memory_bytes(), 0);
  EXPECT_EQ(arena.used_bytes(), 0);
}

// A sorted set and what it should be.
class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed) {}

  void Step() {
    const std::uint64_t dice = random_.Below(100);
    if (dice < 60) {
      Add();
    } else if (dice < 85) {
      const std::string member = Name();
      ASSERT_EQ(set_.Remove(member), scores_.erase(member) == 1);
    } else if (dice < 87) {
      Remove();
    } else if (dice < 88) {
      Rebuild();
    } else {
      Ask();
    }
  }
  void Check() {
    set_.CheckInvariants();
    ASSERT_EQ(All(set_), Sorted());
    Entries down = EntriesIn(set_, {0, set_.size()}, Direction::kDown);
    std::reverse(down.begin(), down.end());
    ASSERT_EQ(down, Sorted());
    CheckScan();
  }
  bool is_packed() const { return set_.is_packed(); }
  void set_names(std::uint64_t names) { names_ = names; }

 private:
  static constexpr SortedSetLimits kLimits = {.packed_entries = 40, .packed_value_bytes = 20};

  std::string Name() {
    const std::uint64_t id = random_.Below(names_);
    // Numbers, texts, and now and then one that is too long to be packed.
    if (id % 3 == 0) return std::to_string(id);
    if (id % 997 == 1) return std::string(21, 'l') + std::to_string(id);
    return "member" + std::to_string(id);
  }
  double SomeScore() {
    switch (random_.Below(4)) {
      case 0:
        return static_cast<double>(random_.Below(10));
      case 1:
        return -static_cast<double>(random_.Below(1000)) / 8;
      case 2:
        return random_.NextDouble();
    }
    return random_.Below(50) == 0 ? kInfinity : 1e18 * static_cast<double>(random_.Below(100));
  }
  Entries Sorted() const {
    Entries entries(scores_.begin(), scores_.end());
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return a.second != b.second ? a.second < b.second : a.first < b.first;
    });
    return entries;
  }

  void Add() {
    const std::string member = Name();
    const double score = SomeScore();
    const ScoreChange change = set_.Add(member, score, {}, kLimits, home_);
    const auto at = scores_.find(member);
    const ScoreOutcome outcome = at == scores_.end()   ? ScoreOutcome::kAdded
                                 : at->second == score ? ScoreOutcome::kUnchanged
                                                       : ScoreOutcome::kUpdated;
    ASSERT_EQ(change.outcome, outcome);
    scores_[member] = score;
  }
  void Remove() {
    const std::uint64_t begin = random_.Below(set_.size() + 1);
    const std::uint64_t count = random_.Below(std::min<std::uint64_t>(set_.size() - begin, 90) + 1);
    const Entries sorted = Sorted();
    Entries removed;
    set_.RemoveRange({begin, begin + count}, [&](std::string_view member, double score) {
      removed.emplace_back(member, score);
    });
    ASSERT_EQ(removed, Entries(sorted.begin() + begin, sorted.begin() + begin + count));
    for (const Entry& entry : removed) scores_.erase(entry.first);
  }
  void Rebuild() {
    std::vector<MemberScore> members;
    for (const auto& [member, score] : scores_) members.push_back({member, score});
    SortedSet rebuilt =
        random_.Below(2) == 0 ? set_.Clone() : SortedSet::FromMembers(members, kLimits, home_);
    set_ = std::move(rebuilt);
  }
  void Ask() {
    const Entries sorted = Sorted();
    const std::string member = Name();
    const auto at = std::find_if(sorted.begin(), sorted.end(),
                                 [&](const Entry& entry) { return entry.first == member; });
    const auto place = set_.Rank(member);
    ASSERT_EQ(place.has_value(), at != sorted.end());
    if (place) ASSERT_EQ(place->rank, at - sorted.begin());
    if (place) ASSERT_EQ(place->score, at->second);
    const ScoreRange range = {.min = SomeScore(),
                              .max = SomeScore(),
                              .exclude_min = random_.Below(2) == 0,
                              .exclude_max = random_.Below(2) == 0};
    Entries expected;
    for (const Entry& entry : sorted) {
      const double score = entry.second;
      if (range.exclude_min ? score <= range.min : score < range.min) continue;
      if (range.exclude_max ? score >= range.max : score > range.max) continue;
      expected.push_back(entry);
    }
    ASSERT_EQ(EntriesIn(set_, set_.FindScores(range)), expected);
  }
  // What is there all the time is seen, whatever comes and goes.
  void CheckScan() {
    std::set<std::string> before;
    for (const auto& [member, score] : scores_) before.insert(member);
    std::set<std::string> seen;
    std::uint64_t cursor = 0;
    do {
      cursor = set_.Scan(cursor, 10, [&](std::string_view member, double score) {
        ASSERT_EQ(scores_.at(std::string(member)), score);
        seen.emplace(member);
      });
      for (int i = 0; i < 3; ++i) Add();
      const std::string gone = Name();
      ASSERT_EQ(set_.Remove(gone), scores_.erase(gone) == 1);
      before.erase(gone);
    } while (cursor != 0);
    EXPECT_TRUE(std::includes(seen.begin(), seen.end(), before.begin(), before.end()));
  }

  Random random_;
  ds::SlabArena arena_;
  TableHome home_{&arena_, HashSeed(1)};
  std::map<std::string, double> scores_;
  SortedSet set_;
  std::uint64_t names_ = 1;
};

TEST(SortedSetModelTest, RandomOperationsAgree) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Model model(seed);
    bool was_packed = false;
    // Few names, so that members are found again; then many.
    for (const std::uint64_t names : {30u, 60u, 400u, 4000u, 50u}) {
      model.set_names(names);
      for (std::uint64_t step = 0; step < names * 2 + 200; ++step) {
        model.Step();
        if (HasFatalFailure()) return;
        was_packed |= model.is_packed();
      }
      model.Check();
      if (HasFatalFailure()) return;
    }
    EXPECT_TRUE(was_packed);
    EXPECT_FALSE(model.is_packed());
  }
}

}  // namespace
}  // namespace cairn::value
