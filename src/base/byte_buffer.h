// SPDX-License-Identifier: BSD-3-Clause
// ByteBuffer: bytes that come in at the end, however many, and are not copied to make room for
// more.
//
// What a client sends gathers here, and goes on from here as a whole: to who runs the request
// later, or as the memory of a Blob. A string would do but for its growth: moving 100 MB takes 30
// to 50 ms of a thread that serves others, too. From kMappedMin on the memory is pages of its own,
// which the kernel moves by their table (mremap): 0.2 ms for as many.
//
// Invariants
//   (1) Bytes stay where they are when the buffer is moved from object to object, of any size.
//   (2) capacity() is what was taken from the system; of mapped pages, those that were never
//   written to cost nothing.
// Not thread-safe.
#ifndef CAIRN_BASE_BYTE_BUFFER_H_
#define CAIRN_BASE_BYTE_BUFFER_H_

#include <cstddef>
#include <string_view>
#include <utility>

namespace cairn {

class ByteBuffer {
 public:
  static constexpr std::size_t kMappedMin = 1024 * 1024;

  ByteBuffer() = default;
  explicit ByteBuffer(std::string_view bytes) { Assign(bytes); }
  ByteBuffer(ByteBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~ByteBuffer() { Free(); }

  char* data() { return data_; }
  const char* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }
  // Whether `bytes` are some of these.
  bool Holds(std::string_view bytes) const {
    return bytes.data() >= data_ && bytes.data() + bytes.size() <= data_ + size_;
  }

  // Room for so many bytes in all. Small ones at least double, so that adding little by little
  // costs no more than a constant a byte.
  void Reserve(std::size_t capacity);
  // New bytes are whatever they are. REQUIRES: size <= capacity().
  void Resize(std::size_t size);
  // What follows the first `count` bytes moves to the front. REQUIRES: count <= size().
  void EraseFront(std::size_t count);
  // REQUIRES: none of its own.
  void Assign(std::string_view bytes);
  // Gives its memory back.
  void Free();

 private:
  bool is_mapped() const { return capacity_ >= kMappedMin; }
  void GrowMapped(std::size_t capacity);

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace cairn

#endif  // CAIRN_BASE_BYTE_BUFFER_H_
