// SPDX-License-Identifier: BSD-3-Clause
// Which requests are late, in which order, and that those that were finished do not pile up.
#include "client/deadlines.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace cairn::client {
namespace {

RequestPtr Due(MonotonicUs at) {
  auto request = std::make_shared<Request>();
  request->deadline_us = at;
  request->done_one = [](cache::Result<cache::Reply>) {};
  return request;
}

void Finish(const RequestPtr& request) {
  request->replies.emplace_back(cache::Reply());
  request->Finish();
}

TEST(Deadlines, EarliestFirst) {
  Deadlines deadlines;
  EXPECT_EQ(deadlines.next_us(), INT64_MAX);
  for (const MonotonicUs at : {30, 10, 20, 40}) deadlines.Add(Due(at));
  EXPECT_EQ(deadlines.next_us(), 10);
  EXPECT_EQ(deadlines.TakeLate(9), nullptr);
  for (const MonotonicUs at : {10, 20, 30}) EXPECT_EQ(deadlines.TakeLate(35)->deadline_us, at);
  EXPECT_EQ(deadlines.TakeLate(35), nullptr);
  EXPECT_EQ(deadlines.next_us(), 40);
}

TEST(Deadlines, FinishedOnesAreNotLate) {
  Deadlines deadlines;
  std::vector<RequestPtr> requests;
  for (const MonotonicUs at : {10, 20, 30}) {
    requests.push_back(Due(at));
    deadlines.Add(requests.back());
  }
  Finish(requests[0]);
  Finish(requests[1]);
  EXPECT_EQ(deadlines.TakeLate(5), nullptr);
  EXPECT_EQ(deadlines.next_us(), 30) << "no timer is kept for what is done";
  EXPECT_EQ(deadlines.TakeLate(30), requests[2]);
}

TEST(Deadlines, FinishedOnesDoNotPileUp) {
  Deadlines deadlines;
  std::vector<RequestPtr> live;
  for (MonotonicUs at = 1; at <= 100'000; ++at) {
    const RequestPtr request = Due(at);
    deadlines.Add(request);
    at % 100 == 0 ? live.push_back(request) : Finish(request);
    EXPECT_LE(deadlines.size(), 2 * live.size() + Deadlines::kSweepMin);
  }
  for (const RequestPtr& request : live) EXPECT_EQ(deadlines.TakeLate(100'000), request);
  EXPECT_EQ(deadlines.TakeLate(100'000), nullptr);
}

}  // namespace
}  // namespace cairn::client
