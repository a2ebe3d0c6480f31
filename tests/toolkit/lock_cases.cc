// SPDX-License-Identifier: BSD-3-Clause
// Locks: what holds on every store. And a holder that the runner kills: it says when it has the
// lock and when not, on a clock that all processes of the machine share. And what the runner does
// to replicas: one that stands still, and one that takes the place of a master that was killed.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "base/thread.h"
#include "cairn/lock.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

// Whether the store answers LOCK.* at all.
bool HasLocks(const Store& store) {
  const Result<Reply> info = store.client().Call(Command("LOCK.INFO", "lock:none"));
  return info || info.error().detail.find("unknown command") == std::string::npos;
}

void OneAtATime(const Store& store, Complaints& say) {
  const Mutex mutex(store, "lock:one", {.ttl = 60s, .replicas_timeout = 29s});
  Result<Held> first = mutex.Acquire();
  say.Check(first.has_value(), "a free lock is granted");
  if (!first) return;
  say.Check(first->Check().value_or(false), "it is held");
  const auto second = mutex.TryAcquire();
  say.Check(second && !*second, "nobody else has it");
  say.Check(!mutex.Acquire({.timeout = 50ms}).has_value(), "nor does waiting help");
  const std::int64_t fence = first->fence();
  say.Check(first->Release().value_or(false), "it is given back");
  Result<Held> third = SyncWait(mutex.CoAcquire());
  say.Check(third && third->fence() > fence, "the next fence is greater");
  if (third) say.Check(SyncWait(third->CoRelease()).value_or(false), "and it is given back");
}

void LossIsTold(const Store& store, Complaints& say) {
  const Mutex mutex(store, "lock:lost", {.ttl = 3s, .replicas = 0});
  Result<Held> held = mutex.Acquire();
  if (!held) return say.Check(false, "granted");
  say.Check(store.client().Call(Command("DEL", "lock:lost")).has_value(), "deleted");
  say.Check(Eventually([&] { return held->lost().stop_requested(); }), "told");
  say.Check(!held->is_held() && !held->Check().value_or(true), "not held");
  Result<Held> next = mutex.Acquire();
  say.Check(!held->Release().value_or(true), "no success");
  say.Check(next && next->Check().value_or(false), "the next one's is not touched");
}

// False: the machine has stood still for longer than the ttl, and the holder was told.
bool IsHeldBeyondItsTtl(const Mutex& mutex, const Store& store, Complaints& say) {
  Result<Held> held = mutex.Acquire({.timeout = 10s});
  if (!held) {
    say.Check(false, "granted");
    return true;
  }
  const TimePoint end = store.clock().Now() + 2500ms;
  bool was_had = false;
  while (!was_had && store.clock().Now() < end) {
    const auto other = mutex.Acquire({.timeout = 100ms});
    was_had = other.has_value();
  }
  if (!held->is_held()) return false;  // by our clock: its thread may stand still, too
  say.Check(!was_had, "nobody else has had it, without the holder's being told");
  say.Check(held->Release().value_or(false), "still ours");
  return true;
}

void IsRenewed(const Store& store, Complaints& say) {
  const Mutex mutex(store, "lock:renewed", {.ttl = 900ms, .replicas = 0});
  constexpr int kTries = 5;
  int tries = 1;
  while (!IsHeldBeyondItsTtl(mutex, store, say) && tries < kTries) ++tries;
  say.Check(tries < kTries, "held in one of so many tries");
}

void WaitersAreServed(const Store& store, Complaints& say) {
  const Mutex mutex(store, "lock:waiters", {.ttl = 60s, .replicas_timeout = 29s});
  std::atomic<int> inside{0};
  std::atomic<int> wrong{0};
  std::int64_t last_fence = 0;  // guarded by the lock
  std::vector<Thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back("holder", [&] {
      for (int i = 0; i < 5; ++i) {
        Result<Held> held = mutex.Acquire({.timeout = 30s});
        if (!held || inside.fetch_add(1) != 0 || held->fence() <= last_fence) ++wrong;
        if (!held) return;
        last_fence = held->fence();
        inside.fetch_sub(1);
        if (!held->Release().value_or(false)) ++wrong;
      }
    });
  }
  for (Thread& thread : threads) thread.Join();
  say.Equal(wrong.load(), 0, "one at a time, each with a greater fence");
}

// More replicas than any of the stores has.
void TooFewReplicas(const Store& store, Complaints& say) {
  const LockOptions options{.ttl = 20s, .replicas = 5, .replicas_timeout = 50ms};
  const Mutex mutex(store, "lock:too-few", options);
  const bool is_embedded = store.capabilities().kind == Capabilities::Kind::kEmbedded;
  const Result<Held> refused = mutex.Acquire();
  say.Check(!refused, "refused");
  if (refused) return;
  say.Equal(refused.error().code, is_embedded ? Errc::kUnsupported : Errc::kUnreplicated,
            refused.error().detail);
  Result<Held> next = Mutex(store, "lock:too-few", {.replicas = 0}).Acquire({.timeout = 0ms});
  say.Check(next.has_value(), "and nothing is held");
}

