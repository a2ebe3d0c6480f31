// SPDX-License-Identifier: BSD-3-Clause
// Cut: all entries as they were at one position of the log, read while writers go on.
//
// BGSAVE, the rewrite of the AOF, a replica's full copy and a slot's migration are users of a cut.
// It begins with every stripe held, for microseconds: each table is told that entries are to be
// handed out before they change (ds::SegmentTable). Then the user's thread walks the tables, some
// entries a hold, and whoever writes hands out the one it changes, and the one or two that
// share its mark.
//
//     writers --(an entry or two, before the first change)-----------+
//                                                                     +--> batches --> Next()
//     walk ----(what no writer has touched, stripe by stripe)--------+
//
// A batch holds images of entries, copied as they lie: a short string costs a memcpy, a blob a
// reference, a small collection its clone. Of a large one it holds a CutValue, from which the user
// reads the elements.
//
// FLUSHALL takes a table away whole; what of it was not handed out yet stays with the cut, which
// walks it without any lock and gives it to the trash when no value of it is being read. SWAPDB
// changes numbers of tables, and the cut remembers the old ones.
//
// Invariants
//   (1) Each entry that was there at position() is in exactly one batch, with its value and time
//       of then; no other is in any.
//   (2) Beyond CutBacklog::kBytesMax of batches and elements that wait for Next, writers wait
//       before they take locks. So memory is bounded by it, and what stripes have begun to fill.
//
// One cut of a keyspace at a time. Its user is one thread at a time; entries are handed out on any.
#ifndef CAIRN_KEYSPACE_CUT_H_
#define CAIRN_KEYSPACE_CUT_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "keyspace/cut_value.h"
#include "keyspace/keyspace.h"

namespace cairn::keyspace {

// Images of entries, with what stands beside an entry in its table. It does not outlive its cut.
class CutBatch {
 public:
  static constexpr std::size_t kBytes = 32 * 1024;
  // It takes no more once so much hangs off its images.
  static constexpr std::size_t kBesideBytesMax = 256 * 1024;

  CutBatch() = default;
  CutBatch(CutBatch&& other) noexcept { Swap(other); }
  CutBatch& operator=(CutBatch&& other) noexcept {
    Swap(other);
    return *this;
  }
  ~CutBatch();

  bool empty() const { return used_ == 0; }
  // With the collections that were copied, and the blobs, which it may be the last to keep.
  std::size_t bytes() const { return capacity_ + beside_bytes_; }
  // UnixMs: when the key expires, or kNever. CutValue: null, or where the elements of a large
  // collection are to be read; there are none in the entry then.
  template <class Fn>  // void(DbId, UnixMs, const Entry&, CutValue*)
  void ForEach(Fn&& fn) const {
    for (Place place; !Ends(place);) Visit(place, fn);
  }
  // Entries one by one. A place belongs to one batch.
  struct Place {
    std::size_t at = 0;
    std::size_t large = 0;  // so many have gone by
  };
  bool Ends(const Place& place) const { return place.at >= used_; }
  // REQUIRES, as for the next: it does not end there.
  const Entry& At(const Place& place) const { return *EntryAt(place.at); }
  bool IsLarge(const Place& place) const { return HeadAt(place.at).is_large != 0; }
  // Calls fn with the entry there, and goes on to the next.
  template <class Fn>
  void Visit(Place& place, Fn&& fn) const {
    const Head& head = HeadAt(place.at);
    fn(DbId(head.db), head.expiry, *EntryAt(place.at),
       head.is_large != 0 ? values_[place.large].get() : nullptr);
    place.large += head.is_large;
    place.at += head.bytes;
  }

  bool HasRoomFor(const Entry& entry) const {
    return used_ + Bytes(entry) <= capacity_ && beside_bytes_ < kBesideBytesMax;
  }
  // An empty batch that has room for the entry.
  static CutBatch For(const Entry& entry);
  // REQUIRES: HasRoomFor(entry).
  void Add(DbId db, UnixMs expiry, const Entry& entry);
  void AddLarge(DbId db, UnixMs expiry, const Entry& entry, std::unique_ptr<CutValue> value);

 private:
  struct Head {
    UnixMs expiry;
    std::uint32_t db;
    std::uint32_t bytes : 31;  // with the image
    std::uint32_t is_large : 1;
  };
  // Room for the image of an entry, behind its head.
  void* NewImage(DbId db, UnixMs expiry, const Entry& entry, bool is_large);
  static std::size_t Bytes(const Entry& entry);
  const Head& HeadAt(std::size_t at) const {
    return *reinterpret_cast<const Head*>(room_.get() + at);
  }
  Entry* EntryAt(std::size_t at) const {
    return reinterpret_cast<Entry*>(room_.get() + at + sizeof(Head));
  }
  void Swap(CutBatch& other) noexcept;

  std::unique_ptr<char[]> room_;
  std::vector<std::unique_ptr<CutValue>> values_;  // of the large ones
  std::size_t used_ = 0;
  std::size_t capacity_ = 0;
  std::size_t beside_bytes_ = 0;
};

class Cut {
 public:
  // Entries and buckets looked at in one hold of a stripe.
  static constexpr std::size_t kWalkStep = 96;
  // And no more, once so much was copied; by a thread that must not wait.
  static constexpr std::size_t kCopiedBytesMax = 128 * 1024;
  static constexpr std::size_t kTriedBytesMax = 16 * 1024;

  // REQUIRES: `held` holds every stripe; the keyspace has no other cut. Collections up to
  // `whole_bytes_max` are copied as a whole.
  Cut(Keyspace& keyspace, const KeyLocks& held,
      std::size_t whole_bytes_max = CutValue::kWholeBytesMax);
  // Gives up what was not handed out. Takes the stripes' locks in turn.
  ~Cut();
  Cut(const Cut&) = delete;
  Cut& operator=(const Cut&) = delete;

  // The effects before it are in the cut, those after it are not.
  Lsn position() const { return position_; }
  // Keys of a database at that moment, and of those the ones with a time.
  DatabaseSize size(DbId db) const { return sizes_[db.value]; }

  // Some entries; nothing once all have been handed out.
  std::optional<CutBatch> Next();
  // The same for a thread that must not wait: what was handed out already, if anything, ...
  std::optional<CutBatch> Pop();
  // ... and a small step of the walk, which may hand out some. kBusy: somebody has the stripe.
  enum class Walked : std::uint8_t { kStep, kBusy, kEnd };
  Walked TryWalk();

  // A table that was flushed has just gone to `load`. True if the cut keeps it, and gives it to the
  // trash in time. REQUIRES: every stripe held; `stripe` is its.
  bool KeepFlushed(Stripe& stripe, std::unique_ptr<Shard>& load);

 private:
  class Part;
  struct Flushed {
    std::unique_ptr<Shard> load;
    ds::SlabArena* arena;
  };

  // All of it was handed out.
  void KeepWhileValuesAreRead(std::unique_ptr<Shard> load, ds::SlabArena& arena);
  void GiveBackFlushed();
  void Push(CutBatch batch);
  // Walks on; false at the end.
  bool Walk();

  Keyspace& keyspace_;
  const Lsn position_;
  const std::size_t whole_bytes_max_;
  CutValues values_;
  std::vector<DatabaseSize> sizes_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::size_t walking_ = 0;  // the part that Walk is at
  Mutex mu_;                 // a leaf
  std::deque<CutBatch> batches_ GUARDED_BY(mu_);
  std::vector<Flushed> flushed_ GUARDED_BY(mu_);
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_CUT_H_
