// SPDX-License-Identifier: BSD-3-Clause
// Comparison: whether two servers said the same, where they are bound to.
//
// Three things keep two right servers apart: order and choice (KEYS, SCAN, RANDOMKEY), the clock
// (TTL and its kin), and differences that are known and meant. Each is a row in a table of
// comparison.cc, by command; everything else must be equal, type by type and byte by byte.
#ifndef CAIRN_TESTS_DIFFERENTIAL_COMPARISON_H_
#define CAIRN_TESTS_DIFFERENTIAL_COMPARISON_H_

#include "differential/generator.h"
#include "support/reply.h"

namespace cairn::differential {

bool Agree(const Command& command, const testing::Reply& ours, const testing::Reply& theirs);

}  // namespace cairn::differential

#endif  // CAIRN_TESTS_DIFFERENTIAL_COMPARISON_H_
