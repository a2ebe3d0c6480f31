// SPDX-License-Identifier: BSD-3-Clause
// What the sweep takes, and what it leaves.
#include "keyspace/dead_sweeper.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "keyspace/keyspace_testing.h"
#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

void SetTagged(TestStore& store, const std::string& name, const std::string& tag) {
  store.With(name, [&](Txn& txn, const KeyRef& key) {
    Found found = txn.SetString(key, txn.Find(key, Access::kWrite), "value", Ttl::kDrop);
    auto notes = std::make_unique<CacheNotes>();
    notes->stamp = store.keyspace.tags().Now();
    notes->set_tags({store.keyspace.tags().Get(tag)});
    txn.SetNotes(key, found, std::move(notes));
  });
}

void BumpTag(TestStore& store, std::string_view tag, Bump kind) {
  store.keyspace.tags().BumpAt(tag, kind, store.keyspace.tags().Draw());
}

void Finish(DeadSweeper& sweeper) {
  do {
    sweeper.Tick();
  } while (sweeper.is_walking());
}

TEST(DeadSweeper, TakesWhatIsDeadAndNothingElse) {
  TestStore store({.stripe_count = 8});
  DeadSweeper sweeper(store.keyspace);
  constexpr int kKeys = 2000;
  for (int i = 0; i < kKeys; ++i)
    SetTagged(store, "k" + std::to_string(i), i % 3 == 0 ? "dead" : "alive");
  BumpTag(store, "alive", Bump::kSoft);
  Finish(sweeper);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, kKeys);
  BumpTag(store, "dead", Bump::kHard);
  Finish(sweeper);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, kKeys - (kKeys + 2) / 3);
  EXPECT_EQ(store.keyspace.tags().Look("dead").carriers, 0);
}

TEST(DeadSweeper, DoesNotWalkForATagThatNothingCarries) {
  TestStore store({.stripe_count = 8});
  DeadSweeper sweeper(store.keyspace);
  BumpTag(store, "nobody's", Bump::kHard);
  sweeper.Tick();
  EXPECT_FALSE(sweeper.is_walking());
}

TEST(DeadSweeper, ABumpDuringAWalkHasAnotherFollow) {
  TestStore store({.stripe_count = 8});
  DeadSweeper sweeper(store.keyspace);
  for (int i = 0; i < 2000; ++i) SetTagged(store, "k" + std::to_string(i), i < 1000 ? "a" : "b");
  BumpTag(store, "a", Bump::kHard);
  sweeper.Tick();
  ASSERT_TRUE(sweeper.is_walking()) << "the test wants more keys";
  BumpTag(store, "b", Bump::kHard);
  Finish(sweeper);
  Finish(sweeper);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 0);
}

}  // namespace
}  // namespace cairn::keyspace
