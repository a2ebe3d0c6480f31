// SPDX-License-Identifier: BSD-3-Clause
// A check on writes that go behind: none is lost or reversed, whoever dies, and nobody reads what
// is older than an answered write, though values expire, are evicted and invalidated meanwhile.
#ifndef CAIRN_TESTS_CONCURRENCY_WRITES_BEHIND_H_
#define CAIRN_TESTS_CONCURRENCY_WRITES_BEHIND_H_

#include "concurrency/checks.h"

namespace cairn::concurrency {

Finding WritesBehindArriveOnce(const Setting& setting);

}  // namespace cairn::concurrency

#endif  // CAIRN_TESTS_CONCURRENCY_WRITES_BEHIND_H_
