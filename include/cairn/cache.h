// SPDX-License-Identifier: BSD-3-Clause
// TypedCache: values of one type under keys of one schema, loaded once, never older than what has
// invalidated them.
//
//   using UserKey = Key<"user:{*}", UserId>;
//   TypedCache<User, UserKey> users(store);
//   Result<Entry<User>> user = users.GetOrLoad(UserId{42}, [&](auto& context) {
//     return SelectUser(db, context.key.template part<0>());  // Result<std::optional<User>>
//   });
//   ... UPDATE users, COMMIT ...
//   users.Invalidate(UserId{42});
//
// How a read goes: it joins the load of this key that runs in this process, if nothing is there to
// be served; else one CACHE.GET. Fresh: the answer; fresh but soon stale: the answer, and a load in
// the background. Stale: a load if the lease is free, waited for; else the
// stale value. Miss: a load if the lease is free; else it waits for who has it. What was loaded is
// stored under the lease. If that was voided meanwhile (the row was invalidated, a tag was bumped),
// the caller has his value all the same, marked as not cached.
//
// A loader is a function of LoadContext<T, KeyType>&, or a coroutine, that gives a
// Result<std::optional<T>>: nullopt is "there is no such row", which is kept for negative_ttl. An
// error, or what it throws, is never that: it is the call's error (kLoader, with the exception as
// cause), unless there is a stale value to fall back on. `[]`, 0 and {} are values like any other.
// What is stored and cannot be decoded is a miss, and counted.
//
// Invalidate after the commit, not before.
//
// Errors: the loader's; those of the store, as Policy::when_store_down says. Thread safety: any
// thread. Lifetimes: copies share one cache; a load in the background goes on when the last is
// gone, and holds the store; what its loader refers to has to live on. A coroutine loader is not
// to be destroyed while its load runs. Cost: a hit is one CACHE.GET and the decoding.
#ifndef CAIRN_CACHE_H_
#define CAIRN_CACHE_H_

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cairn/cache_policy.h"
#include "cairn/codec.h"
#include "cairn/executor.h"
#include "cairn/internal/cache_core.h"
#include "cairn/key.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

struct CacheOptions {
  Policy policy = {};
  // Where loads run that somebody does not wait for to the end. Null: there are none; a refresh
  // ahead is the reader's who finds it due. Outlives the store.
  Executor* executor = nullptr;
};

// What a loader of T by KeyType may be.
template <class L, class T, class KeyType>
concept Loader = std::copy_constructible<L> &&
                 requires(L& loader, LoadContext<T, KeyType>& context) { loader(context); } &&
                 (std::convertible_to<std::invoke_result_t<L&, LoadContext<T, KeyType>&>,
                                      Result<std::optional<T>>> ||
                  std::same_as<std::invoke_result_t<L&, LoadContext<T, KeyType>&>,
                               Task<Result<std::optional<T>>>>);

template <class L, class T, class KeyType>
concept BulkLoader = std::copy_constructible<L> &&
                     std::convertible_to<std::invoke_result_t<L&, BulkContext<KeyType>&>,
                                         Result<std::vector<std::optional<T>>>>;

template <class T, class KeyType, class C = DefaultCodec<T>>
  requires Codec<C, T>
class TypedCache {
 public:
  using Loading = LoadContext<T, KeyType>;

  explicit TypedCache(Store store, CacheOptions options = {})
      : core_(std::make_shared<internal::CacheCore>(std::move(store), options.executor)),
        policy_(std::move(options.policy)) {}

  // Never loads.
  Result<Entry<T>> Get(const KeyType& key, const ReadOptions& read = {}) const {
    return Answer(*core_, internal::ReadLookup(core_->client().Call(PlainLookup(key, read))));
  }
  Task<Result<Entry<T>>> CoGet(KeyType key, ReadOptions read = {}) const {
    const std::shared_ptr<internal::CacheCore> core = core_;
    Result<Reply> reply = co_await core->client().CoCall(PlainLookup(key, read));
    co_return Answer(*core, internal::ReadLookup(std::move(reply)));
  }

  template <Loader<T, KeyType> L>
  Result<Entry<T>> GetOrLoad(const KeyType& key, L loader, const ReadOptions& read = {}) const {
    return SyncWait(CoGetOrLoad(key, std::move(loader), read));
  }
  template <Loader<T, KeyType> L>
  Task<Result<Entry<T>>> CoGetOrLoad(KeyType key, L loader, ReadOptions read = {}) const {
    return Run(core_, std::move(key), std::move(loader), policy_, read);
  }

