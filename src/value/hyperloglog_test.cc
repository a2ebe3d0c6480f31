// SPDX-License-Identifier: BSD-3-Clause
// HyperLogLog: bytes recorded from a real server, registers against a model, and counts against the
// published error. oracle_test.cc compares with a live server; this file needs none.
#include "value/hyperloglog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "value/hll_sparse.h"
#include "value/string_value.h"

namespace cairn::value {
namespace {

constexpr std::uint64_t kSeed = 5;
constexpr std::size_t kSparseMax = kHllSparseBytesMaxDefault;

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += "0123456789abcdef"[(static_cast<unsigned char>(byte) >> 4) & 0xf];
    text += "0123456789abcdef"[static_cast<unsigned char>(byte) & 0xf];
  }
  return text;
}

HllResult<std::size_t> AddOne(std::string& value, std::string_view element,
                              std::size_t sparse_max = kSparseMax) {
  return HllAdd(value, {&element, 1}, sparse_max);
}

// The header of a stale value, for hand-made runs.
std::string WithRuns(std::string_view runs) {
  std::string value = NewHll().substr(0, kHllHeaderBytes);
  HllMarkStale(value);
  return value.append(runs);
}

TEST(HyperLogLog, ElementsAndTheirRegisters) {
  EXPECT_EQ(MurmurHash64A("", 0), 0U);
  EXPECT_EQ(HllLocate("a").index, 12711);  // 'a' is one VAL of rank 2 behind 12711 zeros in Redis
  EXPECT_EQ(HllLocate("a").rank, 2);
  Random random(kSeed);
  for (int i = 0; i < 100000; ++i) {
    const std::string element = std::to_string(random.Next());
    const HllSpot spot = HllLocate(element);
    ASSERT_LT(spot.index, kHllRegisters);
    ASSERT_GE(spot.rank, 1);
    ASSERT_LE(spot.rank, kHllRankMax);
  }
}

TEST(HyperLogLog, NewValue) {
  std::string value = NewHll();
  EXPECT_EQ(Hex(value), "48594c4c0100000000000000000000007fff");
  EXPECT_EQ(HllCachedCount(value), 0U);
  HllMarkStale(value);
  EXPECT_EQ(Hex(value), "48594c4c0100000000000000000000807fff");
  EXPECT_EQ(HllCachedCount(value), std::nullopt);
  EXPECT_EQ(HllCount(value), 0U);
}

// Redis 7.0.15: PFADD of "0", "1", ... one by one, a PFCOUNT at each stop, which stores the count.
TEST(HyperLogLog, BytesRecordedFromRedis) {
  struct Stop {
    int added;
    std::uint64_t count;
    std::size_t size;
    std::string_view digest;  // XXH3 of the value
    std::string_view hex;     // of short values
  };
  const Stop stops[] = {
      {1, 1, 21, "a4bfb1f6661862b3", "48594c4c01000000010000000000000073a88c4c55"},
      {2, 2, 24, "e07aa4dd44d1ea2a", "48594c4c0100000002000000000000005d668056408c4c55"},
      {5, 5, 33, "1ce9822e592cebdf",
       "48594c4c01000000050000000000000041ee845b76804d748048ca8c48608c43f3"},
      {10, 10, 48, "9f8a6d99a10ec372",
       "48594c4c010000000a0000000000000041ee844823805351804ce08040928048ca8c43738042d78042128c40cf"
       "844322"},
      {20, 20, 77, "395cb290007f0060",
       "48594c4c01000000140000000000000041ee8444118044108045228040f58842108044d48045719040db804355"
       "8043518c41108045248040928048ca8c43738042d78042128c40b88015844322"},
      {40, 40, 133, "c1bdf3c0dac6b827", ""},
      {100, 100, 287, "07b1cd4d16c781fb", ""},
      {500, 503, 1061, "664c8e2909f1e806", ""},
      {1000, 1001, 1923, "c16e8f6ebbe0c74e", ""},
      {1300, 1307, 2434, "8909f3f0a7b8dd8f", ""},
      {1500, 1512, 2766, "6c0c11b950e59a29", ""},
      {2000, 2007, 12304, "d450689a9bf1a304", ""},
      {10000, 9987, 12304, "9863159f0b7679ac", ""},
      {100000, 99565, 12304, "eafd18a9dc5f55de", ""},
  };
  std::string value = NewHll();
  int added = 0;
  for (const Stop& stop : stops) {
    for (; added < stop.added; ++added) ASSERT_TRUE(AddOne(value, std::to_string(added)));
    ASSERT_EQ(HllCount(value), stop.count);
    HllCacheCount(value, stop.count);
    EXPECT_EQ(HllCachedCount(value), stop.count);
    EXPECT_EQ(value.size(), stop.size);
    EXPECT_EQ(Digest(value), stop.digest) << stop.added;
    if (!stop.hex.empty()) {
      EXPECT_EQ(Hex(value), stop.hex);
    }
  }
}

