// SPDX-License-Identifier: BSD-3-Clause
// Checks of commands that wait, and of transactions.
#ifndef CAIRN_TESTS_CONCURRENCY_WAITING_H_
#define CAIRN_TESTS_CONCURRENCY_WAITING_H_

#include "concurrency/checks.h"

namespace cairn::concurrency {

Finding EveryElementIsPoppedOnce(const Setting& setting);
Finding WaitersAreServedInTurn(const Setting& setting);
Finding TransfersKeepTheirSum(const Setting& setting);
Finding WatchLosesNoIncrement(const Setting& setting);

}  // namespace cairn::concurrency

#endif  // CAIRN_TESTS_CONCURRENCY_WAITING_H_
