// SPDX-License-Identifier: BSD-3-Clause
// The near cache's rules, each by the interleaving that it is about. The table is told by hand what
// a server would tell; over the wire: tests/toolkit/near_cases.cc.
#include "cairn/near_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <map>
#include <thread>

#include "cairn/cache.h"
#include "cairn/internal/near_table.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;
using internal::NearCopy;
using internal::NearFill;
using internal::NearName;
using internal::NearTable;
using internal::NearTicket;

using ItemKey = Key<"item:{*}", std::int64_t>;
using Items = TypedCache<std::string, ItemKey>;

constexpr char kType = 0;

class Near : public testing::Test {
 protected:
  Near() { Epoch(1); }
  void Epoch(std::uint64_t epoch) {
    table().OnInvalidation({.kind = Invalidation::Kind::kEpoch, .epoch = epoch});
  }
  NearTable& table() { return *near_.table(); }
  void Keep(NearTable& table, std::string_view key, const NearTicket& ticket,
            std::vector<std::string> tags = {}, std::size_t bytes = 10) {
    NearFill fill;
    fill.copy.value = std::make_shared<const std::string>(key);
    fill.type = &kType;
    fill.fresh_until = time_.Now() + 1h;
    fill.tags = std::move(tags);
    fill.bytes = bytes;
    table.Keep(NearName(key), ticket, std::move(fill));
  }
  void Keep(std::string_view key, const NearTicket& ticket, std::vector<std::string> tags = {}) {
    Keep(table(), key, ticket, std::move(tags));
  }
  bool Has(NearTable& table, std::string_view key) {
    NearCopy copy;
    return table.Find(NearName(key), &kType, time_.Now(), 0, &copy);
  }
  bool Has(std::string_view key) { return Has(table(), key); }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  NearCache near_ = NearCache::Open(store_).value();
};

// The reply is on its way when the invalidation is heard of. A map that erases what it is told of,
// and then keeps the reply, has the old value for ever.
TEST_F(Near, AnInvalidationInFlightKillsTheCopy) {
  std::map<std::string, std::string> naive;
  const std::string reply = "old";
  naive.erase("k");  // told
  naive["k"] = reply;
  EXPECT_EQ(naive["k"], "old");

  const NearTicket ticket = table().Ticket();
  table().Tell("k");
  Keep("k", ticket);
  EXPECT_FALSE(Has("k"));
  EXPECT_EQ(near_.figures().refused, 1u);
  Keep("k", table().Ticket());
  EXPECT_TRUE(Has("k"));
  table().Tell("k");
  EXPECT_FALSE(Has("k"));
}

// Nobody knows yet that the value has the tag.
TEST_F(Near, ABumpInFlightKillsTheCopy) {
  const NearTicket ticket = table().Ticket();
  table().Tell("tag");
  Keep("k", ticket, {"tag"});
  EXPECT_FALSE(Has("k"));
}

TEST_F(Near, ABumpMakesAnEndOfAllThatHasTheTag) {
  Keep("a", table().Ticket(), {"tag", "other"});
  Keep("b", table().Ticket(), {"tag"});
  Keep("c", table().Ticket(), {"other"});
  table().Tell("tag");
  EXPECT_FALSE(Has("a"));
  EXPECT_FALSE(Has("b"));
  EXPECT_TRUE(Has("c"));
  Keep("a", table().Ticket(), {"tag"});
  EXPECT_TRUE(Has("a"));
}

TEST_F(Near, ANewEpochHasNoCopies) {
  Keep("k", table().Ticket());
  const NearTicket ticket = table().Ticket();
  Epoch(0);
  EXPECT_FALSE(Has("k"));
  EXPECT_FALSE(near_.is_told());
  Epoch(2);
  EXPECT_FALSE(Has("k"));
  Keep("late", ticket);  // read under the old one
  EXPECT_FALSE(Has("late"));
  EXPECT_EQ(near_.figures().refused, 1u);
  Keep("k", table().Ticket());
  EXPECT_TRUE(Has("k"));
}

TEST_F(Near, ClearsTakeWhatIsThereAndWhatIsInFlight) {
  Keep("k", table().Ticket());
  const NearTicket ticket = table().Ticket();
  table().OnInvalidation({.kind = Invalidation::Kind::kAll});
  EXPECT_FALSE(Has("k"));
  Keep("k", ticket);
  EXPECT_FALSE(Has("k"));
  EXPECT_EQ(near_.figures().entries, 0u);
}

// Two caches whose values are of different types, under one key.
TEST_F(Near, CopiesAreForTheirTypeOnly) {
  Keep("k", table().Ticket());
  NearCopy copy;
  constexpr char kOther = 0;
  EXPECT_FALSE(table().Find(NearName("k"), &kOther, time_.Now(), 0, &copy));
}

