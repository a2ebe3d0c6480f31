// SPDX-License-Identifier: BSD-3-Clause
// Intersections, unions and differences agree with the algorithms of std over every mix of forms,
// and stored results have Redis's encodings.
#include "value/set_algebra.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "value/collection_testing.h"

namespace cairn::value {
namespace {

constexpr SetLimits kLimits = {.int_entries = 512, .packed_entries = 128, .packed_value_bytes = 64};

using Members = std::set<std::string>;

Members MembersOf(const Set& set) {
  Members members;
  set.ForEach([&](std::string_view member) { EXPECT_TRUE(members.emplace(member).second); });
  return members;
}

// What a walk hands out, each once.
struct Collect {
  Members members;
  void operator()(std::string_view member) { EXPECT_TRUE(members.emplace(member).second); }
};

Members Combine(const std::vector<Members>& sets, auto combine) {
  Members result = sets[0];
  for (std::size_t i = 1; i < sets.size(); ++i) {
    Members next;
    combine(result, sets[i], std::inserter(next, next.end()));
    result = std::move(next);
  }
  return result;
}

using Kind = SetOperation::Kind;

Set Whole(Kind kind, SetPointers sets, const TableHome& home) {
  return Compute(SetOperation(kind, sets), sets, kLimits, home);
}

Members HandedOut(Kind kind, SetPointers sets, const TableHome& home) {
  Collect collect;
  ForEachInResult(SetOperation(kind, sets), sets, home, collect);
  return collect.members;
}

// How many members of the intersection are handed out within a limit.
std::size_t CountUpTo(SetPointers sets, std::size_t limit) {
  SetOperation operation(Kind::kIntersection, sets);
  Collect collect;
  if (!operation.done()) operation.Read(sets, SIZE_MAX, limit, collect);
  EXPECT_TRUE(operation.done());
  return collect.members.size();
}

class SetAlgebraTest : public testing::Test {
 protected:
  Set Range(int begin, int end, const std::string& prefix = "") {
    Set set;
    for (int i = begin; i < end; ++i) set.Add(prefix + std::to_string(i), kLimits, place_.home);
    return set;
  }
  TestHome place_;
};

// What the parts of an operation come to, each of about so many members.
Set InParts(Kind kind, SetPointers sets, std::size_t work, const TableHome& home) {
  SetOperation operation(kind, sets);
  Set result = operation.EmptyResult();
  std::size_t reads = 0;
  while (!operation.done()) {
    std::vector<std::string> part;
    operation.Read(sets, work, SetOperation::kNoLimit,
                   [&](std::string_view member) { part.emplace_back(member); });
    for (const std::string& member : part) operation.Apply(member, result, kLimits, home);
    ++reads;
  }
  EXPECT_LE(reads, operation.work() / work + sets.size()) << "a part does what was asked for";
  operation.FinishResult(result, kLimits);
  return result;
}

void CheckParts(SetPointers sets, const TableHome& home) {
  for (const std::size_t work : {1, 100, 2000}) {
    for (const Kind kind : {Kind::kIntersection, Kind::kUnion, Kind::kDifference}) {
      const Set whole = Whole(kind, sets, home);
      const Set parts = InParts(kind, sets, work, home);
      EXPECT_EQ(MembersOf(parts), MembersOf(whole));
      EXPECT_EQ(parts.encoding(), whole.encoding());
    }
  }
}

void CheckAll(SetPointers sets, const std::vector<Members>& models, const TableHome& home) {
  const auto both = [](const Members& a, const Members& b, auto out) {
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), out);
  };
  const auto either = [](const Members& a, const Members& b, auto out) {
    std::set_union(a.begin(), a.end(), b.begin(), b.end(), out);
  };
  const auto without = [](const Members& a, const Members& b, auto out) {
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), out);
  };
  const auto check = [&](Kind kind, const Members& expected) {
    EXPECT_EQ(HandedOut(kind, sets, home), expected);
    EXPECT_EQ(MembersOf(Whole(kind, sets, home)), expected);
  };
  const Members common = Combine(models, both);
  check(Kind::kIntersection, common);
  check(Kind::kUnion, Combine(models, either));
  check(Kind::kDifference, Combine(models, without));
  for (const std::size_t limit : {1, 3, 20, 10'000})
    EXPECT_EQ(CountUpTo(sets, limit), std::min(limit, common.size()));
  CheckParts(sets, home);
}

TEST_F(SetAlgebraTest, AgreesWithStd) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  using enum TextKind;
  for (int round = 0; round < 150; ++round) {
    std::vector<Set> sets(1 + random.Below(4));
    std::vector<Members> models(sets.size());
    std::vector<const Set*> pointers;
    for (std::size_t i = 0; i < sets.size(); ++i) {
      const TextKind kind = random.Below(2) == 0 ? kSmallNumber : kShort;
      const std::size_t sizes[] = {0, 5, 100, 400, 1500};
      const std::size_t size = sizes[(round % 10 == 0 ? 0 : 1) + random.Below(4)];
      for (std::size_t n = 0; n < size; ++n) {
        const std::string text = RandomText(random, random.Below(9) == 0 ? kShort : kind, 2000);
        models[i].insert(text);
        sets[i].Add(text, kLimits, place_.home);
      }
      pointers.push_back(&sets[i]);
    }
    if (random.Below(4) == 0) {  // one of them twice
      const std::size_t again = random.Below(pointers.size());
      pointers.push_back(pointers[again]);
      models.push_back(models[again]);
    }
    CheckAll(pointers, models, place_.home);
  }
}