TEST(HyperLogLog, MergeRecordedFromRedis) {
  std::string x = NewHll();
  std::string y = NewHll();
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(AddOne(x, "x" + std::to_string(i)));
    ASSERT_TRUE(AddOne(y, "y" + std::to_string(i)));
  }
  EXPECT_EQ(Hex(x),
            "48594c4c01000000000000000000008043729442a384482b844295b44d088c4e578c476d884bed884061");
  HllUnion both;
  ASSERT_TRUE(both.Add(x));
  ASSERT_TRUE(both.Add(y));
  EXPECT_EQ(both.Count(), 16U);
  EXPECT_EQ(
      Hex(both.MergedInto("", kSparseMax).value()),
      "48594c4c010000000000000000000080436a80069442a384466f8441ba844295b44d088c44b688457384442a8c"
      "476d8843ae80452c80428880407a8809884061");
  // With room for 60 bytes, and 64 needed, the merged value is dense; its sources need not be.
  EXPECT_EQ(both.MergedInto("", 60).value().size(), kHllDenseBytes);
}

TEST(HyperLogLog, RegistersAgreeWithTheModelInBothForms) {
  Random random(kSeed);
  std::string sparse = NewHll();
  std::string dense = HllToDense(NewHll()).value();
  HllRegisters model = {};
  for (int step = 0; step < 30000; ++step) {
    const std::string element = std::to_string(random.Below(20000));
    const std::string_view view = element;
    const HllSpot spot = HllLocate(element);
    const bool raises = model[spot.index] < spot.rank;
    model[spot.index] = std::max(model[spot.index], spot.rank);
    // No limit, so that this one stays sparse until a rank does not fit.
    ASSERT_EQ(AddOne(sparse, element, ~std::size_t{0}), raises ? 1u : 0u) << step;
    ASSERT_EQ(HllAddDense(dense, {&view, 1}), raises ? 1u : 0u) << step;
    if (step % 500 != 0) continue;
    ASSERT_EQ(HllRegistersOf(sparse), model) << step;
    ASSERT_EQ(HllRegistersOf(dense), model) << step;
    ASSERT_EQ(HllCount(sparse), HllCount(dense));
  }
  EXPECT_EQ(HllEncodingOf(sparse), HllEncoding::kSparse);
  EXPECT_EQ(HllToDense(sparse), dense);
}

TEST(HyperLogLog, DenseRegistersOneByOne) {
  Random random(kSeed);
  std::string registers(kHllDenseRegisterBytes, '\0');
  HllRegisters model = {};
  for (int step = 0; step < 100000; ++step) {
    const auto index = static_cast<std::uint16_t>(random.Below(kHllRegisters));
    const auto rank = static_cast<std::uint8_t>(1 + random.Below(63));
    ASSERT_EQ(HllDenseRaise(registers, {index, rank}), model[index] < rank);
    model[index] = std::max(model[index], rank);
    ASSERT_EQ(HllDenseGet(registers, index), model[index]);
  }
  HllRegisters read = {};
  HllDenseUnite(registers, read);
  EXPECT_EQ(read, model);
  std::string packed(kHllDenseRegisterBytes, '?');
  HllDensePack(model, packed);
  EXPECT_EQ(packed, registers);
  HllHistogram counts = {};
  for (const std::uint8_t rank : model) ++counts[rank];
  EXPECT_EQ(HllDenseHistogram(registers), counts);
}

// The cursor saves time, not bytes. Few ranks make runs join and split all the time; the first runs
// are random, also such as no additions would leave behind.
TEST(HyperLogLog, CursorChangesNothing) {
  constexpr std::uint32_t kTried = 24;
  Random random(kSeed);
  for (int step = 0; step < 40000; ++step) {
    std::string runs;
    for (std::uint32_t left = kTried; left > 0;) {
      const std::uint64_t length = 1 + random.Below(std::min(left, 4U));
      const bool is_zero = random.Below(4) == 0;
      runs += static_cast<char>(is_zero ? length - 1 : 0x80 | random.Below(2) << 2 | (length - 1));
      left -= static_cast<std::uint32_t>(length);
    }
    constexpr std::uint32_t kRest = kHllRegisters - kTried - 1;
    runs += {static_cast<char>(0x40 | kRest >> 8), static_cast<char>(kRest & 0xff)};
    std::string with_cursor = WithRuns(runs);
    std::string without = with_cursor;
    HllSparseCursor cursor;
    for (std::uint16_t index = 0; index < kTried; ++index) {
      if (random.Below(3) == 0) continue;
      const HllSpot spot{index, static_cast<std::uint8_t>(1 + random.Below(3))};
      HllSparseCursor begin;
      ASSERT_EQ(HllSparseRaiseRegister(with_cursor, kHllHeaderBytes, spot, kSparseMax, cursor),
                HllSparseRaiseRegister(without, kHllHeaderBytes, spot, kSparseMax, begin));
      ASSERT_EQ(Hex(with_cursor), Hex(without)) << "step " << step << " index " << index;
    }
  }
}

