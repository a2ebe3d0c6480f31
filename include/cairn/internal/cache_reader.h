// SPDX-License-Identifier: BSD-3-Clause
// CacheReader: how one key of a typed cache is read and loaded. Part of cairn/cache.h, not for
// users.
//
//   near copy? -- flight of this process? -- CACHE.GET --fresh--> answer
//                   ^                          |  |  '--store is down--> last known, or load
//                   |                          |  '--lease--> load, fill, land
//                   '------ WAIT, then --------'another's load
//
// What a load needs is in one Call, which whoever is last lets go: its caller, or the load that was
// left to the background when it took too long.
#ifndef CAIRN_INTERNAL_CACHE_READER_H_
#define CAIRN_INTERNAL_CACHE_READER_H_

#include <algorithm>
#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include "cairn/cache_policy.h"
#include "cairn/codec.h"
#include "cairn/executor.h"
#include "cairn/internal/cache_core.h"
#include "cairn/internal/timed_load.h"
#include "cairn/task.h"

namespace cairn::cache::internal {

template <class T, class KeyType, class C>
class CacheReader {
 public:
  using Core = std::shared_ptr<CacheCore>;
  using Loading = LoadContext<T, KeyType>;
  using Answer = Result<Entry<T>>;
  using Loaded = Result<std::optional<T>>;
  template <class L>
  static constexpr bool kIsCoroutine =
      std::same_as<std::invoke_result_t<L&, Loading&>, Task<Loaded>>;

  // What a load that was granted begins with.
  struct Grant {
    std::int64_t token = 0;  // 0: nothing can be stored
    std::optional<Entry<T>> old = {};
    Version min_version = 0;
    std::shared_ptr<void> slot = {};  // among the loads without a lease; given back with the last
    std::shared_ptr<Flight> flight = {};  // who waits for this load; null: nobody can
  };

  // A copy of this process's that may be served.
  static std::optional<Entry<T>> Near(CacheCore& core, std::string_view key, Version min_version) {
    std::optional<Entry<T>> entry;
    if (core.near() == nullptr) return entry;
    NearCopy copy;
    const TimePoint now = core.Now();
    if (!core.near()->Find(NearName(key), TypeNameOf<T, C>(), now, min_version, &copy))
      return entry;
    entry.emplace(OfCopy(copy, now));
    entry->outcome = entry->value ? Outcome::kNearHit : Outcome::kNegative;
    entry->is_cached = true;
    core.Count(key, entry->outcome, entry->age);
    return entry;
  }

  // Known absence, if the guard is sure of it: nobody is asked.
  static std::optional<Entry<T>> Absent(CacheCore& core, std::string_view key) {
    std::optional<Entry<T>> entry;
    if (core.guard().MayExist(key)) return entry;
    entry.emplace().outcome = Outcome::kNegative;
    core.Count(key, Outcome::kNegative);
    return entry;
  }

  // The store is down, and the policy takes what was last known here.
  static std::optional<Entry<T>> LastKnown(CacheCore& core, std::string_view key,
                                           const Policy& policy, Version min_version) {
    std::optional<Entry<T>> entry;
    if (policy.when_store_down != WhenStoreDown::kServeStale || core.near() == nullptr)
      return entry;
    const auto copy = core.near()->LastKnown(NearName(key), TypeNameOf<T, C>());
    const TimePoint now = core.Now();
    if (!copy || now - copy->read_at > policy.last_known_max || copy->version < min_version)
      return entry;
    entry.emplace(OfCopy(*copy, now)).outcome = Outcome::kFallback;
    core.Count(key, Outcome::kFallback, entry->age);
    return entry;
  }

  // Never loads.
  static Answer Found(CacheCore& core, std::string_view key, Asked asked, const Policy& policy,
                      Version min_version) {
    if (!asked.lookup) {
      if (IsStoreDown(asked.lookup.error())) {
        if (auto known = LastKnown(core, key, policy, min_version)) return std::move(*known);
      }
      return Pass(std::move(asked.lookup));
    }
    std::optional<Entry<T>> entry = Kept(core, key, asked, policy);
    if (!entry) entry.emplace();
    return Counted(core, key, std::move(*entry));
  }

  // Waits for the task on this thread, and goes on on it, if `is_sync`.
  template <class R>
  static Task<R> Here(Task<R> task, bool is_sync) {
    if (is_sync) {
      std::stop_token stop = co_await CurrentStop();
      co_return SyncWait(std::move(task), std::move(stop));
    }
    co_return co_await std::move(task);
  }