  // Entries in the order of the keys. One call of the loader for all that are missing or stale and
  // whose lease is free, and the commands in pipelines; who is waited for, one by one. An error if
  // a key has no answer.
  template <BulkLoader<T, KeyType> L>
  Result<std::vector<Entry<T>>> GetOrLoadMany(std::vector<KeyType> keys, L loader,
                                              const ReadOptions& read = {}) const {
    return SyncWait(CoGetOrLoadMany(std::move(keys), std::move(loader), read));
  }
  template <BulkLoader<T, KeyType> L>
  Task<Result<std::vector<Entry<T>>>> CoGetOrLoadMany(std::vector<KeyType> keys, L loader,
                                                      ReadOptions read = {}) const {
    return RunMany(core_, std::move(keys), std::move(loader), policy_, read);
  }

  // After the commit. With a version, an older one than is known is not applied.
  Result<Mark> Put(const KeyType& key, const T& value, const PutOptions& options = {}) const {
    Result<Command> command = PutCommand(key, value, options);
    if (!command) return Pass(std::move(command));
    return MarkOf(core_->client().Call(*command), options.version);
  }
  Task<Result<Mark>> CoPut(KeyType key, T value, PutOptions options = {}) const {
    Result<Command> command = PutCommand(key, value, options);
    if (!command) co_return Pass(std::move(command));
    Result<Reply> reply = co_await core_->client().CoCall(std::move(*command));
    co_return MarkOf(std::move(reply), options.version);
  }

  // The value is gone, loads under way are not stored. With the version of the deletion what is
  // not newer is refused for a while.
  Result<Mark> Invalidate(const KeyType& key, Version version = 0) const {
    return MarkOf(core_->client().Call(DeleteCommand(key, version)), version);
  }
  Task<Result<Mark>> CoInvalidate(KeyType key, Version version = 0) const {
    Result<Reply> reply = co_await core_->client().CoCall(DeleteCommand(key, version));
    co_return MarkOf(std::move(reply), version);
  }

  // Stale from now on: served as such while one reader loads.
  Result<void> Expire(const KeyType& key) const {
    return Done(core_->client().Call(Command("CACHE.STALE", key.text())));
  }
  Task<Result<void>> CoExpire(KeyType key) const {
    co_return Done(co_await core_->client().CoCall(Command("CACHE.STALE", key.text())));
  }
  Result<void> InvalidateTag(std::string_view tag, Bump bump = Bump::kSoft) const {
    return Done(core_->client().Call(BumpCommand(tag, bump)));
  }
  Task<Result<void>> CoInvalidateTag(std::string tag, Bump bump = Bump::kSoft) const {
    co_return Done(co_await core_->client().CoCall(BumpCommand(tag, bump)));
  }
  // All keys of the schema. The schema's prefix has to be a namespace of the server's:
  // NAMESPACE.SET.
  Result<void> Clear() const {
    return Done(core_->client().Call(Command("NAMESPACE.CLEAR", KeyType::Prefix())));
  }
  Task<Result<void>> CoClear() const {
    co_return Done(co_await core_->client().CoCall(Command("NAMESPACE.CLEAR", KeyType::Prefix())));
  }

  // How many answers of that kind were given.
  std::uint64_t count(Outcome outcome) const { return core_->count(outcome); }
  // Stored values that were none of ours, and fills that came too late.
  std::uint64_t undecodable() const { return core_->undecodable(); }
  std::uint64_t refused() const { return core_->refused(); }

 private:
  using Core = std::shared_ptr<internal::CacheCore>;
  using Lookup = internal::Lookup;
  // Who joins is not served by more flights that were refused than that; then he loads himself.
  static constexpr int kJoinsMax = 4;

  // What a load that was granted begins with.
  struct Grant {
    std::int64_t token = 0;  // 0: nothing can be stored
    std::optional<Entry<T>> old = {};
    Version min_version = 0;
    bool is_store_down = false;
  };

