// SPDX-License-Identifier: BSD-3-Clause
// A cut shows every key as it was, once, whatever is written meanwhile, on one thread and on many.
#include "keyspace/cut.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/thread.h"
#include "keyspace/cut_testing.h"
#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

constexpr value::HashLimits kHashLimits = {.packed_entries = 8, .packed_value_bytes = 64};
constexpr value::ListLimits kListLimits = {};

std::string RandomText(Random& random) {
  return std::string(random.Below(40), static_cast<char>('a' + random.Below(26)));
}

void WriteHash(Txn& txn, const KeyRef& key, Found& found, Random& random,
               const value::TableHome& home) {
  auto hash = txn.Edit<value::Hash>(key, found);
  const std::string field = "f" + std::to_string(random.Below(30));
  hash->Set(field, RandomText(random), kHashLimits, home);
  if (random.Below(3) == 0)
    hash->SetExpiry(field, txn.now_ms() + 1 + static_cast<UnixMs>(random.Below(500)), home);
  if (random.Below(3) == 0) hash->Remove("f" + std::to_string(random.Below(30)));
}

void WriteList(Txn& txn, const KeyRef& key, Found& found, Random& random) {
  auto list = txn.Edit<value::List>(key, found);
  const std::string text = RandomText(random);
  const std::string_view texts[] = {text};
  list->Push(value::ListEnd::kFront, texts, kListLimits);
  if (random.Below(2) == 0) list->EraseRange(0, 1, kListLimits);
}

// One random write of any kind.
void Write(TestStore& store, Random& random, std::size_t names) NO_THREAD_SAFETY_ANALYSIS {
  const std::string name = "key" + std::to_string(random.Below(names));
  const std::string other = "key" + std::to_string(random.Below(names));
  const DbId db(random.Below(4) == 0 ? 1 : 0);
  const KeyRef keys[] = {store.keyspace.Ref(name), store.keyspace.Ref(other)};
  const AllHeld all(store.keyspace);
  const Viewer viewer(db, store.clock.NowUnixMs(), random);
  Txn txn(store.keyspace, all.locks, viewer);
  const KeyRef& key = keys[0];
  Found found = txn.Find(key, Access::kWrite);
  const value::TableHome home = {store.keyspace.stripe(key.stripe).arena, store.keyspace.seed()};
  switch (random.Below(12)) {
    case 0:
    case 1:
      txn.SetString(key, found, RandomText(random), random.Below(2) == 0 ? Ttl::kDrop : Ttl::kKeep);
      break;
    case 2:
      if (found) txn.Remove(key, found);
      break;
    case 3:
      if (found)
        txn.SetExpiry(key, found, txn.now_ms() + 1 + static_cast<UnixMs>(random.Below(900)));
      break;
    case 4:
      if (found) txn.ClearExpiry(key, found);
      break;
    case 5: {  // grows into a blob now and then
      if (found && found.entry->type() != Type::kString) break;
      const std::span<char> bytes = txn.EditString(key, found, random.Below(20) == 0 ? 20'000 : 30);
      bytes[random.Below(bytes.size())] = 'x';
      break;
    }
    case 6:
    case 7:
      if (!found || found.entry->type() == Type::kHash) WriteHash(txn, key, found, random, home);
      break;
    case 8:
      if (!found || found.entry->type() == Type::kList) WriteList(txn, key, found, random);
      break;
    case 9: {  // RENAME
      Found to = txn.Find(keys[1], Access::kWrite);
      if (!found || name == other) break;
      txn.MoveTo(key, found, db, keys[1], to);
      found = txn.Find(key, Access::kWrite);
      txn.Remove(key, found);
      break;
    }
    case 10: {
      Found to = txn.FindIn(DbId(1 - db.value), key, Access::kWrite);
      if (found) txn.CopyTo(found, DbId(1 - db.value), key, to);
      break;
    }
    default:
      if (random.Below(40) == 0) txn.FlushDatabase(db);
      if (random.Below(40) == 0) txn.SwapDatabases(DbId(0), DbId(1));
  }
  if (random.Below(20) == 0) store.clock.AdvanceMs(3);
}

TEST(Cut, ShowsWhatWasThereWhateverIsWritten) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TestStore store({.stripe_count = 4, .database_count = 2});
    Random random(seed);
    const std::size_t names = 20 + random.Below(3000);
    for (std::size_t i = 0; i < 2 * names; ++i) Write(store, random, names);
    const Picture expected = PictureOf(store.keyspace);
    const auto cut = BeginCut(store.keyspace);
    EXPECT_EQ(cut->size(DbId(0)).keys + cut->size(DbId(1)).keys, expected.size());
    Picture seen;
    for (bool more = true; more;) {
      for (std::uint64_t i = random.Below(30); i > 0; --i) Write(store, random, names);
      // As one who may wait takes it, or as one who may not.
      const bool waits = random.Below(2) == 0;
      if (!waits) (void)cut->TryWalk();
      const auto batch = waits ? cut->Next() : cut->Pop();
      more = batch.has_value() || !waits;
      if (batch) AddTo(seen, *batch);
    }
    ASSERT_EQ(seen, expected);
    while (!store.keyspace.trash().Drain(1000)) continue;
    EXPECT_EQ(store.keyspace.cut_backlog().bytes(), 0u);
  }
}

