// SPDX-License-Identifier: BSD-3-Clause
// ReplyBuffer: the bytes a connection still owes its peer.
//
// Replies are written straight into the tail chunk; a large value is not copied but referenced
// (BlobRef) between two pieces of chunk. What is sent is a list of pieces, the last of them open:
//
//     pieces:  [chunk A: 0..900) [blob 1 MB] [chunk A: 900..16384)   open: [chunk B: 0..57)
//                                             ^ last of A: frees A when sent   slice_   cursor_
//                                             limit_
//
// Invariants
//   (1) pending_bytes() is the sum of all pieces and the open slice.
//   (2) Bytes once committed never move, so a header written before its array may be patched later
//   (Hole) and iovecs stay valid until the next Consume, Truncate or Clear.
//   (3) A chunk is owned by the last piece cut from it, or by the tail.
//   (4) Drained, it holds at most one chunk of kChunkBytes; ReleaseIdle drops that one, too.
//
// One ReplyBuffer belongs to one connection; the worker thread only. Cost: appending is a compare
// and a copy.
#ifndef CAIRN_RESP_REPLY_BUFFER_H_
#define CAIRN_RESP_REPLY_BUFFER_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/blob.h"

namespace cairn::resp {

class ReplyBuffer {
 public:
  static constexpr std::size_t kChunkBytes = 16 * 1024;
  static constexpr std::size_t kSmallChunkBytes = 512;        // the first one, after StartSmall
  static constexpr std::size_t kChunkBytesMax = 1024 * 1024;  // of growth; one append may need more

  ReplyBuffer() = default;
  ReplyBuffer(const ReplyBuffer&) = delete;
  ReplyBuffer& operator=(const ReplyBuffer&) = delete;

  // Whether Reserve finds them without making room.
  bool HasRoom(std::size_t size) const {
    return static_cast<std::size_t>(limit_ - cursor_) >= size;
  }
  // At least `size` writable bytes, good until the next call. Commit says how many were used.
  char* Reserve(std::size_t size) {
    if (!HasRoom(size)) [[unlikely]]
      Grow(size);
    return cursor_;
  }
  void Commit(std::size_t size) { cursor_ += size; }
  // The same by address: `end` is one past the last byte written after Reserve.
  void CommitTo(char* end) { cursor_ = end; }

  void Append(std::string_view bytes) {
    char* to = Reserve(bytes.size());
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    Commit(bytes.size());
  }
  // The blob's bytes, without a copy.
  void AppendBlob(BlobRef blob) {
    const std::string_view all = blob.get()->view();
    AppendBlob(std::move(blob), all);
  }
  // `part` of them.
  void AppendBlob(BlobRef blob, std::string_view part);

  // All that is pending in `other`, behind ours, without a copy; `other` is empty afterwards.
  void TakeAll(ReplyBuffer& other);

  std::size_t pending_bytes() const {
    return sealed_bytes_ + static_cast<std::size_t>(cursor_ - slice_);
  }
  bool empty() const { return pending_bytes() == 0; }
  // Memory of chunks and piece list, and of the blobs referenced (counted in full).
  std::size_t allocated_bytes() const;
  // Of chunks that are full: what was copied, roughly.
  std::size_t chunk_bytes() const { return chunk_bytes_; }
  // Pieces waiting, as CLIENT LIST's oll.
  std::size_t piece_count() const { return pieces_.size() - head_; }

  // Describes the first pending bytes in at most `max` iovecs; returns how many it filled. Pieces
  // that touch in memory share one. REQUIRES: no hole is open.
  std::size_t FillIovecs(iovec* vectors, std::size_t max) const;
  // Drops the first `size` pending bytes. REQUIRES: size <= pending_bytes().
  void Consume(std::size_t size);
  // Drops everything.
  void Clear();
  // From now on the first chunk after a drain is a small one, and is not kept: for a connection of
  // many to which little is sent at a time.
  void StartSmall(bool small) { starts_small_ = small; }
  // Gives the last chunk back as well. REQUIRES: empty().
  void ReleaseIdle();

  // A place to come back to: Truncate drops whatever was appended since. A mark is good until
  // bytes before it are consumed or truncated.
  struct Mark {
    std::uint64_t sequence = 0;  // number of the first piece after the mark
    const char* slice = nullptr;
    const char* cursor = nullptr;
    std::size_t sealed_bytes = 0;
  };
  Mark mark() const { return {first_sequence_ + piece_count(), slice_, cursor_, sealed_bytes_}; }
  void Truncate(const Mark& mark);

  // A hole of up to kHoleBytes whose text is known only later, such as the length of an array.
  // FillHole may be called once, with a text no longer than the hole, before anything is sent.
  static constexpr std::size_t kHoleBytes = 24;
  std::size_t OpenHole();
  void FillHole(std::size_t hole, std::string_view text);

  // A copy of all pending bytes; for tests and for callers without a socket.
  std::string ToString() const;

 private:
  using Chunk = std::unique_ptr<char[]>;
  struct Piece {
    const char* data = nullptr;
    std::size_t size = 0;
    Chunk chunk;                  // freed with this piece, if not null
    std::size_t chunk_bytes = 0;  // of `chunk`
    BlobRef blob;
  };

  void Grow(std::size_t size);
  void SealTail();
  void AddTail(std::size_t size);
  // Turns the open slice into a piece, if it holds anything.
  void CloseSlice();
  void DropFirstPiece();
  void DropLastPiece();
  void UseTail(Chunk chunk, std::size_t bytes);

  bool starts_small_ = false;
  char* slice_ = nullptr;   // the open slice begins here...
  char* cursor_ = nullptr;  // ...and ends here
  char* limit_ = nullptr;   // end of the tail chunk
  Chunk tail_;
  std::size_t sealed_bytes_ = 0;      // of all pieces
  std::size_t chunk_bytes_ = 0;       // of all chunks but the tail
  std::size_t blob_bytes_ = 0;        // of all blobs referenced
  std::size_t head_ = 0;              // first piece not yet sent
  std::uint64_t first_sequence_ = 0;  // number of that piece, counted from the beginning of time
  std::vector<Piece> pieces_;
};

}  // namespace cairn::resp

#endif  // CAIRN_RESP_REPLY_BUFFER_H_
