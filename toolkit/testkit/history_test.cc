// SPDX-License-Identifier: BSD-3-Clause
// Each check takes a good history and refuses a bad one; both are made by hand. Times are in
// milliseconds.
#include "cairn/testkit/history.h"

#include <gtest/gtest.h>

#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;
using Kind = Operation::Kind;
using Fate = Operation::Fate;

constexpr int kNever = -1;

class Histories : public testing::Test {
 protected:
  static TimePoint At(int ms) { return ms == kNever ? TimePoint::max() : TimePoint(Millis(ms)); }
  void Add(Kind kind, int begin, int end, std::optional<std::string> value, Fate fate = Fate::kOk) {
    history_.Add({.kind = kind,
                  .client = "a",
                  .key = "k",
                  .value = std::move(value),
                  .fate = end == kNever ? Fate::kUnknown : fate,
                  .begin = At(begin),
                  .end = At(end)});
  }
  void AddNumber(Kind kind, int begin, int end, std::int64_t number, Fate fate = Fate::kOk,
                 std::optional<std::string> value = {}) {
    history_.Add({.kind = kind,
                  .client = "a",
                  .key = "k",
                  .value = std::move(value),
                  .number = number,
                  .ttl = 10ms,
                  .fate = end == kNever ? Fate::kUnknown : fate,
                  .begin = At(begin),
                  .end = At(end)});
  }
  void AddLock(Kind kind, std::string client, int begin, int end, std::int64_t fence = 0,
               Fate fate = Fate::kOk) {
    history_.Add({.kind = kind,
                  .client = std::move(client),
                  .key = "k",
                  .number = fence,
                  .ttl = 10ms,
                  .fate = end == kNever ? Fate::kUnknown : fate,
                  .begin = At(begin),
                  .end = At(end)});
  }
  void Begin() { history_.Clear(); }

  VirtualTime time_;
  History history_{time_};
};

TEST_F(Histories, AreRecordedByTheClock) {
  const auto read = history_.Begin({.kind = Kind::kRead, .client = "a", .key = "k"});
  time_.Advance(2ms);
  history_.End(read, {.value = "v", .number = 7});
  history_.Begin({.kind = Kind::kWrite, .client = "b", .key = "k", .value = "w"});
  EXPECT_EQ(history_.ToString(),
            "3600000.000ms..3600002.000ms a read k 'v' #7 ok\n"
            "3600002.000ms..? b write k 'w' unknown\n");
}

TEST_F(Histories, RegistersWithAnOrder) {
  Add(Kind::kWrite, 0, 10, "x");
  Add(Kind::kWrite, 0, 10, "y");
  Add(Kind::kRead, 11, 12, "x");
  Add(Kind::kRead, 13, 14, "x");
  Add(Kind::kDelete, 20, 30, {});
  Add(Kind::kRead, 21, 22, "x");
  Add(Kind::kRead, 23, 24, {});
  Add(Kind::kWrite, 31, kNever, "lost?");
  Add(Kind::kRead, 32, 33, {});
  Add(Kind::kRead, 40, 41, "lost?");
  EXPECT_EQ(history_.CheckRegisters(), std::nullopt);
}

TEST_F(Histories, RegistersWithNone) {
  // A new value, then the old one again.
  Add(Kind::kWrite, 0, 1, "x");
  Add(Kind::kWrite, 2, 20, "y");
  Add(Kind::kRead, 3, 4, "y");
  Add(Kind::kRead, 5, 6, "x");
  EXPECT_NE(history_.CheckRegisters(), std::nullopt);
  // An answered write that nobody sees.
  Begin();
  Add(Kind::kWrite, 0, 1, "x");
  Add(Kind::kRead, 2, 3, {});
  EXPECT_NE(history_.CheckRegisters(), std::nullopt);
  // A write of unknown end, that was seen and is gone again.
  Begin();
  Add(Kind::kWrite, 0, kNever, "x");
  Add(Kind::kRead, 1, 2, "x");
  Add(Kind::kRead, 3, 4, {});
  EXPECT_NE(history_.CheckRegisters(), std::nullopt);
  // A write that failed.
  Begin();
  Add(Kind::kWrite, 0, 1, "x", Fate::kFailed);
  Add(Kind::kRead, 2, 3, "x");
  EXPECT_NE(history_.CheckRegisters(), std::nullopt);
}

// Twenty writes and reads at once have more orders than can be tried without the memo.
TEST_F(Histories, RegistersOfWhatOverlaps) {
  for (int i = 0; i < 10; ++i) Add(Kind::kWrite, 0, 100, std::to_string(i % 3));
  for (int i = 0; i < 10; ++i) Add(Kind::kRead, 0, 100, std::to_string(i % 3));
  EXPECT_EQ(history_.CheckRegisters(), std::nullopt);
  Add(Kind::kRead, 0, 100, "nobody's");
  EXPECT_NE(history_.CheckRegisters(), std::nullopt);
}

