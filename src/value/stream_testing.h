// SPDX-License-Identifier: BSD-3-Clause
// What the tests of streams share: short ways to make entries and to see what a stream holds.
#ifndef CAIRN_VALUE_STREAM_TESTING_H_
#define CAIRN_VALUE_STREAM_TESTING_H_

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "value/stream.h"

namespace cairn::value::testing {

inline NewStreamId Given(std::uint64_t ms, std::uint64_t seq) {
  return {NewStreamId::Kind::kGiven, {ms, seq}};
}

// Where streams of tests have their nodes.
inline ds::SlabArena& TestArena() {
  static ds::SlabArena arena;
  return arena;
}

// Appends and expects success.
inline StreamId Add(Stream& stream, StreamId id, const std::vector<std::string_view>& fields,
                    const StreamLimits& limits = {}) {
  const auto added = stream.Append({NewStreamId::Kind::kGiven, id}, fields, 0, limits, TestArena());
  EXPECT_TRUE(added) << StreamIdToString(id);
  return added.value_or(StreamId{});
}

// Entries 1-0, 2-0, ..., count-0.
inline void Fill(Stream& stream, std::uint64_t count, const StreamLimits& limits = {}) {
  for (std::uint64_t ms = 1; ms <= count; ++ms) Add(stream, {ms, 0}, {"field", "value"}, limits);
}

// "1-1 a=b c=d", "2-0 ..."
inline std::vector<std::string> Show(const Stream& stream, StreamId start = kStreamIdMin,
                                     StreamId end = kStreamIdMax,
                                     StreamOrder order = StreamOrder::kForward) {
  std::vector<std::string> shown;
  StreamRange range(stream, start, end, order);
  StreamEntry entry;
  while (range.Next(&entry)) {
    std::string line = StreamIdToString(entry.id());
    entry.ForEach([&](std::string_view field, std::string_view value) {
      line.append(" ").append(field).append("=").append(value);
    });
    shown.push_back(std::move(line));
  }
  return shown;
}

inline std::vector<StreamId> Ids(const Stream& stream) {
  std::vector<StreamId> ids;
  StreamRange range(stream, kStreamIdMin, kStreamIdMax, StreamOrder::kForward);
  StreamEntry entry;
  while (range.Next(&entry)) ids.push_back(entry.id());
  return ids;
}

}  // namespace cairn::value::testing

#endif  // CAIRN_VALUE_STREAM_TESTING_H_
