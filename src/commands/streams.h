// SPDX-License-Identifier: BSD-3-Clause
// What the commands on streams share: replies made of ids and entries, errors that name a key and a
// group, and the effects by which a delivery is replayed.
//
// A delivery depends on the clock and on what the group read before, so it is not logged as it was
// asked for but by what came of it, in commands that Redis's replicas know too:
//
//     XREADGROUP   XGROUP CREATECONSUMER (if it made one), XCLAIM of all ids it handed out with the
//                  time and count of delivery, XGROUP SETID with the count of entries read
//     XCLAIM       XCLAIM of what was claimed, with FORCE and absolute times; likewise XAUTOCLAIM
//
// Where Redis names each id in an XCLAIM of its own, one names all that have the same count. A
// consumer's history is named too, since reading it counts as delivery; Redis leaves that out, and
// its replicas do not know.
#ifndef CAIRN_COMMANDS_STREAMS_H_
#define CAIRN_COMMANDS_STREAMS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command/call.h"
#include "command/spec.h"
#include "value/stream.h"

namespace cairn::commands {

// Why an entry was not appended.
std::string_view AppendErrorText(value::StreamAppendError error);

void ReplyStreamId(resp::Writer& reply, value::StreamId id);
// [id, [field, value, ...]]
void ReplyStreamEntry(resp::Writer& reply, const value::StreamEntry& entry);
// An array of entries with start <= id <= end, at most `count` (0: all) of them.
void ReplyStreamRange(resp::Writer& reply, const value::Stream& stream, value::StreamId start,
                      value::StreamId end, value::StreamOrder order, std::size_t count);
// The entry with this id. REQUIRES: there is one.
void ReplyStreamEntryAt(resp::Writer& reply, const value::Stream& stream, value::StreamId id);

// "-NOGROUP No such key 'k' or consumer group 'g'", with what a command adds.
std::string NoKeyOrGroup(std::string_view key, std::string_view group, std::string_view where = {});
// "-NOGROUP No such consumer group 'g' for key name 'k'"
std::string NoGroupForKey(std::string_view key, std::string_view group);

// Reads the arguments from `first` on as ids, no "-" or "+" among them. False, with the error
// replied, unless all are.
bool ReadStreamIds(command::Call& call, std::size_t first, std::size_t count,
                   std::vector<value::StreamId>* ids);

// A group of the stream under one of the call's keys, and whom to tell of what becomes of it.
struct GroupOfKey {
  const keyspace::KeyRef& key;
  value::Stream& stream;
  value::StreamGroup& group;
};

// The consumer of that name; one that is new is made known: as an effect and as an event.
value::StreamConsumer& ConsumerNamed(command::Call& call, const GroupOfKey& at,
                                     std::string_view name);

// What was delivered, and how often by now.
struct StreamClaimed {
  value::StreamId id;
  std::uint64_t count;
};
// Whether effects are worth collecting.
bool IsLogged(command::Call& call);
// Txn::Log of words made for it.
void LogWords(command::Call& call, const std::vector<std::string>& words);
// Names deliveries as XCLAIM.
void LogClaims(command::Call& call, const GroupOfKey& at, std::string_view consumer,
               std::span<const StreamClaimed> claims, UnixMs delivery_time);
// Names where the group stands as XGROUP SETID.
void LogGroupPosition(command::Call& call, const GroupOfKey& at);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_STREAMS_H_
