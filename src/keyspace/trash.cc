// SPDX-License-Identifier: BSD-3-Clause
// Draining: the load being worked on is taken out of the queue, so the lock is never held while
// memory is freed.
#include "keyspace/trash.h"

#include <optional>
#include <utility>

namespace cairn::keyspace {

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
  if (entry->is_collection() && entry->element_count() > kAtOnceMax) {
    pending_.Add(1);
    entry->Visit([this](auto& collection) { Push(std::move(collection)); });
  }
  if (Blob* blob = entry->blob(); blob != nullptr && blob->size() > kBytesAtOnceMax) {
    pending_.Add(1);
    Push(BlobRef(blob));
  }
  entry->Destroy(arena);
}

bool Trash::Drain(std::size_t budget) {
  std::optional<Load> load;
  {
    MutexLock hold(mu_);
    if (loads_.empty()) return true;
    load = std::move(loads_.front());
    loads_.pop_front();
  }
  const bool empty =
      std::visit([&](auto& collection) { return DrainLoad(collection, budget); }, *load);
  if (empty) load.reset();
  MutexLock hold(mu_);
  if (load.has_value()) loads_.push_front(std::move(*load));
  return loads_.empty();
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
