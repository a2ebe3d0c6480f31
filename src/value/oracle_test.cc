// SPDX-License-Identifier: BSD-3-Clause
// The value functions against a real redis-server, where one is installed.
//
// Each case sends random values to the server and asks it what we computed ourselves; for
// HyperLogLogs the stored bytes must be equal after every step. Without redis-server the cases are
// skipped. Seeds are fixed and shown with a failure.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "value/bitfield.h"
#include "value/bitmap.h"
#include "value/hyperloglog.h"
#include "value/lcs.h"
#include "value/oracle_testing.h"
#include "value/string_value.h"

namespace cairn::value {
namespace {

constexpr std::uint64_t kSeed = 77;

class OracleTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { oracle_ = Oracle::Start().release(); }
  static void TearDownTestSuite() {
    std::unique_ptr<Oracle>(std::exchange(oracle_, nullptr)).reset();
  }
  void SetUp() override {
    if (oracle_ == nullptr) GTEST_SKIP() << "no redis-server to compare with";
    oracle_->Call({"FLUSHALL"});
  }
  void SetSparseMax(std::size_t bytes) {
    oracle_->Call({"CONFIG", "SET", "hll-sparse-max-bytes", std::to_string(bytes)});
  }
  Oracle& oracle() { return *oracle_; }

