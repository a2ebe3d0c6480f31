// SPDX-License-Identifier: BSD-3-Clause
// CacheBulk: how many keys of a typed cache are read, and those that are missing loaded by one call
// of a loader. Part of cairn/cache.h, not for users.
//
// In three rounds: near copies; a plain lookup of the rest, which is all of a warm call; a lookup
// with leases of what that did not answer. What another loads is waited for at the end, one by one.
#ifndef CAIRN_INTERNAL_CACHE_BULK_H_
#define CAIRN_INTERNAL_CACHE_BULK_H_

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cairn/internal/cache_reader.h"

namespace cairn::cache::internal {

template <class T, class KeyType, class C>
class CacheBulk {
 public:
  using Reader = CacheReader<T, KeyType, C>;
  using Core = typename Reader::Core;
  using Grant = typename Reader::Grant;
  using Loading = typename Reader::Loading;
  using Rows = Result<std::vector<std::optional<T>>>;

  template <class L>
  static Task<Result<std::vector<Entry<T>>>> Run(Core core, std::vector<KeyType> keys, L loader,
                                                 Policy policy, ReadOptions read) {
    Answers answers;
    Ledger missing;
    for (const KeyType& key : keys) {
      std::string text = key.text();
      const auto [place, is_new] = answers.try_emplace(text);
      if (!is_new) continue;
      if (auto near = Reader::Near(*core, text, read.min_version)) {
        place->second = std::move(*near);
      } else {
        missing.push_back(std::make_unique<Led>(core, key, std::move(text)));
      }
    }
    Result<void> asked =
        co_await Ask(core, missing, {.min_version = read.min_version}, policy, answers);
    if (!asked) co_return Pass(std::move(asked));
    asked = co_await Ask(core, missing, Reader::LeasedLookup(policy, read), policy, answers);
    if (!asked) co_return Pass(std::move(asked));
    Ledger led;
    Ledger waiting;
    for (auto& one : missing) {
      const bool is_ours = one->grant.token != 0 || one->grant.is_store_down;
      (is_ours ? led : waiting).push_back(std::move(one));
    }
    Result<void> loaded = co_await LoadAll(core, led, loader, policy, read, answers);
    if (!loaded) co_return Pass(std::move(loaded));
    for (const auto& one : waiting) {
      using OneCall = typename Reader::template Call<OneOf<L>>;
      auto call = std::make_shared<OneCall>(core, one->key, one->text,
                                            OneOf<L>{loader, read.min_version}, policy, read);
      Result<Entry<T>> entry = co_await Reader::Run(std::move(call), std::nullopt);
      if (!entry) co_return Pass(std::move(entry));
      answers[one->text] = std::move(*entry);
    }
    std::vector<Entry<T>> entries;
    entries.reserve(keys.size());
    for (const KeyType& key : keys) entries.push_back(answers[key.text()]);
    co_return entries;
  }

 private:
  // A key that this call loads, and those who join meanwhile.
  struct Led {
    Led(Core core, KeyType asked, std::string name)
        : key(std::move(asked)), text(std::move(name)), flight(std::move(core), text) {}
    KeyType key;
    std::string text;
    Grant grant;
    FlightOwner flight;
  };
  using Ledger = std::vector<std::unique_ptr<Led>>;
  using Answers = std::unordered_map<std::string, Entry<T>>;

  // Answers what it can, and takes it out of `missing`; the others get their grants.
  static Task<Result<void>> Ask(Core core, Ledger& missing, LookupOptions options,
                                const Policy& policy, Answers& answers) {
    std::vector<std::string> names;
    for (const auto& led : missing) names.push_back(led->text);
    if (names.empty()) co_return Result<void>();
    std::vector<Asked> all = co_await core->CoAskAll(std::move(names), options);
    for (std::size_t i = 0; i < missing.size(); ++i) {
      Grant& grant = missing[i]->grant;
      const Result<Lookup>& lookup = all[i].lookup;
      if (!lookup) {
        if (!IsStoreDown(lookup.error()) || policy.when_store_down == WhenStoreDown::kFail)
          co_return std::unexpected(lookup.error());
        grant.is_store_down = true;
        continue;
      }
      grant.is_store_down = false;
      grant.token = lookup->token;
      grant.old = Reader::Kept(*core, missing[i]->text, all[i], policy);
      // Of what is stale a lease is asked for; once it is taken, the stale value will do.
      const bool is_answer =
          lookup->state == Lookup::State::kFresh || (options.lease > Millis(0) && grant.token == 0);
      if (!grant.old || !is_answer || grant.token != 0) continue;
      answers[missing[i]->text] = Reader::Counted(*core, missing[i]->text, std::move(*grant.old));
      missing[i].reset();
    }
    std::erase_if(missing, [](const auto& led) { return led == nullptr; });
    co_return Result<void>();
  }

