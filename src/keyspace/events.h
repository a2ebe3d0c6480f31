// SPDX-License-Identifier: BSD-3-Clause
// Keyspace events: what happened to a key, told as it happens, to whoever listens.
//
//   txn.Notify(kEventString, "set", key);      after the change, before the locks go
//
// The classes are the bits of `notify-keyspace-events`; which of them anybody wants stands in
// Tunables::event_classes, so that a command that names an event nobody wants pays one load.
//
// The sink is called under the key's stripe lock, in the order of the changes of a key: it must
// only queue. Thread safety: OnEvent from any thread.
#ifndef CAIRN_KEYSPACE_EVENTS_H_
#define CAIRN_KEYSPACE_EVENTS_H_

#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace cairn::keyspace {

using EventClass = std::uint32_t;

inline constexpr EventClass kEventKeyspace = 1u << 0;   // K: not a class, but a form of telling
inline constexpr EventClass kEventKeyevent = 1u << 1;   // E: likewise
inline constexpr EventClass kEventGeneric = 1u << 2;    // g
inline constexpr EventClass kEventString = 1u << 3;     // $
inline constexpr EventClass kEventList = 1u << 4;       // l
inline constexpr EventClass kEventSet = 1u << 5;        // s
inline constexpr EventClass kEventHash = 1u << 6;       // h
inline constexpr EventClass kEventSortedSet = 1u << 7;  // z
inline constexpr EventClass kEventExpired = 1u << 8;    // x
inline constexpr EventClass kEventEvicted = 1u << 9;    // e
inline constexpr EventClass kEventStream = 1u << 10;    // t
inline constexpr EventClass kEventModule = 1u << 11;    // d
inline constexpr EventClass kEventKeyMiss = 1u << 12;   // m, not in A
inline constexpr EventClass kEventNewKey = 1u << 13;    // n, not in A

class EventSink {
 public:
  virtual ~EventSink() = default;
  // `forms`: kEventKeyspace, kEventKeyevent or both.
  virtual void OnEvent(EventClass forms, std::string_view event, DbId db, std::string_view key) = 0;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_EVENTS_H_
