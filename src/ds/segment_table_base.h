// SPDX-License-Identifier: BSD-3-Clause
// SegmentTableBase: all of a SegmentTable that need not know what a node is.
//
// It owns directory and segments, grows, splits and shrinks them, keeps the times, and walks. The
// template above it adds the comparison of keys and the types; see segment_table.h for the whole.
//
// Invariants (beside those of Segment and SegmentDirectory)
//   (1) One call of Insert rebuilds at most one segment, and one of Erase at most one; a step
//       moves at most the entries of one segment (stats().moved_max).
//   (2) bounds_[g] is no later than min_expiry of any segment whose run begins in group g; the
//       table's min_expiry is no later than any of them.
//   (3) While a cut is under way, an entry was in the table when it began, and has not been handed
//       out, exactly if its point of its segment is not marked (segment_table_cut.cc).
//   (4) memory_bytes() is what the allocator has set aside for segments, columns, directory and
//       bounds, at any moment; a cut's marks are not in it.
#ifndef CAIRN_DS_SEGMENT_TABLE_BASE_H_
#define CAIRN_DS_SEGMENT_TABLE_BASE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/hash.h"
#include "base/ids.h"
#include "base/prefetch.h"
#include "base/random.h"
#include "ds/segment.h"
#include "ds/segment_directory.h"

namespace cairn::ds {

// Where an entry lies; valid until the table changes.
struct TablePosition {
  Segment* segment = nullptr;
  std::uint32_t slot = 0;
  bool found() const { return segment != nullptr; }
};

// Where a key's entry will probably be found: PrefetchBucket makes one, PrefetchNode completes it,
// and Find looks there first, which spares it the way through directory and tags. A table that has
// moved entries since is told by its version.
struct TableHint {
  Segment* segment;
  const std::uint64_t* slot;  // of `segment`; null: nothing is known
  std::uint32_t bucket;       // of the slot; the home bucket until PrefetchNode
  std::uint32_t version;
};

// What growth has cost so far; for tests, benchmarks and DEBUG.
struct SegmentTableStats {
  std::uint64_t rebuilds = 0;   // segments rebuilt in place, larger or smaller
  std::uint64_t splits = 0;     // of segments
  std::uint64_t rebases = 0;    // splits that had to hash their nodes again
  std::uint32_t moved_max = 0;  // most entries moved by one call
};

// Who is handed the entries of a table as they are at one moment.
class CutSink {
 public:
  // Called under the table's lock, once for each entry; must not change the table.
  virtual void Take(TablePosition at, const void* node) = 0;
  // All have been handed out because the table ends; it is not to be asked any more.
  virtual void TableEnds() = 0;

 protected:
  ~CutSink() = default;
};

class SegmentTableBase {
 public:
  using HashNode = std::uint64_t (*)(const void* node, const HashSeed& seed);
  using Visit = void (*)(void* context, TablePosition position);

  SegmentTableBase(const SegmentTableBase&) = delete;
  SegmentTableBase& operator=(const SegmentTableBase&) = delete;

  std::size_t size() const { return size_; }
  std::size_t volatile_count() const { return volatile_count_; }
  // What segments, columns and directory take from the allocator; nodes are the owner's.
  std::size_t memory_bytes() const {
    return sizeof(SegmentTableBase) + segment_bytes_ + bounds_bytes_ + directory_.memory_bytes();
  }
  std::size_t segment_count() const { return segment_count_; }
  const SegmentTableStats& stats() const { return stats_; }
  // Stops the process if anything is not as it must be. Linear: for tests.
  void CheckInvariants() const;

  // No time in the table is earlier. Exact after a ForEachExpired that finished.
  UnixMs min_expiry() const { return min_expiry_; }

  // Brings the home bucket of a hash into the cache. Any thread, no lock; the table must exist.
  TableHint PrefetchBucket(std::uint64_t hash) const {
    // acquire, and before the directory: if this version is still the table's later on, so is what
    // was read after it.
    const std::uint32_t version = version_.load(std::memory_order_acquire);
    const SegmentDirectory::Home home = directory_.PrefetchBucket(hash);
    return {home.segment, nullptr, home.bucket, version};
  }
  // Brings the likely node of a hash into the cache, for which it reads the bucket: REQUIRES the
  // table's lock. `hint` is PrefetchBucket's of the same hash.
  void PrefetchNode(std::uint64_t hash, TableHint& hint) const {
    if (hint.version != version_.load(std::memory_order_relaxed)) [[unlikely]] {
      hint = PrefetchBucket(hash);
    }
    const Bucket& bucket = hint.segment->buckets()[hint.bucket];
    const std::uint64_t match = bucket.MatchTag(TagOf(hash));
    if (match == 0) [[unlikely]]
      return PrefetchPasser(hash, hint);
    PrefetchSlot(bucket, Bucket::FirstOf(match), hint);
  }

