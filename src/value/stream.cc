// SPDX-License-Identifier: BSD-3-Clause
// The entries of a stream: appending, finding, deleting, and the counters that follow.
#include "value/stream.h"

#include <algorithm>

#include "base/check.h"
#include "ds/raw_memory.h"
#include "value/stream_body.h"

namespace cairn::value {
namespace {

// No node is started with more room than this, however large the one before was.
constexpr std::size_t kFirstRoomMax = 8192;

}  // namespace

Stream::Stream() = default;
Stream::Stream(Stream&& other) noexcept = default;

Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(body_, other.body_);
  return *this;
}

Stream::~Stream() {
  if (body_ == nullptr) return;
  if (body_->freeze != nullptr) {
    body_->freeze->TakeOver(std::move(*this));
    return;
  }
  body_->nodes.ForEach(
      [&](const Nodes::Entry& entry) { StreamNode::Free(*body_->arena, entry.value); });
}

Stream::Body& Stream::body() {
  if (body_ == nullptr) body_ = std::make_unique<Body>();
  return *body_;
}

ds::SlabArena& Stream::ArenaOr(ds::SlabArena& arena) {
  if (body().arena == nullptr) body_->arena = &arena;
  return *body_->arena;
}

std::size_t Stream::size() const { return body_ == nullptr ? 0 : body_->length; }
StreamId Stream::last_id() const { return body_ == nullptr ? StreamId{} : body_->last_id; }
StreamId Stream::first_id() const { return body_ == nullptr ? StreamId{} : body_->first_id; }
StreamId Stream::max_deleted_id() const {
  return body_ == nullptr ? StreamId{} : body_->max_deleted_id;
}
std::uint64_t Stream::entries_added() const { return body_ == nullptr ? 0 : body_->entries_added; }
std::size_t Stream::node_count() const { return body_ == nullptr ? 0 : body_->nodes.size(); }
bool Stream::is_packed() const {
  return body_ == nullptr || (body_->nodes.size() <= 1 && body_->groups.empty());
}

std::size_t Stream::memory_bytes() const {
  if (body_ == nullptr) return 0;
  std::size_t bytes = ds::AllocatedBytes(sizeof(Body)) + body_->nodes.memory_bytes() +
                      body_->node_bytes + body_->group_bytes;
  if (body_->groups.capacity() > 0) {
    bytes += ds::AllocatedBytes(body_->groups.capacity() * sizeof(body_->groups[0]));
  }
  return bytes;
}

std::size_t Stream::entry_bytes() const {
  return body_ == nullptr ? 0 : body_->nodes.memory_bytes() + body_->node_bytes;
}

Stream Stream::Clone() const {
  Stream copy;
  if (body_ == nullptr) return copy;
  Body& to = copy.body();
  to.length = body_->length;
  to.entries_added = body_->entries_added;
  to.last_id = body_->last_id;
  to.first_id = body_->first_id;
  to.max_deleted_id = body_->max_deleted_id;
  to.arena = body_->arena;
  body_->nodes.ForEach([&](const Nodes::Entry& entry) {
    to.tail = StreamNode::Clone(*body_->arena, entry.value);
    to.node_bytes += to.tail->memory_bytes();
    to.nodes.Insert(entry.key, to.tail);
  });
  for (const auto& group : body_->groups) to.groups.push_back(group->Clone(&to.group_bytes));
  return copy;
}

bool Stream::FreeStep(std::size_t elements) {
  if (body_ == nullptr) return true;
  DCHECK(body_->freeze == nullptr);
  std::size_t freed = 0;
  while (!body_->nodes.empty()) {
    if (freed >= elements) return false;
    StreamNode* node = body_->nodes.At(body_->nodes.Last()).value;
    freed += node->live() + node->deleted();
    RemoveNode(node);
  }
  while (!body_->groups.empty()) {
    if (freed >= elements) return false;
    StreamGroup& group = *body_->groups.back();
    const std::size_t pending = group.pending().size();
    if (!group.FreeStep(elements - freed)) return false;
    freed += pending + group.consumers().size() + 1;
    body_->groups.pop_back();
  }
  body_.reset();
  return true;
}

