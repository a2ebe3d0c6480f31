// SPDX-License-Identifier: BSD-3-Clause
// Processes that write behind, and workers that carry the writes into a database.
//
//   writer:  CACHE.SET ... BEHIND log
//   worker:  XREADGROUP, or XAUTOCLAIM of who has died --> commit what is later than what the
//            database has of the key --> CACHE.ACK
//   reader:  CACHE.GET; a miss: the database
//
// Promises: no answered write is lost, none is applied twice or after a later one of its key; and
// whoever begins to read after the answer is given that write or a later one.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

#include "tests/simulation/world.h"

namespace cairn::simulation {
namespace {

using Kind = Operation::Kind;

constexpr std::string_view kLog = "log:{w}";
constexpr std::string_view kGroup = "db";
constexpr std::uint64_t kKeys = 4;

// "1763846412345-2" as a number that grows as ids do.
std::int64_t PlaceOf(std::string_view id) {
  std::int64_t ms = 0;
  std::int64_t sequence = 0;
  const std::size_t dash = std::min(id.find('-'), id.size() - 1);
  std::from_chars(id.data(), id.data() + dash, ms);
  std::from_chars(id.data() + dash + 1, id.data() + id.size(), sequence);
  return (ms << 20) + sequence;
}

class BehindWorld : public World {
 public:
  explicit BehindWorld(const Order& order, std::string store = "embedded:")
      : World(order, std::move(store), 3) {
    const Command create("XGROUP", "CREATE", kLog, kGroup, "0", "MKSTREAM");
    network_->store()->client().Call(create).value();
  }

 private:
  struct Entry {
    std::string id;
    std::string key;
    std::string value;
  };
  struct Stored {
    std::int64_t place = 0;
    std::string value;
  };

  void Start(const ProcessPtr& process) override {
    Detach(WriteOften(process));
    Detach(ReadOften(process));
    Detach(WorkOften(process));
  }
  bool IsAtRest() override { return LogLength() == 0; }

  std::int64_t LogLength() {
    return network_->store()->client().Call(Command("XLEN", kLog))->AsInteger().value();
  }

  // Which write has which place is known at the store, also if its writer is never answered.
  void OnEvent(const NetworkEvent& event) override {
    if (event.kind != NetworkEvent::Kind::kApplied || !*event.reply) return;
    const Command& command = *event.command;
    if (command[0] == "CACHE.SET")
      places_[std::string(command[2])] = PlaceOf((*event.reply)->text());
  }

  Task<void> WriteOften(ProcessPtr process) {
    while (Goes(process)) {
      co_await Pause(0ms, 30ms);
      if (!Goes(process)) break;
      const std::string key = "k:{w}:" + std::to_string(random_.Below(kKeys));
      const std::string value = process->name + "-" + std::to_string(++writes_);
      const auto write =
          history_.Begin({.kind = Kind::kLog, .client = process->name, .key = key, .value = value});
      const auto told =
          history_.Begin({.kind = Kind::kInvalidate, .client = process->name, .key = key});
      const Command set("CACHE.SET", key, value, "TTL", 40, "BEHIND", kLog, "MAXLEN", 30,
                        "COALESCE", random_.Below(2) * 25);
      const Result<Reply> id = co_await process->store.client().CoCall(set);
      if (!id) {
        history_.End(write, EndOf(id.error()));
        history_.End(told, EndOf(id.error()));
        continue;
      }
      const std::int64_t place = PlaceOf(id->text());
      history_.End(write, {.number = place});
      history_.End(told, {.number = place});
    }
  }

  Task<void> ReadOften(ProcessPtr process) {
    while (Goes(process)) {
      co_await Pause(0ms, 15ms);
      if (!Goes(process)) break;
      const std::string key = "k:{w}:" + std::to_string(random_.Below(kKeys));
      const auto read = history_.Begin({.kind = Kind::kRead, .client = process->name, .key = key});
      const Result<Reply> found = co_await process->store.client().CoCall(Command("GET", key));
      if (!found) {
        history_.End(read, {.fate = Operation::Fate::kFailed});
        continue;
      }
      if (!found->is_null()) {
        const std::string value(found->text());
        history_.End(read, {.value = value, .number = places_[value]});
        continue;
      }
      co_await Pause(0ms, 3ms);
      history_.End(read, {.value = "", .number = table_[key].place});
    }
  }