  // What was replied, if that is all that has to be done.
  static std::optional<Entry<T>> Fresh(CacheCore& core, std::string_view key, const Asked& asked,
                                       const Policy& policy) {
    std::optional<Entry<T>> entry;
    if (!asked.lookup || asked.lookup->state != Lookup::State::kFresh || asked.lookup->token != 0)
      return entry;
    entry = Kept(core, key, asked, policy);
    if (entry) core.Count(key, entry->outcome, entry->age);
    return entry;
  }

  // One GetOrLoad.
  template <class L>
  struct Call {
    Call(Core its_core, KeyType its_key, std::string its_text, L its_loader, Policy its_policy,
         ReadOptions its_read)
        : core(std::move(its_core)),
          key(std::move(its_key)),
          text(std::move(its_text)),
          loader(std::move(its_loader)),
          policy(std::move(its_policy)),
          read(its_read),
          flight(core, text) {}

    const Core core;
    const KeyType key;
    const std::string text;
    L loader;
    Policy policy;
    const ReadOptions read;
    FlightOwner flight;
    int joins = 0;
    bool is_leading = false;  // waits for another process's load, for all of this one
    // The loader runs on its caller's thread, so all that comes before is waited for there: never
    // on the client's own, on which a loader that asks the store would wait for itself.
    bool is_sync = false;
    TimePoint began = core->Now();
    Moment came = core->NextMoment();
    Millis pause{1};
  };

  static LookupOptions LeasedLookup(const Policy& policy, const ReadOptions& read) {
    return {.lease = policy.lease, .min_version = read.min_version};
  }

  // `first`: what a lookup with LeasedLookup's options was replied; nothing: it is still to be
  // done.
  template <class L>
  static Task<Answer> Run(std::shared_ptr<Call<L>> call, std::optional<Asked> first) {
    CacheCore& core = *call->core;
    const TimePoint wait_end = call->began + call->policy.wait_max;
    LookupOptions options = LeasedLookup(call->policy, call->read);
    while (true) {
      if (!first) {
        if (const auto other = MayJoin(*call)) {
          ++call->joins;
          const WaitEnd end = co_await Wait(call, other, wait_end);
          if (const auto shared = Shared(end, *other, *call))
            co_return Joined(core, call->text, *shared);
          if (end == WaitEnd::kCancelled) co_return Cancelled();
          if (end == WaitEnd::kOver) co_return co_await LoadOverdue(call);
        }
        first = co_await Here(core.CoAsk(call->text, options), call->is_sync);
      }
      Asked asked = *std::exchange(first, std::nullopt);
      Grant grant{.min_version = call->read.min_version};
      const bool is_store_down = !asked.lookup;
      if (is_store_down) {
        if (IsFatal(asked.lookup.error(), call->policy)) co_return Pass(std::move(asked.lookup));
        if (auto known = LastKnown(core, call->text, call->policy, call->read.min_version))
          co_return std::move(*known);
      }
      if (is_store_down || asked.lookup->state == Lookup::State::kForeign) {
        if (!is_store_down) core.CountUndecodable();
        if (const auto running = core.UncachedLoad(call->text);
            running && call->joins < kJoinsMax) {
          // It began earlier, and may miss what this reader knows of: the next is his.
          ++call->joins;
          call->is_leading = call->flight.Begin(call->read.min_version, Flight::Kind::kUncached);
          if (!call->is_leading) continue;
          const WaitEnd end = co_await Wait(call, running, wait_end);
          if (end == WaitEnd::kCancelled) co_return Cancelled();
          if (end == WaitEnd::kOver) co_return co_await LoadOverdue(call);
          continue;
        }
        if (MayBegin(*call, Flight::Kind::kUncached))
          co_return co_await LoadAlone(call, std::move(grant));
        continue;
      }
      const Lookup& lookup = *asked.lookup;
      grant.token = lookup.token;
      grant.old = Kept(core, call->text, asked, call->policy);
      if (grant.old && (grant.token == 0 || RefreshesElsewhere(core, lookup))) {
        Entry<T> entry = *grant.old;
        // Who waited here asks for himself: he may know of a change that the reply does not.
        call->flight.Land(nullptr, false);
        if (grant.token != 0) Refresh(call, std::move(grant));
        co_return Counted(core, call->text, std::move(entry));
      }
      if (grant.token != 0) co_return co_await LoadAlone(call, std::move(grant));
      if (lookup.has_answer()) {
        // None of ours, or of another schema: whoever asks for no stale value is granted a lease.
        co_await Here(core.CoTry(Command("CACHE.STALE", call->text)), call->is_sync);
        options.takes_stale = false;
        continue;
      }
      const Millis left = std::chrono::ceil<Millis>(wait_end - core.Now());
      if (left <= Millis(0)) co_return co_await LoadOverdue(call);
      // One of this process waits, the others for him.
      if (!call->is_leading && !MayBegin(*call, Flight::Kind::kLeased)) continue;
      call->is_leading = true;
      if (call->flight.flight()) call->flight.flight()->set_is_parked(true);
      const bool is_parked =
          lookup.state == Lookup::State::kLoading && core.store().capabilities().waiting;
      options.wait = is_parked ? left : Millis(0);
      if (!is_parked) co_await Here(Pause(call), call->is_sync);
    }
  }

