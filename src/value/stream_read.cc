// SPDX-License-Identifier: BSD-3-Clause
// Groups and their stream: who has read how much, and who has what.
//
// A group counts what it reads. The count stays meaningful as long as no entry ahead of it was
// deleted; where that happened it is found again from the stream's own counters, at the few ids
// whose place among all entries ever added is known: the last, the first, and everything before
// the first, if no deletion lies between. The rules are those of Redis 7.2; later versions know the
// place in fewer cases.
#include <algorithm>

#include "base/check.h"
#include "value/stream.h"
#include "value/stream_body.h"

namespace cairn::value {
namespace {

// How many pending entries an automatic claim looks at, for each that it may return.
constexpr std::size_t kAutoClaimFactor = 10;

}  // namespace

std::span<const std::unique_ptr<StreamGroup>> Stream::groups() const {
  if (body_ == nullptr) return {};
  return body_->groups;
}

Stream::Groups::const_iterator Stream::GroupAt(std::string_view name) const {
  return std::lower_bound(
      body_->groups.begin(), body_->groups.end(), name,
      [](const auto& group, std::string_view wanted) { return group->name() < wanted; });
}

StreamGroup* Stream::FindGroup(std::string_view name) const {
  if (body_ == nullptr) return nullptr;
  const auto at = GroupAt(name);
  return at != body_->groups.end() && (*at)->name() == name ? at->get() : nullptr;
}

StreamGroup* Stream::CreateGroup(std::string_view name, StreamId last_id,
                                 std::int64_t entries_read) {
  Body& body = this->body();
  const auto at = GroupAt(name);
  if (at != body.groups.end() && (*at)->name() == name) return nullptr;
  const auto added = body.groups.insert(at, std::make_unique<StreamGroup>(name, &body.group_bytes));
  (*added)->SetLastId(last_id, entries_read);
  return added->get();
}

bool Stream::DestroyGroup(std::string_view name) {
  if (FindGroup(name) == nullptr) return false;
  body_->groups.erase(GroupAt(name));
  return true;
}

bool Stream::IsReferenced(StreamId id) const {
  return std::ranges::any_of(groups(), [id](const auto& group) { return group->Needs(id); });
}

bool Stream::HasTombstoneFrom(StreamId id) const {
  return body_->length > 0 && !body_->max_deleted_id.is_zero() &&
         body_->first_id <= body_->max_deleted_id && id <= body_->max_deleted_id;
}

// How many entries were added up to this id and with it, deleted ones too, if that can be known.
std::optional<std::int64_t> Stream::ReadCounterAt(StreamId id) const {
  const auto added = static_cast<std::int64_t>(body_->entries_added);
  const auto length = static_cast<std::int64_t>(body_->length);
  if (added == 0) return 0;
  if (length == 0 && id <= body_->last_id) return added;
  if (id == body_->last_id) return added;
  if (id > body_->last_id) return std::nullopt;
  const bool whole = body_->max_deleted_id.is_zero() || body_->max_deleted_id < body_->first_id;
  if (!whole || id > body_->first_id) return std::nullopt;
  return id == body_->first_id ? added - length + 1 : added - length;
}

std::int64_t Stream::EntriesReadAt(StreamId id) const {
  if (body_ == nullptr) return 0;
  return ReadCounterAt(id).value_or(kEntriesReadUnknown);
}

std::optional<std::int64_t> Stream::Lag(const StreamGroup& group) const {
  const auto added = static_cast<std::int64_t>(entries_added());
  if (added == 0) return 0;
  if (group.entries_read() != kEntriesReadUnknown && !HasTombstoneFrom(group.last_id())) {
    return added - group.entries_read();
  }
  const auto read = ReadCounterAt(group.last_id());
  if (!read) return std::nullopt;
  return added - *read;
}

void Stream::NoteRead(StreamGroup& group, StreamConsumer& consumer, StreamId id,
                      StreamAcknowledge acknowledge, UnixMs now) {
  if (id > group.last_id()) {
    std::int64_t entries_read = group.entries_read();
    if (entries_read != kEntriesReadUnknown && !HasTombstoneFrom(id)) {
      ++entries_read;
    } else if (body_->entries_added != 0) {
      entries_read = ReadCounterAt(id).value_or(kEntriesReadUnknown);
    }
    group.SetLastId(id, entries_read);
  }
  if (acknowledge == StreamAcknowledge::kAtOnce) return;
  group.SetPending(id, {now, 1, &consumer});
  consumer.set_active_time(now);
}

StreamClaimResult Stream::Claim(StreamGroup& group, StreamConsumer& consumer, StreamId id,
                                const StreamClaim& claim) {
  const StreamDelivery* pending = group.FindPending(id);
  if (!Find(id)) {
    if (pending == nullptr) return StreamClaimResult::kNotPending;
    group.Acknowledge(id);
    return StreamClaimResult::kVanished;
  }
  if (pending == nullptr && !claim.force) return StreamClaimResult::kNotPending;
  // A forced one counts as delivered once before anybody claims it.
  std::uint64_t count = 1;
  if (pending != nullptr) {
    if (claim.min_idle_ms != 0 && claim.now - pending->time < claim.min_idle_ms) {
      return StreamClaimResult::kTooYoung;
    }
    count = pending->count;
  }
  if (claim.retry_count) {
    count = *claim.retry_count;
  } else if (!claim.just_id) {
    ++count;
  }
  group.SetPending(id, {claim.delivery_time, count, &consumer});
  consumer.set_active_time(claim.now);
  return StreamClaimResult::kClaimed;
}

StreamAutoClaimed Stream::AutoClaim(StreamGroup& group, StreamConsumer& consumer,
                                    const StreamAutoClaim& claim) {
  DCHECK(claim.count > 0 && claim.count <= SIZE_MAX / kAutoClaimFactor);
  StreamAutoClaimed result;
  std::size_t attempts = claim.count * kAutoClaimFactor;
  StreamId from = claim.start;
  const StreamGroup::Pending& pending = group.pending();
  while (true) {
    const auto at = pending.LowerBound(from);
    if (at == pending.End()) return result;
    const StreamId id = pending.At(at).key;
    const std::size_t found = result.claimed.size() + result.vanished.size();
    if (attempts-- == 0 || found == claim.count) {
      result.next = id;
      return result;
    }
    const StreamClaim one{.now = claim.now,
                          .min_idle_ms = claim.min_idle_ms,
                          .delivery_time = claim.now,
                          .just_id = claim.just_id};
    const StreamClaimResult claimed = Claim(group, consumer, id, one);
    if (claimed == StreamClaimResult::kClaimed) result.claimed.push_back(id);
    if (claimed == StreamClaimResult::kVanished) result.vanished.push_back(id);
    const auto next = Successor(id);
    if (!next) return result;
    from = *next;
  }
}

}  // namespace cairn::value
