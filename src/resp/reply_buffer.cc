// SPDX-License-Identifier: BSD-3-Clause
// Chunks, pieces and the two places where memory is taken.
//
// A full chunk is sealed and a larger one begun, instead of one block that is reallocated: nothing
// is copied twice, and bytes that were handed to the kernel as iovecs stay where they are. A new
// chunk is as large as what is pending, within bounds: n bytes cost O(log n) pieces at first and
// n / 1 MiB later, while a peer that always lags a little never makes the chunks grow.
#include "resp/reply_buffer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace cairn::resp {
namespace {

// A list of very many pieces keeps no memory for the next ones.
void Forget(auto& pieces) {
  pieces.clear();
  if (pieces.capacity() * sizeof(pieces[0]) > ReplyBuffer::kChunkBytes) pieces.shrink_to_fit();
}

}  // namespace

void ReplyBuffer::CloseSlice() {
  const auto size = static_cast<std::size_t>(cursor_ - slice_);
  if (size == 0) return;
  Piece& piece = pieces_.emplace_back();
  piece.data = slice_;
  piece.size = size;
  sealed_bytes_ += size;
  slice_ = cursor_;
}

void ReplyBuffer::UseTail(Chunk chunk, std::size_t bytes) {
  tail_ = std::move(chunk);
  slice_ = cursor_ = tail_.get();
  limit_ = cursor_ + bytes;
}

void ReplyBuffer::AddTail(std::size_t size) {
  const std::size_t least = starts_small_ && empty() ? kSmallChunkBytes : kChunkBytes;
  const std::size_t bytes = std::max(size, std::clamp(pending_bytes(), least, kChunkBytesMax));
  UseTail(std::make_unique_for_overwrite<char[]>(bytes), bytes);
}

void ReplyBuffer::Grow(std::size_t size) {
  if (tail_ != nullptr) SealTail();
  AddTail(size);
}

void ReplyBuffer::SealTail() {
  const auto bytes = static_cast<std::size_t>(limit_ - tail_.get());
  const std::size_t pieces_before = pieces_.size();
  CloseSlice();
  // The chunk goes with the last piece cut from it. Where the slice was empty, that is an empty
  // piece of its own: the chunk may hold earlier pieces that are still to be sent.
  if (pieces_.size() == pieces_before) pieces_.emplace_back().data = cursor_;
  pieces_.back().chunk = std::move(tail_);
  pieces_.back().chunk_bytes = bytes;
  chunk_bytes_ += bytes;
  UseTail(nullptr, 0);
}

void ReplyBuffer::TakeAll(ReplyBuffer& other) {
  if (other.empty()) return other.Clear();
  // Even if nothing is pending: a mark may point into it.
  if (tail_ != nullptr) SealTail();
  for (std::size_t i = other.head_; i < other.pieces_.size(); ++i)
    pieces_.push_back(std::move(other.pieces_[i]));
  sealed_bytes_ += other.sealed_bytes_;
  chunk_bytes_ += other.chunk_bytes_;
  blob_bytes_ += other.blob_bytes_;
  tail_ = std::move(other.tail_);
  slice_ = other.slice_;
  cursor_ = other.cursor_;
  limit_ = other.limit_;
  other.UseTail(nullptr, 0);
  other.Clear();
}

void ReplyBuffer::AppendBlob(BlobRef blob, std::string_view part) {
  if (part.empty()) return;
  CloseSlice();
  Piece& piece = pieces_.emplace_back();
  piece.data = part.data();
  piece.size = part.size();
  sealed_bytes_ += piece.size;
  blob_bytes_ += blob.get()->allocated_bytes();
  piece.blob = std::move(blob);
}

std::size_t ReplyBuffer::allocated_bytes() const {
  return static_cast<std::size_t>(limit_ - tail_.get()) + chunk_bytes_ + blob_bytes_ +
         pieces_.capacity() * sizeof(Piece);
}

std::size_t ReplyBuffer::FillIovecs(iovec* vectors, std::size_t max) const {
  std::size_t count = 0;
  const auto add = [&](const char* data, std::size_t size) {
    if (size == 0) return true;
    if (count > 0) {
      iovec& last = vectors[count - 1];
      if (static_cast<char*>(last.iov_base) + last.iov_len == data) {
        last.iov_len += size;
        return true;
      }
    }
    if (count == max) return false;
    // iovec is not const; sendmsg and writev only read.
    vectors[count++] = {const_cast<char*>(data), size};
    return true;
  };
  for (std::size_t i = head_; i < pieces_.size(); ++i) {
    if (!add(pieces_[i].data, pieces_[i].size)) return count;
  }
  add(slice_, static_cast<std::size_t>(cursor_ - slice_));
  return count;
}

