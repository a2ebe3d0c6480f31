// SPDX-License-Identifier: BSD-3-Clause
// The guard: never a wrong "no", also while it grows and while keys are created; as many wrong
// "maybe"s as it says; and what a typed cache makes of it.
#include "cairn/bloom_guard.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>

#include "cairn/cache.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

using UserKey = Key<"user:{*}", std::int64_t>;
using Users = TypedCache<std::string, UserKey>;
using Loaded = Result<std::optional<std::string>>;

BloomGuard Built(std::size_t keys, double rate, std::size_t capacity = 0) {
  BloomGuard guard({.capacity = std::max(keys, capacity),
                    .false_positive_rate = rate,
                    .source = KeysOfRange<UserKey>(1, static_cast<std::int64_t>(keys))});
  EXPECT_TRUE(guard.Rebuild().has_value());
  return guard;
}

TEST(Guard, NoneSaysMaybe) {
  const BloomGuard none;
  EXPECT_FALSE(none);
  EXPECT_TRUE(none.MayExist(UserKey(1)));
  none.Add(UserKey(1));
  const BloomGuard::Creation creation = none.Create(UserKey(2));
  EXPECT_EQ(none.Rebuild().error().code, Errc::kUnsupported);
  EXPECT_FALSE(none.figures().is_ready);
  const BloomGuard unbuilt({.capacity = 10});
  EXPECT_TRUE(unbuilt);
  EXPECT_TRUE(unbuilt.MayExist(UserKey(1)));
  EXPECT_EQ(unbuilt.Rebuild().error().code, Errc::kUnsupported);
}

// Whatever was added is "maybe", and of what was not, the measured part is what the filter expects
// by its own bits, and that is what was promised. The seed is another one in each run, so the
// bounds are wide: six standard deviations of the first; of the second a half, which is more than
// that for filters of some hundred blocks (smaller ones vary more, and are not held to it here).
TEST(Guard, KeepsItsRate) {
  struct Row {
    std::size_t keys;
    double rate;
  };
  constexpr Row kRows[] = {{1, 0.01},       {1'000, 0.01},    {100'000, 0.1},
                           {100'000, 0.01}, {100'000, 0.001}, {50'000, 0.0001}};
  constexpr std::size_t kKeysHeld = 50'000;
  constexpr std::int64_t kQuestions = 200'000;
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::to_string(row.keys) + " keys, " + std::to_string(row.rate));
    const BloomGuard guard = Built(row.keys, row.rate);
    for (std::size_t id = 1; id <= row.keys; ++id)
      ASSERT_TRUE(guard.MayExist(UserKey(static_cast<std::int64_t>(id))));
    std::int64_t wrong = 0;
    for (std::int64_t id = 1; id <= kQuestions; ++id) wrong += guard.MayExist(UserKey(-id)) ? 1 : 0;
    const BloomFigures figures = guard.figures();
    const double expected = kQuestions * figures.false_positive_rate;
    EXPECT_NEAR(static_cast<double>(wrong), expected, 6 * std::sqrt(expected + 1) + 1);
    if (row.keys >= kKeysHeld) {
      EXPECT_LE(figures.false_positive_rate, row.rate * 1.5);
      EXPECT_GE(figures.keys, row.keys - row.keys / 10);
    }
    EXPECT_LE(figures.keys, row.keys);
    EXPECT_LT(figures.fill, 0.7);
    EXPECT_FALSE(figures.is_overfull);
    EXPECT_EQ(figures.refused, static_cast<std::uint64_t>(kQuestions - wrong));
    RecordProperty("rate of " + std::to_string(row.rate),
                   std::to_string(figures.false_positive_rate));
  }
}

TEST(Guard, TakesWhatIsOutOfBoundsAsTheNearerBound) {
  for (const double rate : {-1.0, 0.0, 2.0, std::nan("")}) {
    const BloomGuard guard = Built(10, rate);
    EXPECT_TRUE(guard.MayExist(UserKey(10)));
  }
  BloomGuard guard({.capacity = 0, .source = KeysOfRange<UserKey>(5, 4)});
  EXPECT_TRUE(guard.Rebuild().has_value());
  EXPECT_EQ(guard.figures().keys, 0u);
  EXPECT_FALSE(guard.MayExist(UserKey(5)));
  const auto last = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ((*KeysOfRange<UserKey>(last - 1, last)())()->size(), 2u);
}

