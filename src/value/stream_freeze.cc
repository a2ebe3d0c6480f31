// SPDX-License-Identifier: BSD-3-Clause
// Reading a stream part by part: one that nobody changes, and one that is frozen.
//
// A node knows in which freeze it was made, kept or read last, so none is touched when a freeze
// begins. The reader finds the next node by its base: among those of the stream the first that is
// older than the freeze, or a kept one that comes before.
#include "value/stream_freeze.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "value/stream_body.h"

namespace cairn::value {
namespace {

using EmitPart = FunctionRef<void(const StreamPart&)>;

// Nodes looked at in one call that finds none: they are all new.
constexpr std::size_t kLookMax = 256;

StreamPart::Counters CountersOf(const auto& body) {
  return {.length = body.length,
          .entries_added = body.entries_added,
          .last_id = body.last_id,
          .first_id = body.first_id,
          .max_deleted_id = body.max_deleted_id,
          .groups = body.groups.size()};
}
StreamPart::Group HeadOf(const StreamGroup& group) {
  return {.last_id = group.last_id(),
          .entries_read = group.entries_read(),
          .pending = group.pending().size()};
}
StreamPart::Consumer HeadOf(const StreamConsumer& consumer) {
  return {.seen_time = consumer.seen_time(),
          .active_time = consumer.active_time(),
          .own = consumer.pending().size()};
}
StreamPart PartOf(const StreamGroup::Pending::Entry& entry) {
  return {
      StreamPart::Pending{.id = entry.key, .time = entry.value.time, .count = entry.value.count}};
}
StreamPart PartOf(const StreamConsumer::Pending::Entry& entry) {
  return {StreamPart::Own{entry.key}};
}

// `packed` is used again from node to node.
void EmitNode(const StreamNode& node, std::string& packed, EmitPart fn) {
  const std::size_t size = node.packed_bytes();
  packed.resize_and_overwrite(size, [&](char* to, std::size_t) {
    node.WritePacked(to);
    return size;
  });
  fn({StreamPart::Node{node.base()}, packed});
}

void EmitGroup(const StreamGroup& group, EmitPart fn) {
  fn({HeadOf(group), group.name()});
  group.pending().ForEach([&](const auto& entry) { fn(PartOf(entry)); });
  fn({StreamPart::Consumers{group.consumers().size()}});
  for (const auto& consumer : group.consumers()) {
    fn({HeadOf(*consumer), consumer->name()});
    consumer->pending().ForEach([&](const auto& entry) { fn(PartOf(entry)); });
  }
}

}  // namespace

void Stream::ForEachPart(EmitPart fn) const {
  std::string packed;
  ForEachNode([&](const StreamNode& node) { EmitNode(node, packed, fn); });
  fn({body_ == nullptr ? StreamPart::Counters{} : CountersOf(*body_)});
  for (const auto& group : groups()) EmitGroup(*group, fn);
}

StreamFreeze* Stream::freeze() const { return body_ == nullptr ? nullptr : body_->freeze; }

// ---- Life --------------------------------------------------------------------------------------

StreamFreeze::Consumer::Consumer(StreamConsumer& consumer, ds::KeptBytes& kept)
    : name(consumer.name()), head(HeadOf(consumer)), own(consumer.pending_, kept) {}

StreamFreeze::Group::Group(StreamGroup& group, ds::KeptBytes& kept)
    : name(group.name()), head(HeadOf(group)), pending(group.pending_, kept) {
  for (const auto& consumer : group.consumers()) consumers.emplace_back(*consumer, kept);
}

StreamFreeze::StreamFreeze(const Stream& stream)
    : body_(stream.body_.get()),
      arena_(body_->arena),
      number_(++body_->freezes),
      node_count_(body_->nodes.size()),
      counters_(CountersOf(*body_)),
      nodes_left_(node_count_) {
  CHECK(body_->freeze == nullptr);
  body_->freeze = this;
  ds::KeptBytes& kept = *this;
  for (const auto& group : body_->groups) groups_.emplace_back(*group, kept);
}

StreamFreeze::~StreamFreeze() {
  DCHECK(body_ == nullptr);
  for (const auto& [base, node] : kept_) StreamNode::Free(*arena_, node);
}

void StreamFreeze::Thaw() {
  if (body_ == nullptr) return;
  body_->freeze = nullptr;
  body_ = nullptr;
  for (Group& group : groups_) {
    group.pending.End();
    for (Consumer& consumer : group.consumers) consumer.own.End();
  }
}

// ---- What the stream tells ---------------------------------------------------------------------

void StreamFreeze::KeepCopy(StreamNode* node) {
  if (node->freezes() == number_) return;
  Keep(StreamNode::Clone(*arena_, node));
  node->set_freezes(number_);
}

void StreamFreeze::FreeOrKeep(StreamNode* node) {
  if (node->freezes() == number_) return StreamNode::Free(*arena_, node);
  Keep(node);
}

void StreamFreeze::TakeOver(Stream&& stream) { own_ = std::move(stream); }

void StreamFreeze::Keep(StreamNode* node) {
  const bool fresh = kept_.emplace(node->base(), node).second;
  CHECK(fresh);
  Keeps(node->memory_bytes());
}

StreamNode* StreamFreeze::TakeKept() {
  StreamNode* const node = kept_.begin()->second;
  kept_.erase(kept_.begin());
  LetsGo(node->memory_bytes());
  return node;
}

// ---- Reading -----------------------------------------------------------------------------------

StreamFreeze::Taken::~Taken() {
  for (StreamNode* node : nodes_) StreamNode::Free(*arena_, node);
}

void StreamFreeze::Taken::ForEach(EmitPart fn) const {
  std::string packed;
  for (const StreamNode* node : nodes_) EmitNode(*node, packed, fn);
}

bool StreamFreeze::TakeNodes(std::size_t bytes, Taken* taken) {
  taken->arena_ = arena_;
  const Stream::Nodes& nodes = body_->nodes;
  auto at = nodes.LowerBound(from_);
  std::size_t taken_bytes = 0;
  for (std::size_t looked = 0; looked < kLookMax; ++looked) {
    if (nodes_left_ == 0 || taken_bytes >= bytes) break;
    StreamNode* const node = at == nodes.End() ? nullptr : nodes.At(at).value;
    if (node != nullptr && node->freezes() == number_) {
      at = nodes.Next(at);
      continue;
    }
    const bool is_kept = !kept_.empty() && (node == nullptr || kept_.begin()->first < node->base());
    if (is_kept) {
      taken->nodes_.push_back(TakeKept());
    } else {
      CHECK(node != nullptr);
      taken->nodes_.push_back(StreamNode::Clone(*arena_, node));
      node->set_freezes(number_);
      at = nodes.Next(at);
    }
    --nodes_left_;
    taken_bytes += taken->nodes_.back()->used_bytes();
  }
  from_ = at == nodes.End() ? kStreamIdMax : nodes.At(at).key;
  return nodes_left_ > 0;
}

bool StreamFreeze::ReadGroups(std::size_t entries, EmitPart fn) {
  DCHECK(nodes_left_ == 0);
  while (stage_ != Stage::kEnd && entries > 0) entries -= std::min(entries, ReadOn(fn));
  return stage_ == Stage::kEnd;
}

std::size_t StreamFreeze::ReadOn(EmitPart fn) {
  if (stage_ == Stage::kCounters) {
    fn({counters_});
    stage_ = Stage::kGroup;
  } else if (group_at_ == groups_.size()) {
    stage_ = Stage::kEnd;
  } else {
    return ReadGroup(groups_[group_at_], fn);
  }
  return 1;
}

std::size_t StreamFreeze::ReadGroup(Group& group, EmitPart fn) {
  const auto emit = [fn](const auto& entry) { fn(PartOf(entry)); };
  if (stage_ == Stage::kGroup) {
    fn({group.head, group.name});
    stage_ = Stage::kPending;
  } else if (stage_ == Stage::kPending) {
    if (group.pending.left() > 0) return group.pending.Read(emit);
    fn({StreamPart::Consumers{group.consumers.size()}});
    stage_ = Stage::kConsumer;
  } else if (consumer_at_ == group.consumers.size()) {
    ++group_at_;
    consumer_at_ = 0;
    stage_ = Stage::kGroup;
  } else if (Consumer& consumer = group.consumers[consumer_at_]; stage_ == Stage::kConsumer) {
    fn({consumer.head, consumer.name});
    stage_ = Stage::kOwn;
  } else {
    if (consumer.own.left() > 0) return consumer.own.Read(emit);
    ++consumer_at_;
    stage_ = Stage::kConsumer;
  }
  return 1;
}

}  // namespace cairn::value
