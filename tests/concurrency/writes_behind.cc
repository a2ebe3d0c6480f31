// SPDX-License-Identifier: BSD-3-Clause
// The database is a number for each key, its version, that workers raise. Each key has one writer,
// who counts; every fourth number is the row's deletion. Keys live for milliseconds, memory is
// short, workers die with entries before or after their commit, and others take these over.
//
//   (1) Of even keys, which nobody invalidates, a reader sees nothing older than a write that was
//   answered before he asked. Of odd ones, nothing older than what was acknowledged.
//   (2) An entry with a greater id has a greater version of its key.
//   (3) After a barrier the database is no older than the write that it was asked about.
//   (4) In the end the database has every key's last accepted write, and nothing is pinned.
#include "concurrency/writes_behind.h"

#include <array>
#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/text.h"
#include "concurrency/clients.h"
#include "support/notation.h"
#include "value/stream_id.h"

namespace cairn::concurrency {
namespace {

using testing::Notate;
using testing::Reply;
using Words = std::vector<std::string>;

constexpr std::size_t kKeys = 8;
constexpr int kWriters = 4;
constexpr int kWorkers = 3;
constexpr int kReaders = 4;
constexpr int kClients = kWriters + kWorkers + kReaders + 1;
constexpr std::int64_t kAbsentEvery = 4;
constexpr std::int64_t kRoomBytes = 1 << 20;  // beside what an empty server takes
const std::string kLog = "log{b}";

std::string KeyOf(std::size_t key) { return "row{b}:" + std::to_string(key); }
bool IsAbsent(std::int64_t number) { return number % kAbsentEvery == 0; }
// Nobody invalidates it.
bool IsStrict(std::size_t key) { return key % 2 == 0; }

void Raise(std::atomic<std::int64_t>& number, std::int64_t to) {
  std::int64_t now = number.load();
  while (now < to && !number.compare_exchange_weak(now, to)) continue;
}

struct Row {
  std::atomic<std::int64_t> answered{0};      // the writer's last accepted write
  std::atomic<std::int64_t> acknowledged{0};  // of those, what a worker was told
  std::atomic<std::int64_t> database{0};
  Mutex mu;
  std::map<value::StreamId, std::int64_t> seen GUARDED_BY(mu);  // versions by their entries' ids
};

struct World {
  std::array<Row, kKeys> rows;
  std::atomic<std::int64_t> writes{0};
  std::atomic<std::int64_t> refused{0};
  std::atomic<std::int64_t> applied{0};
  std::atomic<std::int64_t> deaths{0};
  std::atomic<std::int64_t> reads{0};
  std::atomic<std::int64_t> loads{0};
  std::atomic<std::int64_t> barriers{0};

  std::string text() const {
    return std::to_string(writes) + " writes, " + std::to_string(refused) + " refused, " +
           std::to_string(applied) + " entries applied, " + std::to_string(deaths) + " deaths, " +
           std::to_string(reads) + " reads, " + std::to_string(loads) + " loads, " +
           std::to_string(barriers) + " barriers";
  }
};

// ---- Writers -----------------------------------------------------------------------------------

class Writer {
 public:
  Writer(Client& client, World& world) : client_(client), world_(world) {}

  void Run() {
    while (client_.all.GoOn()) {
      const std::size_t key = static_cast<std::size_t>(client_.index) +
                              kWriters * client_.random.Below(kKeys / kWriters);
      Write(key);
      if (!IsStrict(key) && client_.random.Below(4) == 0) client_.Do(Invalidation(key));
    }
  }

 private:
  void Write(std::size_t key) {
    const std::int64_t number = ++numbers_[key];
    const std::string text = std::to_string(number);
    Words words = IsAbsent(number) ? Words{"CACHE.DEL", KeyOf(key), "TOMBSTONE", Number(20)}
                                   : Words{"CACHE.SET", KeyOf(key), text, "TTL", Number(5)};
    words.insert(words.end(), {"VER", text, "BEHIND", kLog, "MAXLEN", "5", "COALESCE",
                               client_.random.Below(2) == 0 ? "2" : "1000"});
    const Reply reply = client_.Do(words);
    if (!client_.all.fault().empty()) return;
    const auto id = value::ParseStreamId(reply.text, 0, value::StreamIdForm::kStrict);
    if (!id) {
      world_.refused += 1;
      if (reply.text.starts_with("LOGFULL") || reply.text.starts_with("OOM")) return;
      return client_.all.Complain("a write of " + KeyOf(key) + " said " + Notate(reply));
    }
    world_.writes += 1;
    Row& row = world_.rows[key];
    row.answered.store(number);
    if (client_.random.Below(16) != 0) return;
    // Sometimes of an earlier one, which may have been coalesced since.
    if (asked_.id.empty() || client_.random.Below(2) == 0)
      asked_ = {.id = reply.text, .key = key, .number = number};
    const Reply flushed = client_.Do({"CACHE.BARRIER", kLog, "UNTIL", asked_.id, "WAIT",
                                      client_.random.Below(2) == 0 ? "0" : "2000"});
    const std::int64_t has = world_.rows[asked_.key].database.load();
    if (flushed.text != "OK") return;
    world_.barriers += 1;
    if (has < asked_.number) {
      client_.all.Complain("the barrier of " + asked_.id + " has gone, but the database has " +
                           std::to_string(has) + " of " + KeyOf(asked_.key) + ", not " +
                           std::to_string(asked_.number));
    }
  }