// By as many as there are, and by nobody if there is none: the default takes what it finds.
void ReplicasHaveIt(const Store& store, Complaints& say) {
  const std::size_t replicas = store.capabilities().replicas;
  const LockOptions options{.ttl = 300s, .replicas = replicas, .replicas_timeout = 100s};
  const Mutex mutex(store, "lock:replicated", options);
  Result<Held> held = mutex.Acquire();
  say.Check(held.has_value(), "granted");
  if (!held) return;
  const std::int64_t fence = held->fence();
  say.Check(held->Check().value_or(false) && held->Release().value_or(false), "held, given back");
  Result<Held> next = mutex.Acquire();
  say.Check(next && next->fence() > fence, "the next fence is greater");
}

// The runner has stopped the one replica.
void RefusedWithoutReplica(const Store& store, Complaints& say) {
  say.Equal(store.capabilities().replicas, std::size_t{1}, "it is connected still");
  const LockOptions options{.ttl = 20s, .replicas_timeout = 300ms};
  const Mutex mutex(store, "lock:unreplicated", options);
  const Result<Held> refused = mutex.Acquire();
  say.Check(!refused && refused.error().code == Errc::kUnreplicated, "by default");
  const Result<std::optional<Held>> tried = mutex.TryAcquire();
  say.Check(!tried && tried.error().code == Errc::kUnreplicated, "again");
  Result<Held> held = Mutex(store, "lock:unreplicated", {.replicas = 0}).Acquire({.timeout = 0ms});
  say.Check(held.has_value(), "nothing was held, and who wants no replica has it");
}

// Locks, until the server is killed: each that it says it has, replicas have.
void TakeLocks(const Store& store, Complaints&) {
  std::vector<Held> all;
  for (std::size_t i = 0;; ++i) {
    const LockOptions options{.ttl = 900s, .replicas = 1, .replicas_timeout = 300s};
    Result<Held> held = Mutex(store, "lock:heir:" + std::to_string(i), options).Acquire();
    if (!held) std::_Exit(0);
    std::printf("%lld\n", static_cast<long long>(held->fence()));
    std::fflush(stdout);
    all.push_back(*std::move(held));
  }
}

// One of them, at the replica that was promoted.
void Inherited(const Store& store, const std::string& name, std::int64_t fence, Complaints& say) {
  const Mutex mutex(store, name, {.replicas = 0});
  const auto taken = mutex.TryAcquire();
  say.Check(taken && !taken->has_value(), name + " is held there, too");
  const Result<Reply> info = store.client().Call(Command("LOCK.INFO", name));
  const Reply* has = info && !info->is_null() ? info->Find("fence") : nullptr;
  say.Check(has != nullptr && has->AsInteger().value_or(0) == fence, name + " has its fence");
  say.Check(store.client().Call(Command("DEL", name)).has_value(), "deleted");
  Result<Held> next = mutex.Acquire();
  say.Check(next && next->fence() > fence, name + " goes on above it");
}

// Until it is killed.
void HoldForEver(const Store& store, Complaints&) {
  const Mutex mutex(store, "lock:killed", {.ttl = 500ms});
  const auto now_us = [&] {
    return static_cast<long long>(
        std::chrono::floor<std::chrono::microseconds>(store.clock().Now().time_since_epoch())
            .count());
  };
  for (;;) {
    Result<Held> held = mutex.Acquire({.timeout = 30s});
    if (!held) continue;
    std::printf("begin %lld %lld\n", static_cast<long long>(held->fence()), now_us());
    std::fflush(stdout);
    const TimePoint end = store.clock().Now() + 3ms;
    while (store.clock().Now() < end && held->is_held()) {
    }
    std::printf("end %lld %lld\n", static_cast<long long>(held->fence()), now_us());
    std::fflush(stdout);
    static_cast<void>(held->Release());
  }
}

Case For(std::string_view name, std::string uri, void (*run)(const Store&, Complaints&)) {
  return {name, [uri = std::move(uri), run](Complaints& say) {
            const Store store = OpenOrDie(uri);
            if (HasLocks(store)) run(store, say);
          }};
}

}  // namespace

Cases LockCases(const std::vector<std::string>& uris) {
  return {For("OneAtATime", uris[0], OneAtATime),
          For("LossIsTold", uris[0], LossIsTold),
          For("IsRenewed", uris[0], IsRenewed),
          For("WaitersAreServed", uris[0], WaitersAreServed),
          For("TooFewReplicas", uris[0], TooFewReplicas),
          For("ReplicasHaveIt", uris[0], ReplicasHaveIt)};
}

Cases LockUnreplicatedCases(const std::vector<std::string>& uris) {
  return {For("RefusedWithoutReplica", uris[0], RefusedWithoutReplica)};
}

Cases LockTakerCases(const std::vector<std::string>& uris) {
  return {For("TakeLocks", uris[0], TakeLocks)};
}

Cases LockHeirCases(const std::vector<std::string>& uris) {
  return {{"Inherited", [uris](Complaints& say) {
             const Store store = OpenOrDie(uris[0]);
             for (std::size_t i = 1; i < uris.size(); ++i)
               Inherited(store, "lock:heir:" + std::to_string(i - 1),
                         ParseInt64(uris[i]).value_or(-1), say);
           }}};
}

Cases LockHolderCases(const std::vector<std::string>& uris) {
  return {For("HoldForEver", uris[0], HoldForEver)};
}

}  // namespace cairn::cache::checks
