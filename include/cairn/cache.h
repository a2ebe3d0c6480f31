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
// How a read goes: a copy of this process's, if there is a near cache that has one (near_cache.h);
// else it joins the load of this key that runs in this process, if nothing is there to be served;
// else one CACHE.GET. Fresh: the answer; fresh but soon stale: the answer, and a load in the
// background. Stale: a load if the lease is free, waited for; else the stale value. Miss: a load if
// the lease is free; else it waits for who has it. What was loaded is stored under the lease. If
// that was voided meanwhile (the row was invalidated, a tag was bumped), the caller has his value
// all the same, marked as not cached.
//
// Who joins waits as for another process's load: up to Policy::wait_max, then as when_wait_over
// says, and until he is cancelled. He gets what the one who loads gets: an error, and a value that
// was stored or whose load began after he came; else one of those who joined loads, for all. That
// the other was cancelled does not concern him. A loader that asks for its own key waits for itself
// until wait_max is over.
//
// A loader is a function of LoadContext<T, KeyType>&, or a coroutine, that gives a
// Result<std::optional<T>>: nullopt is "there is no such row", which is kept for negative_ttl. An
// error, or what it throws, is never that: it is the call's error (kLoader, with the exception as
// cause), unless there is a stale value to fall back on. `[]`, 0 and {} are values like any other.
// What is stored and cannot be decoded is a miss, and counted; so is a key of another type, a list
// say, which stays: its row is given uncached. Invalidate after the commit, not before.
//
// Errors: the loader's; those of the store, as Policy::when_store_down says. Thread safety: any
// thread; synchronous calls load on the caller's, coroutines on the one they have come to, which
// may be the client's. Lifetimes: copies share one cache; a load in the background goes on when the
// last is gone, and holds the store; what its loader refers to has to live on. A coroutine loader
// is not to be destroyed while its load runs. Cost: a hit is one CACHE.GET and the decoding,
// without a coroutine where it is not asked for by one; a near hit asks nobody.
#ifndef CAIRN_CACHE_H_
#define CAIRN_CACHE_H_

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "cairn/bloom_guard.h"
#include "cairn/cache_policy.h"
#include "cairn/codec.h"
#include "cairn/executor.h"
#include "cairn/internal/cache_bulk.h"
#include "cairn/internal/cache_core.h"
#include "cairn/internal/cache_reader.h"
#include "cairn/key.h"
#include "cairn/metrics.h"
#include "cairn/near_cache.h"
#include "cairn/store.h"
#include "cairn/task.h"
#include "cairn/trace.h"

namespace cairn::cache {

struct CacheOptions {
  Policy policy = {};
  // Where loads run that somebody does not wait for to the end. Null: there are none; a refresh
  // ahead is the reader's who finds it due. Outlives the store.
  Executor* executor = nullptr;
  // Copies in this process (cairn/near_cache.h). None: every read asks the store.
  NearCache near = {};
  // Which keys exist (cairn/bloom_guard.h): of others nobody is asked, they are kNegative and not
  // cached. A Put adds its key. None: all may exist.
  BloomGuard guard = {};
  // When the store is not asked any more for a while. Invalidate, Put and the like always try.
  BreakerOptions breaker = {};
  // Loads at a time that no lease holds apart: the store is down, another has not finished in
  // time, or the namespace's cap is reached. Others wait for their turn, up to Policy::wait_max.
  std::size_t uncached_loads_max = 64;
  // cairn/metrics.h, cairn/trace.h. The sink outlives the cache and its loads.
  CacheHooks hooks = {};
  SpanSink* spans = nullptr;
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
                     (std::convertible_to<std::invoke_result_t<L&, BulkContext<KeyType>&>,
                                          Result<std::vector<std::optional<T>>>> ||
                      std::same_as<std::invoke_result_t<L&, BulkContext<KeyType>&>,
                                   Task<Result<std::vector<std::optional<T>>>>>);

template <class T, class KeyType, class C = DefaultCodec<T>>
  requires Codec<C, T>
class TypedCache {
 public:
  using Loading = LoadContext<T, KeyType>;

