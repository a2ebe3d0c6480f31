// SPDX-License-Identifier: BSD-3-Clause
// CacheBulk: how many keys of a typed cache are read, and those that are missing loaded by one call
// of a loader. Part of cairn/cache.h, not for users.
//
//   near copies, guard --> plain lookups --> lookups with leases --> one load of what was granted
//   (all of a warm call is here)            ^                     |
//                                           '-- were capped? -----'--> others' loads, one by one
//                                                                      until wait_max; what is
//                                                                      left: one load, uncached
//
// What a load needs is in one Batch, which whoever is last lets go: its caller, or the load that
// was left to the background when it took too long.
#ifndef CAIRN_INTERNAL_CACHE_BULK_H_
#define CAIRN_INTERNAL_CACHE_BULK_H_

#include <algorithm>
#include <chrono>
#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cairn/internal/cache_reader.h"
#include "cairn/internal/timed_load.h"

namespace cairn::cache::internal {

template <class T, class KeyType, class C>
class CacheBulk {
 public:
  using Reader = CacheReader<T, KeyType, C>;
  using Core = typename Reader::Core;
  using Grant = typename Reader::Grant;
  using Loading = typename Reader::Loading;
  using Answer = typename Reader::Answer;
  using Rows = Result<std::vector<std::optional<T>>>;
  using Entries = Result<std::vector<Entry<T>>>;
  template <class L>
  static constexpr bool kIsCoroutine =
      std::same_as<std::invoke_result_t<L&, BulkContext<KeyType>&>, Task<Rows>>;

  // `is_sync`: as Call::is_sync has it.
  template <class L>
  static Task<Entries> Run(Core core, std::vector<KeyType> keys, L loader, Policy policy,
                           ReadOptions read, bool is_sync) {
    // Two statements: the moved parts are gone behind the first.
    auto call = std::make_shared<Call<L>>(std::move(core), std::move(loader), std::move(policy),
                                          read, is_sync);
    Result<void> done = co_await Answered(call, keys);
    if (!done) co_return Pass(std::move(done));
    std::vector<Entry<T>> entries;
    entries.reserve(keys.size());
    for (const KeyType& key : keys) entries.push_back(call->answers[key.text()]);
    co_return entries;
  }

 private:
  // A key without an answer yet, and those who join meanwhile.
  struct Led {
    Led(Core core, KeyType asked, std::string name)
        : key(std::move(asked)), text(std::move(name)), flight(std::move(core), text) {}
    KeyType key;
    std::string text;
    Grant grant;
    bool is_uncached = false;  // the store is down, or has something else under the key
    bool is_capped = false;    // there were too many leases
    FlightOwner flight;
  };
  using Ledger = std::vector<std::unique_ptr<Led>>;

  // One GetOrLoadMany; it is in nobody's hands but its caller's.
  template <class L>
  struct Call {
    Call(Core its_core, L its_loader, Policy its_policy, ReadOptions its_read, bool its_is_sync)
        : core(std::move(its_core)),
          loader(std::move(its_loader)),
          policy(std::move(its_policy)),
          read(its_read),
          is_sync(its_is_sync) {}
    const Core core;
    const L loader;
    const Policy policy;
    const ReadOptions read;
    const bool is_sync;
    const TimePoint began = core->Now();
    const Moment came = core->NextMoment();
    std::unordered_map<std::string, Entry<T>> answers = {};
    Ledger missing = {};
    Ledger led = {};  // to be loaded here
  };

  // One call of the loader. It may outlive the call of the cache, so it shares nothing with it.
  struct Row {
    KeyType key;
    std::string text;
    Grant grant;
    Answer answer = {};
    bool is_proven = false;
  };
  template <class L>
  struct Batch {
    Batch(Core its_core, L its_loader) : core(std::move(its_core)), loader(std::move(its_loader)) {}
    const Core core;
    L loader;
    BulkContext<KeyType> context = {};
    SpanContext trace = {};
    std::vector<Row> rows = {};
    LoadSlots::Slot slot = {};
  };
  struct Ended {
    std::vector<Answer> answers = {};  // in the order of the rows
    std::vector<bool> is_proven = {};
    bool is_late = false;
  };