TEST_F(Near, MemoryIsBounded) {
  constexpr std::size_t kBytesMax = 1 << 20;
  NearTable table(store_, {.max_bytes = kBytesMax, .entries_max = 800});
  table.OnInvalidation({.kind = Invalidation::Kind::kEpoch, .epoch = 1});
  for (int i = 0; i < 5'000; ++i) Keep(table, std::to_string(i), table.Ticket());
  EXPECT_LE(table.figures().entries, 800u);
  EXPECT_GT(table.figures().entries, 600u);
  for (int i = 0; i < 5'000; ++i) Keep(table, std::to_string(i), table.Ticket(), {}, 10'000);
  EXPECT_LE(table.figures().bytes, kBytesMax);
  EXPECT_GT(table.figures().bytes, kBytesMax / 2);
  EXPECT_GT(table.figures().evicted, 4'000u);
  // One that is larger than a shard's part does not empty it.
  const std::uint64_t entries = table.figures().entries;
  Keep(table, "large", table.Ticket(), {}, kBytesMax);
  EXPECT_EQ(table.figures().entries, entries);
}

TEST_F(Near, TagsAreBounded) {
  for (std::size_t i = 0; i < NearTable::kTagsMax + 1000; ++i) {
    const std::string number = std::to_string(i);
    Keep("k", table().Ticket(), {"tag" + number});
  }
  EXPECT_TRUE(Has("k"));  // its tags of before have gone
}

// What is read again and again outlives a scan of many that are read once; an LRU list keeps the
// scan.
TEST_F(Near, AScanDoesNotDriveOutWhatIsRead) {
  NearTable table(store_, {.max_bytes = 1 << 20, .entries_max = 1'600});
  table.OnInvalidation({.kind = Invalidation::Kind::kEpoch, .epoch = 1});
  const auto hot = [](int i) { return "hot" + std::to_string(i); };
  for (int i = 0; i < 400; ++i) Keep(table, hot(i), table.Ticket());
  int kept = 0;
  for (int scanned = 0; scanned < 20'000; ++scanned) {
    Keep(table, "scan" + std::to_string(scanned), table.Ticket());
    Has(table, hot(scanned % 400));
  }
  for (int i = 0; i < 400; ++i) kept += Has(table, hot(i)) ? 1 : 0;
  EXPECT_GE(kept, 390);
}

// Writers raise a number, then tell; readers keep what they read. Nobody is served what is older
// than what he has seen told.
TEST_F(Near, NobodyIsServedWhatIsOlderThanWhatWasTold) {
  constexpr int kRounds = 5'000;
  constexpr int kKeys = 4;
  std::atomic<std::int64_t> row[kKeys] = {};
  std::atomic<std::int64_t> told[kKeys] = {};
  std::atomic<bool> is_done = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> hits = 0;
  const auto name_of = [](int i) { return std::string("key") + static_cast<char>('0' + i); };
  std::latch has_readers(2);
  std::thread writer([&] {
    has_readers.wait();
    for (int i = 0; i < kRounds || hits == 0; ++i) {
      const int key = i % kKeys;
      const std::int64_t next = row[key].fetch_add(1) + 1;
      // By the key, or by a tag that all have.
      table().Tell(i % 3 == 0 ? "tag" : name_of(key));
      told[key].store(next);
      if (i % 64 == 0) std::this_thread::yield();
    }
    is_done = true;
  });
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      has_readers.count_down();
      for (int i = 0; !is_done; ++i) {
        const int key = i % kKeys;
        const std::string text = name_of(key);
        const std::int64_t floor = told[key].load();
        NearCopy copy;
        if (table().Find(NearName(text), &kType, time_.Now(), 0, &copy)) {
          ++hits;
          if (copy.version < floor) ++wrong;
          continue;
        }
        const NearTicket ticket = table().Ticket();
        NearFill fill;
        fill.copy.version = row[key].load();
        fill.type = &kType;
        fill.fresh_until = time_.Now() + 1h;
        fill.tags = {"tag"};
        table().Keep(NearName(text), ticket, std::move(fill));
      }
    });
  }
  writer.join();
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(Near, HitsAskNobody) {
  const Items items(store_, {.policy = {.ttl = 10min}, .near = near_});
  items.Put(1, "one").value();
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kHit);
  store_.client().Call(Command("DEL", ItemKey(1).text())).value();  // nobody tells
  const Entry<std::string> hit = items.Get(1).value();
  EXPECT_EQ(hit.outcome, Outcome::kNearHit);
  EXPECT_EQ(hit.value, "one");
  EXPECT_TRUE(hit.is_cached);
  const auto loader = [](Items::Loading&) -> Result<std::optional<std::string>> { return "two"; };
  EXPECT_EQ(items.GetOrLoad(1, loader)->outcome, Outcome::kNearHit);
  EXPECT_EQ(SyncWait(items.CoGet(1))->outcome, Outcome::kNearHit);
  EXPECT_EQ(SyncWait(items.CoGetOrLoad(1, loader))->outcome, Outcome::kNearHit);
  EXPECT_EQ(items.count(Outcome::kNearHit), 4u);
  table().Tell(ItemKey(1).text());
  EXPECT_EQ(items.GetOrLoad(1, loader)->value, "two");
}

TEST_F(Near, TheTtlCapIsABoundOnStaleness) {
  const Items items(store_, {.policy = {.ttl = 10min, .near_ttl = 5s}, .near = near_});
  items.Put(1, "one").value();
  items.Get(1).value();
  time_.Advance(4999ms);
  const Entry<std::string> near = items.Get(1).value();
  EXPECT_EQ(near.outcome, Outcome::kNearHit);
  EXPECT_EQ(near.age, 4999ms);
  time_.Advance(1ms);
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kHit);
  const Items never(store_, {.policy = {.ttl = 10min, .near_ttl = 0ms}, .near = near_});
  never.Put(2, "two").value();
  never.Get(2).value();
  EXPECT_EQ(never.Get(2)->outcome, Outcome::kHit);
}

