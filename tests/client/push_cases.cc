// SPDX-License-Identifier: BSD-3-Clause
// What a server tells by itself: messages and invalidations, also over lost connections.
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
          {"Broadcast", with(Broadcast)}};
}

}  // namespace cairn::cache::checks
