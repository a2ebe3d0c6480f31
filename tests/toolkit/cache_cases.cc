// SPDX-License-Identifier: BSD-3-Clause
// The typed cache over every kind of store. Four handles of a store stand for four processes: each
// has its own connections, and a cache of its own, whose loads no other one joins.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread.h"
#include "cairn/cache.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

using RowKey = Key<"cachecheck:*:*", std::string, std::int64_t>;
using ClearKey = Key<"cacheclear:*:*", std::string, std::int64_t>;
using Rows = TypedCache<std::string, RowKey>;
using Loaded = Result<std::optional<std::string>>;

constexpr std::size_t kProcesses = 4;

class Bench {
 public:
  Bench(const std::string& uri, Complaints& say) : say_(say) {
    for (std::size_t i = 0; i < kProcesses; ++i)
      stores_.push_back(i > 0 && uri.starts_with("embedded") ? stores_[0] : OpenOrDie(uri));
  }
  Store& store(std::size_t process) { return stores_[process % kProcesses]; }
  Rows Make(std::size_t process, Policy policy = {.ttl = 1h, .stale_for = 1h}) {
    return Rows(store(process), {.policy = std::move(policy)});
  }
  RowKey At(std::int64_t n) const { return {run_, n}; }
  const std::string& run() const { return run_; }
  std::string TagName() const { return "cachecheck:" + run_; }
  // A loader that gives this, and counts.
  auto Row(std::string value) {
    return [this, value](auto&) -> Loaded {
      ++loads;
      return value;
    };
  }
  Complaints& say() { return say_; }
  // That it went well, and how.
  void Expect(const Result<Entry<std::string>>& got, Outcome outcome,
              const std::optional<std::string>& value, std::string_view what) {
    if (!got) return say_.Check(false, std::string(what) + ": " + got.error().detail);
    say_.Check(got->outcome == outcome,
               std::string(what) + ": it is a " + std::string(OutcomeName(got->outcome)));
    say_.Check(got->value == value, std::string(what) + ": another value");
  }

  std::atomic<int> loads{0};

 private:
  Complaints& say_;
  std::vector<Store> stores_;
  const std::string run_ = SecureRandomHex(16);
};

void HitAndMiss(Bench& bench) {
  const Rows rows = bench.Make(0);
  const Rows other = bench.Make(1);
  bench.Expect(rows.Get(bench.At(1)), Outcome::kMiss, {}, "nothing is there");
  bench.Expect(rows.GetOrLoad(bench.At(1), bench.Row("ada")), Outcome::kLoaded, "ada", "first");
  bench.Expect(other.GetOrLoad(bench.At(1), bench.Row("eve")), Outcome::kHit, "ada", "another's");
  bench.Expect(other.Get(bench.At(1)), Outcome::kHit, "ada", "read");
  bench.Expect(rows.GetOrLoad(bench.At(2), bench.Row("")), Outcome::kLoaded, "", "empty");
  bench.Expect(other.GetOrLoad(bench.At(2), bench.Row("x")), Outcome::kHit, "", "empty is a value");
  bench.say().Check(bench.loads == 2, "two loads");
  bench.say().Check(rows.Invalidate(bench.At(1)).has_value(), "invalidated");
  bench.Expect(other.Get(bench.At(1)), Outcome::kMiss, {}, "invalidated");
}

void FiftyCallersLoadOnce(Bench& bench) {
  constexpr int kCallers = 50;
  std::atomic<int> begun{0};
  std::atomic<int> served{0};
  std::vector<Rows> caches;
  for (std::size_t i = 0; i < kProcesses; ++i) caches.push_back(bench.Make(i));
  const auto loader = [&](auto&) -> Loaded {
    ++bench.loads;
    Eventually([&] { return begun == kCallers; });
    return "row";
  };
  {
    std::vector<Thread> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back("caller", [&, i] {
        ++begun;
        const auto got =
            caches[static_cast<std::size_t>(i) % kProcesses].GetOrLoad(bench.At(1), loader);
        if (got && got->value == "row") ++served;
      });
    }
    for (Thread& caller : callers) caller.Join();
  }
  bench.say().Check(bench.loads == 1, std::to_string(bench.loads) + " loads");
  bench.say().Check(served == kCallers, "all are served");
}