  explicit TypedCache(Store store, CacheOptions options = {})
      : core_(std::make_shared<internal::CacheCore>(
            std::move(store),
            internal::CoreOptions{.executor = options.executor,
                                  .near = options.near.table(),
                                  .breaker = options.breaker,
                                  .uncached_loads_max = options.uncached_loads_max,
                                  .guard = std::move(options.guard),
                                  .hooks = std::move(options.hooks),
                                  .spans = options.spans})),
        policy_(Clamped(std::move(options.policy))) {
    if (core_->near() != nullptr) core_->near()->AddPrefix(KeyType::Prefix());
  }

  // Never loads.
  Result<Entry<T>> Get(const KeyType& key, const ReadOptions& read = {}) const {
    const std::string text = key.text();
    if (auto here = Here(*core_, text, read)) return std::move(*here);
    return Reader::Found(*core_, text, core_->Ask(text, PlainLookup(read)), policy_,
                         read.min_version);
  }
  Task<Result<Entry<T>>> CoGet(KeyType key, ReadOptions read = {}) const {
    return ReadTask(core_, key.text(), read, policy_);
  }

  // A hit does without a coroutine, and in one without the state of a load.
  template <Loader<T, KeyType> L>
  Result<Entry<T>> GetOrLoad(const KeyType& key, L loader, const ReadOptions& read = {}) const {
    std::string text = key.text();
    if (auto here = Here(*core_, text, read)) return std::move(*here);
    std::optional<internal::Asked> asked;
    if (core_->Joinable(text, read.min_version) == nullptr) {
      asked = core_->Ask(text, Reader::LeasedLookup(policy_, read));
      if (auto fresh = Reader::Fresh(*core_, text, *asked, policy_)) return std::move(*fresh);
    }
    auto call = std::make_shared<typename Reader::template Call<L>>(
        core_, key, std::move(text), std::move(loader), policy_, read);
    call->is_sync = true;
    return SyncWait(Reader::Run(std::move(call), std::move(asked)));
  }
  template <Loader<T, KeyType> L>
  Task<Result<Entry<T>>> CoGetOrLoad(KeyType key, L loader, ReadOptions read = {}) const {
    return LoadTask(core_, std::move(key), std::move(loader), policy_, read);
  }

  // Entries in the order of the keys. One call of the loader for all that are missing or stale and
  // whose lease is free, and the commands in pipelines; another one if the leases were too many at
  // a time. Who is waited for, one by one, up to wait_max in all; what is then left is loaded
  // together, uncached. An error if a key has no answer.
  //
  // Timeouts are those of single loads, and the call is answered as a whole: at soft_timeout if all
  // rows that it loads have a stale value; at hard_timeout those that have one by it, and if one
  // has none, the call is kTimeout. The load goes on, and what it gives is stored. To leave a
  // loader that is no coroutine needs CacheOptions::executor, as ever.
  template <BulkLoader<T, KeyType> L>
  Result<std::vector<Entry<T>>> GetOrLoadMany(std::vector<KeyType> keys, L loader,
                                              const ReadOptions& read = {}) const {
    return SyncWait(internal::CacheBulk<T, KeyType, C>::Run(
        core_, std::move(keys), std::move(loader), policy_, read, true));
  }
  template <BulkLoader<T, KeyType> L>
  Task<Result<std::vector<Entry<T>>>> CoGetOrLoadMany(std::vector<KeyType> keys, L loader,
                                                      ReadOptions read = {}) const {
    return internal::CacheBulk<T, KeyType, C>::Run(core_, std::move(keys), std::move(loader),
                                                   policy_, read, false);
  }

