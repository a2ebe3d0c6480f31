// SPDX-License-Identifier: BSD-3-Clause
// Blob and BlobRef: contents, sizes, and that the last reference frees, on whichever thread.
#include "base/blob.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/thread.h"

namespace cairn {
namespace {

TEST(BlobTest, HoldsItsBytesThenZeros) {
  Blob* blob = Blob::Create("abc", 5, 9);
  EXPECT_EQ(blob->view(), std::string_view("abc\0\0", 5));
  EXPECT_EQ(blob->size(), 5);
  EXPECT_EQ(blob->capacity(), 9);
  EXPECT_EQ(blob->allocated_bytes(), sizeof(Blob) + 9);
  EXPECT_FALSE(blob->IsShared());
  blob->Release();
}

TEST(BlobTest, AdoptsBytesWhereTheyStand) {
  for (const std::size_t offset : {0u, 1u, 37u, 100u}) {
    ByteBuffer memory(std::string(1000, 'm'));
    std::ranges::copy(std::string_view("abc"), memory.data() + offset);
    memory.Reserve(2000);
    const char* const at = memory.data() + offset;
    const std::size_t size = offset == 100 ? 900 : 500;
    Blob* blob = Blob::Adopt(std::move(memory), {at, size});
    EXPECT_EQ(blob->bytes(), at);
    EXPECT_EQ(blob->view().substr(0, 4), "abcm");
    EXPECT_EQ(blob->size(), size);
    EXPECT_EQ(blob->capacity(), size);
    EXPECT_GE(blob->allocated_bytes(), sizeof(Blob) + sizeof(ByteBuffer) + 2000);
    blob->Resize(2);
    blob->Resize(5);
    EXPECT_EQ(blob->view(), std::string_view("ab\0\0\0", 5));
    blob->Release();
  }
}

TEST(BlobTest, MayBeEmpty) {
  Blob* blob = Blob::Create("", 0, 0);
  EXPECT_EQ(blob->view(), "");
  blob->Release();
}

TEST(BlobTest, ResizeZeroesWhatIsNew) {
  Blob* blob = Blob::Create("abcdef", 6, 8);
  blob->Resize(2);
  EXPECT_EQ(blob->view(), "ab");
  blob->Resize(8);
  EXPECT_EQ(blob->view(), std::string_view("ab\0\0\0\0\0\0", 8));
  blob->mutable_bytes()[7] = 'z';
  EXPECT_EQ(blob->view().back(), 'z');
  blob->Release();
}

TEST(BlobTest, ReferenceOutlivesTheStore) {
  Blob* blob = Blob::Create("kept", 4, 4);
  BlobRef reply(blob);
  EXPECT_TRUE(blob->IsShared());
  blob->Release();
  EXPECT_FALSE(blob->IsShared());
  EXPECT_EQ(reply.get()->view(), "kept");
}

TEST(BlobTest, ReferencesMove) {
  Blob* blob = Blob::Create("x", 1, 1);
  BlobRef first(blob);
  BlobRef second(std::move(first));
  EXPECT_EQ(first.get(), nullptr);
  EXPECT_EQ(second.get(), blob);
  BlobRef third;
  third = std::move(second);
  EXPECT_EQ(third.get(), blob);
  blob->Release();
  EXPECT_FALSE(blob->IsShared());
}

TEST(BlobTest, IsFreedOnceByWhicheverThreadIsLast) {
  constexpr int kThreads = 4;
  for (int round = 0; round < 200; ++round) {
    Blob* blob = Blob::Create(std::string(100, 'b'), 100, 100);
    std::vector<Thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      blob->AddRef();
      threads.emplace_back("reader", [blob] {
        EXPECT_EQ(blob->view().back(), 'b');
        blob->Release();
      });
    }
    blob->Release();
    for (Thread& thread : threads) thread.Join();
  }
}

TEST(BlobTest, TheLastReferenceGoesToTheTaker) {
  class Keeping final : public BlobTaker {
   public:
    void Take(Blob* blob) override { taken.push_back(blob); }
    std::vector<Blob*> taken;
  };
  Keeping taker;
  Blob* blob = Blob::Create("bytes", 5, 5);
  BlobRef reply(blob);
  blob->HandTo(&taker);
  blob->HandTo(&taker);
  blob->Release();
  EXPECT_TRUE(taker.taken.empty());
  reply = BlobRef();
  ASSERT_EQ(taker.taken, std::vector<Blob*>{blob});
  EXPECT_FALSE(blob->IsShared());
  EXPECT_EQ(blob->view(), "bytes");
  blob->Release();  // once: this frees it
  EXPECT_EQ(taker.taken.size(), 1u);
}

TEST(BlobDeathTest, SizesMustFit) {
  EXPECT_DEATH(Blob::Create("abc", 2, 9), "CHECK failed");
  EXPECT_DEATH(Blob::Create("abc", 9, 8), "CHECK failed");
}

}  // namespace
}  // namespace cairn
