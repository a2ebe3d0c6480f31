// SPDX-License-Identifier: BSD-3-Clause
// Locks that one holds at a time, or loses and is told so; limiters that are asked by all at once.
#include "concurrency/limits_and_locks.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/text.h"
#include "concurrency/clients.h"
#include "support/channel.h"
#include "support/notation.h"

namespace cairn::concurrency {
namespace {

using testing::Notate;
using testing::Reply;

constexpr int kClients = 8;
constexpr int kLocks = 3;
constexpr int kReplyTimeoutMs = 20'000;

void Flush(Clients& clients) {
  clients.Run(1, [](Client& client) { client.Do({"FLUSHALL"}); });
}

std::string LockName(std::uint64_t index) { return "lock:" + std::to_string(index); }
std::string OwnerName(const Client& client) { return "owner" + std::to_string(client.index); }

// 0 if the reply is no fence.
std::int64_t FenceOf(const Reply& reply) { return ParseInt64(reply.text).value_or(0); }
bool IsOk(const Reply& reply) { return reply.items.size() == 2 && reply.items[0].text == "OK"; }

// Fences of one lock: each once, each greater than those before.
class Grants {
 public:
  // False if it goes back, or comes again.
  bool Note(std::uint64_t lock, std::int64_t fence) {
    const MutexLock hold(mu_);
    return seen_[lock].insert(fence).second;
  }
  std::size_t count() {
    const MutexLock hold(mu_);
    std::size_t sum = 0;
    for (const std::set<std::int64_t>& of_lock : seen_) sum += of_lock.size();
    return sum;
  }