  Words Invalidation(std::size_t key) {
    switch (client_.random.Below(3)) {
      case 0:
        return {"DEL", KeyOf(key)};
      case 1:
        return {"CACHE.STALE", KeyOf(key)};
      default:
        return {"SET", KeyOf(key), "0", "PXAT", "1"};
    }
  }
  std::string Number(std::uint64_t bound) {
    return std::to_string(1 + client_.random.Below(bound));
  }

  Client& client_;
  World& world_;
  std::array<std::int64_t, kKeys> numbers_{};
  struct Asked {
    std::string id;
    std::size_t key = 0;
    std::int64_t number = 0;
  };
  Asked asked_;  // the write that the next barrier is about, perhaps
};

// ---- Workers -----------------------------------------------------------------------------------

struct Entry {
  std::string id;
  std::size_t key;
  std::int64_t number;
};

class Worker {
 public:
  Worker(Client& client, World& world)
      : client_(client), world_(world), name_("w" + std::to_string(client.index)) {}

  void Run() {
    while (client_.all.GoOn()) {
      const bool takes_over = client_.random.Below(4) == 0;
      const std::vector<Entry> entries = takes_over ? TakeOver() : ReadNew();
      const std::uint64_t fate = client_.random.Below(16);
      if (fate == 0) {
        world_.deaths += 1;  // before the commit
        continue;
      }
      Commit(entries);
      if (fate == 1) {
        world_.deaths += 1;  // after it
        continue;
      }
      Acknowledge(entries);
    }
  }

  // All there is, when the others have ended.
  void Drain() {
    for (int round = 0; round < 1000; ++round) {
      std::vector<Entry> entries = TakeOver();
      const std::vector<Entry> fresh = ReadNew();
      entries.insert(entries.end(), fresh.begin(), fresh.end());
      if (entries.empty()) return;
      Commit(entries);
      Acknowledge(entries);
    }
  }

 private:
  std::vector<Entry> ReadNew() {
    const Reply reply = client_.Do(
        {"XREADGROUP", "GROUP", "db", name_, "COUNT", "8", "BLOCK", "5", "STREAMS", kLog, ">"});
    if (reply.items.size() != 1 || reply.items[0].items.size() != 2) return {};
    return EntriesOf(reply.items[0].items[1]);
  }
  std::vector<Entry> TakeOver() {
    const Reply reply = client_.Do({"XAUTOCLAIM", kLog, "db", name_, "0", "0", "COUNT", "8"});
    if (reply.items.size() != 3) return {};
    return EntriesOf(reply.items[1]);
  }

  std::vector<Entry> EntriesOf(const Reply& reply) {
    std::vector<Entry> entries;
    for (const Reply& item : reply.items) {
      if (item.items.size() != 2 || item.items[1].items.size() != 8) {
        client_.all.Complain("an entry is " + Notate(item));
        return {};
      }
      const std::vector<Reply>& fields = item.items[1].items;
      Entry entry{.id = item.items[0].text,
                  .key = static_cast<std::size_t>(fields[3].text.back() - '0'),
                  .number = ParseInt64(fields[5].text).value_or(-1)};
      if ((fields[1].text == "del") != IsAbsent(entry.number) ||
          (fields[1].text == "set" && fields[7].text != fields[5].text)) {
        client_.all.Complain("an entry is " + Notate(item));
      }
      CheckOrder(entry);
      entries.push_back(std::move(entry));
    }
    return entries;
  }

  void CheckOrder(const Entry& entry) {
    const auto id = value::ParseStreamId(entry.id, 0, value::StreamIdForm::kStrict);
    Row& row = world_.rows[entry.key];
    const MutexLock hold(row.mu);
    const auto at = row.seen.emplace(id.value_or(value::StreamId{}), entry.number).first;
    const bool is_after = at == row.seen.begin() || std::prev(at)->second < entry.number;
    const bool is_before = std::next(at) == row.seen.end() || entry.number < std::next(at)->second;
    if (at->second == entry.number && is_after && is_before) return;
    client_.all.Complain("entry " + entry.id + " of " + KeyOf(entry.key) + " has the number " +
                         std::to_string(entry.number) + " out of its order");
  }

  void Commit(const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) Raise(world_.rows[entry.key].database, entry.number);
  }

  void Acknowledge(const std::vector<Entry>& entries) {
    if (entries.empty()) return;
    Words words = {"CACHE.ACK", kLog};
    for (const Entry& entry : entries) words.insert(words.end(), {entry.id, KeyOf(entry.key)});
    const Reply reply = client_.Do(words);
    if (!client_.all.fault().empty()) return;
    world_.applied += ParseInt64(reply.text).value_or(0);
    for (const Entry& entry : entries) Raise(world_.rows[entry.key].acknowledged, entry.number);
  }

