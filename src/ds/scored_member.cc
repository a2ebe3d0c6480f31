// SPDX-License-Identifier: BSD-3-Clause
// The layout of a member, written once.
#include "ds/scored_member.h"

#include <new>

namespace cairn::ds {

ScoredMember* ScoredMember::Make(SlabArena& arena, double score, std::string_view key) {
  void* memory = arena.Allocate(RequestFor(key.size()));
  const bool is_short = key.size() < kLongSize;
  const auto short_size = is_short ? static_cast<std::uint8_t>(key.size()) : kLongSize;
  auto* member = new (memory) ScoredMember(score, short_size);
  char* out = static_cast<char*>(memory) + kHeaderBytes;
  if (!is_short) {
    const std::uint64_t size = key.size();
    std::memcpy(out, &size, sizeof(size));
    out += sizeof(size);
  }
  if (!key.empty()) std::memcpy(out, key.data(), key.size());
  return member;
}

}  // namespace cairn::ds