  // Of a lookup: it is not to be answered by a load without a lease.
  static bool IsFatal(const Error& error, const Policy& policy) {
    return !IsStoreDown(error) || policy.when_store_down == WhenStoreDown::kFail;
  }

  // Whether the others are told of it, too: not of who was cancelled.
  static bool IsShared(const Error& error, const std::stop_token& stop) {
    return error.code != Errc::kCancelled && !stop.stop_requested();
  }

  static Entry<T> Counted(CacheCore& core, std::string_view key, Entry<T> entry) {
    core.Count(key, entry.outcome, entry.age);
    return entry;
  }

  // What is there, as an answer; nothing if it cannot be decoded, or there is none. What may be
  // served again is kept near.
  static std::optional<Entry<T>> Kept(CacheCore& core, std::string_view key, const Asked& asked,
                                      const Policy& policy) {
    // Filled in its place at the end: g++ 12 warns of a moved optional's empty value.
    std::optional<Entry<T>> entry;
    const Lookup& lookup = *asked.lookup;
    if (lookup.state == Lookup::State::kForeign) core.CountUndecodable();
    if (!lookup.has_answer()) return entry;
    if (lookup.bytes) {
      Result<T> value = DecodeValue<T, C>(*lookup.bytes);
      if (!value) {
        core.CountUndecodable();
        return entry;
      }
      entry.emplace().value.emplace(std::move(*value));
      const bool is_fresh = lookup.state == Lookup::State::kFresh;
      entry->outcome = is_fresh ? Outcome::kHit : Outcome::kStale;
    } else {
      entry.emplace().outcome = Outcome::kNegative;
    }
    entry->version = lookup.version;
    entry->age = lookup.age;
    entry->is_cached = true;
    if (asked.ticket) KeepNear(core, key, asked, policy, *entry);
    return entry;
  }

  static Command GiveBack(std::string_view key, const Grant& grant, const Policy& policy) {
    Command command("CACHE.FAIL", key, grant.token);
    if (grant.old && policy.fail_safe && policy.retry_after > Millis(0))
      command.Add("RETRY").Add(policy.retry_after.count());
    return command;
  }

  // How what was loaded is kept; CACHE.FAIL without RETRY if it is not.
  static Command StoreCommand(std::string_view key, const Entry<T>& entry, const Loading& context,
                              const Grant& grant, Millis cost) {
    const Policy& policy = context.policy;
    Fill fill{.token = grant.token, .version = context.version, .cost = cost, .tags = context.tags};
    const std::optional<Millis> ttl = entry.value ? policy.ttl : policy.negative_ttl;
    bool is_kept = !context.is_skipped() && (!ttl || *ttl > Millis(0));
    if (!entry.value) {
      fill.kind = FillKind::kAbsent;
    } else if (context.is_not_modified()) {
      fill.kind = FillKind::kTouch;
    } else if (is_kept) {
      Result<std::string> bytes = EncodeValue<C>(*entry.value, policy.frame);
      is_kept = bytes.has_value();
      if (bytes) fill.bytes = std::move(*bytes);
    }
    if (!is_kept) return Command("CACHE.FAIL", key, grant.token);
    return FillCommand(key, fill, policy);
  }

