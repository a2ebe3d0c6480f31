// SPDX-License-Identifier: BSD-3-Clause
// Collections under keys: what they take is booked, an emptied one goes with its key, the times of
// a hash's fields and the key's own expiry share one column, and large values leave in the
// background.
#include <gtest/gtest.h>

#include <string>

#include "keyspace/expirer.h"
#include "keyspace/keyspace_testing.h"
#include "keyspace/value_digest.h"

namespace cairn::keyspace {
namespace {

constexpr value::HashLimits kHashLimits = {.packed_entries = 8, .packed_value_bytes = 64};
constexpr value::ListLimits kListLimits = {};

value::TableHome HomeOf(TestStore& store, const KeyRef& key) {
  return {store.keyspace.stripe(key.stripe).arena, store.keyspace.seed()};
}

void PushTo(TestStore& store, std::string_view name, int count) {
  store.With(name, [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    auto list = txn.Edit<value::List>(key, found);
    for (int i = 0; i < count; ++i) {
      const std::string text = "element " + std::to_string(i);
      const std::string_view texts[] = {text};
      list->Push(value::ListEnd::kBack, texts, kListLimits);
    }
  });
}

void SetFields(TestStore& store, std::string_view name, int count) {
  store.With(name, [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    auto hash = txn.Edit<value::Hash>(key, found);
    for (int i = 0; i < count; ++i)
      hash->Set("f" + std::to_string(i), "v", kHashLimits, HomeOf(store, key));
  });
}

void SetFieldTime(TestStore& store, std::string_view name, std::string_view field, UnixMs at_ms) {
  store.With(name, [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    auto hash = txn.Edit<value::Hash>(key, found);
    EXPECT_TRUE(hash->SetExpiry(field, at_ms, HomeOf(store, key)));
  });
}

std::size_t SizeOf(TestStore& store, std::string_view name) {
  return store.With(name, [&](Txn& txn, const KeyRef& key) {
    const Found found = txn.Find(key, Access::kPeek);
    return found ? found.entry->element_count() : std::size_t{0};
  });
}

TEST(Collections, AreBookedAndGoWhenEmptied) {
  TestStore store;
  for (const int count : {1, 100, 5000}) {
    PushTo(store, "list", count);
    EXPECT_EQ(SizeOf(store, "list"), static_cast<std::size_t>(count));
    EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
    store.With("list", [&](Txn& txn, const KeyRef& key) {
      Found found = txn.Find(key, Access::kWrite);
      auto list = txn.Edit<value::List>(key, found);
      list->EraseRange(0, list->size(), kListLimits);
      list.Finish();
      EXPECT_FALSE(found);
    });
    EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 0u);
    EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
  }
}

TEST(Collections, AStringReplacesOneAndLargeOnesLeaveLater) {
  TestStore store;
  PushTo(store, "large", 5000);
  PushTo(store, "small", 3);
  store.Set("large", "text");
  store.Set("small", "text");
  EXPECT_EQ(store.Get("large"), "text");
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
  EXPECT_EQ(store.keyspace.trash().pending(), 1);
  while (!store.keyspace.trash().Drain(100)) {
  }
  EXPECT_EQ(store.keyspace.trash().pending(), 0);
  EXPECT_EQ(store.keyspace.trash().freed(), 1);
}

// What a worker has sent last it does not free: neither what was deleted meanwhile nor what was
// edited.
TEST(Collections, AHugeStringThatIsBeingSentLeavesLater) {
  for (const auto& [size, later] :
       {std::pair(Trash::kBytesAtOnceMax, 0), std::pair(Trash::kBytesAtOnceMax + 1, 1)}) {
    for (const bool is_edited : {false, true}) {
      TestStore store;
      store.Set("key", std::string(size, 'x'));
      BlobRef reply;
      store.With("key", [&](Txn& txn, const KeyRef& key) {
        Found found = txn.Find(key, Access::kRead);
        reply = BlobRef(found.entry->blob());
        if (!is_edited) return txn.Remove(key, found);
        txn.EditString(key, found, size)[0] = 'y';
      });
      EXPECT_EQ(reply.get()->view(), std::string(size, 'x'));
      EXPECT_EQ(store.keyspace.trash().pending(), 0);
      reply = BlobRef();
      EXPECT_EQ(store.keyspace.trash().pending(), later) << size;
      while (!store.keyspace.trash().Drain(100)) {
      }
      EXPECT_EQ(store.keyspace.trash().pending(), 0);
      EXPECT_EQ(store.keyspace.trash().freed(), later);
    }
  }
}

// The key goes with the store, while the memory of another of the same bytes has gone before.
TEST(Collections, AHugeStringOfTwoKeysIsFreedWithTheStore) {
  TestStore store;
  store.Set("key", std::string(Trash::kBytesAtOnceMax + 1, 'x'));
  store.With("key", [&](Txn& txn, const KeyRef& key) {
    txn.CopyTo(txn.Find(key, Access::kPeek), DbId(1), key, txn.FindIn(DbId(1), key, Access::kPeek));
    Found found = txn.Find(key, Access::kPeek);
    txn.Remove(key, found);
  });
  EXPECT_EQ(store.keyspace.trash().pending(), 0);
}

TEST(Collections, AHugeStringLeavesLater) {
  TestStore store;
  for (const auto& [size, later] :
       {std::pair(Trash::kBytesAtOnceMax, 0), std::pair(Trash::kBytesAtOnceMax + 1, 1)}) {
    store.Set("key", std::string(size, 'x'));
    store.Set("key", "text");
    EXPECT_EQ(store.keyspace.trash().pending(), later) << size;
    EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
  }
  while (!store.keyspace.trash().Drain(100)) {
  }
  EXPECT_EQ(store.keyspace.trash().pending(), 0);
}

TEST(Collections, SetCollectionReplacesAndAnEmptyOneRemoves) {
  TestStore store;
  store.Set("key", "text", kTestStartMs + 1000);
  store.With("key", [&](Txn& txn, const KeyRef& key) {
    value::List list;
    const std::string_view texts[] = {"a", "b"};
    list.Push(value::ListEnd::kBack, texts, kListLimits);
    Found found = txn.Find(key, Access::kWrite);
    txn.SetCollection(key, found, std::move(list));
    EXPECT_EQ(txn.ExpiryAt(found), kNever);
    EXPECT_EQ(found.entry->type(), Type::kList);
  });
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
  store.With("key", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    txn.SetCollection(key, found, value::List());
    EXPECT_FALSE(found);
  });
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 0u);
}