  static Command PlainLookup(const KeyType& key, const ReadOptions& read) {
    const internal::LookupOptions options{.min_version = read.min_version};
    return internal::LookupCommand(key.text(), options);
  }
  Result<Command> PutCommand(const KeyType& key, const T& value, const PutOptions& options) const {
    if (policy_.ttl && *policy_.ttl <= Millis(0)) return DeleteCommand(key, 0);
    Result<std::string> bytes = EncodeValue<C>(value, policy_.frame);
    if (!bytes) return Pass(std::move(bytes));
    internal::Fill fill{
        .bytes = std::move(*bytes), .version = options.version, .tags = policy_.tags};
    fill.tags.insert(fill.tags.end(), options.tags.begin(), options.tags.end());
    return internal::FillCommand(key.text(), fill, policy_);
  }
  static Command DeleteCommand(const KeyType& key, Version version) {
    Command command("CACHE.DEL", key.text());
    if (version > 0) command.Add("VER").Add(version);
    return command;
  }
  static Command BumpCommand(std::string_view tag, Bump bump) {
    return Command("TAG.BUMP", bump == Bump::kSoft ? "SOFT" : "HARD", tag);
  }
  static Result<void> Done(Result<Reply> reply) {
    if (!reply) return Pass(std::move(reply));
    return {};
  }
  static Result<Mark> MarkOf(Result<Reply> reply, Version version) {
    Result<bool> applied = internal::ReadFill(std::move(reply));
    if (!applied) return Pass(std::move(applied));
    return Mark{.is_applied = *applied, .version = version};
  }

  // What there is, as an answer; nothing if it cannot be decoded, or there is none.
  static std::optional<Entry<T>> EntryOf(internal::CacheCore& core, const Lookup& lookup) {
    // Filled in its place at the end: g++ 12 warns of a moved optional's empty value.
    std::optional<Entry<T>> entry;
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
    return entry;
  }
  static Entry<T> Counted(internal::CacheCore& core, Entry<T> entry) {
    core.Count(entry.outcome);
    return entry;
  }
  static Result<Entry<T>> Answer(internal::CacheCore& core, Result<Lookup> lookup) {
    if (!lookup) return Pass(std::move(lookup));
    std::optional<Entry<T>> entry = EntryOf(core, *lookup);
    if (!entry) entry.emplace();
    return Counted(core, std::move(*entry));
  }

  template <class L>
  static Task<Result<Entry<T>>> Run(Core core, KeyType key, L loader, Policy policy,
                                    ReadOptions read) {
    const std::string text = key.text();
    internal::FlightOwner flight(core, text);
    const TimePoint wait_end = core->Now() + policy.wait_max;
    internal::LookupOptions asked{.lease = policy.lease, .min_version = read.min_version};
    Millis pause{1};
    int joins = 0;
    bool is_leading = false;  // waits for another process's load, for all of this one
    while (true) {
      if (!is_leading && joins < kJoinsMax) {
        if (auto other = core->Joinable(text, read.min_version)) {
          ++joins;
          co_await internal::Landing(other);
          const auto shared = std::static_pointer_cast<const Result<Entry<T>>>(other->result());
          if (shared) co_return Joined(*core, *shared);
        }
      }
      Result<Reply> reply = co_await core->client().CoCall(internal::LookupCommand(text, asked));
      Result<Lookup> lookup = internal::ReadLookup(std::move(reply));
      Grant grant{.min_version = read.min_version};
      if (!lookup) {
        if (!internal::IsStoreDown(lookup.error()) ||
            policy.when_store_down == WhenStoreDown::kFail)
          co_return Pass(std::move(lookup));
        co_return co_await LoadAlone(core, key, loader, policy, std::move(grant), flight);
      }
      grant.token = lookup->token;
      grant.old = EntryOf(*core, *lookup);
      if (grant.token != 0) {
        if (grant.old && core->executor() != nullptr) {
          if (grant.old->outcome == Outcome::kHit) {
            Refresh(core, key, loader, policy, std::move(*lookup));
            co_return Counted(*core, std::move(*grant.old));
          }
        }
        co_return co_await LoadAlone(core, key, loader, policy, std::move(grant), flight);
      }
      if (grant.old) co_return Counted(*core, std::move(*grant.old));
      if (lookup->has_answer()) {
        // None of ours, or of another schema: whoever asks for no stale value is granted a lease.
        co_await core->client().CoCall(Command("CACHE.STALE", text));
        asked.takes_stale = false;
        continue;
      }
      if (core->Now() >= wait_end) {
        if (policy.when_wait_over == WhenWaitOver::kFail)
          co_return Fail(Errc::kTimeout, "another's load has not finished in time");
        co_return co_await LoadAlone(core, key, loader, policy, std::move(grant), flight);
      }
      // One of this process asks again and again, the others wait for him.
      if (!is_leading && joins < kJoinsMax && !flight.Begin(read.min_version)) continue;
      is_leading = true;
      co_await Sleep(core->store().scheduler(), pause);
      pause = std::min(pause * 2, Millis(50));
    }
  }

