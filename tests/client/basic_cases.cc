// SPDX-License-Identifier: BSD-3-Clause
// What holds for every store: calls, coroutines, pipelines, transactions, scripts, waiting
// commands.
#include <algorithm>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/thread.h"
#include "client/client_check.h"

namespace cairn::cache::checks {
namespace {

void SetAndGet(const Store& store, Complaints& say) {
  Client& client = store.client();
  say.Equal(Show(client.Call(Command("SET", "k", "v"))), std::string("OK"), "SET");
  say.Equal(Show(client.Call(Command("GET", "k"))), std::string("v"), "GET");
  const std::string large(3 << 20, 'x');
  say.Check(client.Call(Command("SET", "large", large)).has_value(), "SET of 3 MiB");
  say.Check(client.Call(Command("GET", "large"))->text() == large, "GET of 3 MiB");
  client.Call(Command("DEL", "h")).value();
  client.Call(Command("HSET", "h", "a", 1, "b", 2)).value();
  const Result<Reply> hash = client.Call(Command("HGETALL", "h"));
  say.Check(hash && hash->Find("b") != nullptr && hash->Find("b")->text() == "2", "HGETALL");
}

void ErrorsAreValues(const Store& store, Complaints& say) {
  Client& client = store.client();
  client.Call(Command("SET", "k", "v")).value();
  const Result<Reply> wrong = client.Call(Command("LPUSH", "k", "x"));
  say.Check(!wrong && wrong.error().server_code() == "WRONGTYPE", "WRONGTYPE: " + Show(wrong));
  say.Check(!wrong && !wrong.error().may_have_applied, "an error reply has not been applied");
  say.Check(client.Call(Command("SELECT", 1)).error().code == Errc::kInvalid, "SELECT");
}

void ManyThreads(const Store& store, Complaints& say) {
  store.client().Call(Command("DEL", "n")).value();
  std::vector<Thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back("caller", [&store] {
      for (int n = 0; n < 500; ++n) store.client().Call(Command("INCR", "n")).value();
    });
  }
  for (Thread& thread : threads) thread.Join();
  say.Equal(Show(store.client().Call(Command("GET", "n"))), std::string("4000"), "INCRs");
}

Task<std::int64_t> Increment(Client& client, int times) {
  std::int64_t last = 0;
  for (int i = 0; i < times; ++i) {
    const Result<Reply> reply = co_await client.CoCall(Command("INCR", "c"));
    last = reply ? reply->AsInteger().value_or(-1) : -2;
  }
  co_return last;
}

void Coroutines(const Store& store, Complaints& say) {
  store.client().Call(Command("DEL", "c")).value();
  std::vector<Task<std::int64_t>> tasks;
  for (int i = 0; i < 64; ++i) tasks.push_back(Increment(store.client(), 100));
  std::int64_t most = 0;
  for (const std::int64_t last : SyncWaitAll(std::move(tasks))) {
    say.Check(last > 0, "a call failed");
    most = std::max(most, last);
  }
  say.Check(most == 6400, "the last of all INCRs said " + std::to_string(most));
}

void Pipelines(const Store& store, Complaints& say) {
  Client& client = store.client();
  client.Call(Command("DEL", "{p}n")).value();
  std::vector<Command> commands;
  for (int i = 0; i < 1000; ++i) commands.emplace_back("INCR", "{p}n");
  commands.emplace_back("LPUSH", "{p}n", "x");
  const Replies replies = client.Pipeline(commands);
  say.Check(replies.size() == 1001, "its size");
  say.Equal(Show(replies[999]), std::string("1000"), "the last INCR");
  say.Check(replies[1000].error().server_code() == "WRONGTYPE", "its last");
  say.Check(SyncWait(client.CoPipeline(commands)).size() == 1001, "by a coroutine");
}

void Transactions(const Store& store, Complaints& say) {
  Client& client = store.client();
  client.Call(Command("SET", "{t}n", 1)).value();
  const auto replies = client.Transaction(
      std::vector{Command("INCR", "{t}n"), Command("LPUSH", "{t}n", "x"), Command("INCR", "{t}n")});
  say.Check(replies && replies->size() == 3 && (*replies)[1].is_error(), "MULTI");
  const auto refused = client.Transaction(std::vector{Command("INCR", "{t}n"), Command("NOSUCH")});
  say.Check(!refused && refused.error().detail.starts_with("ERR unknown command"), "refused");
  int runs = 0;
  const std::vector<std::string> keys = {"{t}n"};
  const TransactionBody body = [&](Connection& own) -> Result<std::vector<Command>> {
    Result<Reply> read = own.Call(Command("GET", "{t}n"));
    if (!read) return Pass(std::move(read));
    if (++runs == 1) client.Call(Command("INCR", "{t}n")).value();
    return std::vector{Command("SET", "{t}n", read->AsInteger().value() * 10)};
  };
  const auto optimistic = client.Transaction(keys, body);
  say.Check(optimistic && runs == 2, "is tried again");
  say.Equal(Show(client.Call(Command("GET", "{t}n"))), std::string("40"), "its result");
}

void Scripts(const Store& store, Complaints& say) {
  const Script script("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  const std::vector<std::string> keys = {"script"};
  const std::vector<std::string> arguments = {"5"};
  store.client().Call(Command("DEL", "script")).value();
  store.client().Call(Command("SCRIPT", "FLUSH")).value();
  for (const char* wanted : {"5", "10"})
    say.Equal(Show(store.client().Eval(script, keys, arguments)), std::string(wanted), "EVALSHA");
}

void WaitingCommands(const Store& store, Complaints& say) {
  if (!store.capabilities().waiting) return;
  Client& client = store.client();
  client.Call(Command("DEL", "{w}q")).value();
  auto wait = [&client]() -> Task<Result<Reply>> {
    co_return co_await client.CoCall(Command("BLPOP", "{w}q", 0));
  };
  Thread pusher("pusher", [&client] {
    // A plain call is answered though another waits.
    client.Call(Command("PING")).value();
    client.Call(Command("RPUSH", "{w}q", "job")).value();
  });
  const Result<Reply> job = SyncWait(wait());
  pusher.Join();
  say.Check(job && job->elements().size() == 2 && job->elements()[1].text() == "job", "BLPOP");
  const Result<Reply> none = client.Call(Command("BLPOP", "{w}q", "0.01"));
  say.Check(none && none->is_null(), "its timeout");
  // Only a server can have served it behind our back; in a time in which it was sent.
  const bool is_remote = store.capabilities().kind != Capabilities::Kind::kEmbedded;
  Result<Reply> late = Reply();
  say.Check(Eventually([&] {
              late = client.Call(Command("BLPOP", "{w}q", 0), {.timeout = 50ms});
              return late || late.error().may_have_applied == is_remote;
            }),
            "it may have been served");
  say.Check(!late && late.error().code == Errc::kTimeout, "our deadline: " + Show(late));
  std::stop_source stop;
  Thread stopper("stopper", [&] {
    client.Call(Command("PING")).value();
    stop.request_stop();
  });
  const Result<Reply> stopped = SyncWait(wait(), stop.get_token());
  stopper.Join();
  say.Check(!stopped && stopped.error().code == Errc::kCancelled, "cancelled: " + Show(stopped));
  if (is_remote) {
    // Connections are closed, and the server hears of each in its own time.
    auto node = client.Reserve("{w}q");
    const auto none_waits = [&] {
      const Result<Reply> info = (*node)->Call(Command("INFO", "clients"));
      return info && info->text().find("blocked_clients:0") != std::string_view::npos;
    };
    say.Check(node && Eventually(none_waits), "the server knows that they have gone");
  }
  client.Call(Command("RPUSH", "{w}q", "left")).value();
  say.Equal(Show(client.Call(Command("LLEN", "{w}q"))), std::string("1"),
            "nobody waits any more for whom it was given up");
}

void Reserved(const Store& store, Complaints& say) {
  auto connection = store.client().Reserve("r");
  say.Check(connection.has_value(), "Reserve");
  // Sessions within the process have no names.
  if (!connection || store.capabilities().kind == Capabilities::Kind::kEmbedded) return;
  say.Check((*connection)->Call(Command("CLIENT", "SETNAME", "mine")).has_value(), "SETNAME");
  say.Equal(Show((*connection)->Call(Command("CLIENT", "GETNAME"))), std::string("mine"),
            "its name stays");
  connection->reset();
  connection = store.client().Reserve("r");
  say.Check(Show((*connection)->Call(Command("CLIENT", "GETNAME"))) != "mine",
            "a successor gets another connection");
}

void Capability(const Store& store, Complaints& say) {
  const Capabilities& found = store.capabilities();
  const bool ours = found.kind == Capabilities::Kind::kCairn;
  say.Check(found.kind == Capabilities::Kind::kEmbedded || !found.version.empty(), "a version");
  if (found.kind == Capabilities::Kind::kEmbedded) return;
  say.Check(found.leases && found.tags && found.locks && found.write_behind && found.limits &&
                found.namespaces,
            "Cairn has them all, elsewhere they are scripts");
  say.Check(ours || found.weaker.size() >= 7, "what is weaker is told");
}

}  // namespace

std::vector<Case> BasicCases(const std::vector<std::string>& uris) {
  const Store store = OpenOrDie(uris[0]);
  const auto with = [store](void (*run)(const Store&, Complaints&)) {
    return [store, run](Complaints& say) { run(store, say); };
  };
  return {{"SetAndGet", with(SetAndGet)},     {"ErrorsAreValues", with(ErrorsAreValues)},
          {"ManyThreads", with(ManyThreads)}, {"Coroutines", with(Coroutines)},
          {"Pipelines", with(Pipelines)},     {"Transactions", with(Transactions)},
          {"Scripts", with(Scripts)},         {"WaitingCommands", with(WaitingCommands)},
          {"Reserved", with(Reserved)},       {"Capability", with(Capability)}};
}

}  // namespace cairn::cache::checks