  static Task<bool> GiveBackAll(Core core, const Ledger& leds, const Policy& policy) {
    std::vector<Command> commands;
    for (const auto& led : leds) {
      if (led->grant.token != 0)
        commands.push_back(Reader::GiveBack(led->text, led->grant, policy));
    }
    co_await core->CoTryAll(std::move(commands)).WithStop(core->never());
    co_return true;
  }

  // All keys have an entry, or there is an error.
  template <class L>
  static Task<Result<void>> Answered(std::shared_ptr<Call<L>> call, std::vector<KeyType> keys) {
    FindHere(*call, keys);
    LookupOptions options{.min_version = call->read.min_version};
    Result<void> done = co_await Reader::Here(Ask(call, options), call->is_sync);
    options = Reader::LeasedLookup(call->policy, call->read);
    bool is_to_ask = true;
    while (done && is_to_ask) {
      done = co_await Reader::Here(Ask(call, options), call->is_sync);
      if (!done) break;
      is_to_ask = Divide(*call);
      done = co_await Reader::Here(LoadLed(call), call->is_sync);
    }
    const TimePoint wait_end = call->began + call->policy.wait_max;
    while (done && !call->missing.empty()) {
      if (call->core->Now() < wait_end) {
        done = co_await AwaitOther(call);
      } else if (call->policy.when_wait_over == WhenWaitOver::kFail) {
        done = Fail(Errc::kTimeout, "others' loads have not finished in time");
      } else {
        for (const auto& one : call->missing) one->grant = {.min_version = call->read.min_version};
        call->led = std::move(call->missing);
        call->missing.clear();
        done = co_await Reader::Here(LoadLed(call), call->is_sync);
      }
    }
    co_return done;
  }

  template <class L>
  static void FindHere(Call<L>& call, const std::vector<KeyType>& keys) {
    for (const KeyType& key : keys) {
      std::string text = key.text();
      const auto [place, is_new] = call.answers.try_emplace(text);
      if (!is_new) continue;
      if (auto near = Reader::Near(*call.core, text, call.read.min_version)) {
        place->second = std::move(*near);
      } else if (auto absent = Reader::Absent(*call.core, text)) {
        place->second = std::move(*absent);
      } else {
        call.missing.push_back(std::make_unique<Led>(call.core, key, std::move(text)));
      }
    }
  }

  template <class L>
  static std::optional<Entry<T>> KnownLast(const Call<L>& call, const Led& led,
                                           const Error& error) {
    std::optional<Entry<T>> known;
    if (IsStoreDown(error))
      known = Reader::LastKnown(*call.core, led.text, call.policy, call.read.min_version);
    return known;
  }

  // Answers what it can, and takes it out of the missing; the others get their grants.
  template <class L>
  static Task<Result<void>> Ask(std::shared_ptr<Call<L>> call, LookupOptions options) {
    Ledger& missing = call->missing;
    std::vector<std::string> names;
    for (const auto& led : missing) names.push_back(led->text);
    if (names.empty()) co_return Result<void>();
    std::vector<Asked> all = co_await call->core->CoAskAll(std::move(names), options);
    Result<void> done;
    for (std::size_t i = 0; i < missing.size(); ++i) {
      Led& led = *missing[i];
      Grant& grant = led.grant;
      const Result<Lookup>& lookup = all[i].lookup;
      led.is_uncached = !lookup;
      if (!lookup) {
        auto known = KnownLast(*call, led, lookup.error());
        if (known) {
          call->answers[led.text] = std::move(*known);
          missing[i].reset();
        } else if (done && Reader::IsFatal(lookup.error(), call->policy)) {
          done = std::unexpected(lookup.error());
        }
        continue;
      }
      led.is_uncached = lookup->state == Lookup::State::kForeign;
      led.is_capped = lookup->state == Lookup::State::kCapped;
      grant.token = lookup->token;
      grant.old = Reader::Kept(*call->core, led.text, all[i], call->policy);
      // Of what is stale a lease is asked for; once it is taken, the stale value will do.
      const bool is_answer =
          lookup->state == Lookup::State::kFresh || (options.lease > Millis(0) && grant.token == 0);
      if (!grant.old || !is_answer || grant.token != 0) continue;
      call->answers[led.text] = Reader::Counted(*call->core, led.text, std::move(*grant.old));
      missing[i].reset();
    }
    std::erase_if(missing, [](const auto& led) { return led == nullptr; });
    // Nobody will load what was granted beside it.
    if (!done) co_await GiveBackAll(call->core, missing, call->policy);
    co_return done;
  }

