// SPDX-License-Identifier: BSD-3-Clause
// Blob's memory: header and bytes in one allocation.
#include "base/blob.h"

#include <cstdlib>
#include <cstring>
#include <new>

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
  if (!bytes.empty()) std::memcpy(blob->mutable_bytes(), bytes.data(), bytes.size());
  std::memset(blob->mutable_bytes() + bytes.size(), 0, size - bytes.size());
  return blob;
}

void Blob::Release() {
  // acq_rel: our reads end before the count drops, and the last owner sees them ended before it
  // frees.
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    this->~Blob();
    std::free(this);
  }
}

void Blob::Resize(std::size_t size) {
  DCHECK(!IsShared());
  CHECK(size <= capacity_);
  if (size > size_) std::memset(mutable_bytes() + size_, 0, size - size_);
  size_ = size;
}

}  // namespace cairn
