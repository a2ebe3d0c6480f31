// SPDX-License-Identifier: BSD-3-Clause
// Txn: strings stored, edited, copied and removed, at the borders of the ways of keeping them, and
// what becomes of their expiry.
#include "keyspace/txn.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

constexpr UnixMs kSoon = kTestStartMs + 100;
constexpr UnixMs kFar = kTestStartMs + UnixMs{1'000'000'000} * 365 * 24 * 3600;

struct Place {
  const Entry* entry;
  Encoding encoding;
};

Place PlaceOf(TestStore& store, std::string_view name) {
  return store.With(name, [&](Txn& txn, const KeyRef& key) {
    const Found found = txn.Find(key, Access::kPeek);
    return Place{found.entry, found.entry->encoding()};
  });
}

std::string Numbered(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

TEST(TxnSetString, EveryChangeOfSizeKeepsTheValueAndTheBooks) {
  const std::size_t sizes[] = {0,
                               1,
                               7,
                               8,
                               9,
                               44,
                               100,
                               1000,
                               1015,
                               1016,
                               1017,
                               1024,
                               4096,
                               kBlobThreshold - 1,
                               kBlobThreshold,
                               kBlobThreshold + 1,
                               100'000};
  for (const std::size_t before : sizes) {
    for (const std::size_t after : sizes) {
      TestStore store({.stripe_count = 1});
      store.Set("k", std::string(before, 'x'));
      store.Set("k", Numbered(after));
      EXPECT_EQ(store.Get("k"), Numbered(after)) << before << " to " << after;
      EXPECT_EQ(store.BookedBytes(), store.CountedBytes()) << before << " to " << after;
      EXPECT_EQ(PlaceOf(store, "k").encoding,
                after >= kBlobThreshold ? Encoding::kBlob : Encoding::kPlain);
    }
  }
}

TEST(TxnSetString, OverwritesInPlaceWithinASizeClass) {
  TestStore store;
  store.Set("k", "12345");
  const Entry* const before = PlaceOf(store, "k").entry;
  store.Set("k", "1234");  // 8 + 1 + 4 and 8 + 1 + 5 bytes are one class of 16
  EXPECT_EQ(PlaceOf(store, "k").entry, before);
  store.Set("k", std::string(100, 'x'));
  EXPECT_EQ(store.Get("k"), std::string(100, 'x'));
}

TEST(TxnSetString, LongKeysAndValuesAreWide) {
  TestStore store;
  for (const std::size_t key_size : {254, 255, 256, 70'000}) {
    const std::string key(key_size, 'k');
    for (const std::size_t size : {0, 1, 300, 20'000}) {
      store.Set(key, Numbered(size));
      EXPECT_EQ(store.Get(key), Numbered(size)) << key_size << ' ' << size;
      EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
    }
    EXPECT_TRUE(store.Remove(key));
    EXPECT_EQ(store.Get(key), std::nullopt);
  }
}

TEST(TxnSetString, KeepsOrDropsTheExpiry) {
  for (const std::size_t size : {4, 5, 500, 20'000}) {  // in place, and every other way
    for (const Ttl ttl : {Ttl::kKeep, Ttl::kDrop}) {
      TestStore store;
      store.Set("k", "12345", kFar);
      store.With("k", [&](Txn& txn, const KeyRef& key) {
        txn.SetString(key, txn.Find(key, Access::kWrite), Numbered(size), ttl);
      });
      EXPECT_EQ(store.ExpiryOf("k"), ttl == Ttl::kKeep ? kFar : kNever) << size;
      EXPECT_EQ(store.Get("k"), Numbered(size));
      EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
      EXPECT_EQ(store.keyspace.Size(DbId(0)).volatile_keys, ttl == Ttl::kKeep ? 1u : 0u);
    }
  }
}

TEST(TxnEditString, GrowsWithZerosThroughEveryWayOfKeeping) {
  TestStore store;
  std::string model;
  const std::size_t sizes[] = {1,      3,      8,  64,     1000,    1100,      16'383,   16'384,
                               16'385, 40'000, 39, 90'000, 300'000, 1'500'000, 3'000'000};
  for (const std::size_t size : sizes) {
    store.With("k", [&](Txn& txn, const KeyRef& key) {
      Found found = txn.Find(key, Access::kWrite);
      const std::span<char> bytes = txn.EditString(key, found, size);
      model.resize(std::max(model.size(), size), '\0');
      ASSERT_EQ(bytes.size(), model.size());
      bytes[bytes.size() - 1] = 'e';
      model.back() = 'e';
      EXPECT_EQ(found.entry->value(), model);
      EXPECT_EQ(found.entry->encoding(),
                model.size() >= kBlobThreshold ? Encoding::kBlob : Encoding::kRaw);
    });
    EXPECT_TRUE(store.Get("k") == model) << size;
    EXPECT_EQ(store.BookedBytes(), store.CountedBytes()) << size;
  }
}

TEST(TxnEditString, KeepsTheExpiry) {
  TestStore store;
  store.Set("k", "v", kFar);
  for (const std::size_t size : {2, 200, 20'000, 200'000}) {
    store.With("k", [&](Txn& txn, const KeyRef& key) {
      Found found = txn.Find(key, Access::kWrite);
      txn.EditString(key, found, size);
    });
    EXPECT_EQ(store.ExpiryOf("k"), kFar);
  }
}

TEST(TxnEditString, LeavesASharedBlobAsItWas) {
  TestStore store;
  const std::string text = Numbered(50'000);
  store.Set("k", text);
  BlobRef on_its_way;
  store.With("k", [&](Txn& txn, const KeyRef& key) {
    on_its_way = BlobRef(txn.Find(key, Access::kRead).entry->blob());
  });
  store.With("k", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    txn.EditString(key, found, text.size())[0] = '!';
  });
  EXPECT_TRUE(on_its_way.get()->view() == text);
  EXPECT_EQ(store.Get("k")->at(0), '!');
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST(TxnCopyTo, CopiesValueAndExpiryAndReplacesTheTarget) {
  for (const std::size_t size : {0, 3, 500, 16'383, 16'384, 200'000}) {
    TestStore store;
    const std::string value = Numbered(size);
    store.Set("{t}a", value, kFar);
    store.Set("{t}b", "old");
    store.Set("{t}a", "other database", DbId(3));
    store.With("{t}a", [&](Txn& txn, const KeyRef& from_key) {
      const KeyRef to_key = store.keyspace.Ref("{t}b");
      Found to = txn.FindIn(DbId(0), to_key, Access::kPeek);
      txn.CopyTo(txn.Find(from_key, Access::kPeek), DbId(0), to_key, to);
      to = txn.FindIn(DbId(3), from_key, Access::kPeek);
      txn.CopyTo(txn.Find(from_key, Access::kPeek), DbId(3), from_key, to);
      const Found fresh = txn.FindIn(DbId(5), from_key, Access::kPeek);
      txn.CopyTo(txn.Find(from_key, Access::kPeek), DbId(5), from_key, fresh);
    });
    EXPECT_EQ(store.Get("{t}a"), value);
    EXPECT_EQ(store.Get("{t}b"), value);
    EXPECT_EQ(store.ExpiryOf("{t}b"), kFar);
    for (const std::uint32_t db : {3u, 5u}) {
      EXPECT_EQ(store.Get("{t}a", DbId(db)), value);
      EXPECT_EQ(store.ExpiryOf("{t}a", DbId(db)), kFar);
    }
    EXPECT_EQ(store.BookedBytes(), store.CountedBytes()) << size;
    EXPECT_TRUE(store.Remove("{t}a"));
    EXPECT_EQ(store.Get("{t}b"), value) << "a shared value outlives the key it came from";
  }
}

TEST(TxnCopyTo, ACopyWithoutExpiryTakesTheTargetsAway) {
  TestStore store;
  store.Set("{t}a", "v");
  store.Set("{t}b", "old", kFar);
  store.With("{t}a", [&](Txn& txn, const KeyRef& from_key) {
    const KeyRef to_key = store.keyspace.Ref("{t}b");
    const Found to = txn.Find(to_key, Access::kPeek);
    txn.CopyTo(txn.Find(from_key, Access::kPeek), DbId(0), to_key, to);
  });
  EXPECT_EQ(store.ExpiryOf("{t}b"), kNever);
}

TEST(TxnExpiry, AnExpiredKeyIsAbsentFromItsVeryMillisecond) {
  TestStore store;
  store.Set("k", "v", kSoon);
  store.clock.AdvanceMs(99);
  EXPECT_EQ(store.Get("k"), "v");
  store.clock.AdvanceMs(1);
  EXPECT_EQ(store.Get("k"), std::nullopt);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 0u) << "looking at it removed it";
  EXPECT_EQ(store.keyspace.Totals().expired, 1);
}

TEST(TxnExpiry, FarAndNearMomentsAreKeptExactly) {
  TestStore store;
  const UnixMs moments[] = {kSoon,
                            kTestStartMs + 1,
                            kTestStartMs + (UnixMs{1} << 32) - 1,
                            kTestStartMs + (UnixMs{1} << 32),
                            kTestStartMs + (UnixMs{1} << 39),
                            kTestStartMs + (UnixMs{1} << 40) - 1,
                            kTestStartMs + (UnixMs{1} << 40),
                            kTestStartMs + (UnixMs{1} << 41),
                            kFar,
                            kNever - 2,
                            kNever - 1};
  std::vector<std::string> names;
  for (const UnixMs moment : moments) {
    names.push_back("k" + std::to_string(moment));
    store.Set(names.back(), "v", moment);
  }
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(store.ExpiryOf(names[i]), moments[i]);
    for (int i = 0; i < 5000; ++i) store.Set("filler" + std::to_string(i), "v");
  }
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST(TxnExpiry, SetAndClearAndSetAgain) {
  TestStore store;
  store.Set("k", "v", kFar);
  store.With("k", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kPeek);
    txn.ClearExpiry(key, found);
    EXPECT_EQ(txn.ExpiryAt(found), kNever);
    txn.ClearExpiry(key, found);
    txn.SetExpiry(key, found, kSoon);
    txn.SetExpiry(key, found, kFar);
    EXPECT_EQ(txn.ExpiryAt(found), kFar);
  });
  EXPECT_EQ(store.keyspace.Size(DbId(0)).volatile_keys, 1u);
}

TEST(TxnAccess, ReadsCountAndPeeksDoNot) {
  TestStore store;
  store.Set("k", "v");
  store.Get("k", DbId(0), Access::kRead);
  store.Get("none", DbId(0), Access::kRead);
  store.Get("k", DbId(0), Access::kPeek);
  store.Get("none", DbId(0), Access::kWrite);
  EXPECT_EQ(store.keyspace.Totals().hits, 1);
  EXPECT_EQ(store.keyspace.Totals().misses, 1);
  store.clock.AdvanceMs(5000);
  const auto idle_seconds = [&] {
    return store.With("k", [&](Txn& txn, const KeyRef& key) {
      return IdleSeconds(txn.Find(key, Access::kPeek).entry->access(), store.clock.NowUnixMs());
    });
  };
  EXPECT_EQ(idle_seconds(), 5);
  store.Get("k", DbId(0), Access::kRead);
  EXPECT_EQ(idle_seconds(), 0);
}

TEST(TxnLog, NamesExpiryBeforeTheCommand) {
  TestStore store;
  KeyLocks locks(store.keyspace);
  locks.AcquireAll();
  const std::unique_ptr<log::Reader> reader = store.keyspace.log().Attach(log::Lag::kMustKeep);
  locks.Release();
  store.Set("k", "v", kSoon);
  store.clock.AdvanceMs(100);
  store.With(
      "k",
      [&](Txn& txn, const KeyRef& key) {
        txn.SetString(key, txn.Find(key, Access::kWrite), "w", Ttl::kDrop);
        txn.Log({"SET", "k", "w"});
        EXPECT_EQ(txn.changes(), 1);
      },
      DbId(0));
  EXPECT_EQ(reader->Next()->args, (std::vector<std::string>{"DEL", "k"}));
  EXPECT_EQ(reader->Next()->args, (std::vector<std::string>{"SET", "k", "w"}));
  EXPECT_EQ(reader->Next(), std::nullopt);
}

// A pipeline about one key: what was seen before it is used while it is right, and only then.
TEST(TxnPrefetched, OneKeyManyTimes) {
  TestStore store;
  store.Set("k", "v");
  std::vector<KeyRef> keys(4, store.keyspace.Ref("k"));
  store.keyspace.Prefetch(DbId(0), keys);
  const Entry* entry = PlaceOf(store, "k").entry;
  KeyLocks locks(store.keyspace);
  StripeHold hold(locks, keys[0].stripe);
  const Viewer viewer(DbId(0), store.clock.NowUnixMs(), store.random);
  Txn txn(store.keyspace, locks, viewer);
  for (const KeyRef& key : keys) {
    ASSERT_NE(key.hinted, nullptr);
    EXPECT_EQ(key.hinted->table.FindHinted(key.name, key.hint), entry);
  }
  Found found = txn.Find(keys[0], Access::kWrite);
  txn.Remove(keys[0], found);
  EXPECT_FALSE(txn.Find(keys[1], Access::kRead));
  txn.SetString(keys[1], Found(), "w", Ttl::kDrop);
  EXPECT_EQ(txn.Find(keys[2], Access::kRead).entry->value(), "w");
  EXPECT_EQ(txn.Find(keys[3], Access::kRead).entry->value(), "w");
}

TEST(TxnPrefetched, KeysOfOneHashInTwoStripes) {
  TestStore store;
  KeyRef keys[] = {store.keyspace.Ref("k"), store.keyspace.Ref("other")};
  ASSERT_FALSE(keys[0].stripe == keys[1].stripe);
  store.Set("k", "v");
  store.Set("other", "w");
  keys[1].hash = keys[0].hash;
  store.keyspace.Prefetch(DbId(0), keys);
  for (const KeyRef& key : keys)
    EXPECT_EQ(key.hinted, store.keyspace.stripe(key.stripe).shard(DbId(0)));
}

TEST(TxnPrefetched, OneKeyThatIsNotThere) {
  TestStore store;
  std::vector<KeyRef> keys(2, store.keyspace.Ref("k"));
  store.keyspace.Prefetch(DbId(0), keys);
  EXPECT_EQ(keys[1].hinted, nullptr) << "its stripe has never had a key";
  store.Set("other", "v");
  store.keyspace.Prefetch(DbId(0), keys);
  store.Set("k", "v");
  EXPECT_EQ(store.Get("k"), "v");
  KeyLocks locks(store.keyspace);
  StripeHold hold(locks, keys[0].stripe);
  const Viewer viewer(DbId(0), store.clock.NowUnixMs(), store.random);
  Txn txn(store.keyspace, locks, viewer);
  for (const KeyRef& key : keys) EXPECT_EQ(txn.Find(key, Access::kRead).entry->value(), "v");
}

}  // namespace
}  // namespace cairn::keyspace