  static Answer TimedOut(const std::optional<Entry<T>>& old, const Policy& policy) {
    if (!old || !policy.fail_safe)
      return Fail(Errc::kTimeout, "the loader has not finished in time");
    return FellBack(*old);
  }
  // Who has waited for a place among the loads without a lease in vain.
  static std::unexpected<Error> NoSlot(const std::stop_token& stop) {
    if (stop.stop_requested()) return Fail(Errc::kCancelled, "cancelled while others load");
    return Fail(Errc::kLimit, "too many load without a lease");
  }
  static Loaded Dropped() { return Fail(Errc::kLimit, "the executor has not run the load"); }
  static Entry<T> FellBack(Entry<T> old) {
    old.outcome = Outcome::kFallback;
    return old;
  }

 private:
  // Who joins is not served by more flights that were refused than that; then he loads himself.
  static constexpr int kJoinsMax = 4;
  // The server tells that a wait is over by a tick (20 ms) late, and the reply takes a while.
  static constexpr Millis kParkedGrace{50};

  static Entry<T> OfCopy(const NearCopy& copy, TimePoint now) {
    Entry<T> entry;
    if (copy.value) entry.value.emplace(*static_cast<const T*>(copy.value.get()));
    entry.version = copy.version;
    entry.age = copy.age + std::chrono::duration_cast<Millis>(now - copy.read_at);
    return entry;
  }

  static void KeepNear(CacheCore& core, std::string_view key, const Asked& asked,
                       const Policy& policy, const Entry<T>& entry) {
    const Lookup& lookup = *asked.lookup;
    const bool is_last_known = policy.when_store_down == WhenStoreDown::kServeStale;
    if (lookup.state != Lookup::State::kFresh || lookup.token != 0) return;
    if (policy.near_ttl <= Millis(0) || (asked.ticket->epoch == 0 && !is_last_known)) return;
    Millis span = policy.near_ttl;
    if (lookup.fresh_for) {
      // In its last eighth the server is asked, so that it can say that it is time to load anew.
      const Millis early = policy.refresh_ahead ? *lookup.fresh_for / 8 : Millis(0);
      span = std::min(span, *lookup.fresh_for - early);
    }
    NearFill fill;
    fill.copy.version = entry.version;
    fill.copy.read_at = asked.ticket->taken_at;
    fill.copy.age = entry.age;
    fill.type = TypeNameOf<T, C>();
    fill.fresh_until = asked.ticket->taken_at + span;
    fill.tags = lookup.tags;
    if (entry.value) {
      fill.copy.value = std::make_shared<const T>(*entry.value);
      fill.bytes = sizeof(T) + UnpackedBytes(*lookup.bytes);
    }
    core.near()->Keep(NearName(key), *asked.ticket, std::move(fill));
  }

  template <class L>
  static std::shared_ptr<Flight> MayJoin(const Call<L>& call) {
    if (call.is_leading || call.joins >= kJoinsMax) return nullptr;
    return call.core->Joinable(call.text, call.read.min_version);
  }
  // False: another's flight is there, and is to be joined.
  template <class L>
  static bool MayBegin(Call<L>& call, Flight::Kind kind) {
    return call.flight.Begin(call.read.min_version, kind) || call.joins >= kJoinsMax;
  }

  // How a load has ended for its caller.
  struct Ended {
    Answer answer = {};
    bool is_late = false;    // a timeout's; the load goes on
    bool is_proven = false;  // it was stored, so its lease has held
  };

  static Answer Cancelled() { return Fail(Errc::kCancelled, "cancelled while another loads"); }
  static Answer WaitedTooLong() {
    return Fail(Errc::kTimeout, "another's load has not finished in time");
  }
  // What the load that was waited for gives to this one.
  template <class L>
  static std::shared_ptr<const Answer> Shared(WaitEnd end, const Flight& flight,
                                              const Call<L>& call) {
    if (end != WaitEnd::kLanded) return nullptr;
    auto answer = std::static_pointer_cast<const Answer>(flight.result());
    if (answer != nullptr && answer->has_value() && !flight.IsFor(call.came)) return nullptr;
    return answer;
  }
  static Task<WaitEnd> LandingOf(Scheduler& scheduler, std::shared_ptr<Flight> flight,
                                 TimePoint wait_end) {
    const WaitEnd end = co_await Landing(scheduler, flight, wait_end);
    if (end != WaitEnd::kOver || !flight->is_parked()) co_return end;
    // Who leads began to wait no later: he is told of his wait's end, and loads for all.
    co_return co_await Landing(scheduler, flight, wait_end + kParkedGrace);
  }
  template <class L>
  static Task<WaitEnd> Wait(std::shared_ptr<Call<L>> call, std::shared_ptr<Flight> flight,
                            TimePoint wait_end) {
    Scheduler& scheduler = call->core->store().scheduler();
    // So what follows, a load perhaps, is not run on the scheduler's thread or another caller's.
    co_return co_await Here(LandingOf(scheduler, std::move(flight), wait_end), call->is_sync);
  }

