// SPDX-License-Identifier: BSD-3-Clause
// Chunks double with what was gathered: a handful of members takes one small chunk, a million take
// twenty. A member that is larger than a chunk gets one of its own.
#include "value/scored_members.h"

#include <algorithm>
#include <cstring>

namespace cairn::value {
namespace {

constexpr std::size_t kFirstChunkBytes = 512;
constexpr std::size_t kChunkBytesMax = std::size_t{1} << 20;
constexpr std::size_t kDoublings = 11;
static_assert(kFirstChunkBytes << kDoublings == kChunkBytesMax);

}  // namespace

std::string_view ScoredMembers::Keep(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (bytes.size() > free_bytes_) {
    const std::size_t chunk = kFirstChunkBytes << std::min(chunks_.size(), kDoublings);
    free_bytes_ = std::max(chunk, bytes.size());
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(free_bytes_));
    free_ = chunks_.back().get();
  }
  std::memcpy(free_, bytes.data(), bytes.size());
  const std::string_view kept(free_, bytes.size());
  free_ += bytes.size();
  free_bytes_ -= bytes.size();
  return kept;
}

void ScoredMembers::Sort() {
  std::sort(entries_.begin(), entries_.end(), [](const MemberScore& a, const MemberScore& b) {
    return a.score < b.score || (a.score == b.score && a.member < b.member);
  });
}

}  // namespace cairn::value
