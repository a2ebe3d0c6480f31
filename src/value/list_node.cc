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
#include "ds/narrow_list.h"
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
  DCHECK(form() == kCompressed);
  std::uint32_t bytes;
  std::memcpy(&bytes, block(), kLengthBytes);
  return {block() + kLengthBytes, bytes};
}

// What was asked of the allocator, before rounding. A plain node's text may be empty.
std::size_t ListNode::block_bytes() const {
  if (form() == kOpen) return bytes_ == 0 ? 1 : bytes_;
  if (form() == kRoomFirst) return RoomFor(bytes_);
  if (form() == kNarrow) return ds::NarrowListBytes(block());
  return kLengthBytes + compressed().size();
}

std::size_t ListNode::memory_bytes() const {
  return block() == nullptr ? 0 : ds::AllocatedBytes(block_bytes());
}

// The scratch is not zeroed first, which would take a tenth of the time.
ListNodeView ListNode::View(std::string& scratch) const {
  const char* bytes = content();
  if (!is_open()) {
    scratch.resize_and_overwrite(bytes_, [this](char* room, std::size_t size) {
      ExpandInto(room);
      return size;
    });
    bytes = scratch.data();
  }
  if (is_plain()) return {true, {}, {bytes, bytes_}};
  return {false, ds::PackedView(bytes), {}};
}

ds::PackedValue ListNode::At(std::size_t index, std::string& scratch) const {
  if (form() == kNarrow) return ds::NarrowListAt(block(), index, scratch);
  const ListNodeView view = View(scratch);
  if (view.is_plain) return ds::PackedValue::Verbatim(view.plain);
  return view.packed.At(view.packed.Seek(static_cast<std::int64_t>(index)));
}

void ListNode::ExpandInto(char* bytes) const {
  DCHECK(!is_open());
  if (form() == kNarrow) {
    ds::WidenList(block(), {bytes, bytes_});
  } else {
    CHECK(DecompressLzf(compressed(), {bytes, bytes_}));
  }
}

char* ListNode::content() const {
  return form() == kRoomFirst ? block() + RoomFor(bytes_) - bytes_ : block();
}

void ListNode::Straighten() {
  if (form() != kRoomFirst) return;
  std::memmove(block(), content(), bytes_);
  SetBlock(ds::ReallocateRaw(block(), bytes_), kOpen);
}

std::size_t ListNode::PushFront(std::string_view text) {
  DCHECK(is_open() && !is_plain());
  const ds::PackedValue value(text);
  const std::size_t bytes = bytes_ + ds::PackedList::EncodedBytes(value);
  const std::size_t room = RoomFor(bytes);
  std::size_t grown = 0;
  if (form() != kRoomFirst || room != RoomFor(bytes_)) {
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
  if (form() != kRoomFirst) return false;
  DCHECK(count_ > 1);
  const ds::PackedView list(content());
  const std::size_t bytes = bytes_ - list.BytesAt(list.First());
  if (RoomFor(bytes) != RoomFor(bytes_)) return false;
  bytes_ -= static_cast<std::uint32_t>(ds::PackedList::DropFirstOf(content()));
  --count_;
  return true;
}

std::size_t ListNode::TrimFront() {
  if (form() != kRoomFirst) return 0;
  const std::size_t freed = RoomFor(bytes_) - ds::AllocatedBytes(bytes_);
  if (freed > 0) Straighten();
  return freed;
}

// What this node has, in a block that is closed in that form.
ListNode ListNode::ClosedAs(char* block, Form form) const {
  ListNode node = *this;
  node.frozen_ = 0;
  node.SetBlock(block, (word_ & kPlain) | form);
  return node;
}

std::optional<ListNode> ListNode::Compressed() const {
  if (!is_open() || bytes_ < kListCompressBytesMin) return std::nullopt;
  char* room = static_cast<char*>(ds::AllocateRaw(bytes_));
  const std::size_t bytes = CompressLzf(
      {content(), bytes_}, {room + kLengthBytes, bytes_ - kLengthBytes - kListCompressGainMin});
  std::optional<ListNode> closed;
  if (bytes != 0) {
    const auto length = static_cast<std::uint32_t>(bytes);
    std::memcpy(room, &length, kLengthBytes);
    char* compressed = Allocate(kLengthBytes + bytes);
    std::memcpy(compressed, room, kLengthBytes + bytes);
    closed = ClosedAs(compressed, kCompressed);
  }
  ds::FreeRaw(room);
  return closed;
}

std::optional<ListNode> ListNode::Narrowed() const {
  if (!is_open() || is_plain()) return std::nullopt;
  if (bytes_ < kListNarrowBytesMin || bytes_ > kListNarrowBytesMax) return std::nullopt;
  if (count_ > kListNarrowElementsMax) return std::nullopt;
  char* narrow = ds::NarrowListOf(ds::PackedView(content()));
  if (narrow == nullptr) return std::nullopt;
  return ClosedAs(narrow, kNarrow);
}

void ListNode::Expand() {
  if (!is_open()) ExpandTo(kOpen);
}

void ListNode::ExpandAtFront() {
  if (is_open()) return;
  const bool is_room_free = !is_plain() && RoomFor(bytes_) == ds::AllocatedBytes(bytes_);
  ExpandTo(is_room_free ? kRoomFirst : kOpen);
}

void ListNode::ExpandTo(Form form) {
  const std::size_t room = form == kRoomFirst ? RoomFor(bytes_) : bytes_;
  char* expanded = Allocate(room);
  ExpandInto(expanded + room - bytes_);
  ds::FreeRaw(block());
  SetBlock(expanded, (word_ & kPlain) | form);
}

ds::PackedList ListNode::Take() {
  DCHECK(is_open() && !is_plain());
  Straighten();
  ds::PackedList list = ds::PackedList::Adopt(block());
  word_ = 0;
  return list;
}

void ListNode::Put(ds::PackedList list, std::size_t count) {
  DCHECK(word_ == 0);
  bytes_ = static_cast<std::uint32_t>(list.bytes().size());
  count_ = static_cast<std::uint32_t>(count) & kCountMax;
  SetBlock(list.Release(), kOpen);
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
