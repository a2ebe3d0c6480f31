// SPDX-License-Identifier: BSD-3-Clause
// Samples against exact counts: of a Zipf trace in batches of mixed sizes, over several samplers;
// the gap that follows the traffic; prefixes; writes without a time; what is switched off or reset.
#include "command/key_sampler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/thread.h"
#include "keyspace/txn.h"

namespace cairn::command {
namespace {

using Truth = std::map<std::string, std::uint64_t>;

class KeySamplerTest : public ::testing::Test {
 protected:
  static constexpr UnixMs kNow = 1'700'000'000'000;

  KeySamplerTest() : clock_(kNow * 1000), keyspace_(clock_, {}) { Join(); }

  void Join() {
    samplers_.push_back(std::make_unique<KeySampler>(statistics_, keyspace_, 7 + samplers_.size()));
  }
  // Keys that come together.
  void Pass(const std::vector<std::string>& names, KeyUse use, std::size_t sampler = 0) {
    KeySampler& by = *samplers_[sampler];
    if (!by.Pass(names.size())) return;
    for (std::int64_t at = 0; (at = by.Next(names.size())) >= 0;) {
      const keyspace::KeyRef key = keyspace_.Ref(names[static_cast<std::size_t>(at)]);
      const std::uint64_t bytes = use == KeyUse::kWrite ? 10 : 0;
      by.Take({.key = key, .db = DbId(0), .use = use, .written_bytes = bytes}, now_ms_);
      ++taken_;
    }
  }
  // Each key is taken from now on, until kSamplesToDouble were.
  void TakeEach() {
    while (samplers_[0]->gap() > 1) samplers_[0]->Tick();
    samplers_[0]->Tick();
  }
  void Set(const std::string& name, UnixMs expiry) {
    keyspace::KeyLocks locks(keyspace_);
    const keyspace::KeyRef key = keyspace_.Ref(name);
    locks.Acquire({&key, 1});
    const keyspace::Viewer viewer(DbId(0), now_ms_, random_);
    keyspace::Txn txn(keyspace_, locks, viewer);
    const keyspace::Found before = txn.Find(key, keyspace::Access::kWrite);
    keyspace::Found found = txn.SetString(key, before, "value", keyspace::Ttl::kDrop);
    if (expiry != kNever) txn.SetExpiry(key, found, expiry);
    locks.Release();
  }
  PrefixTally TallyOf(std::size_t depth, const std::string& prefix) {
    for (const PrefixUse& use : statistics_.Prefixes(depth, now_ms_, SIZE_MAX).rows) {
      if (use.prefix == prefix) return use.tally;
    }
    return {};
  }

