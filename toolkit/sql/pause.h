// SPDX-License-Identifier: BSD-3-Clause
// Pause: waits for a span of real time, or for the stop.
#ifndef CAIRN_TOOLKIT_SQL_PAUSE_H_
#define CAIRN_TOOLKIT_SQL_PAUSE_H_

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "cairn/clock.h"

namespace cairn::cache::sql {

inline void Pause(Duration span, const std::stop_token& stop) {
  std::mutex mu;
  std::condition_variable_any never;
  std::unique_lock lock(mu);
  never.wait_for(lock, stop, std::min<Duration>(span, kWaitMax), [] { return false; });
}

}  // namespace cairn::cache::sql

#endif  // CAIRN_TOOLKIT_SQL_PAUSE_H_
