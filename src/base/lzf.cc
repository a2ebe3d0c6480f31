// SPDX-License-Identifier: BSD-3-Clause
// The only file that knows liblzf. Its lengths are unsigned ints.
#include "base/lzf.h"

#include <liblzf/lzf.h>

#include <limits>

namespace cairn {
namespace {

constexpr std::size_t kBytesMax = std::numeric_limits<unsigned int>::max();

}  // namespace

std::size_t CompressLzf(std::string_view from, std::span<char> to) {
  if (from.empty() || to.empty() || from.size() > kBytesMax || to.size() > kBytesMax) return 0;
  return lzf_compress(from.data(), static_cast<unsigned int>(from.size()), to.data(),
                      static_cast<unsigned int>(to.size()));
}

bool DecompressLzf(std::string_view from, std::span<char> to) {
  if (from.empty() || to.empty() || from.size() > kBytesMax || to.size() > kBytesMax) return false;
  return lzf_decompress(from.data(), static_cast<unsigned int>(from.size()), to.data(),
                        static_cast<unsigned int>(to.size())) == to.size();
}

}  // namespace cairn