  // What is loaded here goes from the missing to the led. Whether it is worth to ask for the rest
  // once that has been done: the leases that there were not will be free.
  template <class L>
  static bool Divide(Call<L>& call) {
    Ledger others;
    bool is_capped = false;
    for (auto& one : call.missing) {
      const bool is_ours = one->grant.token != 0 || one->is_uncached;
      is_capped = is_capped || (!is_ours && one->is_capped);
      (is_ours ? call.led : others).push_back(std::move(one));
    }
    call.missing = std::move(others);
    return is_capped && !call.led.empty();
  }

  // One of those that another loads.
  template <class L>
  static Task<Result<void>> AwaitOther(std::shared_ptr<Call<L>> call) {
    const std::unique_ptr<Led> one = std::move(call->missing.back());
    call->missing.pop_back();
    using OneCall = typename Reader::template Call<OneOf<L>>;
    auto single = std::make_shared<OneCall>(call->core, one->key, one->text,
                                            OneOf<L>{call->loader, call->read.min_version},
                                            call->policy, call->read);
    single->is_sync = call->is_sync;
    single->began = call->began;  // one wait for all
    single->came = call->came;
    Answer answer = co_await Reader::Run(std::move(single), std::nullopt);
    if (!answer) co_return Pass(std::move(answer));
    call->answers[one->text] = std::move(*answer);
    co_return Result<void>();
  }

  // The flights are up, and the load has a place if it has no lease.
  template <class L>
  static Task<Result<void>> LoadLed(std::shared_ptr<Call<L>> call) {
    Ledger& leds = call->led;
    if (leds.empty()) co_return Result<void>();
    auto batch = std::make_shared<Batch<L>>(call->core, call->loader);
    bool is_leased = true;
    for (const auto& led : leds) {
      const bool has_lease = led->grant.token != 0;
      is_leased = is_leased && has_lease;
      const auto kind = has_lease ? Flight::Kind::kLeased : Flight::Kind::kUncached;
      if (!led->grant.old) led->flight.Begin(call->read.min_version, kind);
    }
    if (!is_leased) {
      batch->slot =
          co_await Reader::Here(call->core->TakeSlot(call->policy.wait_max), call->is_sync);
      if (batch->slot == nullptr) {
        const std::stop_token cancelled = co_await CurrentStop();
        co_await GiveBackAll(call->core, leds, call->policy);
        co_return Reader::NoSlot(cancelled);
      }
    }
    for (const auto& led : leds) {
      if (led->grant.token == 0) led->flight.CloseUncached();
      led->grant.flight = led->flight.flight();
      if (led->grant.flight && led->grant.token != 0)
        led->grant.flight->set_began(call->core->NextMoment());
    }
    Fit(*call, *batch);
    const bool has_all_old =
        std::ranges::all_of(leds, [](const auto& led) { return led->grant.old.has_value(); });
    const bool is_timed = call->policy.hard_timeout || (call->policy.soft_timeout && has_all_old);
    const std::stop_token stop = co_await CurrentStop();
    Ended ended;
    if (is_timed) {
      ended = co_await LoadTimed(call, std::move(batch), has_all_old);
    } else {
      ended = co_await Load(std::move(batch), stop, false);
    }
    Result<void> done = Settle(*call, std::move(ended), stop);
    leds.clear();
    co_return done;
  }

  template <class L>
  static void Fit(const Call<L>& call, Batch<L>& batch) {
    batch.context.policy = call.policy;
    batch.context.min_version = call.read.min_version;
    batch.trace = call.read.trace;
    for (const auto& led : call.led) {
      batch.context.keys.push_back(led->key);
      batch.rows.push_back({.key = led->key, .text = led->text, .grant = led->grant});
    }
  }

