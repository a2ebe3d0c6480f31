// SPDX-License-Identifier: BSD-3-Clause
// Frame: the stored form of a value, which says what it is.
//
//   Result<std::string> stored = SealFrame({.codec = 2, .schema = 7}, payload);
//   Result<OpenedFrame> opened = OpenFrame({.codec = 2, .schema = 7}, *stored);
//   opened->payload();
//
//   byte   0      3         4       5       6        10         18            22
//          | magic | version | codec | flags | schema | checksum | [raw bytes] | payload
//          |  3    |   1     |   1   |  1    | u32    | u64      |   u32       |
//
// Numbers are little-endian. Flags: bits 0 and 1 are the compression (0 none, 1 zstd, 2 lz4, with
// the raw size before the payload), all others 0. The checksum is XXH3-64 of all bytes but its own.
//
// What is not a whole frame of this very codec and schema is an Error, never a value: foreign
// bytes, a truncated or changed frame and a payload that does not unpack are kCorrupt, another
// codec or schema is kType, a newer version, unknown flags or a compression that was not built in
// are kUnsupported. A cache takes any of them for a miss.
//
// Errors: those; kLimit from SealFrame for a payload that is too large. Thread safety: functions of
// their arguments. Lifetimes: an OpenedFrame of what was not compressed is a view of `stored`.
// Cost: 18 bytes; a checksum at some 10 GB/s; one allocation to seal, and one to unpack.
#ifndef CAIRN_FRAME_H_
#define CAIRN_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cairn/result.h"

namespace cairn::cache {

inline constexpr std::size_t kFrameHeaderBytes = 18;
// Of a payload, packed or not, unless the options say less. Larger ones are kLimit.
inline constexpr std::size_t kPayloadBytesMax = std::size_t{64} << 20;

enum class Compression : std::uint8_t { kNone = 0, kZstd = 1, kLz4 = 2 };

// Whether this build has it. kNone it always has.
bool HasCompression(Compression compression);

struct FrameType {
  std::uint8_t codec = 0;
  std::uint32_t schema = 0;
};

struct FrameOptions {
  // Payloads of more bytes are packed, if that makes them smaller and this build can.
  std::size_t compress_above = 1024;
  Compression compression = Compression::kZstd;
  std::size_t payload_bytes_max = kPayloadBytesMax;
};

// Errors: kLimit.
Result<std::string> SealFrame(FrameType type, std::string_view payload,
                              const FrameOptions& options = {});

class OpenedFrame {
 public:
  explicit OpenedFrame(std::string_view stored) : stored_(stored) {}
  explicit OpenedFrame(std::string unpacked) : unpacked_(std::move(unpacked)) {}
  // Within the stored bytes, which have to live as long, or unpacked and owned.
  std::string_view payload() const { return unpacked_ ? std::string_view(*unpacked_) : stored_; }

 private:
  std::string_view stored_;
  std::optional<std::string> unpacked_;
};

// Unpacks no more than payload_bytes_max, whatever the frame says. Errors: see above.
Result<OpenedFrame> OpenFrame(FrameType expected, std::string_view stored,
                              std::size_t payload_bytes_max = kPayloadBytesMax);

// The payload's bytes once it is unpacked, as the header says. Of what is no frame: its own.
std::size_t UnpackedBytes(std::string_view stored);

}  // namespace cairn::cache

#endif  // CAIRN_FRAME_H_