// More than it was made for: none is lost, and in the background it becomes larger.
TEST(Guard, GrowsInTheBackground) {
  VirtualTime time;
  std::vector<std::string> table;
  KeySource source = [&]() -> Result<KeyPages> {
    return [&, at = std::size_t{0}]() mutable {
      std::vector<std::string> page;
      for (; at < table.size() && page.size() < 100; ++at) page.push_back(table[at]);
      return Result<std::vector<std::string>>(page);
    };
  };
  BloomGuard guard({.capacity = 1'000, .source = source, .executor = &time});
  ASSERT_TRUE(guard.Rebuild().has_value());
  for (std::int64_t id = 1; id <= 5'000; ++id) {
    table.push_back(UserKey(id).text());
    guard.Add(UserKey(id));
  }
  EXPECT_TRUE(guard.figures().is_overfull);
  EXPECT_TRUE(guard.figures().is_rebuilding);
  for (std::int64_t id = 1; id <= 5'000; ++id) ASSERT_TRUE(guard.MayExist(UserKey(id)));
  time.RunReady();
  const BloomFigures figures = guard.figures();
  EXPECT_FALSE(figures.is_overfull);
  EXPECT_FALSE(figures.is_rebuilding);
  EXPECT_GE(figures.capacity, 5'000u);
  EXPECT_EQ(figures.rebuilds, 2u);
  for (std::int64_t id = 1; id <= 5'000; ++id) ASSERT_TRUE(guard.MayExist(UserKey(id)));
}

// A source with more keys than anybody said is read again, into a larger one: by as many as it
// names, since a filter that is long full tells hardly any of them apart.
TEST(Guard, FitsItsSource) {
  constexpr std::size_t kKeys = 100'000;
  const KeySource range = KeysOfRange<UserKey>(1, kKeys);
  int readings = 0;
  KeySource source = [&] {
    ++readings;
    return range();
  };
  BloomGuard guard({.capacity = 10, .source = source});
  ASSERT_TRUE(guard.Rebuild().has_value());
  const BloomFigures figures = guard.figures();
  EXPECT_FALSE(figures.is_overfull);
  EXPECT_GE(figures.capacity, kKeys);
  EXPECT_LE(figures.capacity, kKeys * 5 / 2);
  EXPECT_LE(figures.false_positive_rate, 0.011);
  EXPECT_EQ(readings, 2);
}

// Each key three times: a filter that has room for them stays as it is, another one may become
// larger than it need be, but not by more than that.
TEST(Guard, MayBeToldOfAKeyMoreThanOnce) {
  constexpr std::size_t kKeys = 1'000;
  KeySource source = []() -> Result<KeyPages> {
    return [at = std::size_t{0}]() mutable {
      std::vector<std::string> page;
      for (; at < 3 * kKeys && page.size() < 100; ++at)
        page.push_back(UserKey(static_cast<std::int64_t>(at % kKeys)).text());
      return Result<std::vector<std::string>>(page);
    };
  };
  BloomGuard guard({.capacity = kKeys, .source = source});
  ASSERT_TRUE(guard.Rebuild().has_value());
  EXPECT_EQ(guard.figures().capacity, kKeys);
  BloomGuard small({.capacity = 10, .source = source});
  ASSERT_TRUE(small.Rebuild().has_value());
  EXPECT_FALSE(small.figures().is_overfull);
  EXPECT_GE(small.figures().capacity, kKeys);
  EXPECT_LE(small.figures().capacity, 3 * kKeys * 5 / 2);
}

// What a reading has counted is not what is waited for until the next, if its second one fails.
TEST(Guard, GrowsAfterASecondReadingThatFailed) {
  VirtualTime time;
  int readings = 0;
  KeySource source = [&]() -> Result<KeyPages> {
    if (++readings == 3) return Fail(Errc::kUnreachable, "no database");
    return *KeysOfRange<UserKey>(1, readings == 1 ? 1 : 100'000)();
  };
  BloomGuard guard({.capacity = 1'000, .source = source, .executor = &time});
  ASSERT_TRUE(guard.Rebuild().has_value());
  for (std::int64_t id = 1; id <= 1'500; ++id) {
    guard.Add(UserKey(id));
    time.RunReady();
  }
  EXPECT_EQ(readings, 5);
  EXPECT_FALSE(guard.figures().is_overfull);
}

// The source fails, throws, or its executor goes: the old filter stays, and it may be tried again.
TEST(Guard, AFailedRebuildChangesNothing) {
  enum class Mode { kFine, kFails, kThrows } mode = Mode::kFine;
  const KeySource range = KeysOfRange<UserKey>(1, 100);
  KeySource source = [&]() -> Result<KeyPages> {
    if (mode == Mode::kThrows)
      std::rethrow_exception(std::make_exception_ptr(std::runtime_error("no table")));
    Result<KeyPages> pages = range();
    if (mode == Mode::kFine) return pages;
    return [pages = *pages, is_first = true]() mutable -> Result<std::vector<std::string>> {
      if (std::exchange(is_first, false)) return pages();
      return Fail(Errc::kUnreachable, "no database");
    };
  };
  class Refusing : public Executor {
   public:
    void Post(Work) override {}
  } refusing;
  BloomGuard guard({.capacity = 100, .source = source, .executor = &refusing});
  ASSERT_TRUE(guard.Rebuild().has_value());
  mode = Mode::kFails;
  EXPECT_EQ(guard.Rebuild().error().code, Errc::kUnreachable);
  mode = Mode::kThrows;
  EXPECT_EQ(guard.Rebuild().error().code, Errc::kLoader);
  for (std::int64_t id = 101; id <= 200; ++id) guard.Add(UserKey(id));
  EXPECT_FALSE(guard.figures().is_rebuilding);
  for (std::int64_t id = 1; id <= 200; ++id) EXPECT_TRUE(guard.MayExist(UserKey(id)));
  mode = Mode::kFine;
  EXPECT_TRUE(guard.Rebuild().has_value());
}

// A row that is committed behind the reader of the source's back, whose Create was before that.
TEST(Guard, WhatIsCreatedWhileItIsRebuiltIsNotLost) {
  std::optional<BloomGuard> guard;
  std::optional<BloomGuard::Creation> across;
  KeySource source = [&]() -> Result<KeyPages> {
    return [&, is_first = true]() mutable -> Result<std::vector<std::string>> {
      if (!std::exchange(is_first, false)) return std::vector<std::string>();
      guard->Add(UserKey(2));  // while it is read
      EXPECT_TRUE(guard->MayExist(UserKey(2)));
      EXPECT_EQ(guard->Rebuild().error().code, Errc::kConflict);
      const BloomGuard::Creation within = guard->Create(UserKey(3));
      across.reset();  // its row is committed now, and not on this page
      return std::vector<std::string>{UserKey(1).text()};
    };
  };
  guard.emplace(BloomGuardOptions{.capacity = 100, .source = source});
  across.emplace(guard->Create(UserKey(4)));
  ASSERT_TRUE(guard->Rebuild().has_value());
  for (const std::int64_t id : {1, 2, 3, 4}) EXPECT_TRUE(guard->MayExist(UserKey(id)));
  EXPECT_FALSE(guard->MayExist(UserKey(5)));
}

// Many threads, and rebuilds all the while. The table is what is committed.
TEST(Guard, NeverSaysNoToWhatExists) {
  constexpr std::int64_t kKeys = 20'000;
  std::atomic<std::int64_t> committed{0};
  KeySource source = [&]() -> Result<KeyPages> {
    return *KeysOfRange<UserKey>(1, committed.load())();
  };
  const std::unique_ptr<Executor> pool = MakeThreadPool(1);
  const BloomGuard guard({.capacity = 64, .source = source, .executor = pool.get()});
  ASSERT_TRUE(guard.Rebuild().has_value());
  std::atomic<std::int64_t> lost{0};
  std::thread rebuilder([&] {
    while (committed.load() < kKeys) std::ignore = guard.Rebuild();
  });
  std::thread reader([&] {
    while (committed.load() < kKeys) {
      const std::int64_t known = committed.load();
      for (std::int64_t id = std::max<std::int64_t>(1, known - 100); id <= known; ++id)
        lost += guard.MayExist(UserKey(id)) ? 0 : 1;
    }
  });
  for (std::int64_t id = 1; id <= kKeys; ++id) {
    const BloomGuard::Creation creation = guard.Create(UserKey(id));
    committed.store(id);
  }
  rebuilder.join();
  reader.join();
  for (std::int64_t id = 1; id <= kKeys; ++id) lost += guard.MayExist(UserKey(id)) ? 0 : 1;
  EXPECT_EQ(lost.load(), 0);
}

// ---- What a typed cache makes of it ------------------------------------------------------------

class GuardedCache : public testing::Test {
 protected:
  auto Row() {
    return [this](Users::Loading& context) -> Loaded {
      ++loads_;
      const std::int64_t id = context.key.part<0>();
      if (id > 100) return std::nullopt;
      return "user " + std::to_string(id);
    };
  }

  Store store_ = Store::Open("embedded:").value();
  // So empty that a wrong "maybe" is out of the question.
  BloomGuard guard_ = Built(100, 0.0001, 1'000'000);
  Users users_{store_, {.policy = {.ttl = 1min}, .guard = guard_}};
  int loads_ = 0;
};

// Ids that nobody has, one after the other: absence that is cached costs a load and a key for each,
// the guard neither.
TEST_F(GuardedCache, RulePenetration) {
  constexpr std::int64_t kIds = 1'000;
  const Users unguarded(store_, {.policy = {.ttl = 1min}});
  for (std::int64_t id = 1'001; id <= 1'000 + kIds; ++id)
    EXPECT_EQ(unguarded.GetOrLoad(id, Row())->outcome, Outcome::kNegative);
  EXPECT_EQ(loads_, kIds);
  loads_ = 0;
  for (std::int64_t id = 10'001; id <= 10'000 + kIds; ++id) {
    const Entry<std::string> entry = users_.GetOrLoad(id, Row()).value();
    EXPECT_EQ(entry.outcome, Outcome::kNegative);
    EXPECT_FALSE(entry.value);
  }
  EXPECT_EQ(loads_, 0);
  EXPECT_EQ(users_.GetOrLoad(7, Row())->value, "user 7");
  EXPECT_EQ(guard_.figures().refused, static_cast<std::uint64_t>(kIds));
}

TEST_F(GuardedCache, EachWayToReadAsksIt) {
  EXPECT_EQ(users_.Get(-1)->outcome, Outcome::kNegative);
  EXPECT_EQ(SyncWait(users_.CoGet(-1))->outcome, Outcome::kNegative);
  EXPECT_EQ(SyncWait(users_.CoGetOrLoad(-1, Row()))->outcome, Outcome::kNegative);
  const auto bulk = [this](BulkContext<UserKey>& context) {
    loads_ += static_cast<int>(context.keys.size());
    std::vector<std::optional<std::string>> rows(context.keys.size(), "row");
    return Result<std::vector<std::optional<std::string>>>(std::move(rows));
  };
  const auto entries = users_.GetOrLoadMany({1, -1, 2, -1}, bulk).value();
  EXPECT_EQ(entries[0].value, "row");
  EXPECT_EQ(entries[1].outcome, Outcome::kNegative);
  EXPECT_FALSE(entries[1].is_cached);
  EXPECT_EQ(entries[3].outcome, Outcome::kNegative);
  EXPECT_EQ(loads_, 2);
  EXPECT_EQ(users_.count(Outcome::kNegative), 4u);
}

TEST_F(GuardedCache, ACreateAddsToIt) {
  EXPECT_EQ(users_.GetOrLoad(-5, Row())->outcome, Outcome::kNegative);
  users_.Put(-5, "new").value();
  EXPECT_EQ(users_.Get(-5)->value, "new");
  EXPECT_TRUE(SyncWait(users_.CoPut(-6, "newer"))->is_applied);
  EXPECT_EQ(users_.Get(-6)->value, "newer");
}

}  // namespace
}  // namespace cairn::cache
