// SPDX-License-Identifier: BSD-3-Clause
// Goal: the checker says yes to what one key can do and no to what it cannot. Method: small
// histories by hand, and random ones made by a real register, right and then spoilt.
#include "concurrency/history.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace cairn::concurrency {
namespace {

Operation Op(Action action, std::string argument, std::optional<std::string> result,
             std::int64_t called, std::int64_t returned) {
  return {.action = action,
          .argument = std::move(argument),
          .result = std::move(result),
          .called_ns = called,
          .returned_ns = returned};
}

TEST(IsLinearizable, SmallHistories) {
  struct Row {
    const char* name;
    std::vector<Operation> history;
    bool holds;
  };
  const Row rows[] = {
      {"empty", {}, true},
      {"read after write",
       {Op(Action::kSet, "a", "OK", 0, 1), Op(Action::kGet, "", "a", 2, 3)},
       true},
      {"stale read",
       {Op(Action::kSet, "a", "OK", 0, 1), Op(Action::kSet, "b", "OK", 2, 3),
        Op(Action::kGet, "", "a", 4, 5)},
       false},
      {"a read during a write may see either",
       {Op(Action::kSet, "a", "OK", 0, 1), Op(Action::kSet, "b", "OK", 2, 9),
        Op(Action::kGet, "", "b", 3, 4), Op(Action::kGet, "", "b", 5, 6)},
       true},
      {"but not go back",
       {Op(Action::kSet, "a", "OK", 0, 1), Op(Action::kSet, "b", "OK", 2, 9),
        Op(Action::kGet, "", "b", 3, 4), Op(Action::kGet, "", "a", 5, 6)},
       false},
      {"two win a lock",
       {Op(Action::kSetIfAbsent, "a", "OK", 0, 5), Op(Action::kSetIfAbsent, "b", "OK", 1, 6)},
       false},
      {"one wins a lock",
       {Op(Action::kSetIfAbsent, "a", std::nullopt, 0, 5),
        Op(Action::kSetIfAbsent, "b", "OK", 1, 6)},
       true},
      {"lost append",
       {Op(Action::kAppend, "x", "1", 0, 5), Op(Action::kAppend, "y", "1", 1, 6)},
       false},
      {"appends in either order",
       {Op(Action::kAppend, "x", "2", 0, 5), Op(Action::kAppend, "y", "1", 1, 6)},
       true},
      {"deleted twice",
       {Op(Action::kSet, "a", "OK", 0, 1), Op(Action::kDelete, "", "1", 2, 9),
        Op(Action::kDelete, "", "1", 3, 8)},
       false},
      {"old values chain",
       {Op(Action::kGetSet, "a", std::nullopt, 0, 9), Op(Action::kGetSet, "b", "a", 1, 8),
        Op(Action::kGetSet, "c", "b", 2, 7)},
       true},
      {"an old value was handed out twice",
       {Op(Action::kGetSet, "a", std::nullopt, 0, 9), Op(Action::kGetSet, "b", "a", 1, 8),
        Op(Action::kGetSet, "c", "a", 2, 7)},
       false},
  };
  for (const Row& row : rows) EXPECT_EQ(IsLinearizable(row.history), row.holds) << row.name;
}

// Clients whose operations take effect at a random moment between call and return.
std::vector<Operation> RandomHistory(Random& random, int clients, int operations) {
  std::vector<Operation> history;
  std::vector<std::int64_t> busy_until(static_cast<std::size_t>(clients), 0);
  KeyState state;
  for (int i = 0; i < operations; ++i) {
    const std::int64_t effect = (i + 1) * 100;
    std::int64_t& busy = busy_until[random.Below(static_cast<std::uint64_t>(clients))];
    if (busy >= effect) continue;
    const auto span = static_cast<std::uint64_t>(effect - busy);
    Operation operation;
    operation.action = static_cast<Action>(random.Below(6));
    operation.argument = std::to_string(i);
    operation.called_ns =
        effect - static_cast<std::int64_t>(random.Below(std::min<std::uint64_t>(span, 700)));
    operation.returned_ns = effect + static_cast<std::int64_t>(random.Below(700));
    busy = operation.returned_ns;
    for (const std::optional<std::string>& guess :
         {std::optional<std::string>(), std::optional<std::string>("OK"), state,
          std::optional<std::string>("1"), std::optional<std::string>("0"),
          std::optional<std::string>(
              std::to_string((state.value_or("") + operation.argument).size()))}) {
      operation.result = guess;
      if (std::optional<KeyState> after = Apply(state, operation)) {
        state = *after;
        break;
      }
    }
    history.push_back(operation);
  }
  return history;
}

TEST(IsLinearizable, RandomHistoriesOfARegister) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    EXPECT_TRUE(IsLinearizable(RandomHistory(random, 8, 200))) << "seed " << seed;
  }
}

TEST(IsLinearizable, ASpoiltReadIsFound) {
  int spoilt = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    std::vector<Operation> history = RandomHistory(random, 8, 200);
    for (Operation& operation : history) {
      if (operation.action != Action::kGet || operation.called_ns < 5000) continue;
      operation.result = "never written";
      ++spoilt;
      EXPECT_FALSE(IsLinearizable(history)) << "seed " << seed;
      break;
    }
  }
  EXPECT_GT(spoilt, 150);
}

}  // namespace
}  // namespace cairn::concurrency
