// SPDX-License-Identifier: BSD-3-Clause
// A single register lies in one byte or in two; the 16 bits that start at its byte always hold it,
// except for the last register, which ends with the last byte. Histograms are summed in four
// tables, since neighbours often hold the same rank and one table would wait for its own stores.
#include "value/hll_dense.h"

#include <algorithm>

#include "base/check.h"

namespace cairn::value {
namespace {

constexpr unsigned kRegisterMask = (1U << kHllRegisterBits) - 1;
constexpr std::size_t kGroupBytes = 3;
constexpr std::size_t kGroupRegisters = 4;

static_assert(kGroupBytes * 8 == kGroupRegisters * kHllRegisterBits);
static_assert(kHllDenseRegisterBytes % kGroupBytes == 0);

unsigned ByteAt(const char* at) { return static_cast<unsigned char>(*at); }

// Four registers in the low 24 bits.
unsigned LoadGroup(const char* at) {
  return ByteAt(at) | ByteAt(at + 1) << 8 | ByteAt(at + 2) << 16;
}

void StoreGroup(char* at, unsigned group) {
  at[0] = static_cast<char>(group & 0xff);
  at[1] = static_cast<char>((group >> 8) & 0xff);
  at[2] = static_cast<char>((group >> 16) & 0xff);
}

std::size_t GroupOffset(std::uint16_t index) { return index / kGroupRegisters * kGroupBytes; }
unsigned GroupShift(std::uint16_t index) {
  return static_cast<unsigned>(index % kGroupRegisters * kHllRegisterBits);
}

}  // namespace

std::uint8_t HllDenseGet(std::string_view dense, std::uint16_t index) {
  DCHECK(dense.size() == kHllDenseRegisterBytes);
  const unsigned group = LoadGroup(dense.data() + GroupOffset(index));
  return static_cast<std::uint8_t>((group >> GroupShift(index)) & kRegisterMask);
}

bool HllDenseRaise(std::span<char> dense, HllSpot spot) {
  DCHECK(dense.size() == kHllDenseRegisterBytes);
  char* const at = dense.data() + GroupOffset(spot.index);
  const unsigned group = LoadGroup(at);
  const unsigned shift = GroupShift(spot.index);
  if (((group >> shift) & kRegisterMask) >= spot.rank) return false;
  StoreGroup(at, (group & ~(kRegisterMask << shift)) | (unsigned{spot.rank} << shift));
  return true;
}

void HllDenseUnite(std::string_view dense, HllRegisters& registers) {
  CHECK(dense.size() == kHllDenseRegisterBytes);
  // First apart, then together: each of the two loops becomes vector code, one loop would not.
  HllRegisters unpacked;
  for (std::size_t group = 0; group < kHllRegisters / kGroupRegisters; ++group) {
    const unsigned bits = LoadGroup(dense.data() + group * kGroupBytes);
    for (std::size_t k = 0; k < kGroupRegisters; ++k) {
      unpacked[group * kGroupRegisters + k] =
          static_cast<std::uint8_t>((bits >> (k * kHllRegisterBits)) & kRegisterMask);
    }
  }
  for (std::size_t i = 0; i < kHllRegisters; ++i) {
    registers[i] = std::max(registers[i], unpacked[i]);
  }
}

void HllDensePack(const HllRegisters& registers, std::span<char> dense) {
  CHECK(dense.size() == kHllDenseRegisterBytes);
  for (std::size_t group = 0; group < kHllRegisters / kGroupRegisters; ++group) {
    unsigned bits = 0;
    for (std::size_t k = 0; k < kGroupRegisters; ++k) {
      bits |= (registers[group * kGroupRegisters + k] & kRegisterMask) << (k * kHllRegisterBits);
    }
    StoreGroup(dense.data() + group * kGroupBytes, bits);
  }
}

HllHistogram HllDenseHistogram(std::string_view dense) {
  CHECK(dense.size() == kHllDenseRegisterBytes);
  std::array<HllHistogram, kGroupRegisters> parts = {};
  for (std::size_t at = 0; at < dense.size(); at += kGroupBytes) {
    const unsigned group = LoadGroup(dense.data() + at);
    for (std::size_t k = 0; k < kGroupRegisters; ++k) {
      ++parts[k][(group >> (k * kHllRegisterBits)) & kRegisterMask];
    }
  }
  HllHistogram histogram = parts[0];
  for (std::size_t k = 1; k < kGroupRegisters; ++k) {
    for (std::size_t rank = 0; rank < histogram.size(); ++rank) histogram[rank] += parts[k][rank];
  }
  return histogram;
}

}  // namespace cairn::value