std::expected<StreamId, StreamAppendError> Stream::NextId(const NewStreamId& wanted,
                                                          UnixMs now) const {
  const StreamId last = last_id();
  if (last == kStreamIdMax) return std::unexpected(StreamAppendError::kExhausted);
  switch (wanted.kind) {
    case NewStreamId::Kind::kAuto: {
      const auto now_ms = static_cast<std::uint64_t>(now);
      return now_ms > last.ms ? StreamId{now_ms, 0} : *Successor(last);
    }
    case NewStreamId::Kind::kAutoSequence:
      if (wanted.id.ms > last.ms) return StreamId{wanted.id.ms, 0};
      if (wanted.id.ms == last.ms && last.seq != kStreamSeqMax) return *Successor(last);
      break;
    case NewStreamId::Kind::kGiven:
      if (wanted.id > last) return wanted.id;
      break;
  }
  return std::unexpected(StreamAppendError::kIdTooSmall);
}

// Whether the last node takes another entry of so many bytes of text: by Redis's rule, so that
// nodes end where Redis's do.
bool Stream::TailTakes(std::size_t text_bytes, const StreamLimits& limits) const {
  const StreamNode* tail = body_->tail;
  if (tail == nullptr) return false;
  const std::size_t bytes_max = limits.node_bytes == 0
                                    ? ds::kPackedListBytesMax
                                    : std::min(limits.node_bytes, ds::kPackedListBytesMax);
  const std::size_t entries = std::size_t{tail->live()} + tail->deleted();
  return tail->packed_bytes() + text_bytes < bytes_max &&
         (limits.node_entries == 0 || entries < limits.node_entries);
}

std::expected<StreamId, StreamAppendError> Stream::Append(const NewStreamId& id,
                                                          StreamFields fields, UnixMs now,
                                                          const StreamLimits& limits,
                                                          ds::SlabArena& arena) {
  DCHECK(!fields.empty() && fields.size() % 2 == 0);
  const auto next = NextId(id, now);
  if (!next) return next;
  std::size_t text_bytes = 0;
  for (const std::string_view text : fields) text_bytes += text.size();
  const std::size_t packed_bytes_max = StreamNode::PackedBytesMax(text_bytes, fields.size());
  if (packed_bytes_max > ds::kPackedListBytesMax) {
    return std::unexpected(StreamAppendError::kTooLarge);
  }
  ArenaOr(arena);
  Body& body = *body_;
  if (TailTakes(text_bytes, limits) &&
      body.tail->packed_bytes() + packed_bytes_max <= StreamNode::kPackedBytesMax) {
    body.Changing(body.tail);
    body.node_bytes -= body.tail->memory_bytes();
    StreamNode* node = StreamNode::Append(*body.arena, body.tail, *next, fields);
    body.node_bytes += node->memory_bytes();
    if (node != body.tail) {
      body.nodes.At(body.nodes.Last()).value = node;
      body.tail = node;
    }
  } else {
    StartNode(*next, fields);
  }
  body.last_id = *next;
  ++body.entries_added;
  if (++body.length == 1) body.first_id = *next;
  return next;
}

// The node before is as large as it will ever be; the new one will probably become as large.
void Stream::StartNode(StreamId id, StreamFields fields) {
  std::size_t room = 0;
  if (body_->tail != nullptr) {
    body_->node_bytes -= body_->tail->memory_bytes();
    StreamNode* full = StreamNode::Trimmed(*body_->arena, body_->tail);
    body_->node_bytes += full->memory_bytes();
    body_->nodes.At(body_->nodes.Last()).value = full;
    room = std::min(full->used_bytes(), kFirstRoomMax);
  }
  body_->tail = StreamNode::New(*body_->arena, id, fields, room);
  body_->tail->set_freezes(body_->freezes);
  body_->node_bytes += body_->tail->memory_bytes();
  body_->nodes.Insert(id, body_->tail);
}

void Stream::RemoveNode(StreamNode* node) {
  body_->nodes.Erase(node->base());
  body_->node_bytes -= node->memory_bytes();
  if (node == body_->tail) {
    body_->tail = body_->nodes.empty() ? nullptr : body_->nodes.At(body_->nodes.Last()).value;
  }
  if (body_->freeze != nullptr) [[unlikely]]
    return body_->freeze->FreeOrKeep(node);
  StreamNode::Free(*body_->arena, node);
}

