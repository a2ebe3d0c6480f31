// SPDX-License-Identifier: BSD-3-Clause
// ScoredMember: one member of a large sorted set, score and bytes in one allocation.
//
// Both indexes of the set point here: the hash table by the bytes, the tree by score and bytes.
//
//     | score 8 | size 1 | bytes ...                     members below 255 bytes
//     | score 8 | 255    | size 8 | bytes ...            longer ones
//
// The single byte matters: allocation classes lie 16 bytes apart, and with it members of up to 23
// bytes take 32. Owned by whoever called Make; guarded by that owner's lock.
#ifndef CAIRN_DS_SCORED_MEMBER_H_
#define CAIRN_DS_SCORED_MEMBER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace cairn::ds {

class ScoredMember {
 public:
  static ScoredMember* Make(double score, std::string_view bytes);
  static void Free(ScoredMember* member);

  double score() const { return score_; }
  void set_score(double score) { score_ = score; }
  std::string_view bytes() const {
    const char* const after_header = reinterpret_cast<const char*>(this) + kHeaderBytes;
    if (short_size_ != kLongSize) [[likely]] {
      return {after_header, short_size_};
    }
    std::uint64_t size;
    std::memcpy(&size, after_header, sizeof(size));
    return {after_header + sizeof(size), size};
  }
  // What the allocator sets aside for it.
  std::size_t allocated_bytes() const;

 private:
  static constexpr std::uint8_t kLongSize = 255;
  static constexpr std::size_t kHeaderBytes = 9;

  ScoredMember(double score, std::uint8_t short_size) : score_(score), short_size_(short_size) {}
  static std::size_t RequestFor(std::size_t bytes) {
    return kHeaderBytes + (bytes < kLongSize ? 0 : sizeof(std::uint64_t)) + bytes;
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
