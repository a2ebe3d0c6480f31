// SPDX-License-Identifier: BSD-3-Clause
// ByteBuffer against a string, on both sides of where its memory is pages; that what grows keeps
// its bytes, and that they stay where they are when it changes hands.
#include "base/byte_buffer.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace cairn {
namespace {

constexpr std::size_t kMapped = ByteBuffer::kMappedMin;

std::string Bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; i += 1 + size / 1000)
    bytes[i] = static_cast<char>(random.Below(256));
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

// A request at a time goes, another comes: the room of those that went is used again.
TEST(ByteBuffer, WhatGoesAtTheFrontMakesRoom) {
  for (const std::size_t size : {std::size_t{100}, kMapped}) {
    const std::string piece(size, 'x');
    ByteBuffer buffer(piece);
    for (int i = 0; i < 50; ++i) {
      Append(buffer, piece);
      buffer.EraseFront(size);
    }
    EXPECT_TRUE(buffer.view() == piece);
    EXPECT_LE(buffer.memory_bytes(), 5 * size);
    const char* const end = buffer.data() + size;
    buffer.EraseFront(size / 2);
    EXPECT_EQ(buffer.data() + buffer.size(), end) << "nothing was moved";
    buffer.EraseFront(buffer.size());
    EXPECT_GE(buffer.capacity(), 2 * size) << "an empty one has all its room";
  }
}

// Pages that were reserved, but never written to, are nobody's memory.
TEST(ByteBuffer, CountsWhatItUses) {
  const std::int64_t before = ByteBuffer::mapped_bytes();
  ByteBuffer buffer;
  buffer.Reserve(10 * kMapped);
  EXPECT_EQ(buffer.memory_bytes(), 0u);
  buffer.Resize(kMapped + 1);
  const std::size_t used = buffer.memory_bytes();
  EXPECT_GT(used, kMapped);
  EXPECT_LE(used, kMapped + 4096);
  EXPECT_EQ(ByteBuffer::mapped_bytes() - before, static_cast<std::int64_t>(used));
  buffer.EraseFront(kMapped);
  EXPECT_EQ(buffer.memory_bytes(), used) << "what went at the front is still there";
  buffer.Reserve(20 * kMapped);
  EXPECT_LE(buffer.memory_bytes(), used);  // less where it had to be copied: bytes that had gone
  ByteBuffer other;
  other = std::move(buffer);
  EXPECT_EQ(ByteBuffer::mapped_bytes() - before, static_cast<std::int64_t>(other.memory_bytes()));
  other.Free();
  EXPECT_EQ(ByteBuffer::mapped_bytes(), before);
  other.Assign("small");
  EXPECT_EQ(other.memory_bytes(), other.capacity());
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
    EXPECT_FALSE(third.Holds({third.data() - 1, 1}));
    EXPECT_FALSE(third.Holds({third.data() + size - 1, 2}));
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

// A sanitizer needs mappings of its own.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define CAIRN_NEEDS_MAPPINGS
#endif
#endif

#ifndef CAIRN_NEEDS_MAPPINGS

// What a process may have of mappings, until there are no more.
void TakeAllMappings() {
  constexpr std::size_t kPage = 4096;
  for (bool writable = false;; writable = !writable) {
    // Neighbours of one kind would be one mapping.
    const int rights = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    if (::mmap(nullptr, kPage, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) return;
  }
}

// One between two others, of a process that has all the mappings it may have, is not taken back.
TEST(ByteBufferDeathTest, GoesOnWhereThereAreNoMappings) {
  std::size_t mappings_max = 0;
  std::FILE* limit = std::fopen("/proc/sys/vm/max_map_count", "r");
  ASSERT_NE(limit, nullptr);
  ASSERT_EQ(std::fscanf(limit, "%zu", &mappings_max), 1);
  std::fclose(limit);
  constexpr std::size_t kManyMappings = 200'000;
  if (mappings_max > kManyMappings) GTEST_SKIP() << mappings_max << " mappings take too long";
  const auto use = [] {
    ByteBuffer neighbours[3];
    for (ByteBuffer& buffer : neighbours) {
      buffer.Reserve(kMapped);
      buffer.Resize(kMapped);
    }
    TakeAllMappings();
    neighbours[1].Free();
    neighbours[1].Assign("small");
    neighbours[0].Free();
    neighbours[2].Free();
    ::_exit(ByteBuffer::mapped_bytes() == 0 ? 0 : 1);
  };
  EXPECT_EXIT(use(), ::testing::ExitedWithCode(0), "");
}

#endif

}  // namespace
}  // namespace cairn