TEST(Cut, GivenUpHalfWayLeavesNothingBehind) {
  TestStore store({.stripe_count = 4, .database_count = 2});
  Random random(7);
  for (int i = 0; i < 4000; ++i) Write(store, random, 1500);
  for (int round = 0; round < 5; ++round) {
    {
      const auto cut = BeginCut(store.keyspace);
      cut->Next();
      for (int i = 0; i < 300; ++i) Write(store, random, 1500);
    }
    for (int i = 0; i < 300; ++i) Write(store, random, 1500);
    EXPECT_EQ(store.keyspace.cut_backlog().bytes(), 0u);
  }
  const Picture expected = PictureOf(store.keyspace);
  const auto cut = BeginCut(store.keyspace);
  Picture seen;
  while (const auto batch = cut->Next()) AddTo(seen, *batch);
  EXPECT_EQ(seen, expected);
}

// A flushed table lives on until its entries have been handed out, and no longer.
TEST(Cut, KeepsAFlushedDatabaseForAWhile) {
  TestStore store({.stripe_count = 2});
  for (int i = 0; i < 5000; ++i) store.Set("key" + std::to_string(i), "value");
  const Picture expected = PictureOf(store.keyspace);
  const auto cut = BeginCut(store.keyspace);
  {
    const AllHeld all(store.keyspace);
    EXPECT_EQ(store.keyspace.FlushDatabase(all.locks, DbId(0)), 5000u);
  }
  EXPECT_EQ(store.keyspace.trash().pending(), 0);
  store.Set("key1", "new");
  Picture seen;
  while (const auto batch = cut->Next()) AddTo(seen, *batch);
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(store.keyspace.trash().pending(), 5000);
  EXPECT_EQ(store.Get("key1"), "new");
}

// Who may not wait leaves a stripe that somebody has, for long or not.
TEST(Cut, TriesNoStripeThatIsLocked) NO_THREAD_SAFETY_ANALYSIS {
  TestStore store({.stripe_count = 1});
  for (int i = 0; i < 5000; ++i) store.Set("key" + std::to_string(i), "value");
  const auto cut = BeginCut(store.keyspace);
  EXPECT_EQ(cut->TryWalk(), Cut::Walked::kStep);
  StripeSet stripes;
  stripes.set(0);
  for (const bool for_long : {false, true}) {
    KeyLocks locks(store.keyspace);
    if (for_long) {
      locks.AcquireForLong(stripes);
    } else {
      locks.AcquireStripe(StripeId(0));
    }
    EXPECT_EQ(cut->TryWalk(), Cut::Walked::kBusy);
    locks.Release();
  }
  Picture seen;
  while (cut->TryWalk() == Cut::Walked::kStep) continue;
  EXPECT_EQ(cut->TryWalk(), Cut::Walked::kEnd);
  while (const auto batch = cut->Pop()) AddTo(seen, *batch);
  EXPECT_EQ(seen.size(), 5000u);
  EXPECT_FALSE(cut->Next().has_value());
}

