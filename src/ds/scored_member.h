// SPDX-License-Identifier: BSD-3-Clause
// ScoredMember: one member of a large sorted set, score and bytes in one allocation.
//
// Both indexes of the set point here: the hash table by the bytes, the tree by score and bytes.
//
//     | score 8 | size 1 | bytes ...                     members below 255 bytes
//     | score 8 | 255    | size 8 | bytes ...            longer ones
//
// In the slabs of an arena, whose classes lie eight bytes apart: a member of 15 bytes takes 24.
// Owned by whoever called Make; guarded by that owner's lock.
#ifndef CAIRN_DS_SCORED_MEMBER_H_
#define CAIRN_DS_SCORED_MEMBER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "ds/slab.h"

namespace cairn::ds {

class ScoredMember {
 public:
  static ScoredMember* Make(SlabArena& arena, double score, std::string_view key);
  // REQUIRES: it is from this arena.
  static void Free(SlabArena& arena, ScoredMember* member) { arena.Free(member, member->bytes()); }

  double score() const { return score_; }
  void set_score(double score) { score_ = score; }
  std::string_view key() const {
    const char* const after_header = reinterpret_cast<const char*>(this) + kHeaderBytes;
    if (short_size_ != kLongSize) [[likely]] {
      return {after_header, short_size_};
    }
    std::uint64_t size;
    std::memcpy(&size, after_header, sizeof(size));
    return {after_header + sizeof(size), size};
  }
  // What was asked of the arena for it.
  std::size_t bytes() const { return RequestFor(key().size()); }

 private:
  static constexpr std::uint8_t kLongSize = 255;
  static constexpr std::size_t kHeaderBytes = 9;

  ScoredMember(double score, std::uint8_t short_size) : score_(score), short_size_(short_size) {}
  // Never less than the struct with its padding, whose end an empty key does not reach.
  static std::size_t RequestFor(std::size_t key_bytes) {
    const std::size_t bytes =
        kHeaderBytes + (key_bytes < kLongSize ? 0 : sizeof(std::uint64_t)) + key_bytes;
    return bytes < sizeof(ScoredMember) ? sizeof(ScoredMember) : bytes;
  }

  double score_;
  std::uint8_t short_size_;  // the rest follows without padding
};

// By bytes, the shorter first where one begins the other.
inline int CompareMembers(std::string_view a, std::string_view b) {
  const std::size_t common = a.size() < b.size() ? a.size() : b.size();
  if (common != 0) {
    if (const int order = std::memcmp(a.data(), b.data(), common); order != 0) return order;
  }
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

}  // namespace cairn::ds

#endif  // CAIRN_DS_SCORED_MEMBER_H_
