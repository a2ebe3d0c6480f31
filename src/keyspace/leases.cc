// SPDX-License-Identifier: BSD-3-Clause
// Counting is all there is to it: where a lease stands, and who finds it, is interest.h's.
#include "keyspace/leases.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "keyspace/namespaces.h"

namespace cairn::keyspace {
namespace {

constexpr UnixMs kSweepAtOnce = 1;

}  // namespace

// Tokens fit a signed 64-bit reply: the start leaves room for 2^62 of them.
LeaseBook::LeaseBook() : next_token_((SecureRandomUint64() >> 2) + 1) {
  for (std::atomic<UnixMs>& due : next_due_) due.store(kNever, std::memory_order_relaxed);
}

bool LeaseBook::Grant(Lease& lease, std::size_t stripe, UnixMs now_ms, std::int64_t for_ms,
                      std::uint64_t stamp, Namespace* space, std::size_t bytes) {
  DCHECK(!lease.is_held());
  if (space != nullptr && !space->TakeLease()) return false;
  if (!lease.is_kept() && kept_.Add(1) > kLeasesMax) {
    kept_.Add(-1);
    if (space != nullptr) space->ReturnLease();
    return false;
  }
  bytes_.Add(static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(lease.bytes));
  lease = {.token = next_token_.fetch_add(1, std::memory_order_relaxed),
           .until = now_ms + for_ms,
           .stamp = stamp,
           .granted_at = now_ms,
           .space = space,
           .bytes = bytes};
  held_.Add(1);
  granted_.Add(1);
  set_next_due(stripe, std::min(next_due(stripe), lease.until));
  return true;
}

// From held to not held, whatever the way.
void LeaseBook::Release(Lease& lease) {
  lease.token = 0;
  held_.Add(-1);
  if (Namespace* space = std::exchange(lease.space, nullptr); space != nullptr)
    space->ReturnLease();
}

void LeaseBook::Void(Lease& lease, std::size_t stripe) {
  DCHECK(lease.is_held());
  if (lease.space != nullptr) lease.space->CountVoided();
  Release(lease);
  lease.until = kSweepAtOnce;
  set_next_due(stripe, kSweepAtOnce);
  voided_.Add(1);
}

void LeaseBook::End(Lease& lease) {
  if (lease.is_held()) Release(lease);
  if (lease.is_kept()) {
    kept_.Add(-1);
    bytes_.Add(-static_cast<std::int64_t>(lease.bytes));
  }
  lease = {};
}

bool LeaseBook::Expire(Lease& lease) {
  const bool was_held = lease.is_held();
  if (was_held) {
    timed_out_.Add(1);
    if (lease.space != nullptr) lease.space->CountTimedOut();
  }
  End(lease);
  return was_held;
}

void LeaseBook::ResetStatistics() {
  for (SharedCounter* counter : {&granted_, &voided_, &timed_out_}) counter->Set(0);
}

}  // namespace cairn::keyspace