// And copies little at a time.
TEST(Cut, ATriedStepIsSmall) {
  constexpr std::size_t kValueBytes = 1000;
  constexpr std::size_t kKeys = 2000;
  TestStore store({.stripe_count = 1});
  for (std::size_t i = 0; i < kKeys; ++i)
    store.Set("key" + std::to_string(i), std::string(kValueBytes, 'v'));
  const auto cut = BeginCut(store.keyspace);
  std::size_t steps = 0;
  for (; cut->TryWalk() == Cut::Walked::kStep; ++steps) continue;
  EXPECT_GE(steps, kKeys * kValueBytes / (2 * Cut::kTriedBytesMax));
}

// What only a cut keeps alive is in the backlog, by which writers are held up.
TEST(Cut, CountsWhatHangsOffItsImages) {
  constexpr std::size_t kValues = 40;
  TestStore store({.stripe_count = 1});
  const std::string value(1024 * 1024, 'v');
  const auto name = [](std::size_t i) { return "key" + std::to_string(i); };
  for (std::size_t i = 0; i < kValues; ++i) store.Set(name(i), value);
  const CutBacklog& backlog = store.keyspace.cut_backlog();
  auto cut = BeginCut(store.keyspace);
  for (std::size_t i = 0; i < kValues; ++i) store.Set(name(i), "new");
  EXPECT_TRUE(backlog.is_full());
  // But for the batch that is being filled.
  EXPECT_GT(backlog.bytes(), kValues * value.size() - 2 * value.size());
  Picture seen;
  while (const auto batch = cut->Next()) AddTo(seen, *batch);
  EXPECT_EQ(seen.size(), kValues);
  EXPECT_EQ(backlog.bytes(), 0u);
}

// Every writer adds one to a pair of keys in one transaction: a cut that saw one and not the other
// would not add up.
TEST(Cut, IsOneMomentForWritersOnManyThreads) {
  TestStore store;
  constexpr int kPairs = 2000;
  const auto left = [](int i) { return "left" + std::to_string(i); };
  const auto right = [](int i) { return "right" + std::to_string(i); };
  for (int i = 0; i < kPairs; ++i) {
    store.Set(left(i), "0");
    store.Set(right(i), "0");
  }
  std::atomic<bool> stop{false};
  const auto write = [&](std::uint64_t seed) NO_THREAD_SAFETY_ANALYSIS {
    Random random(seed);
    for (std::uint64_t n = 1; !stop.load(); ++n) {
      const int i = static_cast<int>(random.Below(kPairs));
      const std::string names[] = {left(i), right(i)};
      const KeyRef keys[] = {store.keyspace.Ref(names[0]), store.keyspace.Ref(names[1])};
      KeyLocks locks(store.keyspace);
      locks.Acquire(keys);
      const Viewer viewer(DbId(0), kTestStartMs, random);
      Txn txn(store.keyspace, locks, viewer);
      const std::string text = std::to_string(n);
      for (const KeyRef& key : keys)
        txn.SetString(key, txn.Find(key, Access::kWrite), text, Ttl::kDrop);
      locks.Release();
    }
  };
  std::vector<Thread> threads;
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    threads.emplace_back("writer", [=] { write(seed); });
  for (int round = 0; round < 20; ++round) {
    const auto cut = BeginCut(store.keyspace);
    std::map<std::string, std::string, std::less<>> seen;
    while (const auto batch = cut->Next()) {
      batch->ForEach([&](DbId, UnixMs, const Entry& entry, CutValue*) {
        EXPECT_TRUE(seen.emplace(entry.key(), entry.value()).second);
      });
    }
    ASSERT_EQ(seen.size(), 2u * kPairs);
    for (int i = 0; i < kPairs; ++i) ASSERT_EQ(seen[left(i)], seen[right(i)]);
  }
  stop.store(true);
  for (Thread& thread : threads) thread.Join();
}

}  // namespace
}  // namespace cairn::keyspace