TEST(Collections, MovingTakesTheElementsAlong) {
  TestStore store({.stripe_count = 1});
  PushTo(store, "from", 3000);
  SetFields(store, "to", 20);
  store.With("from", [&](Txn& txn, const KeyRef& key) {
    const KeyRef to_key = store.keyspace.Ref("to");
    const Found to = txn.Find(to_key, Access::kPeek);
    txn.MoveTo(key, txn.Find(key, Access::kPeek), DbId(0), to_key, to);
    Found from = txn.Find(key, Access::kPeek);
    EXPECT_EQ(from.entry->element_count(), 0u);
    txn.Remove(key, from);
  });
  EXPECT_EQ(SizeOf(store, "to"), 3000u);
  EXPECT_EQ(SizeOf(store, "from"), 0u);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST(ValueDigest, FollowsTheValueNotItsForm) {
  TestStore store;
  const auto digest_of = [&](std::string_view name) {
    return store.With(name, [&](Txn& txn, const KeyRef& key) {
      return ValueDigest(*txn.Find(key, Access::kPeek).entry);
    });
  };
  SetFields(store, "packed", 8);
  store.With("table", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    auto hash = txn.Edit<value::Hash>(key, found);
    const value::HashLimits at_once = {.packed_entries = 1, .packed_value_bytes = 1};
    for (int i = 7; i >= 0; --i)
      hash->Set("f" + std::to_string(i), "v", at_once, HomeOf(store, key));
    EXPECT_FALSE(hash->is_packed());
  });
  EXPECT_EQ(digest_of("packed"), digest_of("table"));
  SetFieldTime(store, "packed", "f1", kTestStartMs + 1000);
  EXPECT_NE(digest_of("packed"), digest_of("table"));
  PushTo(store, "a", 10);
  PushTo(store, "b", 11);
  EXPECT_NE(digest_of("a"), digest_of("b"));
}

class TimedHash : public ::testing::TestWithParam<int> {};

