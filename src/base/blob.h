// SPDX-License-Identifier: BSD-3-Clause
// Blob: a large byte value that a store and any number of outgoing replies share.
//
// Values of at least kBlobThreshold bytes live out of line, so that a GET can hand the bytes to the
// socket without a copy: the reply holds a reference while the key may be overwritten or deleted.
//
// Invariants
//   (1) The bytes of a Blob that is shared (more than one reference) never change: a writer that is
//   not alone copies first. (2) `size() <= capacity()`; only the owner that is alone changes the
//   size.
// Thread safety: references may be taken and dropped on any thread; the bytes are read-only while
// shared.
#ifndef CAIRN_BASE_BLOB_H_
#define CAIRN_BASE_BLOB_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "base/byte_buffer.h"

namespace cairn {

inline constexpr std::size_t kBlobThreshold = 16 * 1024;

class Blob;

// Who frees blobs that take long to free.
class BlobTaker {
 public:
  // Takes over the last reference. On the thread that dropped it, whichever that is.
  virtual void Take(Blob* blob) = 0;

 protected:
  ~BlobTaker() = default;
};

class Blob {
 public:
  // A blob of `size` bytes (contents: `bytes`, then zeros up to size) with room for at least
  // `capacity`. REQUIRES: bytes.size() <= size <= capacity. The caller owns the one reference.
  static Blob* Create(std::string_view bytes, std::size_t size, std::size_t capacity);
  // A blob of bytes that stand in `memory`, which it keeps: nothing is copied. It has no room for
  // more.
  static Blob* Adopt(ByteBuffer memory, std::string_view bytes);

  void AddRef() { refs_.fetch_add(1, std::memory_order_relaxed); }
  // Frees the blob with the last reference, or hands it to its taker.
  void Release();
  // Whoever drops the last reference (a worker that has sent the bytes) need not free what is
  // large: `taker` gets it. REQUIRES: `taker` outlives the blob.
  void HandTo(BlobTaker* taker) { taker_.store(taker, std::memory_order_relaxed); }
  // acquire: whoever dropped the other reference has finished reading.
  bool IsShared() const { return refs_.load(std::memory_order_acquire) != 1; }

  std::string_view view() const { return {bytes(), size_}; }
  const char* bytes() const { return bytes_; }
  // REQUIRES: !IsShared()
  char* mutable_bytes() { return bytes_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  // REQUIRES: !IsShared(), size <= capacity(). New bytes are zero.
  void Resize(std::size_t size);
  // Bytes taken from the allocator.
  std::size_t allocated_bytes() const {
    if (adopted_ == nullptr) [[likely]]
      return sizeof(Blob) + capacity_;
    return sizeof(Blob) + sizeof(ByteBuffer) + adopted_->memory_bytes();
  }

 private:
  Blob() = default;
  std::atomic<std::uint32_t> refs_{1};
  // relaxed: who set it holds a reference, whose drop publishes it to the last.
  std::atomic<BlobTaker*> taker_{nullptr};
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  char* bytes_ = nullptr;  // behind this header, or within what was adopted
  std::unique_ptr<ByteBuffer> adopted_;
};

// BlobRef: one counted reference.
class BlobRef {
 public:
  BlobRef() = default;
  // Takes a new reference to `blob`.
  explicit BlobRef(Blob* blob) : blob_(blob) { blob_->AddRef(); }
  BlobRef(BlobRef&& other) noexcept : blob_(std::exchange(other.blob_, nullptr)) {}
  BlobRef& operator=(BlobRef&& other) noexcept {
    std::swap(blob_, other.blob_);
    return *this;
  }
  ~BlobRef() {
    if (blob_ != nullptr) blob_->Release();
  }
  const Blob* get() const { return blob_; }
  BlobRef Share() const { return blob_ == nullptr ? BlobRef() : BlobRef(blob_); }

 private:
  Blob* blob_ = nullptr;
};

}  // namespace cairn

#endif  // CAIRN_BASE_BLOB_H_
