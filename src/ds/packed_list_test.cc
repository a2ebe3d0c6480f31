// SPDX-License-Identifier: BSD-3-Clause
// PackedList: bytes as Redis lays them out (recorded from a real server), every border of every
// encoding, broken bytes, and random operations against a vector of strings.
#include "ds/packed_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "ds/raw_memory.h"

namespace cairn::ds {
namespace {

constexpr std::uint64_t kSeed = 11;
constexpr auto kNone = PackedView::kNone;

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += "0123456789abcdef"[(static_cast<unsigned char>(byte) >> 4) & 0xf];
    text += "0123456789abcdef"[static_cast<unsigned char>(byte) & 0xf];
  }
  return text;
}

std::string TextAt(const PackedView& list, PackedView::Position at) {
  PackedValue::Scratch scratch;
  return std::string(list.At(at).Text(scratch));
}

std::vector<std::string> Contents(const PackedView& list) {
  std::vector<std::string> texts;
  for (auto at = list.First(); at != kNone; at = list.Next(at)) texts.push_back(TextAt(list, at));
  return texts;
}

PackedList Of(const std::vector<std::string>& texts) {
  PackedList list;
  for (const std::string& text : texts) list.Append(text);
  return list;
}

TEST(PackedList, EmptyOwnsNothing) {
  PackedList list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.size(), 0U);
  EXPECT_EQ(list.memory_bytes(), 0U);
  EXPECT_EQ(Hex(list.bytes()), "070000000000ff");
  EXPECT_EQ(list.First(), kNone);
  EXPECT_EQ(list.Last(), kNone);
  EXPECT_EQ(list.Seek(0), kNone);
  EXPECT_EQ(list.Seek(-1), kNone);
  EXPECT_EQ(list.Find("x"), kNone);
  EXPECT_TRUE(list.Clone().empty());
  EXPECT_EQ(list.Release(), nullptr);
}

