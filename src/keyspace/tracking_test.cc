// SPDX-License-Identifier: BSD-3-Clause
// Who is told of which change, and who is not: by what was read, by prefix, by time, by trimming.
#include "keyspace/tracking.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "keyspace/expirer.h"
#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

class Recorder final : public Tracker {
 public:
  explicit Recorder(std::uint64_t id) : Tracker(ClientId(id)) {}
  void OnInvalid(Invalidation& invalidation) override {
    std::string text = invalidation.own ? "own:" : "";
    if (invalidation.keys.empty()) text += "*";
    for (const std::string_view key : invalidation.keys) text += " " + std::string(key);
    told.push_back(text);
  }
  void OnRead() override {}
  std::vector<std::string> Take() { return std::exchange(told, {}); }
  std::vector<std::string> told;
};

using Told = std::vector<std::string>;

class TrackingTest : public ::testing::Test {
 protected:
  std::shared_ptr<Recorder> NewTracker(std::uint64_t id, unsigned modes = kTrackingOn,
                                       const std::vector<std::string>& prefixes = {}) {
    auto tracker = std::make_shared<Recorder>(id);
    tracking().Start(tracker, static_cast<std::uint8_t>(modes), prefixes);
    return tracker;
  }
  void Remember(std::string_view name, const std::shared_ptr<Recorder>& reader) {
    store_.With(
        name, [&](Txn&, const KeyRef& key) { tracking().Remember(key.stripe, key.name, reader); });
  }
  Tracking& tracking() { return store_.keyspace.tracking(); }
  // As a command of a client that changes them all does.
  void Change(const std::vector<std::string>& names, ClientId by) {
    std::vector<KeyRef> keys;
    for (const std::string& name : names) store_.keyspace.AppendRef(name, keys);
    KeyLocks locks(store_.keyspace);
    locks.Acquire(keys);
    {
      const Viewer viewer(DbId(0), store_.clock.NowUnixMs(), store_.random, by);
      Txn txn(store_.keyspace, locks, viewer);
      for (const KeyRef& key : keys)
        txn.SetString(key, txn.Find(key, Access::kWrite), "value", Ttl::kDrop);
    }
    locks.Release();
  }

  TestStore store_;
};

TEST_F(TrackingTest, AReadIsAnsweredByOneInvalidation) {
  const auto tracker = NewTracker(1);
  Remember("k", tracker);
  Remember("k", tracker);
  EXPECT_EQ(tracking().item_count(), 1u);
  store_.Set("other", "v");
  EXPECT_EQ(tracker->Take(), Told());
  store_.Set("k", "v");
  store_.Set("k", "w");
  EXPECT_EQ(tracker->Take(), Told({" k"}));
  EXPECT_EQ(tracking().key_count(), 0u);
  EXPECT_EQ(tracking().item_count(), 0u);
}

TEST_F(TrackingTest, EveryDatabaseCounts) {
  const auto tracker = NewTracker(1);
  Remember("k", tracker);
  store_.Set("k", "v", DbId(3));
  EXPECT_EQ(tracker->Take(), Told({" k"}));
}

TEST_F(TrackingTest, NoLoopSparesTheWriter) {
  const auto silent = NewTracker(1, kTrackingOn | kTrackingNoLoop);
  const auto loud = NewTracker(2);
  for (const auto& tracker : {silent, loud}) Remember("k", tracker);
  Change({"k"}, ClientId(1));
  EXPECT_EQ(silent->Take(), Told());
  EXPECT_EQ(loud->Take(), Told({" k"}));
  for (const auto& tracker : {silent, loud}) Remember("k", tracker);
  Change({"k"}, ClientId(2));
  EXPECT_EQ(silent->Take(), Told({" k"}));
  EXPECT_EQ(loud->Take(), Told({"own: k"}));
}

TEST_F(TrackingTest, ABroadcastNamesEachKeyOnceAndInOrder) {
  const auto all = NewTracker(1, kTrackingOn | kTrackingBroadcast, {""});
  const auto some = NewTracker(2, kTrackingOn | kTrackingBroadcast | kTrackingNoLoop, {"b", "c"});
  Change({"c", "a", "b", "a"}, ClientId(1));
  EXPECT_EQ(all->Take(), Told({"own: a b c"}));
  EXPECT_EQ(some->Take(), Told({" b", " c"}));
  Change({"b"}, ClientId(2));
  EXPECT_EQ(all->Take(), Told({" b"}));
  EXPECT_EQ(some->Take(), Told());
  EXPECT_EQ(tracking().prefix_count(), 3u);
  tracking().Stop(some);
  tracking().Stop(all);
  EXPECT_EQ(tracking().prefix_count(), 0u);
  EXPECT_FALSE(tracking().active());
}

