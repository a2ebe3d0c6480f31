// SPDX-License-Identifier: BSD-3-Clause
// Sets change form where Redis 7.2 does, and agree with std::set through every form.
//
// The conversions are those of 7.2's source. The oracle at hand is 7.0, which has no packed sets:
// rows marked 7.2 differ there.
#include "value/set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "value/collection_testing.h"

namespace cairn::value {
namespace {

constexpr SetLimits kLimits = {.int_entries = 512, .packed_entries = 128, .packed_value_bytes = 64};

class SetTest : public testing::Test {
 protected:
  bool Add(Set& set, std::string_view member) { return set.Add(member, limits_, place_.home); }
  Set Of(const std::vector<std::string>& members) {
    Set set;
    for (const std::string& member : members) Add(set, member);
    return set;
  }
  Set Numbers(int count) {
    Set set;
    for (int i = 0; i < count; ++i) Add(set, std::to_string(i));
    return set;
  }
  Set Texts(int count) {
    Set set;
    for (int i = 0; i < count; ++i) Add(set, "m" + std::to_string(i));
    return set;
  }

  TestHome place_;
  SetLimits limits_ = kLimits;
  Random random_{11};
};

std::multiset<std::string> MembersOf(const Set& set) {
  std::multiset<std::string> members;
  set.ForEach([&](std::string_view member) { members.emplace(member); });
  return members;
}

TEST_F(SetTest, EmptyOwnsNothing) {
  const Set set;
  EXPECT_EQ(set.size(), 0u);
  EXPECT_EQ(set.memory_bytes(), 0u);
  EXPECT_EQ(set.encoding(), "intset");
  EXPECT_FALSE(set.Contains("1"));
  EXPECT_FALSE(set.Contains(""));
}

TEST_F(SetTest, FormsAtTheirLimits) {
  EXPECT_EQ(Numbers(512).encoding(), "intset");
  EXPECT_EQ(Numbers(513).encoding(), "hashtable");
  EXPECT_EQ(Texts(128).encoding(), "listpack");  // 7.2
  EXPECT_EQ(Texts(129).encoding(), "hashtable");
  EXPECT_EQ(Of({std::string(64, 'x')}).encoding(), "listpack");  // 7.2
  EXPECT_EQ(Of({std::string(65, 'x')}).encoding(), "hashtable");
  EXPECT_EQ(Of({"a", std::string(65, 'x')}).encoding(), "hashtable");
  EXPECT_EQ(Of({"1", "a"}).encoding(), "listpack");   // 7.2
  EXPECT_EQ(Of({"a", "1"}).encoding(), "listpack");   // 7.2
  EXPECT_EQ(Of({"1", "01"}).encoding(), "listpack");  // 7.2
  EXPECT_EQ(Of({"1", ""}).encoding(), "listpack");    // 7.2
  EXPECT_EQ(Of({"9223372036854775807", "-9223372036854775808"}).encoding(), "intset");
  EXPECT_EQ(Of({"9223372036854775808"}).encoding(), "listpack");  // 7.2
}

TEST_F(SetTest, ATextAmongNumbers) {
  const auto with_text = [this](int numbers) {
    Set set = Numbers(numbers);
    Add(set, "text");
    return std::string(set.encoding());
  };
  EXPECT_EQ(with_text(127), "listpack");  // 7.2
  EXPECT_EQ(with_text(128), "hashtable");
  limits_.packed_value_bytes = 4;
  EXPECT_EQ(Of({"1000", "text"}).encoding(), "listpack");    // 7.2
  EXPECT_EQ(Of({"10000", "text"}).encoding(), "hashtable");  // the number is too long
  EXPECT_EQ(Of({"-1000", "text"}).encoding(), "hashtable");
}

TEST_F(SetTest, NoSmallForms) {
  limits_ = {.int_entries = 0, .packed_entries = 0, .packed_value_bytes = 64};
  EXPECT_EQ(Of({"1"}).encoding(), "hashtable");
  EXPECT_EQ(Of({"a"}).encoding(), "hashtable");
}

TEST_F(SetTest, AnAddThatChangesNothingConvertsNothing) {
  Set set = Texts(128);
  EXPECT_FALSE(Add(set, "m5"));
  limits_.packed_entries = 10;
  EXPECT_FALSE(Add(set, "m5"));
  EXPECT_EQ(set.encoding(), "listpack");
  EXPECT_TRUE(Add(set, "new"));
  EXPECT_EQ(set.encoding(), "hashtable");
}

TEST_F(SetTest, ExpectChoosesTheForm) {
  struct Case {
    std::string first;
    std::size_t count;
    std::string encoding;
  };
  const Case cases[] = {{"1", 512, "intset"},
                        {"1", 513, "hashtable"},
                        {"a", 128, "listpack"},
                        {"a", 129, "hashtable"}};
  for (const Case& row : cases) {
    Set set;
    set.Expect(row.first, row.count, limits_, place_.home);
    EXPECT_EQ(set.encoding(), row.encoding) << row.first << row.count;
    Add(set, row.first);
    EXPECT_EQ(set.size(), 1u);
  }
  Set texts = Of({"a"});
  texts.Expect("b", 129, limits_, place_.home);
  EXPECT_EQ(texts.encoding(), "hashtable");
  Set numbers = Of({"1"});
  numbers.Expect("2", 512, limits_, place_.home);
  EXPECT_EQ(numbers.encoding(), "intset");
  numbers.Expect("2", 513, limits_, place_.home);
  EXPECT_EQ(numbers.encoding(), "hashtable");
  limits_.packed_entries = 1000;
  Set between;
  between.Expect("1", 600, limits_, place_.home);
  EXPECT_EQ(between.encoding(), "listpack");
}

TEST_F(SetTest, ConvertToInts) {
  Set packed = Set::EmptyPacked();
  for (const char* member : {"3", "1", "2"}) Add(packed, member);
  EXPECT_EQ(packed.encoding(), "listpack");
  packed.ConvertToInts(limits_);
  EXPECT_EQ(packed.encoding(), "intset");
  EXPECT_EQ(MembersOf(packed), (std::multiset<std::string>{"1", "2", "3"}));
  Set text = Of({"1", "a"});
  text.ConvertToInts(limits_);
  EXPECT_EQ(text.encoding(), "listpack");
  Set many = Set::EmptyPacked();
  for (int i = 0; i < 513; ++i) Add(many, std::to_string(i));
  many.ConvertToInts(limits_);
  EXPECT_EQ(many.encoding(), "hashtable");
  many.Remove("7");
  many.ConvertToInts(limits_);
  EXPECT_EQ(many.encoding(), "intset");
}

TEST_F(SetTest, OrderOfTheSmallForms) {
  std::vector<std::string> order;
  const auto note = [&order](std::string_view member) { order.emplace_back(member); };
  Of({"3", "-1", "2"}).ForEach(note);
  EXPECT_EQ(order, (std::vector<std::string>{"-1", "2", "3"}));
  order.clear();
  Of({"b", "a", "7"}).ForEach(note);
  EXPECT_EQ(order, (std::vector<std::string>{"b", "a", "7"}));
}

TEST_F(SetTest, LongMembersOfALargeSet) {
  Set set;
  for (const std::size_t size : {0, 1, 254, 255, 256, 1018, 1024, 100'000}) {
    EXPECT_TRUE(Add(set, std::string(size, 'x')));
    EXPECT_FALSE(Add(set, std::string(size, 'x')));
  }
  EXPECT_EQ(set.encoding(), "hashtable");
  EXPECT_GT(set.memory_bytes(), 100'000u);
  for (const std::size_t size : {0, 1, 254, 255, 256, 1018, 1024, 100'000}) {
    EXPECT_TRUE(set.Remove(std::string(size, 'x')));
  }
  EXPECT_EQ(place_.arena.used_bytes(), 0);
}

TEST_F(SetTest, MemoryBytesAreTheAllocators) {
  for (const int count : {1, 100, 129, 5000}) {
    for (const bool numbers : {false, true}) {
      const std::int64_t before = HeldBytes();
      const Set set = numbers ? Numbers(count) : Texts(count);
      if (before == 0) GTEST_SKIP() << "the allocator does not say";
      // Nodes of slabs are in the arena's figure, not in malloc's.
      const std::int64_t held = HeldBytes() - before + place_.arena.used_bytes();
      // Chunk headers of the arena, which belong to nobody.
      EXPECT_LE(static_cast<std::int64_t>(set.memory_bytes()), held);
      EXPECT_GE(static_cast<std::int64_t>(set.memory_bytes()), held - 1024) << count;
    }
  }
}

TEST_F(SetTest, CloneIsAnother) {
  Set sets[] = {Numbers(5), Texts(5), Texts(500)};
  for (Set& set : sets) {
    const Set clone = set.Clone();
    EXPECT_EQ(clone.encoding(), set.encoding());
    EXPECT_EQ(MembersOf(clone), MembersOf(set));
    Add(set, "77");
    EXPECT_EQ(clone.size() + 1, set.size());
  }
}

TEST_F(SetTest, FreeStepIsBounded) {
  Set set = Texts(1000);
  int steps = 1;
  while (!set.FreeStep(100)) {
    ++steps;
    ASSERT_LT(steps, 100);
  }
  EXPECT_GE(steps, 10);
  EXPECT_EQ(place_.arena.used_bytes(), 0);
  Set small = Numbers(10);
  EXPECT_TRUE(small.FreeStep(1));
  EXPECT_TRUE(small.empty());
}

TEST_F(SetTest, ScanMeetsWhatStays) {
  for (const int stays : {3, 100, 3000}) {
    Set set = Texts(stays);
    std::set<std::string> met;
    std::uint64_t cursor = 0;
    int step = 0;
    do {
      cursor = set.Scan(cursor, 10, [&](std::string_view member) { met.emplace(member); });
      // Comes and goes: the table grows and shrinks under the scan.
      for (int i = 0; i < 50; ++i) {
        const std::string other = "x" + std::to_string(step * 50 + i);
        if (step % 100 < 50) {
          Add(set, other);
        } else {
          set.Remove("x" + std::to_string((step - 50) * 50 + i));
        }
      }
      ++step;
    } while (cursor != 0);
    for (int i = 0; i < stays; ++i) EXPECT_TRUE(met.contains("m" + std::to_string(i)));
  }
}

TEST_F(SetTest, ScanEndsForAnyCursor) {
  const Set small = Texts(3);
  const Set large = Texts(300);
  for (const std::uint64_t cursor : {std::uint64_t{1}, std::uint64_t{1} << 40, UINT64_MAX}) {
    EXPECT_EQ(small.Scan(cursor, 10, [](std::string_view) {}), 0u);
    std::uint64_t at = cursor;
    for (int steps = 0; steps < 1000; ++steps) {
      at = large.Scan(at, 10, [](std::string_view) {});
      if (at == 0) break;
    }
    EXPECT_EQ(at, 0u);
  }
}

TEST_F(SetTest, RandomMembersAreDifferentAndFair) {
  for (const int size : {10, 400}) {
    for (const bool numbers : {false, true}) {
      const Set set = numbers ? Numbers(size) : Texts(size);
      for (const int count : {0, 1, size / 10, size / 2, size - 1, size, size + 5}) {
        std::map<std::string, int> drawn;
        for (int round = 0; round < 200; ++round) {
          std::set<std::string> once;
          set.RandomMembers(random_, static_cast<std::size_t>(count),
                            [&](std::string_view member) { once.emplace(member); });
          ASSERT_EQ(once.size(), static_cast<std::size_t>(std::min(count, size)));
          for (const std::string& member : once) {
            ASSERT_TRUE(set.Contains(member));
            ++drawn[member];
          }
        }
        // 200 draws of half: none is left out by chance.
        if (count >= size / 2) ASSERT_EQ(drawn.size(), static_cast<std::size_t>(size));
      }
    }
  }
}

TEST_F(SetTest, RandomMemberReachesAll) {
  for (const Set& set : {Numbers(20), Texts(20), Texts(200)}) {
    std::set<std::string> drawn;
    for (std::size_t i = 0; i < set.size() * 20; ++i) {
      set.RandomMember(random_, [&](std::string_view member) { drawn.emplace(member); });
    }
    EXPECT_EQ(drawn.size(), set.size());
  }
}

TEST_F(SetTest, PopManyKeepsTheRest) {
  for (const int size : {1, 20, 128, 129, 1000}) {
    for (const std::size_t count : {0, 1, 19, 100, 900, 995, 1000, 2000}) {
      for (const bool numbers : {false, true}) {
        Set set = numbers ? Numbers(size) : Texts(size);
        std::multiset<std::string> all = MembersOf(set);
        std::multiset<std::string> popped;
        set.PopRandomMany(random_, count, limits_,
                          [&](std::string_view member) { popped.emplace(member); });
        EXPECT_EQ(popped.size(), std::min(count, all.size()));
        popped.merge(MembersOf(set));
        EXPECT_EQ(popped, all);
      }
    }
  }
}

TEST_F(SetTest, PopManyMakesSmallAgain) {
  struct Case {
    std::size_t count;
    std::string_view encoding;
  };
  // 1000 members: what is left is a fifth of what was taken, or less, and fits.
  const Case cases[] = {{833, "hashtable"},
                        {834, "hashtable"},
                        {871, "hashtable"},
                        {872, "listpack"},
                        {995, "listpack"}};  // 7.2
  for (const Case& row : cases) {
    Set set = Texts(1000);
    set.PopRandomMany(random_, row.count, limits_, [](std::string_view) {});
    EXPECT_EQ(set.encoding(), row.encoding) << row.count;
  }
}

// One run from one form to the next; members come and go, texts appear late.
void AgreeWithStdSet(Random& random, const SetLimits& limits, std::vector<TextKind> kinds,
                     std::uint64_t variety) {
  TestHome place;
  Set set;
  std::set<std::string> model;
  const std::size_t steps = 6000;
  for (std::size_t step = 0; step < steps; ++step) {
    const std::size_t reached = 1 + step * kinds.size() / steps;
    const std::string text = RandomText(random, kinds[random.Below(reached)], variety);
    switch (random.Below(8)) {
      case 0:
      case 1:
        ASSERT_EQ(set.Remove(text), model.erase(text) == 1);
        break;
      case 2:
        if (model.empty()) break;
        set.PopRandom(random, [&](std::string_view member) {
          ASSERT_EQ(model.erase(std::string(member)), 1u);
        });
        break;
      case 3: {
        Set moved = set.Clone();
        set = std::move(moved);
        break;
      }
      default:
        ASSERT_EQ(set.Add(text, limits, place.home), model.insert(text).second);
    }
    ASSERT_EQ(set.size(), model.size());
    ASSERT_EQ(set.Contains(text), model.contains(text));
    if (set.encoding() == "hashtable" && step % 500 == 0) {
      const std::size_t nodes = static_cast<std::size_t>(place.arena.used_bytes());
      ASSERT_EQ(set.memory_bytes(), nodes + ds::AllocatedBytes(sizeof(Set::Table)) +
                                        set.table().table().memory_bytes() -
                                        sizeof(ds::SegmentTableBase));
    }
  }
  std::multiset<std::string> expected(model.begin(), model.end());
  ASSERT_EQ(MembersOf(set), expected);
  set = Set();
  ASSERT_EQ(place.arena.used_bytes(), 0);
}

TEST_F(SetTest, AgreesWithAStdSet) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  using enum TextKind;
  const SetLimits small = {.int_entries = 20, .packed_entries = 30, .packed_value_bytes = 64};
  for (const SetLimits& limits : {kLimits, small}) {
    for (const std::uint64_t variety : {10, 100, 1000, 100'000}) {
      AgreeWithStdSet(random, limits, {kSmallNumber, kNumber, kShort, kLong}, variety);
      AgreeWithStdSet(random, limits, {kSmallNumber}, variety);
      AgreeWithStdSet(random, limits, {kShort, kShort, kShort, kHuge}, variety);
    }
  }
}

}  // namespace
}  // namespace cairn::value
