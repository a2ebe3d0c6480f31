// SPDX-License-Identifier: BSD-3-Clause
// The keys of one check lie in different slots, so that a command on several of them needs several
// locks. Every check begins with FLUSHALL; what it counts on is said above it.
#include "concurrency/checks.h"

#include <atomic>
#include <barrier>
#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include "base/text.h"
#include "concurrency/caches.h"
#include "concurrency/clients.h"
#include "concurrency/fills.h"
#include "concurrency/history.h"
#include "concurrency/limits_and_locks.h"
#include "concurrency/load.h"
#include "concurrency/messages.h"
#include "concurrency/mixture.h"
#include "concurrency/waiting.h"
#include "concurrency/writes_behind.h"
#include "support/notation.h"

namespace cairn::concurrency {
namespace {

using testing::Notate;
using testing::Reply;
using testing::ReplyType;

constexpr int kClients = 8;
constexpr int kKeysTogether = 10;
constexpr int kLinearKeysMax = 2000;
constexpr int kOperationsPerKey = 20;  // by each client

std::string KeyName(int index) { return "key:" + std::to_string(index); }

std::vector<std::string> Words(std::string name, int keys) {
  std::vector<std::string> words = {std::move(name)};
  for (int i = 0; i < keys; ++i) words.push_back(KeyName(i));
  return words;
}

Finding Outcome(const Clients& clients, std::string shown) {
  return {.fault = clients.fault(), .shown = std::move(shown)};
}

void Flush(Clients& clients) {
  clients.Run(1, [](Client& client) { client.Do({"FLUSHALL"}); });
}

// MSET writes one value to all keys, MGET must never see two: no reader comes between the writes of
// one command.
Finding MultipleKeysAreAtomic(const Setting& setting) {
  Clients clients(setting);
  Flush(clients);
  std::atomic<std::int64_t> writes{0};
  std::atomic<std::int64_t> reads{0};
  clients.Run(kClients, [&](Client& client) {
    for (int i = 0; clients.GoOn(); ++i) {
      if (client.index % 2 == 0) {
        std::vector<std::string> words = {"MSET"};
        const std::string value = std::to_string(client.index) + ":" + std::to_string(i);
        // From either end, so that locks taken in the order of the words would meet crosswise.
        for (int key = 0; key < kKeysTogether; ++key) {
          words.push_back(KeyName(i % 2 == 0 ? key : kKeysTogether - 1 - key));
          words.push_back(value);
        }
        client.Do(words);
        ++writes;
        continue;
      }
      const Reply reply = client.Do(Words("MGET", kKeysTogether));
      for (const Reply& item : reply.items) {
        if (item != reply.items.front()) clients.Complain("MGET saw " + Notate(reply));
      }
      ++reads;
    }
  });
  return Outcome(clients, std::to_string(writes) + " MSET, " + std::to_string(reads) + " MGET");
}

// Counters that all clients add to: the replies of INCR for a key are 1, 2, 3, ... each given once,
// and the sum is what was added.
Finding NoIncrementIsLost(const Setting& setting) {
  constexpr int kCounters = 3;
  Clients clients(setting);
  Flush(clients);
  Mutex mu;
  std::vector<std::set<std::int64_t>> seen(kCounters);
  std::atomic<std::int64_t> added{0};
  clients.Run(kClients, [&](Client& client) {
    std::vector<std::pair<int, std::int64_t>> mine;
    while (clients.GoOn()) {
      const int counter = static_cast<int>(client.random.Below(kCounters));
      const Reply reply = client.Do({"INCR", KeyName(counter)});
      mine.emplace_back(counter, ParseInt64(reply.text).value_or(-1));
    }
    added += static_cast<std::int64_t>(mine.size());
    MutexLock hold(mu);
    for (const auto& [counter, value] : mine) {
      if (!seen[static_cast<std::size_t>(counter)].insert(value).second) {
        clients.Complain(KeyName(counter) + " was " + std::to_string(value) + " twice");
      }
    }
  });
  for (int i = 0; i < kCounters; ++i) {
    const std::set<std::int64_t>& values = seen[static_cast<std::size_t>(i)];
    const auto count = static_cast<std::int64_t>(values.size());
    if (count > 0 && (*values.begin() != 1 || *values.rbegin() != count)) {
      clients.Complain(KeyName(i) + " ended at " + std::to_string(*values.rbegin()) + " after " +
                       std::to_string(count) + " INCR");
    }
  }
  return Outcome(clients, std::to_string(added) + " INCR");
}

std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Operation DoRandomOperation(Client& client, const std::string& key, int number) {
  const std::string value = std::to_string(client.index) + "." + std::to_string(number);
  Operation operation;
  operation.action = static_cast<Action>(client.random.Below(6));
  operation.argument = value;
  std::vector<std::string> words;
  switch (operation.action) {
    case Action::kGet:
      words = {"GET", key};
      break;
    case Action::kSet:
      words = {"SET", key, value};
      break;
    case Action::kSetIfAbsent:
      words = {"SET", key, value, "NX"};
      break;
    case Action::kGetSet:
      words = {"SET", key, value, "GET"};
      break;
    case Action::kDelete:
      words = {"DEL", key};
      break;
    case Action::kAppend:
      words = {"APPEND", key, value};
      break;
  }
  operation.called_ns = NowNs();
  const Reply reply = client.Do(words);
  operation.returned_ns = NowNs();
  if (!IsNull(reply.type)) operation.result = reply.text;
  return operation;
}

// All clients work on one key, then all on the next; each key's history must be linearizable.
Finding SingleKeysAreLinearizable(const Setting& setting) {
  Clients clients(setting);
  Flush(clients);
  std::vector<std::vector<std::vector<Operation>>> histories(kClients);
  std::atomic<bool> go_on{true};
  std::barrier together(kClients, [&]() noexcept { go_on = clients.GoOn(); });
  clients.Run(kClients, [&](Client& client) {
    auto& mine = histories[static_cast<std::size_t>(client.index)];
    for (int key = 0; key < kLinearKeysMax; ++key) {
      together.arrive_and_wait();
      if (!go_on) return;
      std::vector<Operation>& history = mine.emplace_back();
      for (int i = 0; i < kOperationsPerKey; ++i) {
        history.push_back(DoRandomOperation(client, KeyName(key), i));
      }
    }
  });
  if (!clients.fault().empty()) return Outcome(clients, "");
  const std::size_t keys = histories.front().size();
  for (std::size_t key = 0; key < keys; ++key) {
    std::vector<Operation> history;
    for (const auto& mine : histories) {
      history.insert(history.end(), mine[key].begin(), mine[key].end());
    }
    if (IsLinearizable(history)) continue;
    clients.Complain("no order explains what was done to one key:\n" + Describe(history));
    break;
  }
  return Outcome(clients, std::to_string(keys) + " keys, " +
                              std::to_string(kClients * kOperationsPerKey) + " operations each");
}

// MSETNX of two keys is a lock on both: who got it is alone until the DEL.
Finding OneWinsTheLock(const Setting& setting) {
  Clients clients(setting);
  Flush(clients);
  std::atomic<int> holders{0};
  std::atomic<std::int64_t> won{0};
  clients.Run(kClients, [&](Client& client) {
    while (clients.GoOn()) {
      const std::string me = std::to_string(client.index);
      const bool swap = client.random.Below(2) == 0;
      const Reply reply =
          client.Do({"MSETNX", KeyName(swap ? 1 : 0), me, KeyName(swap ? 0 : 1), me});
      if (reply.text != "1") continue;
      if (holders.fetch_add(1) != 0) clients.Complain("two clients hold the lock");
      const Reply values = client.Do(Words("MGET", 2));
      for (const Reply& value : values.items) {
        if (value.text != me) clients.Complain("the holder's lock reads " + Notate(values));
      }
      ++won;
      holders.fetch_sub(1);
      client.Do(Words("DEL", 2));
    }
  });
  return Outcome(clients, std::to_string(won) + " times held");
}

// One token is renamed from key to key: whoever counts the keys at once must count one.
Finding ATokenIsNeverTwice(const Setting& setting) {
  Clients clients(setting);
  Flush(clients);
  clients.Run(1, [](Client& client) { client.Do({"SET", KeyName(0), "token"}); });
  std::atomic<std::int64_t> moves{0};
  std::atomic<std::int64_t> counts{0};
  clients.Run(kClients, [&](Client& client) {
    while (clients.GoOn()) {
      if (client.index % 2 == 0) {
        const std::string from = KeyName(static_cast<int>(client.random.Below(kKeysTogether)));
        const std::string to = KeyName(static_cast<int>(client.random.Below(kKeysTogether)));
        if (client.Do({"RENAMENX", from, to}).text == "1") ++moves;
        continue;
      }
      const Reply reply = client.Do(Words("EXISTS", kKeysTogether));
      if (reply.text != "1") clients.Complain("EXISTS counted " + Notate(reply));
      ++counts;
    }
  });
  return Outcome(clients, std::to_string(moves) + " moves, " + std::to_string(counts) + " counts");
}

constexpr Check kChecks[] = {
    {"MultipleKeysAreAtomic", &MultipleKeysAreAtomic},
    {"NoIncrementIsLost", &NoIncrementIsLost},
    {"SingleKeysAreLinearizable", &SingleKeysAreLinearizable},
    {"OneWinsTheLock", &OneWinsTheLock},
    {"ATokenIsNeverTwice", &ATokenIsNeverTwice},
    {"CachesAreNeverStale", &CachesAreNeverStale},
    {.name = "WritesBehindArriveOnce", .run = &WritesBehindArriveOnce, .is_ours = true},
    {.name = "FillsAreNeverStale", .run = &FillsAreNeverStale, .is_ours = true},
    {.name = "VersionsNeverGoBack", .run = &VersionsNeverGoBack, .is_ours = true},
    {"MessagesComeOnceAndInOrder", &MessagesComeOnceAndInOrder},
    {"EventsFollowWrites", &EventsFollowWrites},
    {"EveryElementIsPoppedOnce", &EveryElementIsPoppedOnce},
    {"WaitersAreServedInTurn", &WaitersAreServedInTurn},
    {"TransfersKeepTheirSum", &TransfersKeepTheirSum},
    {"WatchLosesNoIncrement", &WatchLosesNoIncrement},
    {"LocksAreHeldByOne", &LocksAreHeldByOne, true},
    {"LostLocksAreSeen", &LostLocksAreSeen, true},
    {"LockWaitersAreServedInTurn", &LockWaitersAreServedInTurn, true},
    {"LimitersKeepTheirLaw", &LimitersKeepTheirLaw, true},
    {"LimitsTogetherAreAllOrNone", &LimitsTogetherAreAllOrNone, true},
    {"NobodyHangsInAMixture", &NobodyHangsInAMixture},
    {"AnyLoadIsSurvived", &AnyLoadIsSurvived},
};

}  // namespace

std::span<const Check> Checks() { return kChecks; }

}  // namespace cairn::concurrency
