// SPDX-License-Identifier: BSD-3-Clause
// Events that the keyspace itself knows of (new, keymiss, expired, evicted), their order, and who
// is spared. Those of commands are compared with the oracle in tests/compat/pubsub.
#include "keyspace/events.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "keyspace/evictor.h"
#include "keyspace/expirer.h"
#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

class Recorder final : public EventSink {
 public:
  explicit Recorder(TestStore& store, EventClass classes) : store_(store) {
    store.keyspace.SetEventSink(this);
    store.keyspace.tunables().event_classes.store(classes);
  }
  ~Recorder() override { store_.keyspace.tunables().event_classes.store(0); }
  void OnEvent(EventClass forms, std::string_view event, DbId db, std::string_view key) override {
    EXPECT_NE(forms & (kEventKeyspace | kEventKeyevent), 0u);
    told.push_back(std::to_string(db.value) + " " + std::string(key) + " " + std::string(event));
  }
  using Told = std::vector<std::string>;
  Told told;

 private:
  TestStore& store_;
};

constexpr EventClass kEverything = (1u << 14) - 1;
constexpr UnixMs kSoon = kTestStartMs + 100;

TEST(Events, ANewKeyIsToldOfOnce) {
  TestStore store;
  Recorder recorder(store, kEverything);
  store.Set("k", "v");
  store.Set("k", "w");
  store.Set("k", std::string(kBlobThreshold, 'x'));
  store.Set("k", "w", DbId(3));
  EXPECT_EQ(recorder.told, (Recorder::Told{"0 k new", "3 k new"}));
}

TEST(Events, OnlyReadsMiss) {
  TestStore store;
  Recorder recorder(store, kEventKeyevent | kEventKeyMiss);
  store.Set("k", "v");
  for (const Access access : {Access::kRead, Access::kLook, Access::kWrite, Access::kPeek}) {
    store.Get("k", DbId(0), access);
    store.Get("none", DbId(0), access);
  }
  EXPECT_EQ(recorder.told, (Recorder::Told{"0 none keymiss", "0 none keymiss"}));
  EXPECT_EQ(store.keyspace.Totals().misses, 2);
  EXPECT_EQ(store.keyspace.Totals().hits, 2);
}

TEST(Events, ExpiryComesBeforeWhatFollows) {
  TestStore store;
  Recorder recorder(store, kEverything);
  store.Set("k", "v", kSoon);
  store.clock.AdvanceMs(100);
  store.Get("k", DbId(0), Access::kRead);
  store.Set("k", "v", kSoon + 100);
  store.clock.AdvanceMs(100);
  store.Set("k", "w");
  EXPECT_EQ(recorder.told, (Recorder::Told{"0 k new", "0 k expired", "0 k keymiss", "0 k new",
                                           "0 k expired", "0 k new"}));
}

TEST(Events, TheExpirerTells) {
  TestStore store;
  Recorder recorder(store, kEventKeyspace | kEventExpired);
  store.Set("a", "v", kSoon);
  store.Set("b", "v", kSoon + 1);
  store.clock.AdvanceMs(100);
  Expirer expirer(store.keyspace);
  EXPECT_TRUE(expirer.Tick(100));
  EXPECT_EQ(recorder.told, Recorder::Told{"0 a expired"});
}

TEST(Events, TheEvictorTells) {
  TestStore store;
  store.Set("a", "v");
  Recorder recorder(store, kEventKeyspace | kEventEvicted);
  store.keyspace.tunables().SetPolicy(EvictionPolicy::kAllkeysRandom);
  store.keyspace.tunables().maxmemory_bytes.store(1);
  Evictor evictor(store.keyspace, 1);
  evictor.MakeRoom(1000);
  EXPECT_EQ(recorder.told, Recorder::Told{"0 a evicted"});
}

TEST(Events, OtherClassesAreSpared) {
  TestStore store;
  Recorder recorder(store, kEventKeyspace | kEventString);
  store.Set("k", "v");
  store.Remove("k");
  store.Get("k", DbId(0), Access::kRead);
  EXPECT_TRUE(recorder.told.empty());
  store.With("k", [](Txn& txn, const KeyRef& key) { txn.Notify(kEventString, "set", key); });
  EXPECT_EQ(recorder.told, Recorder::Told{"0 k set"});
}

}  // namespace
}  // namespace cairn::keyspace
