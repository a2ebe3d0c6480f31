// SPDX-License-Identifier: BSD-3-Clause
// The scripts by which a server without native caching commands answers them, one a command (or a
// few that are one). docs/toolkit/foreign-stores.md tells how keys are laid out by them.
//
// Those that know of tags have as their first two arguments the state of tags and 16 hexadecimal
// digits that nobody else has. The state is "" where the script reads it itself: on one server. In
// a cluster it lies in another slot, so it is what kLook has packed, or "?" for not known; a script
// that misses something in it does nothing and replies "NEED" and the names.
//
// Numbers that may exceed 2^53, versions and tokens, are texts there: Lua's numbers are doubles.
#ifndef CAIRN_FOREIGN_SCRIPTS_H_
#define CAIRN_FOREIGN_SCRIPTS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "cairn/client.h"

namespace cairn::foreign {

enum class ScriptId : std::uint8_t {
  kGet,
  kFill,
  kDelete,
  kStale,
  kForget,
  kFail,
  kInfo,
  kAck,
  kBarrier,
  kLook,
  kTagBump,
  kTagAdd,
  kTagInfo,
  kSpaceSet,
  kSpaceDelete,
  kSpaceClear,
  kSpaceList,
  kSpaceInfo,
  kLimit,
  kLockAcquire,
  kLockRenew,
  kLockRelease,
  kLockInfo,
};
inline constexpr std::size_t kScripts = static_cast<std::size_t>(ScriptId::kLockInfo) + 1;

// Where the state of tags is kept: one slot.
inline constexpr std::string_view kTagsKey = "cairn:{tags}";
inline constexpr std::string_view kSpacesKey = "cairn:{tags}:spaces";

// The source texts; each is put together from what several share.
std::string CacheScript(ScriptId id);
std::string TagScript(ScriptId id);
std::string CounterScript(ScriptId id);

// All of them with their digests. Thread safety: constant.
class ScriptBook {
 public:
  ScriptBook();
  const cache::Script& operator[](ScriptId id) const {
    return scripts_[static_cast<std::size_t>(id)];
  }

 private:
  std::vector<cache::Script> scripts_;
};

}  // namespace cairn::foreign

#endif  // CAIRN_FOREIGN_SCRIPTS_H_
