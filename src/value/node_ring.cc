// SPDX-License-Identifier: BSD-3-Clause
// The ring doubles when full and halves when a quarter is in use, so that neither happens often.
#include "value/node_ring.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "ds/raw_memory.h"

namespace cairn::value {
namespace {

constexpr std::size_t kCapacityMin = 4;

}  // namespace

NodeRing::~NodeRing() { ds::FreeRaw(slots_); }

void NodeRing::Resize(std::size_t capacity) {
  DCHECK(std::has_single_bit(capacity));
  DCHECK(capacity >= size_);
  auto* slots = static_cast<ListNode*>(ds::AllocateRaw(capacity * sizeof(ListNode)));
  for (std::size_t i = 0; i < size_; ++i) slots[i] = (*this)[i];
  ds::FreeRaw(slots_);
  slots_ = slots;
  capacity_ = capacity;
  begin_ = 0;
}

void NodeRing::Insert(std::size_t i, ListNode node) {
  DCHECK(i <= size_);
  if (size_ == capacity_) Resize(capacity_ == 0 ? kCapacityMin : 2 * capacity_);
  ++size_;
  if (i < size_ / 2) {
    begin_ = (begin_ - 1) & (capacity_ - 1);
    for (std::size_t k = 0; k < i; ++k) (*this)[k] = (*this)[k + 1];
  } else {
    for (std::size_t k = size_ - 1; k > i; --k) (*this)[k] = (*this)[k - 1];
  }
  (*this)[i] = node;
}

void NodeRing::Erase(std::size_t i, std::size_t count) {
  DCHECK(i + count <= size_);
  const std::size_t behind = size_ - i - count;
  if (i < behind) {
    for (std::size_t k = i; k-- > 0;) (*this)[k + count] = (*this)[k];
    begin_ = (begin_ + count) & (capacity_ - 1);
  } else {
    for (std::size_t k = i; k < i + behind; ++k) (*this)[k] = (*this)[k + count];
  }
  size_ -= count;
  Shrink();
}

std::size_t NodeRing::DropEmpty() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    if ((*this)[i].count() > 0) (*this)[kept++] = (*this)[i];
  }
  const std::size_t dropped = size_ - kept;
  size_ = kept;
  Shrink();
  return dropped;
}

void NodeRing::Shrink() {
  if (capacity_ <= kCapacityMin || size_ > capacity_ / 4) return;
  Resize(std::max(kCapacityMin, 2 * std::bit_ceil(size_)));
}

}  // namespace cairn::value
