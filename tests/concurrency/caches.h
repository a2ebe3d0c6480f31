// SPDX-License-Identifier: BSD-3-Clause
// Checks on client-side caching: what a client caches is never older than the invalidations it has
// had, and those are never missing.
#ifndef CAIRN_TESTS_CONCURRENCY_CACHES_H_
#define CAIRN_TESTS_CONCURRENCY_CACHES_H_

#include "concurrency/checks.h"

namespace cairn::concurrency {

Finding CachesAreNeverStale(const Setting& setting);

}  // namespace cairn::concurrency

#endif  // CAIRN_TESTS_CONCURRENCY_CACHES_H_
