// SPDX-License-Identifier: BSD-3-Clause
// Narrow lists give back the bytes that they were made of, whatever those hold, and exist only
// where they take less of the allocator.
#include "ds/narrow_list.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/random.h"
#include "ds/raw_memory.h"

namespace cairn::ds {
namespace {

constexpr std::uint64_t kSeed = 41;

std::string AsciiText(Random& random, std::size_t bytes) {
  std::string text(bytes, ' ');
  for (char& c : text) c = static_cast<char>(' ' + random.Below(95));
  return text;
}

// What comes back, or nothing if there is no narrow form.
std::string Returned(const PackedList& list) {
  char* narrow = NarrowListOf(list);
  if (narrow == nullptr) return {};
  EXPECT_LT(AllocatedBytes(NarrowListBytes(narrow)), list.memory_bytes());
  auto* room = static_cast<char*>(AllocateRaw(list.bytes().size()));
  WidenList(narrow, {room, list.bytes().size()});
  std::string scratch;
  std::size_t index = 0;
  for (auto at = list.First(); at != PackedList::kNone; at = list.Next(at), ++index)
    EXPECT_TRUE(NarrowListAt(narrow, index, scratch).Equals(list.At(at))) << index;
  std::string bytes(room, list.bytes().size());
  FreeRaw(room);
  FreeRaw(narrow);
  return bytes;
}

TEST(NarrowList, TextsOfEveryLength) {
  Random random(kSeed);
  for (std::size_t bytes = 0; bytes <= 300; ++bytes) {
    SCOPED_TRACE(bytes);
    PackedList list;
    while (list.bytes().size() + bytes + 4 <= 8192) list.Append(AsciiText(random, bytes));
    ASSERT_EQ(Returned(list), list.bytes());
  }
}

TEST(NarrowList, NumbersAndTextsOfAnySize) {
  Random random(kSeed);
  int narrowed = 0;
  for (int round = 0; round < 2000; ++round) {
    PackedList list;
    const std::size_t bytes_max = 512 + random.Below(12'000);
    while (list.bytes().size() < bytes_max) {
      if (random.Below(3) == 0) {
        list.Append(std::to_string(static_cast<std::int64_t>(random.Next()) >> random.Below(64)));
      } else {
        list.Append(AsciiText(random, random.Below(random.Below(20) == 0 ? 5000 : 90)));
      }
    }
    const std::string returned = Returned(list);
    if (returned.empty()) continue;
    ++narrowed;
    ASSERT_EQ(returned, list.bytes());
  }
  EXPECT_GT(narrowed, 1000);
}

TEST(NarrowList, NumbersAlone) {
  PackedList list;
  for (int i = 0; i < 500; ++i) list.Append(i % 100);
  EXPECT_EQ(Returned(list), list.bytes());
}

TEST(NarrowList, OneCharacterThatIsNoAscii) {
  Random random(kSeed);
  for (std::size_t index = 0; index < 40; ++index) {
    PackedList list;
    for (std::size_t i = 0; i < 40; ++i) {
      list.Append(AsciiText(random, 50) + (i == index ? "\xc3\xbc" : ""));
    }
    EXPECT_EQ(NarrowListOf(list), nullptr) << index;
  }
}

TEST(NarrowList, NothingToGain) {
  PackedList list;
  list.Append("some words");  // the sizes take what the eighth gains
  EXPECT_EQ(NarrowListOf(list), nullptr);
  if (nallocx == nullptr) GTEST_SKIP() << "the other case is jemalloc's";
  PackedList wide;
  for (int i = 0; i < 700; ++i) wide.Append(INT64_MAX - i);
  EXPECT_EQ(NarrowListOf(wide), nullptr);
}

// A count that stands for "unknown" cannot be told from the elements.
TEST(NarrowList, UnknownCount) {
  PackedList list;
  for (int i = 0; i < 80; ++i) list.Append("a text that is narrow enough, but for the count");
  std::string bytes(list.bytes());
  bytes[4] = '\xff';
  bytes[5] = '\xff';
  EXPECT_NE(Returned(list), "");
  EXPECT_EQ(NarrowListOf(PackedList::FromBytes(bytes).value()), nullptr);
}

void AppendForeign(std::string& bytes, const std::string& head_and_text) {
  bytes += head_and_text + static_cast<char>(head_and_text.size());
}

// Heads larger than need be, and numbers as texts: what files of others may hold.
TEST(NarrowList, ForeignHeads) {
  using namespace std::string_literals;
  std::string bytes(6, '\0');
  for (int i = 0; i < 20; ++i) {
    AppendForeign(bytes, "\xf0\x2b\0\0\0a text of 43 bytes with a head of 32 bits.."s);
    AppendForeign(bytes, "\xe0\x03xyz"s);
    AppendForeign(bytes, "\x82"s + "17");
    AppendForeign(bytes, "\xf0\0\0\0\0"s);
    AppendForeign(bytes, "\xf4\x05\0\0\0\0\0\0\0"s);
    AppendForeign(bytes, "\xf3\xff\xff\xff\xff"s);
    AppendForeign(bytes, "\xc0\x07"s);
  }
  bytes += '\xff';
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const std::uint16_t count = 20 * 7;
  std::memcpy(bytes.data(), &size, sizeof(size));
  std::memcpy(bytes.data() + 4, &count, sizeof(count));
  const PackedList list = PackedList::FromBytes(bytes).value();
  ASSERT_EQ(list.bytes(), bytes);
  EXPECT_EQ(Returned(list), bytes);
}

// Just below a power of two, where Redis ends its nodes, seven eighths are one class less, however
// long the texts are: up to some six to a node.
TEST(NarrowList, FullNodesGainAClass) {
  if (nallocx == nullptr) GTEST_SKIP() << "the classes are jemalloc's";
  Random random(kSeed);
  for (const std::size_t node : {4096U, 8192U, 16384U, 65536U}) {
    for (std::size_t bytes = 1; bytes < node / 6; bytes += 1 + bytes / 9) {
      SCOPED_TRACE(bytes);
      PackedList list;
      while (list.bytes().size() + PackedList::EncodedBytes(std::string(bytes, 'x')) <= node)
        list.Append(AsciiText(random, bytes));
      if (list.memory_bytes() < node) continue;
      char* narrow = NarrowListOf(list);
      ASSERT_NE(narrow, nullptr);
      EXPECT_LE(AllocatedBytes(NarrowListBytes(narrow)), node / 8 * 7);
      FreeRaw(narrow);
    }
  }
}

}  // namespace
}  // namespace cairn::ds
