// SPDX-License-Identifier: BSD-3-Clause
// Locks: LOCK.ACQUIRE, LOCK.RENEW, LOCK.RELEASE, LOCK.INFO. By their owner only, for a time only,
// and with a fence for each grant.
//
// A lock that is held is a string key (value/lock.h) whose expiry is the lock's; a free one is no
// key at all. So DEL, expiry, eviction and FLUSHALL free it as they remove any key, and wake who
// waits as they tell of any change (keyspace/interest.h).
//
//     free --ACQUIRE--> held by A, fence n --RELEASE by A, expiry, DEL, eviction, flush--> free
//                          | RENEW by A: a new time; ACQUIRE by A: also a new fence
//                          '-- ACQUIRE by B WAIT: B stands in the key's queue
//
// Who comes while others wait does not come before them, even in the moment between the lock's
// expiry and its next grant: it queues up, or is told no.
//
// Logged are SET with PXAT and DEL. A fence is drawn under the key's stripe (keyspace/fences.h).
#include "value/lock.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/families.h"
#include "commands/strings.h"
#include "commands/timed_string.h"

namespace cairn::commands {
namespace {

using value::LockState;

constexpr std::int64_t kTtlMsMax = 1'000'000'000'000;
constexpr std::int64_t kWaitMsMax = 1'000'000'000'000;

constexpr std::string_view kOtherContent = "WRONGTYPE Key does not hold a lock";
constexpr std::string_view kBadOwner = "ERR the owner must have 1 to 1024 bytes";

// What stands under the call's key.
struct Held {
  Found found;
  std::optional<LockState> lock;  // nothing: free
};

// Nothing, with the error replied, if it is something else.
std::optional<Held> FindLock(Call& call, Access access) {
  Held held;
  if (!FindString(call, 0, access, &held.found)) return std::nullopt;
  if (!held.found) return held;
  held.lock = value::ParseLock(StringOf(held.found));
  if (!held.lock) {
    call.Error(kOtherContent);
    return std::nullopt;
  }
  // It may have come from elsewhere, by RESTORE: what is granted next is greater all the same.
  call.keyspace().fences().Exceed(held.lock->fence);
  return held;
}

bool IsOwner(const Held& held, std::string_view owner) {
  return held.lock && held.lock->owner == owner;
}

// False with the error replied.
bool CheckOwner(Call& call) {
  const std::size_t size = call.arg(2).size();
  const bool fits = size >= 1 && size <= value::kLockOwnerMax;
  if (!fits) call.Error(kBadOwner);
  return fits;
}

std::optional<std::int64_t> ParseTtl(Call& call, std::string_view text) {
  const std::optional<std::int64_t> ttl_ms = ParseInt64(text);
  if (ttl_ms && *ttl_ms >= 1 && *ttl_ms <= kTtlMsMax) return ttl_ms;
  call.Error(ttl_ms ? command::errors::InvalidExpireTime(call.command().full_name)
                    : std::string(command::errors::kNotAnInteger));
  return std::nullopt;
}

// "[WAIT milliseconds]" from argument 4 on; 0 without.
std::optional<std::int64_t> ParseWait(Call& call) {
  if (call.argc() == 4) return 0;
  if (call.argc() != 6 || !EqualsIgnoreCase(call.arg(4), "WAIT")) {
    call.Error(command::errors::kSyntax);
    return std::nullopt;
  }
  const std::optional<std::int64_t> wait_ms = ParseInt64(call.arg(5));
  if (wait_ms && *wait_ms >= 0 && *wait_ms <= kWaitMsMax) return wait_ms;
  call.Error(!wait_ms       ? command::errors::kTimeoutNotAnInteger
             : *wait_ms < 0 ? command::errors::kTimeoutNegative
                            : command::errors::kTimeoutOutOfRange);
  return std::nullopt;
}

// Who waits for the lock: others may wait for a list of that name.
std::size_t CountWaiters(Call& call, const command::CommandTable::Command& acquire) {
  const keyspace::KeyRef& key = call.key(0);
  const keyspace::Stripe& stripe = call.keyspace().stripe(key.stripe);
  if (stripe.interest == nullptr) return 0;
  const keyspace::KeyInterest* at = stripe.interest->Find(call.txn().db(), key.name);
  if (at == nullptr) return 0;
  return static_cast<std::size_t>(
      std::ranges::count_if(at->waiters, [&](const std::shared_ptr<keyspace::Waiter>& waiter) {
        const auto& parked = static_cast<const command::Parked&>(*waiter);
        return parked.command().spec == acquire.spec && !parked.is_abandoned();
      }));
}

void StoreLock(Call& call, const Found& found, const LockState& lock, std::int64_t ttl_ms) {
  StoreTimed(call, call.key(0), found, value::FormatLock(lock), call.now_ms() + ttl_ms);
}

void Acquire(Call& call) {
  if (!CheckOwner(call)) return;
  const std::optional<std::int64_t> ttl_ms = ParseTtl(call, call.arg(3));
  if (!ttl_ms) return;
  const std::optional<std::int64_t> wait_ms = ParseWait(call);
  if (!wait_ms) return;
  const std::optional<Held> held = FindLock(call, Access::kWrite);
  if (!held) return;
  const std::string_view owner = call.arg(2);
  const bool is_free =
      !held->lock && (call.runs_again() || CountWaiters(call, call.command()) == 0);
  if (is_free || IsOwner(*held, owner)) {
    // Again by its owner, whose answer may have been lost, is a new grant: the one that is kept may
    // be older than what was granted since, where a crash, or RENAME, brought it back.
    const std::int64_t fence = call.keyspace().fences().Draw(call.now_ms());
    StoreLock(call, held->found, {.fence = fence, .owner = owner}, *ttl_ms);
    return call.reply().Integer(fence);
  }
  if (*wait_ms == 0) return call.reply().Null();
  call.Block(keyspace::Type::kString, *wait_ms, command::TimeoutReply::kNull);
}

void ReplyState(Call& call, std::string_view state, std::int64_t fence) {
  call.reply().Array(2);
  call.reply().Simple(state);
  call.reply().Integer(fence);
}

// The owner that calls has it no more: whose is it now? 0: nobody's.
void ReplyLost(Call& call, const Held& held) {
  ReplyState(call, "LOST", held.lock ? held.lock->fence : 0);
}

void Renew(Call& call) {
  if (!CheckOwner(call)) return;
  const std::optional<std::int64_t> ttl_ms = ParseTtl(call, call.arg(3));
  if (!ttl_ms) return;
  const std::optional<Held> held = FindLock(call, Access::kWrite);
  if (!held) return;
  if (!IsOwner(*held, call.arg(2))) return ReplyLost(call, *held);
  const std::int64_t fence = held->lock->fence;
  // Whether it is held has not changed: those who wait, of whom there may be many, are not asked
  // again at each renewal.
  call.txn().TellNobody();
  StoreLock(call, held->found, {.fence = fence, .owner = call.arg(2)}, *ttl_ms);
  ReplyState(call, "OK", fence);
}

void Release(Call& call) {
  if (!CheckOwner(call)) return;
  std::optional<Held> held = FindLock(call, Access::kWrite);
  if (!held) return;
  if (!IsOwner(*held, call.arg(2))) return ReplyLost(call, *held);
  const std::int64_t fence = held->lock->fence;
  call.txn().Remove(call.key(0), held->found);
  call.txn().Log({"DEL", call.key(0).name});
  call.txn().Notify(keyspace::kEventGeneric, "del", call.key(0));
  ReplyState(call, "OK", fence);
}

void Info(Call& call) {
  const std::optional<Held> held = FindLock(call, Access::kRead);
  if (!held) return;
  if (!held->lock) return call.reply().Null();
  const UnixMs at_ms = call.txn().ExpiryAt(held->found);
  const command::CommandTable::Command* acquire = call.table().Find("lock.acquire");
  call.reply().Map(4);
  call.reply().Bulk("owner");
  call.reply().Bulk(held->lock->owner);
  call.reply().Bulk("fence");
  call.reply().Integer(held->lock->fence);
  call.reply().Bulk("ttl");
  call.reply().Integer(at_ms == kNever ? -1 : at_ms - call.now_ms());
  call.reply().Bulk("waiters");
  call.reply().Integer(
      acquire == nullptr ? 0 : static_cast<std::int64_t>(CountWaiters(call, *acquire)));
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "LOCK.ACQUIRE key owner milliseconds:integer [WAIT wait-milliseconds:integer]",
          .access = "RW ACCESS UPDATE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kDenyOom | command::kBlocking,
          .complexity = "O(W) where W is the number of clients that wait for the lock",
          .summary = "Takes a lock for a time and returns its fence; waits until it is free if "
                     "asked.",
          .run = &Acquire}),
    Spec({.syntax = "LOCK.RENEW key owner milliseconds:integer",
          .access = "RW ACCESS UPDATE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1)",
          .summary = "Gives a lock that its owner still holds a new time, or says that it is lost.",
          .run = &Renew}),
    Spec({.syntax = "LOCK.RELEASE key owner",
          .access = "RW ACCESS DELETE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1)",
          .summary = "Frees a lock that its owner still holds, or says that it is lost.",
          .run = &Release}),
    Spec({.syntax = "LOCK.INFO key",
          .access = "RO ACCESS",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(W) where W is the number of clients that wait for the lock",
          .summary = "Returns who holds a lock, its fence, for how long, and how many wait.",
          .run = &Info}),
};

}  // namespace

std::span<const Spec> LockFamily() { return kSpecs; }

}  // namespace cairn::commands
