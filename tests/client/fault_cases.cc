// SPDX-License-Identifier: BSD-3-Clause
// Lost connections, silence, wrong passwords, the older protocol. The second URI is the same
// server, for making trouble.
#include <atomic>
#include <string>
#include <vector>

#include "base/thread.h"
#include "client/client_check.h"

namespace cairn::cache::checks {
namespace {

struct Pair {
  std::string uri;
  Store store;
  Store admin;
};

Result<Reply> Kill(const Pair& pair, std::string_view type) {
  return pair.admin.client().Call(Command("CLIENT", "KILL", "TYPE", type, "SKIPME", "yes"));
}

// A write that is held up at the server until its deadline has passed.
void Deadlines(const Pair& pair, Complaints& say) {
  Client& client = pair.store.client();
  client.Call(Command("DEL", "n")).value();
  pair.admin.client().Call(Command("CLIENT", "PAUSE", 100'000, "WRITE")).value();
  // In a time in which it was sent.
  Result<Reply> late = Reply();
  say.Check(Eventually([&] {
              late = client.Call(Command("INCR", "n"), {.timeout = 50ms});
              return late || late.error().may_have_applied;
            }),
            "a write may have been applied");
  say.Check(!late && late.error().code == Errc::kTimeout, "a timeout: " + Show(late));
  std::stop_source stop;
  Result<Reply> stopped = Reply();
  Thread caller("caller",
                [&] { stopped = client.Call(Command("INCR", "n"), {.stop = stop.get_token()}); });
  // A call of this client would wait behind the one that is held up.
  pair.admin.client().Call(Command("PING")).value();
  stop.request_stop();
  caller.Join();
  say.Check(!stopped && stopped.error().code == Errc::kCancelled, "cancelled: " + Show(stopped));
  pair.admin.client().Call(Command("CLIENT", "UNPAUSE")).value();
  say.Check(Eventually([&] { return client.Call(Command("GET", "n")).has_value(); }), "goes on");
}

// Reads are sent again and never fail; writes are not, and say so.
void LostConnections(const Pair& pair, Complaints& say) {
  Client& client = pair.store.client();
  client.Call(Command("SET", "k", "v")).value();
  client.Call(Command("DEL", "n")).value();
  std::atomic<bool> done{false};
  std::atomic<int> bad_reads{0};
  std::atomic<int> reads{0};
  std::int64_t applied = 0;
  std::int64_t unknown = 0;
  std::string why;
  Thread reader("reader", [&] {
    while (!done.load()) {
      const Result<Reply> read = client.Call(Command("GET", "k"));
      reads.fetch_add(1);
      if (!read || read->text() != "v") bad_reads.fetch_add(1);
    }
  });
  Thread writer("writer", [&] {
    while (!done.load()) {
      const Result<Reply> wrote = client.Call(Command("INCR", "n"));
      if (wrote) {
        ++applied;
      } else if (wrote.error().code == Errc::kClosed && wrote.error().may_have_applied) {
        ++unknown;
      } else {
        why = Show(wrote);
      }
    }
  });
  for (int i = 0; i < 40; ++i) {
    Kill(pair, "normal").value();
    const int before = reads.load();
    Eventually([&] { return reads.load() > before + 20; });
  }
  done.store(true);
  reader.Join();
  writer.Join();
  const std::int64_t count = client.Call(Command("GET", "n"))->AsInteger().value();
  say.Check(bad_reads.load() == 0, std::to_string(bad_reads.load()) + " reads failed");
  say.Check(why.empty(), "a write failed otherwise: " + why);
  say.Check(unknown > 0, "no write was ever lost, so nothing was tried");
  say.Check(count >= applied && count <= applied + unknown,
            std::to_string(count) + " increments, " + std::to_string(applied) + " told, " +
                std::to_string(unknown) + " unknown");
}

void WrongPlaces(const Pair& pair, Complaints& say) {
  const auto refused = Store::Open("redis://127.0.0.1:1");
  say.Check(!refused && refused.error().code == Errc::kUnreachable, "nobody there");
  const auto user = pair.uri.find("://");
  Client& admin = pair.admin.client();
  admin.Call(Command("ACL", "SETUSER", "ann", "on", ">pw", "~a:*", "+@all")).value();
  const std::string host = pair.uri.substr(user + 3);
  const auto wrong = Store::Open("redis://ann:no@" + host);
  say.Check(!wrong && wrong.error().code == Errc::kServer &&
                wrong.error().detail.find("WRONGPASS") != std::string::npos,
            "a wrong password");
  const auto right = Store::Open("redis://ann:pw@" + host);
  say.Check(right.has_value(), "the right password");
  if (!right) return;
  say.Check(right->client().Call(Command("SET", "a:1", "x")).has_value(), "what ann may");
  say.Check(right->client().Call(Command("SET", "b", "x")).error().server_code() == "NOPERM",
            "what ann may not");
}

void OlderProtocol(const Pair& pair, Complaints& say) {
  const Store old = OpenOrDie(pair.uri + "/3?protocol=2&name=older");
  Client& client = old.client();
  client.Call(Command("DEL", "h")).value();
  client.Call(Command("HSET", "h", "a", 1)).value();
  const Result<Reply> hash = client.Call(Command("HGETALL", "h"));
  say.Check(hash && hash->type() == Reply::Type::kArray && hash->Find("a") != nullptr, "HGETALL");
  say.Equal(Show(client.Call(Command("CLIENT", "GETNAME"))), std::string("older"), "its name");
  say.Check(client.Call(Command("CLIENT", "INFO"))->text().find(" db=3 ") != std::string::npos,
            "its database");
  say.Check(!old.capabilities().tracking, "no tracking");
  say.Check(!client.Track({}, [](const Invalidation&) {}).has_value(), "Track is refused");
  std::atomic<int> heard{0};
  auto subscription = client.Subscribe({.channels = {"old"}}, [&](const Message& message) {
    heard.fetch_add(message.payload == "hello" ? 1 : 100);
  });
  say.Check(subscription.has_value(), "Subscribe");
  client.Call(Command("PUBLISH", "old", "hello")).value();
  say.Check(Eventually([&] { return heard.load() == 1; }), "a message");
}

}  // namespace

std::vector<Case> FaultCases(const std::vector<std::string>& uris) {
  const Pair pair{.uri = uris[0], .store = OpenOrDie(uris[0]), .admin = OpenOrDie(uris[0])};
  const auto with = [pair](void (*run)(const Pair&, Complaints&)) {
    return [pair, run](Complaints& say) { run(pair, say); };
  };
  return {{"Deadlines", with(Deadlines)},
          {"LostConnections", with(LostConnections)},
          {"WrongPlaces", with(WrongPlaces)},
          {"OlderProtocol", with(OlderProtocol)}};
}

}  // namespace cairn::cache::checks