  // Another loads, for too long. Of those who have waited one loads for all.
  template <class L>
  static Task<Answer> LoadOverdue(std::shared_ptr<Call<L>> call) {
    CacheCore& core = *call->core;
    if (call->policy.when_wait_over == WhenWaitOver::kFail) co_return WaitedTooLong();
    const auto running = core.UncachedLoad(call->text);
    // One that has begun after this call knows of all that it knows of.
    if (running && running->min_version() >= call->read.min_version &&
        running->began() > call->came) {
      // Who waits for this call may know of more.
      call->flight.Land(nullptr, false);
      const TimePoint wait_end = core.Now() + call->policy.wait_max;
      const WaitEnd end = co_await Wait(call, running, wait_end);
      if (const auto shared = Shared(end, *running, *call))
        co_return Joined(core, call->text, *shared);
      if (end == WaitEnd::kCancelled) co_return Cancelled();
    }
    // A loader that blocks is not to hold up the scheduler.
    if (!kIsCoroutine<L> && !call->is_sync && core.executor() != nullptr) {
      const bool is_run = co_await OnIfRun(*core.executor(), core.store().scheduler());
      if (!is_run) co_return Pass(Dropped());
    }
    call->flight.BeginApart(call->read.min_version);
    Grant grant{.min_version = call->read.min_version};
    co_return co_await LoadAlone(call, std::move(grant));
  }

  template <class L>
  static Task<bool> Pause(std::shared_ptr<Call<L>> call) {
    const Millis pause = call->pause;
    call->pause = std::min(pause * 2, Millis(50));
    co_await Sleep(call->core->store().scheduler(), pause);
    co_return true;
  }

  static bool RefreshesElsewhere(const CacheCore& core, const Lookup& lookup) {
    return lookup.state == Lookup::State::kFresh && core.executor() != nullptr;
  }

  static Answer Joined(CacheCore& core, std::string_view key, const Answer& shared) {
    core.CountJoin();
    Answer answer = shared;
    if (!answer) return answer;
    if (answer->outcome == Outcome::kLoaded) answer->outcome = Outcome::kWaited;
    core.Count(key, answer->outcome, answer->age);
    return answer;
  }

  // For all who have nothing to be served with: they join.
  template <class L>
  static Task<Answer> LoadAlone(std::shared_ptr<Call<L>> call, Grant grant) {
    CacheCore& core = *call->core;
    const bool is_leased = grant.token != 0;
    if (!grant.old) {
      call->flight.Begin(grant.min_version,
                         is_leased ? Flight::Kind::kLeased : Flight::Kind::kUncached);
    }
    if (!is_leased) {
      grant.slot = co_await Here(core.TakeSlot(call->policy.wait_max), call->is_sync);
      call->flight.CloseUncached();
    }
    grant.flight = call->flight.flight();
    if (grant.flight) {
      grant.flight->set_is_parked(false);
      if (is_leased) grant.flight->set_began(core.NextMoment());
    }
    const bool is_timed = call->policy.hard_timeout || (call->policy.soft_timeout && grant.old);
    const std::stop_token stop = co_await CurrentStop();
    // Not conditional expressions: g++ 12 would make both their tasks.
    Ended ended{.answer = NoSlot(stop)};
    if (is_timed && (is_leased || grant.slot)) {
      ended = co_await LoadTimed(call, std::move(grant));
    } else if (is_leased || grant.slot) {
      ended = co_await Load(call, std::move(grant), stop, false);
    }
    Answer& answer = ended.answer;
    if (answer || IsShared(answer.error(), stop))
      call->flight.Land(std::make_shared<const Answer>(answer), ended.is_proven);
    if (answer) core.Count(call->text, answer->outcome, answer->age);
    co_return std::move(answer);
  }

  template <class L>
  static void Refresh(const std::shared_ptr<Call<L>>& call, Grant grant) {
    CacheCore& core = *call->core;
    Posted::Post(*core.executor(), core.store().scheduler(),
                 [call, grant = std::move(grant)](bool is_dropped) mutable {
                   Detach(RefreshTask(call, std::move(grant), is_dropped));
                 });
  }
  template <class L>
  static Task<void> RefreshTask(std::shared_ptr<Call<L>> call, Grant grant, bool is_dropped) {
    if (is_dropped) {
      co_await Load(call, std::move(grant), {}, true);
    } else {
      co_await LoadTimed(call, std::move(grant));
    }
  }

