// SPDX-License-Identifier: BSD-3-Clause
// CallOptions: how long a call may take, what cancels it, and whether it may be tried again.
//
//   client.Call(Command("INCR", "n"), {.timeout = 50ms, .stop = stop});
//
// Every call has a deadline: its own, or StoreOptions::timeout. A call that was sent and whose
// deadline passes, or which is cancelled, fails with Error::may_have_applied; the reply is thrown
// away when it comes. A call is sent again after a lost connection only if it is idempotent.
//
// Errors: what they end is kTimeout or kCancelled. A timeout of zero or less is over at once;
// Duration::max() is none. Thread safety: a value. Lifetimes: copied by the call; the executor
// outlives it. Cost: a deadline is a timer, O(log n) of those that run; a stop token a callback.
#ifndef CAIRN_CALL_OPTIONS_H_
#define CAIRN_CALL_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <stop_token>

#include "cairn/clock.h"
#include "cairn/executor.h"

namespace cairn::cache {

enum class Idempotence : std::uint8_t {
  kByCommand,  // reads and the like are, by a list; unknown commands are not
  kYes,        // the caller knows that applying it twice is as good as once
  kNo,
};

enum class Waits : std::uint8_t {
  kByCommand,  // BLPOP and its kin do, and CACHE.GET with WAIT, by a list
  // The server may keep it waiting: it gets a connection of its own. So does a pipeline, all of it
  // the same one: WAIT counts who has what the commands before it have written. Of a cluster's
  // nodes its first key says which.
  kYes,
  kNo,
};

struct CallOptions {
  // From the call on. Unset: the store's. What waits at the server needs more than its own time.
  std::optional<Duration> timeout = {};
  // On the store's clock, for one of several calls that share a deadline. The earlier one counts.
  std::optional<TimePoint> deadline = {};
  std::stop_token stop = {};
  Idempotence idempotence = Idempotence::kByCommand;
  Waits waits = Waits::kByCommand;
  // Where a coroutine is resumed and a callback called; null: on the thread on which the reply
  // comes. Outlives the call.
  Executor* executor = nullptr;
};

}  // namespace cairn::cache

#endif  // CAIRN_CALL_OPTIONS_H_
