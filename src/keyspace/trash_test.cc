// SPDX-License-Identifier: BSD-3-Clause
// Memory that is no key's: how much of it waits, and in which order it goes.
#include "keyspace/trash.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

namespace cairn::keyspace {
namespace {

constexpr std::size_t kHalf = Trash::kSpareBytesMax / 2;

// Pages that are in use as far as it knows, and never were.
ByteBuffer BufferOf(std::size_t size) {
  ByteBuffer buffer;
  buffer.Reserve(size);
  buffer.Resize(size);
  return buffer;
}

std::int64_t Bytes(std::size_t size) { return static_cast<std::int64_t>(size); }

TEST(Trash, SparesAreCountedUntilTheyAreGone) {
  Trash trash;
  EXPECT_TRUE(trash.Drain(1));
  trash.AddSpare(BufferOf(kHalf));
  EXPECT_EQ(trash.spare_bytes(), Bytes(kHalf));
  Blob* blob = Blob::Create({}, Trash::kBytesAtOnceMax, Trash::kBytesAtOnceMax);
  trash.AddWhenSpare(blob);
  EXPECT_EQ(trash.spare_bytes(), Bytes(kHalf)) << "somebody has it";
  const std::size_t size = blob->allocated_bytes();
  blob->Release();
  EXPECT_EQ(trash.spare_bytes(), Bytes(kHalf + size));
  Blob* small = Blob::Create("small", 5, 5);
  trash.AddWhenSpare(small);
  small->Release();
  EXPECT_EQ(trash.spare_bytes(), Bytes(kHalf + size));
  EXPECT_EQ(trash.pending(), 0) << "they are no keys";
  EXPECT_FALSE(trash.Drain(1));
  EXPECT_EQ(trash.spare_bytes(), Bytes(size));
  EXPECT_TRUE(trash.Drain(1));
  EXPECT_EQ(trash.spare_bytes(), 0);
  EXPECT_EQ(trash.freed(), 0);
}

TEST(Trash, NoMoreSparesWaitThanMay) {
  Trash trash;
  const std::int64_t mapped = ByteBuffer::mapped_bytes();
  for (int i = 0; i < 2; ++i) trash.AddSpare(BufferOf(kHalf));
  trash.AddSpare(BufferOf(kHalf));
  EXPECT_EQ(trash.spare_bytes(), Bytes(3 * kHalf)) << "no more than the limit were waiting";
  trash.AddSpare(BufferOf(kHalf));
  EXPECT_EQ(trash.spare_bytes(), Bytes(3 * kHalf));
  EXPECT_EQ(ByteBuffer::mapped_bytes() - mapped, Bytes(3 * kHalf)) << "it was freed at once";
  trash.Drain(1);
  trash.AddSpare(BufferOf(kHalf));
  EXPECT_EQ(trash.spare_bytes(), Bytes(3 * kHalf));
}

// A flushed keyspace takes long: nobody's input waits behind it.
TEST(Trash, SparesGoBeforeValues) {
  Trash trash;
  value::List list;
  const std::string text(100, 'x');
  const std::string_view texts[] = {text};
  for (int i = 0; i < 1000; ++i) list.Push(value::ListEnd::kBack, texts, {});
  trash.Add(std::move(list));
  trash.AddSpare(BufferOf(kHalf));
  EXPECT_FALSE(trash.Drain(1));
  EXPECT_EQ(trash.spare_bytes(), 0);
  EXPECT_EQ(trash.pending(), 1);
  while (!trash.Drain(1)) continue;
  EXPECT_EQ(trash.pending(), 0);
  EXPECT_EQ(trash.freed(), 1);
}

}  // namespace
}  // namespace cairn::keyspace
