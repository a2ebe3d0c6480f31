// SPDX-License-Identifier: BSD-3-Clause
// Longest common subsequence of two strings: its length, and the matches it is made of.
//
// There are many longest subsequences; LcsMatches finds the one that Redis finds. The work is
// |a| * |b| / 64 word steps, the memory of LcsMatches |a| * |b| / 8 bytes, where the usual table of
// counters takes four bytes a cell: the greatest pair that the default limits admit (134 million
// cells) costs milliseconds and 16 MiB instead of half a second and 512 MiB.
//
// Pure functions; safe from any thread.
#ifndef CAIRN_VALUE_LCS_H_
#define CAIRN_VALUE_LCS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::value {

// What LcsMatches may take for its trace, however high a client's limit is.
inline constexpr std::uint64_t kLcsTraceBytesMax = std::uint64_t{256} << 20;

enum class LcsLimit {
  kWithin,
  // "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
  kBeyondBulk,
  // "ERR Insufficient memory, failed allocating transient memory for LCS"
  kBeyondTrace
};

// Redis refuses when its table, four bytes for each of (|a| + 1) * (|b| + 1) cells, would be larger
// than proto-max-bulk-len, and so do we, with less need.
LcsLimit LcsCheck(std::size_t size_a, std::size_t size_b, std::uint64_t bulk_bytes_max);

std::uint64_t LcsLength(std::string_view a, std::string_view b);

// A stretch of bytes that is equal in both strings.
struct LcsMatch {
  std::uint64_t start_a;
  std::uint64_t start_b;
  std::uint64_t length;

  bool operator==(const LcsMatch&) const = default;
};

// From the last to the first, in which order Redis replies them. None touches the next: of two
// neighbours at least one string has bytes between. REQUIRES: LcsCheck said kWithin.
std::vector<LcsMatch> LcsMatches(std::string_view a, std::string_view b);

// The subsequence itself.
std::string LcsText(std::string_view a, std::span<const LcsMatch> matches);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_LCS_H_
