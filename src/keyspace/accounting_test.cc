// SPDX-License-Identifier: BSD-3-Clause
// The books: used_bytes is at any time what the entries, values and tables really take, and returns
// to that of empty tables when everything has gone.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

void FlushAll(TestStore& store) {
  KeyLocks locks(store.keyspace);
  locks.AcquireAll();
  for (std::uint32_t db = 0; db < store.keyspace.database_count(); ++db) {
    store.keyspace.FlushDatabase(locks, DbId(db));
  }
  locks.Release();
}

// What the shards take that once held a key: they stay for good.
std::int64_t EmptyTableBytes(TestStore& store) {
  const HashSeed seed(0);
  const Shard empty(seed);
  std::int64_t shards = 0;
  for (std::size_t i = 0; i < store.keyspace.stripe_count(); ++i) {
    shards += static_cast<std::int64_t>(
        store.keyspace.stripe(StripeId(static_cast<std::uint16_t>(i))).owned_shards.size());
  }
  return shards * static_cast<std::int64_t>(sizeof(Shard) + empty.table.memory_bytes());
}

class RandomOperations {
 public:
  explicit RandomOperations(std::uint64_t seed) : random_(seed) {}

  void Step() {
    const std::string name = "{" + std::to_string(random_.Below(4)) + "}" + RandomKey();
    const DbId db(static_cast<std::uint32_t>(random_.Below(3)));
    switch (random_.Below(12)) {
      case 0:
      case 1:
      case 2:
        return store_.Set(name, std::string(RandomSize(), 'v'), db);
      case 3:
      case 4:
        return Edit(name, db);
      case 5:
        return Expire(name, db);
      case 6:
      case 7:
        return Copy(name, db);
      case 8:
        return store_.clock.AdvanceMs(static_cast<std::int64_t>(random_.Below(50)));
      case 9:
        return Rare();
      default:
        store_.Remove(name, db);
    }
  }
  TestStore& store() { return store_; }

 private:
  std::string RandomKey() {
    std::string key = std::to_string(random_.Below(300));
    if (random_.Below(20) == 0) key.resize(300, 'k');
    return key;
  }
  std::size_t RandomSize() {
    const std::uint64_t kind = random_.Below(20);
    return random_.Below(kind == 0 ? 100'000 : kind < 4 ? 20'000 : 200);
  }
  void Edit(const std::string& name, DbId db) {
    store_.With(
        name,
        [&](Txn& txn, const KeyRef& key) {
          Found found = txn.Find(key, Access::kWrite);
          txn.EditString(key, found, RandomSize());
        },
        db);
  }
  void Expire(const std::string& name, DbId db) {
    store_.With(
        name,
        [&](Txn& txn, const KeyRef& key) {
          Found found = txn.Find(key, Access::kWrite);
          if (!found) return;
          if (random_.Below(4) == 0) return txn.ClearExpiry(key, found);
          const UnixMs far = random_.Below(10) == 0 ? UnixMs{1} << 50 : 0;
          txn.SetExpiry(key, found,
                        txn.now_ms() + 1 + far + static_cast<UnixMs>(random_.Below(500)));
        },
        db);
  }
  void Copy(const std::string& name, DbId db) {
    const std::string to_name = name.substr(0, 3) + RandomKey();
    const DbId to_db(static_cast<std::uint32_t>(random_.Below(3)));
    if (to_name == name && to_db == db) return;
    store_.With(
        name,
        [&](Txn& txn, const KeyRef& key) {
          const KeyRef to_key = store_.keyspace.Ref(to_name);
          const Found to = txn.FindIn(to_db, to_key, Access::kPeek);
          const Found from = txn.Find(key, Access::kPeek);
          if (from) txn.CopyTo(from, to_db, to_key, to);
        },
        db);
  }
  void Rare() {
    if (random_.Below(100) != 0) return;
    if (random_.Below(4) == 0) return FlushAll(store_);
    KeyLocks locks(store_.keyspace);
    locks.AcquireAll();
    store_.keyspace.SwapDatabases(locks, DbId(0), DbId(1));
    locks.Release();
  }

  Random random_;
  TestStore store_{KeyspaceOptions{.stripe_count = 4, .database_count = 3}};
};

TEST(Accounting, TheBooksAgreeUnderRandomOperations) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomOperations operations(seed);
  for (int step = 0; step < 60'000; ++step) {
    operations.Step();
    if (step % 251 != 0) continue;
    ASSERT_EQ(operations.store().BookedBytes(), operations.store().CountedBytes()) << step;
  }
  FlushAll(operations.store());
  EXPECT_EQ(operations.store().BookedBytes(), operations.store().CountedBytes());
  EXPECT_EQ(operations.store().BookedBytes(), EmptyTableBytes(operations.store()));
  while (!operations.store().keyspace.trash().Drain(1000)) {
  }
  EXPECT_EQ(operations.store().keyspace.arena_used_bytes(), 0) << "arenas";
}

TEST(Accounting, ReturnsToItsStartWhenEverythingIsDeleted) {
  TestStore store;
  store.Set("first", "v");
  store.Remove("first");
  for (int i = 0; i < 50'000; ++i) {
    store.Set("key:" + std::to_string(i), std::string(static_cast<std::size_t>(i % 300), 'v'));
  }
  const std::int64_t full = store.BookedBytes();
  EXPECT_EQ(full, store.CountedBytes());
  for (int i = 0; i < 50'000; ++i) EXPECT_TRUE(store.Remove("key:" + std::to_string(i)));
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
  EXPECT_EQ(store.keyspace.arena_used_bytes(), 0);
  // What is left are the tables' directories and their smallest segments.
  EXPECT_LT(store.BookedBytes(), full / 4);
  FlushAll(store);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST(Accounting, TheTotalIsWithinAFoldOfEachStripe) {
  TestStore store;
  for (int i = 0; i < 20'000; ++i) store.Set("key:" + std::to_string(i), "some value");
  const std::int64_t off = store.BookedBytes() - store.keyspace.used_bytes();
  EXPECT_LE(std::abs(off),
            static_cast<std::int64_t>(store.keyspace.stripe_count()) * Keyspace::kFoldBytes);
  EXPECT_EQ(store.keyspace.FoldUsedBytes(), store.BookedBytes());
  EXPECT_EQ(store.keyspace.used_bytes(), store.CountedBytes());
}

TEST(Accounting, UnderASmallLimitTheTotalIsWithinItsShare) {
  for (const std::int64_t limit : {1LL, 1'000'000LL, 10'000'000LL, 1LL << 40}) {
    TestStore store;
    store.keyspace.SetMemoryLimit(limit);
    for (int i = 0; i < 5'000; ++i) store.Set("key:" + std::to_string(i), "some value");
    const std::int64_t off = std::abs(store.BookedBytes() - store.keyspace.used_bytes());
    EXPECT_LE(off, limit / Keyspace::kFoldShare) << limit;
  }
}

}  // namespace
}  // namespace cairn::keyspace