TEST_F(Histories, LocksWithAnOrder) {
  AddLock(Kind::kAcquire, "a", 0, 1, 1);
  AddLock(Kind::kAcquire, "b", 2, 3, 0, Fate::kRefused);
  AddLock(Kind::kRenew, "a", 5, 6);
  AddLock(Kind::kAcquire, "b", 12, 13, 0, Fate::kRefused);  // it was renewed
  AddLock(Kind::kRelease, "a", 14, 14);
  AddLock(Kind::kAcquire, "b", 15, 16, 2);
  AddLock(Kind::kAcquire, "c", 25, 30, 3);  // b's time is over
  AddLock(Kind::kRenew, "b", 31, 32, 0, Fate::kRefused);
  AddLock(Kind::kRelease, "c", 33, kNever);
  AddLock(Kind::kAcquire, "a", 34, 35, 4);
  EXPECT_EQ(history_.CheckLocks(0ms), std::nullopt);
  EXPECT_EQ(history_.CheckHolders(0ms), std::nullopt);
  EXPECT_EQ(history_.CheckFences(), std::nullopt);
}

TEST_F(Histories, LocksWithNone) {
  // Two at a time.
  AddLock(Kind::kAcquire, "a", 0, 1, 1);
  AddLock(Kind::kAcquire, "b", 2, 3, 2);
  EXPECT_NE(history_.CheckLocks(0ms), std::nullopt);
  EXPECT_NE(history_.CheckHolders(0ms), std::nullopt);
  // Released by who had lost it: and the other's with it.
  Begin();
  AddLock(Kind::kAcquire, "a", 0, 1, 1);
  AddLock(Kind::kAcquire, "b", 12, 13, 2);
  AddLock(Kind::kRelease, "a", 14, 15);
  EXPECT_NE(history_.CheckLocks(0ms), std::nullopt);
  // Refused although it is free.
  Begin();
  AddLock(Kind::kAcquire, "a", 0, 1, 1);
  AddLock(Kind::kRelease, "a", 2, 3);
  AddLock(Kind::kAcquire, "b", 4, 5, 0, Fate::kRefused);
  EXPECT_NE(history_.CheckLocks(0ms), std::nullopt);
}

TEST_F(Histories, HoldersThatOverlap) {
  AddLock(Kind::kAcquire, "a", 0, 1, 1);
  AddLock(Kind::kRenew, "a", 8, 9);
  AddLock(Kind::kAcquire, "b", 12, 13, 2);
  EXPECT_NE(history_.CheckHolders(0ms), std::nullopt);
  EXPECT_EQ(history_.CheckHolders(5ms), std::nullopt);
  EXPECT_NE(history_.CheckLocks(0ms), std::nullopt);
  EXPECT_EQ(history_.CheckLocks(5ms), std::nullopt);
  // A renewal that was refused ends the belief.
  Begin();
  AddLock(Kind::kAcquire, "a", 0, 1, 1);
  AddLock(Kind::kRenew, "a", 2, 3, 0, Fate::kRefused);
  AddLock(Kind::kAcquire, "b", 4, 5, 2);
  EXPECT_EQ(history_.CheckHolders(0ms), std::nullopt);
}

TEST_F(Histories, FencesThatGoBack) {
  AddLock(Kind::kAcquire, "a", 0, 1, 5);
  AddLock(Kind::kAcquire, "b", 20, 21, 4);
  EXPECT_NE(history_.CheckFences(), std::nullopt);
  Begin();
  AddLock(Kind::kAcquire, "a", 0, 1, 5);
  AddLock(Kind::kAcquire, "b", 0, 1, 5);
  EXPECT_NE(history_.CheckFences(), std::nullopt);
  Begin();
  AddLock(Kind::kGuarded, "b", 0, 1, 6);
  AddLock(Kind::kGuarded, "a", 2, 3, 5, Fate::kRefused);
  EXPECT_EQ(history_.CheckFences(), std::nullopt);
  AddLock(Kind::kGuarded, "a", 4, 5, 5);
  EXPECT_NE(history_.CheckFences(), std::nullopt);
}

