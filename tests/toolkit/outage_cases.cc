// SPDX-License-Identifier: BSD-3-Clause
// A store that is killed, or does not answer any more, and comes back. The second argument is a
// folder: a folder `start` in it has the server started again, on its port and empty.
#include <signal.h>

#include <atomic>
#include <charconv>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cairn/cache.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

using RowKey = Key<"outage:{*}", std::int64_t>;
using Cached = TypedCache<std::string, RowKey>;
using Loaded = Result<std::optional<std::string>>;

class Fixture {
 public:
  explicit Fixture(const std::vector<std::string>& uris, Duration timeout)
      : store(OpenOrDie(uris[0], {.timeout = timeout})), folder_(uris[1]) {}
  ~Fixture() {
    if (is_stopped_) Signal(SIGCONT);
  }

  void Kill() { Signal(SIGKILL); }
  void Stop() {
    Signal(SIGSTOP);
    is_stopped_ = true;
  }
  bool Continue() {
    Signal(SIGCONT);
    is_stopped_ = false;
    return IsBack();
  }
  bool Restart() {
    std::filesystem::create_directory(folder_ / "start");
    return IsBack();
  }
  Cached Make(Policy policy, CacheOptions options = {}) const {
    options.policy = std::move(policy);
    options.policy.ttl = Millis(600'000);
    return Cached(store, std::move(options));
  }

  Store store;

 private:
  // The one that runs at the moment.
  void Signal(int signal) {
    if (!is_stopped_) {
      const std::string info(
          store.client().Call(Command("INFO", "server"), {.timeout = 20s}).value().text());
      const std::size_t at = info.find("process_id:");
      std::from_chars(info.data() + at + 11, info.data() + info.size(), pid_);
    }
    ::kill(pid_, signal);
  }
  bool IsBack() {
    return Eventually([&] { return store.client().Call(Command("PING")).has_value(); });
  }

  const std::filesystem::path folder_;
  pid_t pid_ = 0;
  bool is_stopped_ = false;
};

auto Row(std::atomic<int>& loads) {
  return [&loads](Cached::Loading&) -> Loaded {
    ++loads;
    return "row";
  };
}

// Short for the case that waits for it to end. Elsewhere the store is dead, and says so at once;
// a living one may be late on a busy machine.
constexpr Duration kBrief = 200ms;
constexpr Duration kPatient = 20s;

// The store hangs: to find that out costs a timeout, but not each call.
void ADeadStoreDoesNotCostATimeoutPerCall(Fixture& at, Complaints& say) {
  const Cached cache = at.Make({}, {.breaker = {.failures_max = 3, .open_for = 10s}});
  std::atomic<int> loads = 0;
  at.Stop();
  const TimePoint began = SystemClock().Now();
  constexpr int kCalls = 200;
  for (std::int64_t i = 0; i < kCalls; ++i) {
    const auto entry = cache.GetOrLoad(i, Row(loads));
    if (!entry) return say.Check(false, entry.error().detail);
    say.Check(entry->value == "row" && !entry->is_cached, "loaded, not cached");
  }
  const Duration took = SystemClock().Now() - began;
  say.Equal(loads.load(), kCalls, "each is loaded");
  say.Check(took < kBrief * kCalls / 4, "most calls cost no timeout");
  say.Check(at.Continue(), "it goes on");
}

void ItIsUsedAgainWhenItIsBack(Fixture& at, Complaints& say) {
  const Cached cache = at.Make({}, {.breaker = {.failures_max = 2, .open_for = 50ms}});
  // Not one of before: their leases, of calls whose replies nobody waited for, are still held.
  constexpr std::int64_t kId = 1'000;
  std::atomic<int> loads = 0;
  say.Check(cache.GetOrLoad(kId, Row(loads))->is_cached, "cached");
  at.Kill();
  for (int i = 0; i < 5; ++i) say.Check(!cache.GetOrLoad(kId, Row(loads))->is_cached, "not cached");
  say.Check(at.Restart(), "it is back");
  say.Check(Eventually([&] { return cache.GetOrLoad(kId, Row(loads))->is_cached; }),
            "cached again");
  const int before = loads;
  say.Equal(cache.GetOrLoad(kId, Row(loads))->outcome, Outcome::kHit, "a hit");
  say.Equal(loads.load(), before, "no load");
}

void FailingSaysSo(Fixture& at, Complaints& say) {
  const Cached cache = at.Make({.when_store_down = WhenStoreDown::kFail},
                               {.breaker = {.failures_max = 2, .open_for = 10s}});
  std::atomic<int> loads = 0;
  at.Kill();
  for (int i = 0; i < 2; ++i) say.Check(!cache.GetOrLoad(1, Row(loads)), "an error");
  const auto entry = cache.GetOrLoad(1, Row(loads));
  say.Check(!entry && entry.error().code == Errc::kStoreDown, "the breaker is open");
  say.Check(!cache.Get(1) && !cache.Invalidate(1), "others, too");
  say.Check(cache.Invalidate(1).error().code != Errc::kStoreDown, "an invalidation was tried");
  say.Equal(loads.load(), 0, "no load");
  say.Check(at.Restart(), "it is back");
  say.Check(cache.Invalidate(1).has_value(), "an invalidation closes the breaker");
  say.Check(cache.GetOrLoad(1, Row(loads)).has_value(), "at once");
}

Task<Result<Entry<std::string>>> SayStarted(std::atomic<bool>& has_started) {
  has_started = true;
  co_return Entry<std::string>{.value = "row"};
}

// All at once, for one key and for many: no load ends before all have come.
void AnOutageIsNoStampede(Fixture& at, Complaints& say) {
  const Cached cache =
      at.Make({}, {.breaker = {.failures_max = 1, .open_for = 10s}, .uncached_loads_max = 4});
  std::atomic<int> loads = 0;
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::atomic<bool> have_come = false;
  const auto slow = [&](Cached::Loading&) -> Task<Loaded> {
    ++loads;
    most = std::max(most.load(), ++running);
    do {
      co_await Sleep(at.store.scheduler(), 20ms);
    } while (!have_come);
    --running;
    co_return "row";
  };
  at.Kill();
  cache.Get(1);  // opens the breaker
  const auto run = [&](auto key_of, int count) {
    std::vector<Task<Result<Entry<std::string>>>> tasks;
    have_come = false;
    for (int i = 0; i < count; ++i) tasks.push_back(cache.CoGetOrLoad(key_of(i), slow));
    tasks.push_back(SayStarted(have_come));  // the last: all others wait by then
    for (const auto& entry : SyncWaitAll(std::move(tasks)))
      say.Check(entry && entry->value == "row", "an answer");
  };
  run([](int) { return 1; }, 200);
  // One, and one for all who came while it ran: the row may have been changed since it began.
  say.Check(loads <= 2, "two loads of one key");
  loads = 0;
  run([](int i) { return i; }, 40);
  say.Equal(loads.load(), 40, "a load for each key");
  say.Check(most <= 4, "four at a time");
  say.Check(at.Restart(), "it is back");
}

void WhatWasLastKnownIsServed(Fixture& at, Complaints& say) {
  const NearCache near = NearCache::Open(at.store).value();
  const Policy policy{.when_store_down = WhenStoreDown::kServeStale};
  const Cached cache = at.Make(policy, {.near = near});
  std::atomic<int> loads = 0;
  cache.Put(1, "known").value();
  cache.Put(2, "changed").value();
  cache.Get(1).value();
  cache.Get(2).value();
  at.Kill();
  say.Check(Eventually([&] { return !near.is_told(); }), "the connection is lost");
  const auto known = cache.GetOrLoad(1, Row(loads));
  say.Check(known && known->value == "known", "the last known value");
  say.Check(known && known->outcome == Outcome::kFallback && !known->is_cached,
            "and is said to be");
  say.Equal(loads.load(), 0, "no load");
  const auto got = cache.Get(1);
  say.Check(got && got->value == "known" && got->outcome == Outcome::kFallback, "to who only asks");
  std::size_t missing = 0;
  const auto many = cache.GetOrLoadMany({1, 3}, [&](BulkContext<RowKey>& context) {
    missing = context.keys.size();
    return Result<std::vector<std::optional<std::string>>>({"row"});
  });
  say.Check(many && (*many)[0].value == "known" && (*many)[1].value == "row",
            "to who asks for many");
  say.Equal(missing, std::size_t{1}, "only what is not known is loaded");
  // Who has changed the row, as far as he could, is not served what was before.
  say.Check(!cache.Invalidate(2), "the invalidation fails");
  say.Check(cache.GetOrLoad(2, Row(loads))->value == "row", "but holds here");
  say.Check(cache.GetOrLoad(3, Row(loads))->value == "row", "what is not known is loaded");
  Policy strict = policy;
  strict.last_known_max = Millis(0);
  say.Check(at.Make(strict, {.near = near}).GetOrLoad(1, Row(loads))->value == "row", "its limit");
  say.Check(at.Restart(), "it is back");
  // The new server has nothing; what was read from the old one is no hit.
  say.Check(Eventually([&] { return cache.Get(1)->outcome == Outcome::kMiss; }),
            "it is asked again, and no copy of an old epoch is served");
}

}  // namespace

Cases OutageCases(const std::vector<std::string>& uris) {
  using Run = void (*)(Fixture&, Complaints&);
  struct Row {
    std::string_view name;
    Run run;
    Duration timeout = kPatient;
  };
  const Row rows[] = {
      {"ADeadStoreDoesNotCostATimeoutPerCall", ADeadStoreDoesNotCostATimeoutPerCall, kBrief},
      {"ItIsUsedAgainWhenItIsBack", ItIsUsedAgainWhenItIsBack},
      {"FailingSaysSo", FailingSaysSo},
      {"AnOutageIsNoStampede", AnOutageIsNoStampede},
      {"WhatWasLastKnownIsServed", WhatWasLastKnownIsServed},
  };
  Cases cases;
  for (const auto& [name, run, timeout] : rows) {
    cases.push_back({name, [uris, run, timeout](Complaints& say) {
                       Fixture at(uris, timeout);
                       run(at, say);
                     }});
  }
  return cases;
}

}  // namespace cairn::cache::checks
