// SPDX-License-Identifier: BSD-3-Clause
// The curve beside the true one, which is computed from every read of the same seeded trace; and
// that it stays within its bounds.
#include "keyspace/miss_ratio_curve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "keyspace/evictor.h"
#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

using Trace = std::vector<std::uint32_t>;

// Hit ratios of LRU caches of any size, by Mattson's stack algorithm: how many other keys were used
// since, for each read.
class TrueCurve {
 public:
  explicit TrueCurve(const Trace& trace) : reads_(trace.size()), tree_(trace.size() + 1) {
    std::unordered_map<std::uint32_t, std::size_t> last;
    distances_.reserve(trace.size());
    for (std::size_t now = 0; now < trace.size(); ++now) {
      const auto [at, is_new] = last.try_emplace(trace[now], now);
      if (!is_new) {
        distances_.push_back(CountThrough(now) - CountThrough(at->second));
        Add(at->second, -1);
        at->second = now;
      }
      Add(now, 1);
    }
    std::ranges::sort(distances_);
  }
  double HitRatio(double keys) const {
    const auto end = std::ranges::lower_bound(distances_, keys);
    return static_cast<double>(end - distances_.begin()) / static_cast<double>(reads_);
  }

 private:
  void Add(std::size_t at, int delta) {
    for (std::size_t i = at + 1; i < tree_.size(); i += i & -i) tree_[i] += delta;
  }
  double CountThrough(std::size_t at) const {
    double count = 0;
    for (std::size_t i = at + 1; i > 0; i &= i - 1) count += tree_[i];
    return count;
  }

  const std::size_t reads_;
  std::vector<double> tree_;
  std::vector<double> distances_;
};

class ZipfKeys {
 public:
  ZipfKeys(std::uint32_t keys, double exponent) : cumulated_(keys) {
    double sum = 0;
    for (std::uint32_t rank = 0; rank < keys; ++rank)
      cumulated_[rank] = sum += std::pow(rank + 1, -exponent);
  }
  std::uint32_t Draw(Random& random) const {
    const double at = random.NextDouble() * cumulated_.back();
    return static_cast<std::uint32_t>(std::ranges::lower_bound(cumulated_, at) -
                                      cumulated_.begin());
  }

 private:
  std::vector<double> cumulated_;
};

constexpr std::uint32_t kKeys = 100'000;
constexpr std::size_t kReads = 1'000'000;

Trace Zipf() {
  Random random(1);
  const ZipfKeys keys(kKeys, 0.9);
  Trace trace(kReads);
  for (std::uint32_t& key : trace) key = keys.Draw(random);
  return trace;
}

// Every third read is of a key that nobody reads again.
Trace ZipfWithScans() {
  Random random(2);
  const ZipfKeys keys(kKeys, 0.9);
  Trace trace(kReads);
  std::uint32_t once = kKeys;
  for (std::size_t i = 0; i < trace.size(); ++i)
    trace[i] = i / 10'000 % 3 == 0 ? once++ : keys.Draw(random);
  return trace;
}

