// SPDX-License-Identifier: BSD-3-Clause
// What is particular to Redis and Valkey as stores: that nothing by which others change keys gets
// round a lease, that what is lost counts as out of date, and the ways by which scripts get there.
#include <atomic>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "base/text.h"
#include "cairn/task.h"
#include "foreign/scripts.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

class Desk {
 public:
  Desk(const std::string& uri, Complaints& say)
      : uri_(uri), say_(say), store_(OpenOrDie(uri)), run_(SecureRandomHex(12)) {}

  const std::string& uri() const { return uri_; }
  bool is_cluster() const { return uri_.find("cluster") != std::string::npos; }
  bool is_one_server() const { return uri_.starts_with("redis://"); }
  Store& store() { return store_; }
  Client& client() { return store_.client(); }
  Complaints& say() { return say_; }
  std::string Key(std::string_view name) const { return "{f" + run_ + "}" + std::string(name); }
  Result<Reply> Call(const Command& command) { return client().Call(command, {.timeout = 20s}); }
  // What the command replies, as text; its elements if it has any.
  std::string Told(const Command& command) { return Tell(Call(command)); }
  static std::string Tell(const Result<Reply>& reply) {
    if (!reply || reply->elements().empty()) return Show(reply);
    return std::string(reply->elements()[0].text());
  }
  void Expect(std::string_view got, std::string_view wanted, std::string_view what) {
    say_.Check(got == wanted,
               std::string(what) + ": " + std::string(got) + ", not " + std::string(wanted));
  }
  // A lease's token; empty if there was none.
  std::string Lease(const std::string& key, int lease_ms = 60'000) {
    const auto got = Call(Command("CACHE.GET", key, "LEASE", lease_ms));
    if (!got || got->elements().size() < 3 || got->elements()[2].is_null()) return {};
    return std::to_string(got->elements()[2].AsInteger().value_or(0));
  }

 private:
  const std::string uri_;
  Complaints& say_;
  Store store_;
  const std::string run_;
};

void PlainWritesVoidTheLease(Desk& desk) {
  const std::string key = desk.Key("k");
  const std::vector<Command> writes = {Command("SET", key, "x"), Command("DEL", key),
                                       Command("UNLINK", key), Command("LPUSH", key, "x"),
                                       Command("PEXPIRE", key, 0)};
  for (const Command& write : writes) {
    desk.Call(Command("DEL", key)).value();
    const std::string token = desk.Lease(key);
    // Where there is a lease, it is a hash: a list's command is refused by it, which is safe.
    const auto written = desk.Call(write);
    const bool is_refused = !written && written.error().server_code() == "WRONGTYPE";
    desk.Expect(desk.Told(Command("CACHE.SET", key, "old", "TOKEN", token)),
                is_refused ? "OK" : "VOID", write[0]);
  }
}

void LeasesDoNotComeTwice(Desk& desk) {
  const std::string key = desk.Key("k");
  std::int64_t last = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string token = desk.Lease(key);
    const std::int64_t number = ParseInt64(token).value_or(0);
    desk.say().Check(number > last, "tokens grow");
    last = number;
    desk.Call(Command("DEL", key)).value();
  }
}

void LostTagsCountAsBumped(Desk& desk) {
  const std::string tag = desk.Key("tag");
  const auto set = [&](std::string_view name) {
    return desk.Told(Command("CACHE.SET", desk.Key(name), "v", "TAGS", 1, tag));
  };
  desk.Expect(set("a"), "OK", "stored");
  desk.Expect(desk.Told(Command("CACHE.SET", desk.Key("b"), "v")), "OK", "stored without");
  const std::string token = desk.Lease(desk.Key("c"));
  desk.Expect(desk.Told(Command("CACHE.GET", desk.Key("a"))), "fresh", "there");
  desk.Call(Command("DEL", foreign::kTagsKey)).value();
  desk.Expect(desk.Told(Command("CACHE.GET", desk.Key("a"), "STALE")), "miss", "out of date");
  desk.Expect(desk.Told(Command("CACHE.GET", desk.Key("b"))), "fresh", "it has no tag");
  desk.Expect(desk.Told(Command("CACHE.SET", desk.Key("c"), "v", "TOKEN", token, "TAGS", 1, tag)),
              "VOID", "who knows whether it was bumped meanwhile");
  desk.Expect(set("a"), "OK", "stored anew");
  desk.Expect(desk.Told(Command("CACHE.GET", desk.Key("a"))), "fresh", "a new life");
}

