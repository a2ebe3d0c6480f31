// SPDX-License-Identifier: BSD-3-Clause
// Sealing and opening. The checksum is looked at before anything is believed but the version, so a
// raw size that is unpacked to is one that was written; it is bounded all the same, since whoever
// can write to the store can write a checksum.
#include "cairn/frame.h"

#define XXH_INLINE_ALL
#include <xxhash.h>
#ifdef CAIRN_ZSTD
#include <zstd.h>
#endif
#ifdef CAIRN_LZ4
#include <lz4.h>
#endif

#include <array>
#include <climits>
#include <cstring>

namespace cairn::cache {
namespace {

constexpr std::string_view kMagic =
    "\x8C"
    "cv";
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kCompressionFlags = 3;
constexpr std::size_t kVersionAt = 3;
constexpr std::size_t kCodecAt = 4;
constexpr std::size_t kFlagsAt = 5;
constexpr std::size_t kSchemaAt = 6;
constexpr std::size_t kChecksumAt = 10;
constexpr std::size_t kRawSizeBytes = 4;
static_assert(kChecksumAt + 8 == kFrameHeaderBytes);
static_assert(kPayloadBytesMax <= INT_MAX, "what LZ4 takes");
// Level 3 is zstd's own default: some 500 MB/s, which is less than the network's time.
[[maybe_unused]] constexpr int kZstdLevel = 3;

void PutNumber(std::uint64_t number, std::size_t width, char* bytes) {
  for (std::size_t i = 0; i < width; ++i) bytes[i] = static_cast<char>(number >> (8 * i));
}

std::uint64_t TakeNumber(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = bytes.size(); i > 0; --i)
    number = number << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return number;
}

std::uint64_t Checksum(std::string_view frame) {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, frame.data(), kChecksumAt);
  XXH3_64bits_update(&state, frame.data() + kFrameHeaderBytes, frame.size() - kFrameHeaderBytes);
  return XXH3_64bits_digest(&state);
}

// Behind `head` bytes that stay free; nothing if it cannot be done or makes it no smaller.
std::optional<std::string> Pack([[maybe_unused]] std::string_view payload,
                                [[maybe_unused]] std::size_t head, Compression compression) {
  std::string packed;
  std::size_t size = 0;
  switch (compression) {
    case Compression::kNone:
      return std::nullopt;
    case Compression::kZstd: {
#ifdef CAIRN_ZSTD
      packed.resize(head + ZSTD_compressBound(payload.size()));
      size = ZSTD_compress(packed.data() + head, packed.size() - head, payload.data(),
                           payload.size(), kZstdLevel);
      if (ZSTD_isError(size) != 0) return std::nullopt;
#endif
      break;
    }
    case Compression::kLz4: {
#ifdef CAIRN_LZ4
      const int length = static_cast<int>(payload.size());
      packed.resize(head + static_cast<std::size_t>(LZ4_compressBound(length)));
      size = static_cast<std::size_t>(LZ4_compress_default(
          payload.data(), packed.data() + head, length, static_cast<int>(packed.size() - head)));
#endif
      break;
    }
  }
  if (size == 0 || size + kRawSizeBytes >= payload.size()) return std::nullopt;
  packed.resize(head + size);
  return packed;
}

// Exactly raw_size bytes, or it is none of ours.
Result<OpenedFrame> Unpack([[maybe_unused]] std::string_view packed,
                           [[maybe_unused]] std::size_t raw_size, Compression compression) {
  if (!HasCompression(compression))
    return Fail(Errc::kUnsupported, "a compression that was not built in");
  std::string raw(raw_size, '\0');
  bool whole = false;
#ifdef CAIRN_ZSTD
  if (compression == Compression::kZstd)
    whole = ZSTD_decompress(raw.data(), raw_size, packed.data(), packed.size()) == raw_size;
#endif
#ifdef CAIRN_LZ4
  if (compression == Compression::kLz4) {
    const int size = LZ4_decompress_safe(packed.data(), raw.data(), static_cast<int>(packed.size()),
                                         static_cast<int>(raw_size));
    whole = size >= 0 && static_cast<std::size_t>(size) == raw_size;
  }
#endif
  if (!whole) return Fail(Errc::kCorrupt, "the packed payload does not unpack");
  return OpenedFrame(std::move(raw));
}

