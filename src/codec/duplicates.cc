// SPDX-License-Identifier: BSD-3-Clause
// Open addressing at most half full; a few elements are compared with each other instead.
#include "codec/duplicates.h"

#include <algorithm>
#include <bit>

namespace cairn::codec {
namespace {

using ds::PackedValue;
using ds::PackedView;
using Position = PackedView::Position;

constexpr std::size_t kFew = 8;

// What stands there, a number wherever it is one's text.
PackedValue CanonicalAt(PackedView list, Position at) {
  const PackedValue value = list.At(at);
  return value.is_integer() ? value : PackedValue(value.text());
}

Position Skip(PackedView list, Position at, std::size_t stride) {
  for (std::size_t i = 0; i < stride; ++i) at = list.Next(at);
  return at;
}

bool FewDiffer(PackedView list, std::size_t stride) {
  for (Position at = list.First(); at != PackedView::kNone; at = Skip(list, at, stride)) {
    const PackedValue value = CanonicalAt(list, at);
    for (Position other = list.First(); other != at; other = Skip(list, other, stride)) {
      if (CanonicalAt(list, other).Equals(value)) return false;
    }
  }
  return true;
}

std::uint32_t HashOf(const PackedValue& value, const HashSeed& seed) {
  const std::int64_t number = value.is_integer() ? value.integer() : 0;
  const std::string_view bytes =
      value.is_integer() ? std::string_view(reinterpret_cast<const char*>(&number), sizeof(number))
                         : value.text();
  return static_cast<std::uint32_t>(seed.Hash(bytes));
}

}  // namespace

bool DuplicateFinder::AllDiffer(PackedView list, std::size_t stride, const HashSeed& seed) {
  const std::size_t count = list.size() / stride;
  if (count <= kFew) return FewDiffer(list, stride);
  const std::size_t slots = std::bit_ceil(2 * count);
  mask_ = slots - 1;
  slots_.assign(slots, Slot{0, PackedView::kNone});
  for (Position at = list.First(); at != PackedView::kNone; at = Skip(list, at, stride)) {
    if (!Insert(list, at, seed)) return false;
  }
  return true;
}

bool DuplicateFinder::Insert(PackedView list, Position at, const HashSeed& seed) {
  const PackedValue value = CanonicalAt(list, at);
  const std::uint32_t hash = HashOf(value, seed);
  std::size_t i = hash & mask_;
  for (; slots_[i].at != PackedView::kNone; i = (i + 1) & mask_) {
    if (slots_[i].hash == hash && CanonicalAt(list, slots_[i].at).Equals(value)) return false;
  }
  slots_[i] = {hash, at};
  return true;
}

}  // namespace cairn::codec
