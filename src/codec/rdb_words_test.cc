// SPDX-License-Identifier: BSD-3-Clause
// Lengths, texts and numbers: their bytes, the way back through buffers of any size, and what is
// refused.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "codec/codec_testing.h"
#include "codec/rdb_input.h"
#include "codec/rdb_output.h"

namespace cairn::codec {
namespace {

using testing::StringSink;
using testing::StringSource;
using namespace std::string_literals;

std::string TextBytes(std::string_view text, RdbCompression compression = RdbCompression::kLzf) {
  RdbOutput out(compression);
  out.Text(text);
  return out.TakeBytes();
}

TEST(RdbWordsTest, LengthsTakeAsFewBytesAsTheyCan) {
  const std::pair<std::uint64_t, std::string> rows[] = {
      {0, "\0"s},
      {63, "\x3f"},
      {64, "\x40\x40"},
      {16383, "\x7f\xff"},
      {16384, "\x80\0\0\x40\0"s},
      {UINT32_MAX, "\x80\xff\xff\xff\xff"},
      {std::uint64_t{1} << 32, "\x81\0\0\0\x01\0\0\0\0"s},
      {UINT64_MAX, "\x81\xff\xff\xff\xff\xff\xff\xff\xff"},
  };
  for (const auto& [length, bytes] : rows) {
    RdbOutput out(RdbCompression::kNone);
    out.Length(length);
    EXPECT_EQ(out.bytes(), bytes) << length;
    RdbInput in{std::string_view(bytes)};
    EXPECT_EQ(in.Length(), length);
    EXPECT_TRUE(in.ok() && in.at_end());
  }
}

TEST(RdbWordsTest, TextsThatAreNumbersAreWrittenAsNumbers) {
  const std::pair<std::string, std::string> rows[] = {
      {"0", "\xc0\0"s},
      {"-128", "\xc0\x80"},
      {"128", "\xc1\x80\0"s},
      {"-32769", "\xc2\xff\x7f\xff\xff"},
      {"2147483647", "\xc2\xff\xff\xff\x7f"},
      {"-2147483648", "\xc2\0\0\0\x80"s},
      {"2147483648", "\x0a"s + "2147483648"},
      {"01", "\x02"s + "01"},
      {"-0", "\x02"s + "-0"},
      {"", "\0"s},
      {"abc", "\x03"s + "abc"},
  };
  for (const auto& [text, bytes] : rows) {
    EXPECT_EQ(TextBytes(text), bytes) << text;
    RdbInput in{std::string_view(bytes)};
    EXPECT_EQ(in.Text(), text);
    EXPECT_TRUE(in.ok() && in.at_end());
  }
}

TEST(RdbWordsTest, LongTextsAreCompressedIfThatPays) {
  const std::string same(100, 'a');
  EXPECT_EQ(TextBytes(same)[0], '\xc3');
  EXPECT_LT(TextBytes(same).size(), 20U);
  EXPECT_EQ(TextBytes(same, RdbCompression::kNone).size(), 102U);
  EXPECT_EQ(TextBytes(std::string(20, 'a')).size(), 21U);
  EXPECT_EQ(TextBytes("abcdefghijklmnopqrstuvwxyz0123456789").size(), 37U);
  const std::string huge(RdbOutput::kCompressBytesMax + 1, 'a');
  EXPECT_GT(TextBytes(huge).size(), huge.size()) << "needs too much memory to compress";
}

// Everything that there is, through buffers and sources of different steps.
TEST(RdbWordsTest, WhatIsWrittenIsRead) {
  StringSink sink;
  RdbOutput out(sink, RdbCompression::kLzf);
  Random random(4711);
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) {
    const bool compressible = random.Below(2) == 0;
    std::string text(random.Below(i % 50 == 0 ? 400'000 : 300), 'x');
    for (char& byte : text) {
      if (!compressible) byte = static_cast<char>(random.Below(256));
    }
    texts.push_back(std::move(text));
    out.Text(texts.back());
    out.Double(i / 3.0);
    out.Word64(static_cast<std::uint64_t>(i));
  }
  ASSERT_TRUE(out.Flush().ok());
  EXPECT_EQ(out.bytes_written(), sink.taken.size());
  EXPECT_EQ(out.checksum(), Crc64(0, sink.taken));
  for (const std::size_t step : {std::size_t{1000}, std::size_t{65536}, SIZE_MAX}) {
    for (const auto tells : {StringSource::Tells::kLeft, StringSource::Tells::kNothing}) {
      StringSource source(sink.taken, step, tells);
      RdbInput in(source);
      for (int i = 0; i < 300; ++i) {
        ASSERT_EQ(in.Text(), texts[static_cast<std::size_t>(i)]) << i;
        ASSERT_EQ(in.Double(), i / 3.0);
        ASSERT_EQ(in.Word64(), static_cast<std::uint64_t>(i));
      }
      EXPECT_TRUE(in.ok() && in.at_end());
      EXPECT_EQ(in.checksum(), out.checksum());
      EXPECT_EQ(in.offset(), sink.taken.size());
    }
  }
}

TEST(RdbWordsTest, TheOutputHoldsBackItsBufferAndNoMore) {
  StringSink sink;
  RdbOutput out(sink, RdbCompression::kNone);
  const std::string kilobyte(1024, 'k');
  for (int i = 0; i < 1000; ++i) {
    out.Raw(kilobyte);
    ASSERT_LE(out.bytes().size(), RdbOutput::kBufferBytes);
  }
  const std::string large(std::size_t{1} << 20, 'l');
  out.Raw(large);
  EXPECT_EQ(sink.longest, large.size()) << "goes on as it is";
  EXPECT_TRUE(out.bytes().empty());
}

TEST(RdbWordsTest, ASinkThatFailedIsLeftAlone) {
  StringSink sink;
  sink.fail_at = 2;
  RdbOutput out(sink, RdbCompression::kNone);
  for (int i = 0; i < 1000; ++i) out.Raw(std::string(1024, 'k'));
  EXPECT_EQ(out.Flush().code(), StatusCode::kIo);
  EXPECT_EQ(sink.calls, 2);
}

struct Bad {
  const char* name;
  std::string bytes;
  const char* message;
};

// A length says more than there is, and the like.
TEST(RdbWordsTest, BadTextsAreRefusedWithTheirPlace) {
  const Bad rows[] = {
      {"nothing", "", "the end comes too early, in what begins at byte 1"},
      {"length cut", "\x40", "the end comes too early, in what begins at byte 1"},
      {"short text", "\x05"s + "abc", "a text of 5 bytes, where 3 are left, at byte 1"},
      {"enormous", "\x81\xff\xff\xff\xff\xff\xff\xff\xff"s + "abc",
       "a text of 18446744073709551615 bytes, where 3 are left, at byte 1"},
      {"no length", "\x83"s + "abc", "no length at byte 1"},
      {"no encoding", "\xc4"s + "abc", "a text encoded in no known way at byte 1"},
      {"cut number", "\xc2"s + "ab", "the end comes too early, in what begins at byte 1"},
      {"lzf: too long a text", "\xc3\x03\x80\x40\0\0\0"s + "abc",
       "a compressed text that would be too long at byte 1"},
      {"lzf: garbage", "\xc3\x03\x20\xff\xff\xff"s, "a text that cannot be decompressed at byte 1"},
      {"lzf: not there", "\xc3\x30\x40\x50"s + "abc",
       "a text of 48 bytes, where 3 are left, at byte 1"},
  };
  for (const Bad& row : rows) {
    const std::string bytes = "\x07" + row.bytes;
    for (const bool streamed : {false, true}) {
      StringSource source(bytes);
      RdbInput from_memory{std::string_view(bytes)};
      RdbInput from_source(source);
      RdbInput& in = streamed ? from_source : from_memory;
      EXPECT_EQ(in.Length(), 7U);
      EXPECT_EQ(in.Text(), "");
      EXPECT_EQ(in.status().message(), row.message) << row.name;
      EXPECT_EQ(in.Length(), 0U) << "nothing is read after a failure";
    }
  }
}

// A source that cannot say how much is to come is believed no more than others.
TEST(RdbWordsTest, AClaimedGigabyteIsNotSetAside) {
  const std::string bytes = "\x80\x40\0\0\0"s + std::string(100'000, 'x');
  StringSource source(bytes, SIZE_MAX, StringSource::Tells::kNothing);
  RdbInput in(source);
  const std::int64_t before = value::HeldBytes();
  EXPECT_EQ(in.Text(), "");
  EXPECT_EQ(in.status().message(), "the end comes too early, in what begins at byte 0");
  EXPECT_LT(value::HeldBytes() - before, 4 << 20);
}

TEST(RdbWordsTest, TextsBeyondTheLimitAreRefused) {
  const std::string bytes = "\x80\x80\0\0\0"s;  // 2 GiB
  StringSource source(bytes, SIZE_MAX, StringSource::Tells::kNothing);
  RdbInput in(source);
  in.Text();
  EXPECT_EQ(in.status().code(), StatusCode::kLimit);
}

}  // namespace
}  // namespace cairn::codec