 private:
  static inline Oracle* oracle_ = nullptr;
};

std::string RandomBytes(Random& random, std::size_t size_max) {
  std::string bytes(random.Below(size_max + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Next());
  return bytes;
}

std::string Stored(std::string value) {
  HllMarkStale(value);
  return value;
}

HllResult<std::size_t> AddAll(std::string& value, const std::vector<std::string>& elements,
                              std::size_t sparse_max) {
  const std::vector<std::string_view> views(elements.begin(), elements.end());
  return HllAdd(value, views, sparse_max);
}

// The valid runs of a sparse value, in shapes that no sequence of additions need ever make.
std::string RandomSparse(Random& random) {
  std::string value = NewHll();
  value.resize(kHllHeaderBytes);
  const std::uint64_t ranks = 1 + random.Below(random.Below(2) != 0 ? 3 : 32);
  const std::uint64_t zeros = random.Below(10);
  for (std::size_t left = kHllRegisters; left > 0;) {
    const bool is_zero = random.Below(10) < zeros || value.size() > 2500;
    const std::uint64_t longest = is_zero ? (random.Below(3) != 0 ? 64U : 16384U) : 4U;
    const std::uint64_t length = 1 + random.Below(std::min<std::uint64_t>(left, longest));
    if (!is_zero) {
      value += static_cast<char>(0x80 | random.Below(ranks) << 2 | (length - 1));
    } else if (length <= 64 && random.Below(8) != 0) {
      value += static_cast<char>(length - 1);
    } else {
      value += static_cast<char>(0x40 | (length - 1) >> 8);
      value += static_cast<char>((length - 1) & 0xff);
    }
    left -= length;
  }
  return Stored(value);
}

std::string RandomDense(Random& random) {
  std::string value = HllToDense(NewHll()).value();
  const std::uint64_t ranks = 2 + random.Below(62);
  for (std::size_t i = 0; i < kHllRegisters; ++i) {
    const std::uint64_t rank = std::min(random.Below(ranks), random.Below(ranks));
    if (rank == 0) continue;
    HllDenseRaise(std::span(value).subspan(kHllHeaderBytes),
                  {static_cast<std::uint16_t>(i), static_cast<std::uint8_t>(rank)});
  }
  return Stored(value);
}

TEST_F(OracleTest, HllBytesAfterEveryAddition) {
  for (const std::size_t sparse_max : {0UL, 100UL, 1000UL, 3000UL, 16000UL}) {
    SetSparseMax(sparse_max);
    Random random(kSeed + sparse_max);
    oracle().Call({"DEL", "k"});
    oracle().Call({"PFADD", "k"});
    std::string value = Stored(NewHll());
    for (int step = 0; step < 6000; ++step) {
      SCOPED_TRACE(testing::Message() << "sparse_max " << sparse_max << " step " << step);
      std::vector<std::string> elements(1 + (random.Below(8) == 0 ? random.Below(30) : 0));
      for (std::string& element : elements) element = std::to_string(random.Below(100000));
      std::vector<std::string> words = {"PFADD", "k"};
      words.insert(words.end(), elements.begin(), elements.end());
      const auto changed = AddAll(value, elements, sparse_max);
      ASSERT_TRUE(changed.has_value());
      ASSERT_EQ(oracle().Call(words).number, *changed ? 1 : 0);
      if (random.Below(50) == 0) {
        const std::uint64_t count =
            HllCachedCount(value) ? *HllCachedCount(value) : HllCount(value).value();
        HllCacheCount(value, count);
        ASSERT_EQ(oracle().Call({"PFCOUNT", "k"}).number, static_cast<std::int64_t>(count));
      }
      if (value.size() == kHllDenseBytes && step % 40 != 0) continue;
      ASSERT_EQ(Hex(oracle().Get("k")), Hex(value));
    }
  }
}

TEST_F(OracleTest, HllAdditionToAnyRuns) {
  Random random(kSeed);
  for (int step = 0; step < 4000; ++step) {
    SCOPED_TRACE(testing::Message() << "step " << step);
    std::string value = RandomSparse(random);
    const std::size_t sparse_max =
        random.Below(4) == 0 ? value.size() - 2 + random.Below(6) : kHllSparseBytesMaxDefault;
    if (step % 20 == 0 || sparse_max != kHllSparseBytesMaxDefault) SetSparseMax(sparse_max);
    oracle().Set("k", value);
    for (int k = 0; k < 5; ++k) {
      const std::string before = value;
      const std::string element = std::to_string(random.Next());
      const auto changed = AddAll(value, {element}, sparse_max);
      ASSERT_EQ(oracle().Call({"PFADD", "k", element}).number, changed.value() ? 1 : 0);
      ASSERT_EQ(Hex(oracle().Get("k")), Hex(value))
          << "register " << HllLocate(element).index << " rank " << int{HllLocate(element).rank}
          << " to " << Hex(before);
    }
    if (sparse_max != kHllSparseBytesMaxDefault) SetSparseMax(kHllSparseBytesMaxDefault);
  }
}

TEST_F(OracleTest, HllCountsOfAnyRegisters) {
  Random random(kSeed);
  for (int step = 0; step < 1000; ++step) {
    SCOPED_TRACE(testing::Message() << "step " << step);
    const std::string value = step % 2 == 0 ? RandomDense(random) : RandomSparse(random);
    oracle().Set("k", value);
    ASSERT_EQ(oracle().Call({"PFCOUNT", "k"}).number,
              static_cast<std::int64_t>(HllCount(value).value()));
    std::string counted = value;
    HllCacheCount(counted, HllCount(value).value());
    ASSERT_EQ(Hex(oracle().Get("k")), Hex(counted));
  }
}

TEST_F(OracleTest, HllMergesAndUnions) {
  SetSparseMax(kHllSparseBytesMaxDefault);
  Random random(kSeed);
  for (int step = 0; step < 800; ++step) {
    SCOPED_TRACE(testing::Message() << "step " << step);
    std::vector<std::string> values(1 + random.Below(4));
    std::vector<std::string> merge = {"PFMERGE"};
    std::vector<std::string> count = {"PFCOUNT"};
    HllUnion all;
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::string& value = values[i];
      const std::string key = "k" + std::to_string(i);
      merge.push_back(key);
      count.push_back(key);
      oracle().Call({"DEL", key});
      if (i == 0 && random.Below(3) == 0) continue;  // an absent destination
      const std::uint64_t kind = random.Below(8);
      if (kind == 0) {
        value = RandomDense(random);
      } else if (kind < 3) {
        value = RandomSparse(random);
      } else {
        value = Stored(NewHll());
        std::vector<std::string> elements(random.Below(900));
        for (std::string& element : elements) element = std::to_string(random.Below(3000));
        ASSERT_TRUE(AddAll(value, elements, kHllSparseBytesMaxDefault));
        HllCacheCount(value, random.Below(1000));
      }
      oracle().Set(key, value);
      ASSERT_TRUE(all.Add(value));
    }
    if (count.size() > 2) {
      ASSERT_EQ(oracle().Call(count).number, static_cast<std::int64_t>(all.Count()));
    }
    ASSERT_EQ(oracle().Call(merge).text, "OK");
    ASSERT_EQ(Hex(oracle().Get("k0")),
              Hex(all.MergedInto(values[0], kHllSparseBytesMaxDefault).value()));
  }
}

TEST_F(OracleTest, HllDebugViews) {
  Random random(kSeed);
  for (int step = 0; step < 100; ++step) {
    const std::string value = RandomSparse(random);
    oracle().Set("k", value);
    ASSERT_EQ(oracle().Call({"PFDEBUG", "DECODE", "k"}).text, HllRunsText(value));
    const Reply registers = oracle().Call({"PFDEBUG", "GETREG", "k"});
    const HllRegisters ours = HllRegistersOf(value).value();
    ASSERT_EQ(registers.items.size(), ours.size());
    for (std::size_t i = 0; i < ours.size(); ++i) ASSERT_EQ(registers.items[i].number, ours[i]);
    ASSERT_EQ(Hex(oracle().Get("k")), Hex(HllToDense(value).value()));
  }
}

// What Redis says of strings that are no HyperLogLogs, or broken ones.
TEST_F(OracleTest, HllErrors) {
  const std::string header = Stored(NewHll()).substr(0, kHllHeaderBytes);
  std::string odd_encoding = NewHll();
  odd_encoding[4] = 2;
  std::string odd_magic = NewHll();
  odd_magic[0] = 'h';
  const std::string dense = HllToDense(NewHll()).value();
  const std::string values[] = {"",
                                "HYLL",
                                header,
                                odd_encoding,
                                odd_magic,
                                header + "\x7f\xfe",
                                header + "\x7f\xff" + '\0',
                                header + "\x7f",
                                header + '\0',
                                header + "\x7f\xff",
                                header + "\x7f\xfe\x80",
                                header + "\x7f\xfe\x81",
                                dense,
                                dense + 'x',
                                dense.substr(0, kHllDenseBytes - 1)};
  for (const std::string& value : values) {
    SCOPED_TRACE(Hex(value.substr(0, 32)) + " " + std::to_string(value.size()));
    const auto text = [](const auto& result) -> std::string_view {
      if (result) return "fine";
      return result.error() == HllError::kNotHll ? "WRONGTYPE" : "INVALIDOBJ";
    };
    const auto said = [](const Reply& reply) {
      return reply.type == '-' ? reply.text.substr(0, reply.text.find(' ')) : "fine";
    };
    oracle().Set("k", value);
    EXPECT_EQ(said(oracle().Call({"PFDEBUG", "ENCODING", "k"})), text(HllEncodingOf(value)));
    EXPECT_EQ(said(oracle().Call({"PFCOUNT", "k"})), text(HllCount(value)));
    EXPECT_EQ(said(oracle().Call({"PFMERGE", "other", "k"})), text(HllRegistersOf(value)));
    EXPECT_EQ(said(oracle().Call({"PFDEBUG", "TODENSE", "k"})), text(HllToDense(value)));
  }
}

TEST_F(OracleTest, BitCountAndBitPos) {
  Random random(kSeed);
  for (int step = 0; step < 10000; ++step) {
    std::string bytes = RandomBytes(random, 12);
    if (bytes.empty()) bytes = "x";
    if (random.Below(2) != 0) bytes.assign(bytes.size(), random.Below(2) != 0 ? '\0' : '\xff');
    oracle().Set("k", bytes);
    const auto at = [&] { return static_cast<std::int64_t>(random.Below(220)) - 110; };
    BitRange range{at(), at(), random.Below(2) != 0 ? BitUnit::kBit : BitUnit::kByte};
    if (range.unit == BitUnit::kByte) range = {range.start / 8, *range.end / 8, range.unit};
    const std::string start = std::to_string(range.start);
    const std::string end = std::to_string(*range.end);
    const std::string unit = range.unit == BitUnit::kBit ? "BIT" : "BYTE";
    SCOPED_TRACE(Hex(bytes) + " " + start + " " + end + " " + unit);
    ASSERT_EQ(oracle().Call({"BITCOUNT", "k", start, end, unit}).number,
              static_cast<std::int64_t>(BitCount(bytes, range)));
    const bool bit = random.Below(2) != 0;
    ASSERT_EQ(oracle().Call({"BITPOS", "k", bit ? "1" : "0", start, end, unit}).number,
              BitPos(bytes, bit, range));
    if (range.unit == BitUnit::kBit) continue;
    ASSERT_EQ(oracle().Call({"BITPOS", "k", bit ? "1" : "0", start}).number,
              BitPos(bytes, bit, {range.start}));
  }
}

TEST_F(OracleTest, BitOpKnownToBothSides) {
  constexpr std::pair<BitOperation, const char*> kOperations[] = {{BitOperation::kAnd, "AND"},
                                                                  {BitOperation::kOr, "OR"},
                                                                  {BitOperation::kXor, "XOR"},
                                                                  {BitOperation::kNot, "NOT"}};
  Random random(kSeed);
  for (int step = 0; step < 2000; ++step) {
    const auto& [operation, name] = kOperations[random.Below(std::size(kOperations))];
    std::vector<std::string> values(operation == BitOperation::kNot ? 1 : 1 + random.Below(4));
    std::vector<std::string> words = {"BITOP", name, "out"};
    for (std::string& value : values) {
      value = RandomBytes(random, 100);
      words.push_back("k" + std::to_string(words.size()));
      oracle().Set(words.back(), value);
    }
    const std::vector<std::string_view> sources(values.begin(), values.end());
    std::string result(CombinedSize(sources), '\0');
    CombineBits(operation, sources, 0, result);
    ASSERT_EQ(oracle().Call(words).number, static_cast<std::int64_t>(result.size()));
    ASSERT_EQ(Hex(oracle().Get("out")), Hex(result)) << name << " step " << step;
  }
}

std::int64_t RandomNumber(Random& random) {
  return static_cast<std::int64_t>(random.Next()) >> random.Below(64);
}

TEST_F(OracleTest, Bitfields) {
  constexpr std::pair<Overflow, const char*> kOverflows[] = {
      {Overflow::kWrap, "WRAP"}, {Overflow::kSaturate, "SAT"}, {Overflow::kFail, "FAIL"}};
  Random random(kSeed);
  std::string bytes(20, '\0');
  oracle().Set("k", bytes);
  for (int step = 0; step < 20000; ++step) {
    const bool is_signed = random.Below(2) != 0;
    const FieldType type{is_signed,
                         static_cast<std::uint8_t>(1 + random.Below(is_signed ? 64 : 63))};
    const std::uint64_t offset = random.Below(bytes.size() * 8 - type.bits + 1);
    const auto& [overflow, overflow_name] = kOverflows[random.Below(std::size(kOverflows))];
    const bool adds = random.Below(2) != 0;
    const std::int64_t number = RandomNumber(random);
    const std::int64_t old = GetField(bytes, type, offset);
    const std::optional<std::int64_t> now =
        adds ? AddToField(type, old, number, overflow) : FitField(type, number, overflow);
    if (now) SetField(bytes, type, offset, *now);
    const Reply reply =
        oracle().Call({"BITFIELD", "k", "OVERFLOW", overflow_name, adds ? "INCRBY" : "SET",
                       (is_signed ? "i" : "u") + std::to_string(type.bits), std::to_string(offset),
                       std::to_string(number)});
    SCOPED_TRACE(testing::Message() << "step " << step << (adds ? " add " : " set ") << number
                                    << " to " << old << ' ' << overflow_name);
    ASSERT_EQ(reply.items.size(), 1U);
    ASSERT_EQ(reply.items[0].type == ':', now.has_value());
    if (now) {
      ASSERT_EQ(reply.items[0].number, adds ? *now : old);
    }
    ASSERT_EQ(Hex(oracle().Get("k")), Hex(bytes));
  }
}

TEST_F(OracleTest, LongestCommonSubsequence) {
  Random random(kSeed);
  for (int step = 0; step < 1500; ++step) {
    std::string a = RandomBytes(random, 150);
    std::string b = RandomBytes(random, 150);
    const int letters = static_cast<int>(1 + random.Below(6));
    for (std::string* text : {&a, &b}) {
      for (char& byte : *text) {
        byte = static_cast<char>('a' + static_cast<unsigned char>(byte) % letters);
      }
    }
    oracle().Set("a", a);
    oracle().Set("b", b);
    SCOPED_TRACE(a + " " + b);
    const std::vector<LcsMatch> matches = LcsMatches(a, b);
    ASSERT_EQ(oracle().Call({"LCS", "a", "b", "LEN"}).number,
              static_cast<std::int64_t>(LcsLength(a, b)));
    ASSERT_EQ(oracle().Call({"LCS", "a", "b"}).text, LcsText(a, matches));
    const Reply reply = oracle().Call({"LCS", "a", "b", "IDX", "WITHMATCHLEN"});
    ASSERT_EQ(reply.items.size(), 4U);
    const std::vector<Reply>& theirs = reply.items[1].items;
    ASSERT_EQ(theirs.size(), matches.size());
    for (std::size_t k = 0; k < matches.size(); ++k) {
      const auto number = [&](std::size_t part, std::size_t end) {
        return static_cast<std::uint64_t>(theirs[k].items[part].items[end].number);
      };
      ASSERT_EQ(number(0, 0), matches[k].start_a);
      ASSERT_EQ(number(0, 1), matches[k].start_a + matches[k].length - 1);
      ASSERT_EQ(number(1, 0), matches[k].start_b);
      ASSERT_EQ(number(1, 1), matches[k].start_b + matches[k].length - 1);
    }
  }
}

TEST_F(OracleTest, LcsLimit) {
  oracle().Call({"CONFIG", "SET", "proto-max-bulk-len", "1mb"});
  for (const auto& [size_a, size_b] : {std::pair{511, 511}, {511, 512}, {510, 512}, {512, 512}}) {
    const std::string a(static_cast<std::size_t>(size_a), 'x');
    const std::string b(static_cast<std::size_t>(size_b), 'y');
    oracle().Set("a", a);
    oracle().Set("b", b);
    const bool refused = oracle().Call({"LCS", "a", "b", "LEN"}).type == '-';
    EXPECT_EQ(refused, LcsCheck(a.size(), b.size(), 1 << 20) != LcsLimit::kWithin) << size_b;
  }
  oracle().Call({"CONFIG", "SET", "proto-max-bulk-len", "512mb"});
}

TEST_F(OracleTest, StringEncodings) {
  Random random(kSeed);
  for (int step = 0; step < 2000; ++step) {
    std::string bytes = random.Below(2) != 0 ? std::to_string(RandomNumber(random))
                                             : std::string(random.Below(60), 'x');
    if (random.Below(5) == 0)
      bytes.insert(random.Below(2) * (bytes.size() / 2), 1, "0-+. 9"[random.Below(6)]);
    oracle().Set("k", bytes);
    ASSERT_EQ(oracle().Call({"OBJECT", "ENCODING", "k"}).text,
              StringEncodingName(StringEncodingOf(bytes, StringOrigin::kSet)))
        << bytes;
  }
}

}  // namespace
}  // namespace cairn::value