TEST_F(SetAlgebraTest, AbsentKeysAreEmpty) {
  const Set some = Range(0, 10);
  const Members model = MembersOf(some);
  CheckAll(std::vector<const Set*>{nullptr}, {{}}, place_.home);
  CheckAll(std::vector<const Set*>{nullptr, &some}, {{}, model}, place_.home);
  CheckAll(std::vector<const Set*>{&some, nullptr}, {model, {}}, place_.home);
  CheckAll(std::vector<const Set*>{&some, nullptr, &some}, {model, {}, model}, place_.home);
}

TEST_F(SetAlgebraTest, EncodingsOfWhatIsStored) {
  const Set ints = Range(0, 500);
  const Set more_ints = Range(400, 912);
  const Set texts = Range(0, 100, "m");
  const Set many_texts = Range(0, 300, "m");
  const Set few_and_text = [this] {
    Set set = Range(0, 50);
    set.Add("text", kLimits, place_.home);
    return set;
  }();
  const auto encoding = [](const Set& set) { return std::string(set.encoding()); };
  using List = std::vector<const Set*>;
  const TableHome& home = place_.home;
  EXPECT_EQ(encoding(Whole(Kind::kIntersection, List{&ints, &more_ints}, home)), "intset");
  EXPECT_EQ(encoding(Whole(Kind::kIntersection, List{&texts, &many_texts}, home)),
            "listpack");  // 7.2
  EXPECT_EQ(encoding(Whole(Kind::kIntersection, List{&many_texts, &many_texts}, home)),
            "hashtable");
  // Only numbers are common: the packed result becomes an intset.
  EXPECT_EQ(encoding(Whole(Kind::kIntersection, List{&ints, &few_and_text}, home)), "intset");
  EXPECT_EQ(encoding(Whole(Kind::kUnion, List{&ints, &more_ints}, home)),
            "hashtable");  // 912 numbers
  EXPECT_EQ(encoding(Whole(Kind::kUnion, List{&ints, &ints}, home)), "intset");
  EXPECT_EQ(encoding(Whole(Kind::kUnion, List{&texts, &texts}, home)), "listpack");  // 7.2
  EXPECT_EQ(encoding(Whole(Kind::kUnion, List{&few_and_text, &texts}, home)), "hashtable");
  EXPECT_EQ(encoding(Whole(Kind::kDifference, List{&ints, &more_ints}, home)), "intset");
  EXPECT_EQ(encoding(Whole(Kind::kDifference, List{&few_and_text, &ints}, home)),
            "listpack");  // 7.2
  // Large minus small asks the small one: only what stays is put into the result.
  EXPECT_EQ(encoding(Whole(Kind::kDifference, List{&many_texts, &texts}, home)), "hashtable");
}

}  // namespace
}  // namespace cairn::value
