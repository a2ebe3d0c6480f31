// SPDX-License-Identifier: BSD-3-Clause
// The checksums against their published check values and against sums made bit by bit; the slots
// against redis-server's CLUSTER KEYSLOT.
#include "base/hash.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "base/random.h"

namespace cairn {
namespace {

std::string DrawText(Random& random, std::size_t size_max) {
  std::string text(random.Below(size_max + 1), '\0');
  for (char& byte : text) byte = static_cast<char>(random.Next());
  return text;
}

std::uint16_t Crc16BitByBit(std::string_view bytes) {
  unsigned crc = 0;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(byte)) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ ((crc & 0x8000) != 0 ? 0x11021U : 0U);
  }
  return static_cast<std::uint16_t>(crc);
}

std::uint64_t Crc64BitByBit(std::uint64_t crc, std::string_view bytes) {
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) * 0x95ac9329ac4bc9b5);
  }
  return crc;
}

TEST(HashTest, Crc16CheckValues) {
  EXPECT_EQ(Crc16("123456789"), 0x31c3);
  EXPECT_EQ(Crc16(""), 0);
  EXPECT_EQ(internal::Crc16ByTables("123456789"), 0x31c3);
  EXPECT_EQ(internal::Crc16ByTables(""), 0);
}

TEST(HashTest, Crc16AgreesWithBitByBitAtEveryLength) {
  constexpr std::uint64_t kSeed = 16;
  Random random(kSeed);
  for (std::size_t size = 0; size <= 100; ++size) {
    for (int i = 0; i < 50; ++i) {
      std::string text(size, '\0');
      for (char& byte : text) byte = static_cast<char>(random.Next());
      ASSERT_EQ(Crc16(text), Crc16BitByBit(text)) << "size " << size << " seed " << kSeed;
      ASSERT_EQ(internal::Crc16ByTables(text), Crc16BitByBit(text)) << "size " << size;
    }
  }
}

// Exactly as many bytes as the text has are read: the sanitizers watch the heap block's ends.
TEST(HashTest, ReadsNothingBeyondTheText) {
  for (std::size_t size = 1; size <= 40; ++size) {
    const auto block = std::make_unique<char[]>(size);
    const std::string_view text(block.get(), size);
    EXPECT_EQ(Crc16(text), 0);
    EXPECT_EQ(internal::Crc16ByTables(text), 0);
    EXPECT_EQ(KeySlot(text), SlotId(0));
    EXPECT_EQ(Crc64(0, text), 0);
    EXPECT_EQ(Xxh3(text), Xxh3(std::string(size, '\0')));
  }
}

TEST(HashTest, Crc64CheckValue) {
  EXPECT_EQ(Crc64(0, "123456789"), 0xe9c6d914c4b8d9ca);
  EXPECT_EQ(Crc64(0, ""), 0);
  EXPECT_EQ(Crc64(7, ""), 7);
}

TEST(HashTest, Crc64OfTwoStretches) {
  const std::string whole = std::string(1000, 'x') + "123456789";
  for (const std::size_t cut : {0, 1, 7, 500, 1008, 1009}) {
    const std::string_view first = std::string_view(whole).substr(0, cut);
    const std::string_view second = std::string_view(whole).substr(cut);
    EXPECT_EQ(Crc64Combine(Crc64(0, first), Crc64(0, second), second.size()), Crc64(0, whole))
        << cut;
  }
}

TEST(HashTest, Crc64ContinuesAnEarlierSum) {
  constexpr std::uint64_t kSeed = 64;
  Random random(kSeed);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = DrawText(random, 70);
    const std::string_view whole = text;
    const std::size_t cut = random.Below(text.size() + 1);
    const std::uint64_t sum = Crc64BitByBit(0, whole);
    ASSERT_EQ(Crc64(0, whole), sum) << "seed " << kSeed;
    ASSERT_EQ(Crc64(Crc64(0, whole.substr(0, cut)), whole.substr(cut)), sum) << "seed " << kSeed;
  }
}

TEST(HashTest, HashTagIsBetweenTheFirstBraces) {
  struct Row {
    std::string_view key;
    std::string_view tag;
  };
  constexpr Row kRows[] = {
      {"", ""},
      {"plain", "plain"},
      {"{user1000}.following", "user1000"},
      {"a{b}c{d}", "b"},
      {"foo{}{bar}", "foo{}{bar}"},
      {"foo{{bar}}zap", "{bar"},
      {"foo{bar}{zap}", "bar"},
      {"foo{bar", "foo{bar"},
      {"foo}bar{x}", "x"},
      {"}{", "}{"},
      {"{}", "{}"},
      {"{", "{"},
      {"an-even-longer-prefix-here{tag}and-suffix", "tag"},
      {"key:000000000{01", "key:000000000{01"},
  };
  for (const Row& row : kRows) {
    EXPECT_EQ(HashTag(row.key), row.tag) << row.key;
    EXPECT_EQ(KeySlot(row.key), SlotId(Crc16BitByBit(row.tag) % kSlotCount)) << row.key;
  }
}

TEST(HashTest, SlotsAsOracle) {
  struct Row {
    std::string_view key;
    std::uint16_t slot;
  };
  constexpr Row kRows[] = {
      {"", 0},
      {"a", 15495},
      {"foo", 12182},
      {"bar", 5061},
      {"key:42", 2583},
      {"12345678", 4117},
      {"123456789", 12739},
      {"key:000000000042", 7803},
      {"key:0000000000042", 10376},
      {"{user1000}.following", 3443},
      {"{user1000}.followers", 3443},
      {"foo{}{bar}", 8363},
      {"foo{{bar}}zap", 4015},
      {"foo{bar", 15278},
      {"a-key-of-thirty-two-bytes-long!!", 2235},
      {"a-key-of-more-than-thirty-two-bytes-long", 14848},
      {"prefix:{tag}:suffix", 8338},
      {"a-long-prefix-that-fills-a-block:{t}", 15891},
  };
  for (const Row& row : kRows) EXPECT_EQ(KeySlot(row.key), SlotId(row.slot)) << row.key;
}

TEST(HashTest, Xxh3KnownValues) {
  EXPECT_EQ(Xxh3(""), 0x2d06800538d394c2);
  EXPECT_EQ(Xxh3("a"), 0xe6c632b61e964e1f);
  EXPECT_EQ(Xxh3("cairn"), 0x00192f3582df1eee);
  EXPECT_EQ(Xxh3("key:000000000042"), 0x698ccf97aff6cd95);
  EXPECT_EQ(Xxh3(std::string(200, 'x')), 0x50ef124fb1e4de53);
  EXPECT_EQ(Xxh3(std::string(1000, 'y')), 0x6a7df51df515dbab);
}

TEST(HashTest, SeedChangesEveryHash) {
  const HashSeed one(1);
  const HashSeed two(2);
  for (const std::string_view key :
       {"", "a", "key:42", "key:000000000042", "key:00000000000000042"}) {
    EXPECT_EQ(one.Hash(key), HashSeed(1).Hash(key));
    EXPECT_NE(one.Hash(key), two.Hash(key));
    EXPECT_NE(one.Hash(key), Xxh3(key));
  }
  EXPECT_EQ(HashSeed(0).Hash("key"), Xxh3("key"));
}

TEST(HashTest, KeysOfEveryLengthHashDifferently) {
  const HashSeed seed(7);
  std::set<std::uint64_t> hashes;
  for (std::size_t size = 0; size <= 300; ++size) hashes.insert(seed.Hash(std::string(size, 'k')));
  EXPECT_EQ(hashes.size(), 301);
}

}  // namespace
}  // namespace cairn
