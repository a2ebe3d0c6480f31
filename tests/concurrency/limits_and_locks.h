// SPDX-License-Identifier: BSD-3-Clause
// Checks of limiters and locks.
#ifndef CAIRN_TESTS_CONCURRENCY_LIMITS_AND_LOCKS_H_
#define CAIRN_TESTS_CONCURRENCY_LIMITS_AND_LOCKS_H_

#include "concurrency/checks.h"

namespace cairn::concurrency {

Finding LocksAreHeldByOne(const Setting& setting);
Finding LostLocksAreSeen(const Setting& setting);
Finding LockWaitersAreServedInTurn(const Setting& setting);
Finding LimitersKeepTheirLaw(const Setting& setting);
Finding LimitsTogetherAreAllOrNone(const Setting& setting);

}  // namespace cairn::concurrency

#endif  // CAIRN_TESTS_CONCURRENCY_LIMITS_AND_LOCKS_H_
