// SPDX-License-Identifier: BSD-3-Clause
// Trimming: from the oldest on, whole nodes first, and within the last only where exactness is
// asked for.
//
// What is removed equals Redis's choice entry for entry, its oddities included: the limit counts a
// whole node or none of it, a node is old enough by its last entry even if that was deleted, and
// a node that loses all its entries one by one stays, empty, until a later trim. Where references
// matter, entries are looked at one by one even in a node that may go as a whole.
#include "value/stream.h"
#include "value/stream_body.h"

namespace cairn::value {

// Deletes what the trim may of one node, from its front.
void Stream::TrimWithin(StreamNode& node, const StreamTrim& trim, StreamTrimmed& trimmed) {
  StreamNode::Place place;
  for (bool more = node.First(&place); more; more = node.Next(place, &place)) {
    const bool enough = trim.kind == StreamTrim::Kind::kMaxLength ? body_->length <= trim.max_length
                                                                  : trim.min_id <= place.id;
    if (enough) break;
    if (place.deleted) continue;
    if (trim.references == StreamReferences::kAcknowledged && IsReferenced(place.id)) {
      trimmed.passed_over = true;
      continue;
    }
    if (trim.references == StreamReferences::kDrop) {
      for (const auto& group : body_->groups) group->Acknowledge(place.id);
    }
    body_->Changing(&node);
    node.MarkDeleted(place);
    --body_->length;
    ++trimmed.deleted;
    trimmed.last = place.id;
  }
}

StreamTrimmed Stream::TrimTraced(const StreamTrim& trim) {
  if (body_ == nullptr) return {};
  const bool by_length = trim.kind == StreamTrim::Kind::kMaxLength;
  // Without groups there are no references.
  const bool wholesale = trim.references == StreamReferences::kKeep || body_->groups.empty();
  StreamTrimmed trimmed;
  StreamId reached = kStreamIdMin;
  while (true) {
    const Nodes::Position at = body_->nodes.LowerBound(reached);
    if (at == body_->nodes.End() || (by_length && body_->length <= trim.max_length)) break;
    StreamNode* node = body_->nodes.At(at).value;
    const std::uint64_t live = node->live();
    if (trim.limit != 0 && trimmed.deleted + live > trim.limit) break;
    const bool all =
        by_length ? body_->length - live >= trim.max_length : node->LastId() < trim.min_id;
    if (!all && trim.precision == StreamTrim::Precision::kWholeNodes) break;
    const auto next = Successor(node->base());
    if (all && wholesale) {
      body_->length -= live;
      trimmed.deleted += live;
      RemoveNode(node);
    } else {
      TrimWithin(*node, trim, trimmed);
      if (!all) break;
      if (node->live() == 0) RemoveNode(node);
    }
    if (!next) break;
    reached = *next;
  }
  if (trimmed.deleted > 0) body_->first_id = FirstLiveId();
  return trimmed;
}

}  // namespace cairn::value