  template <class L>
  static Task<Result<void>> LoadAll(Core core, Ledger& leds, L& loader, const Policy& policy,
                                    ReadOptions read, Answers& answers) {
    if (leds.empty()) co_return Result<void>();
    BulkContext<KeyType> context{.policy = policy, .min_version = read.min_version};
    context.stop = co_await CurrentStop();
    bool is_leased = true;
    for (const auto& led : leds) {
      context.keys.push_back(led->key);
      is_leased = is_leased && led->grant.token != 0;
      const auto kind = led->grant.token != 0 ? Flight::Kind::kLeased : Flight::Kind::kUncached;
      if (!led->grant.old) led->flight.Begin(read.min_version, kind);
    }
    LoadSlots::Slot slot;
    if (!is_leased) {
      slot = co_await core->TakeSlot(policy.wait_max);
      if (slot == nullptr) co_return Fail(Errc::kLimit, "too many load without a lease");
    }
    for (const auto& led : leds) {
      if (led->grant.token == 0) led->flight.CloseUncached();
    }
    const TimePoint began = core->Now();
    Span span(core->spans(), core->clock(), "cairn.cache.load_many", read.trace);
    span.Add("cairn.keys", static_cast<std::int64_t>(leds.size()));
    context.trace = span.context();
    Rows rows = co_await CallBulk(loader, context);
    slot.reset();
    const auto cost = std::chrono::duration_cast<Millis>(core->Now() - began);
    core->CountLoad({.key = leds[0]->text,
                     .keys = leds.size(),
                     .took = cost,
                     .error = rows ? nullptr : &rows.error()});
    if (!rows) span.Fail(rows.error().detail);
    std::vector<Command> commands = Fills(leds, context, rows, cost, answers);
    Replies replies;
    if (!commands.empty())
      replies = co_await core->CoTryAll(std::move(commands)).WithStop(core->never());
    std::vector<Command> unused = Unused(leds, replies, context.policy);
    if (!unused.empty()) co_await core->CoTryAll(std::move(unused)).WithStop(core->never());
    co_return Settle(*core, leds, std::move(rows), std::move(replies), context, answers);
  }

  // What is sent of those under a lease, in their order.
  static std::vector<Command> Fills(Ledger& leds, BulkContext<KeyType>& context, Rows& rows,
                                    Millis cost, Answers& answers) {
    std::vector<Command> commands;
    for (std::size_t i = 0; i < leds.size(); ++i) {
      Led& led = *leds[i];
      Entry<T>& entry = answers[led.text];
      if (!rows) {
        if (led.grant.token != 0)
          commands.push_back(Reader::GiveBack(led.text, led.grant, context.policy));
        if (led.grant.old) entry = *led.grant.old;
        entry.outcome = Outcome::kFallback;
        continue;
      }
      entry.value = std::move((*rows)[i]);
      entry.outcome = entry.value ? Outcome::kLoaded : Outcome::kNegative;
      if (i < context.versions.size()) entry.version = context.versions[i];
      Loading single(led.key, nullptr, context.min_version, context.policy);
      single.version = entry.version;
      single.tags = context.policy.tags;
      if (i < context.tags.size())
        single.tags.insert(single.tags.end(), context.tags[i].begin(), context.tags[i].end());
      if (led.grant.token == 0) continue;
      led.flight.Close();
      commands.push_back(Reader::StoreCommand(led.text, entry, single, led.grant, cost));
    }
    return commands;
  }

  // Leases whose fill ended in an error are given back: nobody uses them any more.
  static std::vector<Command> Unused(const Ledger& leds, const Replies& replies,
                                     const Policy& policy) {
    std::vector<Command> commands;
    std::size_t next = 0;
    for (const auto& led : leds) {
      if (led->grant.token == 0) continue;
      const Result<Reply>& reply = replies[next++];
      if (!reply && MayGiveBack(reply.error()))
        commands.push_back(Reader::GiveBack(led->text, led->grant, policy));
    }
    return commands;
  }

  // What has become of the fills is told to the entries and to those who have joined.
  static Result<void> Settle(CacheCore& core, Ledger& leds, Rows rows, Replies replies,
                             const BulkContext<KeyType>& context, Answers& answers) {
    std::size_t next = 0;
    bool has_all = true;
    for (const auto& led : leds) {
      Entry<T>& entry = answers[led->text];
      const bool is_leased = led->grant.token != 0;
      if (!rows) {
        has_all = has_all && context.policy.fail_safe && led->grant.old.has_value();
        if (led->grant.old) core.Count(led->text, Outcome::kFallback, entry.age);
        if (Reader::IsShared(rows.error(), context.stop))
          led->flight.Land(std::make_shared<const Result<Entry<T>>>(std::unexpected(rows.error())));
        continue;
      }
      // CACHE.FAIL, of what is not to be kept, replies a number.
      if (is_leased) {
        const Result<Reply>& reply = replies[next++];
        const bool is_fill = !reply || reply->type() != Reply::Type::kInteger;
        const Result<bool> stored = ReadFill(reply);
        if (is_fill) core.CountFill(led->text, stored);
        entry.is_cached = stored.value_or(false);
      }
      if (entry.is_cached || !is_leased)
        led->flight.Land(std::make_shared<const Result<Entry<T>>>(entry));
      core.Count(led->text, entry.outcome);
    }
    if (!rows && !has_all) return Pass(std::move(rows));
    return {};
  }

  template <class L>
  static Task<Rows> CallBulk(L& loader, BulkContext<KeyType>& context) {
    std::exception_ptr cause;
    Rows rows;
    try {
      if constexpr (std::same_as<std::invoke_result_t<L&, BulkContext<KeyType>&>, Task<Rows>>) {
        rows = co_await loader(context);
      } else {
        rows = loader(context);
      }
    } catch (...) {
      cause = std::current_exception();
    }
    if (cause) co_return std::unexpected(LoaderError(cause));
    if (rows && rows->size() != context.keys.size())
      co_return Fail(Errc::kLoader, "the loader gave not as many values as there are keys");
    co_return rows;
  }

  // A bulk loader for one key.
  template <class L>
  struct OneOf {
    L loader;
    Version min_version;
    Task<Result<std::optional<T>>> operator()(Loading& context) {
      BulkContext<KeyType> bulk{.policy = context.policy, .min_version = min_version};
      bulk.keys.push_back(context.key);
      bulk.stop = context.stop;
      bulk.trace = context.trace;
      Rows rows = co_await CallBulk(loader, bulk);
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
