// SPDX-License-Identifier: BSD-3-Clause
// What moves when a shard comes or goes, by both methods, and by the guide's hash mod n.
#include "cairn/shard_ring.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

namespace cairn::cache {
namespace {

constexpr std::size_t kKeys = 50'000;

std::vector<Shard> Equal(int count) {
  std::vector<Shard> shards;
  for (int i = 0; i < count; ++i) shards.push_back({.name = "cache-" + std::to_string(i)});
  return shards;
}
ShardRing Ring(std::vector<Shard> shards, ShardMethod method) {
  return ShardRing::Make(std::move(shards), method).value();
}

class Shards : public testing::TestWithParam<ShardMethod> {
 protected:
  // The ring's points lie unevenly by some percent.
  double slack() const { return GetParam() == ShardMethod::kRing ? 0.05 : 0.01; }
};

TEST_P(Shards, OneMoreMovesItsShareAndOnlyToIt) {
  for (const int count : {3, 10}) {
    const ShardRing before = Ring(Equal(count), GetParam());
    const ShardRing after = Ring(Equal(count + 1), GetParam());
    EXPECT_NEAR(ShardRing::Moves(before, after, kKeys), 1.0 / (count + 1), slack());
    const std::string added = "cache-" + std::to_string(count);
    for (std::size_t i = 0; i < kKeys / 10; ++i) {
      const std::string key = std::to_string(i);
      if (before.Of(key) != after.Of(key)) {
        EXPECT_EQ(after.Of(key), added);
      }
    }
  }
}

TEST_P(Shards, OneLessMovesOnlyItsOwn) {
  std::vector<Shard> shards = Equal(5);
  const ShardRing before = Ring(shards, GetParam());
  shards.erase(shards.begin() + 2);
  const ShardRing after = Ring(shards, GetParam());
  for (std::size_t i = 0; i < kKeys / 10; ++i) {
    const std::string key = std::to_string(i);
    const auto order = before.FirstOf(key, 5);
    ASSERT_EQ(order.size(), 5u);
    EXPECT_EQ(order[0], before.Of(key));
    EXPECT_EQ(after.Of(key), order[0] == "cache-2" ? order[1] : order[0]);
  }
}

TEST_P(Shards, WeightsAreShares) {
  const ShardRing ring = Ring({{"a", 1}, {"b", 2}, {"c", 5}}, GetParam());
  std::map<std::string, int> counts;
  for (std::size_t i = 0; i < kKeys; ++i) ++counts[ring.Of(std::to_string(i))];
  EXPECT_NEAR(counts["a"] / static_cast<double>(kKeys), 0.125, slack());
  EXPECT_NEAR(counts["b"] / static_cast<double>(kKeys), 0.25, slack());
  EXPECT_NEAR(counts["c"] / static_cast<double>(kKeys), 0.625, slack());
}

TEST_P(Shards, OrderMeansNothingAndTagsStayTogether) {
  const ShardRing ring = Ring({{"a"}, {"b"}, {"c"}}, GetParam());
  const ShardRing other = Ring({{"c"}, {"a"}, {"b"}}, GetParam());
  EXPECT_EQ(ShardRing::Moves(ring, other, kKeys), 0);
  for (int i = 0; i < 100; ++i) {
    const std::string tag = "{user:" + std::to_string(i) + "}";
    EXPECT_EQ(ring.Of(tag + ":cart"), ring.Of(tag + ":profile"));
  }
}

INSTANTIATE_TEST_SUITE_P(Both, Shards,
                         testing::Values(ShardMethod::kRendezvous, ShardMethod::kRing));

// Users' data lies where these say: a change of the hash is a change of all keys' places.
TEST(ShardRing, PlacesAreAPromise) {
  std::string rendezvous;
  std::string circle;
  const ShardRing first = Ring({{"a"}, {"b"}, {"c"}}, ShardMethod::kRendezvous);
  const ShardRing second = Ring({{"a"}, {"b"}, {"c"}}, ShardMethod::kRing);
  for (int i = 0; i < 24; ++i) {
    rendezvous += first.Of("key:" + std::to_string(i));
    circle += second.Of("key:" + std::to_string(i));
  }
  EXPECT_EQ(rendezvous, "ccaacaccccaaacacbabcbbac");
  EXPECT_EQ(circle, "ccabbbcaaaaccbcbccbbaaaa");
}

TEST(ShardRing, ArgumentsAreChecked) {
  EXPECT_FALSE(ShardRing::Make({}));
  EXPECT_FALSE(ShardRing::Make({{"a"}, {"a"}}));
  EXPECT_FALSE(ShardRing::Make({{""}}));
  EXPECT_FALSE(ShardRing::Make({{"a", 0}}));
  EXPECT_FALSE(ShardRing::Make({{"a", -1}}));
  EXPECT_FALSE(ShardRing::Make(Equal(1025)));
  EXPECT_EQ(ShardRing::Make({{"a"}})->FirstOf("k", 9).size(), 1u);
}

// 001: "consistent hashing" that is hash mod n: 3 to 4 moves 75 %, 10 to 11 moves 91 %.
TEST(ShardRing, GuideConsistentHashingIsModulo) {
  const auto guide = [](std::size_t from, std::size_t to) {
    std::size_t moved = 0;
    for (std::size_t i = 0; i < kKeys; ++i) {
      const std::size_t hash = std::hash<std::string>()("key:" + std::to_string(i));
      if (hash % from != hash % to) ++moved;
    }
    return static_cast<double>(moved) / kKeys;
  };
  EXPECT_NEAR(guide(3, 4), 0.75, 0.02);
  EXPECT_NEAR(guide(10, 11), 0.91, 0.02);
  const auto ours = [](int from, int to) {
    return ShardRing::Moves(Ring(Equal(from), ShardMethod::kRendezvous),
                            Ring(Equal(to), ShardMethod::kRendezvous), kKeys);
  };
  EXPECT_NEAR(ours(3, 4), 0.25, 0.01);
  EXPECT_NEAR(ours(10, 11), 0.09, 0.01);
}

}  // namespace
}  // namespace cairn::cache
