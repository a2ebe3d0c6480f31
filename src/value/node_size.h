// SPDX-License-Identifier: BSD-3-Clause
// Sizes inside the nodes of large hashes and sets: one byte, or five where the size is above 254.
//
//     0..254 | or | 255 | size: 4, little-endian |
//
// A million members pay for every byte, and a reader of a node wants no loop, so neither four bytes
// nor a varint.
#ifndef CAIRN_VALUE_NODE_SIZE_H_
#define CAIRN_VALUE_NODE_SIZE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace cairn::value {

inline constexpr std::size_t kShortNodeSizeMax = 254;
inline constexpr unsigned char kLongNodeSize = 255;

inline std::size_t NodeSizeBytes(std::size_t size) { return size <= kShortNodeSizeMax ? 1 : 5; }

// Returns one past what it wrote.
inline char* WriteNodeSize(char* to, std::size_t size) {
  if (size <= kShortNodeSizeMax) {
    *to = static_cast<char>(size);
    return to + 1;
  }
  *to = static_cast<char>(kLongNodeSize);
  const auto word = static_cast<std::uint32_t>(size);
  std::memcpy(to + 1, &word, sizeof(word));
  return to + 1 + sizeof(word);
}

// Moves `from` behind the size that it returns.
inline std::size_t ReadNodeSize(const char*& from) {
  const auto first = static_cast<unsigned char>(*from++);
  if (first != kLongNodeSize) [[likely]]
    return first;
  std::uint32_t word;
  std::memcpy(&word, from, sizeof(word));
  from += sizeof(word);
  return word;
}

}  // namespace cairn::value

#endif  // CAIRN_VALUE_NODE_SIZE_H_
