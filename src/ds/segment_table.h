// SPDX-License-Identifier: BSD-3-Clause
// SegmentTable: the hash table of the store, a set of pointers to nodes that carry their keys.
//
// Extendible hashing over segments of some hundred entries, each an open-addressed table of cache
// line buckets (segment.h), found through a directory (segment_directory.h). A segment grows in
// place by quarters and then splits alone, so the load stays between 0.70 and 0.89 at any size, no
// insert ever moves more than one segment's entries, and there is never a second copy of the table.
//
//     hash --24 bits--> directory --> segment: bucket line --> node
//                                     expiry column beside it, if any entry is volatile
//
// It owns segments, not nodes. It is guarded by the lock of its stripe (or of whatever owns it);
// only PrefetchBucket may be called without. Callbacks run under that lock; in ForEach, Scan and
// ForEachExpired they may erase the entry they were given and set or clear its time, and must not
// change the table otherwise.
//
// Traits say what a node is:
//   using Node = ...;                                                   at an 8-byte boundary or so
//   static bool Matches(const Node* node, std::string_view key);
//   static std::uint64_t Hash(const Node* node, const HashSeed& seed);  rarely asked: see segment.h
//
// Cost at 1 M and 10 M keys: bench/segment_table_bench.cc.
#ifndef CAIRN_DS_SEGMENT_TABLE_H_
#define CAIRN_DS_SEGMENT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/check.h"
#include "base/prefetch.h"
#include "ds/segment_table_base.h"

namespace cairn::ds {

template <class Traits>
class SegmentTable : public SegmentTableBase {
 public:
  using Node = typename Traits::Node;
  using Position = TablePosition;

  explicit SegmentTable(const HashSeed& seed)
      : SegmentTableBase(seed, [](const void* node, const HashSeed& with) {
          return Traits::Hash(static_cast<const Node*>(node), with);
        }) {}

  // The entry of `key`, or a Position that is not found(). `hash` is the key's.
  Position Find(std::uint64_t hash, std::string_view key) const {
    const auto [segment, bucket_count] = directory().Find(hash);
    const std::uint32_t home = HomeBucket(BucketBitsOf(hash), bucket_count);
    return Search({segment, home, bucket_count}, hash,
                  [key](const Node* node) { return Traits::Matches(node, key); });
  }

  // Whether each of several keys is here, for who looks them up together so that they wait for
  // memory together: PrefetchHome of each, then PrefetchLikely of each, then Contains. The table
  // must not change in between.
  using Home = SegmentDirectory::Home;
  Home PrefetchHome(std::uint64_t hash) const { return directory().PrefetchBucket(hash); }
  // A node whose hash is all but surely the key's. Null: the key is not here.
  const Node* PrefetchLikely(const Home& home, std::uint64_t hash) const {
    const Position at = Search(home, hash, [](const Node*) { return true; });
    if (!at.found()) return nullptr;
    const Node* node = At(at);
    PrefetchLine(node);
    return node;
  }
  bool Contains(const Node* likely, std::uint64_t hash, std::string_view key) const {
    return likely != nullptr && (Traits::Matches(likely, key) || Find(hash, key).found());
  }

  // The node of `key` if it is where PrefetchNode saw it, at PositionOf(hint); else null, and Find
  // must be asked. `hint` is this table's.
  Node* FindHinted(std::string_view key, const TableHint& hint) const {
    if (!IsCurrent(hint)) [[unlikely]]
      return nullptr;
    auto* node = static_cast<Node*>(SlotNode(*hint.slot));
    return Traits::Matches(node, key) ? node : nullptr;
  }
  static Position PositionOf(const TableHint& hint) {
    const auto in_bucket = hint.slot - hint.segment->buckets()[hint.bucket].slots;
    return {hint.segment, hint.bucket * Bucket::kSlots + static_cast<std::uint32_t>(in_bucket)};
  }

  Node* At(Position at) const {
    DCHECK(at.found());
    return static_cast<Node*>(SlotNode(at.segment->SlotAt(at.slot)));
  }

  // REQUIRES: no entry with the node's key is in the table; `hash` is that key's.
  Position Insert(std::uint64_t hash, Node* node) { return InsertNode(hash, node); }

  // The entry's node has moved, or a new one with the same key takes its place. Keeps the time.
  void Replace(Position at, Node* node) {
    Preserve(at);
    std::uint64_t& slot = at.segment->SlotAt(at.slot);
    slot = (slot & ~kPointerMask) | reinterpret_cast<std::uintptr_t>(node);
  }

  // Takes the entry and its time out of the table; the node is the caller's.
  Node* Erase(Position at) {
    Node* node = At(at);
    EraseEntry(at);
    return node;
  }

  // Visits the entries of one home bucket and returns the cursor of the next, 0 at the end. Start
  // with 0. Entries that are in the table from the first call to the last are visited at least
  // once, whatever else is inserted or erased between the calls. Cursors take at most 34 bits.
  template <class Fn>  // void(Position, Node*)
  std::uint64_t Scan(std::uint64_t cursor, Fn&& fn) {
    auto call = Bind(fn);
    return ScanBucket(cursor, call.visit, &call);
  }