  // After the commit. A version below 0 is kInvalid. With one, an older one than is known is not
  // applied.
  Result<Mark> Put(const KeyType& key, const T& value, const PutOptions& options = {}) const {
    Result<Command> command = PutCommand(key, value, options);
    if (!command) return Pass(std::move(command));
    return Written(*core_, key, core_->Write(*command), options.version);
  }
  Task<Result<Mark>> CoPut(KeyType key, T value, PutOptions options = {}) const {
    Result<Command> command = PutCommand(key, value, options);
    const Core core = core_;
    if (!command) co_return Pass(std::move(command));
    Result<Reply> reply = co_await core->CoWrite(std::move(*command));
    co_return Written(*core, key, std::move(reply), options.version);
  }

  // The value is gone, loads under way are not stored. With the version of the deletion what is
  // not newer is refused for a while.
  Result<Mark> Invalidate(const KeyType& key, Version version = 0) const {
    if (auto wrong = internal::CheckLabels(version, {})) return std::unexpected(std::move(*wrong));
    return Written(*core_, key, core_->Write(DeleteCommand(key, version)), version);
  }
  Task<Result<Mark>> CoInvalidate(KeyType key, Version version = 0) const {
    if (auto wrong = internal::CheckLabels(version, {}))
      co_return std::unexpected(std::move(*wrong));
    const Core core = core_;
    Result<Reply> reply = co_await core->CoWrite(DeleteCommand(key, version));
    co_return Written(*core, key, std::move(reply), version);
  }

  // Stale from now on: served as such while one reader loads.
  Result<void> Expire(const KeyType& key) const {
    return Expired(*core_, key, core_->Write(Command("CACHE.STALE", key.text())));
  }
  Task<Result<void>> CoExpire(KeyType key) const {
    const Core core = core_;
    Result<Reply> reply = co_await core->CoWrite(Command("CACHE.STALE", key.text()));
    co_return Expired(*core, key, std::move(reply));
  }
  // An empty tag is kInvalid, here and in a policy, a Put and what a loader says: it is a name that
  // somebody has forgotten to fill in.
  Result<void> InvalidateTag(std::string_view tag, Bump bump = Bump::kSoft) const {
    if (tag.empty()) return EmptyTag();
    return Bumped(*core_, tag, core_->Write(BumpCommand(tag, bump)));
  }
  Task<Result<void>> CoInvalidateTag(std::string tag, Bump bump = Bump::kSoft) const {
    if (tag.empty()) co_return EmptyTag();
    const Core core = core_;
    Result<Reply> reply = co_await core->CoWrite(BumpCommand(tag, bump));
    co_return Bumped(*core, tag, std::move(reply));
  }
  // All keys of the schema, in O(1). The schema's prefix has to be a namespace of the server's
  // (NAMESPACE.SET, or its configuration), else it is kUnsupported: it is not declared here, since
  // rules are its operator's, and keys of before join only in the background. A tag that all
  // values have needs no declaration.
  Result<void> Clear() const {
    return Cleared(*core_, core_->Write(Command("NAMESPACE.CLEAR", KeyType::Prefix())));
  }
  Task<Result<void>> CoClear() const {
    const Core core = core_;
    Result<Reply> reply = co_await core->CoWrite(Command("NAMESPACE.CLEAR", KeyType::Prefix()));
    co_return Cleared(*core, std::move(reply));
  }

  // Copies in this process are gone: for who has changed the key by another command.
  void Forget(const KeyType& key) const { core_->Forget(key.text()); }

  // How many answers of that kind were given.
  std::uint64_t count(Outcome outcome) const { return core_->count(outcome); }
  // Stored values that were none of ours, and fills that came too late.
  std::uint64_t undecodable() const { return figures().undecodable; }
  std::uint64_t refused() const { return figures().refused_fills; }
  CacheFigures figures() const { return core_->figures(); }

 private:
  using Core = std::shared_ptr<internal::CacheCore>;
  using Reader = internal::CacheReader<T, KeyType, C>;

