// SPDX-License-Identifier: BSD-3-Clause
// Draining: the load being worked on is taken out of the queue, so the lock is never held while
// memory is freed.
#include "keyspace/trash.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/check.h"
#include "keyspace/cut_value.h"

namespace cairn::keyspace {

namespace {

// The system takes a mapping away in one piece, and other threads that ask it for memory wait
// for that. So its pages go before, some at a time.
void GivePagesBack(const char* bytes, std::size_t size) {
  constexpr std::size_t kPageBytes = 4096;
  constexpr std::size_t kBytesAtOnce = 2 * 1024 * 1024;
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes);
  const std::uintptr_t end = (begin + size) / kPageBytes * kPageBytes;
  std::uintptr_t at = (begin + kPageBytes - 1) / kPageBytes * kPageBytes;
  while (at < end) {
    const std::size_t step = std::min(kBytesAtOnce, static_cast<std::size_t>(end - at));
    // If it fails they go with the rest.
    (void)::madvise(reinterpret_cast<void*>(at), step, MADV_DONTNEED);
    at += step;
  }
}

}  // namespace

Trash::~Trash() {
  while (!Drain(SIZE_MAX)) {
  }
}

void Trash::Push(Load load) {
  MutexLock hold(mu_);
  loads_.push_back(std::move(load));
}

void Trash::NoteFreed(std::int64_t keys) {
  freed_.Add(keys);
  pending_.Add(-keys);
}

void Trash::Add(std::unique_ptr<Shard> shard, ds::SlabArena& arena) {
  pending_.Add(static_cast<std::int64_t>(shard->table.size()));
  Push(FlushedShard{std::move(shard), &arena});
}

void Trash::Dispose(Entry* entry, ds::SlabArena& arena) {
  if (entry->is_collection()) {
    if (CutValue* reader = CutValue::Of(*entry); reader != nullptr) {
      entry->Visit([&](auto& collection) { reader->Keep(std::move(collection)); });
    } else {
      entry->Visit([this, entry](auto& collection) {
        const bool is_large =
            entry->element_count() > kAtOnceMax || collection.memory_bytes() > kBytesAtOnceMax;
        if (is_large) Add(std::move(collection));
      });
    }
  }
  if (Blob* blob = entry->blob(); blob != nullptr && blob->capacity() > kBytesAtOnceMax)
    blob->HandTo(this);
  entry->Destroy(arena);
}

void Trash::Drop(Blob* blob) {
  if (blob->capacity() > kBytesAtOnceMax) blob->HandTo(this);
  blob->Release();
}

void Trash::Take(Blob* blob) {
  pending_.Add(1);
  BlobRef ref(blob);
  blob->Release();
  Push(std::move(ref));
}

void Trash::AddSpare(ByteBuffer buffer) {
  const std::size_t bytes = buffer.memory_bytes();
  PushSpare(std::move(buffer), bytes);
}

void Trash::AddWhenSpare(Blob* blob) {
  if (blob->allocated_bytes() > kBytesAtOnceMax) blob->HandTo(&spare_blobs_);
}

void Trash::SpareBlobs::Take(Blob* blob) {
  BlobRef ref(blob);
  blob->Release();
  trash_.PushSpare(std::move(ref), blob->allocated_bytes());
}

void Trash::PushSpare(Spare spare, std::size_t bytes) {
  const auto added = static_cast<std::int64_t>(bytes);
  if (spare_bytes_.Add(added) - added > static_cast<std::int64_t>(kSpareBytesMax)) {
    spare_bytes_.Add(-added);
    return;
  }
  MutexLock hold(mu_);
  spares_.push_back(std::move(spare));
}

bool Trash::DrainSpare() {
  std::optional<Spare> spare;
  {
    MutexLock hold(mu_);
    if (spares_.empty()) return false;
    spare = std::move(spares_.front());
    spares_.pop_front();
  }
  std::size_t bytes = 0;
  if (const ByteBuffer* buffer = std::get_if<ByteBuffer>(&*spare); buffer != nullptr) {
    GivePagesBack(buffer->data(), buffer->size());
    bytes = buffer->memory_bytes();
  } else {
    const Blob* blob = std::get<BlobRef>(*spare).get();
    GivePagesBack(blob->bytes(), blob->size());
    bytes = blob->allocated_bytes();
  }
  spare.reset();
  spare_bytes_.Add(-static_cast<std::int64_t>(bytes));
  return true;
}

bool Trash::Drain(std::size_t budget) {
  if (!DrainSpare()) DrainLoads(budget);
  MutexLock hold(mu_);
  return loads_.empty() && spares_.empty();
}

void Trash::DrainLoads(std::size_t budget) {
  std::optional<Load> load;
  {
    MutexLock hold(mu_);
    if (loads_.empty()) return;
    load = std::move(loads_.front());
    loads_.pop_front();
  }
  if (const BlobRef* blob = std::get_if<BlobRef>(&*load); blob != nullptr) {
    DCHECK(!blob->get()->IsShared());
    GivePagesBack(blob->get()->bytes(), blob->get()->capacity());
  }
  const bool empty =
      std::visit([&](auto& collection) { return DrainLoad(collection, budget); }, *load);
  if (empty) return;
  MutexLock hold(mu_);
  loads_.push_front(std::move(*load));
}

bool Trash::DrainLoad(FlushedShard& flushed, std::size_t budget) {
  std::int64_t freed = 0;
  const bool empty = flushed.shard->table.Drain(budget, [&](Entry* entry) {
    Dispose(entry, *flushed.arena);
    ++freed;
  });
  NoteFreed(freed);
  return empty;
}

}  // namespace cairn::keyspace