  // Visits the nodes of `homes` home buckets, or of those that are left of a segment, and returns
  // the cursor of the next: Scan in larger steps, for who changes nothing.
  template <class Fn>  // void(const Node*)
  std::uint64_t ScanNodes(std::uint64_t cursor, std::uint32_t homes, Fn fn) const {
    if (!IsCursor(cursor)) return 0;
    const ScanRange range = RangeFrom(cursor, homes);
    ForEachIn(*range.segment, range.begin_bits, range.end_bits, [&](std::uint32_t slot) {
      fn(static_cast<const Node*>(SlotNode(range.segment->SlotAt(slot))));
    });
    return range.next;
  }

  // Visits every entry.
  template <class Fn>  // void(Position, Node*)
  void ForEach(Fn&& fn) {
    auto call = Bind(fn);
    VisitAll(call.visit, &call);
  }

  // Visits entries whose time is at most `now` (callers whose keys live through their last
  // millisecond pass now - 1). `budget` bounds the work: each entry visited takes one from it, and
  // each segment looked into. Returns false if it ended by the budget; then more may be expired.
  template <class Fn>  // void(Position)
  bool ForEachExpired(UnixMs now, std::size_t budget, Fn&& fn) {
    return VisitExpired(
        now, budget,
        [](void* f, Position at) { (*static_cast<std::remove_reference_t<Fn>*>(f))(at); },
        const_cast<void*>(static_cast<const void*>(&fn)));
  }

  // An entry chosen at random, nearly fairly. REQUIRES: size() > 0.
  Position RandomPosition(Random& random) const { return RandomEntry(random); }

  // Visits up to `max` entries that lie side by side from a random place on; returns how many.
  // Less than `max` if the table holds less, or is very sparse. The callback must not change the
  // table.
  template <class Fn>  // void(Position, Node*)
  std::size_t SampleFrom(Random& random, std::size_t max, Fn&& fn) {
    auto call = Bind(fn);
    return VisitSample(random, max, SampleOf::kAll, call.visit, &call);
  }
  // The same, of entries that have a time.
  template <class Fn>  // void(Position, Node*)
  std::size_t SampleVolatileFrom(Random& random, std::size_t max, Fn&& fn) {
    auto call = Bind(fn);
    return VisitSample(random, max, SampleOf::kVolatile, call.visit, &call);
  }

  // Hands up to `budget` nodes to `fn` and forgets them; true once the table is empty and has given
  // its segments back. Between the first call and the last, nothing else may be asked of it.
  template <class Fn>  // void(Node*)
  bool Drain(std::size_t budget, Fn&& fn) {
    return DrainSome(
        budget,
        [](void* f, void* node) {
          (*static_cast<std::remove_reference_t<Fn>*>(f))(static_cast<Node*>(node));
        },
        const_cast<void*>(static_cast<const void*>(&fn)));
  }

  // Gives all entries to `target` in one short step (the directory is copied, some words an
  // hundred entries), to be drained elsewhere. This table stays where prefetchers know it.
  // REQUIRES: target is empty and has the same seed.
  void MoveTo(SegmentTable& target) { MoveAllTo(target); }

 private:
  // The first entry with the bits of the hash that slots keep, and that is it.
  template <class IsIt>  // bool(const Node*)
  static Position Search(const Home& home, std::uint64_t hash, IsIt is_it) {
    const std::uint32_t bucket_bits = BucketBitsOf(hash);
    const std::uint8_t tag = TagOf(hash);
    std::uint32_t b = home.bucket;
    for (std::uint32_t probe = 0; probe < home.bucket_count; ++probe) {
      const Bucket& bucket = home.segment->buckets()[b];
      for (std::uint64_t match = bucket.MatchTag(tag); match != 0; match &= match - 1) {
        const std::uint32_t i = Bucket::FirstOf(match);
        const std::uint64_t slot = bucket.slots[i];
        // Four more bits for nothing: spares most visits to nodes of other keys.
        if (SlotBucketBits(slot) != bucket_bits) continue;
        if (is_it(static_cast<const Node*>(SlotNode(slot)))) {
          return {home.segment, b * Bucket::kSlots + i};
        }
      }
      if (bucket.overflow() == 0) break;
      if (++b == home.bucket_count) b = 0;
    }
    return {};
  }

  template <class Fn>
  struct Call {
    const SegmentTable* table;
    Fn* fn;
    static void visit(void* self, Position at) {
      const auto* call = static_cast<const Call*>(self);
      (*call->fn)(at, call->table->At(at));
    }
  };
  template <class Fn>
  Call<Fn> Bind(Fn& fn) const {
    return {this, &fn};
  }
};

}  // namespace cairn::ds

#endif  // CAIRN_DS_SEGMENT_TABLE_H_
