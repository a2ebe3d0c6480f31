// SPDX-License-Identifier: BSD-3-Clause
// ByteSource: where bytes to be decoded come from, a piece at a time.
#ifndef CAIRN_CODEC_BYTE_SOURCE_H_
#define CAIRN_CODEC_BYTE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.h"

namespace cairn::codec {

// A source that cannot tell how much is to come.
inline constexpr std::uint64_t kBytesLeftUnknown = UINT64_MAX;

class ByteSource {
 public:
  // Fills up to all of `into`; how many bytes these are, and 0 at the end. REQUIRES: !into.empty().
  virtual Result<std::size_t> Read(std::span<char> into) = 0;
  // No more than these can come: of a file, what is left of it. A length that claims more is
  // refused before anything is set aside for it.
  virtual std::uint64_t bytes_left_max() const { return kBytesLeftUnknown; }

 protected:
  ~ByteSource() = default;
};

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_BYTE_SOURCE_H_