 private:
  Mutex mu_;
  std::array<std::set<std::int64_t>, kLocks> seen_ GUARDED_BY(mu_);
};

std::vector<std::string> AcquireAnyhow(Client& client, std::uint64_t lock, const std::string& ttl) {
  std::vector<std::string> words = {"LOCK.ACQUIRE", LockName(lock), OwnerName(client), ttl};
  if (client.random.Below(3) != 0)
    words.insert(words.end(), {"WAIT", std::to_string(1 + client.random.Below(20))});
  return words;
}

std::int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// A request that was let through, some time between these two.
struct Passed {
  std::int64_t sent_us;
  std::int64_t answered_us;
};

struct Law {
  std::vector<std::string> words;
  std::int64_t at_once;
  std::int64_t per_period;
  std::int64_t period_us;
};

std::vector<Law> Laws() {
  return {
      {{"LIMIT.GCRA", "gcra", "20", "100", "BURST", "5"}, 5, 20, 100'000},
      {{"LIMIT.FIXED", "fixed", "20", "100"}, 20, 20, 100'000},
      {{"LIMIT.SLIDING", "sliding", "20", "100"}, 20, 0, 100'000},
  };
}

// In no stretch of time that begins with a request were more let through for certain than the law
// has for it. What was under way at an edge is not counted.
std::string FaultOf(const Law& law, std::vector<Passed> passed) {
  std::ranges::sort(passed, {}, &Passed::sent_us);
  for (std::size_t i = 0; i < passed.size(); ++i) {
    std::int64_t count = 0;
    std::int64_t end_us = 0;
    for (std::size_t j = i; j < passed.size(); ++j) {
      if (passed[j].sent_us >= passed[i].sent_us + law.period_us) break;
      if (passed[j].answered_us > passed[i].sent_us + law.period_us) continue;
      ++count;
      end_us = std::max(end_us, passed[j].answered_us);
    }
    const std::int64_t span_us = end_us - passed[i].sent_us;
    const std::int64_t most =
        law.at_once + (law.per_period * span_us + law.period_us - 1) / law.period_us;
    if (count > most) {
      return law.words[0] + " let " + std::to_string(count) + " through in " +
             std::to_string(span_us) + " us";
    }
  }
  return "";
}

}  // namespace

// With times that nobody reaches: between a grant and its release the lock is its owner's alone.
Finding LocksAreHeldByOne(const Setting& setting) {
  Clients clients(setting);
  Flush(clients);
  std::array<std::atomic<int>, kLocks> holders = {};
  std::array<std::atomic<std::int64_t>, kLocks> last = {};
  std::atomic<std::int64_t> refused{0};
  Grants grants;
  clients.Run(kClients, [&](Client& client) {
    while (clients.GoOn()) {
      const std::uint64_t lock = client.random.Below(kLocks);
      const Reply reply = client.Do(AcquireAnyhow(client, lock, "60000"));
      const std::int64_t fence = FenceOf(reply);
      if (fence == 0) {
        ++refused;
        continue;
      }
      if (holders[lock].fetch_add(1) != 0) clients.Complain("two hold " + LockName(lock));
      if (last[lock].exchange(fence) >= fence) clients.Complain("a fence went back");
      grants.Note(lock, fence);
      // Again, now and then: a greater one.
      if (client.random.Below(4) == 0) {
        const std::int64_t again =
            FenceOf(client.Do({"LOCK.ACQUIRE", LockName(lock), OwnerName(client), "60000"}));
        if (clients.GoOn() && last[lock].exchange(again) >= again)
          clients.Complain("a fence went back");
      }
      holders[lock].fetch_sub(1);
      const Reply released = client.Do({"LOCK.RELEASE", LockName(lock), OwnerName(client)});
      if (clients.GoOn() && !IsOk(released)) clients.Complain("released: " + Notate(released));
    }
  });
  return {
      .fault = clients.fault(),
      .shown = std::to_string(grants.count()) + " grants, " + std::to_string(refused) + " refused"};
}

// Locks expire, and are deleted by strangers. Whoever has lost one is told so, with a greater fence
// than his own; no fence is given twice.
Finding LostLocksAreSeen(const Setting& setting) {
  Clients clients(setting);
  Flush(clients);
  Grants grants;
  std::atomic<std::int64_t> lost{0};
  clients.Run(kClients, [&](Client& client) {
    while (clients.GoOn()) {
      const std::uint64_t lock = client.random.Below(kLocks);
      if (client.random.Below(10) == 0) client.Do({"DEL", LockName(client.random.Below(kLocks))});
      const std::string ttl = std::to_string(1 + client.random.Below(5));
      const std::int64_t fence = FenceOf(client.Do(AcquireAnyhow(client, lock, ttl)));
      if (fence == 0) continue;
      if (!grants.Note(lock, fence)) clients.Complain("a fence came again");
      for (std::uint64_t left = client.random.Below(4); left > 0; --left)
        client.Do({"LOCK.RENEW", LockName(lock), OwnerName(client), ttl});
      const Reply reply = client.Do({"LOCK.RELEASE", LockName(lock), OwnerName(client)});
      if (!clients.GoOn() || reply.items.size() != 2) continue;
      const std::int64_t shown = FenceOf(reply.items[1]);
      lost += IsOk(reply) ? 0 : 1;
      const bool is_right = IsOk(reply) ? shown == fence : shown == 0 || shown > fence;
      if (!is_right) clients.Complain("after " + std::to_string(fence) + ": " + Notate(reply));
    }
  });
  return {.fault = clients.fault(),
          .shown = std::to_string(grants.count()) + " grants, " + std::to_string(lost) + " lost"};
}

// They queue up one after the other; each frees the lock as soon as he has it.
Finding LockWaitersAreServedInTurn(const Setting& setting) {
  constexpr int kWaiters = 6;
  Clients clients(setting);
  Flush(clients);
  std::atomic<std::int64_t> served{0};
  clients.Run(1, [&](Client& client) {
    std::vector<std::unique_ptr<testing::Channel>> waiters;
    for (int i = 0; i < kWaiters; ++i) {
      Result<std::unique_ptr<testing::Channel>> channel = testing::ConnectTcp(setting.port);
      if (!channel) return clients.Complain("connect: " + std::string(channel.error().message()));
      waiters.push_back(std::move(*channel));
    }
    while (clients.GoOn()) {
      std::int64_t last = FenceOf(client.Do({"LOCK.ACQUIRE", "lock", "first", "60000"}));
      for (int i = 0; i < kWaiters && clients.GoOn(); ++i) {
        const std::vector<std::string> words = {"LOCK.ACQUIRE", "lock", std::to_string(i),
                                                "60000",        "WAIT", "60000"};
        if (!waiters[static_cast<std::size_t>(i)]->SendCommand(words).ok())
          clients.Complain("could not send");
        const std::string wanted = std::to_string(i + 1);
        for (Reply info; clients.GoOn() && (info.items.size() < 8 || info.items[7].text != wanted);)
          info = client.Do({"LOCK.INFO", "lock"});
      }
      std::string owner = "first";
      for (int i = 0; i < kWaiters && clients.GoOn(); ++i) {
        client.Do({"LOCK.RELEASE", "lock", owner});
        const auto reply = waiters[static_cast<std::size_t>(i)]->Receive(kReplyTimeoutMs);
        if (!reply || !*reply) return clients.Complain("who waits is not served");
        const std::int64_t fence = FenceOf(**reply);
        if (fence <= last) clients.Complain("a fence went back, to " + Notate(**reply));
        last = fence;
        owner = std::to_string(i);
        ++served;
      }
      if (clients.GoOn()) client.Do({"LOCK.RELEASE", "lock", owner});
    }
  });
  return {.fault = clients.fault(), .shown = std::to_string(served) + " served"};
}

Finding LimitersKeepTheirLaw(const Setting& setting) {
  Clients clients(setting);
  Flush(clients);
  const std::vector<Law> laws = Laws();
  Mutex mu;
  std::array<std::vector<Passed>, 3> passed;
  std::atomic<std::int64_t> refused{0};
  clients.Run(kClients, [&](Client& client) {
    std::array<std::vector<Passed>, 3> mine;
    while (clients.GoOn()) {
      const std::uint64_t law = client.random.Below(laws.size());
      const std::int64_t sent_us = NowUs();
      const Reply reply = client.Do(laws[law].words);
      if (reply.items.size() != 5) continue;
      const bool allowed = reply.items[0].text == "1";
      if (allowed) mine[law].push_back({sent_us, NowUs()});
      if (!allowed) ++refused;
      if (!allowed && ParseInt64(reply.items[3].text).value_or(0) < 1)
        clients.Complain("refused without a time: " + Notate(reply));
    }
    const MutexLock hold(mu);
    for (std::size_t law = 0; law < mine.size(); ++law)
      passed[law].insert(passed[law].end(), mine[law].begin(), mine[law].end());
  });
  std::string shown;
  for (std::size_t law = 0; law < laws.size(); ++law) {
    shown += std::to_string(passed[law].size()) + " ";
    const std::string fault = FaultOf(laws[law], passed[law]);
    if (!fault.empty()) clients.Complain(fault);
    if (passed[law].size() < 20) clients.Complain(laws[law].words[0] + " let nobody through");
  }
  return {.fault = clients.fault(),
          .shown = shown + "let through, " + std::to_string(refused) + " refused"};
}

// Two limits in different stripes: as many as were let through have been charged to both.
Finding LimitsTogetherAreAllOrNone(const Setting& setting) {
  constexpr std::int64_t kPlenty = 100'000'000;
  const std::string plenty = std::to_string(kPlenty);
  const std::string day = "86400000";
  Clients clients(setting);
  Flush(clients);
  std::atomic<std::int64_t> let_through{0};
  std::atomic<std::int64_t> refused{0};
  clients.Run(kClients, [&](Client& client) {
    while (clients.GoOn()) {
      const bool other_order = client.random.Below(2) == 0;
      const Reply reply = other_order
                              ? client.Do({"LIMIT.ALL", "3", "a", "b", "tight", "FIXED", plenty,
                                           day, "SLIDING", plenty, day, "GCRA", "50", "100"})
                              : client.Do({"LIMIT.ALL", "3", "tight", "b", "a", "GCRA", "50", "100",
                                           "SLIDING", plenty, day, "FIXED", plenty, day});
      if (reply.items.size() != 6) continue;
      reply.items[0].text == "1" ? ++let_through : ++refused;
    }
  });
  Clients last(setting);
  last.Run(1, [&](Client& client) {
    for (const char* law : {"LIMIT.FIXED", "LIMIT.SLIDING"}) {
      const char* key = law == std::string_view("LIMIT.FIXED") ? "a" : "b";
      const Reply reply = client.Do({law, key, plenty, day, "PEEK"});
      const std::int64_t left =
          reply.items.size() == 5 ? ParseInt64(reply.items[2].text).value_or(0) : 0;
      if (kPlenty - left != let_through) {
        clients.Complain(std::to_string(let_through) + " let through, charged " + key + " for " +
                         std::to_string(kPlenty - left));
      }
    }
  });
  return {.fault = clients.fault(),
          .shown = std::to_string(let_through) + " let through, " + std::to_string(refused) +
                   " refused"};
}

}  // namespace cairn::concurrency
