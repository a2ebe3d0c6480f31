// SPDX-License-Identifier: BSD-3-Clause
// RetryPolicy: how often, and how far apart, work that failed is tried again: by consumer groups
// and work queues.
//
//   const RetryPolicy patient{.deliveries_max = 20, .pause_max = 1h};
//
// Errors: none. Thread safety: values. Lifetimes: copied by what takes it. Cost: RetryPause is a
// hash of the id.
#ifndef CAIRN_RETRY_POLICY_H_
#define CAIRN_RETRY_POLICY_H_

#include <cstdint>
#include <string_view>

#include "cairn/clock.h"

namespace cairn::cache {

struct RetryPolicy {
  // The failure of so many deliveries makes it a dead letter; 1: the first does.
  std::int64_t deliveries_max = 5;
  // After the first failure; doubles with each further one.
  Millis pause_min{100};
  Millis pause_max{60'000};  // longer than kWaitMax, a year, is that
  // A pause is shortened by a part of up to so many percent (0 to 100), which the id decides.
  int jitter_percent = 20;
};

// Between the delivery with that number (from 1) and the next one.
Millis RetryPause(const RetryPolicy& policy, std::int64_t deliveries, std::string_view id);

}  // namespace cairn::cache

#endif  // CAIRN_RETRY_POLICY_H_
