// SPDX-License-Identifier: BSD-3-Clause
// The typed cache behind a network: what the simulation (tests/simulation) has found.
#include <gtest/gtest.h>

#include <optional>

#include "cairn/cache.h"
#include "cairn/testkit/network.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

using Rows = TypedCache<int, Key<"row:{*}", int>>;
using Answer = std::optional<Result<Entry<int>>>;

class CacheBehindANetwork : public testing::Test {
 protected:
  // A load of row_ that takes a second, of what is there when it begins.
  auto SlowLoad() {
    return [this](Rows::Loading&) -> Task<Result<std::optional<int>>> {
      ++loads_;
      const int row = row_;
      co_await Sleep(time_, 1s);
      co_return row;
    };
  }
  Task<void> Read(Rows rows, Answer* answer) { *answer = co_await rows.CoGetOrLoad(1, SlowLoad()); }

  VirtualTime time_;
  std::unique_ptr<Network> network_ =
      Network::Open(time_, {.link = {.delay_min = 1ms, .delay_max = 1ms, .timeout = 10s}}).value();
  const Rows rows_{network_->Join("a"), {.policy = {.ttl = 1min}, .executor = &time_}};
  const Rows other_{network_->Join("b"), {.policy = {.ttl = 1min}}};
  int row_ = 1;
  int loads_ = 0;
};

// A reader who begins after an answered invalidation must not be served by a load without a lease
// that began before it.
TEST_F(CacheBehindANetwork, LoadsWithoutALeaseServeNobodyWhoComesLater) {
  Answer first;
  Answer second;
  Answer third;
  network_->Crash();
  Detach(Read(rows_, &first));
  time_.Advance(100ms);
  EXPECT_EQ(loads_, 1);
  network_->Restart().value();
  row_ = 2;
  EXPECT_TRUE(time_.Run(other_.CoInvalidate(1))->is_applied);
  network_->Crash();
  Detach(Read(rows_, &second));
  Detach(Read(rows_, &third));
  time_.Advance(20s);
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ((*first)->value, 1);
  EXPECT_EQ((*second)->value, 2);
  EXPECT_EQ((*third)->value, 2);
  EXPECT_EQ(loads_, 2);  // the two together
}

// While the reply to the fill is under way, the value may be invalidated.
TEST_F(CacheBehindANetwork, FillsUnderWayServeNobodyWhoComesLater) {
  Answer first;
  Answer second;
  Detach(Read(rows_, &first));
  time_.Advance(1003500us);  // the fill is applied
  ASSERT_EQ(network_->store()->client().Call(Command("EXISTS", "row:{1}"))->AsInteger(), 1);
  network_->Partition("a");
  ASSERT_FALSE(first);
  row_ = 2;
  EXPECT_TRUE(time_.Run(other_.CoInvalidate(1))->is_applied);
  Detach(Read(rows_, &second));
  network_->Heal("a");
  time_.Advance(20s);
  ASSERT_TRUE(first && second);
  EXPECT_EQ((*first)->value, 1);
  EXPECT_EQ((*second)->value, 2);
}

}  // namespace
}  // namespace cairn::cache
