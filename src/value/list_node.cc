// SPDX-License-Identifier: BSD-3-Clause
// Blocks are allocated as PackedList allocates its own, so that a packed node's block and the list
// are the same thing, and every block's real size follows from its length.
#include "value/list_node.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/lzf.h"
#include "ds/raw_memory.h"
#include "value/list_rules.h"

namespace cairn::value {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kRoomMin = 512;

// The block of a list of so many bytes that grows at its front. Each is a class of the allocator.
std::size_t RoomFor(std::size_t bytes) { return std::max(kRoomMin, std::bit_ceil(bytes)); }

char* Allocate(std::size_t bytes) {
  return static_cast<char*>(ds::AllocateRaw(ds::AllocatedBytes(bytes)));
}

}  // namespace

ListNode ListNode::Packed(ds::PackedList list, std::size_t count) {
  ListNode node;
  node.Put(std::move(list), count);
  return node;
}

ListNode ListNode::Plain(std::string_view text) {
  CHECK(text.size() <= kListElementBytesMax);
  ListNode node;
  node.count_ = 1;
  node.bytes_ = static_cast<std::uint32_t>(text.size());
  node.SetBlock(Allocate(node.block_bytes()), kPlain);
  if (!text.empty()) std::memcpy(node.block(), text.data(), text.size());
  return node;
}

std::string_view ListNode::compressed() const {
  DCHECK(is_compressed());
  std::uint32_t bytes;
  std::memcpy(&bytes, block(), kLengthBytes);
  return {block() + kLengthBytes, bytes};
}

// What was asked of the allocator, before rounding. A plain node's text may be empty.
std::size_t ListNode::block_bytes() const {
  if (is_compressed()) return kLengthBytes + compressed().size();
  if ((word_ & kRoomFirst) != 0) return RoomFor(bytes_);
  return bytes_ == 0 ? 1 : bytes_;
}

std::size_t ListNode::memory_bytes() const {
  return block() == nullptr ? 0 : ds::AllocatedBytes(block_bytes());
}

ListNodeView ListNode::View(std::string& scratch) const {
  const char* bytes = content();
  if (is_compressed()) {
    scratch.resize(bytes_);
    CHECK(DecompressLzf(compressed(), scratch));
    bytes = scratch.data();
  }
  if (is_plain()) return {true, {}, {bytes, bytes_}};
  return {false, ds::PackedView(bytes), {}};
}

char* ListNode::content() const {
  return (word_ & kRoomFirst) == 0 ? block() : block() + RoomFor(bytes_) - bytes_;
}

void ListNode::Straighten() {
  if ((word_ & kRoomFirst) == 0) return;
  std::memmove(block(), content(), bytes_);
  SetBlock(ds::ReallocateRaw(block(), bytes_), 0);
}

std::size_t ListNode::PushFront(std::string_view text) {
  DCHECK((word_ & (kPlain | kCompressed)) == 0);
  const ds::PackedValue value(text);
  const std::size_t bytes = bytes_ + ds::PackedList::EncodedBytes(value);
  const std::size_t room = RoomFor(bytes);
  std::size_t grown = 0;
  if ((word_ & kRoomFirst) == 0 || room != RoomFor(bytes_)) {
    grown = ds::AllocatedBytes(room) - memory_bytes();
    char* larger = Allocate(room);
    std::memcpy(larger + room - bytes_, content(), bytes_);
    ds::FreeRaw(block());
    SetBlock(larger, kRoomFirst);
  }
  ds::PackedList::PrependInto(block() + room - bytes_, value);
  bytes_ = static_cast<std::uint32_t>(bytes);
  ++count_;
  return grown;
}

bool ListNode::PopFront() {
  if ((word_ & kRoomFirst) == 0) return false;
  DCHECK(count_ > 1);
  const ds::PackedView list(content());
  const std::size_t bytes = bytes_ - list.BytesAt(list.First());
  if (RoomFor(bytes) != RoomFor(bytes_)) return false;
  bytes_ -= static_cast<std::uint32_t>(ds::PackedList::DropFirstOf(content()));
  --count_;
  return true;
}

std::size_t ListNode::TrimFront() {
  if ((word_ & kRoomFirst) == 0) return 0;
  const std::size_t freed = RoomFor(bytes_) - ds::AllocatedBytes(bytes_);
  if (freed > 0) Straighten();
  return freed;
}

void ListNode::Compress() {
  if (is_compressed() || bytes_ < kListCompressBytesMin) return;
  Straighten();
  char* room = static_cast<char*>(ds::AllocateRaw(bytes_));
  const std::size_t bytes = CompressLzf(
      {block(), bytes_}, {room + kLengthBytes, bytes_ - kLengthBytes - kListCompressGainMin});
  if (bytes != 0) {
    const auto length = static_cast<std::uint32_t>(bytes);
    std::memcpy(room, &length, kLengthBytes);
    char* compressed = Allocate(kLengthBytes + bytes);
    std::memcpy(compressed, room, kLengthBytes + bytes);
    ds::FreeRaw(block());
    SetBlock(compressed, (word_ & kPlain) | kCompressed);
  }
  ds::FreeRaw(room);
}

void ListNode::Decompress() {
  if (!is_compressed()) return;
  char* expanded = Allocate(bytes_);
  CHECK(DecompressLzf(compressed(), {expanded, bytes_}));
  ds::FreeRaw(block());
  SetBlock(expanded, word_ & kPlain);
}

ds::PackedList ListNode::Take() {
  DCHECK((word_ & (kPlain | kCompressed)) == 0);
  Straighten();
  ds::PackedList list = ds::PackedList::Adopt(block());
  word_ = 0;
  return list;
}

void ListNode::Put(ds::PackedList list, std::size_t count) {
  DCHECK(word_ == 0);
  bytes_ = static_cast<std::uint32_t>(list.bytes().size());
  count_ = static_cast<std::uint32_t>(count) & kCountMax;
  SetBlock(list.Release(), 0);
}

ListNode ListNode::Clone() const {
  ListNode copy = *this;
  copy.frozen_ = 0;
  if (block() == nullptr) return copy;
  char* block_copy = Allocate(block_bytes());
  std::memcpy(block_copy, block(), block_bytes());
  copy.SetBlock(block_copy, word_ & kTags);
  return copy;
}

void ListNode::Free() {
  ds::FreeRaw(block());
  *this = ListNode();
}

}  // namespace cairn::value
