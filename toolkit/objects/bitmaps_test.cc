// SPDX-License-Identifier: BSD-3-Clause
// Bitmaps and unique counters over an embedded store under virtual time; the guide's raw ids and
// endless sketches beside them.
#include "cairn/bitmaps.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "cairn/testkit/virtual_time.h"
#include "cairn/unique_counter.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

class Bitmaps : public testing::Test {
 protected:
  Client& client() { return store_.client(); }
  // That no key is without an end.
  void ExpectEnds() {
    const Reply keys = client().Call(Command("KEYS", "*")).value();
    EXPECT_FALSE(keys.elements().empty());
    for (const Reply& key : keys.elements())
      EXPECT_GT(client().Call(Command("PTTL", key.text()))->AsInteger().value(), 0);
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
};

TEST_F(Bitmaps, FlagsOfUsers) {
  const FeatureFlags flags(store_, {.prefix = "flags"});
  const DenseId high{5 * kSegmentBits + 7};
  EXPECT_FALSE(flags.Set("cart", DenseId{3}, true).value());
  EXPECT_TRUE(flags.Set("cart", DenseId{3}, true).value());
  flags.Set("cart", high, true).value();
  EXPECT_TRUE(flags.IsOn("cart", DenseId{3}).value());
  EXPECT_FALSE(flags.IsOn("cart", DenseId{4}).value());
  EXPECT_EQ(flags.AreOn({"search", "cart"}, high), (std::vector<bool>{false, true}));
  EXPECT_EQ(flags.Count("cart"), 2u);
  flags.Set("cart", DenseId{3}, false).value();
  EXPECT_EQ(SyncWait(flags.CoCount("cart")), 1u);
  EXPECT_TRUE(flags.Clear("cart").has_value());
  EXPECT_EQ(flags.Count("cart"), 0u);
}

TEST_F(Bitmaps, NumbersAreGivenInTurn) {
  const DenseIds ids(store_, {.prefix = "ids", .ids_max = 2});
  EXPECT_EQ(ids.Of("ada"), DenseId{0});
  EXPECT_EQ(ids.Of("eve"), DenseId{1});
  EXPECT_EQ(SyncWait(ids.CoOf("ada")), DenseId{0});
  EXPECT_EQ(ids.Of("bob").error().code, Errc::kLimit);
}

TEST_F(Bitmaps, ActivesOfDays) {
  const DailyActives actives(store_, {.prefix = "active", .keep = 7});
  EXPECT_TRUE(actives.Mark(DenseId{1}).value());
  EXPECT_FALSE(actives.Mark(DenseId{1}).value());
  actives.Mark(DenseId{2 * kSegmentBits}).value();
  time_.Advance(24h);
  actives.Mark(DenseId{1}).value();
  actives.Mark(DenseId{3}).value();
  EXPECT_EQ(actives.CountAny(), 2u);
  EXPECT_EQ(actives.CountAny({.ago = 1}), 2u);
  EXPECT_EQ(actives.CountAny({.periods = 2}), 3u);
  EXPECT_EQ(actives.CountAll({.periods = 2}), 1u);
  EXPECT_EQ(actives.CountAny({.periods = 9}).error().code, Errc::kInvalid);
  ExpectEnds();
  time_.Advance(24h * 8);
  EXPECT_TRUE(client().Call(Command("KEYS", "*"))->elements().empty());
}

TEST_F(Bitmaps, UniqueOnesOfPeriods) {
  const UniqueCounter visitors(store_, {.prefix = "visitors", .keep = 7});
  EXPECT_TRUE(visitors.Add({"ada", "eve"}).value());
  EXPECT_FALSE(visitors.Add({"ada"}).value());
  time_.Advance(24h);
  visitors.Add({"ada", "bob"}).value();
  EXPECT_EQ(visitors.Count(), 2u);
  EXPECT_EQ(visitors.Count({.ago = 1}), 2u);
  EXPECT_EQ(SyncWait(visitors.CoCount({.periods = 2})), 3u);
  EXPECT_EQ(visitors.Count({.periods = 9}).error().code, Errc::kInvalid);
  const UniqueCounter endless(store_, {.prefix = "x", .period = Period::kAllTime});
  EXPECT_EQ(endless.Add({"a"}).error().code, Errc::kInvalid);
  ExpectEnds();
}

constexpr int kIntMax = std::numeric_limits<int>::max();
// The sum of `ago` and `periods` is beyond an int. (Last the one that used to take all memory.)
constexpr PeriodSpan kOddSpans[] = {
    {.ago = kIntMax},     {.ago = kIntMax, .periods = kIntMax}, {.ago = -1},
    {.periods = 0},       {.ago = -1, .periods = 33},           {.periods = -1},
    {.periods = kIntMax}, {.ago = 1, .periods = kIntMax}};

TEST_F(Bitmaps, SpansBeyondAnIntAreRefused) {
  const UniqueCounter visitors(store_, {.prefix = "visitors"});
  const DailyActives actives(store_, {.prefix = "active"});
  for (const PeriodSpan span : kOddSpans) {
    ASSERT_EQ(visitors.Count(span).error().code, Errc::kInvalid) << span.ago << " " << span.periods;
    ASSERT_EQ(actives.CountAny(span).error().code, Errc::kInvalid) << span.ago;
    ASSERT_EQ(actives.CountAll(span).error().code, Errc::kInvalid) << span.ago;
  }
  EXPECT_EQ(visitors.Count({.ago = 1, .periods = 31}), 0u);
  EXPECT_EQ(actives.CountAny({.ago = 31}), 0u);
}

// However many are kept, one count is not of more than the server merges at once.
TEST_F(Bitmaps, ACountOfUniqueOnesIsOfSoManyPeriods) {
  const UniqueCounter visitors(store_, {.prefix = "visitors", .keep = kIntMax});
  constexpr int kMax = UniqueCounter::kPeriodsMax;
  EXPECT_EQ(visitors.Count({.periods = kMax}), 0u);
  const Error error = visitors.Count({.periods = kMax + 1}).error();
  EXPECT_EQ(error.code, Errc::kInvalid);
  EXPECT_NE(error.detail.find(std::to_string(kMax)), std::string::npos) << error.detail;
  const UniqueCounter unkept(store_, {.prefix = "visitors", .keep = -1});
  EXPECT_EQ(unkept.Add({"ada"}).error().code, Errc::kInvalid);
}

TEST_F(Bitmaps, TooManyItemsAreToldAsSuch) {
  const UniqueCounter visitors(store_, {.prefix = "visitors"});
  std::vector<std::string> items(UniqueCounter::kItemsMax, "ada");
  EXPECT_TRUE(visitors.Add(items).value());
  items.emplace_back("eve");
  const Error error = visitors.Add(items).error();
  EXPECT_EQ(error.code, Errc::kInvalid);
  EXPECT_NE(error.detail.find("4096"), std::string::npos) << error.detail;
}

// 000: raw user ids as bit offsets: one user takes megabytes. (2^32-1 takes 512 MB; a 64th of it
// shows the same.)
TEST_F(Bitmaps, GuideRawIdsAsOffsetsAllocateAll) {
  const std::uint64_t raw = (1ULL << 26) - 1;
  client().Call(Command("SETBIT", "guide", raw, 1)).value();
  EXPECT_GE(client().Call(Command("STRLEN", "guide"))->AsInteger().value(), 1 << 23);

  const FeatureFlags flags(store_, {.prefix = "flags"});
  EXPECT_EQ(flags.Set("cart", DenseId{raw}, true).error().code, Errc::kLimit);
  EXPECT_EQ(flags.Set("cart", DenseId{(1ULL << 32) - 1}, true).error().code, Errc::kLimit);
  const DailyActives actives(store_, {.prefix = "active"});
  EXPECT_EQ(actives.Mark(DenseId{raw}).error().code, Errc::kLimit);
  // The highest that is allowed takes one segment.
  flags.Set("cart", DenseId{9'999'999}, true).value();
  EXPECT_LE(client().Call(Command("STRLEN", "{flags}:flag:cart:9"))->AsInteger().value(),
            static_cast<std::int64_t>(kSegmentBits / 8));
}

// 000: a HyperLogLog without period or TTL: it says how many ever came, for ever.
TEST_F(Bitmaps, GuideHllWithoutPeriodNeverForgets) {
  const UniqueCounter visitors(store_, {.prefix = "visitors"});
  for (int day = 0; day < 3; ++day) {
    const std::string who = "user" + std::to_string(day);
    client().Call(Command("PFADD", "guide", who)).value();
    visitors.Add({who}).value();
    time_.Advance(24h);
  }
  EXPECT_EQ(client().Call(Command("PFCOUNT", "guide"))->AsInteger(), 3);
  EXPECT_EQ(client().Call(Command("PTTL", "guide"))->AsInteger(), -1);
  EXPECT_EQ(visitors.Count({.ago = 1}), 1u);
  client().Call(Command("DEL", "guide")).value();
  ExpectEnds();
}

// 001: requests counted by bits of a bitmap: a second one in the same slot is none.
TEST_F(Bitmaps, GuideBitmapCountsSlotsNotRequests) {
  for (int i = 0; i < 5; ++i) client().Call(Command("SETBIT", "guide", 17, 1)).value();
  EXPECT_EQ(client().Call(Command("BITCOUNT", "guide"))->AsInteger(), 1);
  // What is asked of ours is who: Mark says whether that was known.
  const DailyActives actives(store_, {.prefix = "active"});
  EXPECT_TRUE(actives.Mark(DenseId{17}).value());
  EXPECT_FALSE(actives.Mark(DenseId{17}).value());
}

}  // namespace
}  // namespace cairn::cache
