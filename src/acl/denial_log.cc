// SPDX-License-Identifier: BSD-3-Clause
// Counting, and finding the entry that a refusal belongs to. A list, since that one moves to the
// front.
#include "acl/denial_log.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace cairn::acl {
namespace {

bool IsTheSame(const DenialEntry& a, const DenialEntry& b) {
  return a.reason == b.reason && a.context == b.context &&
         std::abs(a.updated_ms - b.updated_ms) <= DenialLog::kTogetherMs && a.object == b.object &&
         a.user == b.user;
}

}  // namespace

void DenialLog::Add(DenialEntry entry, std::size_t length_max) {
  counts_[static_cast<std::size_t>(entry.reason)].Add(1);
  for (std::string* text : {&entry.object, &entry.user})
    text->resize(std::min(text->size(), kTextBytesMax));
  MutexLock hold(mu_);
  const auto last =
      std::next(entries_.begin(), std::min<std::ptrdiff_t>(std::ssize(entries_), kLookedThrough));
  const auto known = std::find_if(
      entries_.begin(), last, [&](const DenialEntry& other) { return IsTheSame(other, entry); });
  if (length_max > 0 && known != last) {
    known->client_line = std::move(entry.client_line);
    known->updated_ms = entry.updated_ms;
    ++known->count;
    entries_.splice(entries_.begin(), entries_, known);
  } else if (length_max > 0) {
    entry.id = next_id_++;
    entries_.push_front(std::move(entry));
  }
  while (entries_.size() > length_max) entries_.pop_back();
}

std::vector<DenialEntry> DenialLog::Newest(std::size_t count) const {
  MutexLock hold(mu_);
  const auto wanted = static_cast<std::ptrdiff_t>(std::min(count, entries_.size()));
  return {entries_.begin(), std::next(entries_.begin(), wanted)};
}

void DenialLog::Reset() {
  std::list<DenialEntry> gone;
  MutexLock hold(mu_);
  gone.swap(entries_);
}

}  // namespace cairn::acl
