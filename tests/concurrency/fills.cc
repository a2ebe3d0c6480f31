// SPDX-License-Identifier: BSD-3-Clause
// The database is a number for each key, that all clients share: a writer raises it, which is his
// commit, and then invalidates what is cached, in one way or another. Once he is answered he says
// so. A reader that gets a lease reads the number, dawdles, and fills the cache with it.
//
// FillsAreNeverStale, of leases and tags:
//   (1) A value is fresh only if it is no older than what was said before it was asked for; a plain
//   GET sees nothing older than what was said to be gone.
//   (2) One lease at a time: who is granted one while another's time is not up, though nobody has
//   begun to change the key and the other has not given it back, has found a fault.
//   (3) A fill is refused if a change has begun and ended since its lease was granted.
// Who waits is among the readers; if a lease were lost, nobody would be served, and a wait that
// ends without an answer is a fault.
//
// VersionsNeverGoBack, of versions: writers dawdle between their commit and their write, and so
// overtake each other; every fourth number is the deletion of the row. Some fills have no lease.
#include "concurrency/fills.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
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

constexpr int kClients = 12;
constexpr int kKeys = 6;
constexpr int kTags = 2;
constexpr int kDawdleMax = 6;
constexpr int kAbsentEvery = 4;
constexpr std::int64_t kLeaseMs = 20'000;   // longer than a check goes on
constexpr std::int64_t kShortLeaseMs = 30;  // of those who die
constexpr std::int64_t kWaitMs = 5'000;
constexpr std::int64_t kClockSlackMs = 5;  // the server reads its clock once for many commands

using Words = std::vector<std::string>;

std::string KeyOf(std::size_t key) { return "filled:" + std::to_string(key); }
std::string TagOf(std::size_t key) { return "tag:" + std::to_string(key % kTags); }

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Raise(std::atomic<std::int64_t>& number, std::int64_t to) {
  std::int64_t now = number.load();
  while (now < to && !number.compare_exchange_weak(now, to)) continue;
}

// Time passes, and others run meanwhile.
void Dawdle(Client& client) {
  for (std::uint64_t n = client.random.Below(kDawdleMax); n > 0; --n) client.Do({"PING"});
}

// Who holds a key's lease, as the clients know it.
struct Holder {
  std::int64_t token = 0;  // 0: nobody
  std::int64_t until_ms = 0;
  std::int64_t begun = 0;  // changes, when it was asked for; -1 if one was under way then
};

struct Row {
  std::atomic<std::int64_t> number{1};
  std::atomic<std::int64_t> said{0};  // the number with which it was last said to be invalid
  std::atomic<std::int64_t> gone{0};  // the same, of what makes an end of the value
  std::atomic<std::int64_t> begun{0};
  std::atomic<std::int64_t> ended{0};  // the latest of those begun that have ended
  std::atomic<std::int64_t> over{0};   // how many have ended
  Mutex mu;
  Holder holder GUARDED_BY(mu);
};

struct Totals {
  std::atomic<std::int64_t> fresh{0};
  std::atomic<std::int64_t> stale{0};
  std::atomic<std::int64_t> leases{0};
  std::atomic<std::int64_t> alone{0};  // that must have been the only ones
  std::atomic<std::int64_t> fills{0};
  std::atomic<std::int64_t> refused{0};
  std::atomic<std::int64_t> changes{0};

  std::string text() const {
    return std::to_string(fresh) + " fresh, " + std::to_string(stale) + " stale, " +
           std::to_string(leases) + " leases (" + std::to_string(alone) + " alone), " +
           std::to_string(fills) + " fills, " + std::to_string(refused) + " refused, " +
           std::to_string(changes) + " changes";
  }
};

struct World {
  std::array<Row, kKeys> rows;
  Totals totals;
};

bool IsAbsent(std::int64_t number) { return number % kAbsentEvery == 0; }

// What CACHE.GET says: the number is the value's, or the version if there is known to be no row.
struct Answer {
  std::string state;
  bool has_value = false;
  std::int64_t number = 0;
  std::int64_t token = 0;
  std::int64_t version = 0;
};

