// SPDX-License-Identifier: BSD-3-Clause
// Pushers and waiting poppers on lists of different stripes; accounts between which MULTI moves
// money; a counter that WATCH guards.
#include "concurrency/waiting.h"

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/text.h"
#include "concurrency/clients.h"
#include "support/notation.h"

namespace cairn::concurrency {
namespace {

using testing::Notate;
using testing::Reply;

constexpr int kClients = 8;
constexpr int kLists = 3;
constexpr int kReplyTimeoutMs = 20'000;
constexpr int kAccounts = 5;
constexpr std::int64_t kMoney = 1000;  // in each account at first

std::string ListName(int index) { return "list:" + std::to_string(index); }
std::string AccountName(int index) { return "account:" + std::to_string(index); }

void Flush(Clients& clients) {
  clients.Run(1, [](Client& client) { client.Do({"FLUSHALL"}); });
}

// All lists, from a random one on, so that waiters stand in the queues in different orders.
std::vector<std::string> PopFromAll(Client& client) {
  const int first = static_cast<int>(client.random.Below(kLists));
  const int count = 1 + static_cast<int>(client.random.Below(kLists));
  std::vector<std::string> words = {"BLPOP"};
  for (int i = 0; i < count; ++i) words.push_back(ListName((first + i) % kLists));
  words.push_back("0.02");
  return words;
}

bool HasWaiters(Client& client, int count) {
  const Reply info = client.Do({"INFO", "clients"});
  return info.text.find("blocked_clients:" + std::to_string(count) + "\r\n") != info.text.npos;
}

// How many were served.
int ServeOneRound(Client& client, std::span<const std::unique_ptr<testing::Channel>> waiters) {
  const auto go_on = [&] { return client.all.fault().empty(); };
  const int count = static_cast<int>(waiters.size());
  for (int i = 0; i < count && go_on(); ++i) {
    if (!waiters[static_cast<std::size_t>(i)]->SendCommand({"BLPOP", "queue", "0"}).ok())
      client.all.Complain("could not send BLPOP");
    while (go_on() && !HasWaiters(client, i + 1)) {
    }
  }
  for (int pushed = 0; pushed < count && go_on();) {
    std::vector<std::string> push = {"RPUSH", "queue"};
    const auto left = static_cast<std::uint64_t>(count - pushed);
    for (std::uint64_t some = 1 + client.random.Below(left); some > 0; --some)
      push.push_back(std::to_string(pushed++));
    client.Do(push);
  }
  for (int i = 0; i < count && go_on(); ++i) {
    const auto reply = waiters[static_cast<std::size_t>(i)]->Receive(kReplyTimeoutMs);
    if (!reply || !*reply) {
      client.all.Complain("who waits is not served");
    } else if ((*reply)->items.size() != 2 || (*reply)->items[1].text != std::to_string(i)) {
      client.all.Complain("number " + std::to_string(i) + " got " + Notate(**reply));
    }
  }
  return count;
}

}  // namespace

// Every element pushed is popped by one client, or left at the end.
Finding EveryElementIsPoppedOnce(const Setting& setting) {
  Clients clients(setting);
  Flush(clients);
  Mutex mu;
  std::set<std::string> popped;
  std::atomic<std::int64_t> pushed{0};
  const auto note = [&](const std::string& element) {
    MutexLock hold(mu);
    if (!popped.insert(element).second) clients.Complain(element + " was popped twice");
  };
  clients.Run(kClients, [&](Client& client) {
    for (int i = 0; clients.GoOn(); ++i) {
      if (client.index % 2 == 0) {
        const Reply reply = client.Do(PopFromAll(client));
        if (reply.items.size() == 2) note(reply.items[1].text);
        continue;
      }
      const std::string name = std::to_string(client.index) + ":" + std::to_string(i);
      const std::string list = ListName(static_cast<int>(client.random.Below(kLists)));
      client.Do({"RPUSH", list, name + "a", name + "b"});
      pushed += 2;
    }
  });
  const std::size_t while_running = popped.size();
  Clients sweep(setting);
  sweep.Run(1, [&](Client& client) {
    for (int list = 0; list < kLists; ++list) {
      for (const Reply& item : client.Do({"LRANGE", ListName(list), "0", "-1"}).items)
        note(item.text);
    }
  });
  if (popped.size() != static_cast<std::size_t>(pushed.load())) {
    clients.Complain(std::to_string(pushed) + " pushed, " + std::to_string(popped.size()) +
                     " found again");
  }
  return {.fault = clients.fault(),
          .shown = std::to_string(pushed) + " pushed, " + std::to_string(while_running) +
                   " popped while they were"};
}

// One after the other they wait for one list; then as many elements come, alone or several at once,
// and each must go to whoever has waited longest. Others work on lists beside it.
Finding WaitersAreServedInTurn(const Setting& setting) {
  constexpr int kWaiters = 6;
  Clients clients(setting);
  Flush(clients);
  std::atomic<std::int64_t> served{0};
  clients.Run(1 + kLists, [&](Client& client) {
    if (client.index > 0) {
      const std::string list = ListName(client.index);
      while (clients.GoOn()) {
        client.Do({"RPUSH", list, "x"});
        client.Do({"LPOP", list});
      }
      return;
    }
    std::vector<std::unique_ptr<testing::Channel>> waiters;
    for (int i = 0; i < kWaiters; ++i) {
      Result<std::unique_ptr<testing::Channel>> channel = testing::ConnectTcp(setting.port);
      if (!channel) return clients.Complain("connect: " + std::string(channel.error().message()));
      waiters.push_back(std::move(*channel));
    }
    while (clients.GoOn()) served += ServeOneRound(client, waiters);
  });
  return {.fault = clients.fault(), .shown = std::to_string(served) + " served"};
}

// Who reads all accounts in a transaction, or by MGET, sees the same sum at any time.
Finding TransfersKeepTheirSum(const Setting& setting) {
  Clients clients(setting);
  Flush(clients);
  std::vector<std::string> all = {"MGET"};
  clients.Run(1, [&](Client& client) {
    for (int i = 0; i < kAccounts; ++i) client.Do({"SET", AccountName(i), std::to_string(kMoney)});
  });
  for (int i = 0; i < kAccounts; ++i) all.push_back(AccountName(i));
  std::atomic<std::int64_t> transfers{0};
  std::atomic<std::int64_t> sums{0};
  clients.Run(kClients, [&](Client& client) {
    while (clients.GoOn()) {
      if (client.index % 2 == 0) {
        client.Do({"MULTI"});
        client.Do({"DECR", AccountName(static_cast<int>(client.random.Below(kAccounts)))});
        // Time for a reader to come between, if one could.
        for (int i = 0; i < 3; ++i) client.Do({"GET", AccountName(i)});
        client.Do({"INCR", AccountName(static_cast<int>(client.random.Below(kAccounts)))});
        if (client.Do({"EXEC"}).items.size() != 5) clients.Complain("EXEC has not run");
        ++transfers;
        continue;
      }
      const Reply reply = client.Do(all);
      std::int64_t sum = 0;
      for (const Reply& item : reply.items) sum += ParseInt64(item.text).value_or(0);
      if (clients.GoOn() && sum != kAccounts * kMoney) clients.Complain("sum of " + Notate(reply));
      ++sums;
    }
  });
  return {.fault = clients.fault(),
          .shown = std::to_string(transfers) + " transfers, " + std::to_string(sums) + " sums"};
}

// GET, then SET of one more in a transaction that WATCH guards: as many as went through are in it.
Finding WatchLosesNoIncrement(const Setting& setting) {
  Clients clients(setting);
  Flush(clients);
  std::atomic<std::int64_t> done{0};
  std::atomic<std::int64_t> refused{0};
  clients.Run(kClients, [&](Client& client) {
    while (clients.GoOn()) {
      client.Do({"WATCH", "counter"});
      const std::int64_t was = ParseInt64(client.Do({"GET", "counter"}).text).value_or(0);
      client.Do({"MULTI"});
      client.Do({"SET", "counter", std::to_string(was + 1)});
      client.Do({"EXEC"}).items.size() == 1 ? ++done : ++refused;
    }
  });
  Clients last(setting);
  last.Run(1, [&](Client& client) {
    const Reply reply = client.Do({"GET", "counter"});
    if (reply.text != std::to_string(done)) {
      clients.Complain(std::to_string(done) + " increments went through, the counter is at " +
                       Notate(reply));
    }
  });
  return {.fault = clients.fault(),
          .shown = std::to_string(done) + " went through, " + std::to_string(refused) + " refused"};
}

}  // namespace cairn::concurrency
