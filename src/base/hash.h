// SPDX-License-Identifier: BSD-3-Clause
// The hashes and checksums of the house.
//
// HashKey is the keyed hash of all tables: 64 bits of XXH3 (libxxhash) under a random secret drawn
// at start, so that a client cannot choose keys that collide. Crc16 and KeySlot are Redis Cluster's
// (XMODEM polynomial 0x1021); Xxh3 is the unkeyed hash that DIGEST and IFDEQ compare. Thread
// safety: HashSeed is constant after construction; the rest is pure.
#ifndef CAIRN_BASE_HASH_H_
#define CAIRN_BASE_HASH_H_

#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace cairn {

struct KeyHashes {
  std::uint64_t hash;
  SlotId slot;
};

// The secret of the table hash. One per keyspace; never leaves the process.
class HashSeed {
 public:
  explicit HashSeed(std::uint64_t seed);
  std::uint64_t Hash(std::string_view key) const;
  // Hash and KeySlot in one call.
  KeyHashes HashWithSlot(std::string_view key) const { return hash_with_slot_(key, seed_); }

 private:
  // The way that suits the processor.
  KeyHashes (*hash_with_slot_)(std::string_view key, std::uint64_t seed);
  std::uint64_t seed_;
};

// Unkeyed XXH3, 64 bits, seed 0.
std::uint64_t Xxh3(std::string_view bytes);

std::uint16_t Crc16(std::string_view bytes);
namespace internal {
// What Crc16 does on a processor without carry-less multiplication; named for its test.
std::uint16_t Crc16ByTables(std::string_view bytes);
}  // namespace internal

// The part of a key that its slot is computed from: what stands between the first '{' and the next
// '}', if that is not empty.
std::string_view HashTag(std::string_view key);

inline constexpr std::uint32_t kSlotCount = 16384;
SlotId KeySlot(std::string_view key);

// CRC-64 with the Jones polynomial, reflected, as RDB and DUMP use it. `crc` continues an earlier
// sum; start with 0.
std::uint64_t Crc64(std::uint64_t crc, std::string_view bytes);
// The sum of two stretches together, from theirs (each begun with 0), in O(log second_bytes): what
// comes first may so be written last.
std::uint64_t Crc64Combine(std::uint64_t first, std::uint64_t second, std::uint64_t second_bytes);

}  // namespace cairn

#endif  // CAIRN_BASE_HASH_H_