  template <class L>
  static Task<Ended> LoadTimed(std::shared_ptr<Call<L>> call, Grant grant) {
    const Policy& policy = call->policy;
    CacheCore& core = *call->core;
    Executor* const executor = kIsCoroutine<L> ? nullptr : core.executor();
    Leaving<Ended> leaving{.hard = policy.hard_timeout};
    // One that holds up this thread is not left.
    leaving.may_leave = kIsCoroutine<L> || executor != nullptr;
    if (grant.old) {
      leaving.soft = policy.soft_timeout;
      leaving.at_soft = {.answer = FellBack(*grant.old), .is_late = true};
    }
    leaving.at_hard = {.answer = TimedOut(grant.old, policy), .is_late = true};
    auto body = [call, grant = std::move(grant)](std::stop_token stop, bool is_dropped) mutable {
      return Load(call, std::move(grant), std::move(stop), is_dropped);
    };
    Ended ended =
        co_await RunTimed(core.store().scheduler(), executor, std::move(leaving), std::move(body));
    if (ended.is_late) core.CountTimeout();
    co_return ended;
  }

  // What a loader throws ends here.
  template <class L>
  static Task<Loaded> CallLoader(L& loader, Loading& context) {
    std::exception_ptr cause;
    Loaded loaded;
    try {
      if constexpr (kIsCoroutine<L>) {
        loaded = co_await loader(context);
      } else {
        loaded = loader(context);
      }
    } catch (...) {
      cause = std::current_exception();
    }
    if (cause) co_return std::unexpected(LoaderError(cause));
    if (const auto wrong = CheckLabels(context.version, context.tags); loaded && wrong)
      co_return std::unexpected(*wrong);
    co_return loaded;
  }

  template <class L>
  static Task<Ended> Load(std::shared_ptr<Call<L>> call, Grant grant, std::stop_token stop,
                          bool is_dropped) {
    CacheCore& core = *call->core;
    Policy policy = call->policy;  // this load's own
    const T* stale = grant.old && grant.old->value ? &*grant.old->value : nullptr;
    Loading context(call->key, stale, grant.min_version, policy);
    context.tags = policy.tags;
    context.stop = stop;
    Span span(core.spans(), core.clock(), "cairn.cache.load", call->read.trace);
    span.Add("cairn.key", call->text);
    context.trace = span.context();
    const TimePoint began = core.Now();
    Loaded loaded = Dropped();
    if (!is_dropped) loaded = co_await CallLoader(call->loader, context).WithStop(stop);
    const auto cost = std::chrono::duration_cast<Millis>(core.Now() - began);
    core.CountLoad({.key = call->text, .took = cost, .error = loaded ? nullptr : &loaded.error()});
    if (!loaded) span.Fail(loaded.error().detail);
    grant.slot.reset();
    if (!loaded) {
      if (grant.token != 0)
        co_await core.CoTry(GiveBack(call->text, grant, policy)).WithStop(core.never());
      if (!policy.fail_safe || !grant.old) co_return Ended{.answer = Pass(std::move(loaded))};
      co_return Ended{.answer = FellBack(std::move(*grant.old))};
    }
    Entry<T> entry{
        .value = std::move(*loaded), .outcome = Outcome::kLoaded, .version = context.version};
    if (!entry.value) entry.outcome = Outcome::kNegative;
    if (grant.token == 0) co_return Ended{.answer = std::move(entry)};
    const Command command = StoreCommand(call->text, entry, context, grant, cost);
    // Who joined later might know of an invalidation that comes after the fill.
    if (grant.flight) core.Close(call->text, grant.flight);
    Result<Reply> reply = co_await core.CoTry(command).WithStop(core.never());
    const FillEnd end = core.EndFill(call->text, command, reply);
    entry.is_cached = end.is_stored;
    // Else all who come would wait for a lease that nobody uses any more.
    if (end.is_to_give_back)
      co_await core.CoTry(GiveBack(call->text, grant, policy)).WithStop(core.never());
    span.Add("cairn.cached", entry.is_cached ? 1 : 0);
    co_return Ended{.answer = std::move(entry), .is_proven = end.is_stored};
  }
};

}  // namespace cairn::cache::internal

#endif  // CAIRN_INTERNAL_CACHE_READER_H_