void StaleSetIsRefused(Bench& bench) {
  const Rows rows = bench.Make(0);
  const Rows writer = bench.Make(1);
  const auto old_row = [&](auto&) -> Loaded {
    bench.say().Check(writer.Invalidate(bench.At(1)).has_value(), "invalidated");
    return "old";
  };
  const auto got = rows.GetOrLoad(bench.At(1), old_row);
  bench.Expect(got, Outcome::kLoaded, "old", "the caller has it");
  bench.say().Check(got && !got->is_cached, "it is not kept");
  bench.Expect(rows.Get(bench.At(1)), Outcome::kMiss, {}, "not kept");
  // Any plain write or delete, by whoever it is.
  for (const std::string_view name : {"DEL", "UNLINK"}) {
    const auto again = rows.GetOrLoad(bench.At(2), [&](auto&) -> Loaded {
      bench.store(1).client().Call(Command(name, bench.At(2).text())).value();
      return "old";
    });
    bench.say().Check(again && !again->is_cached, "voided by " + std::string(name));
  }
}

void Absence(Bench& bench) {
  const Rows rows = bench.Make(0, {.ttl = 1h, .negative_ttl = 1h});
  const Rows other = bench.Make(1);
  const auto none = [&](auto&) -> Loaded {
    ++bench.loads;
    return std::nullopt;
  };
  bench.Expect(rows.GetOrLoad(bench.At(1), none), Outcome::kNegative, {}, "loaded");
  bench.Expect(other.GetOrLoad(bench.At(1), none), Outcome::kNegative, {}, "known");
  bench.say().Check(bench.loads == 1, "loaded once");
  bench.say().Check(other.Put(bench.At(1), "made").has_value(), "made");
  bench.Expect(rows.Get(bench.At(1)), Outcome::kHit, "made", "there is one now");
  bench.Expect(rows.GetOrLoad(bench.At(2), none), Outcome::kNegative, {}, "loaded");
  bench.say().Check(other.Invalidate(bench.At(2)).has_value(), "who creates it invalidates");
  bench.Expect(rows.Get(bench.At(2)), Outcome::kMiss, {}, "not known any more");
}