  // A call that waits is answered as a whole: soft_timeout is of one that has a stale value of all.
  template <class L>
  static Task<Ended> LoadTimed(std::shared_ptr<Call<L>> call, std::shared_ptr<Batch<L>> batch,
                               bool has_all_old) {
    const Policy& policy = call->policy;
    CacheCore& core = *call->core;
    Executor* const executor = kIsCoroutine<L> ? nullptr : core.executor();
    Leaving<Ended> leaving{.hard = policy.hard_timeout};
    leaving.may_leave = kIsCoroutine<L> || executor != nullptr;
    leaving.at_soft.is_late = true;
    leaving.at_hard.is_late = true;
    if (has_all_old) leaving.soft = policy.soft_timeout;
    for (const Row& row : batch->rows) {
      const std::optional<Entry<T>>& old = row.grant.old;
      if (leaving.soft) leaving.at_soft.answers.push_back(Reader::FellBack(*old));
      leaving.at_hard.answers.push_back(Reader::TimedOut(old, policy));
    }
    auto body = [batch](std::stop_token stop, bool is_dropped) {
      return Load(batch, std::move(stop), is_dropped);
    };
    Ended ended =
        co_await RunTimed(core.store().scheduler(), executor, std::move(leaving), std::move(body));
    if (ended.is_late) core.CountTimeout();
    co_return ended;
  }

  template <class L>
  static Task<Ended> Load(std::shared_ptr<Batch<L>> batch, std::stop_token stop, bool is_dropped) {
    CacheCore& core = *batch->core;
    BulkContext<KeyType>& context = batch->context;
    context.stop = stop;
    const TimePoint began = core.Now();
    Span span(core.spans(), core.clock(), "cairn.cache.load_many", batch->trace);
    span.Add("cairn.keys", static_cast<std::int64_t>(batch->rows.size()));
    context.trace = span.context();
    Rows rows = Fail(Errc::kLimit, "the executor has not run the load");
    if (!is_dropped)
      rows = co_await CallBulk(batch->loader, context, batch->rows.size()).WithStop(stop);
    batch->slot.reset();
    const auto cost = std::chrono::duration_cast<Millis>(core.Now() - began);
    core.CountLoad({.key = batch->rows[0].text,
                    .keys = batch->rows.size(),
                    .took = cost,
                    .error = rows ? nullptr : &rows.error()});
    if (!rows) span.Fail(rows.error().detail);
    const std::vector<Command> commands = Fills(*batch, rows, cost);
    const Replies replies = co_await core.CoTryAll(commands).WithStop(core.never());
    std::vector<Row*> held = EndFills(*batch, rows.has_value(), commands, replies);
    std::vector<Command> unused;
    for (const Row* row : held)
      unused.push_back(Reader::GiveBack(row->text, row->grant, context.policy));
    // Nobody uses these leases any more.
    co_await core.CoTryAll(std::move(unused)).WithStop(core.never());
    Ended ended;
    for (Row& row : batch->rows) {
      ended.answers.push_back(std::move(row.answer));
      ended.is_proven.push_back(row.is_proven);
    }
    co_return ended;
  }

  // What is sent of those under a lease, in their order. The answers are made.
  template <class L>
  static std::vector<Command> Fills(Batch<L>& batch, Rows& rows, Millis cost) {
    BulkContext<KeyType>& context = batch.context;
    std::vector<Command> commands;
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
      Row& row = batch.rows[i];
      const bool is_leased = row.grant.token != 0;
      if (!rows) {
        if (is_leased) commands.push_back(Reader::GiveBack(row.text, row.grant, context.policy));
        if (context.policy.fail_safe && row.grant.old) {
          row.answer = Reader::FellBack(*row.grant.old);
        } else {
          row.answer = std::unexpected(rows.error());
        }
        continue;
      }
      Entry<T>& entry = *row.answer;
      entry.value = std::move((*rows)[i]);
      entry.outcome = entry.value ? Outcome::kLoaded : Outcome::kNegative;
      if (!context.versions.empty()) entry.version = context.versions[i];
      if (!is_leased) continue;
      Loading single(row.key, nullptr, context.min_version, context.policy);
      single.version = entry.version;
      single.tags = context.policy.tags;
      if (!context.tags.empty())
        single.tags.insert(single.tags.end(), context.tags[i].begin(), context.tags[i].end());
      // Who joined later might know of an invalidation that comes after the fill.
      if (row.grant.flight) batch.core->Close(row.text, row.grant.flight);
      commands.push_back(Reader::StoreCommand(row.text, entry, single, row.grant, cost));
    }
    return commands;
  }