  // What this process can answer.
  static std::optional<Entry<T>> Here(internal::CacheCore& core, std::string_view text,
                                      const ReadOptions& read) {
    std::optional<Entry<T>> entry = Reader::Near(core, text, read.min_version);
    if (!entry) entry = Reader::Absent(core, text);
    return entry;
  }
  static internal::LookupOptions PlainLookup(const ReadOptions& read) {
    return {.min_version = read.min_version};
  }
  static Task<Result<Entry<T>>> ReadTask(Core core, std::string text, ReadOptions read,
                                         Policy policy) {
    if (auto here = Here(*core, text, read)) co_return std::move(*here);
    internal::Asked asked = co_await core->CoAsk(text, PlainLookup(read));
    co_return Reader::Found(*core, text, std::move(asked), policy, read.min_version);
  }
  template <class L>
  static Task<Result<Entry<T>>> LoadTask(Core core, KeyType key, L loader, Policy policy,
                                         ReadOptions read) {
    std::string text = key.text();
    if (auto here = Here(*core, text, read)) co_return std::move(*here);
    std::optional<internal::Asked> asked;
    if (core->Joinable(text, read.min_version) == nullptr) {
      asked.emplace(co_await core->CoAsk(text, Reader::LeasedLookup(policy, read)));
      if (auto fresh = Reader::Fresh(*core, text, *asked, policy)) co_return std::move(*fresh);
    }
    auto call = std::make_shared<typename Reader::template Call<L>>(
        core, std::move(key), std::move(text), std::move(loader), std::move(policy), read);
    co_return co_await Reader::Run(std::move(call), std::move(asked));
  }

  Result<Command> PutCommand(const KeyType& key, const T& value, const PutOptions& options) const {
    internal::Fill fill{.version = options.version, .tags = policy_.tags};
    fill.tags.insert(fill.tags.end(), options.tags.begin(), options.tags.end());
    if (auto wrong = internal::CheckLabels(fill.version, fill.tags))
      return std::unexpected(std::move(*wrong));
    core_->guard().Add(key);
    if (policy_.ttl && *policy_.ttl <= Millis(0)) return DeleteCommand(key, options.version);
    Result<std::string> bytes = EncodeValue<C>(value, policy_.frame);
    if (!bytes) return Pass(std::move(bytes));
    fill.bytes = std::move(*bytes);
    return internal::FillCommand(key.text(), fill, policy_);
  }
  static std::unexpected<Error> EmptyTag() {
    return std::unexpected(*internal::CheckLabels(0, {std::string()}));
  }
  static Command DeleteCommand(const KeyType& key, Version version) {
    Command command("CACHE.DEL", key.text());
    if (version > 0) command.Add("VER").Add(version);
    return command;
  }
  static Command BumpCommand(std::string_view tag, Bump bump) {
    return Command("TAG.BUMP", bump == Bump::kSoft ? "SOFT" : "HARD", tag);
  }

  // What this process has written, or may have, is nowhere served here from now on.
  static Result<Mark> Written(internal::CacheCore& core, const KeyType& key, Result<Reply> reply,
                              Version version) {
    core.Forget(key.text());
    Result<bool> applied = internal::ReadFill(std::move(reply));
    if (!applied) return Pass(std::move(applied));
    return Mark{.is_applied = *applied, .version = version};
  }
  static Result<void> Expired(internal::CacheCore& core, const KeyType& key, Result<Reply> reply) {
    core.Forget(key.text());
    return Done(std::move(reply));
  }
  static Result<void> Bumped(internal::CacheCore& core, std::string_view tag, Result<Reply> reply) {
    core.ForgetTag(tag);
    return Done(std::move(reply));
  }
  static Result<void> Cleared(internal::CacheCore& core, Result<Reply> reply) {
    core.ForgetAll();
    if (!reply && reply.error().detail.find("no such namespace") != std::string::npos)
      return Fail(Errc::kUnsupported, "'" + KeyType::Prefix() + "' is no namespace: NAMESPACE.SET");
    return Done(std::move(reply));
  }
  static Result<void> Done(Result<Reply> reply) {
    if (!reply) return Pass(std::move(reply));
    return {};
  }

  Core core_;  // shared with loads in the background
  Policy policy_;
};

}  // namespace cairn::cache

#endif  // CAIRN_CACHE_H_
