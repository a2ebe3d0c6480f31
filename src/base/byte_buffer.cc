// SPDX-License-Identifier: BSD-3-Clause
// Two kinds of memory by size. The allocator's realloc was refused: jemalloc copies where it cannot
// extend in place, and so does the C library below a border that it moves by itself.
#include "base/byte_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "base/counter.h"

namespace cairn {
namespace {

constexpr std::size_t kPageBytes = 4096;
// A small one doubles. A large one is mostly of a size that was announced, and what is taken beyond
// that is wasted by who keeps it; but a request of very many arguments grows by readings of some
// kilobytes, and not for each of them.
constexpr std::size_t kDoubledMax = 1024 * 1024;
constexpr std::size_t kLargePart = 8;

SharedCounter all_mapped;

std::size_t WholePages(std::size_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

// Null if the system has none to give.
char* Map(std::size_t capacity) {
  void* memory =
      ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
}

// One that lies between two others can be refused, where the process has all the mappings that it
// may have: then its addresses stay taken, but not its memory.
void Unmap(char* memory, std::size_t capacity) {
  if (::munmap(memory, capacity) != 0) CHECK(::madvise(memory, capacity, MADV_DONTNEED) == 0);
}

// ThreadSanitizer is not told of mremap: it takes who has a moved page's place next for whoever
// wrote there before.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CAIRN_MREMAP_IS_UNSEEN
#endif
#endif

char* MoveMapping([[maybe_unused]] char* from, [[maybe_unused]] std::size_t old_capacity,
                  [[maybe_unused]] std::size_t capacity) {
#ifdef CAIRN_MREMAP_IS_UNSEEN
  return nullptr;
#else
  void* grown = ::mremap(from, old_capacity, capacity, MREMAP_MAYMOVE);
  return grown == MAP_FAILED ? nullptr : static_cast<char*>(grown);
#endif
}

}  // namespace

std::int64_t ByteBuffer::mapped_bytes() { return all_mapped.value(); }

void ByteBuffer::Reserve(std::size_t capacity) {
  if (capacity <= capacity_ - begin_) return;
  // What has gone at the front is room enough, and less is moved than has gone.
  if (capacity <= capacity_ && size_ <= begin_) {
    if (size_ > 0) std::memcpy(memory_, memory_ + begin_, size_);
    begin_ = 0;
    return;
  }
  Grow(std::max(capacity,
                capacity_ + (capacity_ <= kDoubledMax ? capacity_ : capacity_ / kLargePart)));
}

void ByteBuffer::Grow(std::size_t capacity) {
  if (is_mapped_ && Remap(WholePages(begin_ + capacity))) return;
  ByteBuffer grown;
  if (capacity >= kMappedMin) {
    grown.memory_ = Map(WholePages(capacity));
    grown.is_mapped_ = grown.memory_ != nullptr;
  }
  grown.capacity_ = grown.is_mapped_ ? WholePages(capacity) : capacity;
  if (!grown.is_mapped_) grown.memory_ = std::make_unique_for_overwrite<char[]>(capacity).release();
  if (size_ > 0) std::memcpy(grown.memory_, data(), size_);
  grown.Resize(size_);
  *this = std::move(grown);
}

bool ByteBuffer::Remap(std::size_t capacity) {
  char* const moved = MoveMapping(memory_, capacity_, capacity);
  if (moved == nullptr) return false;
  memory_ = moved;
  capacity_ = capacity;
  return true;
}

void ByteBuffer::Resize(std::size_t size) {
  CHECK(size <= capacity());
  size_ = size;
  if (is_mapped_ && begin_ + size > touched_) Touch(begin_ + size);
}

void ByteBuffer::Touch(std::size_t end) {
  const std::size_t touched = WholePages(end);
  all_mapped.Add(static_cast<std::int64_t>(touched - touched_));
  touched_ = touched;
}

void ByteBuffer::EraseFront(std::size_t count) {
  CHECK(count <= size_);
  size_ -= count;
  begin_ = size_ == 0 ? 0 : begin_ + count;
}

void ByteBuffer::Assign(std::string_view bytes) {
  begin_ = size_ = 0;
  Reserve(bytes.size());
  if (!bytes.empty()) std::memcpy(memory_, bytes.data(), bytes.size());
  Resize(bytes.size());
}

void ByteBuffer::Free() {
  if (is_mapped_) {
    Unmap(memory_, capacity_);
    all_mapped.Add(-static_cast<std::int64_t>(touched_));
  } else {
    const std::unique_ptr<char[]> gone(memory_);
  }
  memory_ = nullptr;
  begin_ = size_ = capacity_ = touched_ = 0;
  is_mapped_ = false;
}

}  // namespace cairn
