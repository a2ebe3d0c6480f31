// SPDX-License-Identifier: BSD-3-Clause
// This week's players: the best three, and where one of them stands among his neighbours.
//
//   example_leaderboard [URI]
#include "cairn/leaderboard.h"

#include <cstdio>
#include <string>

using namespace cairn::cache;

int main(int argument_count, char** arguments) {
  const Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().detail.c_str());
    return 1;
  }
  const Leaderboard<std::string> week(*store, {.prefix = "game", .period = Period::kWeek});
  const char* players[] = {"ada", "bob", "eve", "fay", "gus", "hal"};
  double score = 600;
  for (const char* player : players) {
    if (const Result<bool> set = week.Set(player, score -= 70); !set) {
      std::fprintf(stderr, "%s\n", set.error().detail.c_str());
      return 1;
    }
  }
  (void)week.Add("gus", 100);
  const auto top = week.Top(3);
  const auto around = week.Around("gus", 3);
  if (!top || !around) return 1;
  std::printf("the best:\n");
  for (const auto& row : *top)
    std::printf("  %d. %s %.0f\n", static_cast<int>(row.rank.value), row.member.c_str(), row.score);
  std::printf("around gus:\n");
  for (const auto& row : *around)
    std::printf("  %d. %s %.0f\n", static_cast<int>(row.rank.value), row.member.c_str(), row.score);
  return 0;
}