  // ---- Workers

  Task<void> WorkOften(ProcessPtr process) {
    while (process->is_alive && (!is_quiet() || LogLength() > 0)) {
      co_await Pause(2ms, 20ms);
      const bool is_claim = random_.Chance(0.3);
      const Command claim("XAUTOCLAIM", kLog, kGroup, process->name, 150, "0", "COUNT", 5);
      const Command read("XREADGROUP", "GROUP", kGroup, process->name, "COUNT", 5, "STREAMS", kLog,
                         ">");
      const Result<Reply> reply = co_await process->store.client().CoCall(is_claim ? claim : read);
      if (!reply || !process->is_alive) continue;
      std::vector<Entry> entries = is_claim ? ReadEntries(reply->elements()[1]) : ReadGroup(*reply);
      if (entries.empty()) continue;
      if (has("ack-before-apply")) co_await Acknowledge(process, entries);
      // Some are slow, and are given up for dead meanwhile.
      const bool is_slow = random_.Chance(0.1);
      co_await Pause(0ms, is_slow ? 300ms : 4ms);
      if (!process->is_alive) break;
      Commit(process, entries);
      co_await Pause(0ms, 4ms);
      if (!process->is_alive) break;
      if (!has("ack-before-apply")) co_await Acknowledge(process, entries);
    }
  }

  static std::vector<Entry> ReadEntries(const Reply& list) {
    std::vector<Entry> entries;
    for (const Reply& one : list.elements()) {
      if (one.elements().size() < 2) continue;
      const Reply& fields = one.elements()[1];
      entries.push_back({.id = std::string(one.elements()[0].text()),
                         .key = std::string(fields.Find("key")->text()),
                         .value = std::string(fields.Find("value")->text())});
    }
    return entries;
  }
  // A map of the log's name and its entries.
  static std::vector<Entry> ReadGroup(const Reply& reply) {
    if (reply.elements().size() < 2) return {};
    return ReadEntries(reply.elements()[1]);
  }

  // One transaction.
  void Commit(const ProcessPtr& process, const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      const std::int64_t place = PlaceOf(entry.id);
      Stored& row = table_[entry.key];
      if (place <= row.place && !has("apply-without-check")) continue;
      row = {.place = place, .value = entry.value};
      history_.Note({.kind = Kind::kApply,
                     .client = process->name,
                     .key = entry.key,
                     .value = entry.value,
                     .number = place});
    }
  }

  Task<void> Acknowledge(ProcessPtr process, std::vector<Entry> entries) {
    Command command("CACHE.ACK", kLog);
    for (const Entry& entry : entries) command.Add(entry.id).Add(entry.key);
    co_await process->store.client().CoCall(command);
  }

  Violation Check() override {
    if (Violation violation = history_.CheckWriteBehind()) return violation;
    return history_.CheckFreshness(0ms);
  }

  std::map<std::string, Stored> table_;
  std::map<std::string, std::int64_t> places_;  // of values
  int writes_ = 0;
};

// Empty, and gone with the run.
class Folder {
 public:
  explicit Folder(std::uint64_t seed)
      : path_(std::filesystem::temp_directory_path() /
              ("cairn-simulation-" + std::to_string(::getpid()) + "-" + std::to_string(seed))) {
    std::filesystem::remove_all(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_.string(); }

 private:
  const std::filesystem::path path_;
};

// The store goes and comes back with what it had: the log, its groups, the pins. It is closed, not
// killed (EmbeddedDurable.AnsweredWritesSurviveKill9 does that), so nothing has to be synced.
class RestartingWorld final : private Folder, public BehindWorld {
 public:
  explicit RestartingWorld(const Order& order)
      : Folder(order.seed),
        BehindWorld(order,
                    order.bug == "in-memory" ? "embedded:" : "embedded:" + path() + "?fsync=no") {}

 private:
  bool may_crash() const override { return true; }
};

}  // namespace

std::unique_ptr<World> MakeBehindWorld(const Order& order) {
  return std::make_unique<BehindWorld>(order);
}

std::unique_ptr<World> MakeRestartingWorld(const Order& order) {
  return std::make_unique<RestartingWorld>(order);
}

}  // namespace cairn::simulation
