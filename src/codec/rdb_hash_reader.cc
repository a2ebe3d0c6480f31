// SPDX-License-Identifier: BSD-3-Clause
// Hashes. A packed one is taken over as it is if it is short enough, else it becomes a table field
// by field, in which a field that comes twice is seen.
#include <utility>

#include "codec/rdb_value_reader.h"

namespace cairn::codec {
namespace {

using ds::PackedValue;
using ds::PackedView;
using Position = PackedView::Position;

constexpr std::size_t kTimedStride = 3;

// kNever for 0; nothing where that is no time.
bool TimeOf(const PackedValue& value, UnixMs* when) {
  if (!value.is_integer() || value.integer() < 0 || value.integer() > kRdbFieldTimeMax)
    return false;
  *when = value.integer() == 0 ? kNever : value.integer();
  return true;
}

// Whether the third of every three elements are times, ascending, those without last.
bool TimesAreInOrder(PackedView list) {
  UnixMs before = 0;
  for (Position at = list.First(); at != PackedView::kNone;) {
    const Position time = list.Next(list.Next(at));
    UnixMs when = kNever;
    if (!TimeOf(list.At(time), &when) || when < before) return false;
    before = when;
    at = list.Next(time);
  }
  return true;
}

}  // namespace

value::Hash RdbValueReader::ReadHash() {
  value::Hash hash;
  const std::uint64_t count = in_.Length();
  hash.Expect(count, 0, limits_.hash, *home_);
  for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
    field_.assign(in_.Text());
    const std::string_view value = in_.Text();
    if (in_.ok() && !hash.Add(field_, value, limits_.hash, *home_))
      in_.Corrupt("a field that is there already, whose value stands");
  }
  return hash;
}

value::Hash RdbValueReader::ReadHashTimes(Times times) {
  value::Hash hash;
  const std::uint64_t base = times == Times::kFromBase ? in_.Word64() : 1;
  const std::uint64_t count = in_.Length();
  if (base > kRdbFieldTimeMax) in_.Corrupt("a time of a field out of range");
  hash.Expect(count, 0, limits_.hash, *home_);
  for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
    const std::uint64_t distance = in_.Length();
    const std::uint64_t when = distance + base - 1;
    if (distance > kRdbFieldTimeMax || (distance != 0 && (when == 0 || when > kRdbFieldTimeMax)))
      in_.Corrupt("a time of a field out of range");
    field_.assign(in_.Text());
    const std::string_view value = in_.Text();
    if (!in_.ok()) break;
    if (!hash.Add(field_, value, limits_.hash, *home_)) {
      in_.Corrupt("a field that is there already, whose value stands");
    } else if (distance != 0) {
      hash.SetExpiry(field_, static_cast<UnixMs>(when), *home_);
    }
  }
  return hash;
}

value::Hash RdbValueReader::ReadHashPacked(ds::PackedList list, std::size_t stride) {
  if (!in_.ok()) return {};
  if (list.size() % stride != 0) {
    in_.Corrupt("a hash with half a field, in a text");
  } else if (stride == kTimedStride && !TimesAreInOrder(list)) {
    in_.Corrupt("a hash whose times are not in order, in a text");
  } else if (list.size() / stride > limits_.hash.packed_entries) {
    return HashOf(list, stride);
  } else if (!duplicates_.AllDiffer(list, stride, home_->seed)) {
    in_.Corrupt("a hash with a field twice, in a text");
  }
  if (!in_.ok()) return {};
  return stride == kTimedStride ? value::Hash::AdoptPackedWithTimes(std::move(list))
                                : value::Hash::AdoptPacked(std::move(list));
}

value::Hash RdbValueReader::HashOf(PackedView list, std::size_t stride) {
  value::Hash hash;
  hash.Expect(SIZE_MAX, 0, limits_.hash, *home_);
  PackedValue::Scratch field_scratch;
  PackedValue::Scratch value_scratch;
  for (Position at = list.First(); at != PackedView::kNone && in_.ok();) {
    const std::string_view field = list.At(at).Text(field_scratch);
    at = list.Next(at);
    if (!hash.Add(field, list.At(at).Text(value_scratch), limits_.hash, *home_))
      in_.Corrupt("a hash with a field twice, in a text");
    at = list.Next(at);
    if (stride != kTimedStride) continue;
    UnixMs when = kNever;
    if (TimeOf(list.At(at), &when) && when != kNever) hash.SetExpiry(field, when, *home_);
    at = list.Next(at);
  }
  return hash;
}

}  // namespace cairn::codec