  ManualClock clock_;
  keyspace::Keyspace keyspace_;
  KeyStatistics statistics_;
  std::vector<std::unique_ptr<KeySampler>> samplers_;
  Random random_{3};
  UnixMs now_ms_ = kNow;
  std::uint64_t taken_ = 0;
};

// What draws ranks with a probability that falls as 1 / rank.
class Zipf {
 public:
  explicit Zipf(std::size_t count) : sums_(count) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sums_[i] = sum += 1 / static_cast<double>(i + 1);
  }
  std::size_t Draw(Random& random) const {
    const double drawn = random.NextDouble() * sums_.back();
    return static_cast<std::size_t>(std::ranges::upper_bound(sums_, drawn) - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

// The hottest keys come in batches of 64 only, the coldest half alone, so a sampler that took one
// key of each batch would not see them as they are.
TEST_F(KeySamplerTest, OfAZipfTraceTheHottestAreFoundWithinTheirBounds) {
  Join();
  Join();
  const Zipf zipf(20'000);
  Truth truth;
  std::uint64_t calls = 0;
  std::vector<std::string> batch;
  while (calls < 4'000'000) {
    const std::size_t rank = zipf.Draw(random_);
    std::string name = "key:" + std::to_string(rank);
    ++truth[name];
    const std::size_t sampler = ++calls % 3;
    if (rank >= 10'000) {
      Pass({name}, KeyUse::kRead, sampler);
      continue;
    }
    batch.push_back(std::move(name));
    if (batch.size() == 64) Pass(std::exchange(batch, {}), KeyUse::kRead, sampler);
  }
  const KeyReport<HotKey> report = statistics_.HotKeys(KeyUse::kRead, now_ms_, 20);
  EXPECT_LE(taken_, calls / KeySampler::kGapMax * 5 / 4) << "what a sample costs was counted on";
  EXPECT_NEAR(static_cast<double>(report.calls), static_cast<double>(calls),
              static_cast<double>(calls) * 0.1);
  ASSERT_EQ(report.rows.size(), 20u);
  int outside = 0;
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    const HotKey& key = report.rows[i];
    const std::uint64_t right = truth.at(key.name);
    outside += right < key.calls.calls_min || right > key.calls.calls_max ? 1 : 0;
  }
  EXPECT_LE(outside, 3) << "of 20, 1 is to be expected";
  EXPECT_EQ(report.rows[0].name, "key:0");
  const auto first = static_cast<double>(truth.at("key:0"));
  EXPECT_NEAR(static_cast<double>(report.rows[0].calls.calls), first, first * 0.25);
}

TEST_F(KeySamplerTest, WhereLittleComesEachKeyIsCounted) {
  TakeEach();
  for (int i = 0; i < 100; ++i) Pass({i % 4 == 0 ? "a" : "b"}, KeyUse::kRead);
  Pass({"a", "c"}, KeyUse::kWrite);
  const auto reads = statistics_.HotKeys(KeyUse::kRead, now_ms_, 10);
  ASSERT_EQ(reads.rows.size(), 2u);
  EXPECT_EQ(reads.calls, 100u);
  EXPECT_EQ(reads.others_max, 0u);
  EXPECT_EQ(reads.rows[0].name, "b");
  for (const std::uint64_t count :
       {reads.rows[0].calls.calls, reads.rows[0].calls.calls_min, reads.rows[0].calls.calls_max}) {
    EXPECT_EQ(count, 75u);
  }
  EXPECT_EQ(statistics_.HotKeys(KeyUse::kWrite, now_ms_, 10).rows.size(), 2u);
}

TEST_F(KeySamplerTest, MuchTrafficWidensTheGap) {
  TakeEach();
  std::uint64_t passed = 0;
  for (; samplers_[0]->gap() < KeySampler::kGapMax; ++passed) Pass({"k"}, KeyUse::kRead);
  EXPECT_LE(taken_, 12u * KeySampler::kSamplesToDouble) << "it doubles as often";
  const auto report = statistics_.HotKeys(KeyUse::kRead, now_ms_, 1);
  EXPECT_NEAR(static_cast<double>(report.calls), static_cast<double>(passed),
              static_cast<double>(passed) * 0.1);
}

TEST_F(KeySamplerTest, WhatIsLongAgoIsForgotten) {
  TakeEach();
  Pass({"old"}, KeyUse::kRead);
  now_ms_ += 40'000;
  Pass({"new"}, KeyUse::kRead);
  EXPECT_EQ(statistics_.HotKeys(KeyUse::kRead, now_ms_, 10).rows.size(), 2u);
  now_ms_ += 30'000;
  const auto report = statistics_.HotKeys(KeyUse::kRead, now_ms_, 10);
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_EQ(report.rows[0].name, "new");
  EXPECT_EQ(report.period_ms, 30'000);
  EXPECT_EQ(statistics_.Prefixes(1, now_ms_, 10).calls, 2u) << "these are kept for an hour";
}

TEST_F(KeySamplerTest, PrefixesEndAtColons) {
  const auto all = [](std::string_view key) {
    std::string text;
    ForEachPrefix(key, [&](std::size_t depth, std::string_view prefix) {
      text += std::to_string(depth) + "=" + std::string(prefix) + " ";
    });
    return text;
  };
  EXPECT_EQ(all("plain"), "0= ");
  EXPECT_EQ(all(""), "0= ");
  EXPECT_EQ(all("user:1"), "0=user: ");
  EXPECT_EQ(all(":x"), "0=: ");
  EXPECT_EQ(all("a:b:c:d:e"), "0=a: 1=a:b: 2=a:b:c: ");
  const std::string longest(kPrefixBytesMax - 1, 'p');
  EXPECT_EQ(all(longest + ":x"), "0=" + longest + ": ");
  EXPECT_EQ(all(longest + "p:x"), "0= ");
}

TEST_F(KeySamplerTest, OfAPrefixHitsMissesAndWritesWithoutATimeAreTold) {
  TakeEach();
  Set("user:1", kNever);
  Set("user:2", now_ms_ + 1000);
  Pass({"user:1", "user:2", "user:3"}, KeyUse::kRead);
  for (const char* key : {"user:1", "user:2", "user:gone", "other:1"}) Pass({key}, KeyUse::kWrite);
  const PrefixTally user = TallyOf(1, "user:");
  EXPECT_EQ(user.reads, 3u);
  EXPECT_EQ(user.hits, 2u);
  EXPECT_EQ(user.misses, 1u);
  EXPECT_EQ(user.writes, 3u);
  EXPECT_EQ(user.written_bytes, 30u);
  EXPECT_EQ(user.kept_writes, 2u) << "one is not there any more";
  EXPECT_EQ(user.without_ttl, 1u);
  EXPECT_EQ(TallyOf(1, "other:").kept_writes, 0u) << "it is looked at with the next sample";
}

TEST_F(KeySamplerTest, AnExpireRightBehindTheWriteIsSeen) {
  TakeEach();
  Set("s:1", kNever);
  Pass({"s:1"}, KeyUse::kWrite);
  Set("s:1", now_ms_ + 1000);
  Pass({"x"}, KeyUse::kRead);
  EXPECT_EQ(TallyOf(1, "s:").kept_writes, 1u);
  EXPECT_EQ(TallyOf(1, "s:").without_ttl, 0u);
}

TEST_F(KeySamplerTest, ABusyStripeMakesNeitherAHitNorAMiss) {
  TakeEach();
  const keyspace::KeyRef key = keyspace_.Ref("a:1");
  {
    keyspace::KeyLocks locks(keyspace_);
    locks.Acquire({&key, 1});
    Pass({"a:1"}, KeyUse::kRead);
    locks.Release();
  }
  const PrefixTally tally = TallyOf(1, "a:");
  EXPECT_EQ(tally.reads, 1u);
  EXPECT_EQ(tally.hits + tally.misses, 0u);
}

TEST_F(KeySamplerTest, MemoryIsCountedBoundedAndGivenBack) {
  SharedCounter total;
  statistics_.CountIn(&total);
  statistics_.settings().hot_keys = 64;
  statistics_.settings().prefixes = 64;
  for (int i = 0; i < 200'000; ++i) {
    now_ms_ += 1;
    Pass({std::to_string(i) + ":" + std::string(300, 'k')}, KeyUse::kWrite);
    if (i % 100 == 0) samplers_[0]->Tick();
  }
  EXPECT_GT(total.value(), 0);
  EXPECT_EQ(total.value(), statistics_.memory_bytes());
  EXPECT_LE(total.value(), 4 * 64 * 5 * 500);
  statistics_.ResetHotKeys();
  statistics_.ResetPrefixes();
  EXPECT_EQ(total.value(), 0);
  EXPECT_EQ(statistics_.HotKeys(KeyUse::kWrite, now_ms_, 1).calls, 0u);
}

// For the race detector: what is asked of tables that are being filled.
TEST_F(KeySamplerTest, ThreadsGoOnWhileOthersAskAndReset) {
  constexpr std::size_t kThreads = 3;
  while (samplers_.size() < kThreads) Join();
  std::atomic<std::size_t> running{kThreads};
  std::vector<Thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back("sampler", [this, i, &running] {
      for (std::int64_t step = 0; step < 30'000; ++step) {
        const std::string name = "p" + std::to_string(step % 50) + ":" + std::to_string(step % 999);
        KeySampler& by = *samplers_[i];
        if (step % 50 == 0) by.Tick();
        if (!by.Pass(1)) continue;
        while (by.Next(1) >= 0) {
          const KeyUse use = step % 2 == 0 ? KeyUse::kRead : KeyUse::kWrite;
          by.Take({.key = keyspace_.Ref(name), .db = DbId(0), .use = use}, kNow + step);
        }
      }
      running.fetch_sub(1);
    });
  }
  std::uint64_t most = 0;
  while (running.load() > 0) {
    most = std::max(most, statistics_.HotKeys(KeyUse::kRead, kNow + 30'000, 10).calls);
    statistics_.Prefixes(1, kNow + 30'000, 10);
    statistics_.settings().hot_keys = 10 + most % 100;
    if (most % 7 == 0) statistics_.ResetPrefixes();
  }
  for (Thread& thread : threads) thread.Join();
  EXPECT_LE(most, 3u * 30'000 * 2);
  EXPECT_GT(statistics_.HotKeys(KeyUse::kRead, kNow + 30'000, 10).calls, 0u);
}

TEST_F(KeySamplerTest, SwitchedOffItSeesNothing) {
  statistics_.settings().enabled = false;
  TakeEach();
  for (int i = 0; i < 100; ++i) Pass({"k"}, KeyUse::kRead);
  EXPECT_EQ(taken_, 0u);
  statistics_.settings().enabled = true;
  samplers_[0]->Tick();
  Pass({"k"}, KeyUse::kRead);
  EXPECT_EQ(taken_, 1u) << "a tick notices that it is on again";
}

}  // namespace
}  // namespace cairn::command
