// SPDX-License-Identifier: BSD-3-Clause
// Leaderboards over an embedded store under virtual time, against a sorted vector, and the guides'
// ways beside ours.
#include "cairn/leaderboard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

class Board : public testing::Test {
 protected:
  Leaderboard<std::string> Make(Period period = Period::kAllTime, int keep = 1) {
    return {store_, {.prefix = "game", .period = period, .keep = keep}};
  }
  static Texts Members(const Result<std::vector<Placed<std::string>>>& rows) {
    Texts members;
    for (const auto& row : rows.value()) members.push_back(row.member);
    return members;
  }
  void Fill(const Leaderboard<std::string>& board, int count) {
    for (int i = 0; i < count; ++i)
      board.Set(std::string(1, static_cast<char>('a' + i)), -i).value();
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
};

TEST_F(Board, AddSetPlaceRemove) {
  const auto board = Make();
  EXPECT_EQ(board.Add("ada", 1.5), 1.5);
  EXPECT_EQ(board.Add("ada", 2), 3.5);
  EXPECT_TRUE(board.Set("eve", 7).value());
  EXPECT_FALSE(board.Set("eve", 6, SetScore::kIfHigher).value());
  EXPECT_TRUE(board.Set("eve", 8, SetScore::kIfHigher).value());
  const auto place = board.Place("ada").value();
  ASSERT_TRUE(place);
  EXPECT_EQ(place->rank, OneBasedRank{2});
  EXPECT_EQ(place->score, 3.5);
  EXPECT_FALSE(board.Place("nobody").value());
  EXPECT_EQ(board.Size(), 2u);
  EXPECT_TRUE(board.Remove("ada").value());
  EXPECT_FALSE(board.Remove("ada").value());
  EXPECT_EQ(board.Set("x", std::nan("")).error().code, Errc::kInvalid);
}

TEST_F(Board, NumbersAsMembers) {
  const Leaderboard<std::int64_t> board(store_, {.prefix = "game"});
  board.Add(-42, 1).value();
  EXPECT_EQ(SyncWait(board.CoTop(1))->at(0).member, -42);
  EXPECT_EQ(SyncWait(board.CoPlace(-42)).value()->rank.value, 1);
  Make().Add("text", 5).value();
  EXPECT_EQ(board.Top(5).error().code, Errc::kType);
}

// Of equal scores the greater bytes stand first, everywhere the same.
TEST_F(Board, TiesHaveAnOrder) {
  const auto board = Make();
  for (const char* member : {"b", "c", "a"}) board.Set(member, 1).value();
  EXPECT_EQ(Members(board.Top(3)), (Texts{"c", "b", "a"}));
  EXPECT_EQ(board.Place("c").value()->rank.value, 1);
  EXPECT_EQ(board.Place("a").value()->rank.value, 3);
}

// Every member, every count, against the list itself.
TEST_F(Board, AroundGivesExactlyAsManyAsThereAre) {
  constexpr int kMembers = 9;
  const auto board = Make();
  Fill(board, kMembers);
  const Texts all = Members(board.Top(100));
  ASSERT_EQ(all.size(), static_cast<std::size_t>(kMembers));
  for (int at = 0; at < kMembers; ++at) {
    for (int count = 1; count <= kMembers + 2; ++count) {
      const auto rows = board.Around(all[at], count).value();
      ASSERT_EQ(rows.size(), static_cast<std::size_t>(std::min(count, kMembers)));
      const auto first = rows[0].rank.value - 1;
      EXPECT_LE(first, at);
      EXPECT_GE(first + std::ssize(rows), at + 1);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(rows[i].member, all[first + i]);
        EXPECT_EQ(rows[i].rank.value, first + static_cast<std::int64_t>(i) + 1);
      }
      // In the middle, where there is room on both sides.
      if (at >= count / 2 && at + (count - count / 2) <= kMembers) {
        EXPECT_EQ(first, at - count / 2);
      }
    }
  }
  EXPECT_TRUE(board.Around("nobody", 5)->empty());
  EXPECT_TRUE(board.Around("a", 0)->empty());
}

TEST_F(Board, DaysEndAndExpire) {
  const auto board = Make(Period::kDay, 1);
  const auto farther = Make(Period::kDay, 9);  // looks for what is not kept
  board.Add("ada", 5).value();
  const auto keys = [&] { return store_.client().Call(Command("DBSIZE"))->AsInteger().value(); };
  EXPECT_EQ(keys(), 1);
  time_.Advance(24h);
  EXPECT_TRUE(board.Top(1)->empty());
  EXPECT_EQ(Members(board.Top(1, PeriodsAgo{1})), (Texts{"ada"}));
  board.Add("eve", 1).value();
  time_.Advance(24h);
  EXPECT_TRUE(farther.Top(1, PeriodsAgo{2})->empty());
  EXPECT_EQ(Members(board.Top(1, PeriodsAgo{1})), (Texts{"eve"}));
  time_.Advance(24h);
  EXPECT_TRUE(farther.Top(1, PeriodsAgo{2})->empty());
  // No key is without an end.
  const Reply all = store_.client().Call(Command("KEYS", "*")).value();
  for (const Reply& key : all.elements())
    EXPECT_GT(store_.client().Call(Command("PTTL", key.text()))->AsInteger().value(), 0);
}