  Client& client_;
  World& world_;
  const std::string name_;
};

// ---- Readers -----------------------------------------------------------------------------------

class Reader {
 public:
  Reader(Client& client, World& world) : client_(client), world_(world) {}

  void Run() {
    while (client_.all.GoOn()) Read(static_cast<std::size_t>(client_.random.Below(kKeys)));
  }

 private:
  void Read(std::size_t key) {
    Row& row = world_.rows[key];
    const std::int64_t least = IsStrict(key) ? row.answered.load() : row.acknowledged.load();
    const Reply reply = client_.Do({"CACHE.GET", KeyOf(key), "LEASE", "1000"});
    if (!client_.all.fault().empty()) return;
    if (reply.items.size() != 6) return client_.all.Complain("CACHE.GET said " + Notate(reply));
    world_.reads += 1;
    const std::int64_t version = ParseInt64(reply.items[3].text).value_or(-1);
    const bool is_null = IsNull(reply.items[1].type);
    if (reply.items[0].text == "fresh") {
      const bool fits = is_null ? version == 0 || IsAbsent(version)
                                : reply.items[1].text == std::to_string(version);
      if (!fits || version < least) {
        client_.all.Complain(KeyOf(key) + " is fresh as " + Notate(reply) + ", though " +
                             std::to_string(least) + " was written");
      }
    }
    if (!IsNull(reply.items[2].type)) Load(key, least, reply.items[2].text);
  }

  // A row that has not been loaded yet when its write goes behind, or is acknowledged, is refused.
  void Load(std::size_t key, std::int64_t least, const std::string& token) {
    const std::int64_t number = world_.rows[key].database.load();
    if (number < least) {
      return client_.all.Complain("a lease of " + KeyOf(key) + " though the database has " +
                                  std::to_string(number) + ", and " + std::to_string(least) +
                                  " was written");
    }
    for (std::uint64_t n = client_.random.Below(4); n > 0; --n) client_.Do({"PING"});
    const std::string text = std::to_string(number);
    Words words = number == 0 || IsAbsent(number) ? Words{"CACHE.ABSENT", KeyOf(key)}
                                                  : Words{"CACHE.SET", KeyOf(key), text};
    words.insert(words.end(), {"TOKEN", token, "TTL", "5"});
    if (number != 0) words.insert(words.end(), {"VER", text});
    client_.Do(words);
    world_.loads += 1;
  }

  Client& client_;
  World& world_;
};

// Others' keys, more than there is room for.
void Press(Client& client) {
  while (client.all.GoOn()) {
    client.Do({"SET", "other:" + std::to_string(client.random.Below(4000)),
               std::string(1 + client.random.Below(2000), 'x')});
  }
}

void Begin(Client& client) {
  client.Do({"FLUSHALL"});
  client.Do({"XGROUP", "CREATE", kLog, "db", "0", "MKSTREAM"});
  const Reply info = client.Do({"INFO", "memory"});
  const std::size_t at = info.text.find("used_memory:");
  const std::string_view figure =
      std::string_view(info.text).substr(at == std::string::npos ? 0 : at + 12);
  const std::int64_t used = ParseInt64(figure.substr(0, figure.find('\r'))).value_or(0);
  client.Do({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory",
             std::to_string(used + kRoomBytes)});
}

void Act(Client& client, World& world) {
  if (client.index < kWriters) return Writer(client, world).Run();
  if (client.index < kWriters + kWorkers) return Worker(client, world).Run();
  if (client.index < kWriters + kWorkers + kReaders) return Reader(client, world).Run();
  Press(client);
}

void End(Client& client, World& world) {
  Worker(client, world).Drain();
  for (std::size_t key = 0; key < kKeys && client.all.fault().empty(); ++key) {
    const Row& row = world.rows[key];
    if (row.database.load() != row.answered.load()) {
      client.all.Complain("the database has " + std::to_string(row.database.load()) + " of " +
                          KeyOf(key) + ", whose last write was " +
                          std::to_string(row.answered.load()));
    }
    const std::string info = Notate(client.Do({"CACHE.INFO", KeyOf(key)}));
    if (info.find("\"pinned\", \"") != std::string::npos)
      client.all.Complain(KeyOf(key) + " is pinned still: " + info);
  }
}

}  // namespace

Finding WritesBehindArriveOnce(const Setting& setting) {
  World world;
  Clients clients(setting);
  clients.Run(1, &Begin);
  clients.Run(kClients, [&](Client& client) { Act(client, world); });
  Clients last(setting);
  if (clients.fault().empty()) last.Run(1, [&](Client& client) { End(client, world); });
  return {.fault = clients.fault().empty() ? last.fault() : clients.fault(), .shown = world.text()};
}

}  // namespace cairn::concurrency
