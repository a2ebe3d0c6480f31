// SPDX-License-Identifier: BSD-3-Clause
// NobodyHangsInAMixture: clients that wait, watch, track, listen, monitor, kill and unblock each
// other, swap and flush databases, change the configuration and leave without a word, all at once.
//
// It is the load under which ThreadSanitizer sees the paths between the workers meet.
#ifndef CAIRN_TESTS_CONCURRENCY_MIXTURE_H_
#define CAIRN_TESTS_CONCURRENCY_MIXTURE_H_

#include "concurrency/checks.h"

namespace cairn::concurrency {

// Whoever asks is answered or closed; what is moved in transactions keeps its sum; no element is
// popped twice, and none is lost but with a connection that was closed while it waited.
Finding NobodyHangsInAMixture(const Setting& setting);

}  // namespace cairn::concurrency

#endif  // CAIRN_TESTS_CONCURRENCY_MIXTURE_H_