void StaleIsServed(Bench& bench) {
  const Rows rows = bench.Make(0, {.ttl = 1h, .stale_for = 1h, .retry_after = Millis(60'000)});
  bench.say().Check(rows.Put(bench.At(1), "old").has_value(), "stored");
  bench.say().Check(rows.Expire(bench.At(1)).has_value(), "expired");
  bench.Expect(bench.Make(1).Get(bench.At(1)), Outcome::kStale, "old", "stale");
  bench.Expect(bench.Make(1).GetOrLoad(bench.At(1), bench.Row("new")), Outcome::kLoaded, "new",
               "loaded anew");
  // By its time.
  const Rows brief = bench.Make(2, {.ttl = 30ms, .stale_for = 1h});
  bench.say().Check(brief.Put(bench.At(2), "old").has_value(), "stored");
  bench.say().Check(Eventually([&] {
                      const auto got = rows.Get(bench.At(2));
                      return got && got->outcome == Outcome::kStale && got->value == "old";
                    }),
                    "it becomes stale");
  // A load that fails is answered by it.
  const auto failing = [](auto&) -> Loaded { return Fail(Errc::kLoader, "no database"); };
  bench.Expect(rows.GetOrLoad(bench.At(2), failing), Outcome::kFallback, "old", "fall-back");
  // Nobody tries for a while.
  bench.Expect(bench.Make(3).GetOrLoad(bench.At(2), bench.Row("new")), Outcome::kStale, "old",
               "throttled");
  // And it goes by its time.
  const Rows gone = bench.Make(2, {.ttl = 10ms, .stale_for = 10ms});
  bench.say().Check(gone.Put(bench.At(3), "old").has_value(), "stored");
  bench.say().Check(Eventually([&] {
                      const auto got = rows.Get(bench.At(3));
                      return got && got->outcome == Outcome::kMiss;
                    }),
                    "it goes");
}

void Tags(Bench& bench) {
  const Rows rows = bench.Make(0, {.ttl = 1h, .stale_for = 1h, .tags = {bench.TagName()}});
  const Rows writer = bench.Make(1);
  bench.Expect(rows.GetOrLoad(bench.At(1), bench.Row("a")), Outcome::kLoaded, "a", "first");
  bench.Expect(rows.Get(bench.At(1)), Outcome::kHit, "a", "hit");
  bench.say().Check(writer.InvalidateTag(bench.TagName()).has_value(), "bumped");
  bench.Expect(rows.Get(bench.At(1)), Outcome::kStale, "a", "stale by its tag");
  bench.Expect(rows.GetOrLoad(bench.At(1), bench.Row("b")), Outcome::kLoaded, "b", "anew");
  bench.Expect(rows.Get(bench.At(1)), Outcome::kHit, "b", "fresh after the bump");
  bench.say().Check(writer.InvalidateTag(bench.TagName(), Bump::kHard).has_value(), "bumped");
  bench.Expect(rows.Get(bench.At(1)), Outcome::kMiss, {}, "gone by its tag");
  // Of a load that is under way, also by a tag that nobody had heard of.
  const Rows late = bench.Make(2, {.ttl = 1h, .tags = {bench.TagName() + ":new"}});
  const auto got = late.GetOrLoad(bench.At(2), [&](auto&) -> Loaded {
    writer.InvalidateTag(bench.TagName() + ":new").value();
    return "old";
  });
  bench.say().Check(got && !got->is_cached, "the fill is void");
  bench.Expect(late.Get(bench.At(2)), Outcome::kMiss, {}, "not kept");
}

void Versions(Bench& bench) {
  const Rows rows = bench.Make(0);
  const Rows other = bench.Make(1);
  constexpr Version kHuge = 9'007'199'254'740'993;  // not a double
  const auto put = [&](std::string value, Version version) {
    const auto mark = other.Put(bench.At(1), value, {.version = version});
    return mark && mark->is_applied;
  };
  bench.say().Check(put("five", 5) && !put("four", 4) && put("five", 5), "an older one is refused");
  bench.Expect(rows.Get(bench.At(1), {.min_version = 6}), Outcome::kMiss, {}, "too old");
  bench.Expect(rows.Get(bench.At(1), {.min_version = 5}), Outcome::kHit, "five", "new enough");
  bench.say().Check(put("huge", kHuge) && !put("less", kHuge - 1), "digits count");
  const auto old_delete = rows.Invalidate(bench.At(1), 7);
  bench.say().Check(old_delete && !old_delete->is_applied, "an older delete is refused");
  const auto deleted = rows.Invalidate(bench.At(1), kHuge + 1);
  bench.say().Check(deleted && deleted->is_applied, "deleted");
  bench.say().Check(!put("back", kHuge + 1) && put("new", kHuge + 2), "the tombstone holds");
  const auto got = rows.Get(bench.At(1));
  bench.say().Check(got && got->version == kHuge + 2, "the version is told");
}

void Clear(Bench& bench) {
  using Cleared = TypedCache<std::string, ClearKey>;
  const Cleared rows(bench.store(0), {.policy = {.ttl = 1h}});
  const Cleared other(bench.store(1), {.policy = {.ttl = 1h}});
  const ClearKey key(bench.run(), 1);
  bench.say().Check(
      bench.store(1).client().Call(Command("NAMESPACE.SET", ClearKey::Prefix())).has_value(),
      "declared");
  bench.say().Check(rows.Put(key, "old").has_value(), "stored");
  bench.Expect(rows.Get(key), Outcome::kHit, "old", "hit");
  bench.say().Check(rows.Clear().has_value(), "cleared");
  bench.Expect(rows.Get(key), Outcome::kMiss, {}, "cleared");
  const auto got = rows.GetOrLoad(key, [&](auto&) -> Loaded {
    bench.say().Check(other.Clear().has_value(), "cleared meanwhile");
    return "old";
  });
  bench.say().Check(got && !got->is_cached, "a load from before is not kept");
  bench.Expect(rows.Get(key), Outcome::kMiss, {}, "not kept");
  bench.Expect(rows.GetOrLoad(key, bench.Row("new")), Outcome::kLoaded, "new", "anew");
  bench.Expect(rows.Get(key), Outcome::kHit, "new", "kept");
}

void Bulk(Bench& bench) {
  constexpr std::int64_t kKeys = 20;
  const Rows rows = bench.Make(0);
  std::vector<RowKey> keys;
  for (std::int64_t n = 0; n < kKeys; ++n) {
    keys.push_back(bench.At(n));
    if (n % 2 == 0) bench.say().Check(rows.Put(bench.At(n), "put").has_value(), "stored");
  }
  std::size_t asked = 0;
  const auto loader = [&](auto& context) -> Result<std::vector<std::optional<std::string>>> {
    asked += context.keys.size();
    return std::vector<std::optional<std::string>>(context.keys.size(), "loaded");
  };
  for (int round = 0; round < 2; ++round) {
    const auto got = bench.Make(1).GetOrLoadMany(keys, loader);
    if (!got) return bench.say().Check(false, got.error().detail);
    for (std::size_t n = 0; n < got->size(); ++n)
      bench.say().Check((*got)[n].value == (n % 2 == 0 ? "put" : "loaded"), "each its value");
  }
  bench.say().Check(asked == kKeys / 2, "only the missing ones, once");
}

void FailedLoadIsPassedOn(Bench& bench) {
  std::atomic<bool> may_fail{false};
  const Rows first = bench.Make(0);
  const Rows second = bench.Make(1);
  Thread loser("loser", [&] {
    const auto got = first.GetOrLoad(bench.At(1), [&](auto&) -> Loaded {
      ++bench.loads;
      Eventually([&] { return may_fail.load(); });
      return Fail(Errc::kLoader, "no database");
    });
    bench.say().Check(!got && got.error().code == Errc::kLoader, "its caller is told");
  });
  Eventually([&] { return bench.loads == 1; });
  const auto waits =
      bench.store(2).client().Call(Command("CACHE.GET", bench.At(1).text(), "LEASE", 1000));
  bench.say().Check(waits && waits->elements()[0].text() == "loading", "one loads");
  may_fail = true;
  bench.Expect(second.GetOrLoad(bench.At(1), bench.Row("row")), Outcome::kLoaded, "row",
               "the next");
  loser.Join();
}

void DeadLoadersLeaseEnds(Bench& bench) {
  const std::string key = bench.At(1).text();
  const auto dead = bench.store(1).client().Call(Command("CACHE.GET", key, "LEASE", 300));
  if (!dead) return bench.say().Check(false, dead.error().detail);
  bench.say().Check(!dead->elements()[2].is_null(), "it has the lease");
  const Rows rows = bench.Make(0);
  bench.Expect(rows.GetOrLoad(bench.At(1), bench.Row("row")), Outcome::kLoaded, "row", "the next");
  const std::int64_t token = dead->elements()[2].AsInteger().value_or(0);
  const auto late = bench.store(1).client().Call(Command("CACHE.SET", key, "late", "TOKEN", token));
  bench.say().Check(late && late->text() == "VOID", "the dead one's fill is void");
}

// A loader of a synchronous call is on its caller's thread, not on the client's own, where a call
// of the store would wait for itself: also in a bulk call, and if another had the lease first.
void LoadersMayAskTheStore(Bench& bench) {
  const Rows rows = bench.Make(0);
  const std::string beside = bench.At(100).text();
  const auto ask = [&] {
    const auto reply = bench.store(0).client().Call(Command("SET", beside, "x", "EX", 60));
    bench.say().Check(reply.has_value(), "the loader asks the store");
  };
  const auto bulk = [&](auto& context) -> Result<std::vector<std::optional<std::string>>> {
    ask();
    return std::vector<std::optional<std::string>>(context.keys.size(), "row");
  };
  const auto got = rows.GetOrLoadMany({bench.At(1), bench.At(2)}, bulk);
  bench.say().Check(got && (*got)[1].value == "row" && (*got)[1].is_cached, "loaded");
  for (const bool is_bulk : {false, true}) {
    const RowKey key = bench.At(is_bulk ? 4 : 3);
    bench.store(1).client().Call(Command("CACHE.GET", key.text(), "LEASE", 300)).value();
    if (is_bulk) {
      const auto waited = rows.GetOrLoadMany({key}, bulk);
      bench.say().Check(waited && (*waited)[0].value == "row", "loaded after the wait");
      continue;
    }
    const auto waited = rows.GetOrLoad(key, [&](auto&) -> Loaded {
      ask();
      return "row";
    });
    bench.say().Check(waited && waited->value == "row", "loaded after the wait");
  }
}

// Another type under a cache's key is a miss, on every store, and stays.
void WhatIsNoneOfOursIsAMiss(Bench& bench) {
  const Rows rows = bench.Make(0);
  Client& client = bench.store(1).client();
  const Command makers[] = {Command("RPUSH", bench.At(1).text(), "a", "b"),
                            Command("HSET", bench.At(2).text(), "field", "value"),
                            Command("XADD", bench.At(3).text(), "*", "field", "value")};
  for (std::int64_t n = 1; n <= 3; ++n) {
    client.Call(makers[n - 1]).value();
    const auto type = client.Call(Command("TYPE", bench.At(n).text())).value();
    bench.Expect(rows.Get(bench.At(n)), Outcome::kMiss, {}, "another type");
    for (int i = 0; i < 2; ++i) {
      const auto got = rows.GetOrLoad(bench.At(n), bench.Row("row"));
      bench.Expect(got, Outcome::kLoaded, "row", "another type");
      bench.say().Check(got && !got->is_cached, "it is not kept");
    }
    const auto many = rows.GetOrLoadMany(
        {bench.At(n), bench.At(n + 10)},
        [](auto& context) -> Result<std::vector<std::optional<std::string>>> {
          return std::vector<std::optional<std::string>>(context.keys.size(), "row");
        });
    bench.say().Check(many && !(*many)[0].is_cached && (*many)[1].is_cached, "the one of two");
    const auto now = client.Call(Command("TYPE", bench.At(n).text())).value();
    bench.say().Check(type.text() == now.text(), "it stays");
  }
  bench.say().Check(rows.Put(bench.At(1), "put").has_value(), "a put replaces it");
  bench.Expect(rows.Get(bench.At(1)), Outcome::kHit, "put", "a put replaces it");
}

// Who waits at the server gets the next lease, or the value.
void WaitersAreServed(Bench& bench) {
  const std::string key = bench.At(1).text();
  if (!bench.store(0).capabilities().waiting) return;
  const auto ask = [&](std::size_t process, int wait_ms) {
    return bench.store(process).client().Call(
        Command("CACHE.GET", key, "LEASE", 60'000, "WAIT", wait_ms));
  };
  const auto lease = ask(0, 0);
  if (!lease) return bench.say().Check(false, lease.error().detail);
  const std::int64_t token = lease->elements()[2].AsInteger().value_or(0);
  const auto in_vain = ask(1, 40);
  bench.say().Check(in_vain && in_vain->elements()[0].text() == "loading", "nobody has come");
  std::atomic<int> served{0};
  std::vector<Thread> waiters;
  for (std::size_t i = 0; i < kProcesses; ++i) {
    waiters.emplace_back("waiter", [&, i] {
      const auto got = ask(i, 10'000);
      if (got && got->elements()[1].text() == "row") ++served;
    });
  }
  bench.store(0).client().Call(Command("CACHE.SET", key, "row", "TOKEN", token)).value();
  for (Thread& waiter : waiters) waiter.Join();
  bench.say().Check(served == static_cast<int>(kProcesses), "all have the value");
}

void LockWaits(Bench& bench) {
  const std::string key = "{cachecheck:" + bench.run() + "}lock";
  const auto acquire = [&](std::size_t process, std::string_view owner, int wait_ms) {
    return bench.store(process).client().Call(
        Command("LOCK.ACQUIRE", key, owner, 60'000, "WAIT", wait_ms));
  };
  const auto first = acquire(0, "a", 0);
  bench.say().Check(first && !first->is_null(), "granted");
  const auto in_vain = acquire(1, "b", 40);
  bench.say().Check(in_vain && in_vain->is_null(), "held");
  std::atomic<std::int64_t> fence{0};
  Thread waiter("waiter", [&] {
    const auto next = acquire(1, "b", 10'000);
    if (next) fence = next->AsInteger().value_or(-1);
  });
  bench.store(0).client().Call(Command("LOCK.RELEASE", key, "a")).value();
  waiter.Join();
  bench.say().Check(first && fence > first->AsInteger().value_or(0), "the next, a greater fence");
}

}  // namespace

Cases CacheCases(const std::vector<std::string>& uris) {
  struct Row {
    std::string_view name;
    void (*run)(Bench&);
  };
  constexpr Row kRows[] = {
      {"HitAndMiss", HitAndMiss},
      {"FiftyCallersLoadOnce", FiftyCallersLoadOnce},
      {"StaleSetIsRefused", StaleSetIsRefused},
      {"Absence", Absence},
      {"StaleIsServed", StaleIsServed},
      {"Tags", Tags},
      {"Versions", Versions},
      {"Clear", Clear},
      {"Bulk", Bulk},
      {"FailedLoadIsPassedOn", FailedLoadIsPassedOn},
      {"DeadLoadersLeaseEnds", DeadLoadersLeaseEnds},
      {"LoadersMayAskTheStore", LoadersMayAskTheStore},
      {"WhatIsNoneOfOursIsAMiss", WhatIsNoneOfOursIsAMiss},
      {"WaitersAreServed", WaitersAreServed},
      {"LockWaits", LockWaits},
  };
  Cases cases;
  for (const Row& row : kRows) {
    cases.push_back({row.name, [uri = uris[0], run = row.run](Complaints& say) {
                       Bench bench(uri, say);
                       run(bench);
                     }});
  }
  return cases;
}

}  // namespace cairn::cache::checks
