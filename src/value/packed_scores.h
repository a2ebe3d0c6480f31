// SPDX-License-Identifier: BSD-3-Clause
// The small form of a sorted set: a PackedList of members and scores in turn, in order, with
// Redis's bytes. Functions over the list; SortedSet has the semantics.
//
// A pair is named by the position of its member. Everything walks: the lists are short.
#ifndef CAIRN_VALUE_PACKED_SCORES_H_
#define CAIRN_VALUE_PACKED_SCORES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/text.h"
#include "ds/packed_list.h"
#include "value/sorted_set_range.h"

namespace cairn::value::packed_scores {

using Position = ds::PackedList::Position;

// A score as the list holds it: a number, or a text in here.
class Encoded {
 public:
  explicit Encoded(double score);
  Encoded(const Encoded&) = delete;
  Encoded& operator=(const Encoded&) = delete;
  const ds::PackedValue& value() const { return value_; }

 private:
  char text_[kDoubleTextMax];
  ds::PackedValue value_;
};

double ScoreOf(ds::PackedView list, Position at);
// kNone if there is none.
Position Find(ds::PackedView list, std::string_view member);
std::uint64_t RankOf(ds::PackedView list, Position at);

// Puts a pair where it belongs. REQUIRES: the member is not in the list; it fits.
void Insert(ds::PackedList& list, std::string_view member, double score);
// REQUIRES: the pair belongs at the end.
void Append(ds::PackedList& list, std::string_view member, double score);
bool Fits(ds::PackedView list, std::string_view member);
void EraseRange(ds::PackedList& list, std::uint64_t begin, std::uint64_t count);

RankRange FindScores(ds::PackedView list, const ScoreRange& range);
// The first member that is not below the range, and those behind it up to one that is above.
RankRange FindMembers(ds::PackedView list, const MemberRange& range);

template <class Fn>  // void(std::string_view member, double score)
void Visit(ds::PackedView list, Position at, Fn&& fn) {
  ds::PackedValue::Scratch scratch;
  fn(list.At(at).Text(scratch), ScoreOf(list, at));
}

// Visits `count` pairs from rank `begin` on, ascending. REQUIRES: they are there.
template <class Fn>
void VisitForward(ds::PackedView list, std::uint64_t begin, std::uint64_t count, Fn&& fn) {
  if (count == 0) return;
  Position at = list.Seek(static_cast<std::int64_t>(2 * begin));
  for (; count != 0; --count) {
    Visit(list, at, fn);
    at = list.Next(list.Next(at));
  }
}
// Descending, down from the pair of that rank.
template <class Fn>
void VisitBackward(ds::PackedView list, std::uint64_t from, std::uint64_t count, Fn&& fn) {
  if (count == 0) return;
  Position at = list.Seek(static_cast<std::int64_t>(2 * from));
  while (true) {
    Visit(list, at, fn);
    if (--count == 0) return;
    at = list.Prev(list.Prev(at));
  }
}

}  // namespace cairn::value::packed_scores

#endif  // CAIRN_VALUE_PACKED_SCORES_H_
