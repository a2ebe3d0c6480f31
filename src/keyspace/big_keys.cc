// SPDX-License-Identifier: BSD-3-Clause
// The tables are short and change rarely, so they are sorted vectors that are searched from end to
// end.
#include "keyspace/big_keys.h"

#include <algorithm>
#include <utility>

namespace cairn::keyspace {

void LargestNames::Put(const Shard* shard, std::string_view name, std::size_t size,
                       std::size_t capacity) {
  const auto at = std::ranges::find_if(
      listed_, [&](const Listed& listed) { return listed.shard == shard && listed.name == name; });
  Listed put{.shard = shard, .name = {}, .size = size};
  if (at != listed_.end()) {
    put.name = std::move(at->name);
    listed_.erase(at);
  }
  if (size == 0) return;
  const auto place =
      std::ranges::find_if(listed_, [&](const Listed& listed) { return listed.size < size; });
  if (static_cast<std::size_t>(place - listed_.begin()) >= capacity) {
    missed_max_ = std::max(missed_max_, size);
  } else {
    if (put.name.empty()) put.name = name;
    listed_.insert(place, std::move(put));
  }
  Trim(capacity);
}

void LargestNames::Trim(std::size_t capacity) {
  for (; listed_.size() > capacity; listed_.pop_back())
    missed_max_ = std::max(missed_max_, listed_.back().size);
}

void LargestNames::EraseIf(FunctionRef<bool(const Listed&)> is_gone) {
  std::erase_if(listed_, [&](const Listed& listed) { return is_gone(listed); });
}

std::size_t LargestNames::memory_bytes() const {
  std::size_t bytes = listed_.capacity() * sizeof(Listed);
  for (const Listed& listed : listed_) bytes += listed.name.capacity();
  return bytes;
}

void BigKeys::Note(const Shard* shard, std::string_view name, std::size_t bytes,
                   std::size_t elements) {
  if (name.size() > kNameBytesMax) return;
  const MutexLock hold(mu_);
  if (capacity_ == 0) return;
  by_bytes_.Put(shard, name, bytes, capacity_);
  by_elements_.Put(shard, name, elements, capacity_);
  Settle();
}

void BigKeys::ForgetIf(FunctionRef<bool(const Shard*)> is_empty, bool all_are_empty) {
  const MutexLock hold(mu_);
  for (LargestNames* table : {&by_bytes_, &by_elements_}) {
    table->EraseIf([&](const LargestNames::Listed& listed) { return is_empty(listed.shard); });
    if (all_are_empty) table->ForgetMissed();
  }
  if (all_are_empty) skipped_max_.store(0, std::memory_order_relaxed);
  Settle();
}

void BigKeys::SetCapacity(std::size_t capacity) {
  const MutexLock hold(mu_);
  capacity_ = capacity;
  for (LargestNames* table : {&by_bytes_, &by_elements_}) {
    if (capacity == 0) *table = {};
    table->Trim(capacity);
  }
  Settle();
}

BigKeys::Listing BigKeys::List(By by) const {
  const MutexLock hold(mu_);
  if (by == By::kElements)
    return {.listed = by_elements_.listed(), .missed_max = by_elements_.missed_max()};
  return {
      .listed = by_bytes_.listed(),
      .missed_max = std::max(by_bytes_.missed_max(), skipped_max_.load(std::memory_order_relaxed))};
}

void BigKeys::Settle() {
  bytes_bar_.store(capacity_ == 0 ? SIZE_MAX : by_bytes_.bar(capacity_), std::memory_order_relaxed);
  const auto bytes =
      static_cast<std::int64_t>(by_bytes_.memory_bytes() + by_elements_.memory_bytes());
  const std::int64_t more = bytes - memory_bytes_.value();
  memory_bytes_.Add(more);
  if (total_bytes_ != nullptr && more != 0) total_bytes_->Add(more);
}

}  // namespace cairn::keyspace
