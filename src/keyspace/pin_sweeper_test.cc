// SPDX-License-Identifier: BSD-3-Clause
// What is pinned stays: for the expirer, the evictor, bumps and clears. And pins that nothing
// stands behind go.
#include "keyspace/pin_sweeper.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "keyspace/dead_sweeper.h"
#include "keyspace/evictor.h"
#include "keyspace/expirer.h"
#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

constexpr UnixMs kSoon = kTestStartMs + 100;

std::unique_ptr<CacheNotes> PinnedNotes(TestStore& store, const std::string& log,
                                        value::StreamId id, UnixMs expires_at) {
  auto notes = std::make_unique<CacheNotes>();
  notes->stamp = store.keyspace.tags().Now();
  notes->set_pin(std::make_unique<Pin>(Pin{.log = log, .id = id, .expires_at = expires_at}));
  return notes;
}

void SetPinned(TestStore& store, const std::string& name, value::StreamId id,
               UnixMs expires_at = kNever) {
  store.With(name, [&](Txn& txn, const KeyRef& key) {
    Found found = txn.SetString(key, txn.Find(key, Access::kWrite), "value", Ttl::kDrop);
    txn.SetNotes(key, found, PinnedNotes(store, "log", id, expires_at));
  });
}

// An entry of the log, with that id.
void Append(TestStore& store, value::StreamId id) {
  store.With("log", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    {
      auto stream = txn.Edit<value::Stream>(key, found);
      const std::string_view fields[] = {"key", "k"};
      ASSERT_TRUE(stream->Append({.kind = value::NewStreamId::Kind::kGiven, .id = id}, fields,
                                 store.clock.NowUnixMs(), {},
                                 *store.keyspace.stripe(key.stripe).arena));
    }
    if (found.entry->pin() == nullptr)
      txn.SetNotes(key, found, PinnedNotes(store, "log", {}, kNever));
  });
}

void DeleteEntry(TestStore& store, value::StreamId id) {
  store.With("log", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    txn.Edit<value::Stream>(key, found)->Delete(id);
  });
}

void Remove(TestStore& store, const std::string& name) {
  store.With(name, [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    txn.Remove(key, found);
  });
}

bool IsPinned(TestStore& store, const std::string& name) {
  return store.With(name, [&](Txn& txn, const KeyRef& key) {
    const Found found = txn.Find(key, Access::kPeek);
    return found && found.entry->pin() != nullptr;
  });
}

void Sweep(TestStore& store, PinSweeper& sweeper) {
  store.clock.AdvanceMs(PinSweeper::kCheckMs);
  do {
    sweeper.Tick();
  } while (sweeper.is_walking());
}

TEST(Pin, OutlivesItsTimeAndGoesOnceLetGo) {
  TestStore store;
  SetPinned(store, "k", {5, 1}, kSoon);
  store.clock.AdvanceMs(1000);
  Expirer expirer(store.keyspace);
  expirer.Tick(1000);
  EXPECT_EQ(store.Get("k"), "value");
  store.With("k", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kPeek);
    EXPECT_EQ(txn.ExpiryAt(found), kNever);
    EXPECT_EQ(txn.DeadlineAt(found), kSoon);
    txn.Unpin(key, found);
  });
  expirer.Tick(1000);
  EXPECT_EQ(store.Get("k"), std::nullopt);
}

TEST(Pin, IsNotReachedByABumpUntilLetGo) {
  TestStore store;
  store.With("k", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.SetString(key, {}, "value", Ttl::kDrop);
    auto notes = PinnedNotes(store, "log", {5, 1}, kNever);
    notes->set_tags({store.keyspace.tags().Get("tag")});
    txn.SetNotes(key, found, std::move(notes));
  });
  store.keyspace.tags().BumpAt("tag", Bump::kHard, store.keyspace.tags().Draw());
  DeadSweeper sweeper(store.keyspace);
  do {
    sweeper.Tick();
  } while (sweeper.is_walking());
  EXPECT_EQ(store.Get("k"), "value");
  store.With("k", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kPeek);
    txn.Unpin(key, found);
    EXPECT_FALSE(found);
  });
  EXPECT_EQ(store.Get("k"), std::nullopt);
}

TEST(Pin, OfWhatIsNotThereOutlivesTheTombstoneBeforeIt) {
  TestStore store;
  store.With("k", [&](Txn& txn, const KeyRef& key) {
    auto tombstone = std::make_unique<CacheNotes>();
    tombstone->version = 5;
    txn.SetShadow(key, std::move(tombstone), kSoon);
    auto deleted = PinnedNotes(store, "log", {5, 1}, kNever);
    deleted->is_negative = true;
    txn.SetShadow(key, std::move(deleted), kNever);
  });
  store.clock.AdvanceMs(1000);
  Expirer(store.keyspace).Tick(1000);
  store.With("k", [&](Txn& txn, const KeyRef& key) {
    const Found shadow = txn.FindShadow(key);
    ASSERT_TRUE(shadow);
    EXPECT_NE(shadow.entry->pin(), nullptr);
  });
}

