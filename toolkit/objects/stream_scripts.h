// SPDX-License-Identifier: BSD-3-Clause
// The steps of a consumer group that are more than one command and must not be parted.
#ifndef CAIRN_TOOLKIT_OBJECTS_STREAM_SCRIPTS_H_
#define CAIRN_TOOLKIT_OBJECTS_STREAM_SCRIPTS_H_

#include "cairn/client.h"

namespace cairn::cache::internal {

// KEYS stream, ARGV group consumer id...: delivers those that are the consumer's, again:
// [id, deliveries, [field, value, ...]] each. Those whose entry was deleted are acknowledged.
const Script& TakeScript();
// KEYS stream, ARGV group consumer id...: they were idle for 0 ms; how many are not the consumer's
// any more. Their deliveries stay as they are.
const Script& RenewScript();
// KEYS stream, ARGV group id: acknowledged and deleted; 1, or 0 if it was not pending.
const Script& AcknowledgeAndDeleteScript();
// KEYS stream dead_stream, ARGV group consumer id error dead_max deletes: 1; 0 if the entry is not
// the consumer's any more; -1 if the dead stream is full.
const Script& BuryScript();
// KEYS stream dead_stream, ARGV group consumer from rows_max moved_max idle_ms: the group's letters
// among those rows are pending again, the consumer's, idle for that long and not delivered yet; as
// entries of their own where the stream has lost them. [moved, id of the last row, rows].
const Script& RedriveLettersScript();
// KEYS stream: trims what every group has acknowledged; how many entries that was.
const Script& TrimScript();
// KEYS record key..., ARGV keep_ms, then of each command the number of words and the words: 1, or 0
// if the record is there.
const Script& ApplyOnceScript();

}  // namespace cairn::cache::internal

#endif  // CAIRN_TOOLKIT_OBJECTS_STREAM_SCRIPTS_H_