TEST(HyperLogLog, SparseLimitIsInclusive) {
  std::string value = NewHll();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(AddOne(value, std::to_string(i)));
  // One more that makes the value grow.
  std::string grown;
  std::string element;
  for (int i = 100; grown.size() <= value.size(); ++i) {
    grown = value;
    element = std::to_string(i);
    ASSERT_TRUE(AddOne(grown, element));
  }
  std::string fits = value;
  EXPECT_EQ(AddOne(fits, element, grown.size()), 1u);
  EXPECT_EQ(HllEncodingOf(fits), HllEncoding::kSparse);
  std::string too_big = value;
  EXPECT_EQ(AddOne(too_big, element, grown.size() - 1), 1u);
  EXPECT_EQ(HllEncodingOf(too_big), HllEncoding::kDense);
  EXPECT_EQ(HllRegistersOf(too_big), HllRegistersOf(fits));
  EXPECT_EQ(HllCachedCount(too_big), std::nullopt);
}

TEST(HyperLogLog, RankBeyondSparseGoesDense) {
  std::string value = NewHll();
  HllSparseCursor begin;
  EXPECT_EQ(
      HllSparseRaiseRegister(value, kHllHeaderBytes, {7, kHllSparseRankMax}, kSparseMax, begin),
      HllSparseRaise::kRaised);
  EXPECT_EQ(
      HllSparseRaiseRegister(value, kHllHeaderBytes, {7, kHllSparseRankMax + 1}, kSparseMax, begin),
      HllSparseRaise::kTooBig);
  // In a union the dense source brings the rank along.
  std::string dense = HllToDense(NewHll()).value();
  HllDenseRaise(std::span(dense).subspan(kHllHeaderBytes), {7, 33});
  HllUnion both;
  ASSERT_TRUE(both.Add(value));
  ASSERT_TRUE(both.Add(dense));
  const std::string merged = both.MergedInto(value, kSparseMax).value();
  EXPECT_EQ(HllEncodingOf(merged), HllEncoding::kDense);
  EXPECT_EQ(HllRegistersOf(merged).value()[7], 33);
}

TEST(HyperLogLog, AdditionsInOneCallEqualThoseOneByOne) {
  std::vector<std::string> elements;
  for (int i = 0; i < 5000; ++i) elements.push_back(std::to_string(i % 3000));
  const std::vector<std::string_view> views(elements.begin(), elements.end());
  std::string at_once = NewHll();
  EXPECT_GT(HllAdd(at_once, views, kSparseMax).value(), 1000u);
  std::string one_by_one = NewHll();
  for (const std::string& element : elements) ASSERT_TRUE(AddOne(one_by_one, element));
  EXPECT_EQ(at_once, one_by_one);
  EXPECT_EQ(HllAdd(at_once, views, kSparseMax), 0u);
  EXPECT_EQ(HllAdd(at_once, {}, kSparseMax), 0u);
}

TEST(HyperLogLog, ChangesMarkTheCountStaleAndOthersDoNot) {
  std::string value = NewHll();
  ASSERT_EQ(AddOne(value, "a"), 1u);
  EXPECT_EQ(HllCachedCount(value), std::nullopt);
  HllCacheCount(value, 1);
  ASSERT_EQ(AddOne(value, "a"), 0u);
  EXPECT_EQ(HllCachedCount(value), 1U);
}

TEST(HyperLogLog, ErrorWithinTheBound) {
  // Standard error 1.04 / sqrt(16384). Over 20 samples each: the mean is unbiased, the root mean
  // square near the standard error, and no sample beyond four of them.
  constexpr double kStandardError = 1.04 / 128;
  constexpr int kSamples = 20;
  for (const int cardinality : {100, 1000, 10000, 50000, 100000, 1000000}) {
    const int samples = cardinality == 1000000 ? 4 : kSamples;
    double sum = 0;
    double squares = 0;
    for (int sample = 0; sample < samples; ++sample) {
      std::string value = NewHll();
      std::string element = "sample " + std::to_string(sample) + " number ";
      const std::size_t prefix = element.size();
      for (int i = 0; i < cardinality; ++i) {
        element.resize(prefix);
        element += std::to_string(i);
        (void)AddOne(value, element);
      }
      const double error = static_cast<double>(HllCount(value).value()) / cardinality - 1;
      EXPECT_LT(std::abs(error), 4 * kStandardError) << cardinality;
      sum += error;
      squares += error * error;
    }
    EXPECT_LT(std::abs(sum / samples), 3 * kStandardError / std::sqrt(samples)) << cardinality;
    EXPECT_LT(std::sqrt(squares / samples), 1.6 * kStandardError) << cardinality;
  }
}

