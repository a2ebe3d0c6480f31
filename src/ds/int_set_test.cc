// SPDX-License-Identifier: BSD-3-Clause
// The bytes are Redis's, widths grow and stay, foreign bytes are doubted, and any sequence of
// changes agrees with std::set.
#include "ds/int_set.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "ds/raw_memory.h"

namespace cairn::ds {
namespace {

using std::string_literals::operator""s;

IntSet Of(const std::vector<std::int64_t>& numbers) {
  IntSet set;
  for (const std::int64_t number : numbers) set.Add(number);
  return set;
}

void ExpectEqual(const IntSet& set, const std::set<std::int64_t>& model) {
  ASSERT_EQ(set.size(), model.size());
  std::size_t i = 0;
  for (const std::int64_t number : model) ASSERT_EQ(set.At(i++), number);
}

TEST(IntSet, BytesAreRedis) {
  struct Case {
    std::vector<std::int64_t> numbers;
    std::string bytes;
  };
  // Fields of DUMP replies of redis-server 7.0.15, after the type and the length of the string.
  const Case cases[] = {
      {{}, "\x02\0\0\0\0\0\0\0"s},
      {{5}, "\x02\0\0\0\x01\0\0\0\x05\0"s},
      {{1, -1, 3}, "\x02\0\0\0\x03\0\0\0\xff\xff\x01\0\x03\0"s},
      {{1, 40000}, "\x04\0\0\0\x02\0\0\0\x01\0\0\0\x40\x9c\0\0"s},
      {{1, -40000}, "\x04\0\0\0\x02\0\0\0\xc0\x63\xff\xff\x01\0\0\0"s},
      {{1, 5000000000}, "\x08\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0\x00\xf2\x05\x2a\x01\0\0\0"s},
  };
  for (const Case& row : cases) EXPECT_EQ(Of(row.numbers).bytes(), row.bytes);
}

TEST(IntSet, WidthsChangeAtTheirLimits) {
  const std::int64_t limits[] = {INT16_MIN,
                                 INT16_MAX,
                                 INT16_MIN - 1,
                                 INT16_MAX + 1,
                                 INT32_MIN,
                                 INT32_MAX,
                                 std::int64_t{INT32_MIN} - 1,
                                 INT64_MIN,
                                 INT64_MAX,
                                 std::int64_t{INT32_MAX} + 1};
  IntSet set;
  std::set<std::int64_t> model;
  for (const std::int64_t number : limits) {
    EXPECT_FALSE(set.Contains(number));
    EXPECT_FALSE(set.Remove(number));
    EXPECT_TRUE(set.Add(number));
    EXPECT_FALSE(set.Add(number));
    EXPECT_TRUE(set.Contains(number));
    model.insert(number);
    ExpectEqual(set, model);
  }
}

TEST(IntSet, NeverNarrower) {
  IntSet set = Of({1, INT64_MAX});
  EXPECT_TRUE(set.Remove(INT64_MAX));
  EXPECT_EQ(set.bytes().size(), 16u);
  EXPECT_TRUE(set.Remove(1));
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(set.memory_bytes(), 0u);
}

TEST(IntSet, ForeignBytesAreDoubted) {
  const std::string bad[] = {
      "",
      "\x02\0\0\0\0\0\0"s,
      "\x03\0\0\0\0\0\0\0"s,                  // no such width
      "\x02\0\0\0\x01\0\0\0"s,                // count beyond the end
      "\x02\0\0\0\x01\0\0\0\x05\0\0"s,        // a byte too many
      "\x02\0\0\0\x02\0\0\0\x05\0\x05\0"s,    // twice the same
      "\x02\0\0\0\x02\0\0\0\x05\0\x04\0"s,    // descending
      "\x02\0\0\0\x02\0\0\0\x05\0\xff\xff"s,  // descending, by sign
      "\x08\0\0\0\xff\xff\xff\xff"s,
  };
  for (const std::string& bytes : bad) {
    const auto set = IntSet::FromBytes(bytes);
    ASSERT_FALSE(set.has_value());
    EXPECT_EQ(set.error().code(), StatusCode::kCorrupt);
  }
  const IntSet good = Of({-7, 0, 70000});
  const auto copy = IntSet::FromBytes(good.bytes());
  ASSERT_TRUE(copy.has_value());
  EXPECT_EQ(copy->bytes(), good.bytes());
}

TEST(IntSet, OwnsOneWord) {
  IntSet set = Of({1, 2});
  void* raw = set.Release();
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(raw) % 16, 0u);
  IntSet again = IntSet::Adopt(raw);
  const IntSet clone = again.Clone();
  again = IntSet();
  ExpectEqual(clone, {1, 2});
  EXPECT_EQ(clone.memory_bytes(), AllocatedBytes(12));
}

TEST(IntSet, AgreesWithAStdSet) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (const int bits : {6, 17, 33, 64}) {
    IntSet set;
    std::set<std::int64_t> model;
    for (int step = 0; step < 4000; ++step) {
      const auto number = static_cast<std::int64_t>(random.Next()) >> (64 - bits);
      const std::int64_t known = model.empty() ? number : *model.lower_bound(*model.begin());
      switch (random.Below(5)) {
        case 0:
          ASSERT_EQ(set.Remove(number), model.erase(number) == 1);
          break;
        case 1:
          ASSERT_EQ(set.Remove(known), model.erase(known) == 1);
          break;
        default:
          ASSERT_EQ(set.Add(number), model.insert(number).second);
      }
      ASSERT_EQ(set.Contains(number), model.contains(number));
      ASSERT_EQ(set.size(), model.size());
    }
    ExpectEqual(set, model);
  }
}

}  // namespace
}  // namespace cairn::ds