bool Ask(Client& client, const Words& words, Answer& answer) {
  const Reply reply = client.Do(words);
  if (!client.all.fault().empty()) return false;
  if (reply.items.size() != 6) {
    client.all.Complain("CACHE.GET said " + Notate(reply));
    return false;
  }
  answer.state = reply.items[0].text;
  answer.has_value = !IsNull(reply.items[1].type);
  answer.token = ParseInt64(reply.items[2].text).value_or(0);
  answer.version = ParseInt64(reply.items[3].text).value_or(0);
  answer.number = answer.has_value ? ParseInt64(reply.items[1].text).value_or(-1) : answer.version;
  return true;
}

// ---- Leases and tags ---------------------------------------------------------------------------

class Leaser {
 public:
  Leaser(Client& client, World& world) : client_(client), world_(world) {}

  void Run() {
    while (client_.all.GoOn()) {
      const auto key = static_cast<std::size_t>(client_.random.Below(kKeys));
      switch (client_.random.Below(20)) {
        case 0:
          Change(key);
          break;
        case 1:
          ReadPlainly(key);
          break;
        default:
          Read(key);
      }
    }
  }

 private:
  struct Begun {
    std::size_t key;
    std::int64_t number;
    std::int64_t index;
  };

  // Commits new rows of these keys, invalidates them, and says so.
  void ChangeAll(const std::vector<std::size_t>& keys, const std::vector<Words>& how,
                 bool is_gone) {
    std::vector<Begun> begun;
    for (const std::size_t key : keys) {
      Row& row = world_.rows[key];
      const std::int64_t number = row.number.fetch_add(1) + 1;
      begun.push_back({.key = key, .number = number, .index = row.begun.fetch_add(1) + 1});
    }
    Dawdle(client_);
    for (const Words& words : how) client_.Do(words);
    if (!client_.all.fault().empty()) return;
    for (const Begun& change : begun) {
      Row& row = world_.rows[change.key];
      Raise(row.said, change.number);
      if (is_gone) Raise(row.gone, change.number);
      Raise(row.ended, change.index);
      row.over += 1;
    }
    world_.totals.changes += 1;
  }

  void Change(std::size_t key) {
    const std::string name = KeyOf(key);
    std::vector<std::size_t> tagged;
    std::vector<std::size_t> all;
    for (std::size_t other = 0; other < kKeys; ++other) {
      all.push_back(other);
      if (TagOf(other) == TagOf(key)) tagged.push_back(other);
    }
    switch (client_.random.Below(12)) {
      case 0:
        return ChangeAll({key}, {{"UNLINK", name}}, true);
      case 1:
        return ChangeAll({key}, {{"GETDEL", name}}, true);
      case 2:
        return ChangeAll({key}, {{"CACHE.DEL", name}}, true);
      case 3:
        return ChangeAll({key}, {{"CACHE.STALE", name}}, false);
      case 4:
      case 5:
        return ChangeAll(tagged, {{"TAG.BUMP", "SOFT", TagOf(key)}}, false);
      case 6:
        return ChangeAll(tagged, {{"TAG.BUMP", "HARD", "others", TagOf(key)}}, true);
      case 7:
        return ChangeAll(all, {{client_.random.Below(2) == 0 ? "FLUSHDB" : "FLUSHALL"}}, true);
      case 8:
        return ChangeAll({key}, {{"MULTI"}, {"DEL", name}, {"EXEC"}}, true);
      case 9:
        return ChangeAll({key}, {{"EVAL", "return redis.call('DEL', KEYS[1])", "1", name}}, true);
      case 10:
        return ChangeAll({key}, {{"SET", name, "0", "PXAT", "1"}}, true);
      default:
        return ChangeAll({key}, {{"DEL", name}}, true);
    }
  }

  void ReadPlainly(std::size_t key) {
    const std::int64_t gone = world_.rows[key].gone.load();
    const Reply reply = client_.Do({"GET", KeyOf(key)});
    const std::int64_t number = ParseInt64(reply.text).value_or(INT64_MAX);
    if (number >= gone) return;
    client_.all.Complain("GET of " + KeyOf(key) + " says " + Notate(reply) + ", gone was " +
                         std::to_string(gone));
  }