  // The same for who keeps no hint.
  void PrefetchNode(std::uint64_t hash) const {
    TableHint hint = PrefetchBucket(hash);
    PrefetchNode(hash, hint);
  }

  // ---- A cut: the entries as they are now, handed out over time
  //
  // From BeginCut on, `sink` gets every entry that is in the table now, once and as it is now: the
  // one or two of a point before the first change of any of them, all others as WalkCut comes to
  // them. The table sees to it for what changes through it; who changes a node in place calls
  // Preserve before. Entries that come later are not handed out. Costs one load where no cut is
  // under way.
  //
  // REQUIRES: no cut is under way.
  void BeginCut(CutSink* sink);
  bool is_cutting() const { return cut_sink_ != nullptr; }
  CutSink* cut_sink() const { return cut_sink_; }
  // Hands out what lies next in the table, until about `budget` entries or buckets were looked at.
  // True once all have been handed out, which ends the cut. REQUIRES: is_cutting().
  bool WalkCut(std::size_t budget);
  // Gives it up.
  void AbandonCut() { cut_sink_ = nullptr; }
  // Hands out all that is left, if a cut is under way, before the table ends.
  void EndCut();
  // The entry there is about to change.
  void Preserve(TablePosition at) {
    if (cut_sink_ != nullptr) [[unlikely]]
      PreservePoint(*at.segment, SlotBucketBits(at.segment->SlotAt(at.slot)));
  }
  // Nothing of the cut is lost by changing the entry there.
  bool IsPreserved(TablePosition at) const {
    return cut_sink_ == nullptr ||
           IsMarked(*at.segment, SlotBucketBits(at.segment->SlotAt(at.slot)));
  }

  // kNever if the entry has no time.
  UnixMs ExpiryAt(TablePosition at) const { return at.segment->ExpiryAt(at.slot); }
  // REQUIRES: when != kNever.
  void SetExpiry(TablePosition at, UnixMs when);
  // Returns true if there was a time.
  bool ClearExpiry(TablePosition at);

 protected:
  bool IsCurrent(const TableHint& hint) const {
    return hint.slot != nullptr && hint.version == version_.load(std::memory_order_relaxed);
  }
  SegmentTableBase(const HashSeed& seed, HashNode hash_node);
  // Frees segments and directory, not the nodes: drain them before.
  ~SegmentTableBase();

  const SegmentDirectory& directory() const { return directory_; }
  TablePosition InsertNode(std::uint64_t hash, const void* node);
  void EraseEntry(TablePosition at);

  // Entries of one segment that are side by side in a scan: those of some home buckets, by their
  // bucket bits.
  struct ScanRange {
    Segment* segment;
    std::uint32_t begin_bits;
    std::uint32_t end_bits;
    std::uint64_t next;  // the cursor of what follows, 0 at the end of the table
  };
  // Of `homes` home buckets, or fewer at the end of the segment. REQUIRES: IsCursor(cursor).
  ScanRange RangeFrom(std::uint64_t cursor, std::uint32_t homes) const;
  static bool IsCursor(std::uint64_t cursor) {
    return cursor >> (kDirectoryBits + kBucketBits) == 0;
  }
  // Visits the entries whose bucket bits are in [begin_bits, end_bits). `fn` may take the entry out
  // of its bucket, and nothing else.
  template <class Fn>  // void(std::uint32_t slot)
  static void ForEachIn(Segment& segment, std::uint32_t begin_bits, std::uint32_t end_bits, Fn fn) {
    const std::uint32_t bucket_count = segment.bucket_count;
    const std::uint32_t last = HomeBucket(end_bits - 1, bucket_count);
    std::uint32_t b = HomeBucket(begin_bits, bucket_count);
    bool were_all = false;  // past the last home there are only entries that had to pass it
    for (std::uint32_t probe = 0; probe < bucket_count; ++probe) {
      const Bucket& bucket = segment.buckets()[b];
      were_all = were_all || b == last;
      const bool ends_here = were_all && bucket.overflow() == 0;
      for (std::uint64_t mask = bucket.Occupied(); mask != 0; mask &= mask - 1) {
        const std::uint32_t i = Bucket::FirstOf(mask);
        const std::uint32_t bits = SlotBucketBits(bucket.slots[i]);
        if (bits < begin_bits || bits >= end_bits) continue;
        fn(b * Bucket::kSlots + i);
      }
      if (ends_here) break;
      if (++b == bucket_count) b = 0;
    }
  }
  std::uint64_t ScanBucket(std::uint64_t cursor, Visit visit, void* context);
  void VisitAll(Visit visit, void* context);
  bool VisitExpired(UnixMs now, std::size_t budget, Visit visit, void* context);
  enum class SampleOf : std::uint8_t { kAll, kVolatile };
  std::size_t VisitSample(Random& random, std::size_t max, SampleOf which, Visit visit,
                          void* context);
  TablePosition RandomEntry(Random& random) const;
  bool DrainSome(std::size_t budget, void (*take)(void* context, void* node), void* context);
  void MoveAllTo(SegmentTableBase& target);

