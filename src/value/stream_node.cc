// SPDX-License-Identifier: BSD-3-Clause
// The bytes of a node: writing an entry is one pass over its fields.
//
// Elements (names, values, a count of fields) have the heads of a listpack's elements, so numbers
// in text take as little as there. The frame's first byte holds the flags and the widths of the
// two numbers of the id: milliseconds since the node's first entry, and the sequence, which counts
// from the first entry's only within its millisecond. Entries that were added within a millisecond
// of each other, or whose sequence is 0, have nothing there.
#include "value/stream_node.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "value/stream_element.h"

namespace cairn::value {
namespace {

constexpr unsigned kDeleted = 1;
constexpr unsigned kSameFields = 2;
constexpr unsigned kMsShift = 2;
constexpr unsigned kSeqShift = 5;
constexpr unsigned kWidthMask = 7;
// The widths that three bits can name.
constexpr std::array<std::uint8_t, 8> kWidths = {0, 1, 2, 3, 4, 5, 6, 8};
// From how many bytes a number needs.
constexpr std::array<std::uint8_t, 9> kWidthCodes = {0, 1, 2, 3, 4, 5, 6, 7, 7};

constexpr std::size_t kLengthBytesMax = 5;
constexpr std::size_t kIdBytesMax = 16;

unsigned WidthCode(std::uint64_t number) {
  return kWidthCodes[(static_cast<std::size_t>(std::bit_width(number)) + 7) / 8];
}
char* PutNumber(char* out, std::uint64_t number, unsigned code) {
  for (unsigned i = 0; i < kWidths[code]; ++i) *out++ = static_cast<char>(number >> (8 * i));
  return out;
}
std::uint64_t GetNumber(const char* in, unsigned width) {
  std::uint64_t number = 0;
  for (unsigned i = 0; i < width; ++i) {
    number |= static_cast<std::uint64_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  }
  return number;
}

// The length of what follows, written with as many bytes as its upper bound takes.
unsigned LengthBytes(std::size_t bound) {
  if (bound < 0x80) return 1;
  if (bound < 0x4000) return 2;
  return kLengthBytesMax;
}
void PutLength(char* out, std::size_t length, unsigned bytes) {
  for (unsigned i = 0; i + 1 < bytes; ++i, length >>= 7) out[i] = static_cast<char>(length | 0x80);
  out[bytes - 1] = static_cast<char>(length);
}
std::uint32_t GetLength(const char* in, unsigned* bytes) {
  std::uint32_t length = 0;
  unsigned i = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(in[i++]);
    length |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  *bytes = i;
  return length;
}

// What an entry takes here at most.
std::size_t EntryBytesMax(StreamFields fields, bool same_fields) {
  std::size_t bytes = kLengthBytesMax + 1 + kIdBytesMax;
  if (!same_fields) bytes += kElementHeadMax;
  for (std::size_t i = same_fields ? 1 : 0; i < fields.size(); i += same_fields ? 2 : 1) {
    bytes += ElementBytesMax(fields[i].size());
  }
  return bytes;
}

// What a listpack takes around the values of an entry: flags, id, number of fields, of elements.
std::size_t PackedFrameBytes(StreamId base, StreamId id, std::size_t fields, bool same_fields) {
  const std::size_t elements = same_fields ? fields + 3 : 2 * fields + 4;
  return PackedNumberBytes(same_fields ? kSameFields : 0) +
         PackedNumberBytes(static_cast<std::int64_t>(id.ms - base.ms)) +
         PackedNumberBytes(static_cast<std::int64_t>(id.seq - base.seq)) +
         (same_fields ? 0 : PackedNumberBytes(static_cast<std::int64_t>(fields))) +
         PackedNumberBytes(static_cast<std::int64_t>(elements));
}

}  // namespace

StreamNode* StreamNode::Allocate(ds::SlabArena& arena, std::size_t bytes) {
  const std::size_t allocated = ds::SlabArena::AllocatedSize(bytes);
  auto* node = static_cast<StreamNode*>(arena.Allocate(allocated));
  node->capacity_ = static_cast<std::uint32_t>(allocated - sizeof(StreamNode));
  return node;
}

// REQUIRES: what the node has fits.
StreamNode* StreamNode::Resize(ds::SlabArena& arena, StreamNode* node, std::size_t bytes) {
  if (ds::SlabArena::AllocatedSize(bytes) == node->memory_bytes()) return node;
  StreamNode* resized = Allocate(arena, bytes);
  const std::uint32_t capacity = resized->capacity_;
  std::memcpy(static_cast<void*>(resized), node, node->used_bytes());
  resized->capacity_ = capacity;
  Free(arena, node);
  return resized;
}

void StreamNode::Free(ds::SlabArena& arena, StreamNode* node) {
  arena.Free(node, node->memory_bytes());
}

StreamNode* StreamNode::NewEmpty(ds::SlabArena& arena, StreamId base, StreamFields texts,
                                 std::size_t stride, std::size_t bytes) {
  std::size_t least = sizeof(StreamNode);
  for (std::size_t i = 0; i < texts.size(); i += stride) least += ElementBytesMax(texts[i].size());
  StreamNode* node = Allocate(arena, std::max(least, bytes));
  node->base_ = base;
  node->live_ = node->deleted_ = node->freezes_ = 0;
  node->fields_ = static_cast<std::uint32_t>(texts.size() / stride);
  std::size_t packed =
      ds::PackedView().bytes().size() + PackedNumberBytes(node->fields_) + PackedNumberBytes(0);
  char* out = node->bytes();
  for (std::size_t i = 0; i < texts.size(); i += stride) {
    const ds::PackedValue name(texts[i]);
    out = PutElement(out, name);
    packed += PackedElementBytes(name);
  }
  node->entries_at_ = node->used_ = node->last_at_ =
      static_cast<std::uint32_t>(out - node->bytes());
  node->packed_bytes_ = static_cast<std::uint32_t>(packed);
  return node;
}

StreamNode* StreamNode::Reserve(ds::SlabArena& arena, StreamNode* node, StreamFields fields,
                                bool same_fields) {
  const std::size_t wanted = node->used_bytes() + EntryBytesMax(fields, same_fields);
  if (wanted <= node->memory_bytes()) return node;
  return Resize(arena, node, std::max(wanted, node->memory_bytes() * 3 / 2));
}

StreamNode* StreamNode::New(ds::SlabArena& arena, StreamId id, StreamFields fields,
                            std::size_t room) {
  std::size_t bytes = sizeof(StreamNode) + EntryBytesMax(fields, true);
  for (std::size_t i = 0; i < fields.size(); i += 2) bytes += ElementBytesMax(fields[i].size());
  StreamNode* node = NewEmpty(arena, id, fields, 2, std::max(bytes, room));
  node->Write(id, fields, true);
  return node;
}

StreamNode* StreamNode::Append(ds::SlabArena& arena, StreamNode* node, StreamId id,
                               StreamFields fields) {
  DCHECK(node->LastId() < id);
  const bool same_fields = node->HasFields(fields);
  node = Reserve(arena, node, fields, same_fields);
  node->Write(id, fields, same_fields);
  return node;
}

bool StreamNode::HasFields(StreamFields fields) const {
  if (fields.size() != 2 * std::size_t{fields_}) return false;
  const char* at = bytes();
  for (std::size_t i = 0; i < fields.size(); i += 2) {
    ds::PackedValue name = 0;
    at = GetElement(at, &name);
    if (!name.Equals(fields[i])) return false;
  }
  return true;
}

// REQUIRES: room.
void StreamNode::Write(StreamId id, StreamFields fields, bool same_fields) {
  const std::uint64_t ms = id.ms - base_.ms;
  const std::uint64_t seq = ms == 0 ? id.seq - base_.seq : id.seq;
  const unsigned ms_code = WidthCode(ms);
  const unsigned seq_code = WidthCode(seq);
  char* out = bytes() + used_;
  *out++ = static_cast<char>((same_fields ? kSameFields : 0) | (ms_code << kMsShift) |
                             (seq_code << kSeqShift));
  out = PutNumber(out, ms, ms_code);
  out = PutNumber(out, seq, seq_code);
  const unsigned length_bytes =
      IsSingle(same_fields) ? 0 : LengthBytes(EntryBytesMax(fields, same_fields));
  char* const length_at = out;
  out += length_bytes;
  std::size_t packed = PackedFrameBytes(base_, id, fields.size() / 2, same_fields);
  if (!same_fields) out = PutElement(out, static_cast<long>(fields.size() / 2));
  for (std::size_t i = same_fields ? 1 : 0; i < fields.size(); i += same_fields ? 2 : 1) {
    const ds::PackedValue value(fields[i]);
    out = PutElement(out, value);
    packed += PackedElementBytes(value);
  }
  if (length_bytes > 0) {
    PutLength(length_at, static_cast<std::size_t>(out - length_at) - length_bytes, length_bytes);
  }
  last_at_ = used_;
  used_ = static_cast<std::uint32_t>(out - bytes());
  packed_bytes_ += static_cast<std::uint32_t>(packed);
  ++live_;
}

StreamNode* StreamNode::Trimmed(ds::SlabArena& arena, StreamNode* node) {
  return Resize(arena, node, node->used_bytes());
}

StreamNode* StreamNode::Clone(ds::SlabArena& arena, const StreamNode* node) {
  StreamNode* copy = Allocate(arena, node->used_bytes());
  const std::uint32_t capacity = copy->capacity_;
  std::memcpy(static_cast<void*>(copy), node, node->used_bytes());
  copy->capacity_ = capacity;
  copy->freezes_ = 0;
  return copy;
}

std::size_t StreamNode::packed_bytes() const {
  return packed_bytes_ + PackedNumberBytes(live_) + PackedNumberBytes(deleted_);
}

StreamNode::Extent StreamNode::ExtentAt(std::uint32_t at) const {
  const unsigned flags = static_cast<unsigned char>(bytes()[at]);
  const std::uint32_t behind_id = at + 1 + kWidths[(flags >> kMsShift) & kWidthMask] +
                                  kWidths[(flags >> kSeqShift) & kWidthMask];
  if (IsSingle((flags & kSameFields) != 0)) {
    ds::PackedValue value = 0;
    const char* end = GetElement(bytes() + behind_id, &value);
    return {behind_id, static_cast<std::uint32_t>(end - bytes())};
  }
  unsigned length_bytes = 0;
  const std::uint32_t length = GetLength(bytes() + behind_id, &length_bytes);
  return {behind_id + length_bytes, behind_id + length_bytes + length};
}

bool StreamNode::ReadAt(std::uint32_t at, Place* place) const {
  if (at == used_) return false;
  const Extent extent = ExtentAt(at);
  place->at = at;
  place->values_at = extent.values_at;
  place->next = extent.next;
  const char* in = bytes() + at;
  const unsigned flags = static_cast<unsigned char>(*in++);
  const unsigned ms_width = kWidths[(flags >> kMsShift) & kWidthMask];
  const unsigned seq_width = kWidths[(flags >> kSeqShift) & kWidthMask];
  const std::uint64_t ms = GetNumber(in, ms_width);
  const std::uint64_t seq = GetNumber(in + ms_width, seq_width);
  place->id = {base_.ms + ms, ms == 0 ? base_.seq + seq : seq};
  place->deleted = (flags & kDeleted) != 0;
  place->same_fields = (flags & kSameFields) != 0;
  return true;
}

std::vector<std::uint32_t> StreamNode::AllAt() const {
  std::vector<std::uint32_t> all;
  all.reserve(std::size_t{live_} + deleted_);
  for (std::uint32_t at = entries_at_; at < used_; at = ExtentAt(at).next) all.push_back(at);
  return all;
}

StreamId StreamNode::LastId() const {
  Place place;
  ReadAt(last_at_, &place);
  return place.id;
}

void StreamNode::MarkDeleted(const Place& place) {
  DCHECK(!place.deleted);
  bytes()[place.at] = static_cast<char>(bytes()[place.at] | kDeleted);
  --live_;
  ++deleted_;
}

StreamEntry::StreamEntry(const StreamNode* node, const StreamNode::Place& place)
    : node_(node), place_(place), size_(node->fields_), values_at_(place.values_at) {
  if (place.same_fields) return;
  ds::PackedValue count = 0;
  const char* after = GetElement(node->bytes() + place.values_at, &count);
  size_ = static_cast<std::uint32_t>(count.integer());
  values_at_ = static_cast<std::uint32_t>(after - node->bytes());
}

StreamFieldReader::StreamFieldReader(const StreamEntry& entry)
    : names_(entry.place_.same_fields ? entry.node_->bytes() : nullptr),
      values_(entry.node_->bytes() + entry.values_at_),
      left_(entry.size_) {}

bool StreamFieldReader::Next(std::string_view* field, std::string_view* value) {
  if (left_ == 0) return false;
  --left_;
  ds::PackedValue element = 0;
  const char*& names = names_ != nullptr ? names_ : values_;
  names = GetElement(names, &element);
  *field = element.Text(field_digits_);
  values_ = GetElement(values_, &element);
  *value = element.Text(value_digits_);
  return true;
}

}  // namespace cairn::value