  void Read(std::size_t key) {
    Row& row = world_.rows[key];
    const bool dies = client_.random.Below(20) == 0;
    const std::int64_t lease_ms = dies ? kShortLeaseMs : kLeaseMs;
    Words words = {"CACHE.GET", KeyOf(key), "LEASE", std::to_string(lease_ms)};
    if (client_.random.Below(2) == 0) words.emplace_back("STALE");
    const bool waits = client_.random.Below(2) == 0;
    if (waits) words.insert(words.end(), {"WAIT", std::to_string(kWaitMs)});
    const std::int64_t said = row.said.load();
    // In this order: if they are equal, none was under way between.
    const std::int64_t over = row.over.load();
    const std::int64_t begun = row.begun.load();
    const Holder asked{
        .token = 0, .until_ms = NowMs() + lease_ms, .begun = begun == over ? begun : -1};
    Answer answer;
    if (!Ask(client_, words, answer)) return;
    if (answer.state == "fresh") CheckFresh(key, answer, said);
    if (answer.state == "stale") world_.totals.stale += 1;
    if (answer.state == "loading" && waits && NowMs() - (asked.until_ms - lease_ms) >= kWaitMs)
      client_.all.Complain("nobody was given the lease of " + KeyOf(key));
    if (answer.token == 0) return;
    Hold(key, asked, answer.token);
    if (!dies) Load(key, answer.token);
  }

  void CheckFresh(std::size_t key, const Answer& answer, std::int64_t said) {
    world_.totals.fresh += 1;
    if (answer.number >= said) return;
    client_.all.Complain(KeyOf(key) + " is fresh as " + std::to_string(answer.number) +
                         ", though it was said to be " + std::to_string(said));
  }

  // Someone who waits is granted his lease later than he asks, so its time ends later.
  void Hold(std::size_t key, const Holder& asked, std::int64_t token) {
    world_.totals.leases += 1;
    Row& row = world_.rows[key];
    const MutexLock hold(row.mu);
    // Ended meanwhile, perhaps: others may have come since.
    if (asked.until_ms <= NowMs() + kClockSlackMs || asked.begun != row.begun.load()) return;
    Holder& held = row.holder;
    if (held.token != 0 && held.until_ms > NowMs() + kClockSlackMs &&
        held.begun == row.begun.load()) {
      client_.all.Complain("two leases of " + KeyOf(key) + ": " + std::to_string(held.token) +
                           " and " + std::to_string(token));
    }
    world_.totals.alone += 1;
    held = asked;
    held.token = token;
  }

  void Load(std::size_t key, std::int64_t token) {
    Row& row = world_.rows[key];
    const std::int64_t begun = row.begun.load();
    const std::int64_t number = row.number.load();
    Dawdle(client_);
    {
      const MutexLock hold(row.mu);
      if (row.holder.token == token) row.holder.token = 0;
    }
    const bool must_fail = row.ended.load() > begun;
    if (client_.random.Below(8) == 0) {
      Words words = {"CACHE.FAIL", KeyOf(key), std::to_string(token)};
      if (client_.random.Below(2) == 0) words.insert(words.end(), {"RETRY", "2"});
      client_.Do(words);
      return;
    }
    const Reply reply = client_.Do(FillOf(key, number, token));
    const bool landed = reply.text == "OK";
    ++(landed ? world_.totals.fills : world_.totals.refused);
    if (!landed && reply.text != "VOID")
      client_.all.Complain("a fill of " + KeyOf(key) + " said " + Notate(reply));
    if (landed && must_fail) client_.all.Complain("a void fill of " + KeyOf(key) + " has landed");
  }

  Words FillOf(std::size_t key, std::int64_t number, std::int64_t token) {
    Words words = IsAbsent(number)
                      ? Words{"CACHE.ABSENT", KeyOf(key), "VER", std::to_string(number)}
                      : Words{"CACHE.SET", KeyOf(key), std::to_string(number)};
    words.insert(words.end(), {"TOKEN", std::to_string(token), "TAGS", "1", TagOf(key)});
    // Its expiry would void the lease of who loads it anew, and so be a change that nobody began.
    if (client_.random.Below(2) == 0) words.insert(words.end(), {"TTL", "10", "STALE", "600000"});
    return words;
  }