class PinnedUnderPressure : public ::testing::TestWithParam<EvictionPolicy> {};

TEST_P(PinnedUnderPressure, IsNotEvicted) {
  TestStore store({.stripe_count = 64});
  store.keyspace.tunables().SetPolicy(GetParam());
  constexpr std::uint64_t kEach = 500;
  for (std::uint64_t n = 1; n <= kEach; ++n) {
    Append(store, {n, 0});
    SetPinned(store, "pinned" + std::to_string(n), {n, 0}, kTestStartMs + 500'000);
    store.Set("free" + std::to_string(n), std::string(200, 'x'), kTestStartMs + 500'000);
  }
  store.keyspace.SetMemoryLimit(1);
  Evictor evictor(store.keyspace, 1);
  for (int call = 0; call < 100; ++call) evictor.MakeRoom(0);
  EXPECT_FALSE(evictor.MakeRoom(0)) << "a write is refused";
  std::size_t pinned_left = 0;
  std::size_t free_left = 0;
  for (std::uint64_t n = 1; n <= kEach; ++n) {
    pinned_left += store.Get("pinned" + std::to_string(n)) ? 1u : 0u;
    free_left += store.Get("free" + std::to_string(n)) ? 1u : 0u;
  }
  EXPECT_EQ(pinned_left, kEach);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, kEach + 1 + free_left) << "the log";
  EXPECT_EQ(free_left, 0u);
}

INSTANTIATE_TEST_SUITE_P(Policies, PinnedUnderPressure,
                         ::testing::Values(EvictionPolicy::kAllkeysLru, EvictionPolicy::kAllkeysLfu,
                                           EvictionPolicy::kAllkeysRandom,
                                           EvictionPolicy::kAllkeysS3Fifo,
                                           EvictionPolicy::kVolatileTtl,
                                           EvictionPolicy::kVolatileLru));

TEST(PinSweeper, LetsGoWhatTheLogHasNot) {
  TestStore store({.stripe_count = 8});
  PinSweeper sweeper(store.keyspace);
  constexpr std::uint64_t kKeys = 1000;
  for (std::uint64_t n = 1; n <= kKeys; ++n) {
    Append(store, {n, 0});
    SetPinned(store, "k" + std::to_string(n), {n, 0}, kTestStartMs + 500'000);
  }
  Sweep(store, sweeper);
  EXPECT_TRUE(IsPinned(store, "k1"));
  for (std::uint64_t n = 1; n <= kKeys; n += 3) DeleteEntry(store, {n, 0});
  Sweep(store, sweeper);
  for (std::uint64_t n = 1; n <= kKeys; ++n) {
    const std::string name = "k" + std::to_string(n);
    ASSERT_EQ(IsPinned(store, name), n % 3 != 1) << name;
    ASSERT_EQ(store.ExpiryOf(name), n % 3 != 1 ? kNever : kTestStartMs + 500'000);
  }
  EXPECT_TRUE(IsPinned(store, "log"));
  Remove(store, "log");
  EXPECT_EQ(store.keyspace.write_logs().count(), 1u);
  Sweep(store, sweeper);
  EXPECT_FALSE(IsPinned(store, "k2"));
  EXPECT_EQ(store.keyspace.write_logs().count(), 0u);
}

TEST(PinSweeper, LetsGoWhatWasOfAnotherLogOfThatName) {
  TestStore store;
  PinSweeper sweeper(store.keyspace);
  Append(store, {1, 0});
  SetPinned(store, "old", {1, 0});
  Remove(store, "log");
  Append(store, {2, 0});
  SetPinned(store, "new", {2, 0});
  Sweep(store, sweeper);
  EXPECT_FALSE(IsPinned(store, "old"));
  EXPECT_TRUE(IsPinned(store, "new"));
}

TEST(PinSweeper, LooksWhereThereIsDoubt) {
  TestStore store;
  PinSweeper sweeper(store.keyspace);
  SetPinned(store, "k", {1, 0});
  Sweep(store, sweeper);
  EXPECT_TRUE(IsPinned(store, "k")) << "no log is known";
  store.keyspace.write_logs().Doubt();
  Sweep(store, sweeper);
  EXPECT_FALSE(IsPinned(store, "k"));
}

TEST(PinSweeper, LooksOnceForWhatHasGone) {
  TestStore store;
  PinSweeper sweeper(store.keyspace);
  Append(store, {1, 0});
  Append(store, {2, 0});
  DeleteEntry(store, {1, 0});
  store.clock.AdvanceMs(PinSweeper::kCheckMs);
  sweeper.Tick();
  Sweep(store, sweeper);
  store.clock.AdvanceMs(PinSweeper::kCheckMs);
  sweeper.Tick();
  EXPECT_FALSE(sweeper.is_walking());
}

}  // namespace
}  // namespace cairn::keyspace
