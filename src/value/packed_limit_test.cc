// SPDX-License-Identifier: BSD-3-Clause
// Collections whose packed list is as long as one can be. No command makes such a list, but a dump
// of a few MiB, compressed, does: what is changed then must not make it longer. Each test takes
// some 2 GiB for a moment.
#include <gtest/gtest.h>

#include <string>

#include "ds/packed_list.h"
#include "value/collection_testing.h"
#include "value/hash.h"
#include "value/list.h"
#include "value/sorted_set.h"
#include "value/stream_node.h"

namespace cairn::value {
namespace {

constexpr UnixMs kWhen = 1'800'000'000'000;
constexpr std::size_t kSmallNumberBytes = 2;

// A text that leaves `room` bytes of the longest list.
void AppendAllBut(std::size_t room, ds::PackedList& list) {
  constexpr std::size_t kFrameBytes = ds::PackedList::EncodedBytesMax(0);
  const std::size_t total = list.bytes().size() + kFrameBytes + room;
  list.Append(std::string(ds::kPackedListBytesMax - total, 'x'));
}

TEST(PackedLimit, AFieldOfAFullHashGetsATime) {
  TestHome place;
  ds::PackedList list;
  list.Append("f");
  list.Append("v");
  list.Append(0);
  list.Append("g");
  AppendAllBut(kSmallNumberBytes, list);
  list.Append(0);
  ASSERT_EQ(list.bytes().size(), ds::kPackedListBytesMax);
  Hash hash = Hash::AdoptPackedWithTimes(std::move(list));
  EXPECT_TRUE(hash.SetExpiry("f", kWhen, place.home));
  EXPECT_EQ(hash.ExpiryOf("f"), kWhen);
  EXPECT_EQ(hash.ExpiryOf("g"), kNever);
  EXPECT_EQ(hash.encoding(), "hashtable");
}

TEST(PackedLimit, AMemberOfAFullSortedSetGetsALongerScore) {
  constexpr SortedSetLimits kLimits = {.packed_entries = 128, .packed_value_bytes = 64};
  TestHome place;
  ds::PackedList list;
  list.Append("m");
  list.Append(0);
  AppendAllBut(kSmallNumberBytes, list);
  list.Append(1);
  ASSERT_EQ(list.bytes().size(), ds::kPackedListBytesMax);
  SortedSet set = SortedSet::AdoptPacked(std::move(list));
  const ScoreChange change = set.Add("m", 0.12345678901234567, {}, kLimits, place.home);
  EXPECT_EQ(change.outcome, ScoreOutcome::kUpdated);
  EXPECT_EQ(change.score, 0.12345678901234567);
  EXPECT_EQ(set.Score("m"), 0.12345678901234567);
  EXPECT_EQ(set.encoding(), "skiplist");
}

TEST(PackedLimit, AnElementGoesIntoAFullNodeOfAList) {
  constexpr ListLimits kLimits = {.node_fill = -2};
  for (const ListSide side : {ListSide::kBefore, ListSide::kAfter}) {
    const bool is_after = side == ListSide::kAfter;
    ds::PackedList node;
    if (is_after) node.Append(1);
    AppendAllBut(is_after ? 0 : kSmallNumberBytes, node);
    if (!is_after) node.Append(1);
    ASSERT_EQ(node.bytes().size(), ds::kPackedListBytesMax);
    List list;
    list.AppendNode(std::move(node), kLimits);
    EXPECT_TRUE(list.Insert("1", side, "some text", kLimits));
    ASSERT_EQ(list.size(), 3u);
    ds::PackedValue::Scratch scratch;
    EXPECT_EQ(ListCursor(list, 1, ListEnd::kBack).value().Text(scratch), "some text");
  }
}

// Of 127 deleted entries and two others; one more that is deleted makes the count a byte longer.
ds::PackedList StreamEntries(std::size_t room) {
  constexpr int kDeletedCount = 127;
  constexpr int kElements = 4;
  ds::PackedList list;
  for (const int number : {2, kDeletedCount, 1}) list.Append(number);
  list.Append("f");
  list.Append(0);
  const auto begin_entry = [&](int flags, int seq) {
    for (const int number : {flags, 0, seq}) list.Append(number);
  };
  for (int i = 0; i <= kDeletedCount; ++i) {
    begin_entry(i == kDeletedCount ? 2 : 3, i);
    list.Append("v");
    list.Append(kElements);
  }
  begin_entry(2, kDeletedCount + 1);
  AppendAllBut(kSmallNumberBytes + room, list);
  list.Append(kElements);
  return list;
}

// One as full would stop the server when an entry is deleted and the stream is saved.
TEST(PackedLimit, ANodeOfAStreamThatHasNoRoomForItsCountsIsRefused) {
  TestHome place;
  constexpr std::size_t kBytes = StreamNode::kPackedBytesMax + 1;
  const ds::PackedList list = StreamEntries(ds::kPackedListBytesMax - kBytes);
  ASSERT_EQ(list.bytes().size(), kBytes);
  const auto node = StreamNode::FromPacked(place.arena, {1, 0}, list.bytes());
  ASSERT_FALSE(node.has_value());
  EXPECT_EQ(node.error().code(), StatusCode::kLimit);
}

}  // namespace
}  // namespace cairn::value
