// SPDX-License-Identifier: BSD-3-Clause
// Each client lives through short lives, a connection each. A life has a part: some move money
// between accounts or pop jobs, whose outcome is counted; some make noise around them. A connection
// may be killed at any time, so an end is no fault; silence is. Money and jobs lie in database 9,
// which no noise swaps or flushes.
//
// A job counts as lost only if no connection that popped was killed while it may have been served:
// its reply went with the connection.
#include "concurrency/mixture.h"

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/text.h"
#include "concurrency/clients.h"

namespace cairn::concurrency {
namespace {

using testing::Channel;
using testing::Reply;
using Words = std::vector<std::string>;

constexpr int kClients = 14;
constexpr int kCommandsPerLife = 25;
constexpr int kAccounts = 4;
constexpr std::int64_t kMoney = 1000;
constexpr int kReplyTimeoutMs = 30'000;
constexpr std::uint64_t kLastIds = 64;

struct Common {
  std::atomic<std::int64_t> lives{0};
  std::atomic<std::int64_t> commands{0};
  std::atomic<std::int64_t> pushed{0};
  std::atomic<std::int64_t> pops_cut_off{0};
  std::atomic<std::uint64_t> last_id{0};
  Mutex mu;
  std::set<std::string> popped GUARDED_BY(mu);
};

std::string Number(Random& random, std::uint64_t bound) {
  return std::to_string(random.Below(bound));
}
std::string Account(Random& random) { return "account:" + Number(random, kAccounts); }

class Life {
 public:
  Life(Client& client, int port, Common& common)
      : client_(client), random_(client.random), common_(common) {
    Result<std::unique_ptr<Channel>> channel = testing::ConnectTcp(port);
    if (channel) channel_ = std::move(*channel);
    if (!channel) client.all.Complain("connect: " + std::string(channel.error().message()));
  }

  void Run() {
    if (channel_ == nullptr) return;
    ++common_.lives;
    if (random_.Below(2) == 0) Do({"HELLO", "3"});
    if (const std::optional<Reply> id = Do({"CLIENT", "ID"}))
      common_.last_id = static_cast<std::uint64_t>(ParseInt64(id->text).value_or(0));
    // The counted parts come first, so that there are always some.
    const std::uint64_t part = client_.index < 3 ? client_.index : 2 + random_.Below(8);
    if (part < 3) Do({"SELECT", "9"});
    for (int i = 0; i < kCommandsPerLife && channel_ != nullptr && client_.all.GoOn(); ++i)
      Act(part, i);
  }

 private:
  void Act(std::uint64_t part, int step) {
    switch (part) {
      case 0:
        return Transfer();
      case 1:
        return Push(step);
      case 2:
        return Pop();
      case 3:
        return Wait();
      case 4:
        return WatchAndWrite();
      case 5:
        return Track();
      case 6:
        return Listen();
      case 7:
        return Operate();
      case 8:
        return Turn();
      default:
        return Monitor(step);
    }
  }

  // Nothing if the connection has ended, which killing does; silence is a fault.
  std::optional<Reply> Read() {
    for (;;) {
      Result<std::optional<Reply>> reply = channel_->Receive(kReplyTimeoutMs);
      if (!reply) break;
      if (!*reply) {
        client_.all.Complain("no answer to " + asked_);
        break;
      }
      if ((*reply)->type != testing::ReplyType::kPush) return std::move(**reply);
    }
    channel_ = nullptr;
    return std::nullopt;
  }
  std::optional<Reply> Do(const Words& words) {
    if (channel_ == nullptr) return std::nullopt;
    ++common_.commands;
    asked_ = words[0] + (words.size() > 1 ? " " + words[1] : "");
    if (!channel_->SendCommand(words).ok()) {
      channel_ = nullptr;
      return std::nullopt;
    }
    return Read();
  }

  void Transfer() {
    if (random_.Below(3) == 0) {
      Words all = {"MGET"};
      for (int i = 0; i < kAccounts; ++i) all.push_back("account:" + std::to_string(i));
      const std::optional<Reply> reply = Do(all);
      if (!reply) return;
      std::int64_t sum = 0;
      for (const Reply& item : reply->items) sum += ParseInt64(item.text).value_or(0);
      if (sum != kAccounts * kMoney) client_.all.Complain("the sum is " + std::to_string(sum));
      return;
    }
    const std::string amount = Number(random_, 100);
    Do({"MULTI"});
    Do({"DECRBY", Account(random_), amount});
    Do({"INCRBY", Account(random_), amount});
    Do({"EXEC"});
  }

