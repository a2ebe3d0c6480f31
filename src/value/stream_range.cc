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
  StreamNode::Place place;
  bool more = node_->First(&place);
  entry_at_ = place.at;
  if (order_ == StreamOrder::kForward) return;
  for (; more && place.id <= end_; more = node_->Next(place, &place)) {
    if (!place.deleted && start_ <= place.id) entries_at_.push_back(place.at);
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
  while (node_ != nullptr && entries_at_.empty()) {
    EnterNode(node_->base() <= start_ ? nodes_->End() : nodes_->Previous(at_));
  }
  if (node_ == nullptr) return false;
  StreamNode::Place place;
  node_->ReadAt(entries_at_.back(), &place);
  entries_at_.pop_back();
  *entry = StreamEntry(node_, place);
  return true;
}

bool StreamRange::Next(StreamEntry* entry) {
  return order_ == StreamOrder::kForward ? NextForward(entry) : NextBackward(entry);
}

}  // namespace cairn::value
