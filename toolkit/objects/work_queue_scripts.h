// SPDX-License-Identifier: BSD-3-Clause
// The steps of a work queue. KEYS of all: ready, delayed, reserved, dead (sorted sets of ids);
// payloads, places, deliveries, holders, errors (hashes by id); sequence (a counter), bell (a
// list).
#ifndef CAIRN_TOOLKIT_OBJECTS_WORK_QUEUE_SCRIPTS_H_
#define CAIRN_TOOLKIT_OBJECTS_WORK_QUEUE_SCRIPTS_H_

#include "cairn/client.h"

namespace cairn::cache::internal {

// ARGV payload id delay_ms priority jobs_max: [id, 1 or 0]; -1 if the queue is full.
const Script& PushScript();
// ARGV visibility_ms deliveries_max: [id, payload, delivery, token]; or a number: in how many ms
// the next job may be ready, -1 if there is none.
const Script& ReserveScript();
// ARGV id token: 1, or 0.
const Script& AckScript();
// ARGV id token delay_ms deliveries_max error: 1, or 0.
const Script& NackScript();
// ARGV id token visibility_ms: 1, or 0.
const Script& ExtendScript();
// [ready, delayed, reserved, dead, lag_ms].
const Script& SizesScript();
// ARGV count: [id, payload, error, id, ...].
const Script& DeadScript();
// ARGV count: how many.
const Script& RedriveScript();

}  // namespace cairn::cache::internal

#endif  // CAIRN_TOOLKIT_OBJECTS_WORK_QUEUE_SCRIPTS_H_