  // What has become of them; those whose lease is held still.
  template <class L>
  static std::vector<Row*> EndFills(Batch<L>& batch, bool is_loaded,
                                    const std::vector<Command>& commands, const Replies& replies) {
    std::vector<Row*> held;
    std::size_t next = 0;
    for (Row& row : batch.rows) {
      if (row.grant.token == 0 || !is_loaded) continue;
      const FillEnd end = batch.core->EndFill(row.text, commands[next], replies[next]);
      ++next;
      row.answer->is_cached = end.is_stored;
      row.is_proven = end.is_stored;
      if (end.is_to_give_back) held.push_back(&row);
    }
    return held;
  }

  // The answers are told to the caller and to those who have joined.
  template <class L>
  static Result<void> Settle(Call<L>& call, Ended ended, const std::stop_token& stop) {
    Result<void> done;
    for (std::size_t i = 0; i < call.led.size(); ++i) {
      Led& led = *call.led[i];
      Answer& answer = ended.answers[i];
      const bool is_proven = i < ended.is_proven.size() && ended.is_proven[i];
      const bool is_told = answer || Reader::IsShared(answer.error(), stop);
      if (is_told && led.flight.flight())
        led.flight.Land(std::make_shared<const Answer>(answer), is_proven);
      led.flight.Land(nullptr, false);
      if (!answer) {
        if (done) done = std::unexpected(answer.error());
        continue;
      }
      call.core->Count(led.text, answer->outcome, answer->age);
      call.answers[led.text] = std::move(*answer);
    }
    return done;
  }

  template <class L>
  static Task<Rows> CallBulk(L& loader, BulkContext<KeyType>& context, std::size_t count) {
    std::exception_ptr cause;
    Rows rows;
    try {
      if constexpr (kIsCoroutine<L>) {
        rows = co_await loader(context);
      } else {
        rows = loader(context);
      }
    } catch (...) {
      cause = std::current_exception();
    }
    if (cause) co_return std::unexpected(LoaderError(cause));
    if (auto wrong = WrongIn(rows, context, count)) co_return std::unexpected(std::move(*wrong));
    co_return rows;
  }

  // What a loader says of its rows is of all of them, or it says nothing.
  static std::optional<Error> WrongIn(const Rows& rows, const BulkContext<KeyType>& context,
                                      std::size_t count) {
    if (!rows) return std::nullopt;
    if (rows->size() != count)
      return Error{.code = Errc::kLoader,
                   .detail = "the loader gave not as many values as there are keys"};
    const auto fits = [count](std::size_t size) { return size == 0 || size == count; };
    if (!fits(context.versions.size()))
      return Error{.code = Errc::kInvalid,
                   .detail = "the loader gave not as many versions as there are keys"};
    if (!fits(context.tags.size()))
      return Error{.code = Errc::kInvalid,
                   .detail = "the loader gave not as many lists of tags as there are keys"};
    for (const Version version : context.versions) {
      if (auto wrong = CheckLabels(version, {})) return wrong;
    }
    for (const auto& tags : context.tags) {
      if (auto wrong = CheckLabels(0, tags)) return wrong;
    }
    return CheckLabels(0, context.policy.tags);
  }

  // A bulk loader for one key: a coroutine if that is one.
  template <class L>
  struct OneOf {
    using Loaded = Result<std::optional<T>>;
    L loader;
    Version min_version;

    auto operator()(Loading& context) {
      if constexpr (kIsCoroutine<L>) {
        return Load(context);
      } else {
        return SyncWait(Load(context));  // it waits for nothing
      }
    }
    Task<Loaded> Load(Loading& context) {
      BulkContext<KeyType> bulk{.policy = context.policy, .min_version = min_version};
      bulk.keys.push_back(context.key);
      bulk.stop = context.stop;
      bulk.trace = context.trace;
      Rows rows = co_await CallBulk(loader, bulk, 1);
      if (!rows) co_return Pass(std::move(rows));
      context.policy = bulk.policy;
      if (!bulk.versions.empty()) context.version = bulk.versions[0];
      if (!bulk.tags.empty())
        context.tags.insert(context.tags.end(), bulk.tags[0].begin(), bulk.tags[0].end());
      co_return std::move((*rows)[0]);
    }
  };
};

}  // namespace cairn::cache::internal

#endif  // CAIRN_INTERNAL_CACHE_BULK_H_
