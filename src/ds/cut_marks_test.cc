// SPDX-License-Identifier: BSD-3-Clause
// The three forms of the marks, at the ends of their words.
#include "ds/cut_marks.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace cairn::ds {
namespace {

constexpr std::uint32_t kPoints = CutMarks::kPoints;

// That exactly the points from `begin` to `end` are marked.
void ExpectMarked(const CutMarks& marks, std::uint32_t begin, std::uint32_t end) {
  for (std::uint32_t point = 0; point < kPoints; ++point)
    ASSERT_EQ(marks.Has(point), begin <= point && point < end) << point;
}

TEST(CutMarks, NothingThenAllThenNothing) {
  CutMarks marks;
  ExpectMarked(marks, 0, 0);
  marks.AddAll();
  ExpectMarked(marks, 0, kPoints);
  marks.Add(7, 8);
  ExpectMarked(marks, 0, kPoints);
  marks.Clear();
  ExpectMarked(marks, 0, 0);
}

TEST(CutMarks, SomeOfOneWord) {
  struct Row {
    std::uint32_t begin, end;
  };
  for (const Row& row : {Row{0, 1}, Row{63, 64}, Row{64, 65}, Row{0, 64}, Row{64, 128}, Row{17, 33},
                         Row{kPoints - 64, kPoints}, Row{kPoints - 1, kPoints}}) {
    SCOPED_TRACE(row.begin);
    CutMarks marks;
    marks.Add(row.begin, row.end);
    ExpectMarked(marks, row.begin, row.end);
    CutMarks copy;
    copy.CopyFrom(marks);
    marks.AddAll();
    ExpectMarked(copy, row.begin, row.end);
    marks.Clear();
    copy.Clear();
  }
}

TEST(CutMarks, TheyAddUp) {
  CutMarks marks;
  for (std::uint32_t begin = 128; begin < 192; begin += 16) marks.Add(begin, begin + 16);
  marks.Add(140, 141);
  ExpectMarked(marks, 128, 192);
  marks.Clear();
}

TEST(CutMarks, ACopyOfNothingOrAllNeedsNoBlock) {
  CutMarks none;
  CutMarks copy;
  copy.CopyFrom(none);
  ExpectMarked(copy, 0, 0);
  CutMarks all;
  all.AddAll();
  copy.CopyFrom(all);
  ExpectMarked(copy, 0, kPoints);
}

}  // namespace
}  // namespace cairn::ds