// The element's bytes without the list around them.
TEST(PackedList, BytesOfElements) {
  struct Case {
    std::string text;
    const char* hex;
  };
  const Case cases[] = {
      {"0", "0001"},
      {"127", "7f01"},
      {"128", "c08002"},
      {"-1", "dfff02"},
      {"4095", "cfff02"},
      {"-4096", "d00002"},
      {"4096", "f1001003"},
      {"-4097", "f1ffef03"},
      {"32767", "f1ff7f03"},
      {"-32768", "f1008003"},
      {"32768", "f200800004"},
      {"-32769", "f2ff7fff04"},
      {"8388607", "f2ffff7f04"},
      {"-8388608", "f200008004"},
      {"8388608", "f30000800005"},
      {"2147483647", "f3ffffff7f05"},
      {"-2147483648", "f30000008005"},
      {"2147483648", "f4000000800000000009"},
      {"9223372036854775807", "f4ffffffffffffff7f09"},
      {"-9223372036854775808", "f4000000000000008009"},
      {"", "8001"},
      {"a", "816102"},
      {"01", "82303103"},
      {"-0", "822d3003"},
      {"+1", "822b3103"},
      {" 1", "82203103"},
      {"9223372036854775808", "933932323333373230333638353437373538303814"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    PackedList list;
    list.Append(c.text);
    const std::string hex = Hex(list.bytes());
    EXPECT_EQ(hex.substr(12, hex.size() - 14), c.hex);
    EXPECT_EQ(list.bytes().size(), 7 + PackedList::EncodedBytes(c.text));
    EXPECT_EQ(list.BytesAt(list.First()), PackedList::EncodedBytes(c.text));
    EXPECT_LE(PackedList::EncodedBytes(c.text), PackedList::EncodedBytesMax(c.text.size()));
    EXPECT_EQ(TextAt(list, list.First()), c.text);
    EXPECT_TRUE(list.At(list.First()).Equals(c.text));
    EXPECT_FALSE(list.At(list.First()).Equals(c.text + "0"));
    EXPECT_EQ(list.Find(c.text), list.First());
    EXPECT_EQ(list.Prev(list.First()), kNone);
  }
}

// Lengths at which the head or the backward length takes another byte, both ways through a list.
TEST(PackedList, LongTexts) {
  for (const std::size_t bytes :
       {63U,      64U,      124U,     125U,     126U,       127U,      4095U,
        4096U,    16376U,   16377U,   16378U,   16379U,     16380U,    2097144U,
        2097145U, 2097146U, 2097147U, 2097148U, 268435448U, 268435451U}) {
    SCOPED_TRACE(bytes);
    const std::string text(bytes, 'x');
    PackedList list;
    list.Append("first");
    const auto middle = list.Append(text);
    const auto last = list.Append(-5);
    EXPECT_EQ(list.Next(list.First()), middle);
    EXPECT_EQ(list.Prev(last), middle);
    EXPECT_EQ(list.Next(middle), last);
    EXPECT_TRUE(list.At(middle).text() == text);
    if (bytes > 1 << 24) continue;
    auto copy = PackedList::FromBytes(list.bytes());
    ASSERT_TRUE(copy.has_value()) << copy.error().message();
    EXPECT_TRUE(copy->bytes() == list.bytes());
  }
}

TEST(PackedList, GrowsToItsLimitAndNoFurther) {
  PackedList list;
  EXPECT_TRUE(list.Fits(kPackedListBytesMax - 7));
  EXPECT_FALSE(list.Fits(kPackedListBytesMax - 6));
  EXPECT_FALSE(list.Fits(SIZE_MAX));
  list.Append("abc");
  EXPECT_TRUE(list.Fits(kPackedListBytesMax - 12));
  EXPECT_FALSE(list.Fits(kPackedListBytesMax - 11));
}

TEST(PackedList, SeekFromBothEnds) {
  const PackedList list = Of({"a", "b", "c", "d", "e"});
  for (std::int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(TextAt(list, list.Seek(i)), std::string(1, static_cast<char>('a' + i)));
    EXPECT_EQ(list.Seek(i), list.Seek(i - 5));
  }
  for (const std::int64_t index : {5L, 6L, -6L, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(list.Seek(index), kNone) << index;
  }
}

TEST(PackedList, FindSkips) {
  const PackedList list = Of({"f", "7", "7", "f", "g", "7"});
  EXPECT_EQ(list.Find("7"), list.Seek(1));
  EXPECT_EQ(list.Find("7", list.First(), 1), list.Seek(2));
  EXPECT_EQ(list.Find("f", list.Seek(1), 1), list.Seek(3));
  EXPECT_EQ(list.Find("f", list.Seek(2), 1), kNone);
  EXPECT_EQ(list.Find("g", list.First(), 3), list.Seek(4));
  EXPECT_EQ(list.Find("07"), kNone);
  EXPECT_EQ(list.Find("f", kNone), kNone);
}

TEST(PackedList, EraseRanges) {
  PackedList list = Of({"a", "b", "c", "d", "e"});
  EXPECT_EQ(list.EraseRange(list.Seek(1), 2), list.Seek(1));
  EXPECT_EQ(Contents(list), (std::vector<std::string>{"a", "d", "e"}));
  EXPECT_EQ(list.EraseRange(list.Seek(1), 100), kNone);
  EXPECT_EQ(Contents(list), std::vector<std::string>{"a"});
  EXPECT_NE(list.EraseRange(list.First(), 0), kNone);
  EXPECT_EQ(list.Erase(list.First()), kNone);
  EXPECT_EQ(list.raw(), nullptr);
}

// Beyond 65534 elements the count field gives up, and stays so.
TEST(PackedList, CountsBeyondItsField) {
  PackedList list;
  for (int i = 0; i < 65534; ++i) list.Append(1);
  EXPECT_EQ(Hex(list.bytes().substr(4, 2)), "feff");
  for (std::size_t size = 65535; size < 65538; ++size) {
    list.Append(1);
    EXPECT_EQ(Hex(list.bytes().substr(4, 2)), "ffff");
    EXPECT_EQ(list.size(), size);
  }
  EXPECT_EQ(list.Seek(-1), list.Last());
  EXPECT_EQ(list.Seek(65537), kNone);
  EXPECT_EQ(list.Seek(-65538), kNone);
  list.EraseRange(list.First(), 65530);
  EXPECT_EQ(list.size(), 7U);
  PackedList both = Of({"x"});
  both.AppendAll(list);
  EXPECT_EQ(both.size(), 8U);
  EXPECT_TRUE(PackedList::FromBytes(list.bytes()).has_value());
}

TEST(PackedList, ChangesHands) {
  PackedList list = Of({"a", "1"});
  void* raw = list.Release();
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(raw) % 16, 0U);
  EXPECT_EQ(Contents(PackedView(raw)), (std::vector<std::string>{"a", "1"}));
  list = PackedList::Adopt(raw);
  PackedList other = Of({"z"});
  other = std::move(list);
  PackedList moved(std::move(other));
  EXPECT_EQ(moved.raw(), raw);
  EXPECT_EQ(moved.memory_bytes(), AllocatedBytes(moved.bytes().size()));
}

// A number that foreign bytes hold as text is found and compared as text.
TEST(PackedList, NumbersKeptAsText) {
  const std::string bytes(
      "\x0e\0\0\0\x02\0\x82"
      "12\x03\x0c\x01\xff",
      13);
  EXPECT_FALSE(PackedList::FromBytes(bytes).has_value());  // announces one byte too many
  std::string right = bytes;
  right[0] = '\x0d';
  const auto list = PackedList::FromBytes(right);
  ASSERT_TRUE(list.has_value()) << list.error().message();
  EXPECT_EQ(Contents(*list), (std::vector<std::string>{"12", "12"}));
  EXPECT_FALSE(list->At(list->First()).is_integer());
  EXPECT_EQ(list->Find("12"), list->First());
  EXPECT_EQ(list->Find("12", list->Seek(1)), list->Seek(1));
}

// No prefix, no other byte and no other length of good bytes makes a reader leave them.
TEST(PackedList, BrokenBytes) {
  PackedList list = Of({"", "a", "-1", "300", "70000", "9000000", "5000000000"});
  list.Append(std::string(100, 'b'));
  list.Append(std::string(5000, 'c'));
  const std::string good(list.bytes());
  EXPECT_TRUE(PackedList::FromBytes(good).has_value());
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(PackedList::FromBytes(good.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(PackedList::FromBytes(good + '\xff').has_value());
  for (std::size_t at = 0; at < 200; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(byte);
      const auto read = PackedList::FromBytes(bytes);
      if (!read) continue;
      std::size_t walked = 0;
      for (auto p = read->First(); p != kNone; p = read->Next(p)) walked += TextAt(*read, p).size();
      EXPECT_LT(walked, 2 * good.size());
    }
  }
}

TEST(PackedList, BrokenBytesAreNamed) {
  struct Case {
    std::string bytes;
    const char* message;
  };
  const Case cases[] = {
      {std::string("\x07\0\0\0\0\0", 6), "packed list: the header is cut off at byte 6"},
      {std::string("\x08\0\0\0\0\0\xff", 7), "packed list: another length is announced at byte 0"},
      {std::string("\x07\0\0\0\0\0\0", 7), "packed list: no end mark at byte 6"},
      {std::string("\x07\0\0\0\1\0\xff", 7), "packed list: another count is announced at byte 4"},
      {std::string("\x09\0\0\0\1\0\x01\x02\xff", 9), "packed list: no element at byte 6"},
      {std::string("\x09\0\0\0\1\0\xf5\x01\xff", 9), "packed list: no element at byte 6"},
      {std::string("\x09\0\0\0\1\0\xf0\xff\xff", 9), "packed list: no element at byte 6"},
  };
  for (const Case& c : cases) {
    const auto list = PackedList::FromBytes(c.bytes);
    ASSERT_FALSE(list.has_value()) << c.message;
    EXPECT_EQ(list.error().code(), StatusCode::kCorrupt);
    EXPECT_EQ(list.error().message(), c.message);
  }
  EXPECT_TRUE(PackedList::FromBytes(PackedList().bytes())->empty());
}

std::string RandomText(Random& random) {
  switch (random.Below(8)) {
    case 0:
      return std::string(random.Below(300), static_cast<char>(random.Next()));
    case 1:
      return std::string(random.Below(random.Below(40) == 0 ? 20000 : 70), 'q');
    case 2:
    case 3:
      return std::to_string(static_cast<std::int64_t>(random.Next()) >> random.Below(64));
    default:
      return std::to_string(random.Below(20));
  }
}

// A list and the vector it must agree with.
class Twins {
 public:
  explicit Twins(std::uint64_t seed) : random_(seed) {}

  void Step() {
    const std::string text = RandomText(random_);
    const std::size_t index = model_.empty() ? 0 : random_.Below(model_.size());
    const auto at = list_.Seek(static_cast<std::int64_t>(index));
    const auto place = model_.begin() + static_cast<std::ptrdiff_t>(index);
    const std::uint64_t kind = model_.empty() ? random_.Below(2) : random_.Below(growing_ ? 8 : 12);
    switch (kind) {
      case 0:
        Expect(list_.Append(text), text);
        model_.push_back(text);
        break;
      case 1:
        Expect(list_.Prepend(text), text);
        model_.insert(model_.begin(), text);
        break;
      case 2:
      case 3:
        Expect(list_.InsertBefore(at, text), text);
        model_.insert(place, text);
        break;
      case 4:
        Expect(list_.InsertAfter(at, text), text);
        model_.insert(place + 1, text);
        break;
      case 5:
        Expect(list_.Replace(at, text), text);
        *place = text;
        break;
      case 6:
        ExpectFind(text, index);
        break;
      case 7:
        list_ = list_.Clone();
        break;
      default:
        EraseSome(index, 1 + (kind == 11 ? random_.Below(10) : 0));
    }
    if (model_.size() > 150) growing_ = false;
    if (model_.empty()) growing_ = true;
  }

  void Check() {
    ASSERT_EQ(Contents(list_), model_);
    ASSERT_EQ(list_.size(), model_.size());
    std::vector<std::string> backwards;
    for (auto at = list_.Last(); at != kNone; at = list_.Prev(at)) {
      backwards.push_back(TextAt(list_, at));
    }
    std::reverse(backwards.begin(), backwards.end());
    ASSERT_EQ(backwards, model_);
    const auto copy = PackedList::FromBytes(list_.bytes());
    ASSERT_TRUE(copy.has_value()) << copy.error().message();
    PackedList rebuilt = Of(model_);
    ASSERT_EQ(Hex(rebuilt.bytes()), Hex(list_.bytes()));
  }

 private:
  void Expect(PackedView::Position at, const std::string& text) {
    EXPECT_EQ(TextAt(list_, at), text);
  }
  void ExpectFind(const std::string& text, std::size_t from) {
    const std::size_t skip = random_.Below(3);
    std::size_t found = from;
    while (found < model_.size() && model_[found] != text) found += skip + 1;
    const auto expected =
        found < model_.size() ? list_.Seek(static_cast<std::int64_t>(found)) : kNone;
    EXPECT_EQ(list_.Find(text, list_.Seek(static_cast<std::int64_t>(from)), skip), expected);
  }
  void EraseSome(std::size_t index, std::size_t count) {
    const auto after = list_.EraseRange(list_.Seek(static_cast<std::int64_t>(index)), count);
    count = std::min(count, model_.size() - index);
    const auto first = model_.begin() + static_cast<std::ptrdiff_t>(index);
    model_.erase(first, first + static_cast<std::ptrdiff_t>(count));
    EXPECT_EQ(after, list_.Seek(static_cast<std::int64_t>(index)));
  }

  Random random_;
  PackedList list_;
  std::vector<std::string> model_;
  bool growing_ = true;
};

TEST(PackedList, RandomOperationsAgreeWithAVector) {
  for (std::uint64_t seed = kSeed; seed < kSeed + 4; ++seed) {
    Twins twins(seed);
    for (int step = 0; step < 4000; ++step) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " step " << step);
      twins.Step();
      if (step % 8 == 0) twins.Check();
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace cairn::ds
