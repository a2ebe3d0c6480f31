// SPDX-License-Identifier: BSD-3-Clause
// Trash: what was taken out of the keyspace under its locks and is freed later, in bounded steps.
//
// FLUSHALL swaps tables of millions of keys away in microseconds; freeing them takes a second. They
// wait here until the keeper thread drains them, a bounded number of objects a step.
//
// A large string may still be on its way to clients when its key goes. It comes here when the last
// of them has it, from the worker that sent it; so this outlives all references to such strings.
//
// Thread safety: any thread adds; one thread at a time drains.
#ifndef CAIRN_KEYSPACE_TRASH_H_
#define CAIRN_KEYSPACE_TRASH_H_

#include <deque>
#include <memory>
#include <variant>

#include "base/byte_buffer.h"
#include "base/counter.h"
#include "base/mutex.h"
#include "keyspace/stripe.h"

namespace cairn::keyspace {

class Trash final : public BlobTaker {
 public:
  Trash() = default;
  ~Trash();
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;

  // An entry with more elements than this leaves them here; smaller ones are freed at once.
  static constexpr std::size_t kAtOnceMax = 64;
  // The same of bytes, a string's or a collection's: 512 MiB take 40 ms to give back to the system.
  static constexpr std::size_t kBytesAtOnceMax = 1024 * 1024;

  // `arena` is where the shard's entries live.
  void Add(std::unique_ptr<Shard> shard, ds::SlabArena& arena);
  // A collection that nobody has any more.
  template <class V>
  void Add(V collection) {
    pending_.Add(1);
    Push(std::move(collection));
  }
  // Memory that is no key's: input that a client has sent, alone or as a blob that was shared. Not
  // counted among keys, and drained before them. While more than kSpareBytesMax wait, the caller
  // frees it himself: who sends without end waits for that.
  static constexpr std::size_t kSpareBytesMax = std::size_t{256} * 1024 * 1024;
  void AddSpare(ByteBuffer buffer);
  // The same of a blob, with the last reference to it, if it is large.
  void AddWhenSpare(Blob* blob);
  // Of those waiting: memory in use, though nothing need be evicted for it, as it soon is not.
  std::int64_t spare_bytes() const { return spare_bytes_.value(); }
  // Frees the entry, but leaves a large collection, or string, of its to be drained.
  void Dispose(Entry* entry, ds::SlabArena& arena);
  // Drops a reference that the keyspace held to a string's bytes.
  void Drop(Blob* blob);
  void Take(Blob* blob) override;
  // Frees about `budget` objects: keys, elements. True if nothing is left. Blobs count as one, and
  // so do buffers.
  bool Drain(std::size_t budget);
  // Keys waiting, INFO's lazyfree_pending_objects; and freed so far, lazyfreed_objects.
  std::int64_t pending() const { return pending_.value(); }
  std::int64_t freed() const { return freed_.value(); }
  void ResetFreed() { freed_.Set(0); }

 private:
  struct FlushedShard {
    std::unique_ptr<Shard> shard;
    ds::SlabArena* arena;
  };
  using Load = std::variant<FlushedShard, value::List, value::Set, value::SortedSet, value::Hash,
                            value::Stream, BlobRef>;
  using Spare = std::variant<ByteBuffer, BlobRef>;

  class SpareBlobs final : public BlobTaker {
   public:
    explicit SpareBlobs(Trash& trash) : trash_(trash) {}
    void Take(Blob* blob) override;

   private:
    Trash& trash_;
  };

  void Push(Load load);
  void PushSpare(Spare spare, std::size_t bytes);
  bool DrainSpare();
  void DrainLoads(std::size_t budget);
  bool DrainLoad(FlushedShard& flushed, std::size_t budget);
  template <class V>
  bool DrainLoad(V& collection, std::size_t budget) {
    if (!collection.FreeStep(budget)) return false;
    NoteFreed(1);
    return true;
  }
  // It goes with the load.
  bool DrainLoad(BlobRef&, std::size_t) {
    NoteFreed(1);
    return true;
  }
  void NoteFreed(std::int64_t keys);

  Mutex mu_;
  std::deque<Load> loads_ GUARDED_BY(mu_);
  std::deque<Spare> spares_ GUARDED_BY(mu_);
  SpareBlobs spare_blobs_{*this};
  SharedCounter spare_bytes_;
  SharedCounter pending_;
  SharedCounter freed_;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_TRASH_H_
