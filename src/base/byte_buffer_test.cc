// SPDX-License-Identifier: BSD-3-Clause
// ByteBuffer against a string, on both sides of where its memory is pages; that what grows keeps
// its bytes, and that they stay where they are when it changes hands.
#include "base/byte_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace cairn {
namespace {

constexpr std::size_t kMapped = ByteBuffer::kMappedMin;

std::string Bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Below(256));
  return bytes;
}

void Append(ByteBuffer& buffer, std::string_view bytes) {
  const std::size_t size = buffer.size();
  buffer.Reserve(size + bytes.size());
  buffer.Resize(size + bytes.size());
  std::ranges::copy(bytes, buffer.data() + size);
}

TEST(ByteBuffer, IsLikeAString) {
  Random random(7);
  for (const std::size_t piece_max : {std::size_t{100}, std::size_t{50'000}, kMapped}) {
    ByteBuffer buffer;
    std::string model;
    for (int step = 0; step < 60; ++step) {
      const std::string bytes = Bytes(random, random.Below(piece_max));
      switch (random.Below(6)) {
        case 0: {
          const std::size_t count = random.Below(model.size() + 1);
          buffer.EraseFront(count);
          model.erase(0, count);
          break;
        }
        case 1:
          if (random.Below(4) != 0) break;
          buffer.Assign(bytes);
          model = bytes;
          break;
        default:
          Append(buffer, bytes);
          model += bytes;
          break;
      }
      ASSERT_TRUE(buffer.view() == model) << step;
      ASSERT_LE(buffer.size(), buffer.capacity());
    }
  }
}

TEST(ByteBuffer, KeepsItsBytesWhereverItGrows) {
  Random random(8);
  const std::string bytes = Bytes(random, 4 * kMapped);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kMapped - 1, kMapped, kMapped + 1, 4 * kMapped}) {
    for (const std::size_t capacity : {size, size + 1, kMapped - 1, kMapped, 9 * kMapped + 5}) {
      ByteBuffer buffer(std::string_view(bytes).substr(0, size));
      buffer.Reserve(capacity);
      EXPECT_GE(buffer.capacity(), capacity);
      EXPECT_TRUE(buffer.view() == std::string_view(bytes).substr(0, size)) << size;
    }
  }
}

// Of a large one little more is taken than was asked for: it counts as the client's memory.
TEST(ByteBuffer, DoublesOnlyWhileItIsSmall) {
  ByteBuffer buffer;
  buffer.Reserve(1000);
  buffer.Reserve(1001);
  EXPECT_EQ(buffer.capacity(), 2000u);
  buffer.Reserve(50 * kMapped);
  buffer.Reserve(50 * kMapped + 1);
  EXPECT_LE(buffer.capacity(), 57 * kMapped);
}

TEST(ByteBuffer, StaysWhereItIsWhenItIsMoved) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{100}, 2 * kMapped}) {
    ByteBuffer first(std::string(size, 'x'));
    const char* const at = first.data();
    ByteBuffer second(std::move(first));
    EXPECT_EQ(second.data(), at);
    EXPECT_TRUE(first.empty());
    EXPECT_EQ(first.capacity(), 0u);
    ByteBuffer third;
    third = std::move(second);
    EXPECT_EQ(third.data(), at);
    EXPECT_EQ(third.size(), size);
    EXPECT_TRUE(third.Holds(third.view()));
    EXPECT_TRUE(third.Holds(third.view().substr(size)));
    EXPECT_FALSE(third.Holds("elsewhere"));
    third.Free();
    EXPECT_TRUE(third.empty());
    EXPECT_FALSE(third.Holds("elsewhere"));
  }
}

TEST(ByteBufferDeathTest, SizesMustFit) {
  ByteBuffer buffer("abc");
  EXPECT_DEATH(buffer.EraseFront(4), "CHECK failed");
  EXPECT_DEATH(buffer.Resize(buffer.capacity() + 1), "CHECK failed");
}

}  // namespace
}  // namespace cairn
