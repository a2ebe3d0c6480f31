// SPDX-License-Identifier: BSD-3-Clause
// The layout of a member, written once.
#include "ds/scored_member.h"

#include <algorithm>
#include <new>

#include "ds/raw_memory.h"

namespace cairn::ds {

ScoredMember* ScoredMember::Make(double score, std::string_view bytes) {
  // Never less than the struct with its padding, whose end an empty member does not reach.
  void* memory = AllocateRaw(std::max(RequestFor(bytes.size()), sizeof(ScoredMember)));
  const bool is_short = bytes.size() < kLongSize;
  const auto short_size = is_short ? static_cast<std::uint8_t>(bytes.size()) : kLongSize;
  auto* member = new (memory) ScoredMember(score, short_size);
  char* out = static_cast<char*>(memory) + kHeaderBytes;
  if (!is_short) {
    const std::uint64_t size = bytes.size();
    std::memcpy(out, &size, sizeof(size));
    out += sizeof(size);
  }
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  return member;
}

void ScoredMember::Free(ScoredMember* member) { FreeRaw(member); }

std::size_t ScoredMember::allocated_bytes() const {
  return AllocatedBytes(std::max(RequestFor(bytes().size()), sizeof(ScoredMember)));
}

}  // namespace cairn::ds
