// SPDX-License-Identifier: BSD-3-Clause
// The bytes of a node: writing an entry is one pass over its fields.
//
// Elements (names, values, a count of fields) have the heads of a listpack's elements, so numbers
// in text take as little as there. The frame before them: value/stream_frame.h.
#include "value/stream_node.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "value/stream_element.h"
#include "value/stream_frame.h"

namespace cairn::value {
namespace {

// What an entry takes here at most.
std::size_t EntryBytesMax(StreamFields fields, bool same_fields) {
  std::size_t bytes = kFrameBytesMax;
  if (!same_fields) bytes += kElementHeadMax;
  for (std::size_t i = same_fields ? 1 : 0; i < fields.size(); i += same_fields ? 2 : 1) {
    bytes += ElementBytesMax(fields[i].size());
  }
  return bytes;
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

StreamNode* StreamNode::NewEmpty(ds::SlabArena& arena, StreamId base, std::size_t bytes) {
  StreamNode* node = Allocate(arena, bytes);
  node->base_ = base;
  node->live_ = node->deleted_ = node->freezes_ = node->fields_ = 0;
  node->entries_at_ = node->last_at_ = node->used_ = 0;
  node->packed_bytes_ =
      static_cast<std::uint32_t>(ds::PackedView().bytes().size() + PackedNumberBytes(0));
  return node;
}

void StreamNode::EndNames(char* end, std::uint32_t fields, std::size_t packed) {
  fields_ = fields;
  entries_at_ = last_at_ = used_ = static_cast<std::uint32_t>(end - bytes());
  packed_bytes_ += static_cast<std::uint32_t>(PackedNumberBytes(fields) + packed);
}

StreamNode* StreamNode::Reserve(ds::SlabArena& arena, StreamNode* node, std::size_t bytes) {
  const std::size_t wanted = node->used_bytes() + bytes;
  if (wanted <= node->memory_bytes()) return node;
  return Resize(arena, node, std::max(wanted, node->memory_bytes() * 3 / 2));
}

StreamNode* StreamNode::New(ds::SlabArena& arena, StreamId id, StreamFields fields,
                            std::size_t room) {
  std::size_t bytes = sizeof(StreamNode) + EntryBytesMax(fields, true);
  for (std::size_t i = 0; i < fields.size(); i += 2) bytes += ElementBytesMax(fields[i].size());
  StreamNode* node = NewEmpty(arena, id, std::max(bytes, room));
  char* out = node->bytes();
  std::size_t packed = 0;
  for (std::size_t i = 0; i < fields.size(); i += 2) {
    const ds::PackedValue name(fields[i]);
    out = PutElement(out, name);
    packed += PackedElementBytes(name);
  }
  node->EndNames(out, static_cast<std::uint32_t>(fields.size() / 2), packed);
  node->Write(id, fields, true);
  return node;
}

StreamNode* StreamNode::Append(ds::SlabArena& arena, StreamNode* node, StreamId id,
                               StreamFields fields) {
  DCHECK(node->LastId() < id);
  const bool same_fields = node->HasFields(fields);
  node = Reserve(arena, node, EntryBytesMax(fields, same_fields));
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
  char* out = PutFrame(bytes() + used_, same_fields ? kFrameSameFields : 0, base_, id);
  const unsigned length_bytes =
      IsSingle(same_fields) ? 0 : FrameLengthBytes(EntryBytesMax(fields, same_fields));
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
    PutFrameLength(length_at, static_cast<std::size_t>(out - length_at) - length_bytes,
                   length_bytes);
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
  const std::uint32_t behind_id = at + 1 +
                                  kFrameWidths[(flags >> kFrameMsShift) & kFrameWidthMask] +
                                  kFrameWidths[(flags >> kFrameSeqShift) & kFrameWidthMask];
  if (IsSingle((flags & kFrameSameFields) != 0)) {
    ds::PackedValue value = 0;
    const char* end = GetElement(bytes() + behind_id, &value);
    return {behind_id, static_cast<std::uint32_t>(end - bytes())};
  }
  unsigned length_bytes = 0;
  const std::uint32_t length = GetFrameLength(bytes() + behind_id, &length_bytes);
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
  const unsigned ms_width = kFrameWidths[(flags >> kFrameMsShift) & kFrameWidthMask];
  const unsigned seq_width = kFrameWidths[(flags >> kFrameSeqShift) & kFrameWidthMask];
  const std::uint64_t ms = GetFrameNumber(in, ms_width);
  const std::uint64_t seq = GetFrameNumber(in + ms_width, seq_width);
  place->id = {base_.ms + ms, ms == 0 ? base_.seq + seq : seq};
  place->deleted = (flags & kFrameDeleted) != 0;
  place->same_fields = (flags & kFrameSameFields) != 0;
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
  bytes()[place.at] = static_cast<char>(bytes()[place.at] | kFrameDeleted);
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