  void Push(int step) {
    const std::string job = std::to_string(common_.lives) + ":" + std::to_string(client_.index) +
                            ":" + std::to_string(step) + ":" + Number(random_, 1'000'000'000);
    const std::optional<Reply> reply = Do({"RPUSH", "jobs:" + Number(random_, 2), job});
    // Cut off before its answer it may have been pushed or not: a pop then finds it, or nobody.
    if (reply) ++common_.pushed;
  }

  void Pop() {
    const bool moves = random_.Below(4) == 0;
    const std::optional<Reply> reply =
        moves ? Do({"BLMPOP", "0.02", "2", "jobs:0", "jobs:1", "LEFT", "COUNT", "2"})
              : Do({"BLPOP", "jobs:1", "jobs:0", "0.02"});
    if (!reply) {
      ++common_.pops_cut_off;
      return;
    }
    if (reply->items.size() != 2) return;
    const Reply& got = reply->items[1];
    if (!moves) return Note(got.text);
    for (const Reply& job : got.items) Note(job.text);
  }
  void Note(const std::string& job) {
    MutexLock hold(common_.mu);
    if (!common_.popped.insert(job).second) client_.all.Complain(job + " was popped twice");
  }

  // Waits for all kinds of things that the noise makes, or never.
  void Wait() {
    const std::string key = "noise:" + Number(random_, 4);
    switch (random_.Below(5)) {
      case 0:
        Do({"BLMOVE", key, "noise:" + Number(random_, 4), "LEFT", "RIGHT", "0.03"});
        return;
      case 1:
        Do({"BZPOPMIN", "zset", "zset2", "0.03"});
        return;
      case 2:
        Do({"XREAD", "BLOCK", "30", "STREAMS", "stream", "$"});
        return;
      case 3:
        Do({"XGROUP", "CREATE", "stream", "group", "$", "MKSTREAM"});
        Do({"XREADGROUP", "GROUP", "group", "me", "BLOCK", "30", "STREAMS", "stream", ">"});
        return;
      default:
        Do({"BRPOP", key, "0.03"});
    }
  }

  void WatchAndWrite() {
    const std::string key = "noise:" + Number(random_, 4);
    Do({"WATCH", key, "zset"});
    Do({"MULTI"});
    Do({"RPUSH", key, "a", "b", "c"});
    Do({"ZADD", "zset", Number(random_, 9), "m" + Number(random_, 9)});
    Do({"XADD", "stream", "MAXLEN", "50", "*", "f", "v"});
    Do({"PEXPIRE", key, "5"});
    Do({"BLPOP", "nothing", "0"});
    Do({random_.Below(5) == 0 ? "DISCARD" : "EXEC"});
    Do({"SET", "short:" + Number(random_, 50), "x", "PX", "3"});
  }

  void Track() {
    switch (random_.Below(4)) {
      case 0:
        Do({"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "noise:"});
        break;
      case 1:
        Do({"CLIENT", "TRACKING", "ON", "REDIRECT", AnId()});
        break;
      case 2:
        Do({"CLIENT", "TRACKING", "OFF"});
        break;
      default:
        Do({"CLIENT", "TRACKING", "ON", "NOLOOP"});
    }
    Do({"LRANGE", "noise:" + Number(random_, 4), "0", "-1"});
    Do({"GET", "short:" + Number(random_, 50)});
    Do({"SET", "short:" + Number(random_, 50), "y"});
  }

  // In RESP2 only these are allowed now; each SUBSCRIBE of one channel is answered once.
  void Listen() {
    if (channel_ == nullptr) return;
    const Words words = random_.Below(2) == 0 ? Words{"SUBSCRIBE", "ch:" + Number(random_, 3)}
                                              : Words{"PSUBSCRIBE", "__key*__:noise:*"};
    asked_ = words[0];
    if (!channel_->SendCommand(words).ok()) channel_ = nullptr;
    // Whatever comes for a moment, then on: the next life may end with messages unread.
    for (int i = 0; i < 20 && channel_ != nullptr; ++i) {
      Result<std::optional<Reply>> reply = channel_->Receive(2);
      if (!reply) channel_ = nullptr;
      if (!reply || !*reply) return;
    }
  }

  void Operate() {
    static constexpr std::array<const char*, 4> kTunables = {
        "maxmemory-samples", "hz", "maxclients", "tracking-table-max-keys"};
    switch (random_.Below(8)) {
      case 0:
        Do({"CLIENT", "KILL", "ID", AnId()});
        return;
      case 1:
        Do({"CLIENT", "UNBLOCK", AnId(), random_.Below(2) == 0 ? "ERROR" : "TIMEOUT"});
        return;
      case 2:
        Do({"CONFIG", "SET", kTunables[random_.Below(kTunables.size())],
            std::to_string(100 + random_.Below(100))});
        return;
      case 3:
        Do({"CONFIG", "SET", "notify-keyspace-events", random_.Below(2) == 0 ? "KEA" : ""});
        return;
      case 4:
        Do({"CLIENT", "LIST"});
        return;
      case 5:
        Do({"CLIENT", "KILL", "TYPE", random_.Below(2) == 0 ? "pubsub" : "normal", "MAXAGE", "1"});
        return;
      case 6:
        Do({"INFO"});
        return;
      default:
        Do({"PUBLISH", "ch:" + Number(random_, 3), std::string(random_.Below(2000), 'm')});
    }
  }

  // Databases trade places under whoever waits in them; all but that of the accounts.
  void Turn() {
    Do({"SELECT", Number(random_, 3)});
    switch (random_.Below(4)) {
      case 0:
        Do({"SWAPDB", Number(random_, 3), Number(random_, 3)});
        return;
      case 1:
        Do({"FLUSHDB", random_.Below(2) == 0 ? "ASYNC" : "SYNC"});
        return;
      case 2:
        Do({"RPUSH", "noise:" + Number(random_, 4), "x"});
        Do({"RENAME", "noise:" + Number(random_, 4), "noise:" + Number(random_, 4)});
        return;
      default:
        Do({"COPY", "noise:0", "noise:1", "DB", Number(random_, 3), "REPLACE"});
        Do({"DEL", "stream", "zset"});
    }
  }

  void Monitor(int step) {
    if (channel_ == nullptr) return;
    if (step == 0) {
      Do({"MONITOR"});
      return;
    }
    Result<std::optional<Reply>> line = channel_->Receive(2);
    if (!line) channel_ = nullptr;
  }

  // Somebody who came not long ago.
  std::string AnId() {
    const std::uint64_t last = common_.last_id;
    const std::uint64_t back = random_.Below(kLastIds);
    return std::to_string(last > back ? last - back : 1);
  }

  Client& client_;
  Random& random_;
  Common& common_;
  std::unique_ptr<Channel> channel_;
  std::string asked_;
};

void SettleAccounts(Clients& clients, Common& common) {
  clients.Run(1, [&](Client& client) {
    client.Do({"SELECT", "9"});
    for (int list = 0; list < 2; ++list) {
      const Reply left = client.Do({"LRANGE", "jobs:" + std::to_string(list), "0", "-1"});
      MutexLock hold(common.mu);
      for (const Reply& job : left.items) {
        if (!common.popped.insert(job.text).second)
          clients.Complain(job.text + " was popped, and is still there");
      }
    }
    std::int64_t sum = 0;
    for (int i = 0; i < kAccounts; ++i)
      sum += ParseInt64(client.Do({"GET", "account:" + std::to_string(i)}).text).value_or(0);
    if (sum != kAccounts * kMoney) clients.Complain("the sum is " + std::to_string(sum));
  });
  MutexLock hold(common.mu);
  const auto found = static_cast<std::int64_t>(common.popped.size());
  // One that was cut off took at most two with it.
  if (found + 2 * common.pops_cut_off < common.pushed) {
    clients.Complain(std::to_string(common.pushed) + " jobs pushed, " + std::to_string(found) +
                     " found, " + std::to_string(common.pops_cut_off) + " pops cut off");
  }
}

}  // namespace

Finding NobodyHangsInAMixture(const Setting& setting) {
  Common common;
  Clients clients(setting);
  clients.Run(1, [](Client& client) {
    client.Do({"FLUSHALL"});
    client.Do({"SELECT", "9"});
    for (int i = 0; i < kAccounts; ++i)
      client.Do({"SET", "account:" + std::to_string(i), std::to_string(kMoney)});
  });
  clients.Run(kClients, [&](Client& client) {
    while (clients.GoOn()) Life(client, setting.port, common).Run();
  });
  std::string fault = clients.fault();
  Clients last(setting);
  SettleAccounts(last, common);
  if (fault.empty()) fault = last.fault();
  return {.fault = fault,
          .shown = std::to_string(common.lives) + " lives, " + std::to_string(common.commands) +
                   " commands, " + std::to_string(common.pushed) + " jobs, " +
                   std::to_string(common.pops_cut_off) + " pops cut off"};
}

}  // namespace cairn::concurrency