// Beyond the limit of tags what was forgotten counts as bumped, softly here.
void ForgottenTagsCountAsBumped(Desk& desk) {
  const std::string key = desk.Key("k");
  const Command set("CACHE.SET", key, "v", "TAGS", 1, desk.Key("tag"));
  desk.Expect(desk.Told(set), "OK", "stored");
  constexpr int kCommands = 70;
  constexpr int kTags = 1000;
  for (int i = 0; i < kCommands; ++i) {
    Command bump("TAG.BUMP", "SOFT");
    for (int n = 0; n < kTags; ++n) bump.Add("x" + std::to_string(i * kTags + n));
    desk.say().Check(desk.Call(bump).has_value(), "bumped");
  }
  const auto size = desk.Call(Command("HLEN", foreign::kTagsKey));
  desk.say().Check(size && size->AsInteger().value_or(0) <= 65'536, "there is a limit");
  desk.Expect(desk.Told(Command("CACHE.GET", key, "STALE")), "stale", "as if bumped");
  desk.Expect(desk.Told(set), "OK", "stored anew");
  desk.Expect(desk.Told(Command("CACHE.GET", key)), "fresh", "new");
}

void ScriptsAreSentAgain(Desk& desk) {
  const std::string key = desk.Key("k");
  for (int i = 0; i < 3; ++i) {
    if (i > 0) desk.Call(Command("SCRIPT", "FLUSH")).value();
    if (i == 2) {
      const std::vector<Command> commands = {Command("CACHE.SET", key, "p"),
                                             Command("CACHE.GET", key),
                                             Command("INCR", desk.Key("n"))};
      const Replies replies = desk.client().Pipeline(commands);
      desk.Expect(Desk::Tell(replies[0]), "OK", "the first");
      // In a cluster a fill takes more than one step.
      if (!desk.is_cluster())
        desk.Expect(replies[1] ? replies[1]->elements()[1].text() : "", "p", "in their order");
      desk.Expect(Show(replies[2]), "1", "with others between");
      continue;
    }
    desk.Expect(desk.Told(Command("CACHE.SET", key, "v")), "OK", "set");
    desk.Expect(desk.Told(Command("CACHE.GET", key)), "fresh", "get");
  }
}

void Coroutines(Desk& desk) {
  const std::string key = desk.Key("k");
  Client& client = desk.client();
  const auto both = [&]() -> Task<std::string> {
    const Command set("CACHE.SET", key, "v", "VER", 7);
    const Result<Reply> stored = co_await client.CoCall(set);
    std::vector<Command> commands = {Command("CACHE.GET", key), Command("CACHE.FAIL", key, "x"),
                                     Command("CACHE.STALE", key, desk.Key("none"))};
    Replies replies = co_await client.CoPipeline(std::move(commands));
    co_return Show(stored) + Desk::Tell(replies[0]) + Show(replies[1]).substr(0, 7) +
        Show(replies[2]);
  };
  desk.Expect(SyncWait(both()), "OKfresh<server1", "all of them");
}

void Transactions(Desk& desk) {
  const std::string key = desk.Key("k");
  const std::vector<Command> of_cache = {Command("CACHE.SET", key, "v", "VER", 7),
                                         Command("CACHE.GET", key), Command("INCR", desk.Key("n"))};
  const auto done = desk.client().Transaction(of_cache);
  if (desk.is_cluster()) {
    desk.say().Check(!done && done.error().code == Errc::kUnsupported, "told that it cannot be");
  } else if (!done) {
    desk.say().Check(false, done.error().detail);
  } else {
    desk.Expect((*done)[0].text(), "OK", "set");
    desk.say().Check((*done)[1].elements()[3] == Reply::Integer(7), "numbers are numbers");
    desk.say().Check((*done)[2] == Reply::Integer(1), "others, too");
  }
  // Of what needs one slot only, also if it is decided by what was read.
  const std::vector<std::string> keys = {desk.Key("watched")};
  const auto optimistic =
      desk.client().Transaction(keys, [&](Connection& connection) -> Result<std::vector<Command>> {
        const auto free = connection.Call(Command("LOCK.INFO", desk.Key("lock")));
        if (!free || !free->is_null()) return Fail(Errc::kInvalid, Show(free));
        return std::vector<Command>{Command("LOCK.ACQUIRE", desk.Key("lock"), "me", 60'000),
                                    Command("LIMIT.FIXED", desk.Key("l"), 5, 60'000),
                                    Command("LOCK.INFO", desk.Key("lock"))};
      });
  if (!optimistic) return desk.say().Check(false, optimistic.error().detail);
  desk.say().Check((*optimistic)[0].AsInteger().value_or(0) > 0, "a fence");
  desk.say().Check((*optimistic)[1].elements().size() == 5, "five numbers");
  desk.say().Check((*optimistic)[2].Find("owner") != nullptr, "a map");
}

void ClosingEndsWhoWaits(Desk& desk) {
  const std::string key = desk.Key("lock");
  desk.Call(Command("LOCK.ACQUIRE", key, "a", 60'000)).value();
  Event ended;
  std::atomic<int> code{-1};
  {
    const Store store = OpenOrDie(desk.uri());
    store.client().Start(Command("LOCK.ACQUIRE", key, "b", 60'000, "WAIT", 60'000), {},
                         [&](Result<Reply> reply) {
                           code = reply ? -2 : static_cast<int>(reply.error().code);
                           ended.Notify();
                         });
    // So long that it has asked more than once.
    Eventually([&, asked = 0]() mutable { return ++asked == 6; });
  }
  ended.WaitFor(10'000'000);
  desk.say().Check(code == static_cast<int>(Errc::kClosed), "kClosed, not " + std::to_string(code));
}

void WaitingHasADeadline(Desk& desk) {
  const std::string key = desk.Key("lock");
  desk.Call(Command("LOCK.ACQUIRE", key, "a", 60'000)).value();
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = desk.client().Call(Command("LOCK.ACQUIRE", key, "b", 60'000, "WAIT", 60'000),
                                          {.stop = stop.get_token()});
  desk.say().Check(!stopped && stopped.error().code == Errc::kCancelled, "cancelled");
  const auto late = desk.client().Call(Command("LOCK.ACQUIRE", key, "b", 60'000, "WAIT", 60'000),
                                       {.deadline = desk.store().clock().Now() + 50ms});
  desk.say().Check(!late && late.error().code == Errc::kTimeout, "too late: " + Show(late));
}

void FencesOutliveTheirLocks(Desk& desk) {
  const std::string key = desk.Key("lock");
  std::int64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    std::int64_t fence = 0;
    desk.say().Check(Eventually([&] {
                       const auto got =
                           desk.Call(Command("LOCK.ACQUIRE", key, std::to_string(i), 20));
                       fence = got ? got->AsInteger().value_or(0) : 0;
                       return fence != 0;
                     }),
                     "the last one's time is over");
    desk.say().Check(fence > last, "fences grow");
    last = fence;
    // Also if the counter is lost: the clock has gone on.
    if (i == 1 && !desk.is_cluster()) desk.Call(Command("DEL", "cairn:fence")).value();
  }
}

void WriteBehindIsRefusedWhereItIsEvicted(Desk& desk) {
  if (!desk.is_one_server()) return;
  desk.Call(Command("CONFIG", "SET", "maxmemory", "1gb")).value();
  desk.Call(Command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")).value();
  {
    const Store store = OpenOrDie(desk.uri());
    const auto got =
        store.client().Call(Command("CACHE.SET", desk.Key("k"), "v", "BEHIND", desk.Key("log")));
    desk.say().Check(!got && got.error().code == Errc::kUnsupported, "refused");
    desk.say().Check(!store.capabilities().write_behind, "and told before");
  }
  desk.Call(Command("CONFIG", "SET", "maxmemory-policy", "noeviction")).value();
  desk.Call(Command("CONFIG", "SET", "maxmemory", "0")).value();
  desk.say().Check(desk.store().capabilities().write_behind, "else there is write-behind");
}

void FullMemoryRefusesFillsOnly(Desk& desk) {
  if (!desk.is_one_server()) return;
  const std::string tag = desk.Key("tag");
  desk.Call(Command("CACHE.SET", desk.Key("a"), "v", "TAGS", 1, tag)).value();
  desk.Call(Command("CACHE.SET", desk.Key("b"), "v")).value();
  desk.Call(Command("CONFIG", "SET", "maxmemory", "1")).value();
  for (const std::string_view name : {"new", "a"}) {
    const auto fill = desk.Call(Command("CACHE.SET", desk.Key(name), "x"));
    desk.say().Check(!fill && fill.error().server_code() == "OOM", "a fill: " + Show(fill));
  }
  desk.Expect(desk.Told(Command("CACHE.GET", desk.Key("c"), "LEASE", 1000)), "capped", "a lease");
  desk.Expect(desk.Told(Command("CACHE.GET", desk.Key("a"))), "fresh", "a hit");
  desk.Expect(desk.Told(Command("TAG.BUMP", "HARD", tag)), "1", "a bump");
  desk.Expect(desk.Told(Command("CACHE.GET", desk.Key("a"))), "miss", "it is out of date");
  desk.Expect(desk.Told(Command("CACHE.DEL", desk.Key("b"), "VER", 5)), "OK", "a delete");
  desk.Expect(desk.Told(Command("CACHE.GET", desk.Key("b"))), "miss", "it is deleted");
  desk.Call(Command("CONFIG", "SET", "maxmemory", "0")).value();
  desk.Expect(desk.Told(Command("CACHE.SET", desk.Key("b"), "x", "VER", 4)), "OLD",
              "its tombstone");
}

// Its key is held as long as its entry is in the log, and no longer.
void WhoLeavesTheLogIsLetGo(Desk& desk) {
  const std::string key = desk.Key("k");
  const auto id = desk.Call(Command("CACHE.SET", key, "v", "TTL", 1, "BEHIND", desk.Key("log")));
  if (!id) return desk.say().Check(false, id.error().detail);
  desk.say().Check(Eventually([&] {
                     const auto info = desk.Call(Command("CACHE.INFO", key));
                     return info && info->is_aggregate() && Show(*info->Find("expires-in")) == "0";
                   }),
                   "its time is over");
  desk.Expect(desk.Told(Command("CACHE.GET", key)), "fresh", "its time is long over, but it waits");
  desk.Expect(Show(desk.Call(Command("PTTL", key))), "-1", "no expiry");
  desk.Expect(Show(desk.Call(Command("XDEL", desk.Key("log"), id->text()))), "1", "taken out");
  desk.Expect(desk.Told(Command("CACHE.GET", key)), "miss", "let go");
}

void NearCachesAreTold(Desk& desk) {
  if (!desk.store().capabilities().tracking) return;
  const std::string key = desk.Key("k");
  desk.Call(Command("CACHE.SET", key, "v", "TAGS", 1, desk.Key("tag"))).value();
  std::atomic<int> all{0};
  std::atomic<int> keys{0};
  auto tracking = desk.client().Track({}, [&](const Invalidation& told) {
    if (told.kind == Invalidation::Kind::kAll) ++all;
    for (const std::string& one : told.keys) keys += one == key ? 1 : 0;
  });
  if (!tracking) return desk.say().Check(false, tracking.error().detail);
  const auto read = (*tracking)->Call(Command("CACHE.GET", key));
  desk.Expect(Desk::Tell(read), "fresh", "read by way of it");
  desk.Call(Command("TAG.BUMP", "SOFT", desk.Key("tag"))).value();
  desk.say().Check(Eventually([&] { return all > 0; }), "told of the bump");
  (*tracking)->Call(Command("CACHE.GET", key)).value();
  desk.Call(Command("CACHE.DEL", key)).value();
  desk.say().Check(Eventually([&] { return keys > 0; }), "told of the key");
}

void OthersAreTold(Desk& desk) {
  const auto purge = desk.Call(Command("CACHE.PURGE", "START", "*"));
  desk.say().Check(!purge && purge.error().code == Errc::kUnsupported, "CACHE.PURGE");
  const std::string key = desk.Key("plain");
  desk.Call(Command("SET", key, "text")).value();
  const auto got = desk.Call(Command("CACHE.GET", key, "LEASE", 1000));
  desk.Expect(got ? got->elements()[1].text() : "", "text", "a plain string is a value");
  desk.Expect(desk.Told(Command("CACHE.GET", key, "LEASE", 1000, "MINVER", 2)), "capped",
              "without a version");
  desk.Expect(desk.Told(Command("CACHE.STALE", key, desk.Key("none"))), "1", "it is deleted");
  desk.Expect(desk.Told(Command("CACHE.GET", key)), "miss", "gone");
}

bool IsForeign(const std::string& uri) {
  const Capabilities::Kind kind = OpenOrDie(uri).capabilities().kind;
  return kind == Capabilities::Kind::kRedis || kind == Capabilities::Kind::kValkey;
}

}  // namespace

Cases ForeignStoreCases(const std::vector<std::string>& uris) {
  struct Row {
    std::string_view name;
    void (*run)(Desk&);
  };
  constexpr Row kRows[] = {
      {"PlainWritesVoidTheLease", PlainWritesVoidTheLease},
      {"LeasesDoNotComeTwice", LeasesDoNotComeTwice},
      {"LostTagsCountAsBumped", LostTagsCountAsBumped},
      {"ForgottenTagsCountAsBumped", ForgottenTagsCountAsBumped},
      {"ScriptsAreSentAgain", ScriptsAreSentAgain},
      {"Coroutines", Coroutines},
      {"Transactions", Transactions},
      {"ClosingEndsWhoWaits", ClosingEndsWhoWaits},
      {"WaitingHasADeadline", WaitingHasADeadline},
      {"FencesOutliveTheirLocks", FencesOutliveTheirLocks},
      {"WriteBehindIsRefusedWhereItIsEvicted", WriteBehindIsRefusedWhereItIsEvicted},
      {"FullMemoryRefusesFillsOnly", FullMemoryRefusesFillsOnly},
      {"WhoLeavesTheLogIsLetGo", WhoLeavesTheLogIsLetGo},
      {"NearCachesAreTold", NearCachesAreTold},
      {"OthersAreTold", OthersAreTold},
  };
  Cases cases;
  for (const Row& row : kRows) {
    cases.push_back({row.name, [uri = uris[0], run = row.run](Complaints& say) {
                       // At Cairn and within the process these commands are native.
                       if (!IsForeign(uri)) return;
                       Desk desk(uri, say);
                       run(desk);
                     }});
  }
  return cases;
}

}  // namespace cairn::cache::checks
