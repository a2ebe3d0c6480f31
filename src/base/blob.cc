// SPDX-License-Identifier: BSD-3-Clause
// Blob's memory: header and bytes in one allocation, unless the bytes were adopted.
#include "base/blob.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"

namespace cairn {

Blob* Blob::Create(std::string_view bytes, std::size_t size, std::size_t capacity) {
  CHECK(bytes.size() <= size);
  CHECK(size <= capacity);
  void* memory = std::malloc(sizeof(Blob) + capacity);
  CHECK(memory != nullptr);
  Blob* blob = new (memory) Blob();
  blob->size_ = size;
  blob->capacity_ = capacity;
  blob->bytes_ = reinterpret_cast<char*>(blob + 1);
  if (!bytes.empty()) std::memcpy(blob->mutable_bytes(), bytes.data(), bytes.size());
  std::memset(blob->mutable_bytes() + bytes.size(), 0, size - bytes.size());
  return blob;
}

Blob* Blob::Adopt(ByteBuffer memory, std::string_view bytes) {
  void* header = std::malloc(sizeof(Blob));
  CHECK(header != nullptr);
  Blob* blob = new (header) Blob();
  const auto offset = static_cast<std::size_t>(bytes.data() - memory.data());
  CHECK(memory.Holds(bytes));
  blob->adopted_ = std::make_unique<ByteBuffer>(std::move(memory));
  blob->size_ = blob->capacity_ = bytes.size();
  blob->bytes_ = blob->adopted_->data() + offset;
  DCHECK(blob->bytes_ == bytes.data());
  return blob;
}

void Blob::Release() {
  // acq_rel: our reads end before the count drops, and the last owner sees them ended before it
  // frees.
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (BlobTaker* taker = taker_.exchange(nullptr, std::memory_order_relaxed); taker != nullptr) {
    refs_.store(1, std::memory_order_relaxed);
    return taker->Take(this);
  }
  this->~Blob();
  std::free(this);
}

void Blob::Resize(std::size_t size) {
  DCHECK(!IsShared());
  CHECK(size <= capacity_);
  if (size > size_) std::memset(mutable_bytes() + size_, 0, size - size_);
  size_ = size;
}

}  // namespace cairn