void ReplyBuffer::DropFirstPiece() {
  Piece& first = pieces_[head_];
  sealed_bytes_ -= first.size;
  chunk_bytes_ -= first.chunk_bytes;
  if (first.blob.get() != nullptr) blob_bytes_ -= first.blob.get()->allocated_bytes();
  first = Piece();
  ++head_;
  ++first_sequence_;
}

void ReplyBuffer::Consume(std::size_t size) {
  // All of a tail without pieces before it, as nearly always: the rest of Clear has nothing to do.
  const bool is_all = pieces_.empty() && size == static_cast<std::size_t>(cursor_ - slice_);
  if (is_all && static_cast<std::size_t>(limit_ - tail_.get()) == kChunkBytes) [[likely]] {
    slice_ = cursor_ = tail_.get();
    return;
  }
  while (head_ < pieces_.size() && size >= pieces_[head_].size) {
    size -= pieces_[head_].size;
    DropFirstPiece();
  }
  if (head_ < pieces_.size()) {
    pieces_[head_].data += size;
    pieces_[head_].size -= size;
    sealed_bytes_ -= size;
    // A peer that reads slowly must not let the list of sent pieces grow.
    if (head_ * 2 > pieces_.size()) {
      pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    return;
  }
  CHECK(size <= static_cast<std::size_t>(cursor_ - slice_));
  slice_ += size;
  Forget(pieces_);
  head_ = 0;
  if (slice_ == cursor_) Clear();
}

void ReplyBuffer::Clear() {
  first_sequence_ += piece_count();
  Forget(pieces_);
  head_ = 0;
  sealed_bytes_ = chunk_bytes_ = blob_bytes_ = 0;
  if (static_cast<std::size_t>(limit_ - tail_.get()) != kChunkBytes) return UseTail(nullptr, 0);
  slice_ = cursor_ = tail_.get();
}

void ReplyBuffer::ReleaseIdle() {
  CHECK(empty());
  Clear();
  UseTail(nullptr, 0);
  std::vector<Piece>().swap(pieces_);
}

void ReplyBuffer::DropLastPiece() {
  Piece& last = pieces_.back();
  sealed_bytes_ -= last.size;
  if (last.blob.get() != nullptr) blob_bytes_ -= last.blob.get()->allocated_bytes();
  if (last.chunk != nullptr) {
    // The chunk was the tail when the mark was set, or an even older piece will give its own back.
    chunk_bytes_ -= last.chunk_bytes;
    UseTail(std::move(last.chunk), last.chunk_bytes);
  }
  pieces_.pop_back();
}

void ReplyBuffer::Truncate(const Mark& mark) {
  CHECK(mark.sequence >= first_sequence_);
  while (first_sequence_ + piece_count() > mark.sequence) DropLastPiece();
  CHECK(sealed_bytes_ == mark.sealed_bytes);
  if (mark.slice == nullptr) {  // there was no chunk yet
    slice_ = cursor_ = tail_.get();
    return;
  }
  slice_ = tail_.get() + (mark.slice - tail_.get());
  cursor_ = tail_.get() + (mark.cursor - tail_.get());
}

std::size_t ReplyBuffer::OpenHole() {
  Reserve(kHoleBytes);
  CloseSlice();
  Piece& piece = pieces_.emplace_back();
  piece.data = cursor_;
  cursor_ += kHoleBytes;
  slice_ = cursor_;
  return static_cast<std::size_t>(first_sequence_ + piece_count() - 1);
}

void ReplyBuffer::FillHole(std::size_t hole, std::string_view text) {
  CHECK(hole >= first_sequence_);
  CHECK(hole - first_sequence_ < piece_count());
  CHECK(text.size() <= kHoleBytes);
  Piece& piece = pieces_[head_ + static_cast<std::size_t>(hole - first_sequence_)];
  CHECK(piece.size == 0);
  // Right-justified, so that it touches what follows and shares its iovec.
  char* to = const_cast<char*>(piece.data) + kHoleBytes - text.size();
  std::memcpy(to, text.data(), text.size());
  piece.data = to;
  piece.size = text.size();
  sealed_bytes_ += text.size();
}

std::string ReplyBuffer::ToString() const {
  std::string all;
  all.reserve(pending_bytes());
  for (std::size_t i = head_; i < pieces_.size(); ++i) all.append(pieces_[i].data, pieces_[i].size);
  all.append(slice_, static_cast<std::size_t>(cursor_ - slice_));
  return all;
}

}  // namespace cairn::resp