// No longer than the value is fresh; its last eighth belongs to the refresh ahead.
TEST_F(Near, NothingOutlivesItsFreshness) {
  const Items items(store_, {.policy = {.ttl = 8s, .refresh_part = 0.1}, .near = near_});
  items.Put(1, "one").value();
  items.Get(1).value();
  time_.Advance(6999ms);
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kNearHit);
  time_.Advance(1ms);
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kHit);
  time_.Advance(1s);
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kMiss);
}

TEST_F(Near, StaleValuesAreNotKept) {
  const Items items(store_, {.policy = {.ttl = 1s, .stale_for = 10s}, .near = near_});
  items.Put(1, "one").value();
  time_.Advance(1s);
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kStale);
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kStale);
}

TEST_F(Near, OwnWritesTakeEffectAtOnce) {
  const Items items(store_,
                    {.policy = {.ttl = 10min, .stale_for = 1min, .tags = {"tag"}}, .near = near_});
  const auto warm = [&] {
    items.Put(1, "one").value();
    items.Get(1).value();
    return items.Get(1)->outcome == Outcome::kNearHit;
  };
  ASSERT_TRUE(warm());
  items.Put(1, "two").value();
  EXPECT_EQ(items.Get(1)->value, "two");
  ASSERT_TRUE(warm());
  items.Invalidate(1).value();
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kMiss);
  ASSERT_TRUE(warm());
  items.Expire(1).value();
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kStale);
  ASSERT_TRUE(warm());
  items.InvalidateTag("tag", Bump::kHard).value();
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kMiss);
  store_.client().Call(Command("NAMESPACE.SET", ItemKey::Prefix())).value();
  ASSERT_TRUE(warm());
  items.Clear().value();
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kMiss);
  ASSERT_TRUE(warm());
  SyncWait(items.CoInvalidate(1)).value();
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kMiss);
}

TEST_F(Near, AMinimumVersionSkipsOlderCopies) {
  const Items items(store_, {.policy = {.ttl = 10min}, .near = near_});
  items.Put(1, "one", {.version = 3}).value();
  items.Get(1).value();
  EXPECT_EQ(items.Get(1, {.min_version = 3})->outcome, Outcome::kNearHit);
  EXPECT_EQ(items.Get(1, {.min_version = 4})->outcome, Outcome::kMiss);
}

TEST_F(Near, AbsenceIsKeptToo) {
  const Items items(store_, {.policy = {.negative_ttl = 10s}, .near = near_});
  const auto none = [](Items::Loading&) -> Result<std::optional<std::string>> {
    return std::nullopt;
  };
  items.GetOrLoad(1, none).value();
  items.Get(1).value();
  store_.client().Call(Command("SET", ItemKey(1).text(), "x")).value();  // nobody tells
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kNegative);
  EXPECT_TRUE(items.Put(1, "one").has_value());
  EXPECT_EQ(items.Get(1)->value, "one");
}

// An embedded store tells nothing, and needs no copies.
TEST(NearCache, IsOffWhereNobodyTells) {
  const Store store = Store::Open("embedded:").value();
  const NearCache near = NearCache::Open(store).value();
  EXPECT_FALSE(near.is_told());
  const Items items(store, {.policy = {.ttl = 10min}, .near = near});
  items.Put(1, "one").value();
  items.Get(1).value();
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kHit);
  EXPECT_EQ(near.figures().entries, 0u);
}

}  // namespace
}  // namespace cairn::cache