 private:
  // What erasing may do meanwhile: a walk that erases needs its segment to stay, and most need
  // every entry to stay where it is, too. Settle catches up.
  enum class Freeze : std::uint8_t { kNothing, kSegments, kEntries };
  class Freezer {
   public:
    Freezer(SegmentTableBase& table, Freeze freeze) : table_(table), before_(table.freeze_) {
      if (freeze > before_) table_.freeze_ = freeze;
    }
    ~Freezer() { table_.freeze_ = before_; }
    Freezer(const Freezer&) = delete;
    Freezer& operator=(const Freezer&) = delete;

   private:
    SegmentTableBase& table_;
    const Freeze before_;
  };

  void PrefetchPasser(std::uint64_t hash, TableHint& hint) const;
  static void PrefetchSlot(const Bucket& bucket, std::uint32_t i, TableHint& hint) {
    hint.slot = &bucket.slots[i];
    const auto* node = static_cast<const char*>(SlotNode(*hint.slot));
    PrefetchLine(node);
    PrefetchLine(node + kCacheLineBytes);
  }
  // Entries have moved, or are gone: hints are void. Called after the change.
  // release: see PrefetchBucket.
  void VoidHints() {
    version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // Buckets in which PrefetchNode looks: 99 of 100 entries lie in the first three.
  static constexpr int kPrefetchProbes = 3;
  // Directory entries per entry of bounds_, as a power of two.
  static constexpr int kBoundGroupBits = 2;
  // At most this many bits of groups (128 KiB of bounds), so that doubling them stays short too.
  static constexpr int kBoundBitsMax = 14;
  // An emptied table of at most this many segments is reset at once.
  static constexpr std::size_t kResetSegmentsMax = 256;

  struct SlotRange {
    std::uint32_t begin;
    std::uint32_t end;
  };

  bool IsMarked(const Segment& segment, std::uint32_t point) const {
    return segment.cut_number == cut_number_ && segment.cut_marks.Has(point);
  }
  CutMarks& MarksOf(Segment& segment) const;
  void Mark(Segment& segment, std::uint32_t point) const { MarksOf(segment).Add(point, point + 1); }
  void PreservePoint(Segment& segment, std::uint32_t point);
  bool WalkSegment(Segment& segment, std::size_t* budget);
  static void PrefetchNodes(Segment& segment, std::uint32_t begin_bits, std::uint32_t end_bits);
  void HandOut(Segment& segment, std::uint32_t begin_bits, std::uint32_t end_bits);

  void MakeRoom(std::uint64_t hash);
  bool MaySplit(const Segment& segment);
  bool GrowDirectory();
  void Rebuild(Segment* segment, std::uint32_t bucket_count);
  void Split(Segment* segment);
  void Rebase(Segment& segment);
  void Settle(Segment* segment);
  void Adopt(Segment& segment);
  void Discard(Segment* segment);
  void FreeSegments();
  void ResetIfEmpty();
  void Forget();

  std::size_t NextIndex(std::size_t index) const;
  static std::size_t VisitRange(Segment& segment, SlotRange range, std::size_t max, SampleOf which,
                                Visit visit, void* context);

  int GroupBits() const;
  std::size_t GroupOf(const Segment& segment) const;
  void LowerBound(const Segment& segment);
  void AllocateBounds();
  void GrowBounds();
  void ReleaseBounds();
  bool SweepGroup(std::size_t group, UnixMs now, std::size_t& budget, Visit visit, void* context);
  bool SweepSegment(Segment& segment, UnixMs now, std::size_t& budget, Visit visit, void* context);

  // Beside the directory's root, with which it is read. Changed under the table's lock; read by
  // prefetchers without.
  std::atomic<std::uint32_t> version_{0};
  SegmentDirectory directory_;
  HashSeed seed_;
  HashNode hash_node_;
  std::size_t size_ = 0;
  std::size_t volatile_count_ = 0;
  std::size_t segment_count_ = 0;
  std::size_t segment_bytes_ = 0;  // with their columns
  UnixMs min_expiry_ = kNever;
  UnixMs* bounds_ = nullptr;  // allocated with the first time
  int bounds_depth_ = 0;      // the directory depth bounds_ was made for
  std::size_t bounds_bytes_ = 0;
  std::size_t drain_index_ = 0;
  CutSink* cut_sink_ = nullptr;   // while a cut is under way
  std::uint32_t cut_number_ = 0;  // of cuts of this table
  std::uint32_t cut_prefix_ = 0;  // of the segment that WalkCut looks at next
  std::uint32_t cut_point_ = 0;   // within that segment
  Freeze freeze_ = Freeze::kNothing;
  bool untidy_ = false;  // a hole was left in the segment being walked
  SegmentTableStats stats_;
};

}  // namespace cairn::ds

#endif  // CAIRN_DS_SEGMENT_TABLE_BASE_H_
