// SPDX-License-Identifier: BSD-3-Clause
// Two kinds of memory by size. The allocator's realloc was refused: jemalloc copies where it cannot
// extend in place, and so does the C library below a border that it moves by itself.
#include "base/byte_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/check.h"

namespace cairn {
namespace {

constexpr std::size_t kPageBytes = 4096;
// A request of very many arguments grows by readings of some kilobytes: a call of the kernel for
// each of them would be felt. Large ones grow by at least this part of them.
constexpr std::size_t kMappedPart = 8;

char* Map(std::size_t capacity) {
  void* memory =
      ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return static_cast<char*>(memory);
}

// ThreadSanitizer is not told of mremap: it takes who has a moved page's place next for whoever
// wrote there before.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CAIRN_NO_MREMAP
#endif
#endif

char* Remap(char* from, std::size_t old_capacity, std::size_t capacity) {
#ifdef CAIRN_NO_MREMAP
  char* const grown = Map(capacity);
  std::memcpy(grown, from, old_capacity);
  CHECK(::munmap(from, old_capacity) == 0);
  return grown;
#else
  void* grown = ::mremap(from, old_capacity, capacity, MREMAP_MAYMOVE);
  CHECK(grown != MAP_FAILED);
  return static_cast<char*>(grown);
#endif
}

}  // namespace

void ByteBuffer::Reserve(std::size_t capacity) {
  if (capacity <= capacity_) return;
  if (!is_mapped()) capacity = std::max(capacity, 2 * capacity_);
  if (capacity >= kMappedMin) return GrowMapped(capacity);
  auto grown = std::make_unique_for_overwrite<char[]>(capacity);
  if (size_ > 0) std::memcpy(grown.get(), data_, size_);
  const std::size_t size = size_;
  Free();
  data_ = grown.release();
  size_ = size;
  capacity_ = capacity;
}

void ByteBuffer::GrowMapped(std::size_t capacity) {
  if (is_mapped()) capacity = std::max(capacity, capacity_ + capacity_ / kMappedPart);
  capacity = (capacity + kPageBytes - 1) / kPageBytes * kPageBytes;
  if (is_mapped()) {
    data_ = Remap(data_, capacity_, capacity);
  } else {
    char* const memory = Map(capacity);
    if (size_ > 0) std::memcpy(memory, data_, size_);
    const std::size_t size = size_;
    Free();
    data_ = memory;
    size_ = size;
  }
  capacity_ = capacity;
}

void ByteBuffer::Resize(std::size_t size) {
  CHECK(size <= capacity_);
  size_ = size;
}

void ByteBuffer::EraseFront(std::size_t count) {
  CHECK(count <= size_);
  size_ -= count;
  if (size_ > 0) std::memmove(data_, data_ + count, size_);
}

void ByteBuffer::Assign(std::string_view bytes) {
  size_ = 0;
  Reserve(bytes.size());
  if (!bytes.empty()) std::memcpy(data_, bytes.data(), bytes.size());
  size_ = bytes.size();
}

void ByteBuffer::Free() {
  if (is_mapped()) {
    CHECK(::munmap(data_, capacity_) == 0);
  } else {
    const std::unique_ptr<char[]> gone(data_);
  }
  data_ = nullptr;
  size_ = capacity_ = 0;
}

}  // namespace cairn