  static Result<Entry<T>> Joined(internal::CacheCore& core, const Result<Entry<T>>& shared) {
    Result<Entry<T>> answer = shared;
    if (!answer) return answer;
    if (answer->outcome == Outcome::kLoaded) answer->outcome = Outcome::kWaited;
    core.Count(answer->outcome);
    return answer;
  }

  // For all who have nothing to be served with: they join.
  template <class L>
  static Task<Result<Entry<T>>> LoadAlone(Core core, KeyType key, L loader, Policy policy,
                                          Grant grant, internal::FlightOwner& flight) {
    if (!grant.old) flight.Begin(grant.min_version);
    const bool is_leased = grant.token != 0;
    Result<Entry<T>> loaded =
        co_await Load(core, std::move(key), std::move(loader), std::move(policy), std::move(grant));
    // A failure is shared, so that not all of them try in turn; a value only if the cache took it,
    // or there is none to take it.
    if (!loaded || loaded->is_cached || !is_leased)
      flight.Land(std::make_shared<const Result<Entry<T>>>(loaded));
    if (loaded) core->Count(loaded->outcome);
    co_return loaded;
  }

  template <class L>
  static void Refresh(Core core, KeyType key, L loader, Policy policy, Lookup lookup) {
    core->executor()->Post([core, key = std::move(key), loader = std::move(loader),
                            policy = std::move(policy), lookup = std::move(lookup)]() mutable {
      Grant grant{.token = lookup.token, .old = EntryOf(*core, lookup)};
      Detach(RefreshTask(core, std::move(key), std::move(loader), std::move(policy),
                         std::move(grant)));
    });
  }
  template <class L>
  static Task<void> RefreshTask(Core core, KeyType key, L loader, Policy policy, Grant grant) {
    co_await Load(core, std::move(key), std::move(loader), std::move(policy), std::move(grant));
  }

  // What a loader throws ends here.
  template <class L>
  static Task<Result<std::optional<T>>> CallLoader(L& loader, Loading& context) {
    std::exception_ptr cause;
    try {
      if constexpr (std::same_as<std::invoke_result_t<L&, Loading&>,
                                 Task<Result<std::optional<T>>>>) {
        co_return co_await loader(context);
      } else {
        co_return loader(context);
      }
    } catch (...) {
      cause = std::current_exception();
    }
    co_return std::unexpected(internal::LoaderError(cause));
  }

  template <class L>
  static Task<Result<Entry<T>>> Load(Core core, KeyType key, L loader, Policy policy, Grant grant) {
    const std::string text = key.text();
    const T* stale = grant.old && grant.old->value ? &*grant.old->value : nullptr;
    Loading context(key, stale, grant.min_version, policy);
    context.tags = policy.tags;
    context.stop = co_await CurrentStop();
    const TimePoint began = core->Now();
    Result<std::optional<T>> loaded = co_await CallLoader(loader, context);
    const bool may_fall_back = policy.fail_safe && grant.old.has_value();
    if (!loaded) {
      if (grant.token != 0) co_await core->client().CoCall(GiveBack(text, grant, policy));
      if (!may_fall_back) co_return Pass(std::move(loaded));
      grant.old->outcome = Outcome::kFallback;
      co_return std::move(*grant.old);
    }
    Entry<T> entry{
        .value = std::move(*loaded), .outcome = Outcome::kLoaded, .version = context.version};
    if (!entry.value) entry.outcome = Outcome::kNegative;
    if (grant.token == 0) co_return entry;
    const auto cost = std::chrono::duration_cast<Millis>(core->Now() - began);
    const Command command = StoreCommand(text, entry, context, grant, cost);
    Result<bool> stored = internal::ReadFill(co_await core->client().CoCall(command));
    entry.is_cached = stored && *stored && command[0] != "CACHE.FAIL";
    if (!entry.is_cached && command[0] != "CACHE.FAIL") core->CountRefused();
    co_return entry;
  }
  // A key of a bulk that this call loads, and those who join meanwhile.
  struct Led {
    Led(Core core, KeyType asked, std::string name)
        : key(std::move(asked)), text(std::move(name)), flight(std::move(core), text) {}
    KeyType key;
    std::string text;
    Grant grant;
    internal::FlightOwner flight;
  };
  using Ledger = std::vector<std::unique_ptr<Led>>;
  using Answers = std::unordered_map<std::string, Entry<T>>;