TEST_F(Histories, OldVersionsAfterAnInvalidation) {
  AddNumber(Kind::kInvalidate, 0, 5, 2);
  AddNumber(Kind::kRead, 4, 20, 1);  // began before it was answered
  AddNumber(Kind::kRead, 6, 7, 2);
  AddNumber(Kind::kRead, 6, 7, 3);
  AddNumber(Kind::kRead, 6, 7, 0);
  AddNumber(Kind::kInvalidate, 8, kNever, 4);  // maybe not at all
  AddNumber(Kind::kRead, 9, 10, 3);
  EXPECT_EQ(history_.CheckFreshness(0ms), std::nullopt);
  AddNumber(Kind::kRead, 15, 16, 1);
  EXPECT_NE(history_.CheckFreshness(0ms), std::nullopt);
  EXPECT_NE(history_.CheckFreshness(9ms), std::nullopt);
  EXPECT_EQ(history_.CheckFreshness(10ms), std::nullopt);
}

TEST_F(Histories, LoadsOfOneLease) {
  AddNumber(Kind::kLoad, 0, 5, 1);
  AddNumber(Kind::kLoad, 6, 40, 2);
  AddNumber(Kind::kLoad, 17, 18, 3);  // the other's time was over
  AddNumber(Kind::kLoad, 18, 19, 0);
  AddNumber(Kind::kLoad, 18, 19, 0);
  EXPECT_EQ(history_.CheckLoads(0ms), std::nullopt);
  AddNumber(Kind::kLoad, 50, 51, 3);
  EXPECT_NE(history_.CheckLoads(0ms), std::nullopt);
}

TEST_F(Histories, LoadsWithinALease) {
  AddNumber(Kind::kLoad, 0, 9, 1);
  AddNumber(Kind::kLoad, 5, 6, 2);
  EXPECT_NE(history_.CheckLoads(0ms), std::nullopt);
  AddNumber(Kind::kInvalidate, 2, 3, 7);
  EXPECT_EQ(history_.CheckLoads(0ms), std::nullopt);
  // One before the first load is no excuse, unless its grant was under way.
  Begin();
  AddNumber(Kind::kInvalidate, 0, 2, 7);
  AddNumber(Kind::kLoad, 4, 9, 1);
  AddNumber(Kind::kLoad, 5, 6, 2);
  EXPECT_NE(history_.CheckLoads(1ms), std::nullopt);
  EXPECT_EQ(history_.CheckLoads(2ms), std::nullopt);
  // A crash ends all leases.
  Begin();
  AddNumber(Kind::kLoad, 0, 9, 1);
  AddNumber(Kind::kLoad, 5, 6, 2);
  history_.Add({.kind = Kind::kVoid, .begin = At(2), .end = At(2)});
  EXPECT_EQ(history_.CheckLoads(0ms), std::nullopt);
}

TEST_F(Histories, WritesBehindThatArrive) {
  AddNumber(Kind::kLog, 0, 1, 1, Fate::kOk, "x");
  AddNumber(Kind::kLog, 2, 3, 2, Fate::kOk, "y");  // passed over for the next
  AddNumber(Kind::kLog, 4, kNever, 0, Fate::kOk, "z");
  AddNumber(Kind::kApply, 5, 5, 1, Fate::kOk, "x");
  AddNumber(Kind::kApply, 6, 6, 3, Fate::kOk, "z");
  EXPECT_EQ(history_.CheckWriteBehind(), std::nullopt);
}

TEST_F(Histories, WritesBehindThatDoNot) {
  const auto logged = [&] {
    Begin();
    AddNumber(Kind::kLog, 0, 1, 1, Fate::kOk, "x");
    AddNumber(Kind::kLog, 2, 3, 2, Fate::kOk, "y");
  };
  logged();  // lost
  AddNumber(Kind::kApply, 5, 5, 1, Fate::kOk, "x");
  EXPECT_NE(history_.CheckWriteBehind()->find("lost"), std::string::npos);
  logged();  // twice
  AddNumber(Kind::kApply, 5, 5, 2, Fate::kOk, "y");
  AddNumber(Kind::kApply, 6, 6, 2, Fate::kOk, "y");
  EXPECT_NE(history_.CheckWriteBehind()->find("twice"), std::string::npos);
  logged();  // reversed
  AddNumber(Kind::kApply, 5, 5, 2, Fate::kOk, "y");
  AddNumber(Kind::kApply, 6, 6, 1, Fate::kOk, "x");
  EXPECT_NE(history_.CheckWriteBehind()->find("order"), std::string::npos);
  logged();  // invented
  AddNumber(Kind::kApply, 5, 5, 3, Fate::kOk, "z");
  EXPECT_NE(history_.CheckWriteBehind()->find("nobody"), std::string::npos);
  logged();  // changed
  AddNumber(Kind::kApply, 5, 5, 2, Fate::kOk, "z");
  EXPECT_NE(history_.CheckWriteBehind()->find("another value"), std::string::npos);
}

}  // namespace
}  // namespace cairn::cache