TEST_P(TimedHash, FieldsGoOnTimeAndTheLastTakesTheKey) {
  TestStore store;
  const int fields = GetParam();
  SetFields(store, "hash", fields);
  for (int i = 0; i < fields; ++i)
    SetFieldTime(store, "hash", "f" + std::to_string(i), kTestStartMs + 1000 * (i + 1));
  EXPECT_EQ(store.ExpiryOf("hash"), kNever);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
  store.clock.AdvanceMs(1500);
  EXPECT_EQ(SizeOf(store, "hash"), static_cast<std::size_t>(fields - 1));
  Expirer expirer(store.keyspace);
  store.clock.AdvanceMs(1000);
  expirer.Tick(1000);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 1u);
  EXPECT_EQ(SizeOf(store, "hash"), static_cast<std::size_t>(fields - 2));
  store.clock.AdvanceMs(1000 * fields);
  expirer.Tick(1000);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 0u);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST_P(TimedHash, TheKeysOwnExpiryIsKeptBesideThem) {
  TestStore store;
  SetFields(store, "hash", GetParam());
  SetFieldTime(store, "hash", "f0", kTestStartMs + 1000);
  store.With("hash", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    txn.SetExpiry(key, found, kTestStartMs + 5000);
  });
  EXPECT_EQ(store.ExpiryOf("hash"), kTestStartMs + 5000);
  store.clock.AdvanceMs(2000);
  EXPECT_EQ(SizeOf(store, "hash"), static_cast<std::size_t>(GetParam() - 1));
  EXPECT_EQ(store.ExpiryOf("hash"), kTestStartMs + 5000);
  store.With("hash", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    txn.ClearExpiry(key, found);
  });
  EXPECT_EQ(store.ExpiryOf("hash"), kNever);
  store.clock.AdvanceMs(10'000);
  EXPECT_EQ(SizeOf(store, "hash"), static_cast<std::size_t>(GetParam() - 1));
  store.With("hash", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    txn.SetExpiry(key, found, kTestStartMs + 20'000);
  });
  store.clock.AdvanceMs(10'000);
  EXPECT_EQ(SizeOf(store, "hash"), 0u);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST_P(TimedHash, ACopyHasTheTimesToo) {
  TestStore store({.stripe_count = 1});
  SetFields(store, "hash", GetParam());
  SetFieldTime(store, "hash", "f0", kTestStartMs + 1000);
  store.With("hash", [&](Txn& txn, const KeyRef& key) {
    const KeyRef to_key = store.keyspace.Ref("copy");
    txn.CopyTo(txn.Find(key, Access::kPeek), DbId(0), to_key, {});
  });
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
  store.clock.AdvanceMs(2000);
  EXPECT_EQ(SizeOf(store, "copy"), static_cast<std::size_t>(GetParam() - 1));
}

// What INFO says: keys with an expiry of their own, and hashes with fields that have times.
TEST_P(TimedHash, AreCountedApartFromKeysThatExpire) {
  TestStore store({.stripe_count = 1});
  const auto expect = [&](std::size_t expiring, std::size_t with_times, const char* after) {
    const DatabaseSize size = store.keyspace.Size(DbId(0));
    EXPECT_EQ(size.volatile_keys, expiring) << after;
    EXPECT_EQ(size.hashes_with_times, with_times) << after;
  };
  const auto with_found = [&](auto fn) {
    store.With("hash", [&](Txn& txn, const KeyRef& key) {
      Found found = txn.Find(key, Access::kWrite);
      fn(txn, key, found);
    });
  };
  const auto expire_at = [&](UnixMs at_ms) {
    with_found([&](Txn& txn, const KeyRef& key, Found& found) {
      at_ms == kNever ? txn.ClearExpiry(key, found) : txn.SetExpiry(key, found, at_ms);
    });
  };
  const auto clear_field = [&](std::string_view field) {
    with_found([&](Txn& txn, const KeyRef& key, Found& found) {
      txn.Edit<value::Hash>(key, found)->ClearExpiry(field);
    });
  };
  SetFields(store, "hash", GetParam());
  expect(0, 0, "set");
  SetFieldTime(store, "hash", "f0", kTestStartMs + 5000);
  SetFieldTime(store, "hash", "f1", kTestStartMs + 6000);
  expect(0, 1, "times of fields");
  expire_at(kTestStartMs + 9000);
  expect(1, 1, "an expiry of its own, later");
  expire_at(kTestStartMs + 1000);
  expect(1, 1, "an expiry of its own, earlier");
  clear_field("f0");
  expect(1, 1, "one field has none any more");
  clear_field("f1");
  expect(1, 0, "no field has one any more");
  SetFieldTime(store, "hash", "f1", kTestStartMs + 6000);
  expire_at(kNever);
  expect(0, 1, "only the field again");
  with_found([&](Txn& txn, const KeyRef& key, Found& found) {
    txn.CopyTo(found, DbId(0), store.keyspace.Ref("copy"), {});
    txn.MoveTo(key, txn.Find(key, Access::kPeek), DbId(0), store.keyspace.Ref("moved"), {});
    found = txn.Find(key, Access::kPeek);
    txn.Remove(key, found);
  });
  expect(0, 2, "copied and moved");
  store.Set("copy", "text");
  expect(0, 1, "overwritten");
  store.clock.AdvanceMs(7000);
  EXPECT_EQ(SizeOf(store, "moved"), static_cast<std::size_t>(GetParam() - 1));
  expect(0, 0, "the field has expired");
  SetFieldTime(store, "moved", "f0", kTestStartMs + 90'000);
  expect(0, 1, "before a flush");
  KeyLocks locks(store.keyspace);
  locks.AcquireAll();
  store.keyspace.FlushDatabase(locks, DbId(0));
  locks.Release();
  expect(0, 0, "flushed");
}

INSTANTIATE_TEST_SUITE_P(PackedAndTable, TimedHash, ::testing::Values(3, 50));

}  // namespace
}  // namespace cairn::keyspace
