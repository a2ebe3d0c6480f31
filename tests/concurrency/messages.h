// SPDX-License-Identifier: BSD-3-Clause
// Checks on publish and subscribe: what was counted comes, once and in order, to clients that
// subscribe and unsubscribe all the time; and keyspace events follow the writes of a key.
#ifndef CAIRN_TESTS_CONCURRENCY_MESSAGES_H_
#define CAIRN_TESTS_CONCURRENCY_MESSAGES_H_

#include "concurrency/checks.h"

namespace cairn::concurrency {

Finding MessagesComeOnceAndInOrder(const Setting& setting);
Finding EventsFollowWrites(const Setting& setting);

}  // namespace cairn::concurrency

#endif  // CAIRN_TESTS_CONCURRENCY_MESSAGES_H_