  template <class L>
  static Task<Result<std::vector<Entry<T>>>> RunMany(Core core, std::vector<KeyType> keys, L loader,
                                                     Policy policy, ReadOptions read) {
    Answers answers;
    Ledger missing;
    // What is fresh needs no lease: of a warm call this is all.
    const internal::LookupOptions plain{.min_version = read.min_version};
    for (const KeyType& key : keys) {
      std::string text = key.text();
      if (answers.try_emplace(text).second)
        missing.push_back(std::make_unique<Led>(core, key, std::move(text)));
    }
    Result<void> asked = co_await Ask(core, missing, plain, policy, answers);
    if (!asked) co_return Pass(std::move(asked));
    std::erase_if(missing, [](const auto& led) { return led == nullptr; });
    const internal::LookupOptions leased{.lease = policy.lease, .min_version = read.min_version};
    asked = co_await Ask(core, missing, leased, policy, answers);
    if (!asked) co_return Pass(std::move(asked));
    std::erase_if(missing, [](const auto& led) { return led == nullptr; });
    Ledger led;
    Ledger waiting;
    for (auto& one : missing) {
      const bool is_ours = one->grant.token != 0 || one->grant.is_store_down;
      (is_ours ? led : waiting).push_back(std::move(one));
    }
    Result<void> loaded = co_await LoadMany(core, led, loader, policy, read, answers);
    if (!loaded) co_return Pass(std::move(loaded));
    for (const auto& one : waiting) {
      Result<Entry<T>> entry =
          co_await Run(core, one->key, OneOf<L>{loader, read.min_version}, policy, read);
      if (!entry) co_return Pass(std::move(entry));
      answers[one->text] = std::move(*entry);
    }
    std::vector<Entry<T>> entries;
    entries.reserve(keys.size());
    for (const KeyType& key : keys) entries.push_back(answers[key.text()]);
    co_return entries;
  }

  // Answers what it can, whose places in `missing` are then null; the others get their grants.
  static Task<Result<void>> Ask(Core core, Ledger& missing, internal::LookupOptions options,
                                const Policy& policy, Answers& answers) {
    std::vector<Command> commands;
    for (const auto& led : missing) commands.push_back(internal::LookupCommand(led->text, options));
    if (commands.empty()) co_return Result<void>();
    Replies replies = co_await core->client().CoPipeline(std::move(commands));
    for (std::size_t i = 0; i < missing.size(); ++i) {
      Grant& grant = missing[i]->grant;
      Result<Lookup> lookup = internal::ReadLookup(std::move(replies[i]));
      if (!lookup) {
        if (!internal::IsStoreDown(lookup.error()) ||
            policy.when_store_down == WhenStoreDown::kFail)
          co_return Pass(std::move(lookup));
        grant.is_store_down = true;
        continue;
      }
      grant.is_store_down = false;
      grant.token = lookup->token;
      grant.old = EntryOf(*core, *lookup);
      // Of what is stale a lease is asked for; once it is taken, the stale value will do.
      const bool is_answer =
          lookup->state == Lookup::State::kFresh || (options.lease > Millis(0) && grant.token == 0);
      if (!grant.old || !is_answer || grant.token != 0) continue;
      answers[missing[i]->text] = Counted(*core, std::move(*grant.old));
      missing[i].reset();
    }
    co_return Result<void>();
  }

