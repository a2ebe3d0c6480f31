// SPDX-License-Identifier: BSD-3-Clause
// Sorted sets. A packed one is taken over as it is if it is short enough; its pairs must stand in
// order, as lookups rely on it. Large ones may come in any order (Redis writes them from the top).
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.h"
#include "codec/rdb_value_reader.h"
#include "ds/scored_member.h"
#include "value/sorted_set_builder.h"

namespace cairn::codec {
namespace {

using ds::PackedValue;
using ds::PackedView;
using Position = PackedView::Position;

std::optional<double> ScoreOf(const PackedValue& value) {
  if (value.is_integer()) return static_cast<double>(value.integer());
  return ParseDouble(value.text());
}

// A pair of a packed list, as it stands before or behind another.
struct Pair {
  Position member;
  double score;
};

bool IsBefore(PackedView list, const Pair& first, const Pair& second) {
  if (first.score != second.score) return first.score < second.score;
  PackedValue::Scratch first_scratch;
  PackedValue::Scratch second_scratch;
  return ds::CompareMembers(list.At(first.member).Text(first_scratch),
                            list.At(second.member).Text(second_scratch)) < 0;
}

// Whether every score is one, and the pairs ascend.
bool IsInOrder(PackedView list) {
  std::optional<Pair> before;
  for (Position at = list.First(); at != PackedView::kNone;) {
    const Position score_at = list.Next(at);
    const std::optional<double> score = ScoreOf(list.At(score_at));
    if (!score) return false;
    const Pair pair = {at, *score};
    if (before && !IsBefore(list, *before, pair)) return false;
    before = pair;
    at = list.Next(score_at);
  }
  return true;
}

}  // namespace

double RdbValueReader::ReadTextScore() {
  const std::uint8_t first = in_.Byte();
  switch (static_cast<RdbTextScore>(first)) {
    case RdbTextScore::kNotANumber:
      return std::numeric_limits<double>::quiet_NaN();
    case RdbTextScore::kInfinity:
      return std::numeric_limits<double>::infinity();
    case RdbTextScore::kMinusInfinity:
      return -std::numeric_limits<double>::infinity();
  }
  const std::optional<double> score = ParseDouble(in_.Raw(first));
  if (!score) in_.Corrupt("no score");
  return score.value_or(0);
}

value::SortedSet RdbValueReader::ReadSortedSet(Scores scores) {
  const std::uint64_t count = in_.Length();
  value::SortedSetBuilder set(count, limits_.sorted_set, *home_);
  for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
    field_.assign(in_.Text());
    const double score = scores == Scores::kText ? ReadTextScore() : in_.Double();
    if (!in_.ok()) break;
    if (std::isnan(score)) {
      in_.Corrupt("a score that is no number");
    } else if (!set.Add(field_, score)) {
      in_.Corrupt("a member that is there already, whose score stands");
    }
  }
  return set.Finish();
}

value::SortedSet RdbValueReader::ReadSortedSetPacked(ds::PackedList list) {
  if (!in_.ok()) return {};
  if (list.size() % 2 != 0) {
    in_.Corrupt("a sorted set with a member without a score, in a text");
  } else if (!IsInOrder(list)) {
    in_.Corrupt("a sorted set that is not in order, in a text");
  } else if (list.size() / 2 > limits_.sorted_set.packed_entries) {
    return SortedSetOf(list);
  } else if (!duplicates_.AllDiffer(list, 2, home_->seed)) {
    in_.Corrupt("a sorted set with a member twice, in a text");
  }
  if (!in_.ok()) return {};
  return value::SortedSet::AdoptPacked(std::move(list));
}

value::SortedSet RdbValueReader::SortedSetOf(PackedView list) {
  value::SortedSet set;
  set.Expect(SIZE_MAX, 0, limits_.sorted_set, *home_);
  PackedValue::Scratch scratch;
  for (Position at = list.First(); at != PackedView::kNone && in_.ok();) {
    const Position score_at = list.Next(at);
    const double score = ScoreOf(list.At(score_at)).value_or(0);
    if (set.Add(list.At(at).Text(scratch), score, {}, limits_.sorted_set, *home_).outcome !=
        value::ScoreOutcome::kAdded)
      in_.Corrupt("a sorted set with a member twice, in a text");
    at = list.Next(score_at);
  }
  return set;
}

}  // namespace cairn::codec