Trace Loop() {
  Trace trace(kReads);
  for (std::size_t i = 0; i < trace.size(); ++i) trace[i] = static_cast<std::uint32_t>(i % 40'000);
  return trace;
}

// What was popular gives way to others.
Trace Shifting() {
  Random random(3);
  const ZipfKeys keys(kKeys, 1.0);
  Trace trace(kReads);
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const auto shift = static_cast<std::uint32_t>(i / 100'000) * 12'345;
    trace[i] = (keys.Draw(random) + shift) % kKeys;
  }
  return trace;
}

void ReadAll(MissRatioCurve& curve, const Trace& trace) {
  const HashSeed seed(42);
  for (const std::uint32_t key : trace) {
    const std::uint64_t hash = seed.Hash("key:" + std::to_string(key));
    curve.Read(hash % MissRatioCurve::kReadersMax, DbId(0), hash);
  }
}

struct TraceCase {
  const char* name;
  std::function<Trace()> make;
};

class CurveOfTrace : public ::testing::TestWithParam<TraceCase> {};

TEST_P(CurveOfTrace, IsWithinTwoPointsOfTheTruth) {
  const Trace trace = GetParam().make();
  const TrueCurve truth(trace);
  MissRatioCurve curve;
  curve.Start();
  ReadAll(curve, trace);
  const MissRatioCurve::Picture picture = curve.Take();
  EXPECT_EQ(picture.reads, static_cast<std::int64_t>(kReads));
  EXPECT_LE(picture.samples, static_cast<std::int64_t>(MissRatioCurve::kSamplesMax));
  EXPECT_LT(picture.sampling_rate, 0.5) << "not a test of sampling";
  for (const double keys : {2'500.0, 5'000.0, 10'000.0, 20'000.0, 60'000.0, 200'000.0})
    EXPECT_NEAR(picture.HitRatio(keys), truth.HitRatio(keys), 0.02) << keys << " keys";
}

INSTANTIATE_TEST_SUITE_P(Traces, CurveOfTrace,
                         ::testing::Values(TraceCase{"Zipf", &Zipf},
                                           TraceCase{"ZipfWithScans", &ZipfWithScans},
                                           TraceCase{"Loop", &Loop},
                                           TraceCase{"Shifting", &Shifting}),
                         [](const auto& traced) { return std::string(traced.param.name); });

// While all keys are followed it is the truth.
TEST(MissRatioCurve, IsExactForFewKeys) {
  Random random(4);
  const ZipfKeys keys(50, 0.5);
  Trace trace(20'000);
  for (std::uint32_t& key : trace) key = keys.Draw(random);
  const TrueCurve truth(trace);
  MissRatioCurve curve;
  curve.Start();
  ReadAll(curve, trace);
  const MissRatioCurve::Picture picture = curve.Take();
  EXPECT_EQ(picture.sampling_rate, 1);
  for (const double size : {1.0, 2.0, 10.0, 30.0, 60.0})
    EXPECT_DOUBLE_EQ(picture.HitRatio(size), truth.HitRatio(size)) << size;
}

TEST(MissRatioCurve, KeysOfWhichNobodyAsksAgainDoNotLowerTheRateForEver) {
  MissRatioCurve curve;
  curve.Start();
  curve.Cover(20'000);
  const HashSeed seed(42);
  for (std::uint32_t i = 0; i < 2'000'000; ++i) {
    const std::uint64_t hash = seed.Hash(std::to_string(i));
    curve.Read(0, DbId(0), hash);
  }
  const MissRatioCurve::Picture picture = curve.Take();
  EXPECT_GE(static_cast<double>(picture.samples) / picture.sampling_rate, 20'000);
  EXPECT_GE(picture.sampling_rate, 0.25);
  EXPECT_NEAR(picture.HitRatio(1e9), 0, 0.02);
}

TEST(MissRatioCurve, WhatIsForgottenMissesAndWhatIsWrittenIsUsed) {
  MissRatioCurve curve;
  curve.Start();
  constexpr DbId kDb(0);
  for (std::uint64_t key = 10; key < 20; ++key) curve.Write(kDb, key << 32);
  curve.Read(0, kDb, std::uint64_t{10} << 32);  // behind nine others
  EXPECT_DOUBLE_EQ(curve.Take().HitRatio(9), 0);
  EXPECT_DOUBLE_EQ(curve.Take().HitRatio(10), 1);
  curve.Forget(kDb, std::uint64_t{12} << 32);
  curve.Read(0, kDb, std::uint64_t{12} << 32);
  EXPECT_DOUBLE_EQ(curve.Take().HitRatio(1e6), 0.5);
  curve.Read(0, DbId(1), std::uint64_t{10} << 32);  // another key
  EXPECT_DOUBLE_EQ(curve.Take().HitRatio(1e6), 1.0 / 3);
}

TEST(MissRatioCurve, BeginsAnewAndStops) {
  MissRatioCurve curve;
  curve.Read(0, DbId(0), 1);
  EXPECT_FALSE(curve.is_on());
  curve.Start();
  for (int i = 0; i < 10; ++i) curve.Read(0, DbId(0), 1);
  EXPECT_EQ(curve.Take().reads, 10);
  EXPECT_DOUBLE_EQ(curve.Take().HitRatio(1), 0.9);
  curve.Start();
  EXPECT_EQ(curve.Take().reads, 0);
  EXPECT_EQ(curve.Take().HitRatio(1), 0);
  curve.Stop();
  curve.Read(0, DbId(0), 1);
  curve.Write(DbId(0), 1);
  curve.Forget(DbId(0), 1);
  EXPECT_EQ(curve.Take().samples, 0);
}

// ---- Fed by a keyspace -------------------------------------------------------------------------

TEST(CurveOfAKeyspace, CountsReadsAndTheirMissesOnly) {
  TestStore store;
  store.Get("before", DbId(0), Access::kRead);
  store.keyspace.DrawCurve(true);
  store.Set("k", "v");
  store.Get("k", DbId(0), Access::kRead);
  store.Get("k", DbId(0), Access::kLook);
  store.Get("k", DbId(0), Access::kPeek);
  store.Get("missing", DbId(0), Access::kRead);
  store.Get("missing too", DbId(0), Access::kLook);
  store.Get("missing too", DbId(0), Access::kWrite);
  EXPECT_EQ(store.keyspace.curve().Take().reads, 2);
  EXPECT_DOUBLE_EQ(store.keyspace.curve().Take().HitRatio(100), 0.5);
  store.keyspace.DrawCurve(false);
  store.Get("k", DbId(0), Access::kRead);
  EXPECT_EQ(store.keyspace.curve().Take().reads, 0);
}

// With more memory it would still be there if it was evicted, but not if it was deleted.
TEST(CurveOfAKeyspace, TellsEvictedFromDeletedAndExpired) {
  TestStore store;
  store.keyspace.DrawCurve(true);
  store.keyspace.tunables().SetPolicy(EvictionPolicy::kAllkeysLru);
  store.Set("k", "v");
  store.Remove("k");
  store.Get("k", DbId(0), Access::kRead);
  EXPECT_EQ(store.keyspace.curve().Take().HitRatio(1e6), 0);
  store.Set("k", "v", store.clock.NowUnixMs() + 10);
  store.clock.AdvanceMs(11);
  store.Get("k", DbId(0), Access::kRead);
  EXPECT_EQ(store.keyspace.curve().Take().HitRatio(1e6), 0);
  store.Set("k", "v");
  store.keyspace.SetMemoryLimit(1);
  Evictor evictor(store.keyspace, 7);
  while (evictor.MakeRoom(0)) {
  }
  ASSERT_EQ(store.keyspace.Size(DbId(0)).keys, 0u);
  store.Get("k", DbId(0), Access::kRead);
  EXPECT_DOUBLE_EQ(store.keyspace.curve().Take().HitRatio(1e6), 1.0 / 3);
}

TEST(CurveOfAKeyspace, ItsMemoryIsChargedAndGivenBack) {
  TestStore store;
  const std::int64_t before = store.keyspace.used_bytes();
  store.keyspace.DrawCurve(true);
  store.keyspace.DrawCurve(true);
  EXPECT_EQ(store.keyspace.used_bytes() - before,
            static_cast<std::int64_t>(MissRatioCurve::memory_bytes()));
  store.keyspace.DrawCurve(false);
  EXPECT_EQ(store.keyspace.used_bytes(), before);
}

TEST(CurveOfAKeyspace, KnowsWhatTheLimitHolds) {
  TestStore store;
  for (int i = 0; i < 1000; ++i) store.Set(std::to_string(i), std::string(100, 'v'));
  EXPECT_EQ(store.keyspace.SizeAtLimit().keys, 1000u);
  store.keyspace.SetMemoryLimit(store.keyspace.FoldUsedBytes() * 3 + 5000);
  store.keyspace.NoteOtherBytes(5000);
  EXPECT_NEAR(static_cast<double>(store.keyspace.SizeAtLimit().keys), 3000, 1);
}

}  // namespace
}  // namespace cairn::keyspace
