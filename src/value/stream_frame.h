// SPDX-License-Identifier: BSD-3-Clause
// The frame of an entry in a stream's node: flags, widths, the two numbers of its id, a length. For
// the sources of StreamNode only.
//
// The first byte holds the flags and the widths of the two numbers: milliseconds since the node's
// first entry, and the sequence, which counts from the first entry's only within its millisecond.
// Entries that were added within a millisecond of each other, or whose sequence is 0, have nothing
// there.
#ifndef CAIRN_VALUE_STREAM_FRAME_H_
#define CAIRN_VALUE_STREAM_FRAME_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "value/stream_element.h"
#include "value/stream_id.h"

namespace cairn::value {

// The first two also of a listpack's entry.
inline constexpr unsigned kFrameDeleted = 1;
inline constexpr unsigned kFrameSameFields = 2;
inline constexpr unsigned kFrameMsShift = 2;
inline constexpr unsigned kFrameSeqShift = 5;
inline constexpr unsigned kFrameWidthMask = 7;
// The widths that three bits can name.
inline constexpr std::array<std::uint8_t, 8> kFrameWidths = {0, 1, 2, 3, 4, 5, 6, 8};
// From how many bytes a number needs.
inline constexpr std::array<std::uint8_t, 9> kFrameWidthCodes = {0, 1, 2, 3, 4, 5, 6, 7, 7};

inline constexpr std::size_t kFrameLengthMax = 5;
inline constexpr std::size_t kFrameBytesMax = 1 + 16 + kFrameLengthMax;

// REQUIRES: room for eight bytes, of which those that are too many are for what follows.
inline char* PutFrameNumber(char* out, std::uint64_t number, unsigned code) {
  PutBytes(out, &number, sizeof(number));
  return out + kFrameWidths[code];
}
inline std::uint64_t GetFrameNumber(const char* in, unsigned width) {
  std::uint64_t number = 0;
  for (unsigned i = 0; i < width; ++i) {
    number |= static_cast<std::uint64_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  }
  return number;
}

// Flags and id of an entry in a node whose first entry has the id `base`. REQUIRES: room for
// kFrameBytesMax.
inline char* PutFrame(char* out, unsigned flags, StreamId base, StreamId id) {
  const auto width_code = [](std::uint64_t number) -> unsigned {
    return kFrameWidthCodes[(static_cast<std::size_t>(std::bit_width(number)) + 7) / 8];
  };
  const std::uint64_t ms = id.ms - base.ms;
  const std::uint64_t seq = ms == 0 ? id.seq - base.seq : id.seq;
  const unsigned ms_code = width_code(ms);
  const unsigned seq_code = width_code(seq);
  *out++ = static_cast<char>(flags | (ms_code << kFrameMsShift) | (seq_code << kFrameSeqShift));
  out = PutFrameNumber(out, ms, ms_code);
  return PutFrameNumber(out, seq, seq_code);
}

// The length of what follows, written with as many bytes as its upper bound takes.
constexpr unsigned FrameLengthBytes(std::size_t bound) {
  if (bound < 0x80) return 1;
  if (bound < 0x4000) return 2;
  return kFrameLengthMax;
}
inline void PutFrameLength(char* out, std::size_t length, unsigned bytes) {
  for (unsigned i = 0; i + 1 < bytes; ++i, length >>= 7) out[i] = static_cast<char>(length | 0x80);
  out[bytes - 1] = static_cast<char>(length);
}
inline std::uint32_t GetFrameLength(const char* in, unsigned* bytes) {
  std::uint32_t length = 0;
  unsigned i = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(in[i++]);
    length |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  *bytes = i;
  return length;
}

// What a listpack takes around the values of an entry: flags, id, number of fields, of elements.
constexpr std::size_t PackedFrameBytes(StreamId base, StreamId id, std::size_t fields,
                                       bool same_fields) {
  const std::size_t elements = same_fields ? fields + 3 : 2 * fields + 4;
  return PackedNumberBytes(same_fields ? kFrameSameFields : 0) +
         PackedNumberBytes(static_cast<std::int64_t>(id.ms - base.ms)) +
         PackedNumberBytes(static_cast<std::int64_t>(id.seq - base.seq)) +
         (same_fields ? 0 : PackedNumberBytes(static_cast<std::int64_t>(fields))) +
         PackedNumberBytes(static_cast<std::int64_t>(elements));
}

}  // namespace cairn::value

#endif  // CAIRN_VALUE_STREAM_FRAME_H_