// Whether these are bytes that we have written and can read; nothing is said of codec and schema.
Result<void> CheckHeader(std::string_view stored) {
  if (stored.size() < kFrameHeaderBytes || !stored.starts_with(kMagic))
    return Fail(Errc::kCorrupt, "not a frame");
  // A newer version may have its checksum elsewhere.
  if (static_cast<std::uint8_t>(stored[kVersionAt]) != kVersion)
    return Fail(Errc::kUnsupported, "a frame of another version");
  if (TakeNumber(stored.substr(kChecksumAt, 8)) != Checksum(stored))
    return Fail(Errc::kCorrupt, "the frame's checksum does not hold");
  const auto flags = static_cast<std::uint8_t>(stored[kFlagsAt]);
  if (flags > kCompressionFlags || flags == kCompressionFlags)
    return Fail(Errc::kUnsupported, "a frame with unknown flags");
  return {};
}

}  // namespace

bool HasCompression(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return true;
    case Compression::kZstd:
#ifdef CAIRN_ZSTD
      return true;
#else
      return false;
#endif
    case Compression::kLz4:
#ifdef CAIRN_LZ4
      return true;
#else
      return false;
#endif
  }
  return false;
}

Result<std::string> SealFrame(FrameType type, std::string_view payload,
                              const FrameOptions& options) {
  if (payload.size() > std::min(options.payload_bytes_max, kPayloadBytesMax))
    return Fail(Errc::kLimit, "the value takes " + std::to_string(payload.size()) + " bytes");
  constexpr std::size_t kPackedHead = kFrameHeaderBytes + kRawSizeBytes;
  std::optional<std::string> packed;
  if (payload.size() > options.compress_above)
    packed = Pack(payload, kPackedHead, options.compression);
  std::string frame;
  if (packed) {
    frame = std::move(*packed);
    PutNumber(payload.size(), kRawSizeBytes, frame.data() + kFrameHeaderBytes);
  } else {
    frame.reserve(kFrameHeaderBytes + payload.size());
    frame.resize(kFrameHeaderBytes);
    frame += payload;
  }
  std::memcpy(frame.data(), kMagic.data(), kMagic.size());
  frame[kVersionAt] = static_cast<char>(kVersion);
  frame[kCodecAt] = static_cast<char>(type.codec);
  frame[kFlagsAt] = packed ? static_cast<char>(options.compression) : '\0';
  PutNumber(type.schema, 4, frame.data() + kSchemaAt);
  PutNumber(Checksum(frame), 8, frame.data() + kChecksumAt);
  return frame;
}

Result<OpenedFrame> OpenFrame(FrameType expected, std::string_view stored,
                              std::size_t payload_bytes_max) {
  if (Result<void> header = CheckHeader(stored); !header) return Pass(std::move(header));
  if (static_cast<std::uint8_t>(stored[kCodecAt]) != expected.codec)
    return Fail(Errc::kType, "a frame of another codec");
  if (TakeNumber(stored.substr(kSchemaAt, 4)) != expected.schema)
    return Fail(Errc::kType, "a frame of another schema");
  std::string_view payload = stored.substr(kFrameHeaderBytes);
  const auto compression = static_cast<Compression>(stored[kFlagsAt]);
  const std::size_t size_max = std::min(payload_bytes_max, kPayloadBytesMax);
  std::uint64_t raw_size = payload.size();
  if (compression != Compression::kNone) {
    if (payload.size() < kRawSizeBytes) return Fail(Errc::kCorrupt, "the frame has no raw size");
    raw_size = TakeNumber(payload.substr(0, kRawSizeBytes));
    payload.remove_prefix(kRawSizeBytes);
  }
  if (raw_size > size_max || payload.size() > size_max)
    return Fail(Errc::kLimit, "the value takes " + std::to_string(raw_size) + " bytes");
  if (compression == Compression::kNone) return OpenedFrame(payload);
  return Unpack(payload, raw_size, compression);
}

std::size_t UnpackedBytes(std::string_view stored) {
  if (stored.size() < kFrameHeaderBytes + kRawSizeBytes || stored[kFlagsAt] == '\0')
    return stored.size();
  return TakeNumber(stored.substr(kFrameHeaderBytes, kRawSizeBytes));
}

}  // namespace cairn::cache
