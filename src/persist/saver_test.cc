// SPDX-License-Identifier: BSD-3-Clause
// What is saved is loaded, whatever is written meanwhile; a save that fails, or is given up, or is
// stopped by a crash, leaves the old file and nothing else.
#include "persist/saver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <string>
#include <vector>

#include "codec/aof.h"
#include "codec/dump.h"
#include "io/sim_disk.h"
#include "persist/image_testing.h"
#include "persist/loader.h"

namespace cairn::persist {
namespace {

using io::CrashKeeps;
using io::SimDisk;
using keyspace::Access;
using keyspace::TestStore;
using testing::FillWithAll;
using testing::Loaded;
using testing::Order;
using testing::Picture;
using testing::PictureOf;
using testing::SaveTo;

TEST(Saver, WhatIsSavedIsLoaded) {
  TestStore store({.stripe_count = 4});
  FillWithAll(store);
  const Picture expected = PictureOf(store);
  using codec::RdbCompression;
  const struct {
    const char* name;
    ImageFormat format;
  } rows[] = {
      {"usual", {}},
      {"not compressed", {.compression = RdbCompression::kNone}},
      {"no checksum", {.checksum = false}},
      {"synced at the end only", {.syncs_on_the_way = false}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    SimDisk disk(1);
    ASSERT_TRUE(SaveTo(disk, store, Order(row.format)).ok());
    disk.Crash(CrashKeeps::kNothing);
    EXPECT_EQ(disk.List(".").value(), std::vector<std::string>{"dump.rdb"});
    EXPECT_EQ(Loaded(disk), expected);
  }
  EXPECT_EQ(store.keyspace.cut_backlog().bytes(), 0u);
}

std::string HeaderOf(io::Disk& disk) {
  return io::ReadWhole(disk, "./dump.rdb", 1 << 20).value().substr(0, 9);
}

TEST(Saver, WritesTheLowestVersionThatHoldsTheData) {
  TestStore store({.stripe_count = 2});
  SimDisk disk(1);
  store.Set("key", "value");
  ASSERT_TRUE(SaveTo(disk, store, Order()).ok());
  EXPECT_EQ(HeaderOf(disk), "REDIS0010");
  testing::Filler(store, DbId(0)).AddTimedHash("hash", 2, keyspace::kTestStartMs + 5000);
  ASSERT_TRUE(SaveTo(disk, store, Order()).ok());
  EXPECT_EQ(HeaderOf(disk), "REDIS0012");
  EXPECT_EQ(Loaded(disk), PictureOf(store)) << "the checksum is that of the mended header";
}

TEST(Saver, KeepsTheAccessClockOfThePolicy) {
  using keyspace::EvictionPolicy;
  for (const auto policy : {EvictionPolicy::kAllkeysLru, EvictionPolicy::kVolatileLfu}) {
    TestStore store({.stripe_count = 2});
    store.keyspace.tunables().SetPolicy(policy);
    const bool is_lfu = keyspace::IsLfu(policy);
    store.Set("key", "value");
    const auto access_of = [](TestStore& from) {
      return from.With("key", [](keyspace::Txn& txn, const keyspace::KeyRef& key) {
        return txn.Find(key, Access::kPeek).entry->access();
      });
    };
    store.With("key", [&](keyspace::Txn& txn, const keyspace::KeyRef& key) {
      txn.Find(key, Access::kPeek)
          .entry->set_access(is_lfu ? keyspace::LfuAccess(keyspace::kTestStartMs, 77)
                                    : keyspace::AccessOfIdle(keyspace::kTestStartMs, 500));
    });
    SimDisk disk(1);
    ASSERT_TRUE(SaveTo(disk, store, Order()).ok());
    TestStore again({.stripe_count = 2});
    again.keyspace.tunables().SetPolicy(policy);
    LoadProgress progress;
    ASSERT_TRUE(LoadRdbFile(disk, "./dump.rdb", again.keyspace, {}, progress).has_value());
    EXPECT_EQ(access_of(again), access_of(store)) << is_lfu;
  }
}

TEST(Saver, AFailedCallLeavesTheOldFile) {
  TestStore before({.stripe_count = 2});
  before.Set("old", "value");
  TestStore store({.stripe_count = 2});
  for (int i = 0; i < 3000; ++i) store.Set("key" + std::to_string(i), std::string(100, 'x'));
  for (std::uint64_t call = 1;; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    SimDisk disk(call);
    ASSERT_TRUE(SaveTo(disk, before, Order()).ok());
    const std::uint64_t calls = disk.calls();
    disk.FailCall(call, ENOSPC);
    const Status saved = SaveTo(disk, store, Order());
    if (saved.ok()) {
      EXPECT_GT(call, 4u);
      EXPECT_LT(disk.calls(), calls + call);
      break;
    }
    EXPECT_EQ(disk.List(".").value(), std::vector<std::string>{"dump.rdb"});
    // Only the last sync of the directory can fail once the new one is in place.
    const std::size_t keys = Loaded(disk).size();
    EXPECT_TRUE(keys == 1 || saved.message().find("fsync") != std::string_view::npos)
        << saved.message();
    EXPECT_EQ(store.keyspace.cut_backlog().bytes(), 0u);
  }
}

TEST(Saver, ACrashAtAnyCallLeavesOneFileWhole) {
  TestStore before({.stripe_count = 2});
  before.Set("old", "value");
  TestStore store({.stripe_count = 2});
  for (int i = 0; i < 2000; ++i) store.Set("key" + std::to_string(i), std::string(50, 'x'));
  bool is_over = false;
  for (std::uint64_t call = 1; !is_over; ++call) {
    for (const CrashKeeps keeps :
         {CrashKeeps::kNothing, CrashKeeps::kPrefix, CrashKeeps::kAnySectors, CrashKeeps::kAll}) {
      SCOPED_TRACE("call " + std::to_string(call));
      SimDisk disk(call);
      ASSERT_TRUE(SaveTo(disk, before, Order()).ok());
      disk.CutPowerAt(call);
      const bool is_saved = SaveTo(disk, store, Order()).ok();
      is_over = is_over || is_saved;
      disk.Crash(keeps);
      const std::size_t keys = Loaded(disk).size();
      EXPECT_TRUE(keys == 2000 || (!is_saved && keys == 1)) << keys;
    }
  }
}

TEST(Saver, AFullDiskIsSaidAndLeavesNothingBehind) {
  TestStore store({.stripe_count = 2});
  for (int i = 0; i < 3000; ++i)
    store.Set("key" + std::to_string(i), std::string(100, 'a' + i % 26));
  SimDisk disk(1);
  disk.LimitSpace(10'000);
  const Status saved = SaveTo(disk, store, Order({.compression = codec::RdbCompression::kNone}));
  EXPECT_EQ(saved.code(), StatusCode::kIo);
  EXPECT_NE(saved.message().find("No space left"), std::string_view::npos) << saved.message();
  EXPECT_TRUE(disk.List(".").value().empty());
  disk.LimitSpace(SimDisk::kNoLimit);
  EXPECT_TRUE(SaveTo(disk, store, Order()).ok());
}

// The thread, and what it says of a save.
class SaverThread {
 public:
  explicit SaverThread(TestStore& store) : saver(disk, store.keyspace), store_(store) {
    saver.Start();
  }
  void Begin(const SaveOrder& order) {
    over.store(false);
    saver.Save(
        order, [this] { return TakeCut(store_.keyspace); },
        [this](const Status& status) {
          result = status;
          over.store(true);
          event.Notify();
        });
  }
  Status Wait() {
    while (!over.load()) event.WaitFor(1'000'000);
    return result;
  }
  SimDisk disk{1};
  Saver saver;
  Status result;
  std::atomic<bool> over{false};
  Event event;

 private:
  TestStore& store_;
};

TEST(Saver, IsGivenUpOnDemand) {
  TestStore store({.stripe_count = 2});
  for (int i = 0; i < 5000; ++i) store.Set("key" + std::to_string(i), "value");
  SaverThread thread(store);
  thread.Begin(Order({.key_delay_us = 3'600'000'000}));
  EXPECT_TRUE(thread.saver.is_busy());
  while (thread.saver.progress().keys() == 0) Thread::Yield();
  EXPECT_EQ(thread.saver.progress().keys_total(), 5000u);
  thread.saver.GiveUp();
  EXPECT_EQ(thread.Wait().code(), StatusCode::kClosed);
  EXPECT_FALSE(thread.saver.is_busy());
  EXPECT_TRUE(thread.disk.List(".").value().empty());
  // That is over, and the next one is not concerned.
  thread.Begin(Order());
  EXPECT_TRUE(thread.Wait().ok());
  EXPECT_EQ(thread.saver.progress().keys(), 5000u);
  EXPECT_EQ(Loaded(thread.disk), PictureOf(store));
}

TEST(Saver, StoppingGivesUp) {
  TestStore store({.stripe_count = 2});
  for (int i = 0; i < 100; ++i) store.Set("key" + std::to_string(i), "value");
  SaverThread thread(store);
  thread.Begin(Order({.key_delay_us = 3'600'000'000}));
  thread.saver.Stop();
  EXPECT_EQ(thread.Wait().code(), StatusCode::kClosed);
  EXPECT_TRUE(thread.disk.List(".").value().empty());
}

// Large values are read in pieces while others write to them.
TEST(Saver, LargeValuesAreOfTheMoment) {
  constexpr int kElements = 30'000;
  TestStore store({.stripe_count = 4});
  testing::Filler filler(store, DbId(0));
  filler.Add("big", kElements);
  filler.AddTimedHash("bigtimed", kElements, keyspace::kTestStartMs + 5000);
  const Picture expected = PictureOf(store);
  SimDisk disk(1);
  const std::unique_ptr<keyspace::Cut> cut = TakeCut(store.keyspace);
  std::atomic<bool> stop{false};
  std::atomic<int> writes{0};
  Thread writer("writer", [&] {
    for (int i = 0; !stop.load(); ++i) {
      const int at =
          static_cast<int>(std::uint64_t{2654435761} * static_cast<std::uint64_t>(i) % kElements);
      testing::Filler(store, DbId(0)).Touch("big", at, i);
      writes.store(i + 1);
    }
  });
  while (writes.load() < 500) Thread::Yield();
  SaveProgress progress;
  EXPECT_TRUE(SaveCut(disk, store.keyspace, *cut, Order(), progress).ok());
  stop.store(true);
  writer.Join();
  EXPECT_EQ(Loaded(disk), expected);
  EXPECT_NE(PictureOf(store), expected);
}

value::Stream StreamOf(TestStore& store, std::string_view name) {
  value::Stream same;
  store.With(name, [&](keyspace::Txn& txn, const keyspace::KeyRef& key) {
    same = txn.Find(key, keyspace::Access::kPeek).entry->as<value::Stream>().Clone();
  });
  return same;
}

// As commands it is one, as if it had been copied as a whole.
TEST(Saver, AStreamInPiecesIsOneRestore) {
  TestStore store;
  testing::Filler(store, DbId(0)).Add("big", 5000);
  SimDisk disk(1);
  EXPECT_TRUE(SaveTo(disk, store, Order({.form = ImageFormat::Form::kCommands})).ok());
  const std::string payload =
      codec::DumpOf(StreamOf(store, "bigstream"), codec::RdbCompression::kNone);
  EXPECT_NE(disk.SafeContent("./dump.rdb")
                .value()
                .find("\r\n$" + codec::AofEncoder::OpenSize(payload.size()) + payload + "\r\n"),
            std::string::npos);
}

// A file in memory that remembers the longest write.
class WatchedFile final : public io::File {
 public:
  WatchedFile() : File("watched", 0) {}
  Status Reserve(std::uint64_t) override { return {}; }
  Status SyncData() override { return {}; }

  std::string content;
  std::size_t longest_write = 0;

 protected:
  Result<std::size_t> WriteSome(std::uint64_t offset, std::string_view bytes) override {
    longest_write = std::max(longest_write, bytes.size());
    content.resize(std::max(content.size(), static_cast<std::size_t>(offset) + bytes.size()));
    content.replace(offset, bytes.size(), bytes);
    return bytes.size();
  }
  Result<std::size_t> ReadSome(std::uint64_t, char*, std::size_t) override { return 0; }
  Status Resize(std::uint64_t) override { return {}; }
};

// However large it is, no more of it is held back than of other values.
TEST(Saver, AStreamGoesToTheFileAsItComes) {
  TestStore store;
  testing::Filler(store, DbId(0)).Add("big", 60'000);
  const std::size_t payload_bytes =
      codec::DumpOf(StreamOf(store, "bigstream"), codec::RdbCompression::kNone).size();
  ASSERT_GT(payload_bytes, 40 * codec::RdbOutput::kBufferBytes);
  WatchedFile file;
  const std::unique_ptr<keyspace::Cut> cut = TakeCut(store.keyspace);
  SaveProgress progress;
  const ImageFormat format = {.form = ImageFormat::Form::kCommands, .syncs_on_the_way = false};
  EXPECT_TRUE(WriteImage(store.keyspace, *cut, {}, file, format, nullptr, progress).ok());
  EXPECT_GT(file.content.size(), payload_bytes);
  EXPECT_LT(file.longest_write, 2 * codec::RdbOutput::kBufferBytes);
}

// Threads that take steps of saves for as long as it lives.
class Helpers {
 public:
  explicit Helpers(int count) {
    steps.set_wanted(true);
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back("helper", [this] {
        while (!stop_.load()) steps.Help();
      });
    }
  }
  ~Helpers() {
    stop_.store(true);
    for (Thread& thread : threads_) thread.Join();
  }

  SaveSteps steps;

 private:
  std::atomic<bool> stop_{false};
  std::vector<Thread> threads_;
};

// A store with small values and large ones, also in one batch, and helpers for its saves.
struct Helped {
  Helped() {
    order.steps = &helpers.steps;
    FillWithAll(store);
    for (int i = 0; i < 30'000; ++i) {
      store.Set("key" + std::to_string(i),
                std::string(i % 1000 == 0 ? 100'000 : 20, static_cast<char>('a' + i % 26)));
    }
  }
  std::uint64_t steps_helped() const { return helpers.steps.steps_helped(); }

  TestStore store{{.stripe_count = 4}};
  Helpers helpers{2};
  SaveOrder order = Order();
};

TEST(Saver, WithHelpersTheFileIsTheSame) {
  Helped with;
  for (const auto form : {ImageFormat::Form::kRdb, ImageFormat::Form::kCommands}) {
    SCOPED_TRACE(static_cast<int>(form));
    SimDisk disk(1);
    with.order.format.form = form;
    ASSERT_TRUE(SaveTo(disk, with.store, Order({.form = form})).ok());
    const std::string alone = io::ReadWhole(disk, "./dump.rdb", 1 << 28).value();
    const std::uint64_t before = with.steps_helped();
    for (int round = 0; round < 10; ++round) {
      ASSERT_TRUE(SaveTo(disk, with.store, with.order).ok());
      ASSERT_TRUE(io::ReadWhole(disk, "./dump.rdb", 1 << 28).value() == alone) << round;
    }
    EXPECT_GT(with.steps_helped(), before + 100);
  }
  EXPECT_EQ(with.store.keyspace.cut_backlog().bytes(), 0u);
}

TEST(Saver, WithHelpersAFileIsOneMomentToo) {
  Helped with;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Picture expected = PictureOf(with.store);
    SimDisk disk(seed);
    const std::unique_ptr<keyspace::Cut> cut = TakeCut(with.store.keyspace);
    std::atomic<bool> stop{false};
    std::atomic<int> writes{0};
    Thread writer("writer", [&] {
      Random random(seed);
      for (int i = 0; !stop.load(); ++i) {
        with.store.Set("key" + std::to_string(random.Below(30'000)), std::to_string(i));
        if (i % 16 == 0) testing::Filler(with.store, DbId(0)).Touch("5000:", i % 5000, i);
        writes.store(i + 1);
      }
    });
    while (writes.load() < 500) Thread::Yield();
    SaveProgress progress;
    EXPECT_TRUE(SaveCut(disk, with.store.keyspace, *cut, with.order, progress).ok());
    stop.store(true);
    writer.Join();
    EXPECT_EQ(Loaded(disk), expected);
    EXPECT_NE(PictureOf(with.store), expected);
  }
  EXPECT_GT(with.steps_helped(), 100u);
}

TEST(Saver, WithHelpersAFailedCallLeavesNothingBehind) {
  Helped with;
  // What helpers keep goes to the disk in calls of any size, so there are at least these.
  for (std::uint64_t call = 1; call <= 6; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    SimDisk disk(call);
    disk.FailCall(call, ENOSPC);
    EXPECT_FALSE(SaveTo(disk, with.store, with.order).ok());
    EXPECT_TRUE(disk.List(".").value().empty());
    EXPECT_EQ(with.store.keyspace.cut_backlog().bytes(), 0u);
  }
}

// Writers change pairs of keys together: in the file, they are equal.
TEST(Saver, AFileIsOneMoment) {
  TestStore store;
  constexpr int kPairs = 3000;
  const auto set_pair = [&](int pair, std::string_view text) NO_THREAD_SAFETY_ANALYSIS {
    const std::string names[] = {"left" + std::to_string(pair), "right" + std::to_string(pair)};
    const keyspace::KeyRef keys[] = {store.keyspace.Ref(names[0]), store.keyspace.Ref(names[1])};
    Random random(1);
    keyspace::KeyLocks locks(store.keyspace);
    locks.Acquire(keys);
    const keyspace::Viewer viewer(DbId(0), keyspace::kTestStartMs, random);
    keyspace::Txn txn(store.keyspace, locks, viewer);
    for (const keyspace::KeyRef& key : keys)
      txn.SetString(key, txn.Find(key, Access::kWrite), text, keyspace::Ttl::kDrop);
    locks.Release();
  };
  for (int i = 0; i < kPairs; ++i) set_pair(i, "0");
  std::atomic<bool> stop{false};
  std::vector<Thread> writers;
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    writers.emplace_back("writer", [&, seed] {
      Random random(seed);
      for (int n = 1; !stop.load(); ++n)
        set_pair(static_cast<int>(random.Below(kPairs)), std::to_string(n));
    });
  }
  SaverThread thread(store);
  for (int round = 0; round < 10; ++round) {
    thread.Begin(Order());
    ASSERT_TRUE(thread.Wait().ok());
    TestStore again({.stripe_count = 8});
    LoadProgress progress;
    const auto loaded = LoadRdbFile(thread.disk, "./dump.rdb", again.keyspace, {}, progress);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
    ASSERT_EQ(loaded->keys, 2u * kPairs);
    for (int i = 0; i < kPairs; ++i) {
      const std::string number = std::to_string(i);
      ASSERT_EQ(again.Get("left" + number), again.Get("right" + number));
    }
  }
  stop.store(true);
  for (Thread& writer : writers) writer.Join();
}

}  // namespace
}  // namespace cairn::persist