  Client& client_;
  World& world_;
};

// ---- Versions ----------------------------------------------------------------------------------

class Versioner {
 public:
  Versioner(Client& client, World& world) : client_(client), world_(world) {}

  void Run() {
    while (client_.all.GoOn()) {
      const auto key = static_cast<std::size_t>(client_.random.Below(kKeys));
      switch (client_.random.Below(6)) {
        case 0:
          Write(key);
          break;
        case 1:
          Store(key, world_.rows[key].number.load(), 0);
          break;
        case 2:
          Forget(key);
          break;
        default:
          Read(key);
      }
    }
  }

 private:
  void Write(std::size_t key) {
    Row& row = world_.rows[key];
    const std::int64_t number = row.number.fetch_add(1) + 1;
    if (!IsAbsent(number)) {
      Store(key, number, 0);
    } else {
      Dawdle(client_);
      client_.Do({"CACHE.DEL", KeyOf(key), "VER", std::to_string(number)});
    }
    if (client_.all.fault().empty()) Raise(row.said, number);
    world_.totals.changes += 1;
  }

  // A write or a fill, late. It may be refused, which says that something newer is known.
  void Store(std::size_t key, std::int64_t number, std::int64_t token) {
    Dawdle(client_);
    const std::string text = std::to_string(number);
    Words words = IsAbsent(number) ? Words{"CACHE.ABSENT", KeyOf(key), "TTL", "3"}
                                   : Words{"CACHE.SET", KeyOf(key), text};
    words.insert(words.end(), {"VER", text});
    if (token != 0) words.insert(words.end(), {"TOKEN", std::to_string(token)});
    if (!IsAbsent(number) && client_.random.Below(2) == 0)
      words.insert(words.end(), {"TTL", "3", "STALE", "60000"});
    const Reply reply = client_.Do(words);
    ++(reply.text == "OK" ? world_.totals.fills : world_.totals.refused);
  }

  // What does not say a version does not make an older one newer, where there is no row.
  void Forget(std::size_t key) {
    Answer answer;
    if (!Ask(client_, {"CACHE.GET", KeyOf(key)}, answer) || answer.has_value) return;
    client_.Do({"CACHE.STALE", KeyOf(key)});
  }

  void Read(std::size_t key) {
    Row& row = world_.rows[key];
    const std::int64_t said = row.said.load();
    Words words = {"CACHE.GET", KeyOf(key), "LEASE", std::to_string(kShortLeaseMs)};
    const bool demands = client_.random.Below(2) == 0 && said > 0;
    if (demands) words.insert(words.end(), {"MINVER", std::to_string(said)});
    if (client_.random.Below(2) == 0)
      words.insert(words.end(), {"WAIT", std::to_string(kShortLeaseMs)});
    Answer answer;
    if (!Ask(client_, words, answer)) return;
    if (answer.state == "fresh") {
      world_.totals.fresh += 1;
      if (answer.version < said || answer.number != answer.version) {
        client_.all.Complain(KeyOf(key) + " is fresh as " + std::to_string(answer.number) +
                             " of version " + std::to_string(answer.version) + ", though version " +
                             std::to_string(said) + " was written");
      }
    }
    if (answer.token == 0) return;
    world_.totals.leases += 1;
    Store(key, row.number.load(), answer.token);
  }

  Client& client_;
  World& world_;
};

template <class Actor>
Finding RunActors(const Setting& setting) {
  Clients clients(setting);
  clients.Run(1, [](Client& client) { client.Do({"FLUSHALL"}); });
  World world;
  clients.Run(kClients, [&](Client& client) { Actor(client, world).Run(); });
  return {.fault = clients.fault(), .shown = world.totals.text()};
}

}  // namespace

Finding FillsAreNeverStale(const Setting& setting) { return RunActors<Leaser>(setting); }

Finding VersionsNeverGoBack(const Setting& setting) { return RunActors<Versioner>(setting); }

}  // namespace cairn::concurrency
