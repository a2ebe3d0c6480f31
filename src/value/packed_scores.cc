// SPDX-License-Identifier: BSD-3-Clause
// Scores go in as integers where they are integral up to 2^62, and as text else, like Redis's: the
// bytes of a small sorted set are those that a Redis would hold.
#include "value/packed_scores.h"

#include <cmath>

#include "base/check.h"
#include "ds/scored_member.h"

namespace cairn::value::packed_scores {
namespace {

// Turned into an integer, -0 is 0: Redis forgets the sign here, too.
ds::PackedValue Encode(double score, char* text) {
  constexpr double kIntegerMax = 0x1p62;
  if (std::abs(score) <= kIntegerMax && score == std::trunc(score)) {
    return static_cast<long>(score);
  }
  const char* end = FormatDouble(text, score);
  return std::string_view(text, static_cast<std::size_t>(end - text));
}

bool IsBelow(std::string_view member, const MemberEnd& min) {
  switch (min.kind) {
    case MemberEnd::Kind::kBelowAll:
      return false;
    case MemberEnd::Kind::kAboveAll:
      return true;
    case MemberEnd::Kind::kInclusive:
      return ds::CompareMembers(member, min.member) < 0;
    case MemberEnd::Kind::kExclusive:
      return ds::CompareMembers(member, min.member) <= 0;
  }
  return false;
}

bool IsAbove(std::string_view member, const MemberEnd& max) {
  switch (max.kind) {
    case MemberEnd::Kind::kBelowAll:
      return true;
    case MemberEnd::Kind::kAboveAll:
      return false;
    case MemberEnd::Kind::kInclusive:
      return ds::CompareMembers(member, max.member) > 0;
    case MemberEnd::Kind::kExclusive:
      return ds::CompareMembers(member, max.member) >= 0;
  }
  return false;
}

// The pairs from the first that is not below up to the next that is above.
template <class Below, class Above>
RankRange FindRange(ds::PackedView list, Below below, Above above) {
  RankRange range;
  Position at = list.First();
  for (; at != ds::PackedList::kNone && below(at); at = list.Next(list.Next(at))) ++range.begin;
  range.end = range.begin;
  for (; at != ds::PackedList::kNone && !above(at); at = list.Next(list.Next(at))) ++range.end;
  return range;
}

}  // namespace

Encoded::Encoded(double score) : value_(Encode(score, text_)) {}

double ScoreOf(ds::PackedView list, Position at) {
  const ds::PackedValue value = list.At(list.Next(at));
  if (value.is_integer()) return static_cast<double>(value.integer());
  // RDB files and DUMPs are checked for this when they are read.
  const auto score = ParseDouble(value.text());
  CHECK(score.has_value());
  return *score;
}

Position Find(ds::PackedView list, std::string_view member) {
  return list.Find(member, list.First(), 1);
}

std::uint64_t RankOf(ds::PackedView list, Position at) {
  std::uint64_t rank = 0;
  for (Position it = list.First(); it != at; it = list.Next(list.Next(it))) ++rank;
  return rank;
}

void Insert(ds::PackedList& list, std::string_view member, double score) {
  Position at = list.First();
  for (; at != ds::PackedList::kNone; at = list.Next(list.Next(at))) {
    const double other = ScoreOf(list, at);
    if (other < score) continue;
    ds::PackedValue::Scratch scratch;
    if (other > score || ds::CompareMembers(list.At(at).Text(scratch), member) > 0) break;
  }
  if (at == ds::PackedList::kNone) {
    Append(list, member, score);
    return;
  }
  const Encoded encoded(score);
  list.InsertAfter(list.InsertBefore(at, member), encoded.value());
}

void Append(ds::PackedList& list, std::string_view member, double score) {
  list.Append(member);
  list.Append(Encoded(score).value());
}

bool Fits(ds::PackedView list, std::string_view member) {
  return list.Fits(ds::PackedList::EncodedBytesMax(member.size()) +
                   ds::PackedList::EncodedBytesMax(kDoubleTextMax));
}

void EraseRange(ds::PackedList& list, std::uint64_t begin, std::uint64_t count) {
  if (count == 0) return;
  list.EraseRange(list.Seek(static_cast<std::int64_t>(2 * begin)), 2 * count);
}

RankRange FindScores(ds::PackedView list, const ScoreRange& range) {
  return FindRange(
      list,
      [&](Position at) {
        const double score = ScoreOf(list, at);
        return range.exclude_min ? score <= range.min : score < range.min;
      },
      [&](Position at) {
        const double score = ScoreOf(list, at);
        return range.exclude_max ? score >= range.max : score > range.max;
      });
}

RankRange FindMembers(ds::PackedView list, const MemberRange& range) {
  ds::PackedValue::Scratch scratch;
  return FindRange(
      list, [&](Position at) { return IsBelow(list.At(at).Text(scratch), range.min); },
      [&](Position at) { return IsAbove(list.At(at).Text(scratch), range.max); });
}

}  // namespace cairn::value::packed_scores
