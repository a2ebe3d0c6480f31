// SPDX-License-Identifier: BSD-3-Clause
// Sentinels and clusters. For a cluster the URIs behind the first are those of its nodes, for
// moving slots about; for Sentinels the second is one of them.
#include <atomic>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "client/client_check.h"

namespace cairn::cache::checks {
namespace {

void Failover(const std::vector<std::string>& uris, Complaints& say) {
  const Store store = OpenOrDie(uris[0]);
  const Store sentinel = OpenOrDie(uris[1]);
  Client& client = store.client();
  const auto port = [&] {
    const Result<Reply> config = client.Call(Command("CONFIG", "GET", "port"));
    return config && config->Find("port") != nullptr ? std::string(config->Find("port")->text())
                                                     : std::string();
  };
  say.Check(client.Call(Command("SET", "k", "v")).has_value(), "SET");
  const std::string before = port();
  // Until the Sentinel has heard of the replica that it is fit.
  say.Check(Eventually([&] {
              return sentinel.client().Call(Command("SENTINEL", "FAILOVER", "cairn")).has_value();
            }),
            "SENTINEL FAILOVER");
  // The old master is alive, and a replica now: only its READONLY, or a lost connection, tells.
  say.Check(Eventually([&] {
              return client.Call(Command("SET", "k", "w")).has_value() && port() != before;
            }),
            "writes go to the new master");
  say.Equal(Show(client.Call(Command("GET", "k"))), std::string("w"), "GET");
  const auto unknown = Store::Open(uris[0].substr(0, uris[0].rfind('/')) + "/nobody");
  say.Check(!unknown && unknown.error().code == Errc::kUnreachable, "an unknown master");
}

std::vector<Command> Sets(int count) {
  std::vector<Command> commands;
  for (int i = 0; i < count; ++i) commands.emplace_back("SET", "key:" + std::to_string(i), i);
  return commands;
}

// The guide's pattern invalidation: DEL of whatever was found, at the node that has the first key.
void GuideDeletesOverSlots(const std::vector<std::string>& uris, Complaints& say) {
  for (std::size_t i = 1; i < uris.size(); ++i) {
    const Store node = OpenOrDie(uris[i]);
    const Result<Reply> deleted = node.client().Call(Command("DEL", "user:1", "user:2"));
    say.Check(!deleted && deleted.error().server_code() == "CROSSSLOT", Show(deleted));
  }
}

void ManySlots(const std::vector<std::string>& uris, const Store& store, Complaints& say) {
  GuideDeletesOverSlots(uris, say);
  say.Equal(Show(store.client().Call(Command("DEL", "user:1", "user:2"))), std::string("0"), "DEL");
  constexpr int kKeys = 300;
  Client& client = store.client();
  for (const Result<Reply>& reply : client.Pipeline(Sets(kKeys)))
    say.Check(reply.has_value(), "SET: " + Show(reply));
  Command mget("MGET");
  Command exists("EXISTS");
  Command unlink("UNLINK");
  for (int i = 0; i < kKeys; ++i) {
    mget.Add("key:" + std::to_string(i));
    exists.Add("key:" + std::to_string(i));
    unlink.Add("key:" + std::to_string(i));
  }
  mget.Add("none");
  exists.Add("none");
  const Result<Reply> values = client.Call(mget);
  say.Check(values && values->elements().size() == kKeys + 1, "MGET: " + Show(values));
  if (!values) return;
  for (int i = 0; i < kKeys; ++i)
    say.Check(values->elements()[i].text() == std::to_string(i), "the order of MGET");
  say.Check(values->elements()[kKeys].is_null(), "what is not there");
  say.Equal(Show(client.Call(exists)), std::to_string(kKeys), "EXISTS");
  say.Equal(Show(client.Call(unlink)), std::to_string(kKeys), "UNLINK");
  say.Equal(Show(client.Call(exists)), std::string("0"), "EXISTS behind it");
  say.Equal(Show(client.Call(Command("MSET", "a", 1, "b", 2, "c", 3))), std::string("OK"), "MSET");
  say.Equal(Show(client.Call(Command("DEL", "a", "b", "c", "d"))), std::string("3"), "DEL");
}

// Keys of all nodes, read and changed; then a node's connections are lost.
void TracksOnEveryNode(const std::vector<std::string>& uris, const Store& store, Complaints& say) {
  constexpr int kKeys = 60;
  Client& client = store.client();
  Mutex mutex;
  std::set<std::string> heard;
  const auto count = [&] {
    const MutexLock hold(mutex);
    return heard.size();
  };
  const auto tracking = client.Track({}, [&](const Invalidation& told) {
    const MutexLock hold(mutex);
    heard.insert(told.keys.begin(), told.keys.end());
  });
  if (!tracking) return say.Check(false, "Track: " + tracking.error().detail);
  const auto read_all = [&] {
    for (int i = 0; i < kKeys; ++i)
      say.Check((*tracking)->Call(Command("GET", "key:" + std::to_string(i))).has_value(), "GET");
  };
  const std::uint64_t first = (*tracking)->epoch();
  say.Check(first != 0, "an epoch");
  read_all();
  for (const Result<Reply>& reply : client.Pipeline(Sets(kKeys)))
    say.Check(reply.has_value(), "SET: " + Show(reply));
  say.Check(Eventually([&] { return count() == kKeys; }), "every change is told");
  say.Check((*tracking)->epoch() == first, "of one epoch");
  const Store node = OpenOrDie(uris[1]);
  (void)node.client().Call(Command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"));
  say.Check(Eventually([&] { return (*tracking)->epoch() > first; }), "a new epoch");
  read_all();
  {
    const MutexLock hold(mutex);
    heard.clear();
  }
  for (const Result<Reply>& reply : client.Pipeline(Sets(kKeys)))
    say.Check(reply.has_value(), "SET: " + Show(reply));
  say.Check(Eventually([&] { return count() == kKeys; }), "every change of the new epoch");
  const auto broadcast = client.Track({.prefixes = {"x"}}, [](const Invalidation&) {});
  say.Check(!broadcast && broadcast.error().code == Errc::kUnsupported, "no broadcasts");
}

// A slot is moved from one node to another while it is used.
void MovingSlot(const std::vector<std::string>& uris, const Store& store, Complaints& say) {
  Client& client = store.client();
  const std::string key = "{moving}a";
  client.Call(Command("SET", key, "1")).value();
  client.Call(Command("SET", "{moving}b", "2")).value();
  // Two who will not hear of it from their calls in between.
  const Store watcher = OpenOrDie(uris[0]);
  const Store waiter = OpenOrDie(uris[0]);
  std::atomic<int> told{0};
  const auto tracking = client.Track({}, [&](const Invalidation& invalidation) {
    told += static_cast<int>(invalidation.keys.size());
  });
  if (!tracking) return say.Check(false, "Track: " + tracking.error().detail);
  (*tracking)->Call(Command("GET", key)).value();
  std::vector<Store> nodes;
  std::vector<std::string> ids;
  for (std::size_t i = 1; i < uris.size(); ++i) {
    nodes.push_back(OpenOrDie(uris[i]));
    ids.emplace_back(nodes.back().client().Call(Command("CLUSTER", "MYID"))->text());
  }
  std::size_t from = 0;
  while (from < nodes.size() && !nodes[from].client().Call(Command("GET", key))) ++from;
  if (from == nodes.size()) return say.Check(false, "nobody has the key");
  const std::size_t to = (from + 1) % nodes.size();
  const auto slot = nodes[0].client().Call(Command("CLUSTER", "KEYSLOT", key))->AsInteger().value();
  const auto set = [&](std::size_t node, std::string_view state, std::size_t whom) {
    const auto done =
        nodes[node].client().Call(Command("CLUSTER", "SETSLOT", slot, state, ids[whom]));
    say.Check(done.has_value(), "SETSLOT: " + Show(done));
  };
  set(to, "IMPORTING", from);
  set(from, "MIGRATING", to);
  const std::string there = uris[to + 1].substr(uris[to + 1].rfind(':') + 1);
  const auto moved =
      nodes[from].client().Call(Command("MIGRATE", "127.0.0.1", there, key, 0, 5000));
  say.Check(moved.has_value(), "MIGRATE: " + Show(moved));
  say.Check(Eventually([&] { return told > 0; }), "what was read and moves away is told");
  say.Equal(Show(client.Call(Command("GET", key))), std::string("1"), "ASK");
  say.Equal(Show(client.Call(Command("GET", "{moving}b"))), std::string("2"),
            "what is still there");
  // Half of its keys are there: TRYAGAIN, until it is over or the deadline has passed.
  const auto half = client.Call(Command("SUNION", key, "{moving}b"), {.timeout = 300ms});
  say.Check(!half && half.error().code == Errc::kTimeout, "TRYAGAIN: " + Show(half));
  nodes[from].client().Call(Command("MIGRATE", "127.0.0.1", there, "{moving}b", 0, 5000)).value();
  set(to, "NODE", to);
  set(from, "NODE", to);
  say.Equal(Show((*tracking)->Call(Command("GET", key))), std::string("1"), "MOVED, tracked");
  const int before = told;
  for (int i = 0; i < 3; ++i)
    say.Equal(Show(client.Call(Command("INCR", key))), std::to_string(i + 2), "MOVED");
  say.Check(Eventually([&] { return told > before; }), "and told from there");
  const auto values = client.Call(Command("MGET", key, "{moving}b", "elsewhere"));
  say.Check(values && values->elements().size() == 3 && values->elements()[0].text() == "4" &&
                values->elements()[1].text() == "2" && values->elements()[2].is_null(),
            "MGET behind it: " + Show(values));
  client.Call(Command("RPUSH", "{moving}q", "job")).value();
  const auto job = waiter.client().Call(Command("BLPOP", "{moving}q", 5));
  say.Check(job && job->elements().size() == 2, "MOVED, waiting: " + Show(job));
  const std::vector<std::string> keys = {key};
  const auto done =
      watcher.client().Transaction(keys, [&](Connection&) -> Result<std::vector<Command>> {
        return std::vector{Command("SET", key, "done")};
      });
  say.Check(done.has_value(), "MOVED, watching: " + (done ? "" : done.error().detail));
  const auto all = watcher.client().Transaction(std::vector{Command("GET", key)});
  say.Check(all && (*all)[0].text() == "done", "MULTI");
}

}  // namespace

std::vector<Case> SentinelCases(const std::vector<std::string>& uris) {
  return {{"Failover", [uris](Complaints& say) { Failover(uris, say); }}};
}

std::vector<Case> ClusterCases(const std::vector<std::string>& uris) {
  const Store store = OpenOrDie(uris[0]);
  return {{"ManySlots", [uris, store](Complaints& say) { ManySlots(uris, store, say); }},
          {"TracksOnEveryNode",
           [uris, store](Complaints& say) { TracksOnEveryNode(uris, store, say); }},
          {"MovingSlot", [uris, store](Complaints& say) { MovingSlot(uris, store, say); }}};
}

}  // namespace cairn::cache::checks
