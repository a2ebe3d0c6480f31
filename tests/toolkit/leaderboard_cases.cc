// SPDX-License-Identifier: BSD-3-Clause
// Leaderboards over every kind of store.
#include <string>
#include <vector>

#include "cairn/leaderboard.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

void RanksAndRows(const Store& store, Complaints& say) {
  const Leaderboard<std::int64_t> board(store, {.prefix = "board-ranks"});
  for (std::int64_t i = 1; i <= 20; ++i) board.Set(i, static_cast<double>(i) / 2).value();
  say.Check(board.Add(20, 0.25) == 10.25, "added");
  say.Check(board.Set(20, 3, SetScore::kIfHigher) == false, "not lower");
  const auto top = board.Top(3).value();
  say.Check(top.size() == 3 && top[0].member == 20 && top[2].member == 18, "the top");
  say.Check(top[0].score == 10.25 && top[0].rank.value == 1, "its score and rank");
  for (const std::int64_t member : {1, 10, 20}) {
    say.Check(board.Around(member, 5)->size() == 5, "five around");
    say.Check(board.Place(member).value()->rank.value == 21 - member, "the rank");
  }
  say.Check(board.Around(10, 50)->size() == 20, "all there are");
  say.Check(!board.Place(77).value(), "nobody");
  say.Check(board.Remove(20) == true && board.Size() == 19u, "removed");
}

// Of equal scores the greater bytes, on every kind of store.
void TiesHaveAnOrder(const Store& store, Complaints& say) {
  const Leaderboard<std::string> board(store, {.prefix = "board-ties"});
  for (const char* member : {"b", "c", "a"}) board.Set(member, 1).value();
  std::string order;
  const auto top = board.Top(3).value();
  for (const auto& row : top) order += row.member;
  say.Equal(order, std::string("cba"), "the order");
}

void PeriodsExpire(const Store& store, Complaints& say) {
  for (const Period period : {Period::kDay, Period::kWeek}) {
    const Leaderboard<std::string> board(store,
                                         {.prefix = "board-period", .period = period, .keep = 1});
    board.Add("ada", 1).value();
    say.Check(board.Top(1)->size() == 1, "now");
    say.Check(board.Top(1, PeriodsAgo{1})->empty(), "not before");
  }
}

Case For(std::string_view name, std::string uri, void (*run)(const Store&, Complaints&)) {
  return {name, [uri = std::move(uri), run](Complaints& say) { run(OpenOrDie(uri), say); }};
}

}  // namespace

Cases LeaderboardCases(const std::vector<std::string>& uris) {
  return {For("RanksAndRows", uris[0], RanksAndRows),
          For("TiesHaveAnOrder", uris[0], TiesHaveAnOrder),
          For("PeriodsExpire", uris[0], PeriodsExpire)};
}

}  // namespace cairn::cache::checks
