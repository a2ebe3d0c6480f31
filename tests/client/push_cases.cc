// SPDX-License-Identifier: BSD-3-Clause
// What a server tells by itself: messages and invalidations, also over lost connections.
#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "client/client_check.h"

namespace cairn::cache::checks {
namespace {

// What handlers were told, by any thread.
class Heard {
 public:
  void Add(const std::string& what) {
    const MutexLock hold(mutex_);
    ++counts_[what];
  }
  int Count(const std::string& what) {
    const MutexLock hold(mutex_);
    return counts_[what];
  }
  bool Waits(const std::string& what, int count = 1) {
    return Eventually([&] { return Count(what) >= count; });
  }

 private:
  Mutex mutex_;
  std::map<std::string, int> counts_ GUARDED_BY(mutex_);
};

void Messages(const Store& store, Complaints& say) {
  Client& client = store.client();
  Heard heard;
  auto subscription = client.Subscribe(
      {.channels = {"news"}, .patterns = {"w*"}, .on_gap = [&] { heard.Add("gap"); }},
      [&](const Message& message) {
        // A handler may call.
        client.Call(Command("PING")).value();
        heard.Add(message.channel + "/" + message.payload + "/" + message.pattern);
      });
  say.Check(subscription.has_value(), "Subscribe");
  client.Call(Command("PUBLISH", "news", "a")).value();
  client.Call(Command("PUBLISH", "weather", "b")).value();
  say.Check(heard.Waits("news/a/"), "a message");
  say.Check(heard.Waits("weather/b/w*"), "by a pattern");
  const auto killed = client.Call(Command("CLIENT", "KILL", "TYPE", "pubsub"));
  say.Check(killed && killed->AsInteger().value() >= 1, "KILL: " + Show(killed));
  say.Check(heard.Waits("gap"), "the gap is told");
  client.Call(Command("PUBLISH", "news", "c")).value();
  say.Check(heard.Waits("news/c/"), "subscribed again");
  subscription->reset();
  say.Check(Eventually([&] {
              return client.Call(Command("PUBLISH", "news", "d"))->AsInteger().value() == 0;
            }),
            "gone");
  say.Check(heard.Count("news/d/") == 0, "nothing after the end");
}

void RefusedSubscription(const Store& store, Complaints& say) {
  Client& client = store.client();
  const auto nothing = client.Subscribe({.shard_channels = {"x"}}, [](const Message&) {});
  // A server without sharded channels says so; one with them confirms.
  say.Check(nothing.has_value() || nothing.error().code == Errc::kServer, "SSUBSCRIBE");
}

void Track(const Store& store, Complaints& say) {
  Client& client = store.client();
  Heard heard;
  std::atomic<std::uint64_t> told{0};
  auto tracking = client.Track({}, [&](const Invalidation& invalidation) {
    if (invalidation.kind == Invalidation::Kind::kEpoch) told.store(invalidation.epoch);
    if (invalidation.kind == Invalidation::Kind::kAll) heard.Add("all");
    for (const std::string& key : invalidation.keys) heard.Add(key);
  });
  say.Check(tracking.has_value(), "Track");
  if (!tracking) return;
  Tracking& reads = **tracking;
  const std::uint64_t first = reads.epoch();
  say.Check(first != 0 && told.load() == first, "an epoch");
  client.Call(Command("SET", "k", "1")).value();
  say.Equal(Show(reads.Call(Command("GET", "k"))), std::string("1"), "a read");
  client.Call(Command("SET", "unread", "1")).value();
  client.Call(Command("SET", "k", "2")).value();
  say.Check(heard.Waits("k"), "an invalidation");
  say.Check(heard.Count("unread") == 0, "of what was read only");
  reads.Call(Command("GET", "k")).value();
  client.Call(Command("FLUSHALL")).value();
  say.Check(heard.Waits("all"), "FLUSHALL");
  // The connection that tracks goes; a plain call may hit the moment at which its own goes.
  (void)client.Call(Command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"));
  say.Check(Eventually([&] { return reads.epoch() > first; }), "a new epoch");
  say.Check(told.load() > first, "it is told");
  client.Call(Command("SET", "k", "3")).value();
  reads.Call(Command("GET", "k")).value();
  const int before = heard.Count("k");
  client.Call(Command("SET", "k", "4")).value();
  say.Check(heard.Waits("k", before + 1), "invalidations of the new epoch");
}

// Nothing but reads whose replies may be kept goes by the connection that is tracked, and the
// server knows each of them as a read: others it does not track.
void OnlyReadsThatMayBeKept(const Store& store, Complaints& say) {
  Client& client = store.client();
  const auto tracking = client.Track({}, [](const Invalidation&) {});
  if (!tracking) return say.Check(false, "Track: " + tracking.error().detail);
  client.Call(Command("DEL", "kept")).value();
  for (const Command& command :
       {Command("SET", "kept", "v"), Command("INCR", "kept"), Command("TTL", "kept"),
        Command("RANDOMKEY"), Command("SRANDMEMBER", "kept"), Command("SCAN", 0), Command("TIME"),
        Command("EVAL", "return 1", 0), Command("BLPOP", "kept", 1), Command("SELECT", 1),
        Command("CACHE.GET", "kept", "LEASE", 10, "WAIT", 10)}) {
    const Result<Reply> refused = (*tracking)->Call(command);
    say.Check(!refused && refused.error().code == Errc::kInvalid,
              std::string(command[0]) + ": " + Show(refused));
  }
  say.Equal(Show(client.Call(Command("EXISTS", "kept"))), std::string("0"), "nothing was sent");
  const Result<Reply> commands = client.Call(Command("COMMAND"));
  if (!commands) return say.Check(false, "COMMAND: " + Show(commands));
  for (const Reply& row : commands->elements()) {
    const std::string name(row.elements()[0].text());
    // The answer to the name alone is of no matter, but it must be the server's.
    const Result<Reply> answer = (*tracking)->Call(Command(name));
    if (!answer && answer.error().code == Errc::kInvalid) continue;
    const auto flags = row.elements()[2].elements();
    say.Check(
        std::ranges::any_of(flags, [](const Reply& flag) { return flag.text() == "readonly"; }),
        name + " is a read");
  }
  const auto with_scripts = client.Track({.scripts = true}, [](const Invalidation&) {});
  say.Check(with_scripts && (*with_scripts)->Call(Command("EVAL", "return 1", 0)).has_value(),
            "scripts, by who asks for them");
}

void Broadcast(const Store& store, Complaints& say) {
  Client& client = store.client();
  Heard heard;
  auto tracking = client.Track({.prefixes = {"user:"}}, [&](const Invalidation& invalidation) {
    for (const std::string& key : invalidation.keys) heard.Add(key);
  });
  say.Check(tracking.has_value(), "Track");
  client.Call(Command("SET", "user:1", "x")).value();
  client.Call(Command("SET", "other", "x")).value();
  client.Call(Command("SET", "user:2", "x")).value();
  say.Check(heard.Waits("user:2"), "the last");
  say.Check(heard.Count("user:1") == 1 && heard.Count("other") == 0, "those of the prefix");
}

}  // namespace

std::vector<Case> PushCases(const std::vector<std::string>& uris) {
  const Store store = OpenOrDie(uris[0]);
  const auto with = [store](void (*run)(const Store&, Complaints&)) {
    return [store, run](Complaints& say) { run(store, say); };
  };
  return {{"Messages", with(Messages)},
          {"RefusedSubscription", with(RefusedSubscription)},
          {"Track", with(Track)},
          {"OnlyReadsThatMayBeKept", with(OnlyReadsThatMayBeKept)},
          {"Broadcast", with(Broadcast)}};
}

}  // namespace cairn::cache::checks
