// SPDX-License-Identifier: BSD-3-Clause
// AnyLoadIsSurvived: random commands in pipelines from clients that come and go, under changing
// memory limits and eviction policies. All that is asked of the server is that it answers.
//
// It is the load under which the sanitizer builds are run.
#ifndef CAIRN_TESTS_CONCURRENCY_LOAD_H_
#define CAIRN_TESTS_CONCURRENCY_LOAD_H_

#include "concurrency/checks.h"

namespace cairn::concurrency {

Finding AnyLoadIsSurvived(const Setting& setting);

}  // namespace cairn::concurrency

#endif  // CAIRN_TESTS_CONCURRENCY_LOAD_H_
