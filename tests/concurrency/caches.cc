// SPDX-License-Identifier: BSD-3-Clause
// A writer raises the number under a key, and says so, in memory that all share, once it has been
// answered. A reader caches what it reads and drops it when told to. Before it believes its cache
// it looks at what the writers have said, then asks the server for a PING: by the time that is
// answered, all invalidations of changes said before must have come. So a cached number may not be
// smaller than what was said before the PING. Some readers cache what they read, others hear of a
// prefix; some ask for an absent key, which is cached as 0; some pipeline reads, so that replies
// and invalidations meet.
#include "concurrency/caches.h"

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <string>

#include "base/text.h"
#include "concurrency/clients.h"
#include "support/notation.h"

namespace cairn::concurrency {
namespace {

using testing::Notate;
using testing::Reply;

constexpr int kWriters = 3;
constexpr int kReaders = 5;
constexpr int kKeys = 6;
constexpr int kPipeline = 6;
constexpr int kReplyTimeoutMs = 10'000;

std::string KeyOf(int key) { return "cached:" + std::to_string(key); }

struct Said {
  std::array<std::atomic<std::int64_t>, kKeys> numbers{};
  std::atomic<std::int64_t> believed{0};
  std::atomic<std::int64_t> told{0};
};

// Each writer has its own keys.
void Write(Client& client, Said& said) {
  std::int64_t number = 0;
  while (client.all.GoOn()) {
    const int pair = static_cast<int>(client.random.Below(kKeys / kWriters));
    const int key = client.index + pair * kWriters;
    ++number;
    const std::string text = std::to_string(number);
    switch (client.random.Below(4)) {
      case 0:
        client.Do({"MSET", KeyOf(key), text, "other:" + text.substr(0, 1), "x"});
        break;
      case 1:
        client.Do({"DEL", KeyOf(key)});
        client.Do({"APPEND", KeyOf(key), text});
        break;
      case 2:
        client.Do({"SET", KeyOf(key), text, "PX", "100000"});
        break;
      default:
        client.Do({"SET", KeyOf(key), text});
    }
    said.numbers[static_cast<std::size_t>(key)].store(number);
  }
}

class Reader {
 public:
  Reader(Client& client, Said& said) : client_(client), said_(said) {}

  void Run() {
    client_.Do({"HELLO", "3"});
    if (client_.index % 2 == 0) {
      client_.Do({"CLIENT", "TRACKING", "ON"});
    } else {
      client_.Do({"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "cached:"});
    }
    while (client_.all.GoOn() && Round()) {
    }
  }

 private:
  // A few reads of what is not cached, and a look at what is.
  bool Round() {
    const std::uint64_t reads = 1 + client_.random.Below(kPipeline);
    for (std::uint64_t i = 0; i < reads; ++i) {
      const int key = static_cast<int>(client_.random.Below(kKeys));
      if (!Send({"GET", KeyOf(key)}, key)) return false;
    }
    std::array<std::int64_t, kKeys> said;
    for (std::size_t key = 0; key < kKeys; ++key) said[key] = said_.numbers[key].load();
    if (!Send({"PING"}, -1)) return false;
    while (!asked_.empty()) {
      if (!Take()) return false;
    }
    for (const auto& [key, number] : cache_) {
      said_.believed += 1;
      // Between DEL and APPEND the key is absent, which is newer than what was said.
      if (number == 0 || number >= said[static_cast<std::size_t>(key)]) continue;
      client_.all.Complain(KeyOf(key) + " is cached as " + std::to_string(number) +
                           ", though it was said to be " +
                           std::to_string(said[static_cast<std::size_t>(key)]));
      return false;
    }
    return true;
  }

  bool Send(const std::vector<std::string>& words, int key) {
    asked_.push_back(key);
    if (client_.channel.SendCommand(words).ok()) return true;
    client_.all.Complain("could not send " + words[0]);
    return false;
  }

  // One reply, or push.
  bool Take() {
    Result<std::optional<Reply>> reply = client_.channel.Receive(kReplyTimeoutMs);
    if (!reply || !*reply) {
      client_.all.Complain("no reply");
      return false;
    }
    const Reply& got = **reply;
    if (got.type == testing::ReplyType::kPush) return Drop(got);
    const int key = asked_.front();
    asked_.pop_front();
    if (key >= 0) cache_[key] = ParseInt64(got.text).value_or(0);
    return true;
  }

  bool Drop(const Reply& push) {
    said_.told += 1;
    if (push.items.size() != 2 || push.items[0].text != "invalidate") {
      client_.all.Complain("got " + Notate(push));
      return false;
    }
    if (push.items[1].items.empty()) cache_.clear();
    for (const Reply& name : push.items[1].items) {
      for (int key = 0; key < kKeys; ++key) {
        if (name.text == KeyOf(key)) cache_.erase(key);
      }
    }
    return true;
  }

  Client& client_;
  Said& said_;
  std::map<int, std::int64_t> cache_;
  std::deque<int> asked_;  // keys; -1: PING
};

}  // namespace

Finding CachesAreNeverStale(const Setting& setting) {
  Clients clients(setting);
  clients.Run(1, [](Client& client) { client.Do({"FLUSHALL"}); });
  Said said;
  clients.Run(kWriters + kReaders, [&](Client& client) {
    if (client.index < kWriters) return Write(client, said);
    Reader(client, said).Run();
  });
  return {.fault = clients.fault(),
          .shown = std::to_string(said.believed) + " believed, " + std::to_string(said.told) +
                   " invalidations"};
}

}  // namespace cairn::concurrency
