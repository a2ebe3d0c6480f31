// SPDX-License-Identifier: BSD-3-Clause
// The shelves. The road not taken: a generation in each value for each of its tags. One stamp says
// the same, costs eight bytes whatever the number of tags, and is known before the tags are.
#include "keyspace/tags.h"

#include <algorithm>

#include "base/check.h"
#include "ds/raw_memory.h"
#include "keyspace/tracking.h"

namespace cairn::keyspace {
namespace {

void Raise(std::atomic<std::uint64_t>& number, std::uint64_t to) {
  std::uint64_t now = number.load(std::memory_order_relaxed);
  while (now < to && !number.compare_exchange_weak(now, to, std::memory_order_acq_rel)) continue;
}

void Tell(Tracker& tracker, std::string_view tag, ClientId by) {
  const bool own = by == tracker.client();
  if (!tracker.has(kTrackingOn) || (own && tracker.has(kTrackingNoLoop))) return;
  Invalidation told{.keys = {&tag, 1}, .own = own};
  tracker.OnInvalid(told);
}

}  // namespace

Tags::Ref::Ref(const Ref& other) : tag_(other.tag_) {
  if (tag_ == nullptr) return;
  const MutexLock hold(tag_->shelf_.mu);
  ++tag_->refs_;
}

Tags::Ref::~Ref() {
  if (tag_ != nullptr) Release(tag_);
}

Tags::Tags() {
  for (Shelf& shelf : shelves_) shelf.owner = this;
}

Tags::~Tags() {
  for (Shelf& shelf : shelves_) {
    const MutexLock hold(shelf.mu);
    for (const auto& [name, tag] : shelf.tags) CHECK(tag->refs_ == 0);
  }
}

void Tags::AtLeast(std::uint64_t count) { Raise(count_, count); }

Tags::Ref Tags::Get(std::string_view name) { return GetUnlessBumped(name, UINT64_MAX); }

Tags::Ref Tags::GetUnlessBumped(std::string_view name, std::uint64_t stamp) {
  Shelf& shelf = ShelfOf(name);
  const MutexLock hold(shelf.mu);
  if (const auto found = shelf.tags.find(name); found != shelf.tags.end()) {
    Tag* tag = found->second.get();
    if (std::max(tag->last(Bump::kSoft), tag->last(Bump::kHard)) > stamp) return {};
    ++tag->refs_;
    return Ref(tag);
  }
  if (FloorOf(name).load(std::memory_order_acquire) > stamp) return {};
  Tag* tag = Ensure(shelf, name);
  ++tag->refs_;
  return Ref(tag);
}

Tags::Tag* Tags::Ensure(Shelf& shelf, std::string_view name) {
  if (const auto found = shelf.tags.find(name); found != shelf.tags.end())
    return found->second.get();
  const auto at = shelf.tags.try_emplace(std::string(name)).first;
  at->second = std::make_unique<Tag>(shelf, at->first);
  // It may be that it was known, bumped and forgotten: who began before that is late still.
  Raise(at->second->bumps_[static_cast<int>(Bump::kSoft)],
        shelf.owner->FloorOf(name).load(std::memory_order_acquire));
  shelf.owner->bytes_.Add(static_cast<std::int64_t>(BytesOf(at->first)));
  return at->second.get();
}

void Tags::BumpAt(std::string_view name, Bump kind, std::uint64_t number, ClientId by) {
  AtLeast(number);
  std::vector<std::shared_ptr<Tracker>> told;
  {
    Shelf& shelf = ShelfOf(name);
    const MutexLock hold(shelf.mu);
    Tag* tag = Ensure(shelf, name);
    Raise(tag->bumps_[static_cast<int>(kind)], number);
    told = std::exchange(tag->trackers_, {});
    if (tag->refs_ == 0) {
      SetAside(shelf, tag);
    } else if (kind == Bump::kHard) {
      hard_bumps_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  for (const std::shared_ptr<Tracker>& tracker : told) Tell(*tracker, name, by);
}

void Tags::Remember(const Ref& tag, std::uint64_t stamp, const std::shared_ptr<Tracker>& reader) {
  std::shared_ptr<Tracker> told;
  {
    const MutexLock hold(tag.tag_->shelf_.mu);
    std::vector<std::shared_ptr<Tracker>>& trackers = tag.tag_->trackers_;
    if (std::max(tag->last(Bump::kSoft), tag->last(Bump::kHard)) > stamp) {
      told = reader;
    } else if (std::ranges::find(trackers, reader) == trackers.end()) {
      if (trackers.size() == trackers.capacity())
        std::erase_if(trackers, [](const auto& one) { return !one->has(kTrackingOn); });
      if (trackers.size() == kTrackersMax) {
        told = std::move(trackers.front());
        trackers.erase(trackers.begin());
      }
      trackers.push_back(reader);
    }
  }
  if (told != nullptr) Tell(*told, tag->name(), {});
}

void Tags::Release(Tag* tag) {
  Shelf& shelf = tag->shelf_;
  const MutexLock hold(shelf.mu);
  if (--tag->refs_ == 0) SetAside(shelf, tag);
}

// The oldest of the idle ones makes room, unless it is carried again.
void Tags::SetAside(Shelf& shelf, Tag* tag) {
  if (!std::exchange(tag->is_idle_, true)) shelf.idle.push_back(tag);
  if (shelf.idle.size() <= kIdleTagsMax) return;
  Tag* oldest = shelf.idle.front();
  shelf.idle.pop_front();
  oldest->is_idle_ = false;
  if (oldest->refs_ == 0) Drop(shelf, oldest);
}

void Tags::Drop(Shelf& shelf, Tag* tag) {
  Raise(shelf.owner->FloorOf(tag->name_), std::max(tag->last(Bump::kSoft), tag->last(Bump::kHard)));
  shelf.owner->bytes_.Add(-static_cast<std::int64_t>(BytesOf(tag->name_)));
  shelf.tags.erase(shelf.tags.find(tag->name_));
}

Tags::State Tags::Look(std::string_view name) {
  Shelf& shelf = ShelfOf(name);
  const MutexLock hold(shelf.mu);
  const auto found = shelf.tags.find(name);
  if (found == shelf.tags.end()) return {};
  const Tag& tag = *found->second;
  return {.carriers = tag.refs_,
          .soft_bump = tag.last(Bump::kSoft),
          .hard_bump = tag.last(Bump::kHard)};
}

// A map's node has a link, the hash, the name and the pointer; its share of the buckets is a word.
std::size_t Tags::BytesOf(const std::string& name) {
  constexpr std::size_t kNodeBytes = 2 * sizeof(void*) + sizeof(std::string) + sizeof(void*);
  const std::size_t text = name.capacity() > 15 ? ds::AllocatedBytes(name.size() + 1) : 0;
  return ds::AllocatedBytes(kNodeBytes) + ds::AllocatedBytes(sizeof(Tag)) + sizeof(void*) + text;
}

std::size_t Tags::size() const {
  std::size_t tags = 0;
  for (const Shelf& shelf : shelves_) {
    const MutexLock hold(const_cast<Mutex&>(shelf.mu));
    tags += shelf.tags.size();
  }
  return tags;
}

}  // namespace cairn::keyspace