TEST_F(TrackingTest, OfManyPrefixesThoseOfAKeyAreFound) {
  std::vector<std::string> prefixes;
  for (int i = 50'000; i > 0; --i) prefixes.push_back("p" + std::to_string(i) + ":");
  const auto many = NewTracker(1, kTrackingOn | kTrackingBroadcast, prefixes);
  const auto few = NewTracker(2, kTrackingOn | kTrackingBroadcast, {"p77", "q", "p7:long"});
  const auto one = NewTracker(3, kTrackingOn | kTrackingBroadcast, {"p7:"});
  EXPECT_EQ(tracking().prefix_count(), 50'003u);
  Change({"p7:x", "p77:", "p7", "p49999:a", "p50001:a", "q", "", "p7:longer", "z"}, ClientId(9));
  EXPECT_EQ(many->Take(), Told({" p49999:a", " p77:", " p7:longer p7:x"}));
  EXPECT_EQ(few->Take(), Told({" p77:", " p7:longer", " q"}));
  EXPECT_EQ(one->Take(), Told({" p7:longer p7:x"}));
  tracking().Stop(many);
  Change({"p7:x"}, ClientId(9));
  EXPECT_EQ(many->Take(), Told());
  EXPECT_EQ(one->Take(), Told({" p7:x"}));
}

TEST_F(TrackingTest, TimeIsNobodysOwnDoing) {
  const auto tracker = NewTracker(1, kTrackingOn | kTrackingNoLoop);
  store_.Set("k", "v", kTestStartMs + 10);
  Remember("k", tracker);
  store_.clock.AdvanceMs(100);
  Expirer(store_.keyspace).Tick(100);
  EXPECT_EQ(tracker->Take(), Told({" k"}));
}

TEST_F(TrackingTest, WhoIsOffIsNotToldAndForgotten) {
  const auto tracker = NewTracker(1);
  Remember("k", tracker);
  tracking().Stop(tracker);
  EXPECT_TRUE(tracking().active());
  EXPECT_EQ(tracking().client_count(), 0u);
  store_.Set("k", "v");
  EXPECT_EQ(tracker->Take(), Told());
  EXPECT_FALSE(tracking().active());
}

TEST_F(TrackingTest, FlushingTellsAllAndForgetsAll) {
  const auto reader = NewTracker(1);
  const auto listener = NewTracker(2, kTrackingOn | kTrackingBroadcast, {"x"});
  for (int i = 0; i < 1000; ++i) Remember("key:" + std::to_string(i), reader);
  KeyLocks locks(store_.keyspace);
  locks.AcquireAll();
  tracking().TellAll(ClientId(2));
  locks.Release();
  EXPECT_EQ(reader->Take(), Told({"*"}));
  EXPECT_EQ(listener->Take(), Told({"own:*"}));
  EXPECT_EQ(tracking().key_count(), 0u);
}

TEST_F(TrackingTest, TrimmingStopsAtTheLimitAndTells) {
  const auto tracker = NewTracker(1);
  constexpr std::size_t kKeys = 300;
  for (std::size_t i = 0; i < kKeys; ++i) Remember("key:" + std::to_string(i), tracker);
  tracking().Trim(store_.keyspace, 0, store_.random);
  tracking().Trim(store_.keyspace, kKeys, store_.random);
  EXPECT_EQ(tracking().key_count(), kKeys);
  tracking().Trim(store_.keyspace, kKeys - 1, store_.random);
  EXPECT_EQ(tracking().key_count(), kKeys - 1);
  tracking().Trim(store_.keyspace, 1, store_.random);
  EXPECT_EQ(tracking().key_count(), kKeys - 1 - Tracking::kTrimMax);
  EXPECT_EQ(tracker->told.size(), 1 + Tracking::kTrimMax);
}

}  // namespace
}  // namespace cairn::keyspace
