// SPDX-License-Identifier: BSD-3-Clause
// Walking a stream. Forward goes from entry to entry; backward reads each node once from its front
// and then goes through the places it found.
#include "value/stream.h"
#include "value/stream_body.h"

namespace cairn::value {

StreamRange::StreamRange(const Stream& stream, StreamId start, StreamId end, StreamOrder order)
    : nodes_(stream.nodes()), start_(start), end_(end), order_(order) {
  if (nodes_ == nullptr || nodes_->empty() || end < start) return;
  Stream::Nodes::Position at = nodes_->Floor(order == StreamOrder::kForward ? start : end);
  if (at == nodes_->End() && order == StreamOrder::kForward) at = nodes_->Begin();
  EnterNode(at);
}

void StreamRange::EnterNode(Stream::Nodes::Position at) {
  at_ = at;
  node_ = nullptr;
  if (at == nodes_->End()) return;
  node_ = nodes_->At(at).value;
  if (order_ == StreamOrder::kForward) {
    entry_at_ = node_->first_at();
  } else {
    entries_at_ = node_->AllAt();
  }
}

bool StreamRange::NextForward(StreamEntry* entry) {
  while (node_ != nullptr) {
    StreamNode::Place place;
    while (node_->ReadAt(entry_at_, &place)) {
      entry_at_ = place.next;
      if (place.deleted || place.id < start_) continue;
      if (end_ < place.id) {
        node_ = nullptr;
        return false;
      }
      *entry = StreamEntry(node_, place);
      return true;
    }
    EnterNode(nodes_->Next(at_));
  }
  return false;
}

bool StreamRange::NextBackward(StreamEntry* entry) {
  while (node_ != nullptr) {
    while (!entries_at_.empty()) {
      StreamNode::Place place;
      node_->ReadAt(entries_at_.back(), &place);
      entries_at_.pop_back();
      if (place.deleted || end_ < place.id) continue;
      if (place.id < start_) {
        node_ = nullptr;
        return false;
      }
      *entry = StreamEntry(node_, place);
      return true;
    }
    EnterNode(nodes_->Previous(at_));
  }
  return false;
}

bool StreamRange::Next(StreamEntry* entry) {
  return order_ == StreamOrder::kForward ? NextForward(entry) : NextBackward(entry);
}

}  // namespace cairn::value
