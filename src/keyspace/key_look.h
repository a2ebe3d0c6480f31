// SPDX-License-Identifier: BSD-3-Clause
// KeyLook: what statistics want to know of a key, without a trace: no hit, no access time, no
// expiry.
#ifndef CAIRN_KEYSPACE_KEY_LOOK_H_
#define CAIRN_KEYSPACE_KEY_LOOK_H_

#include <cstddef>
#include <cstdint>

#include "keyspace/keyspace.h"

namespace cairn::keyspace {

struct KeyLook {
  // kUnknown: its stripe was busy.
  enum class State : std::uint8_t { kUnknown, kAbsent, kPresent };
  State state = State::kUnknown;
  // Of a key that is present:
  Type type = Type::kString;
  UnixMs expiry = kNever;
  std::size_t bytes = 0;  // charged for key and value
  std::size_t elements = 0;
};

// Does not wait: for a thread that may hold the stripe. What has expired is absent.
KeyLook TryLookAt(Keyspace& keyspace, DbId db, const KeyRef& key, UnixMs now_ms);
// Waits, but not for who holds the stripe for long. REQUIRES: this thread holds no stripe, or all.
KeyLook LookAt(Keyspace& keyspace, DbId db, const KeyRef& key, UnixMs now_ms);

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_KEY_LOOK_H_
