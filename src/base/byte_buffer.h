// SPDX-License-Identifier: BSD-3-Clause
// ByteBuffer: bytes that come in at the end, however many, and go at the front.
//
// What a client sends gathers here, and goes on from here as a whole: to who runs the request
// later, or as the memory of a Blob. A string would do but for its growth: moving 100 MB takes 30
// to 50 ms of a thread that serves others, too. From kMappedMin on the memory is pages of its own,
// which the kernel moves by their table (mremap): 0.2 ms for as many. Smaller ones are the
// allocator's, since a process may have only so many mappings (vm.max_map_count, 65,530 by
// default) and each Blob keeps the one it came in.
//
// Invariants
//   (1) Bytes stay where they are when the buffer is moved from object to object, of any size.
//   (2) Where the system has no mapping to give, or does not take one back, the buffer goes on with
//   memory of the allocator, or gives the pages back alone.
// Not thread-safe.
#ifndef CAIRN_BASE_BYTE_BUFFER_H_
#define CAIRN_BASE_BYTE_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

namespace cairn {

class ByteBuffer {
 public:
  static constexpr std::size_t kMappedMin = 8 * 1024 * 1024;

  ByteBuffer() = default;
  explicit ByteBuffer(std::string_view bytes) { Assign(bytes); }
  ByteBuffer(ByteBuffer&& other) noexcept { Swap(other); }
  // What this one had is freed now, not when the other one is.
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    ByteBuffer taken(std::move(other));
    Swap(taken);
    return *this;
  }
  ~ByteBuffer() { Free(); }

  char* data() { return memory_ + begin_; }
  const char* data() const { return memory_ + begin_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data(), size_}; }
  // How many bytes there may be before more is reserved.
  std::size_t capacity() const { return capacity_ - begin_; }
  // What is taken from the system: pages that were never written to are not.
  std::size_t memory_bytes() const { return is_mapped_ ? touched_ : capacity_; }
  // Of all buffers together, what the allocator does not know of. Any thread.
  static std::int64_t mapped_bytes();
  // Whether `bytes` are some of these.
  bool Holds(std::string_view bytes) const {
    constexpr std::less_equal<const char*> kNotBehind;  // of any two pointers, unlike <=
    return kNotBehind(data(), bytes.data()) &&
           kNotBehind(bytes.data() + bytes.size(), data() + size_);
  }

  // Room for so many bytes in all. It grows by a good part of itself at least, so that adding
  // little by little costs no more than a constant a byte.
  void Reserve(std::size_t capacity);
  // New bytes are whatever they are. REQUIRES: size <= capacity().
  void Resize(std::size_t size);
  // The first `count` bytes go; nothing is moved, and their room is used again when more is
  // reserved. O(1). REQUIRES: count <= size().
  void EraseFront(std::size_t count);
  // REQUIRES: none of its own.
  void Assign(std::string_view bytes);
  // Gives its memory back.
  void Free();

 private:
  void Swap(ByteBuffer& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(begin_, other.begin_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(touched_, other.touched_);
    std::swap(is_mapped_, other.is_mapped_);
  }
  void Grow(std::size_t capacity);
  bool Remap(std::size_t capacity);
  void Touch(std::size_t end);

  char* memory_ = nullptr;
  std::size_t begin_ = 0;  // of the bytes, in the memory
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;  // of the memory
  std::size_t touched_ = 0;   // of it, what was ever in use; whole pages. Counted if mapped
  bool is_mapped_ = false;
};

}  // namespace cairn

#endif  // CAIRN_BASE_BYTE_BUFFER_H_
