// SPDX-License-Identifier: BSD-3-Clause
// The bookkeeping of a group: two maps that say the same, and their memory.
#include "value/stream_group.h"

#include <algorithm>

#include "base/check.h"
#include "ds/raw_memory.h"

namespace cairn::value {
namespace {

// What a string holds outside of itself.
std::size_t HeapBytes(const std::string& text) {
  constexpr std::size_t kInPlace = 15;
  return text.capacity() <= kInPlace ? 0 : ds::AllocatedBytes(text.capacity() + 1);
}

std::size_t BytesOf(const StreamConsumer& consumer, const std::string& name) {
  return ds::AllocatedBytes(sizeof(StreamConsumer)) + HeapBytes(name) +
         consumer.pending().memory_bytes();
}

}  // namespace

StreamGroup::StreamGroup(std::string_view name, std::size_t* stream_bytes)
    : name_(name), stream_bytes_(stream_bytes) {
  Account();
}

StreamGroup::~StreamGroup() { *stream_bytes_ -= counted_bytes_; }

void StreamGroup::Account() {
  std::size_t bytes = ds::AllocatedBytes(sizeof(StreamGroup)) + HeapBytes(name_) +
                      pending_.memory_bytes() + consumer_bytes_;
  if (consumers_.capacity() > 0) {
    bytes += ds::AllocatedBytes(consumers_.capacity() * sizeof(consumers_[0]));
  }
  *stream_bytes_ += bytes - counted_bytes_;
  counted_bytes_ = bytes;
}

StreamGroup::Consumers::const_iterator StreamGroup::LowerBound(std::string_view name) const {
  return std::lower_bound(
      consumers_.begin(), consumers_.end(), name,
      [](const auto& consumer, std::string_view wanted) { return consumer->name() < wanted; });
}

StreamConsumer* StreamGroup::FindConsumer(std::string_view name) const {
  const auto at = LowerBound(name);
  return at != consumers_.end() && (*at)->name() == name ? at->get() : nullptr;
}

StreamConsumer* StreamGroup::AddConsumer(std::string_view name, UnixMs now) {
  const auto at = LowerBound(name);
  if (at != consumers_.end() && (*at)->name() == name) return nullptr;
  const auto added = consumers_.insert(at, std::make_unique<StreamConsumer>(name));
  StreamConsumer* consumer = added->get();
  consumer->seen_time_ = now;
  consumer_bytes_ += BytesOf(*consumer, consumer->name_);
  Account();
  return consumer;
}

std::optional<std::size_t> StreamGroup::DeleteConsumer(std::string_view name) {
  const auto at = LowerBound(name);
  if (at == consumers_.end() || (*at)->name() != name) return std::nullopt;
  const StreamConsumer& consumer = **at;
  const std::size_t count = consumer.pending().size();
  consumer.pending().ForEach([this](const auto& entry) { pending_.Erase(entry.key); });
  consumer_bytes_ -= BytesOf(consumer, consumer.name_);
  consumers_.erase(at);
  Account();
  return count;
}

const StreamDelivery* StreamGroup::FindPending(StreamId id) const {
  const Pending::Position at = pending_.Find(id);
  return at == pending_.End() ? nullptr : &pending_.At(at).value;
}

void StreamGroup::Attach(StreamConsumer& consumer, StreamId id) {
  const std::size_t before = consumer.pending_.memory_bytes();
  consumer.pending_.Insert(id, {});
  consumer_bytes_ += consumer.pending_.memory_bytes() - before;
}

void StreamGroup::Detach(StreamConsumer& consumer, StreamId id) {
  const std::size_t before = consumer.pending_.memory_bytes();
  consumer.pending_.Erase(id);
  consumer_bytes_ += consumer.pending_.memory_bytes() - before;
}

bool StreamGroup::SetPending(StreamId id, const StreamDelivery& delivery) {
  DCHECK(delivery.consumer != nullptr);
  const auto [entry, fresh] = pending_.Insert(id, delivery);
  StreamConsumer* const before = fresh ? nullptr : entry->value.consumer;
  entry->value = delivery;
  if (before != delivery.consumer) {
    if (before != nullptr) Detach(*before, id);
    Attach(*delivery.consumer, id);
    Account();
  }
  return fresh;
}

void StreamGroup::Redeliver(StreamId id, UnixMs now) {
  const Pending::Position at = pending_.Find(id);
  if (at == pending_.End()) return;
  pending_.At(at).value.time = now;
  ++pending_.At(at).value.count;
}

bool StreamGroup::Acknowledge(StreamId id) {
  const Pending::Position at = pending_.Find(id);
  if (at == pending_.End()) return false;
  Detach(*pending_.At(at).value.consumer, id);
  pending_.Erase(at);
  Account();
  return true;
}

std::unique_ptr<StreamGroup> StreamGroup::Clone(std::size_t* stream_bytes) const {
  auto copy = std::make_unique<StreamGroup>(name_, stream_bytes);
  copy->SetLastId(last_id_, entries_read_);
  for (const auto& consumer : consumers_) {
    StreamConsumer* same = copy->AddConsumer(consumer->name(), consumer->seen_time());
    same->active_time_ = consumer->active_time_;
    consumer->pending().ForEach([&](const auto& entry) { copy->Attach(*same, entry.key); });
  }
  pending_.ForEach([&](const Pending::Entry& entry) {
    StreamDelivery delivery = entry.value;
    delivery.consumer = copy->FindConsumer(delivery.consumer->name());
    copy->pending_.Insert(entry.key, delivery);
  });
  copy->Account();
  return copy;
}

bool StreamGroup::FreeStep(std::size_t entries) {
  for (; entries > 0 && !pending_.empty(); --entries) {
    const Pending::Position last = pending_.Last();
    Detach(*pending_.At(last).value.consumer, pending_.At(last).key);
    pending_.Erase(last);
  }
  Account();
  return pending_.empty();
}

}  // namespace cairn::value
