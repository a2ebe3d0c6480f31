// SPDX-License-Identifier: BSD-3-Clause
// Checks on the caching commands: with leases, tags and versions nothing that was loaded before an
// acknowledged invalidation is served as fresh after it, whoever loads, writes and waits meanwhile.
#ifndef CAIRN_TESTS_CONCURRENCY_FILLS_H_
#define CAIRN_TESTS_CONCURRENCY_FILLS_H_

#include "concurrency/checks.h"

namespace cairn::concurrency {

Finding FillsAreNeverStale(const Setting& setting);
Finding VersionsNeverGoBack(const Setting& setting);

}  // namespace cairn::concurrency

#endif  // CAIRN_TESTS_CONCURRENCY_FILLS_H_
