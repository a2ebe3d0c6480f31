// SPDX-License-Identifier: BSD-3-Clause
// Goal: whatever is appended comes out once, in order, and the memory goes. Method: cases, and
// random operations against a std::string as the model.
#include "resp/reply_buffer.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/random.h"

namespace cairn::resp {
namespace {

std::string Gather(const ReplyBuffer& buffer, std::size_t vectors_max) {
  std::vector<iovec> vectors(vectors_max);
  std::string all;
  const std::size_t count = buffer.FillIovecs(vectors.data(), vectors.size());
  for (std::size_t i = 0; i < count; ++i) {
    all.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
  }
  return all;
}

BlobRef MakeBlob(std::string_view bytes) {
  Blob* blob = Blob::Create(bytes, bytes.size(), bytes.size());
  BlobRef ref(blob);
  blob->Release();
  return ref;
}

TEST(ReplyBuffer, StartsWithoutMemory) {
  ReplyBuffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.allocated_bytes(), 0u);
  iovec vector;
  EXPECT_EQ(buffer.FillIovecs(&vector, 1), 0u);
  buffer.Consume(0);
  buffer.Clear();
  buffer.ReleaseIdle();
}

TEST(ReplyBuffer, SmallAppendsShareOneIovec) {
  ReplyBuffer buffer;
  buffer.Append("+OK\r\n");
  buffer.Append("");
  buffer.Append(":1\r\n");
  std::array<iovec, 4> vectors;
  ASSERT_EQ(buffer.FillIovecs(vectors.data(), vectors.size()), 1u);
  EXPECT_EQ(vectors[0].iov_len, 9u);
  EXPECT_EQ(buffer.ToString(), "+OK\r\n:1\r\n");
}

TEST(ReplyBuffer, GrowsByChunksAndKeepsOneWhenDrained) {
  ReplyBuffer buffer;
  std::string model;
  for (int i = 0; i < 100'000; ++i) {
    const std::string text = "line " + std::to_string(i) + "\r\n";
    buffer.Append(text);
    model += text;
  }
  EXPECT_EQ(buffer.pending_bytes(), model.size());
  EXPECT_LE(buffer.piece_count(), 16u);
  EXPECT_EQ(Gather(buffer, 64), model);
  buffer.Consume(model.size());
  EXPECT_TRUE(buffer.empty());
  EXPECT_LE(buffer.allocated_bytes(), 2 * ReplyBuffer::kChunkBytes);
  buffer.Append("x");
  buffer.Consume(1);
  EXPECT_GE(buffer.allocated_bytes(), ReplyBuffer::kChunkBytes);
  buffer.ReleaseIdle();
  EXPECT_EQ(buffer.allocated_bytes(), 0u);
}

TEST(ReplyBuffer, BlobsAreSentFromWhereTheyStand) {
  ReplyBuffer buffer;
  const std::string value(100'000, 'v');
  Blob* blob = Blob::Create(value, value.size(), value.size());
  buffer.Append("$100000\r\n");
  buffer.AppendBlob(BlobRef(blob));
  buffer.Append("\r\n");
  EXPECT_TRUE(blob->IsShared());
  std::array<iovec, 8> vectors;
  ASSERT_EQ(buffer.FillIovecs(vectors.data(), vectors.size()), 3u);
  EXPECT_EQ(vectors[1].iov_base, blob->bytes());
  EXPECT_GE(buffer.allocated_bytes(), value.size());
  buffer.Consume(9 + 99'999);
  EXPECT_TRUE(blob->IsShared());
  buffer.Consume(1);
  EXPECT_FALSE(blob->IsShared()) << "the reference goes with the last byte sent";
  EXPECT_EQ(buffer.ToString(), "\r\n");
  blob->Release();
}

TEST(ReplyBuffer, APartOfABlobIsSentFromWhereItStands) {
  ReplyBuffer buffer;
  const std::string value(100'000, 'v');
  Blob* blob = Blob::Create(value, value.size(), value.size());
  buffer.AppendBlob(BlobRef(blob), blob->view().substr(500, 20'000));
  buffer.AppendBlob(BlobRef(blob), blob->view().substr(7, 0));
  std::array<iovec, 8> vectors;
  ASSERT_EQ(buffer.FillIovecs(vectors.data(), vectors.size()), 1u);
  EXPECT_EQ(vectors[0].iov_base, blob->bytes() + 500);
  EXPECT_EQ(vectors[0].iov_len, 20'000u);
  EXPECT_GE(buffer.allocated_bytes(), value.size()) << "it keeps all of the blob";
  buffer.Consume(20'000);
  EXPECT_FALSE(blob->IsShared());
  blob->Release();
}

TEST(ReplyBuffer, EmptyBlobIsNothing) {
  ReplyBuffer buffer;
  buffer.AppendBlob(MakeBlob(""));
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.piece_count(), 0u);
}

TEST(ReplyBuffer, FillsNoMoreIovecsThanAsked) {
  ReplyBuffer buffer;
  for (int i = 0; i < 10; ++i) {
    buffer.Append("h");
    buffer.AppendBlob(MakeBlob("blob"));
  }
  EXPECT_EQ(Gather(buffer, 3), "hblobh");
  EXPECT_EQ(Gather(buffer, 20), buffer.ToString());
}

TEST(ReplyBuffer, HolesAreFilledLater) {
  ReplyBuffer buffer;
  buffer.Append("a");
  const std::size_t outer = buffer.OpenHole();
  buffer.Append("b");
  const std::size_t inner = buffer.OpenHole();
  buffer.Append(std::string(40'000, 'c'));
  buffer.FillHole(inner, "*1\r\n");
  buffer.FillHole(outer, "*12\r\n");
  EXPECT_EQ(buffer.ToString(), "a*12\r\nb*1\r\n" + std::string(40'000, 'c'));
  EXPECT_EQ(buffer.pending_bytes(), buffer.ToString().size());
  std::array<iovec, 8> vectors;
  EXPECT_EQ(buffer.FillIovecs(vectors.data(), vectors.size()), 4u) << "'b' joins the outer hole";
}

TEST(ReplyBuffer, HoleAtTheLimitOfItsRoom) {
  ReplyBuffer buffer;
  const std::size_t hole = buffer.OpenHole();
  buffer.FillHole(hole, std::string(ReplyBuffer::kHoleBytes, 'h'));
  EXPECT_EQ(buffer.ToString(), std::string(ReplyBuffer::kHoleBytes, 'h'));
}

TEST(ReplyBuffer, TruncateGoesBackToTheMark) {
  ReplyBuffer buffer;
  const ReplyBuffer::Mark nothing = buffer.mark();
  buffer.Append("kept");
  const ReplyBuffer::Mark mark = buffer.mark();
  for (const bool with_blob : {false, true}) {
    buffer.Append("lost");
    if (with_blob) buffer.AppendBlob(MakeBlob("blob"));
    buffer.FillHole(buffer.OpenHole(), "*3\r\n");
    buffer.Append(std::string(100'000, 'x'));
    buffer.Append(std::string(100'000, 'y'));
    buffer.Truncate(mark);
    EXPECT_EQ(buffer.ToString(), "kept");
  }
  buffer.Append("!");
  EXPECT_EQ(buffer.ToString(), "kept!");
  buffer.Truncate(nothing);
  EXPECT_TRUE(buffer.empty());
  buffer.Append("again");
  EXPECT_EQ(buffer.ToString(), "again");
}

TEST(ReplyBuffer, AgainstAModel) {
  constexpr std::uint64_t kSeed = 7;
  Random random(kSeed);
  for (int round = 0; round < 200; ++round) {
    ReplyBuffer buffer;
    std::string model;
    std::size_t marked_model = 0;
    ReplyBuffer::Mark mark = buffer.mark();
    bool mark_good = true;
    for (int step = 0; step < 300; ++step) {
      const std::string bytes(random.Below(random.Below(20) == 0 ? 50'000 : 200),
                              static_cast<char>('a' + step % 26));
      switch (random.Below(8)) {
        case 0:
          buffer.AppendBlob(MakeBlob(bytes));
          model += bytes;
          break;
        case 1: {
          const std::size_t size = random.Below(model.size() + 1);
          buffer.Consume(size);
          model.erase(0, size);
          mark_good = false;
          break;
        }
        case 2: {
          const std::size_t hole = buffer.OpenHole();
          buffer.Append(bytes);
          buffer.FillHole(hole, "*9\r\n");
          model += "*9\r\n" + bytes;
          break;
        }
        case 3:
          mark = buffer.mark();
          marked_model = model.size();
          mark_good = true;
          break;
        case 4:
          if (!mark_good) break;
          buffer.Truncate(mark);
          model.resize(marked_model);
          break;
        default:
          buffer.Append(bytes);
          model += bytes;
      }
      ASSERT_EQ(buffer.pending_bytes(), model.size()) << "seed " << kSeed << " round " << round;
      ASSERT_EQ(buffer.ToString(), model) << "seed " << kSeed << " round " << round;
    }
    ASSERT_EQ(Gather(buffer, 4096), model);
    buffer.Clear();
    ASSERT_TRUE(buffer.empty());
  }
}

// A peer that takes little at a time, while more is written, must not make the list of pieces grow.
// Of every size and shape, with a blob, behind what was pending or nothing; then truncated away.
TEST(ReplyBuffer, TakesAllOfAnother) {
  for (const std::size_t ours : {0, 1, 5000, 40'000}) {
    for (const std::size_t theirs : {0, 1, 9000, 200'000, 5'000'000}) {
      for (const bool with_blob : {false, true}) {
        ReplyBuffer to;
        ReplyBuffer from;
        to.Append("gone");
        to.Consume(4);
        const std::string first(ours, 'o');
        to.Append(first);
        std::string second;
        for (std::size_t size = 0; size < theirs; size += 1000) {
          second += std::string(std::min<std::size_t>(1000, theirs - size), 't');
          from.Append(std::string_view(second).substr(size));
          if (with_blob && size == 4000) {
            from.AppendBlob(MakeBlob("blob"));
            from.Append(second += "blob");
            second += second;
            break;
          }
        }
        second = from.ToString();
        const ReplyBuffer::Mark mark = to.mark();
        to.TakeAll(from);
        EXPECT_TRUE(from.empty());
        EXPECT_EQ(from.ToString(), "");
        EXPECT_EQ(to.ToString(), first + second);
        EXPECT_EQ(to.pending_bytes(), first.size() + second.size());
        to.Append("end");
        EXPECT_EQ(to.ToString(), first + second + "end");
        to.Truncate(mark);
        EXPECT_EQ(to.ToString(), first);
        to.Append("more");
        EXPECT_EQ(to.ToString(), first + "more");
        from.Append("again");
        to.TakeAll(from);
        EXPECT_EQ(to.ToString(), first + "moreagain");
        to.Consume(to.pending_bytes());
        EXPECT_TRUE(to.empty());
        EXPECT_LE(to.allocated_bytes(), ReplyBuffer::kChunkBytes + 1024 * 64);
      }
    }
  }
}

TEST(ReplyBuffer, SlowReaderKeepsThePieceListShort) {
  ReplyBuffer buffer;
  buffer.Append(std::string(1000, 'x'));
  for (int i = 0; i < 100'000; ++i) {
    buffer.AppendBlob(MakeBlob("blob"));
    buffer.Append("tail");
    buffer.Consume(8);
  }
  EXPECT_EQ(buffer.pending_bytes(), 1000u);
  EXPECT_LE(buffer.allocated_bytes(), 256u * 1024);
}

// Nor does the list of many stay when what stands behind them is sent in two parts.
TEST(ReplyBuffer, ALongPieceListIsGivenBackWhenDrained) {
  ReplyBuffer buffer;
  for (int i = 0; i < 1000; ++i) buffer.AppendBlob(MakeBlob("blob"));
  buffer.Append(std::string(100, 'x'));
  buffer.Consume(4000 + 50);
  EXPECT_EQ(buffer.pending_bytes(), 50u);
  buffer.Consume(50);
  EXPECT_TRUE(buffer.empty());
  EXPECT_LE(buffer.allocated_bytes(), ReplyBuffer::kChunkBytes);
}

TEST(ReplyBuffer, StartsSmallAndKeepsNothing) {
  ReplyBuffer buffer;
  buffer.StartSmall(true);
  std::string wanted;
  for (const std::size_t size : {std::size_t{10}, ReplyBuffer::kSmallChunkBytes, std::size_t{5}}) {
    buffer.Append(std::string(size, 'x'));
    wanted.append(size, 'x');
    EXPECT_EQ(buffer.ToString(), wanted);
  }
  buffer.Consume(wanted.size());
  buffer.ReleaseIdle();
  buffer.Append("y");
  EXPECT_LE(buffer.allocated_bytes(), ReplyBuffer::kSmallChunkBytes);
  buffer.Consume(1);
  EXPECT_EQ(buffer.allocated_bytes(), 0u);
  buffer.StartSmall(false);
  buffer.Append("z");
  EXPECT_GE(buffer.allocated_bytes(), ReplyBuffer::kChunkBytes);
}

}  // namespace
}  // namespace cairn::resp
