// SPDX-License-Identifier: BSD-3-Clause
// Against exact counts of random streams: counts add up, every bound holds, every heavy name is
// there, for one table and for the sum of several; and the memory is bounded.
#include "ds/space_saving.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "base/hash.h"
#include "base/random.h"

namespace cairn::ds {
namespace {

struct Weight {
  std::uint64_t seen = 0;  // since the name came in
  Weight& operator+=(const Weight& other) {
    seen += other.seen;
    return *this;
  }
};
using Table = SpaceSaving<Weight>;
using Truth = std::map<std::string, std::uint64_t>;

void Add(Table& table, Truth& truth, const std::string& name, std::uint64_t weight) {
  table.Add(name, Xxh3(name), weight).seen += weight;
  truth[name] += weight;
}

void ExpectGuarantees(const Table& table, const Truth& truth) {
  std::uint64_t sum = 0;
  std::uint64_t total = 0;
  for (const auto& [name, weight] : truth) total += weight;
  ASSERT_EQ(table.total(), total);
  ASSERT_LE(table.floor(), total / table.capacity());
  Truth counted;
  for (const auto& entry : table.counted()) {
    sum += entry.count;
    counted[entry.name] = entry.count;
    const std::uint64_t weight = truth.at(entry.name);
    ASSERT_LE(entry.count - entry.error, weight) << entry.name;
    ASSERT_GE(entry.count, weight) << entry.name;
    ASSERT_LE(entry.error, table.floor()) << entry.name;
    ASSERT_EQ(entry.tally.seen, entry.count - entry.error) << entry.name;
  }
  ASSERT_EQ(sum, total);
  ASSERT_EQ(counted.size(), table.counted().size()) << "a name is counted twice";
  for (const auto& [name, weight] : truth) {
    if (weight > table.floor()) {
      ASSERT_TRUE(counted.contains(name)) << name << " weighs " << weight;
    }
  }
}

TEST(SpaceSaving, CountsFewNamesExactly) {
  Table table(4);
  Truth truth;
  for (const char* name : {"a", "b", "a", "", "a", "b"}) Add(table, truth, name, 1);
  ExpectGuarantees(table, truth);
  EXPECT_EQ(table.floor(), 0u);
  EXPECT_EQ(table.TallyOf("a", Xxh3("a"))->seen, 3u);
  EXPECT_EQ(table.TallyOf("c", Xxh3("c")), nullptr);
}

TEST(SpaceSaving, OneNameOfManyIsStillBounded) {
  Table table(1);
  Truth truth;
  for (const char* name : {"a", "b", "b", "a"}) Add(table, truth, name, 2);
  ExpectGuarantees(table, truth);
}

TEST(SpaceSaving, NamesWhoseHashesAreEqualAreTwo) {
  Table table(8);
  for (const char* name : {"a", "b", "a"}) table.Add(name, 7, 1).seen += 1;
  EXPECT_EQ(table.TallyOf("a", 7)->seen, 2u);
  EXPECT_EQ(table.TallyOf("b", 7)->seen, 1u);
}

// Hashes that share a home make the index move names up when one goes.
TEST(SpaceSaving, KeepsItsGuaranteesWhateverComes) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t capacity = 1 + random.Below(40);
    const std::uint64_t names = 1 + random.Below(200);
    const std::uint64_t weight_max = seed % 2 == 0 ? 1 : 1 + random.Below(1000);
    const std::uint64_t hashes = seed % 3 == 0 ? 5 : UINT64_MAX;
    Table table(capacity);
    Truth truth;
    for (int step = 0; step < 4000; ++step) {
      // The least of two draws: some names come far more often than others.
      const std::uint64_t drawn = std::min(random.Below(names), random.Below(names));
      const std::string name = "name-long-enough-for-the-heap:" + std::to_string(drawn);
      const std::uint64_t weight = 1 + random.Below(weight_max);
      table.Add(name, Xxh3(name) % hashes, weight).seen += weight;
      truth[name] += weight;
    }
    ExpectGuarantees(table, truth);
  }
}

TEST(SpaceSavingSum, BoundsHoldForTheSumOfTables) {
  Random random(4);
  Truth truth;
  SpaceSavingSum<Weight> sum;
  std::uint64_t floors = 0;
  for (int t = 0; t < 6; ++t) {
    Table table(20);
    Truth own;
    for (int step = 0; step < 2000; ++step) {
      const std::string name = std::to_string(std::min(random.Below(300), random.Below(300)) / 3);
      Add(table, own, name, 1 + random.Below(9));
    }
    for (const auto& [name, weight] : own) truth[name] += weight;
    floors += table.floor();
    sum.Add(table);
  }
  EXPECT_EQ(sum.floor(), floors);
  const auto all = sum.Top(SIZE_MAX);
  Truth named;
  for (const auto& estimate : all) {
    EXPECT_LE(estimate.low, truth.at(estimate.name));
    EXPECT_GE(estimate.high, truth.at(estimate.name));
    EXPECT_LE(estimate.high - estimate.low, floors);
    named[estimate.name] = estimate.high;
  }
  for (const auto& [name, weight] : truth) {
    if (weight > floors) {
      EXPECT_TRUE(named.contains(name)) << name;
    }
  }
  EXPECT_EQ(sum.Top(3).size(), 3u);
  EXPECT_GE(all[0].low + all[0].high, all[1].low + all[1].high);
}

TEST(SpaceSaving, MemoryIsBounded) {
  Table table(64);
  EXPECT_EQ(table.memory_bytes(), 0u);
  for (int i = 0; i < 100'000; ++i) {
    const std::string name(static_cast<std::size_t>(i % 100), 'x');
    table.Add(name + std::to_string(i), Xxh3(std::to_string(i)), 1);
  }
  EXPECT_LE(table.memory_bytes(), 64 * (sizeof(Table::Counted) + 16 + 256));
}

}  // namespace
}  // namespace cairn::ds