TEST(HyperLogLog, ForgedRegistersBeyondAnyRank) {
  const std::string value =
      WithRuns("").replace(4, 1, 1, '\0') + std::string(kHllDenseRegisterBytes, '\xff');
  ASSERT_EQ(HllEncodingOf(value), HllEncoding::kDense);
  EXPECT_EQ(HllCount(value), kHllUnbounded);
  std::string copy = value;
  HllCacheCount(copy, kHllUnbounded);
  EXPECT_EQ(HllCachedCount(copy), std::nullopt);  // the pattern itself says "stale"
}

TEST(HyperLogLog, Headers) {
  const std::string dense = HllToDense(NewHll()).value();
  std::string encoding_two = NewHll();
  encoding_two[4] = 2;
  for (const std::string& bad :
       {std::string(), std::string("HYLL"), NewHll().substr(0, 15), "h" + NewHll().substr(1),
        encoding_two, dense + "x", dense.substr(1), dense.substr(0, dense.size() - 1)}) {
    std::string value = bad;
    EXPECT_EQ(HllEncodingOf(bad), std::unexpected(HllError::kNotHll));
    EXPECT_EQ(HllCount(bad), std::unexpected(HllError::kNotHll));
    EXPECT_EQ(AddOne(value, "a"), std::unexpected(HllError::kNotHll));
    EXPECT_EQ(value, bad);
    HllUnion all;
    EXPECT_EQ(all.Add(bad), std::unexpected(HllError::kNotHll));
  }
}

TEST(HyperLogLog, CorruptRuns) {
  using std::string_literals::operator""s;
  const std::string full = "\x7f\xff"s;
  for (const std::string& runs :
       {""s, "\0"s, "\x7f"s, "\x7f\xfe"s, full + "\0"s, "\x7f\xfe\x81"s, full + full,
        full + "\x7f"s, std::string(kHllSparseRunBytesMax + 1, '\x80')}) {
    const std::string value = WithRuns(runs);
    EXPECT_EQ(HllEncodingOf(value), HllEncoding::kSparse);
    EXPECT_EQ(HllCount(value), std::unexpected(HllError::kCorrupt)) << Hex(runs);
    EXPECT_EQ(HllToDense(value), std::unexpected(HllError::kCorrupt)) << Hex(runs);
    HllUnion all;
    EXPECT_EQ(all.Add(value), std::unexpected(HllError::kCorrupt)) << Hex(runs);
    EXPECT_EQ(all.Count(), 0U);
  }
  // An addition meets only the damage that lies before its register.
  std::string value = WithRuns(std::string(3, '\0'));
  EXPECT_EQ(AddOne(value, "a"), std::unexpected(HllError::kCorrupt));
  value = WithRuns(std::string(kHllSparseRunBytesMax + 1, '\x80'));
  EXPECT_EQ(AddOne(value, "a"), std::unexpected(HllError::kCorrupt));
}

TEST(HyperLogLog, LongestValidRuns) {
  // Every register alone, in two bytes: the limit on sparse values lets it pass.
  std::string runs;
  for (std::size_t i = 0; i < kHllRegisters; ++i) runs += std::string("\x40\0", 2);
  ASSERT_EQ(runs.size(), kHllSparseRunBytesMax);
  std::string value = WithRuns(runs);
  EXPECT_EQ(HllCount(value), 0U);
  EXPECT_EQ(AddOne(value, "a"), 1u);
  EXPECT_EQ(HllCount(value), 1U);
}

TEST(HyperLogLog, RunsAsText) {
  using std::string_literals::operator""s;
  EXPECT_EQ(HllRunsText(NewHll()), "Z:16384");
  EXPECT_EQ(HllRunsText(WithRuns("")), "");
  EXPECT_EQ(HllRunsText(WithRuns("\0\x3f\x40\0\x80\xff\x7f\xff"s)),
            "z:1 z:64 Z:1 v:1,1 v:32,4 Z:16384");
  EXPECT_EQ(HllRunsText(WithRuns("\x80\x7f")), "v:1,1");
}

TEST(HyperLogLog, SelfTest) {
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, kSeed}) {
    const Status status = HllSelfTest(seed);
    EXPECT_TRUE(status.ok()) << status.message();
  }
}

}  // namespace
}  // namespace cairn::value
