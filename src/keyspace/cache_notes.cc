// SPDX-License-Identifier: BSD-3-Clause
// Copies and sizes; the rest is in the header.
#include "keyspace/cache_notes.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "ds/raw_memory.h"
#include "keyspace/namespaces.h"

namespace cairn::keyspace {
namespace {

constexpr std::size_t kShortText = 15;  // what a std::string keeps within itself

}  // namespace

CacheNotes::CacheNotes(const CacheNotes& other)
    : created_at(other.created_at),
      stale_at(other.stale_at),
      version(other.version),
      stamp(other.stamp),
      retry_at(other.retry_at),
      cost_ms(other.cost_ms),
      is_negative(other.is_negative),
      tag_count_(other.tag_count_),
      space_(other.space_),
      pin_(other.pin_ == nullptr ? nullptr : std::make_unique<Pin>(*other.pin_)) {
  if (tag_count_ == 0) return;
  tags_ = std::make_unique<Tags::Ref[]>(tag_count_);
  std::ranges::copy(other.tags(), tags_.get());
}

void CacheNotes::set_tags(std::vector<Tags::Ref> tags) {
  CHECK(tags.size() <= kTagsMax);
  tag_count_ = static_cast<std::uint8_t>(tags.size());
  tags_ = tags.empty() ? nullptr : std::make_unique<Tags::Ref[]>(tags.size());
  std::ranges::move(tags, tags_.get());
}

bool CacheNotes::IsBumped(Bump kind) const {
  return std::ranges::any_of(tags(), [&](const Tags::Ref& tag) { return tag->last(kind) > stamp; });
}

bool CacheNotes::IsDead() const {
  return pin_ == nullptr &&
         (IsBumped(Bump::kHard) || (space_ != nullptr && space_->cleared_at() > stamp));
}

bool CacheNotes::IsDeadElseHit(bool counts) const {
  if (IsDead()) return true;
  if (counts && space_ != nullptr) space_->CountHit(this);
  return false;
}

void CacheNotes::set_space(Namespace* space) {
  if (counted_bytes_ != 0) Uncount();
  space_ = space;
}

void CacheNotes::Count(std::size_t bytes) {
  DCHECK(bytes != 0);
  if (space_ == nullptr) return;
  space_->CountEntries(
      this, is_negative, counted_bytes_ == 0 ? 1 : 0,
      static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(counted_bytes_));
  counted_bytes_ = bytes;
}

void CacheNotes::Uncount() {
  space_->CountEntries(this, is_negative, -1, -static_cast<std::int64_t>(counted_bytes_));
  counted_bytes_ = 0;
}

std::size_t CacheNotes::memory_bytes() const {
  const std::size_t tags = tag_count_ == 0 ? 0 : ds::AllocatedBytes(tag_count_ * sizeof(Tags::Ref));
  std::size_t pin = 0;
  if (pin_ != nullptr) {
    const std::size_t text = pin_->log.capacity();
    pin = ds::AllocatedBytes(sizeof(Pin)) + (text > kShortText ? ds::AllocatedBytes(text + 1) : 0);
  }
  return ds::AllocatedBytes(sizeof(CacheNotes)) + tags + pin;
}

}  // namespace cairn::keyspace
