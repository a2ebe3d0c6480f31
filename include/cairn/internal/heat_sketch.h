// SPDX-License-Identifier: BSD-3-Clause
// HeatSketch: how often each of very many names was read of late, in memory that is bounded. Part
// of cairn/near_cache.h, not for users.
//
// A count-min sketch: a name has kRows cells, which it shares with others; its count is that of the
// least of them, so it may be taken as hotter than it is, never as colder. (Cormode, Muthukrishnan,
// "An improved data stream summary", 2005; only the least cells are raised: Estan, Varghese.)
//
//     cell   [half : 16][count in the half before : 8][count in this half : 8]
//
// Time goes by halves of the period. Who touches a cell moves it on to the half that it is now, so
// nothing is ever cleared, and a count is of the last half period at least, of all of it at most.
//
// Thread safety: any thread; counts of the same moment may be lost, a read of a hot name comes
// again. Cost: O(1), no lock, no allocation.
#ifndef CAIRN_INTERNAL_HEAT_SKETCH_H_
#define CAIRN_INTERNAL_HEAT_SKETCH_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "cairn/clock.h"

namespace cairn::cache::internal {

class HeatSketch {
 public:
  static constexpr std::size_t kRows = 4;
  static constexpr std::size_t kKeysMax = std::size_t{1} << 22;
  static constexpr std::uint32_t kCountMax = 255;

  // So many names within a period are told apart: kRows cells for each, 16 bytes.
  // REQUIRES: period > 0, keys from 1 to kKeysMax
  HeatSketch(Duration period, std::size_t keys)
      : half_(std::max<Duration>(period / 2, Duration(1))),
        mask_(std::bit_ceil(keys) * kRows - 1),
        cells_(std::make_unique<std::atomic<std::uint32_t>[]>(mask_ + 1)) {}

  std::uint32_t Count(std::size_t hash, TimePoint now) const {
    std::uint32_t count = 2 * kCountMax;
    for (std::size_t row = 0; row < kRows; ++row) {
      const Cell cell = Read(CellOf(hash, row).load(std::memory_order_relaxed), HalfOf(now));
      count = std::min(count, cell.before + cell.here);
    }
    return count;
  }
  // To `count` at least, as if it had been read so often in this half.
  void Raise(std::size_t hash, std::uint32_t count, TimePoint now) {
    for (std::size_t row = 0; row < kRows; ++row) {
      // relaxed: nothing is published by it.
      std::atomic<std::uint32_t>& word = CellOf(hash, row);
      std::uint32_t seen = word.load(std::memory_order_relaxed);
      Cell cell = Read(seen, HalfOf(now));
      if (cell.before + cell.here >= count) continue;
      cell.here = std::min(count - cell.before, kCountMax);
      word.compare_exchange_weak(seen, cell.half << 16 | cell.before << 8 | cell.here,
                                 std::memory_order_relaxed);
    }
  }
  // One read more: how many there are with it.
  std::uint32_t Add(std::size_t hash, TimePoint now) {
    const std::uint32_t count = Count(hash, now) + 1;
    Raise(hash, count, now);
    return count;
  }

 private:
  struct Cell {
    std::uint32_t half;
    std::uint32_t before;
    std::uint32_t here;
  };

  std::uint32_t HalfOf(TimePoint now) const {
    return static_cast<std::uint16_t>(now.time_since_epoch() / half_);
  }
  // As it stands in that half.
  static Cell Read(std::uint32_t word, std::uint32_t half) {
    const std::uint32_t age = (half - (word >> 16)) & 0xffff;
    if (age == 0) return {half, word >> 8 & 0xff, word & 0xff};
    return {half, age == 1 ? word & 0xff : 0, 0};
  }
  std::size_t PlaceOf(std::size_t hash, std::size_t row) const {
    // Each row by other bits: odd multipliers, of which the high bits are taken.
    constexpr std::array<std::uint64_t, kRows> kFactors = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9,
                                                           0x94d049bb133111eb, 0xd6e8feb86659fd93};
    return (std::uint64_t{hash} * kFactors[row] >> 32) & mask_;
  }
  std::atomic<std::uint32_t>& CellOf(std::size_t hash, std::size_t row) const {
    return cells_[PlaceOf(hash, row)];
  }

  const Duration half_;
  const std::size_t mask_;
  const std::unique_ptr<std::atomic<std::uint32_t>[]> cells_;
};

}  // namespace cairn::cache::internal

#endif  // CAIRN_INTERNAL_HEAT_SKETCH_H_