  template <class L>
  static Task<Result<void>> LoadMany(Core core, Ledger& leds, L& loader, const Policy& policy,
                                     ReadOptions read, Answers& answers) {
    if (leds.empty()) co_return Result<void>();
    BulkContext<KeyType> context{.min_version = read.min_version};
    context.stop = co_await CurrentStop();
    for (const auto& led : leds) {
      context.keys.push_back(led->key);
      if (!led->grant.old) led->flight.Begin(read.min_version);
    }
    const TimePoint began = core->Now();
    Result<std::vector<std::optional<T>>> loaded = CallBulk(loader, context);
    const auto cost = std::chrono::duration_cast<Millis>(core->Now() - began);
    std::vector<Command> commands;
    for (std::size_t i = 0; i < leds.size(); ++i) {
      Led& led = *leds[i];
      Entry<T>& entry = answers[led.text];
      if (!loaded) {
        if (led.grant.token != 0) commands.push_back(GiveBack(led.text, led.grant, policy));
        if (led.grant.old) entry = *led.grant.old;
        entry.outcome = Outcome::kFallback;
        continue;
      }
      entry.value = std::move((*loaded)[i]);
      entry.outcome = entry.value ? Outcome::kLoaded : Outcome::kNegative;
      if (i < context.versions.size()) entry.version = context.versions[i];
      Policy own = policy;
      Loading single(led.key, nullptr, read.min_version, own);
      single.version = entry.version;
      single.tags = policy.tags;
      if (i < context.tags.size())
        single.tags.insert(single.tags.end(), context.tags[i].begin(), context.tags[i].end());
      if (led.grant.token != 0)
        commands.push_back(StoreCommand(led.text, entry, single, led.grant, cost));
    }
    Replies replies;
    if (!commands.empty()) replies = co_await core->client().CoPipeline(std::move(commands));
    co_return Settle(*core, leds, std::move(loaded), std::move(replies), policy, answers);
  }

  // What has become of the fills is told to the entries and to those who have joined.
  static Result<void> Settle(internal::CacheCore& core, Ledger& leds,
                             Result<std::vector<std::optional<T>>> loaded, Replies replies,
                             const Policy& policy, Answers& answers) {
    std::size_t next = 0;
    bool has_all = true;
    for (const auto& led : leds) {
      Entry<T>& entry = answers[led->text];
      const bool is_leased = led->grant.token != 0;
      if (!loaded) {
        has_all = has_all && policy.fail_safe && led->grant.old.has_value();
        if (led->grant.old) core.Count(Outcome::kFallback);
        led->flight.Land(std::make_shared<const Result<Entry<T>>>(std::unexpected(loaded.error())));
        continue;
      }
      // CACHE.FAIL, of what is not to be kept, replies a number.
      if (is_leased)
        entry.is_cached = internal::ReadFill(std::move(replies[next++])).value_or(false);
      if (entry.is_cached || !is_leased)
        led->flight.Land(std::make_shared<const Result<Entry<T>>>(entry));
      core.Count(entry.outcome);
    }
    if (!loaded && !has_all) return Pass(std::move(loaded));
    return {};
  }

  template <class L>
  static Result<std::vector<std::optional<T>>> CallBulk(L& loader, BulkContext<KeyType>& context) {
    try {
      Result<std::vector<std::optional<T>>> loaded = loader(context);
      if (loaded && loaded->size() != context.keys.size())
        return Fail(Errc::kLoader, "the loader gave not as many values as there are keys");
      return loaded;
    } catch (...) {
      return std::unexpected(internal::LoaderError(std::current_exception()));
    }
  }

  // A bulk loader for one key.
  template <class L>
  struct OneOf {
    L loader;
    Version min_version;
    Result<std::optional<T>> operator()(Loading& context) {
      BulkContext<KeyType> bulk{.min_version = min_version};
      bulk.keys.push_back(context.key);
      bulk.stop = context.stop;
      Result<std::vector<std::optional<T>>> loaded = CallBulk(loader, bulk);
      if (!loaded) return Pass(std::move(loaded));
      if (!bulk.versions.empty()) context.version = bulk.versions[0];
      if (!bulk.tags.empty())
        context.tags.insert(context.tags.end(), bulk.tags[0].begin(), bulk.tags[0].end());
      return std::move((*loaded)[0]);
    }
  };

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
    internal::Fill fill{
        .token = grant.token, .version = context.version, .cost = cost, .tags = context.tags};
    const std::optional<Millis> ttl = entry.value ? policy.ttl : policy.negative_ttl;
    bool is_kept = !context.is_skipped() && (!ttl || *ttl > Millis(0));
    if (!entry.value) {
      fill.kind = internal::FillKind::kAbsent;
    } else if (context.is_not_modified()) {
      fill.kind = internal::FillKind::kTouch;
    } else if (is_kept) {
      Result<std::string> bytes = EncodeValue<C>(*entry.value, policy.frame);
      is_kept = bytes.has_value();
      if (bytes) fill.bytes = std::move(*bytes);
    }
    if (!is_kept) return Command("CACHE.FAIL", key, grant.token);
    return internal::FillCommand(key, fill, policy);
  }

  Core core_;  // shared with loads in the background
  Policy policy_;
};

}  // namespace cairn::cache

#endif  // CAIRN_CACHE_H_
