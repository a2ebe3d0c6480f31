// SPDX-License-Identifier: BSD-3-Clause
// SegmentDirectory: from the first bits of a hash to the segment that holds its entries.
//
// An array of 2^depth entries; a segment whose own depth is less stands in a run of them. An entry
// is one word, pointer and bucket count, so that a lookup goes directory line, bucket line, node,
// and never waits for the segment's header:
//
//     entry | 22 bucket count | 42 pointer / 64 |
//
// Invariants
//   (1) Blocks, once published, live until the directory is destroyed (their sizes are powers of
//       two and each is allocated at most once, so all old ones together take no more than the
//       current one). Hence PrefetchBucket may read it without the table's lock: what it finds may
//       be stale, and it only turns it into an address to prefetch, never looks there.
//   (2) Doubling a large directory is spread: the next block is filled kFillStep entries a call,
//       and until it is full, segments that want to split grow instead.
//   (3) An empty table points to one shared, immutable segment without entries, and owns nothing.
//
// Thread safety: PrefetchBucket from any thread; the rest under the table's lock.
#ifndef CAIRN_DS_SEGMENT_DIRECTORY_H_
#define CAIRN_DS_SEGMENT_DIRECTORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/prefetch.h"
#include "ds/segment.h"

namespace cairn::ds {

class SegmentDirectory {
 public:
  // Entries of the next block filled by one call of GrowStep: 32 KiB, some microseconds.
  static constexpr std::size_t kFillStep = 4096;

  // One word of the array, unpacked.
  struct Entry {
    Segment* segment;
    std::uint32_t bucket_count;
  };

  SegmentDirectory();
  ~SegmentDirectory();
  SegmentDirectory(const SegmentDirectory&) = delete;
  SegmentDirectory& operator=(const SegmentDirectory&) = delete;

  Entry Find(std::uint64_t hash) const {
    return Unpack(EntryOf(hash, root_.load(std::memory_order_relaxed)));
  }
  // Brings the home bucket of a hash into the cache; returns where it is. Any thread, no lock: what
  // is returned may be gone already.
  struct Home {
    Segment* segment;
    std::uint32_t bucket;
    std::uint32_t bucket_count;
  };
  Home PrefetchBucket(std::uint64_t hash) const {
    // acquire: the block's entries are written before the root names it.
    const Entry entry = Unpack(EntryOf(hash, root_.load(std::memory_order_acquire)));
    const std::uint32_t home = HomeBucket(BucketBitsOf(hash), entry.bucket_count);
    PrefetchLine(reinterpret_cast<const char*>(entry.segment) + sizeof(Segment) +
                 sizeof(Bucket) * std::size_t{home});
    return {entry.segment, home, entry.bucket_count};
  }

  int depth() const {
    return kDirectoryBits - static_cast<int>(root_.load(std::memory_order_relaxed) >> kPointerBits);
  }
  std::size_t size() const { return std::size_t{1} << depth(); }
  Segment* SegmentAt(std::size_t index) const {
    return Unpack(Block()[index].load(std::memory_order_relaxed)).segment;
  }
  // Where the run of a segment begins, and how long it is.
  std::size_t FirstIndex(const Segment& segment) const {
    return segment.prefix >> (kDirectoryBits - depth());
  }
  std::size_t RunLength(const Segment& segment) const {
    return std::size_t{1} << (depth() - static_cast<int>(segment.depth));
  }

  // Points the segment's run to it. REQUIRES: its depth is at most depth().
  void Assign(Segment& segment);
  // Works on doubling, a bounded step; returns true once depth() has grown. REQUIRES: depth() <
  // kDirectoryBits.
  bool GrowStep();
  bool is_growing() const { return next_ != nullptr; }
  // Back to depth 0 and the empty segment; keeps the blocks for reuse and for late prefetchers.
  void Reset();
  // Takes over the array of `other`, which is reset.
  void TakeFrom(SegmentDirectory& other);

  std::size_t memory_bytes() const { return memory_bytes_; }

  // The segment of an empty table. Never written.
  static Segment* EmptySegment();

 private:
  using Word = std::atomic<std::uint64_t>;
  static constexpr int kCountShift = 42;

  static std::uint64_t Pack(const Segment& segment) {
    return reinterpret_cast<std::uintptr_t>(&segment) >> 6 |
           static_cast<std::uint64_t>(segment.bucket_count) << kCountShift;
  }
  static Entry Unpack(std::uint64_t word) {
    return {reinterpret_cast<Segment*>((word & ((std::uint64_t{1} << kCountShift) - 1)) << 6),
            static_cast<std::uint32_t>(word >> kCountShift)};
  }
  // root: the array's address in the low 48 bits, kDirectoryBits - depth above.
  static std::uint64_t EntryOf(std::uint64_t hash, std::uint64_t root) {
    const auto* block = reinterpret_cast<const Word*>(root & kPointerMask);
    return block[DirectoryBitsOf(hash) >> (root >> kPointerBits)].load(std::memory_order_relaxed);
  }
  Word* Block() const {
    return reinterpret_cast<Word*>(root_.load(std::memory_order_relaxed) & kPointerMask);
  }
  void Publish(Word* block, int depth);
  Word* BlockOfDepth(int depth);

  std::atomic<std::uint64_t> root_;  // release on Publish: the entries of the block it names
  Word single_;                      // the array of depth 0
  Word* next_ = nullptr;             // the block being filled, one deeper than the current one
  std::size_t next_filled_ = 0;      // current entries already doubled into next_
  std::vector<Word*> blocks_;        // [d - 1]: the block of depth d, null if never needed
  std::size_t memory_bytes_ = 0;
};

}  // namespace cairn::ds

#endif  // CAIRN_DS_SEGMENT_DIRECTORY_H_
