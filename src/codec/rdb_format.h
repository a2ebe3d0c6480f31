// SPDX-License-Identifier: BSD-3-Clause
// The code points of RDB files. What follows each of them is described in docs/formats/rdb.md.
//
// They are facts of Redis's format, up to 7.4 (version 12), learned from its published sources
// (rdb.h of each release) and checked against files that Redis 7.0 and Valkey 8.0 write.
#ifndef CAIRN_CODEC_RDB_FORMAT_H_
#define CAIRN_CODEC_RDB_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cairn::codec {

inline constexpr std::string_view kRdbMagic = "REDIS";
inline constexpr std::size_t kRdbVersionDigits = 4;
inline constexpr int kRdbVersionMin = 1;
inline constexpr int kRdbVersionMax = 12;
// What is written unless something needs more: Redis 7.0 and all since read it.
inline constexpr int kRdbVersionUsual = 10;
// Of hashes whose fields have times, which only Redis 7.4 and later have.
inline constexpr int kRdbVersionFieldTimes = 12;
// From here on a file ends with a checksum.
inline constexpr int kRdbVersionChecksum = 5;

enum class RdbType : std::uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kSortedSetText = 3,  // scores as text
  kHash = 4,
  kSortedSet = 5,
  kModulePreRelease = 6,
  kModule = 7,
  kHashZipmap = 9,
  kListZiplist = 10,
  kSetInts = 11,
  kSortedSetZiplist = 12,
  kHashZiplist = 13,
  kListOfZiplists = 14,
  kStream1 = 15,
  kHashPacked = 16,
  kSortedSetPacked = 17,
  kListNodes = 18,
  kStream2 = 19,
  kSetPacked = 20,
  kStream3 = 21,
  kHashTimesPreRelease = 22,
  kHashPackedTimesPreRelease = 23,
  kHashTimes = 24,
  kHashPackedTimes = 25,
};
inline constexpr std::uint8_t kRdbTypeMax = 25;

enum class RdbOpcode : std::uint8_t {
  kSlotInfo = 244,
  kFunction = 245,
  kFunctionPreRelease = 246,
  kModuleAux = 247,
  kIdle = 248,
  kFrequency = 249,
  kAux = 250,
  kResizeDb = 251,
  kExpiryMs = 252,
  kExpirySeconds = 253,
  kSelectDb = 254,
  kEnd = 255,
};

// The two high bits of a length's first byte; with the last, the rest says how a text is encoded.
enum class RdbLengthForm : std::uint8_t { k6Bits = 0, k14Bits = 1, kWide = 2, kEncoded = 3 };
inline constexpr std::uint8_t kRdbLength32 = 0x80;
inline constexpr std::uint8_t kRdbLength64 = 0x81;
enum class RdbTextForm : std::uint8_t { kInt8 = 0, kInt16 = 1, kInt32 = 2, kLzf = 3 };

// Texts of at most so many bytes are tried as numbers; longer ones than the other are compressed,
// if that takes at least so many bytes off. Redis's figures, so that the bytes are the same.
inline constexpr std::size_t kRdbNumberTextMax = 11;
inline constexpr std::size_t kRdbCompressBytesMin = 21;
inline constexpr std::size_t kRdbCompressGainMin = 4;

// How a node of a list is kept.
enum class RdbListNode : std::uint8_t { kPlain = 1, kPacked = 2 };

// The first byte of a score as text, where it is no length.
enum class RdbTextScore : std::uint8_t { kNotANumber = 253, kInfinity = 254, kMinusInfinity = 255 };

// What a module's value consists of.
enum class RdbModuleOpcode : std::uint8_t {
  kEnd = 0,
  kSigned = 1,
  kUnsigned = 2,
  kFloat = 3,
  kDouble = 4,
  kText = 5,
};

// Fields' times are below 2^48 in Redis.
inline constexpr std::int64_t kRdbFieldTimeMax = (std::int64_t{1} << 48) - 1;

inline constexpr std::size_t kRdbStreamIdBytes = 16;

// DUMP: the value, the version in two bytes, the checksum in eight.
inline constexpr std::size_t kDumpVersionBytes = 2;
inline constexpr std::size_t kDumpFooterBytes = kDumpVersionBytes + 8;

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_RDB_FORMAT_H_
