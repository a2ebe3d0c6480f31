// SPDX-License-Identifier: BSD-3-Clause
// Ziplists and zipmaps byte by byte; what is not one is refused, and told where.
#include "codec/old_packed.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace cairn::codec {
namespace {

using namespace std::string_literals;

std::string Word(std::uint64_t number, std::size_t bytes) {
  return {reinterpret_cast<const char*>(&number), bytes};
}

// A ziplist of elements that are encoded already.
std::string Ziplist(const std::vector<std::string>& elements) {
  std::string body;
  std::size_t last = 10;
  std::size_t before = 0;
  for (const std::string& element : elements) {
    last = 10 + body.size();
    const std::string whole = (before < 254 ? Word(before, 1) : "\xfe" + Word(before, 4)) + element;
    body += whole;
    before = whole.size();
  }
  return Word(10 + body.size() + 1, 4) + Word(last, 4) + Word(elements.size(), 2) + body + "\xff";
}

std::vector<std::string> Texts(const ds::PackedList& list) {
  std::vector<std::string> texts;
  ds::PackedValue::Scratch scratch;
  for (auto at = list.First(); at != ds::PackedList::kNone; at = list.Next(at))
    texts.emplace_back(list.At(at).Text(scratch));
  return texts;
}

TEST(OldPackedTest, EveryEncodingOfAZiplist) {
  const std::string middle(200, 'm');
  const std::string large(70'000, 'l');
  const auto list = PackedFromZiplist(
      Ziplist({"\x03"s + "abc", "\x40\xc8" + middle, "\x80\0\x01\x11\x70"s + large, "\xf1", "\xfd",
               "\xfe\x80", "\xc0\xff\x7f", "\xf0\0\0\x80"s, "\xd0\0\0\0\x80"s,
               "\xe0\0\0\0\0\0\0\0\x80"s, "\0"s}));
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ(Texts(*list),
            (std::vector<std::string>{"abc", middle, large, "0", "12", "-128", "32767", "-8388608",
                                      "-2147483648", "-9223372036854775808", ""}));
}

TEST(OldPackedTest, EmptyOnes) {
  EXPECT_TRUE(PackedFromZiplist(Ziplist({}))->empty());
  EXPECT_TRUE(PackedFromZipmap("\0\xff"s)->empty());
}

struct Bad {
  const char* name;
  std::string bytes;
  const char* message;
};

TEST(OldPackedTest, BadZiplists) {
  const std::string good = Ziplist({"\x03"s + "abc", "\x01z"});
  const auto with = [&good](std::size_t at, char byte) {
    std::string bytes = good;
    bytes[at] = byte;
    return bytes;
  };
  const Bad rows[] = {
      {"empty", "", "ziplist: another size at its byte 0"},
      {"size", with(0, 9), "ziplist: another size at its byte 0"},
      {"last", with(4, 10), "ziplist: another last element at its byte 4"},
      {"count", with(8, 3), "ziplist: another count at its byte 8"},
      {"way back", with(15, 4), "ziplist: the way back is wrong at its byte 15"},
      {"text beyond the end", with(16, 9), "ziplist: no element at its byte 15"},
      {"no encoding", with(16, '\xff'), "ziplist: no element at its byte 15"},
      {"end too early", with(15, '\xff'), "ziplist: no end at its byte 15"},
      {"no end", with(18, 1), "ziplist: the way back is wrong at its byte 18"},
  };
  ASSERT_TRUE(PackedFromZiplist(good));
  for (const Bad& row : rows) {
    const auto list = PackedFromZiplist(row.bytes);
    ASSERT_FALSE(list) << row.name;
    EXPECT_EQ(list.error().message(), row.message) << row.name;
  }
}

TEST(OldPackedTest, Zipmaps) {
  const auto list = PackedFromZipmap("\x02\x03key\x05\x02value--\xfe\x01\0\0\0n\x01\0\x31\xff"s);
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ(Texts(*list), (std::vector<std::string>{"key", "value", "n", "1"}));
  const Bad rows[] = {
      {"count", "\x02\x01k\x01\0v\xff"s, "zipmap: another count at its byte 0"},
      {"no value", "\x01\x01k\xff"s, "zipmap: no field at its byte 1"},
      {"free beyond the end", "\x01\x01k\x01\x09v\xff"s, "zipmap: no field at its byte 1"},
      {"no end", "\x01\x01k\x01\0v"s, "zipmap: no end at its byte 6"},
      {"more", "\0\xff\xff"s, "zipmap: no end at its byte 1"},
  };
  for (const Bad& row : rows) {
    const auto bad = PackedFromZipmap(row.bytes);
    ASSERT_FALSE(bad) << row.name;
    EXPECT_EQ(bad.error().message(), row.message) << row.name;
  }
}

// Cut anywhere, or with any byte changed, it is refused or read, and nothing else.
TEST(OldPackedTest, AnyByteMayBeWrong) {
  const std::string good = Ziplist({"\x03"s + "abc", "\xc0\xff\x7f", "\xf4", "\x01z"});
  for (std::size_t at = 0; at < good.size(); ++at) {
    EXPECT_FALSE(PackedFromZiplist(good.substr(0, at)));
    for (int byte = 0; byte < 256; ++byte) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(byte);
      if (const auto list = PackedFromZiplist(bytes)) EXPECT_LE(Texts(*list).size(), 4U);
      if (const auto list = PackedFromZipmap(bytes)) EXPECT_LE(list->size(), good.size());
    }
  }
}

}  // namespace
}  // namespace cairn::codec