const Stream::Nodes* Stream::nodes() const { return body_ == nullptr ? nullptr : &body_->nodes; }

std::optional<StreamEntry> Stream::Find(StreamId id) const {
  StreamRange range(*this, id, id, StreamOrder::kForward);
  StreamEntry entry;
  if (!range.Next(&entry)) return std::nullopt;
  return entry;
}

StreamId Stream::FirstLiveId() const {
  StreamRange range(*this, kStreamIdMin, kStreamIdMax, StreamOrder::kForward);
  StreamEntry entry;
  return range.Next(&entry) ? entry.id() : StreamId{};
}

StreamId Stream::TopId() const {
  StreamRange range(*this, kStreamIdMin, kStreamIdMax, StreamOrder::kBackward);
  StreamEntry entry;
  return range.Next(&entry) ? entry.id() : StreamId{};
}

StreamDeleteResult Stream::Delete(StreamId id, StreamReferences references) {
  if (body_ == nullptr) return StreamDeleteResult::kMissing;
  if (references == StreamReferences::kDrop) {
    for (const auto& group : body_->groups) group->Acknowledge(id);
  }
  const Nodes::Position at = body_->nodes.Floor(id);
  if (at == body_->nodes.End()) return StreamDeleteResult::kMissing;
  StreamNode* node = body_->nodes.At(at).value;
  StreamNode::Place place;
  bool found = node->First(&place);
  while (found && place.id < id) found = node->Next(place, &place);
  if (!found || place.id != id || place.deleted) return StreamDeleteResult::kMissing;
  if (references == StreamReferences::kAcknowledged && IsReferenced(id)) {
    return StreamDeleteResult::kReferenced;
  }
  body_->Changing(node);
  node->MarkDeleted(place);
  if (node->live() == 0) RemoveNode(node);
  --body_->length;
  body_->max_deleted_id = std::max(body_->max_deleted_id, id);
  if (id == body_->first_id) body_->first_id = FirstLiveId();
  return StreamDeleteResult::kDeleted;
}

StreamDeleteResult Stream::AcknowledgeAndDelete(StreamGroup& group, StreamId id,
                                                StreamReferences references) {
  if (!group.Acknowledge(id)) return StreamDeleteResult::kMissing;
  const StreamDeleteResult result = Delete(id, references);
  // What was deleted before and acknowledged now is gone, as the caller wished.
  return result == StreamDeleteResult::kMissing ? StreamDeleteResult::kDeleted : result;
}

std::expected<void, StreamSetIdError> Stream::SetId(StreamId last_id,
                                                    std::optional<std::uint64_t> entries_added,
                                                    StreamId max_deleted_id) {
  Body& body = this->body();
  if (body.length > 0) {
    if (last_id < TopId()) return std::unexpected(StreamSetIdError::kBelowTop);
    if (entries_added && *entries_added < body.length) {
      return std::unexpected(StreamSetIdError::kAddedBelowLength);
    }
  }
  // A file may have deleted entries in the last node and not know of it: ids go on behind them.
  if (body.tail != nullptr && last_id < body.tail->LastId())
    return std::unexpected(StreamSetIdError::kBelowTop);
  body.last_id = last_id;
  if (entries_added) body.entries_added = *entries_added;
  if (!max_deleted_id.is_zero()) body.max_deleted_id = max_deleted_id;
  return {};
}

Status Stream::Adopt(StreamId base, std::string_view packed, ds::SlabArena& arena) {
  Body& body = this->body();
  if (body.tail != nullptr && base <= body.tail->LastId()) {
    return {StatusCode::kCorrupt, "nodes of a stream are not in order"};
  }
  auto node = StreamNode::FromPacked(ArenaOr(arena), base, packed);
  if (!node) return node.error();
  body.tail = *node;
  body.nodes.Insert(base, *node);
  body.node_bytes += (*node)->memory_bytes();
  body.length += (*node)->live();
  return {};
}

void Stream::SetCounters(const StreamCounters& counters) {
  Body& body = this->body();
  body.last_id = counters.last_id;
  body.max_deleted_id = counters.max_deleted_id;
  body.entries_added = counters.entries_added;
  body.first_id = FirstLiveId();
}

}  // namespace cairn::value