TEST_F(Board, WeeksBeginOnMonday) {
  const auto board = Make(Period::kWeek, 0);
  board.Add("ada", 5).value();
  constexpr auto kMonday =
      std::chrono::sys_days(std::chrono::year(2026) / std::chrono::January / 5);
  time_.Advance(kMonday - time_.UnixNow() - 1s);
  EXPECT_EQ(board.Size(), 1u);
  time_.Advance(1s);
  EXPECT_EQ(board.Size(), 0u);
}

// The clock of this machine is half an hour behind the server's, at midnight: the server's day
// counts. Simulated by the keys that such a machine would name.
TEST_F(Board, TheServersDayCounts) {
  const auto board = Make(Period::kDay);
  time_.Advance(24h - 1s);
  const internal::Board late(store_, {.prefix = "game", .period = Period::kDay, .keep = 1});
  const auto step = late.AddStep("ada", 1);
  time_.Advance(30min);
  EXPECT_TRUE(SyncWait(late.Run(step)).has_value());
  EXPECT_EQ(board.Size(), 1u);
  time_.Advance(48h);
  EXPECT_EQ(SyncWait(late.Run(step)).error().server_code(), "CLOCK");
}

// ---- The guides' ways.

// 001: ZRANGE ... WITHSCORES LIMIT is no syntax without BYSCORE, and asked for the lowest.
TEST_F(Board, GuideZrangeWithscoresLimitIsASyntaxError) {
  const auto board = Make();
  Fill(board, 12);
  Client& client = store_.client();
  const auto guide =
      client.Call(Command("ZRANGE", "{game}:all", 0, -1, "WITHSCORES", "LIMIT", 0, 10));
  EXPECT_EQ(guide.error().code, Errc::kServer);
  const Reply lowest = client.Call(Command("ZRANGE", "{game}:all", 0, 9)).value();
  EXPECT_EQ(lowest.elements()[0].text(), "l");
  EXPECT_EQ(board.Top(10)->size(), 10u);
  EXPECT_EQ(board.Top(10)->at(0).member, "a");
}

TEST_F(Board, WhatIsNoScoreOrPeriodIsRefused) {
  const auto board = Make(Period::kDay, 2);
  EXPECT_EQ(board.Add("a", std::nan("")).error().code, Errc::kInvalid);
  EXPECT_EQ(board.Set("a", std::nan("")).error().code, Errc::kInvalid);
  board.Set("a", 1).value();
  for (const int ago : {-1, 3, 99, std::numeric_limits<int>::max()}) {
    EXPECT_EQ(board.Top(1, {ago}).error().code, Errc::kInvalid) << ago;
    EXPECT_EQ(board.Around("a", 1, {ago}).error().code, Errc::kInvalid) << ago;
    EXPECT_EQ(board.Place("a", {ago}).error().code, Errc::kInvalid) << ago;
    EXPECT_EQ(SyncWait(board.CoSize({ago})).error().code, Errc::kInvalid) << ago;
  }
  EXPECT_EQ(board.Size({2}), 0u);
  EXPECT_EQ(Make().Top(1, {1}).error().code, Errc::kInvalid);  // all time has none before
  const auto unkept = Make(Period::kDay, -1);
  EXPECT_EQ(unkept.Add("a", 1).error().code, Errc::kInvalid);
  EXPECT_EQ(unkept.Size().error().code, Errc::kInvalid);
}

// 004: get_around_user: rank - count/2 to rank + count/2 is 5 for 4, and 3 for 5 at the top.
TEST_F(Board, GuideAroundUserReturnsOtherCounts) {
  const auto board = Make();
  Fill(board, 20);
  const auto guide = [&](const char* member, std::int64_t count) {
    Client& client = store_.client();
    const std::int64_t rank =
        client.Call(Command("ZREVRANK", "{game}:all", member))->AsInteger().value();
    const std::int64_t from = std::max<std::int64_t>(0, rank - count / 2);
    return client.Call(Command("ZREVRANGE", "{game}:all", from, rank + count / 2))
        ->elements()
        .size();
  };
  EXPECT_EQ(guide("j", 4), 5u);
  EXPECT_EQ(guide("a", 5), 3u);
  EXPECT_EQ(board.Around("j", 4)->size(), 4u);
  EXPECT_EQ(board.Around("a", 5)->size(), 5u);
  EXPECT_EQ(board.Around("t", 5)->size(), 5u);
}

// 004: get_rank says that it is 0-indexed, and returns rank + 1. Ours says it in its type.
TEST_F(Board, GuideRankIsNotWhatItsNameSays) {
  const auto board = Make();
  Fill(board, 3);
  const auto guide_rank_0_indexed = [&](const char* member) {
    return store_.client().Call(Command("ZREVRANK", "{game}:all", member))->AsInteger().value() + 1;
  };
  EXPECT_NE(guide_rank_0_indexed("a"), 0);
  const OneBasedRank rank = board.Place("a").value()->rank;
  EXPECT_EQ(rank.value, 1);
  EXPECT_EQ(board.Top(3)->at(rank.value - 1).member, "a");
}

}  // namespace
}  // namespace cairn::cache
