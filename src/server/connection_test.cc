// SPDX-License-Identifier: BSD-3-Clause
// How much room input is given as it arrives, and when a value takes it along: the rules, at each
// of their limits. What they do to real requests, cut anywhere, is in tests/heavy.
#include "server/connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_buffer.h"
#include "command/owned_args.h"

namespace cairn::server {
namespace {

constexpr std::size_t kMin = Connection::kReserveAheadMin;
constexpr std::size_t kTrusted = Connection::kTrustedBytes;
constexpr std::size_t kFactor = Connection::kTrustedFactor;
constexpr std::size_t kHuge = std::size_t{1} << 40;

TEST(ReserveAhead, NeverMoreThanWasAnnounced) {
  for (const std::size_t have : {std::size_t{0}, std::size_t{1}, kTrusted - 1, kTrusted, kHuge}) {
    for (const std::size_t missing : {std::size_t{0}, std::size_t{1}, kMin - 1})
      EXPECT_EQ(Connection::ReserveAhead(have, missing), missing) << have;
  }
}

TEST(ReserveAhead, AtEachLimit) {
  const struct {
    std::size_t have, missing, wanted;
  } rows[] = {
      {0, kMin - 1, kMin - 1},
      {0, kMin, kMin},
      {0, kMin + 1, kMin},
      {kMin - 1, kHuge, kMin},
      {kTrusted - 1, kHuge, kMin},
      {kTrusted, kHuge, kTrusted * kFactor},
      {kTrusted + 1, kHuge, (kTrusted + 1) * kFactor},
      {kTrusted, kTrusted * kFactor - 1, kTrusted * kFactor - 1},
      {kTrusted, kTrusted * kFactor, kTrusted * kFactor},
      {kTrusted, kTrusted * kFactor + 1, kTrusted * kFactor},
  };
  for (const auto& row : rows)
    EXPECT_EQ(Connection::ReserveAhead(row.have, row.missing), row.wanted)
        << row.have << " of " << row.missing;
}

// The longest argument is moved once, when a mebibyte of it has come.
TEST(ReserveAhead, TheLongestArgumentIsMovedOnce) {
  constexpr std::size_t kLongest = 512 * 1024 * 1024;
  EXPECT_EQ(Connection::ReserveAhead(kTrusted, kLongest - kTrusted), kLongest - kTrusted);
}

// However the bytes of a large argument arrive, once it is trusted its buffer is large enough for
// every read to its end and for the one that ends it.
TEST(PlanRead, TheBufferOfAnArgumentIsNotOutgrown) {
  constexpr std::size_t kRead = Connection::kReadBytes;
  constexpr std::size_t kWanted = 64 * 1024 * 1024;
  const std::size_t capacity = Connection::PlanRead(kTrusted, kWanted - kTrusted).capacity;
  EXPECT_EQ(capacity, kWanted + kRead);
  for (const std::size_t missing :
       {kWanted - kTrusted - 1, Connection::kReadBytesMax + 1, Connection::kReadBytesMax, kRead + 1,
        kRead, kRead - 1, std::size_t{1}, std::size_t{0}}) {
    const Connection::ReadPlan plan = Connection::PlanRead(kWanted - missing, missing);
    EXPECT_LE(plan.capacity, capacity) << missing;
    EXPECT_LE(kWanted - missing + plan.bytes, plan.capacity) << missing;
    EXPECT_EQ(plan.bytes, std::clamp(missing, kRead, Connection::kReadBytesMax)) << missing;
  }
}

// The words of a request that stands in the input, and of a line, where they may stand anywhere.
TEST(RequestWithin, TheInputAndNowhereElse) {
  const std::string memory(100, 'x');
  const ByteBuffer input(memory);
  const char* const at = input.data();
  const std::string_view first(at + 10, 5), last(at + 50, 48), past(at + 50, 49);
  const std::string_view before(memory.data(), 5), behind(memory.data() + 90, 5);
  using Args = std::vector<std::string_view>;
  const struct {
    Args args;
    std::string_view wanted;
  } rows[] = {
      {{first, last}, {at + 10, at + 100}},
      {{last}, {at + 50, at + 100}},
      {{{at, 0}, first, {at + 98, 0}}, {at, at + 100}},
      {{first, past}, {}},    // no line end behind it
      {{last, first}, {}},    // the last one before the first
      {{first, behind}, {}},  // one of them elsewhere
      {{before, last}, {}},
      {{before, behind}, {}},
      {{"first", "last"}, {}},
  };
  for (const auto& [args, wanted] : rows) {
    const std::string_view found = Connection::RequestWithin(input, args);
    EXPECT_EQ(found.data() == nullptr ? 0 : found.data() - at,
              wanted.data() == nullptr ? 0 : wanted.data() - at);
    EXPECT_EQ(found.size(), wanted.size());
  }
}

TEST(TakesInput, AtEachLimit) {
  constexpr std::size_t kBytes = command::OwnedArgs::kGivenBytesMin;
  constexpr std::size_t kWaste = kBytes / command::OwnedArgs::kGivenWaste;
  const struct {
    std::size_t bytes, capacity;
    bool wanted;
  } rows[] = {
      {kBytes - 1, kBytes - 1, false},
      {kBytes, kBytes, true},
      {kBytes + 1, kBytes + 1, true},
      {kBytes, kBytes + kWaste - 1, true},
      {kBytes, kBytes + kWaste, true},
      {kBytes, kBytes + kWaste + 1, false},
      {2 * kBytes, 2 * kBytes + 2 * kWaste, true},
      {2 * kBytes, 2 * kBytes + 2 * kWaste + 1, false},
  };
  for (const auto& row : rows)
    EXPECT_EQ(command::OwnedArgs::TakesInput(row.bytes, row.capacity), row.wanted)
        << row.bytes << " in " << row.capacity;
}

}  // namespace
}  // namespace cairn::server
